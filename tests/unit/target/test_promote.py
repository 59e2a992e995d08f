# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Hooks in the role promote, up to where it needs Docker: a real server as the clean copy, EC2 behind an endpoint."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

from . import test_staging_proof
from .test_staging_proof import ALONE, REGION, ROOT, role, run

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
def copy(account, mongod, tmp_path):
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

    def promote(rules, **facts):
        (tmp_path / "rules.yml").write_text(rules)
        facts = {"ec2_placement": {"region": REGION}, "promote_rules_file": str(tmp_path / "rules.yml"), **facts}
        _code, output = run(account, tmp_path, [play], {"staging": account.node("staging")}, facts=facts)
        return output

    def tags():
        (found,) = account.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
        return {tag["Key"] for tag in found["Tags"]}

    def node():
        found = account.node("staging")
        if served:
            found["storage"]["volume_id"] = volume
        return found

    def goes_on(rules, *part):
        """The stages that playbooks/sync.yml would run when this run is started again."""
        (sync,) = yaml.safe_load((ROOT / "playbooks/sync.yml").read_text())
        look, stages = (next(task for task in sync["tasks"] if what in task["name"]) for what in ("whether", "restore"))
        told = {"ansible.builtin.debug": {"msg": "does {{ stages | join('+') }}."}, "vars": {"stages": stages["loop"]}}
        (tmp_path / "now.yml").write_text(rules)
        play = {"hosts": ALONE, "gather_facts": False, "vars": sync["vars"], "tasks": [look, told]}
        facts = {
            "ec2_placement": {"region": REGION}, "stagesync_rules_file": str(tmp_path / "now.yml"), "run_id": run_id,
            "lock_held": True,
        }  # fmt: skip
        arguments = ("-e", f"sync_run_id={run_id}", *part)
        output = run(account, tmp_path, [play], {"staging": node()}, *arguments, facts=facts)[1]
        return output.partition("does ")[2].partition(".")[0]

    served: list = []
    promote.goes_on = goes_on
    promote.served = served
    promote.tag = lambda **given: account.tag(volume, **given)
    promote.tag(stagesync_kind="clean", stagesync_target=account.hosts["staging"]["id"])
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


def test_a_copy_that_is_validated_anew_gets_its_hooks_anew(copy):
    promote, _tags, jobs = copy
    promote(RULES)
    jobs.insert_one({"status": "queued"})
    promote.tag(stagesync_validated="2026-11-22")
    assert NEXT in promote(RULES)
    assert jobs.count_documents({"status": "queued"}) == 0


def test_a_run_that_died_after_validation_goes_on_with_the_promotion(copy):
    """Hooks may have changed the copy since, so that it would pass no more; or it is live, and its tags are wanting."""
    promote, _tags, _jobs = copy
    whole = "restore+anonymize+validate+promote"
    assert promote.goes_on(RULES) == whole  # nobody knows by which rules it was masked
    promote.tag(stagesync_rules=hashlib.sha256(RULES.strip().encode()).hexdigest())
    assert promote.goes_on(RULES) == "promote"
    assert promote.goes_on(RULES + "# changed") == whole
    promote.tag(stagesync_kind="parked")  # an old run's, whose id is used again
    assert promote.goes_on(RULES) == whole
    promote.tag(stagesync_kind="live")
    assert promote.goes_on(RULES) == whole  # by its tags only
    promote.served.append(True)
    assert promote.goes_on(RULES) == "promote"


def test_a_sync_in_two_parts_copies_in_the_first_alone(copy):
    promote, _tags, _jobs = copy
    prepare, serve = ("-e", "sync_part=prepare"), ("-e", "sync_part=promote")
    assert promote.goes_on(RULES, *prepare) == "restore+anonymize+validate"
    assert promote.goes_on(RULES, *serve) == "promote"  # which then finds nothing that was validated
    promote.tag(stagesync_rules=hashlib.sha256(RULES.strip().encode()).hexdigest())
    assert promote.goes_on(RULES, *prepare) == ""
    assert promote.goes_on(RULES, *serve) == "promote"
    assert promote.goes_on(RULES + "# changed", *serve) == "promote"


def test_a_copy_that_was_approved_by_other_rules_is_not_served(copy):
    promote, _tags, _jobs = copy
    promote.tag(stagesync_rules="of the rules before")
    output = promote(RULES, promote_rules_sha256="of the rules now")
    assert "has 0 validated clean volumes by the rules as they are now, and one is needed." in output
    assert NEXT not in output
    assert NEXT in promote(RULES, promote_rules_sha256="of the rules before")


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
