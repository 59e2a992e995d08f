# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the status says of volumes, snapshots, leavings, lock and runs that moto holds."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

boto3 = pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils import target_state  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import stagesync_status  # noqa: E402

NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
SET = "sync-system-mongo-weekly"


def tagged(kind, **tags):
    pairs = {"stagesync:kind": kind, **{key.replace("__", ":").replace("_", "-"): value for key, value in tags.items()}}
    return [{"ResourceType": "", "Tags": [{"Key": key, "Value": value} for key, value in pairs.items()]}]


class Account:
    """One staging instance with a lock, in moto."""

    def __init__(self, ec2):
        self.ec2 = ec2
        self.ssm = boto3.client("ssm", region_name="ap-south-1")
        self.made = []
        image = ec2.describe_images(Owners=["self"])["Images"]
        image_id = image[0]["ImageId"] if image else ec2.register_image(Name="staging")["ImageId"]
        made = ec2.run_instances(
            ImageId=image_id,
            MinCount=1,
            MaxCount=1,
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "stagesync:role", "Value": "staging"}]}],
        )
        self.instance = made["Instances"][0]["InstanceId"]
        self.zone = made["Instances"][0]["Placement"]["AvailabilityZone"]
        self.lock_name = f"/stagesync/lock/{self.instance}"

    def volume(self, kind, target=None, encrypted=True, **tags):
        specification = tagged(kind, stagesync__target=target or self.instance, **tags)
        specification[0]["ResourceType"] = "volume"
        made = self.ec2.create_volume(
            AvailabilityZone=self.zone, Size=8, Encrypted=encrypted, TagSpecifications=specification
        )
        self.made.append(made["VolumeId"])
        return made["VolumeId"]

    def snapshot(self, volume, kind="snapshot", **tags):
        specification = tagged(kind, **{"stagesync__set": SET, "stagesync__set_size": "1", **tags})
        specification[0]["ResourceType"] = "snapshot"
        return self.ec2.create_snapshot(VolumeId=volume, TagSpecifications=specification)["SnapshotId"]

    def lock(self, **value):
        self.ssm.put_parameter(Name=self.lock_name, Type="String", Value=json.dumps(value), Overwrite=True)

    def close(self):
        for snapshot in self.ec2.describe_snapshots(Filters=[{"Name": "tag-key", "Values": ["stagesync:kind"]}])[
            "Snapshots"
        ]:
            self.ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
        for volume in self.made:
            self.ec2.delete_volume(VolumeId=volume)
        self.ec2.terminate_instances(InstanceIds=[self.instance])
        if self.ssm.describe_parameters()["Parameters"]:
            self.ssm.delete_parameters(Names=[self.lock_name])


@pytest.fixture
def account(cloud):
    made = Account(cloud)
    yield made
    made.close()


@pytest.fixture
def status(call, account):
    def ask(**params):
        return call(stagesync_status, set_name=SET, **params)

    ask.account = account
    return ask


def good(**more):
    return {"stagesync__mongodb_version": "6.0.5", "stagesync__dbpath": "mongo", **more}


def test_an_empty_account_is_told_in_words(status, account):
    found = status()
    assert found["instance"] == {"instance_id": account.instance, "state": "running"}
    assert found["lock"] is None
    assert found["live"] == found["parked"] == found["snapshot_sets"] == found["runs"] == []
    assert "No volume is tagged as live: the first promotion does that." in found["lines"]
    assert {"VOLUMES: none", "SNAPSHOTS: none", "QUARANTINE: none", "LAST RUNS: none"} <= set(found["lines"])


def test_a_stopped_instance_is_found_too(status, account):
    account.ec2.stop_instances(InstanceIds=[account.instance])
    assert status()["instance"]["state"] == "stopped"
    assert status(instance_id=account.instance)["instance"]["state"] == "stopped"


def test_an_instance_that_is_not_there_is_named(status):
    told = status(instance_id="i-0123456789abcdef0")
    assert told["failed"]
    assert told["msg"] == "There is no instance i-0123456789abcdef0: correct the id, the tag or the region."


def test_two_staging_instances_ask_for_an_id(status, cloud):
    other = Account(cloud)
    try:
        told = status()
        assert told["failed"]
        assert told["msg"].startswith("There are 2 of instance with the tag stagesync:role=staging (i-")
        assert status(instance_id=other.instance)["instance"]["instance_id"] == other.instance
    finally:
        other.close()


def test_volumes_are_told_apart_by_kind_and_target(status, account):
    live = account.volume(
        "live", stagesync__run="run-3", stagesync__from_snapshot="snap-1", stagesync__data_time="2026-11-01T00:00:00Z"
    )
    older = account.volume("parked", stagesync__parked_at="2026-11-01T00:00:00Z", stagesync__run="run-1")
    newer = account.volume("parked", stagesync__parked_at="2026-11-08T00:00:00Z", stagesync__run="run-2")
    account.volume("parked", target="i-0000000000000dead", stagesync__parked_at="2026-11-19T00:00:00Z")
    found = status()
    assert [volume["volume_id"] for volume in found["live"]] == [live]
    assert [volume["volume_id"] for volume in found["parked"]] == [newer, older]
    assert found["parked"][0]["run_id"] == "run-2"
    assert found["live"][0]["from_snapshot"] == "snap-1"
    assert any(line.split()[:3] == ["live", live, "8"] for line in found["lines"])


def test_what_dead_runs_left_is_found_and_the_run_at_work_is_spared(status, account):
    account.lock(run_id="run-busy", owner="someone", heartbeat=datetime.now(timezone.utc).isoformat())
    busy = account.volume("source", stagesync__run="run-busy")
    dead = account.volume("clean", stagesync__run="run-dead")
    copy = account.snapshot(dead, "copy", stagesync__run="run-dead", stagesync__target=account.instance)
    account.volume("source")  # without a run it is nobody's
    account.volume("clean", target="i-0000000000000dead", stagesync__run="run-dead")
    found = status()["quarantine"]
    assert {one["volume_id"]: one["in_use"] for one in found["volumes"]} == {busy: True, dead: False}
    assert [(one["snapshot_id"], one["in_use"]) for one in found["snapshots"]] == [(copy, False)]


@pytest.mark.parametrize(
    ("value", "fresh", "age"),
    [
        ({"run_id": "a", "heartbeat": "2026-11-20T11:59:00Z"}, True, 60),
        ({"run_id": "a", "heartbeat": "2026-11-20T11:54:59Z"}, False, 301),
        ({"run_id": "a", "heartbeat": (NOW - timedelta(seconds=30)).timestamp()}, True, 30),
        ({"run_id": "a", "started": "2026-11-20T11:00:00Z"}, False, 3600),
        # What the holder itself promised counts; one that has let go promised nothing.
        ({"run_id": "a", "heartbeat": "2026-11-20T11:50:00Z", "expires": "2026-11-20T12:10:00Z"}, True, 600),
        ({"run_id": "a", "heartbeat": "2026-11-20T11:59:59Z", "expires": "2026-11-20T11:59:59Z"}, False, 1),
        # Nobody's things are removed on the word of a lock that cannot be understood.
        ({"run_id": "a", "heartbeat": "yesterday"}, True, None),
        ({}, True, None),
    ],
)
def test_a_lock_is_fresh_until_its_heartbeat_stops(account, value, fresh, age):
    account.lock(**value)
    holder = target_state.lock(account.ssm, account.lock_name, 300, NOW)
    assert (holder["fresh"], holder["heartbeat_age_seconds"]) == (fresh, age)
    assert holder["run_id"] == value.get("run_id")


def test_a_lock_that_may_not_be_read_is_an_error():
    stub = pytest.importorskip("botocore.stub")
    client = boto3.client("ssm", region_name="ap-south-1", aws_access_key_id="x", aws_secret_access_key="y")
    with stub.Stubber(client) as stubber:
        stubber.add_client_error("get_parameter", "AccessDeniedException")
        with pytest.raises(target_state.EbsError, match=r"/lock/i-1 cannot be read \(AccessDenied\w+\): allow ssm:"):
            target_state.lock(client, "/lock/i-1", 300, NOW)


def test_snapshots_say_whether_they_could_be_restored(status, account):
    account.volume("live", stagesync__run="run-0", stagesync__mongodb_version="6.0.5")
    volume = account.volume("x")
    bare = account.volume("x", encrypted=False)
    fine = account.snapshot(volume, stagesync__run="run-1", **good())
    account.snapshot(bare, stagesync__run="run-2", **good())
    account.snapshot(volume, stagesync__run="run-3", **good(stagesync__mongodb_version="7.0.1"))
    account.snapshot(volume, stagesync__run="run-4", **good(stagesync__set_size="2"))
    account.snapshot(volume, stagesync__run="run-5")
    account.snapshot(volume, "copy", stagesync__run="run-1", **good())  # no second member of run-1's set
    found = {entry["run_id"]: entry for entry in status()["snapshot_sets"]}
    assert found["run-1"]["snapshot_ids"] == [fine]
    assert {run: entry["obstacles"] for run, entry in found.items()} == {
        "run-1": [],
        "run-2": ["not encrypted"],
        "run-3": ["of MongoDB 7.0.1, newer than staging's 6.0.5"],
        "run-4": ["1 of 2 snapshots"],
        "run-5": ["no tag stagesync:mongodb-version", "no tag stagesync:dbpath"],
    }
    assert found["run-1"]["restorable"]
    assert not found["run-2"]["restorable"]


def test_a_key_that_is_no_use_stands_against_a_restore(account):
    kms = boto3.client("kms", region_name="ap-south-1")
    key = kms.create_key()["KeyMetadata"]
    assert target_state.key_state(kms, key["Arn"]) == "Enabled"
    kms.disable_key(KeyId=key["KeyId"])
    assert target_state.key_state(kms, key["Arn"]) == "Disabled"
    assert target_state.key_state(kms, key["Arn"].replace(key["KeyId"], "0" * 36)) == "gone"
    # moto's snapshots name no key
    account.snapshot(account.volume("x"), stagesync__run="run-1", **good())
    found = target_state.group(target_state._snapshots(account.ec2, {"tag:stagesync:run": "run-1"}), NOW)[0]
    found["snapshots"][0]["kms_key_id"] = key["Arn"]
    assert target_state.obstacles(found, None, {key["Arn"]: "Disabled"}) == [f"KMS key {key['KeyId']} is Disabled"]
    assert target_state.obstacles(found, None, {key["Arn"]: None}) == []


def test_masked_snapshots_are_a_list_of_their_own(status, account):
    volume = account.volume("x")
    masked = account.snapshot(volume, "masked", stagesync__run="run-1", **good(stagesync__set=SET + "-masked"))
    found = status()
    assert found["snapshot_sets"] == []
    assert [entry["snapshot_ids"] for entry in found["masked_sets"]] == [[masked]]


def test_a_set_name_is_no_pattern(call, account):
    account.snapshot(account.volume("x"), stagesync__run="run-1", **good())
    assert call(stagesync_status, set_name="sync-*")["snapshot_sets"] == []


def report(directory, run_id, written, result="passed", **more):
    (directory / run_id).mkdir()
    stages = [{"stage": "preflight", "status": result, "start": "2026-11-20T10:00:00.0Z", "end": written}]
    document = {"run_id": run_id, "kind": "sync", "result": result, "stages": stages, "written": written, **more}
    (directory / run_id / "report.json").write_text(json.dumps(document))


def test_the_last_runs_come_from_the_reports_newest_first(tmp_path):
    report(tmp_path, "run-1", "2026-11-20T10:01:00Z")
    report(tmp_path, "run-2", "2026-11-20T11:01:00Z", "failed")
    report(tmp_path, "run-3", "2026-11-20T09:01:00Z", check_mode=True)
    (tmp_path / "latest").symlink_to("run-2")
    (tmp_path / "run-4").mkdir()
    (tmp_path / "run-4" / "report.json").write_text("{")
    (tmp_path / "notes").mkdir()
    found = target_state.runs(str(tmp_path))
    assert [(run["run_id"], run["result"], run["failed_in"]) for run in found] == [
        ("run-2", "failed", ["preflight"]),
        ("run-1", "passed", []),
        ("run-3", "passed (check mode)", []),
        ("run-4", "unreadable", []),
    ]
    assert [run["run_id"] for run in target_state.runs(str(tmp_path), limit=1)] == ["run-2"]
    assert target_state.runs(str(tmp_path / "none")) == []


def test_the_lines_say_what_to_do_about_leavings(status, account):
    account.lock(run_id="run-gone", owner="someone", heartbeat="2020-01-01T00:00:00Z")
    account.volume("source", stagesync__run="run-gone")
    shown = status()["lines"]
    assert shown[1].startswith("Run run-gone of someone left, without a heartbeat for too long, the lock")
    assert "What is not in use was left by a run that died: playbooks/cleanup.yml removes it." in shown
