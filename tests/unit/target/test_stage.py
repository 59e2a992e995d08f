# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the role stage records of a failure: words that say what to do, whatever kind of task failed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
FAIL, DEBUG = "ansible.builtin.fail", "ansible.builtin.debug"
CASES = {
    "a task": ({FAIL: {"msg": "No room."}}, "No room."),
    "a loop": (
        {FAIL: {"msg": "No {{ item }}."}, "loop": ["room", "air", "hurry"], "failed_when": "item != 'hurry'"},
        "No room. No air.",
    ),
    "a wait": (
        {"ansible.builtin.command": "true", "until": "false", "retries": 2, "delay": 0, "changed_when": False},
        "It was not done after 2 looks: run it again to wait on, or raise the timeout of this task.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_failure_is_told(tmp_path, case):
    task, said = CASES[case]
    rescue = [{DEBUG: {"msg": "said <{{ stage_error }}>"}}]
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": sys.executable},
        "vars_files": [str(ROOT / "roles/stage/vars/main.yml")],
        "tasks": [{"block": [task], "rescue": rescue}],
    }
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", tmp_path / "play.yml"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert f"said <{said}>" in " ".join(done.stdout.split()), done.stdout
