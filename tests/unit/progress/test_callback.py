# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The lines of the callback: by hand for what takes long, and in a real run of the role `stage`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible_collections.stagesync.aws.plugins.callback.progress import CallbackModule, loading

ROOT = Path(__file__).resolve().parents[3]


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def told(monkeypatch):
    """The callback with its clock, and what it shows."""
    callback, clock, lines = CallbackModule(Clock()), None, []
    clock = callback._clock
    monkeypatch.setattr(callback._display, "display", lines.append)
    return SimpleNamespace(callback=callback, clock=clock, lines=lines)


def result(host="staging", task="t1", **values):
    return SimpleNamespace(host=SimpleNamespace(get_name=lambda: host), task=SimpleNamespace(_uuid=task), result=values)


def facts(host="staging", **values):
    return result(host, ansible_facts=values)


def test_a_stage_on_several_hosts_is_one_and_lasts_until_the_last(told):
    for second, host in ((1, "localhost"), (2, "staging")):
        told.clock.now = second
        told.callback.v2_runner_on_ok(facts(host, stage_running="preflight"))
    for second, host in ((11, "localhost"), (61, "staging")):
        told.clock.now = second
        told.callback.v2_runner_on_ok(facts(host, stage_records=[{"stage": "preflight", "status": "passed"}]))
    assert told.lines == ["stage preflight begins, 1 s into the run", "stage preflight passed after 1 min"]


def test_one_host_that_fails_or_is_lost_fails_the_stage(told):
    for host in ("one", "other"):
        told.callback.v2_runner_on_ok(facts(host, stage_running="restore"))
    told.callback.v2_runner_on_unreachable(result("one"))
    told.callback.v2_runner_on_ok(facts("other", stage_records=[{"stage": "restore", "status": "passed"}]))
    assert told.lines[-1] == "stage restore failed after 0 s"
    told.callback.v2_runner_on_unreachable(result("one"))  # in no stage
    assert len(told.lines) == 2


def test_a_server_that_starts_long_tells_the_whole_time(told):
    for second in (40, 81):
        told.clock.now = second
        told.callback.v2_runner_retry(result(ready=False, waited_seconds=40.0))
    told.callback.v2_runner_retry(result(msg="something else"))
    assert told.lines == ["  the restored server is starting: 40 s", "  the restored server is starting: 1 min 21 s"]


VOLUME = {"changed": True, "volume": {"volume_id": "vol-1", "size_gib": 2000}}


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (
            {**VOLUME, "invocation": {"module_args": {"initialization_rate": 300}}},
            "  volume vol-1 (2,000 GiB) loads from its snapshot at 300 MiB/s: at most 1 h 53 min",
        ),
        ({**VOLUME, "changed": False, "invocation": {"module_args": {"initialization_rate": 300}}}, None),
        ({**VOLUME, "invocation": {"module_args": {"initialization_rate": None}}}, None),
        ({"volume": None}, None),
        ({}, None),
    ],
)
def test_a_volume_that_loads_at_a_rate_says_how_long(found, line):
    assert loading(found) == line


PLAY = [
    {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Run it",
                "ansible.builtin.include_role": {"name": "stagesync.aws.stage"},
                "vars": {"stage_name": "{{ item }}", "stage_always": True, "stage_tasks_from": "{{ item }}_it"},
                "loop": ["first", "second"],
            }
        ],
    }
]


def test_the_role_stage_is_followed(tmp_path):
    """In a real run, with a role in place of a stage's: one passes and one fails."""
    (tmp_path / "play.yml").write_text(yaml.safe_dump(PLAY))
    copy = tmp_path / "collections/ansible_collections/stagesync/aws"
    copy.mkdir(parents=True)
    (copy / "plugins").symlink_to(ROOT / "plugins")
    (copy / "galaxy.yml").write_text("namespace: stagesync\nname: aws\nversion: 0.1.0\n")
    (copy / "roles").mkdir()
    (copy / "roles/stage").symlink_to(ROOT / "roles/stage")
    for name, task in (("first", {"ansible.builtin.debug": None}), ("second", {"ansible.builtin.fail": None})):
        (copy / f"roles/{name}/tasks").mkdir(parents=True)
        (copy / f"roles/{name}/tasks/{name}_it.yml").write_text(yaml.safe_dump([{"name": "Do it", **task}]))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", tmp_path / "play.yml"],
        cwd=ROOT,
        env={
            "PATH": str(Path(sys.executable).parent) + ":/usr/bin:/bin",
            "HOME": str(tmp_path),
            "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    stages = [re.sub(r"\d+ s", "N s", line) for line in done.stdout.splitlines() if line.startswith("stage ")]
    assert stages == [
        "stage first (first_it) begins, N s into the run",
        "stage first (first_it) passed after N s",
        "stage second (second_it) begins, N s into the run",
        "stage second (second_it) failed after N s",
    ], done.stdout + done.stderr
