# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a report says of the volumes, whichever way the swap went; and which hosts a playbook with a report needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
OLD, NEW = "vol-0aaaaaaaaaaaaaaa1", "vol-0bbbbbbbbbbbbbbb2"


def ran(to, former):
    return {"state": "done", "volume_id": to, "previous_volume_id": former}


# What the swap returned -> the live and the parked volume of the report.
SWAPS = {
    "a swap": ({"volume_id": NEW, "previous_volume_id": OLD, "last_swap": ran(NEW, OLD)}, (NEW, OLD)),
    "one that a repeated run finds done": (
        {"volume_id": NEW, "previous_volume_id": NEW, "last_swap": ran(NEW, OLD)}, (NEW, OLD),
    ),
    "one that an older swap's record knows nothing of": (
        {"volume_id": NEW, "previous_volume_id": NEW, "last_swap": None}, (NEW, None),
    ),
    "one that was swapped back": ({"failed": True, "volume_id": OLD, "serving": True}, (OLD, None)),
    "one that failed both ways": ({"failed": True, "volume_id": OLD, "serving": False}, (None, None)),
    "one that was undone later": (
        {"volume_id": OLD, "previous_volume_id": NEW, "last_swap": {**ran(NEW, OLD), "state": "reverted"}}, (OLD, None),
    ),
}  # fmt: skip


def play(folder, plays, *arguments, hosts="localhost,"):
    (folder / "play.yml").write_text(yaml.safe_dump(plays))
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), "-i", hosts, folder / "play.yml", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize("case", SWAPS)
def test_the_volumes_of_a_report(tmp_path, case):
    swap, (live, parked) = SWAPS[case]
    target = "{{ report_document.target | to_json }}"
    one = {
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars_files": [str(ROOT / "roles/report/vars/main.yml")],
        "tasks": [{"ansible.builtin.copy": {"content": target, "dest": str(tmp_path / "said")}}],
    }  # fmt: skip
    known = {
        "report_staging": {"promote_swap": swap}, "report_kind": "sync", "run_id": "test",
        "role_path": str(ROOT / "roles/report"),
    }  # fmt: skip
    code, output = play(tmp_path, [one], "-e", json.dumps(known))
    assert code == 0, output
    said = json.loads((tmp_path / "said").read_text())
    assert (said["live_volume_id"], said["parked_volume_id"]) == (live, parked)


@pytest.mark.parametrize(
    ("limit", "left_out"),
    [(None, None), ("mongodb_staging", "localhost, one"), ("localhost", "one, two"), ("localhost,two", "one")],
)
def test_a_limit_that_leaves_out_a_part_is_refused(tmp_path, limit, left_out):
    inventory = tmp_path / "hosts.yml"
    groups = {"mongodb_secondary": {"hosts": {"one": None}}, "mongodb_staging": {"hosts": {"two": None}}}
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory.write_text(json.dumps({"all": {"hosts": {"localhost": None}, "children": groups, "vars": local}}))
    include = {"name": "stagesync.aws.run"}
    one = {
        "hosts": "localhost:mongodb_secondary:mongodb_staging", "gather_facts": False,
        "tasks": [
            {"ansible.builtin.include_role": include, "vars": {"run_groups": ["mongodb_secondary", "mongodb_staging"]}}
        ],
    }  # fmt: skip
    code, output = play(tmp_path, [one], *(["--limit", limit] if limit else []), hosts=str(inventory))
    assert (code == 0) == (left_out is None), output
    if left_out:
        assert f"works on localhost, one, two, and --limit leaves out {left_out}. Leave --limit out." in output


@pytest.mark.parametrize("name", ["sync", "rollback", "drill"])
def test_each_playbook_with_a_report_names_its_groups(name):
    (one,) = yaml.safe_load((ROOT / f"playbooks/{name}.yml").read_text())
    first = next(task for task in one["tasks"] if "stagesync.aws.run" in str(task))
    assert one["hosts"].split(":") == ["localhost", *first["vars"]["run_groups"]]
