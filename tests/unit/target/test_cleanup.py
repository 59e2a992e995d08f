# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the roles cleanup and lock delete in EC2, with this machine as a host that holds no container."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import boto3
import pytest

from . import test_staging_proof
from .test_staging_proof import ALONE, REGION, ROOT, role, run

account = test_staging_proof.account  # the fixture


@pytest.fixture
def staging(account, tmp_path, monkeypatch):
    """Staging with volumes of several runs; what is done to them."""
    docker = tmp_path / "bin" / "docker"
    docker.parent.mkdir()
    docker.write_text("#!/bin/sh\n")
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:{os.environ['PATH']}")
    made = Staging(account, tmp_path)
    yield made
    for volume in made.left():
        account.ec2.delete_volume(VolumeId=volume)


class Staging:
    """Its volumes by names of the test's own, and the roles that act on them."""

    def __init__(self, account, folder):
        self.account, self.folder, self.names = account, folder, {}
        self.instance = account.hosts["staging"]["id"]
        self.ssm = boto3.client(
            "ssm",
            region_name=REGION,
            endpoint_url=account.endpoint,
            aws_access_key_id="test",
            aws_secret_access_key="x",
        )

    def volume(self, name, kind, run_id, **tags):
        volume = self.account.ec2.create_volume(AvailabilityZone=self.account.zone, Size=8)["VolumeId"]
        self.account.tag(volume, stagesync_kind=kind, stagesync_run=run_id, stagesync_target=self.instance, **tags)
        self.names[volume] = name
        return volume

    def left(self):
        found = self.account.ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": list(self.names)}])[
            "Volumes"
        ]
        return {volume["VolumeId"]: self.names[volume["VolumeId"]] for volume in found}

    def play(self, name, run_id, known=True, **facts):
        """One role, where the data's mount point is empty, or where nothing is known of the host."""
        node = self.account.node("staging")
        node["storage"].update(dbpath_host=str(self.folder / "gone" / "db"), mount_point=str(self.folder / "gone"))
        made = role(name, ALONE)
        made["tasks"].insert(0, {"ansible.builtin.set_fact": {"run_id": run_id}})
        facts = {"ec2_placement": {"region": REGION}, "host_python_ready": True, "ansible_become": False, **facts}
        return run(self.account, self.folder, [made], {"staging": node} if known else {}, facts=facts)

    def playbook(self, *arguments):
        """The whole playbook, with the run id and all; its exit code and output, and what its report says."""
        node = self.account.node("staging")
        node["storage"].update(dbpath_host=str(self.folder / "gone" / "db"), mount_point=str(self.folder / "gone"))
        reports = self.folder / "reports"
        facts = {"ec2_placement": {"region": REGION}, "host_python_ready": True, "ansible_become": False}
        facts["stagesync_report_directory"] = str(reports)
        code, output = run(
            self.account,
            self.folder,
            [{"ansible.builtin.import_playbook": str(ROOT / "playbooks/cleanup.yml")}],
            {"staging": node},
            "-e",
            f"stagesync_report_directory={reports}",
            *arguments,
            facts=facts,
        )
        return code, output, json.loads((reports / "latest/report.json").read_text())

    def left_by(self, run_id):
        """Leave the lock as a run that died leaves it."""
        moment = "2026-11-20T19:13:00Z"
        value = dict.fromkeys(("started", "heartbeat", "expires"), moment)
        value.update(
            run_id=run_id, owner="me", host="there", pid=1, pid_started=1, playbook="", leavings=[], keeper=None
        )
        self.ssm.put_parameter(Name=self.lock, Value=json.dumps(value), Type="String", Overwrite=True)

    @property
    def lock(self):
        return f"/stagesync/lock/{self.instance}"

    def leavings(self):
        """What the next run still has to clear."""
        return json.loads(self.ssm.get_parameter(Name=self.lock)["Parameter"]["Value"])["leavings"]


def test_productions_data_goes_where_it_is_not_known_what_staging_lives_on(staging):
    staging.volume("source", "source", "a-run")
    staging.volume("another's", "source", "b-run")
    staging.volume("clean", "clean", "a-run")
    for day in (1, 2, 3):
        staging.volume(f"parked {day}", "parked", f"run-{day}", **{"stagesync_parked-at": f"2026-11-0{day}"})
    code, output = staging.play("cleanup", "a-run")
    assert code == 2
    assert "so no volume is known to be staging's own: clean and parked ones were kept." in output
    assert sorted(staging.left().values()) == ["another's", "clean", "parked 1", "parked 2", "parked 3"]


@pytest.mark.parametrize(("known", "left"), [(True, ["this run's"]), (False, ["dead", "this run's"])])
def test_a_dead_runs_leavings_stay_on_the_list_until_all_are_gone(staging, known, left):
    staging.volume("dead", "source", "dead-run")
    staging.volume("this run's", "source", "new-run")
    staging.left_by("dead-run")
    code, output = staging.play("lock", "new-run", known)
    # Where nothing is known of the host nothing is done; where its data are not mounted not all can be.
    assert code == (2 if known else 0), output
    assert sorted(staging.left().values()) == left
    assert staging.leavings() == ["dead-run"]
    staging.ssm.delete_parameter(Name=staging.lock)


@pytest.fixture
def state():
    """What a run's clean side has on a host beside its volume."""
    folder = Path(f"/run/stagesync/unit-{os.getpid()}")
    try:
        (folder / "clean").mkdir(parents=True)
    except PermissionError:
        pytest.skip("needs root for /run/stagesync")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("promoted", [True, False])
def test_of_a_copy_that_went_live_its_directories_go(staging, state, promoted):
    """Its volume is no quarantine any more: a promotion in a job of its own would have left them."""
    facts = {"promote_swap": {"volume_id": "vol-0123456789abcdef0"}} if promoted else {}
    _code, output = staging.play("cleanup", state.name, **facts)
    assert state.exists() != promoted, output


def test_the_playbook_reports_what_it_removed_and_why_it_failed(staging):
    source = staging.volume("source", "source", "a-run")
    staging.volume("clean", "clean", "a-run")
    staging.volume("another's", "source", "b-run")
    code, output, report = staging.playbook("-e", "sync_run_id=a-run")
    assert code == 2
    assert "Run a-run failed in cleanup on staging" in output
    assert sorted(staging.left().values()) == ["another's", "clean"]
    assert [(one["id"], one["state"]) for one in report["resources"]] == [(source, "removed")]
    assert (report["kind"], report["result"]) == ("cleanup", "failed")
    assert {record["stage"]: record["status"] for record in report["stages"]} == {
        "preflight": "passed",
        "lock": "passed",  # taken, and released again
        "cleanup": "failed",
    }
    # The lock is free, and stays for the next run to learn of it.
    lock = json.loads(staging.ssm.get_parameter(Name=staging.lock)["Parameter"]["Value"])
    assert (lock["run_id"], lock["expires"]) == ("a-run", lock["heartbeat"])
    staging.ssm.delete_parameter(Name=staging.lock)


def test_the_playbook_in_check_mode_lists_what_dead_runs_left_and_removes_nothing(staging):
    staging.volume("dead", "source", "dead-run")
    _code, output, report = staging.playbook("--check")
    assert f"source volume {report['resources'][0]['id']} of run dead-run would go" in output
    assert list(staging.left().values()) == ["dead"]
    assert report["check_mode"] is True
    assert [one["run_id"] for one in report["resources"]] == ["dead-run"]
    assert "would be removed" in (staging.folder / "reports/latest/report.html").read_text()


def test_the_playbook_works_while_another_run_has_staging_on_nothing(staging):
    staging.volume("dead", "source", "dead-run")
    staging.left_by("living-run")
    code, _output, report = staging.playbook("-e", "sync_run_id=dead-run")
    assert code == 2
    assert list(staging.left().values()) == ["dead"]
    assert report["resources"] == []
    staging.ssm.delete_parameter(Name=staging.lock)
