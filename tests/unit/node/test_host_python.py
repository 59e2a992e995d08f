# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The script that installs the modules' Python, repeated as the connection repeats it: at once, and later again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import jinja2
import pytest
import yaml

TASKS = Path(__file__).resolve().parents[3] / "roles" / "host_python" / "tasks" / "install.yml"
# Stands for the host's python3: it makes a virtual environment whose own Python installs nothing.
PYTHON = """#!/bin/sh
echo made >> {made}
sleep 0.3
for last; do :; done
mkdir -p "$last/bin"
printf '#!/bin/sh\\n' > "$last/bin/python"
chmod +x "$last/bin/python"
"""


@pytest.fixture
def install(tmp_path):
    """Starts the script for a stamp; its files are below `tmp_path`."""
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python3"
    python.write_text(PYTHON.format(made=tmp_path / "made"))
    python.chmod(0o755)
    (task,) = [task for task in yaml.safe_load(TASKS.read_text()) if task.get("async")]
    templates = jinja2.Environment(trim_blocks=True)
    templates.filters["dirname"] = os.path.dirname
    templates.globals["lookup"] = lambda *_: "pymongo==4.10.1"
    script = templates.from_string(task["ansible.builtin.shell"]["cmd"])

    def start(stamp):
        (tmp_path / "stagesync-masker.so").write_text("engine")
        asked = {"host_python_path": tmp_path / "venv", "host_python_wanted": stamp, "host_python_source": "index"}
        text = script.render(**asked, host_python_requirements="").replace("/var/tmp/", f"{tmp_path}/")
        path = f"{tmp_path}/bin:{os.environ['PATH']}"
        return subprocess.Popen(["/bin/sh", "-c", text], env={"PATH": path}, stderr=subprocess.PIPE, text=True)

    return start


def ended(*processes) -> None:
    for process in processes:
        _output, said = process.communicate(timeout=20)
        assert process.returncode == 0, said


def test_a_repeated_install_waits_and_keeps_what_the_first_made(install, tmp_path):
    ended(install("a"), install("a"))
    ended(install("a"))
    assert (tmp_path / "made").read_text() == "made\n"
    assert (tmp_path / "venv" / "stagesync.stamp").read_text() == "a\n"
    assert (tmp_path / "venv" / "lib" / "stagesync" / "masker.so").read_text() == "engine"
    assert not (tmp_path / "stagesync-masker.so").exists()


def test_what_another_release_installed_is_made_anew(install, tmp_path):
    ended(install("a"))
    ended(install("b"))
    assert (tmp_path / "made").read_text() == "made\nmade\n"
    assert (tmp_path / "venv" / "stagesync.stamp").read_text() == "b\n"
