# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hooks in the role promote, up to where it needs Docker: a real server as the clean copy, EC2 behind an endpoint."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import test_staging_proof
from .test_staging_proof import ALONE, REGION, role, run

account = test_staging_proof.account  # the fixture

RULES = """\
version: 1
databases: {promoted: {collections: {jobs: keep}}}
hooks:
  - {name: Purge, database: promoted, collection: jobs, delete: {status: queued}}
"""
# The task after the hooks, which needs Docker.
NEXT = "end the clean mongod in order"


@pytest.fixture
def copy(account, mongod, tmp_path):  # noqa: F811
    """A clean copy that passed validation: its volume, its server, and the promotion of it."""
    run_id = f"unit-{os.getpid()}"
    socket = Path(f"/run/stagesync/{run_id}/clean/mongod.sock")
    try:
        socket.parent.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        pytest.skip("needs root for /run/stagesync")
    # moto leaves out of a blank volume what amazon.aws asks for.
    origin = account.ec2.create_snapshot(VolumeId=account.hosts["staging"]["volume"])["SnapshotId"]
    volume = account.ec2.create_volume(AvailabilityZone=account.zone, Size=8, SnapshotId=origin)["VolumeId"]
    account.tag(volume, Name=f"stagesync-{run_id}-clean", stagesync_validated="2026-11-21")
    socket.symlink_to(mongod.shared.socket)
    client = mongod.shared.client()
    client.drop_database("promoted")
    client.promoted.jobs.insert_many([{"status": "queued"}, {"status": "done"}])
    play = role("promote", ALONE)
    play["tasks"][0]["vars"] = {"run_id": run_id}

    def promote(rules):
        (tmp_path / "rules.yml").write_text(rules)
        facts = {"ec2_placement": {"region": REGION}, "promote_rules_file": str(tmp_path / "rules.yml")}
        _code, output = run(account, tmp_path, [play], {"staging": account.node("staging")}, facts=facts)
        return output

    def tags():
        (found,) = account.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        return {tag["Key"] for tag in found["Tags"]}

    yield promote, tags, client.promoted.jobs
    account.ec2.delete_volume(VolumeId=volume)
    socket.unlink()
    socket.parent.rmdir()
    socket.parent.parent.rmdir()


def test_hooks_run_once_before_anything_is_stopped(copy):
    promote, tags, jobs = copy
    output = promote(RULES)
    assert "changed: [staging]" in output.partition(NEXT)[0]
    assert [job["status"] for job in jobs.find()] == ["done"]
    assert "stagesync:hooks" in tags()
    assert NEXT in output
    jobs.insert_one({"status": "queued"})
    promote(RULES)
    assert jobs.count_documents({"status": "queued"}) == 1
    promote(RULES.replace("queued", "done"))  # other hooks
    assert jobs.count_documents({"status": "done"}) == 0


def test_a_hook_that_fails_stops_it_before_the_swap(copy):
    promote, tags, _jobs = copy
    output = promote(RULES.replace("jobs", "chores"))
    assert "The hook 'Purge' failed: There is no collection promoted.chores in the clean copy." in output
    assert NEXT not in output
    assert "stagesync:hooks" not in tags()


def test_without_hooks(copy):
    promote, tags, jobs = copy
    output = promote(RULES.partition("hooks")[0])
    assert NEXT in output
    assert jobs.count_documents({}) == 2
    assert "stagesync:hooks" not in tags()
