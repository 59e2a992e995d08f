"""Production in another account, in another region and on several volumes; and a swap whose way back fails too."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest
from stagesync_lab import cli, config, ebs, hosts, mongodb

OPTIONAL = ["controller", "controller-connection", "controller-optional"]
OTHER = {"key": config.OTHER_ADMINISTRATOR_KEY}
SHORT = {"promote_health_timeout": 5}


@contextmanager
def allowed():
    """The optional statements of docs/iam in force."""
    cli.control_plane("POST", "/lab/policies", {"policies": OPTIONAL})
    try:
        yield
    finally:
        cli.control_plane("POST", "/lab/policies", {})


@contextmanager
def watched(look):
    """What `look` saws while the block runs, without what it sees twice in a row."""
    seen, over = [], threading.Event()

    def work():
        while not over.wait(0.2):
            found = look()
            if found and found not in seen[-1:]:
                seen.append(found)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def copies(lab):
    """The copies of snapshots that there are, as EC2 has them."""
    found = lab.ec2.describe_snapshots(OwnerIds=["self"], Filters=[{"Name": "tag:stagesync:kind", "Values": ["copy"]}])
    return [(one["State"], one.get("KmsKeyId"), one["Encrypted"]) for one in found["Snapshots"]]


# ---- another account, another region


@pytest.fixture(scope="module")
def shared(lab):
    """A snapshot of production that was shared with the other account; the run."""
    with allowed():
        run = lab.playbook("snapshot", sync_run_id="shared", stagesync_share_with=[config.OTHER_ACCOUNT])
    assert run.rc == 0, run.output
    (snapshot_id,) = [name for name, it in lab.snapshots().items() if it.get("stagesync:run") == "shared"]
    return snapshot_id


def test_what_is_shared_the_other_account_can_copy(lab, shared):
    other = cli.aws("ec2", **OTHER)
    (seen,) = other.describe_snapshots(SnapshotIds=[shared])["Snapshots"]
    assert (seen["OwnerId"], seen.get("Tags", [])) == (config.ACCOUNT, [])
    assert lab.snapshots()[shared]["stagesync:set"] == config.SNAPSHOT_SET
    copied = other.copy_snapshot(SourceRegion=config.REGION, SourceSnapshotId=shared, KmsKeyId=config.OTHER_KEY)
    other.get_waiter("snapshot_completed").wait(SnapshotIds=[copied["SnapshotId"]], WaiterConfig={"Delay": 1})
    other.delete_snapshot(SnapshotId=copied["SnapshotId"])


@contextmanager
def theirs(lab, original, region=config.REGION, **encryption):
    """A snapshot with the bytes of another that the other account took of a volume of its own, and shared."""
    other = cli.aws("ec2", region, **OTHER)
    volume = other.create_volume(AvailabilityZone=f"{region}a", Size=config.DATA_VOLUME_GIB, **encryption)["VolumeId"]
    other.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
    subprocess.run(["cp", "--reflink=always", ebs.snapshot_file(original), ebs.volume_file(volume)], check=True)
    (of,) = lab.ec2.describe_snapshots(SnapshotIds=[original])["Snapshots"]
    listed = [tag for tag in of["Tags"] if not tag["Key"].startswith("aws:")]
    snapshot = other.create_snapshot(
        VolumeId=volume, Description=of["Description"],
        TagSpecifications=[{"ResourceType": "snapshot", "Tags": listed}],
    )["SnapshotId"]  # fmt: skip
    other.get_waiter("snapshot_completed").wait(SnapshotIds=[snapshot], WaiterConfig={"Delay": 1})
    other.modify_snapshot_attribute(
        SnapshotId=snapshot, Attribute="createVolumePermission", OperationType="add", UserIds=[config.ACCOUNT]
    )
    before = other.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    try:
        yield snapshot
        assert other.describe_snapshots(OwnerIds=["self"])["Snapshots"] == before
    finally:
        other.delete_snapshot(SnapshotId=snapshot)
        other.delete_volume(VolumeId=volume)


@pytest.fixture(scope="module")
def from_account(lab, shared):
    """Staging rebuilt from a snapshot of another account, which is under a key of that account's own."""
    encryption = {"Encrypted": True, "KmsKeyId": config.OTHER_KEY}
    with allowed(), theirs(lab, shared, **encryption) as snapshot, watched(lambda: copies(lab)) as seen:
        run = lab.playbook(
            "rollback",
            snapshot_id=snapshot,
            stagesync_source_owner=config.OTHER_ACCOUNT,
            stagesync_kms_key_id=config.STAGING_KEY,
            stagesync_compare="sampled",
        )
    return run, snapshot, seen


def test_staging_is_rebuilt_from_another_accounts_snapshot(lab, from_account):
    run, snapshot, _seen = from_account
    assert run.rc == 0, run.output
    (source,) = run.report["snapshots"]
    assert (source["snapshot_id"], source["owner_id"]) == (snapshot, config.OTHER_ACCOUNT)
    assert [item["differences"] for item in run.report["comparison"]["collections"] if item["differences"]] == []
    live = lab.live_volume()
    assert live == run.report["target"]["live_volume_id"]
    (volume,) = lab.ec2.describe_volumes(VolumeIds=[live])["Volumes"]
    assert volume["KmsKeyId"] == config.STAGING_KEY


def test_through_a_copy_under_stagings_key_which_is_waited_for_and_deleted(lab, from_account):
    _run, _snapshot, seen = from_account
    assert [states for ((states, *_rest),) in seen] == ["pending", "completed"]
    assert {(key, encrypted) for ((_state, key, encrypted),) in seen} == {(config.STAGING_KEY, True)}
    assert copies(lab) == []


def test_a_plain_snapshot_of_another_account_and_region_is_copied_encrypted(lab, shared, from_account):
    assert from_account[0].rc == 0
    region = config.OTHER_REGION
    with allowed(), theirs(lab, shared, region) as snapshot, watched(lambda: copies(lab)) as seen:
        settings = {"stagesync_source_owner": config.OTHER_ACCOUNT, "stagesync_source_region": region}
        run = lab.playbook("drill", snapshot_id=snapshot, **settings)
    assert run.rc == 0, run.output
    assert run.report["drill"]["documents"] > 10_000
    assert {encrypted for ((_state, _key, encrypted),) in seen} == {True}
    assert copies(lab) == []


# ---- a swap that fails both ways


@contextmanager
def unit(script):
    """A service of staging's host, as what an operator would find in the way."""
    hosts.run("staging", "systemd-run", "--unit=in-the-way", "--collect", "python3", "-c", script)
    try:
        yield
    finally:
        hosts.run("staging", "systemctl", "stop", "in-the-way", check=False)


# Waits until another volume is mounted there, and then works in it: it cannot be unmounted.
GUEST = f"""
import os, time
mount = {config.DATA_MOUNT!r}
first = os.stat(mount).st_dev
while os.stat(mount).st_dev == first or not os.path.ismount(mount):
    time.sleep(0.01)
os.chdir(mount)
time.sleep(600)
"""
# Waits until staging's mongod ends, and takes its port.
SQUATTER = f"""
import socket, time
while True:
    try:
        server = socket.create_server(("", {mongodb.PORT}))
        break
    except OSError:
        time.sleep(0.01)
time.sleep(600)
"""


def stuck(lab, run, former):
    """The run failed, says why and what to do; staging is down, and nothing calls the other volume live."""
    assert run.rc != 0
    error = next(record["error"] for record in run.report["stages"] if record["stage"] == "rollback")
    assert f"swapping back to {former} failed too" in error
    assert "Remove the cause on the host, then run playbooks/rollback.yml" in error
    assert "Traceback" not in run.output
    assert run.report["target"]["live_volume_id"] is None
    assert lab.of_kind("live") == [former]
    assert f"The swap from {former} to" in lab.playbook("preflight").text


@pytest.fixture(scope="module")
def busy(lab, from_account, tmp_path_factory):
    """A rollback to a volume that does not serve, and that somebody has entered when it is to go again."""
    assert from_account[0].rc == 0
    former = lab.live_volume()
    inventory = tmp_path_factory.mktemp("inventory") / "expected.yml"
    inventory.write_text(json.dumps({"all": {"vars": {"promote_expected_databases": ["nowhere"]}}}))
    with unit(GUEST):
        run = lab.playbook("rollback", "-i", str(inventory), **SHORT)
        stuck(lab, run, former)
    return run, former


def test_the_error_names_who_holds_the_volume(busy):
    run, _former = busy
    assert "does not hold the database nowhere" in run.text
    assert f"{config.DATA_MOUNT} cannot be unmounted, it is in use by process" in run.text


# ---- production on two volumes


@pytest.fixture(scope="module")
def spread(lab, busy):
    """A sync with production's journal on a volume of its own, while somebody writes; first it mends the swap."""
    assert busy[0].rc != 0
    rc, output = lab.labctl("journal", "apart")
    try:
        assert rc == 0, output
        lab.labctl("writer", "start", "--rate", "50")
        run = lab.playbook("sync", stagesync_consistency="multi_volume", stagesync_compare="sampled")
    finally:
        lab.labctl("writer", "stop")
        rc, output = lab.labctl("journal", "home")
    assert rc == 0, output
    assert run.rc == 0, run.output
    return run, run.report


def test_a_sync_first_undoes_a_swap_that_failed_both_ways(lab, busy, spread):
    _run, report = spread
    assert report["target"]["parked_volume_id"] == busy[1]
    assert lab.live_volume() == report["target"]["live_volume_id"]


def test_the_set_holds_both_volumes_of_one_moment(lab, spread):
    _run, report = spread
    found = [lab.snapshots()[one["snapshot_id"]] for one in report["snapshots"]]
    assert sorted(one["stagesync:place"] for one in found) == [".", "journal"]
    assert {one["stagesync:set-size"] for one in found} == {"2"}
    begun = [datetime.fromisoformat(one["start_time"].replace("Z", "+00:00")) for one in report["snapshots"]]
    assert max(begun) - min(begun) < timedelta(seconds=1)


def test_what_was_written_last_is_in_the_journal_and_so_in_staging(spread):
    """A checkpoint is written once a minute: without the journal the last orders would be missing."""
    _run, report = spread
    begun = datetime.fromisoformat(report["snapshots"][0]["start_time"].replace("Z", "+00:00"))
    with mongodb.client("primary") as production, mongodb.client("staging") as staging:
        there = {order["_id"] for order in staging.shop.orders.find({}, {"_id": 1})}
        inserted = production["local"]["oplog.rs"].find({"ns": "shop.orders", "op": "i"}, {"o._id": 1, "ts": 1})
        last = max(entry["ts"].time for entry in inserted if entry["o"]["_id"] in there)
    assert begun - datetime.fromtimestamp(last, timezone.utc) < timedelta(seconds=5)


def of_place(lab, report, place):
    """The snapshot of the volume that belongs there."""
    known = lab.snapshots()
    (found,) = [it["snapshot_id"] for it in report["snapshots"] if known[it["snapshot_id"]]["stagesync:place"] == place]
    return found


def source_mounts():
    """Where the clean room's mongod has what, and the mounts of the host behind it."""
    name = hosts.run("staging", "docker", "ps", "--filter", "name=-source", "--format", "{{.Names}}").stdout.strip()
    if not name:
        return None
    found = hosts.run("staging", "docker", "inspect", "--format", "{{json .Mounts}}", name, check=False)
    if found.returncode:  # it went between the two
        return None
    return {mount["Destination"]: mount["Source"] for mount in json.loads(found.stdout)}


def test_both_are_mounted_in_their_places_and_the_manifest_matches(lab, spread):
    run, report = spread
    named = of_place(lab, report, "journal")  # any of them names the set
    with watched(source_mounts) as seen:
        where = {"stagesync_report_directory": str(run.reports)}  # the manifest is there
        # In this small collection the writer adds one in a hundred orders a second.
        drill = lab.playbook("drill", snapshot_id=named, stagesync_drill_tolerance=80, **where)
        drill = dataclasses.replace(drill, reports=run.reports)
    assert drill.rc == 0, drill.output
    room = f"/var/lib/stagesync/{drill.report['run_id']}-source"
    assert (seen[0]["/data/db"].rstrip("/."), seen[0]["/data/db/journal"].rstrip("/.")) == (room, f"{room}-1")
    assert drill.report["drill"]["manifest_compared"] is True
    assert drill.report["drill"]["differences"] == []


def test_check_mode_says_what_would_be_restored(lab, spread):
    run = lab.playbook("restore", "--check", snapshot_id=of_place(lab, spread[1], "."))
    assert run.rc == 0, run.output
    assert "Would make 2 volume(s) of snap-" in run.text


def test_a_set_without_one_of_its_snapshots_is_refused(lab, spread):
    named = of_place(lab, spread[1], ".")
    lab.ec2.delete_snapshot(SnapshotId=of_place(lab, spread[1], "journal"))
    run = lab.playbook("restore", "--check", snapshot_id=named)
    assert run.rc != 0
    assert f"Snapshot {named} cannot be chosen: incomplete set (1 of 2 snapshots)" in run.text


# ---- and once more, with a container that does not start


@pytest.fixture(scope="module")
def down(lab, spread):
    """A rollback during which something else takes staging's port: neither volume's mongod starts."""
    assert spread[0].rc == 0
    former, counts = lab.live_volume(), lab.counts("staging")
    with unit(SQUATTER):
        run = lab.playbook("rollback", **SHORT)
        stuck(lab, run, former)
        again = lab.playbook("rollback", **SHORT)
    return again, former, counts


def test_a_rollback_fails_clearly_while_the_cause_is_there(down):
    again, former, _counts = down
    assert again.rc != 0
    assert f"Swapping back to {former} failed" in again.failed_stage["error"]
    assert again.failed_stage["stage"] == "preflight"


def test_and_brings_staging_back_when_it_is_gone(lab, down):
    _again, former, counts = down
    run = lab.playbook("rollback")
    assert run.rc == 0, run.output
    assert lab.live_volume() == former == run.report["target"]["live_volume_id"]
    assert lab.counts("staging") == counts
    rc, output = lab.labctl("status")
    assert rc == 0, output


def test_no_snapshot_is_masked_twice_because_nobody_could_be_asked(lab, spread, down):
    assert down[0].rc != 0
    named = spread[1]["snapshots"][0]["snapshot_id"]
    cli.control_plane(
        "POST", "/lab/faults",
        {"operation": "ec2:DescribeSnapshots", "error": "UnauthorizedOperation", "match": {"Filter.Value": named}},
    )  # fmt: skip
    try:
        run = lab.playbook("rollback", snapshot_id=named)
    finally:
        cli.control_plane("DELETE", "/lab/faults")
    assert run.rc != 0
    assert run.failed_stage["stage"] == "preflight"
    assert {record["stage"] for record in run.report["stages"]} <= {"preflight", "lock"}
