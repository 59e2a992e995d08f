# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The execution environment up to where an image is built: its context, and the install that the context asks for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
pytestmark = pytest.mark.real


def command(*arguments, cwd, **environment):
    done = subprocess.run(
        [BIN / arguments[0], *arguments[1:]],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """What `ansible-builder create` makes of the definition, with the two files beside it."""
    folder = tmp_path_factory.mktemp("image")
    shutil.copy2(ROOT / "awx" / "execution-environment.yml", folder)
    (folder / "files").mkdir()
    command("ansible-galaxy", "collection", "build", "--output-path", str(folder), cwd=ROOT)
    (built,) = folder.glob("*.tar.gz")
    built.rename(folder / "files" / "stagesync-aws.tar.gz")
    (folder / "files" / "session-manager-plugin.deb").write_bytes(b"AWS's package")
    command(
        "ansible-builder",
        "create",
        "--file",
        "execution-environment.yml",
        "--context",
        str(folder / "context"),
        "--output-filename",
        "Containerfile",
        cwd=folder,
    )
    return folder / "context"


def test_the_image_gets_the_session_manager_plugin(context):
    assert (context / "_build" / "configs" / "session-manager-plugin.deb").read_bytes() == b"AWS's package"
    steps = (context / "Containerfile").read_text().splitlines()
    (copied,) = [number for number, step in enumerate(steps) if step.startswith("COPY _build/configs/session-manager")]
    (installed,) = [
        number for number, step in enumerate(steps) if "dpkg --install /tmp/session-manager-plugin.deb" in step
    ]
    assert steps.index("FROM base AS final") < copied < installed


def test_the_image_gets_what_the_tests_run_with(context):
    pinned = set((ROOT / "requirements-dev.txt").read_text().split())
    steps = (context / "Containerfile").read_text()
    wanted = re.search(r'ANSIBLE_INSTALL_REFS="(.*?)"', steps)[1].split()
    wanted += (context / "_build" / "requirements.txt").read_text().split()
    assert {word.split("==")[0] for word in wanted} == {"ansible", "ansible-core", "ansible-runner"}
    assert set(wanted) <= pinned


def test_the_collection_installs_from_the_context_and_tells_what_it_needs(context, tmp_path):
    (step,) = [
        line
        for line in (context / "Containerfile").read_text().splitlines()
        if "ansible-galaxy collection install" in line
    ]
    assert step.split("ansible-galaxy ")[1].startswith(
        "collection install $ANSIBLE_GALAXY_CLI_COLLECTION_OPTS -r requirements.yml"
    )
    command(
        "ansible-galaxy", "collection", "install", "--force", "--no-deps", "--offline", "-r", "requirements.yml",
        "--collections-path", str(tmp_path), cwd=context / "_build",
    )  # fmt: skip
    installed = tmp_path / "ansible_collections" / "stagesync" / "aws"
    assert (installed / "roles/host_python/files/native/masker-x86_64.so").is_file()
    told = yaml.safe_load(command("ansible-builder", "introspect", str(tmp_path), cwd=tmp_path))
    assert {re.match(r"\w+", line)[0] for line in told["python"]} == {"boto3", "pymongo"}
