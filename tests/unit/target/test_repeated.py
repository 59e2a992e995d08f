# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Stages that are repeated after a run got further: what staging serves stays untouched, and no old mark counts."""

from __future__ import annotations

import pytest

from . import test_staging_proof
from .test_staging_proof import ALONE, REGION, role, run

account = test_staging_proof.account  # the fixture

MAKE = "have attached stagesync-again-clean"


@pytest.fixture
def repeat(account, tmp_path):
    """Runs a role as run `again`, on staging."""

    def play(name):
        made = role(name, ALONE)
        made["tasks"][0]["vars"] = {"run_id": "again"}
        facts = {"ec2_placement": {"region": REGION}, "stagesync_rules_file": "/dev/null"}
        return run(account, tmp_path, [made], {"staging": account.node("staging")}, facts=facts)

    return play


@pytest.fixture
def volume(account, monkeypatch):
    """Makes a volume; the first is the one that staging lives on."""
    # moto leaves out of a blank volume what amazon.aws asks for.
    origin = account.ec2.create_snapshot(VolumeId=account.hosts["primary"]["volume"])["SnapshotId"]

    def make():
        made = account.ec2.create_volume(AvailabilityZone=account.zone, Size=8, SnapshotId=origin, Encrypted=True)
        return made["VolumeId"]

    monkeypatch.setitem(account.hosts["staging"], "volume", make())
    return make


@pytest.fixture
def copy(account):
    """Makes a volume the clean one of the run, which passed validation; its tags."""
    marked = []

    def make(volume, **tags):
        marked.append(volume)
        account.tag(volume, Name="stagesync-again-clean", stagesync_validated="2026-11-21", **tags)

        def now():
            (found,) = account.ec2.describe_volumes(VolumeIds=[volume])["Volumes"]
            return {tag["Key"]: tag["Value"] for tag in found["Tags"]}

        return now

    yield make
    for volume in marked:
        account.ec2.delete_tags(Resources=[volume], Tags=[{"Key": "Name"}, {"Key": "stagesync:validated"}])


@pytest.mark.parametrize("stage", ["anonymize", "validate"])
@pytest.mark.usefixtures("volume")
def test_a_copy_that_staging_serves_already_is_left_alone(account, repeat, copy, stage):
    tags = copy(account.hosts["staging"]["volume"], stagesync_kind="live")
    before = tags()
    code, output = repeat(stage)
    assert code == 0, output
    assert MAKE not in output
    assert tags() == before


def test_a_copy_made_anew_is_no_longer_validated(account, repeat, copy, volume):
    clean = volume()
    tags = copy(clean, stagesync_kind="clean")
    # So that the role ends before it needs a device.
    account.ec2.attach_volume(VolumeId=clean, InstanceId=account.hosts["primary"]["id"], Device="/dev/sdx")
    code, output = repeat("anonymize")
    assert (code, MAKE in output) == (2, True), output
    assert "stagesync:validated" not in tags()


def test_what_a_lost_tag_calls_live_is_parked_behind_the_former(account, tmp_path, volume):
    stray, former, new = volume(), volume(), volume()
    target = account.hosts["staging"]["id"]
    account.tag(stray, stagesync_kind="live", stagesync_target=target)
    account.tag(former, stagesync_kind="clean", stagesync_target=target)
    account.tag(new, stagesync_kind="clean", stagesync_target=target)
    swap = {"last_swap": {"volume_id": new, "previous_volume_id": former, "finished": "2026-11-21T20:00:00Z"}}
    made = role("promote", ALONE, tasks_from="tags")
    made["tasks"][0]["vars"] = {"promote_volume_id": new}
    node = {**account.node("staging"), "server": {"version": "6.0.5"}}
    facts = {"ec2_placement": {"region": REGION}, "stagesync_rules_file": "/dev/null", "promote_swap": swap}
    code, output = run(account, tmp_path, [made], {"staging": node}, facts=facts)
    assert code == 0, output
    found = account.ec2.describe_volumes(VolumeIds=[stray, former, new])["Volumes"]
    tags = {one["VolumeId"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}
    assert {one: tags[one]["stagesync:kind"] for one in tags} == {stray: "parked", former: "parked", new: "live"}
    assert tags[former]["stagesync:parked-at"] == "2026-11-21T20:00:00Z"
    assert "stagesync:parked-at" not in tags[stray]
