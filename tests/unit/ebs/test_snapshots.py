# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is asked of EC2 and what its answers, pages and errors lead to; botocore's Stubber and moto stand for EC2."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone
from threading import Event

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, selection, snapshots  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import ebs_snapshot_info, ebs_snapshot_set  # noqa: E402

pytestmark = pytest.mark.usefixtures("slept")
NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
WANTED = snapshots.Wanted("i-1", ("vol-1", "vol-2"), "r1", "weekly", {"Name": "weekly-2026-11-20"})
OF_RUN = {
    "OwnerIds": ["self"],
    "MaxResults": 1000,
    "Filters": [
        {"Name": "tag:stagesync:run", "Values": ["r1"]},
        {"Name": "tag:stagesync:set", "Values": ["weekly"]},
    ],
}


def raw(number, volume, state="completed", tags=None, owner="123456789012", **more):
    return {
        "SnapshotId": f"snap-{number}",
        "VolumeId": volume,
        "State": state,
        "Progress": "100%" if state == "completed" else "40%",
        "StartTime": NOW,
        "VolumeSize": 10,
        "Encrypted": True,
        "OwnerId": owner,
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        **more,
    }


def member(number, volume, **more):
    return raw(number, volume, tags=WANTED.tags_of(volume), **more)


INSTANCE = {
    "Reservations": [
        {
            "Instances": [
                {
                    "RootDeviceName": "/dev/xvda",
                    "BlockDeviceMappings": [
                        {"DeviceName": f"/dev/{name}", "Ebs": {"VolumeId": volume}}
                        for name, volume in (
                            ("xvda", "vol-root"),
                            ("sdf", "vol-1"),
                            ("sdg", "vol-2"),
                            ("sdh", "vol-logs"),
                        )
                    ],
                }
            ]
        }
    ]
}
CREATE = {
    "Description": "stagesync run=r1;set=weekly;source-instance=i-1;set-size=2",
    "InstanceSpecification": {"InstanceId": "i-1", "ExcludeBootVolume": True, "ExcludeDataVolumeIds": ["vol-logs"]},
    "TagSpecifications": [
        {
            "ResourceType": "snapshot",
            "Tags": [{"Key": key, "Value": value} for key, value in WANTED.all_tags().items()],
        }
    ],
}


def info(number, volume):
    return {"SnapshotId": f"snap-{number}", "VolumeId": volume, "State": "pending"}


def made(*volumes):
    """What CreateSnapshots has made: tagged alike, pending."""
    return [raw(n, volume, "pending", WANTED.all_tags()) for n, volume in enumerate(volumes, 1)]


def present(ec2, check_mode=False, wanted=WANTED):
    clock = ec2.clock
    result = snapshots.present(ec2.client, wanted, lambda: NOW, check_mode, clock=clock, sleep=clock.sleep)
    return result, clock.now


def error(ec2, code, method="describe_snapshots", message="No."):
    ec2.add_client_error(method, code, message, expected_params=None)


# ---- finding


def test_every_page_is_read(ec2):
    query = {"OwnerIds": ["self"], "Filters": [{"Name": "tag:Name", "Values": ["weekly-*"]}], "MaxResults": 1000}
    ec2.add_response("describe_snapshots", {"Snapshots": [raw(1, "vol-1")], "NextToken": "a"}, query)
    ec2.add_response(
        "describe_snapshots", {"Snapshots": [raw(2, "vol-1")], "NextToken": "b"}, {**query, "NextToken": "a"}
    )
    ec2.add_response("describe_snapshots", {"Snapshots": [raw(3, "vol-1")]}, {**query, "NextToken": "b"})
    found = snapshots.find(ec2.client, filters={"tag:Name": "weekly-*"})
    assert [snapshot["snapshot_id"] for snapshot in found] == ["snap-1", "snap-2", "snap-3"]


def test_the_rest_of_a_set_cut_by_the_filter_is_fetched(ec2):
    ec2.add_response(
        "describe_snapshots", {"Snapshots": [member(1, "vol-1")]}, {"OwnerIds": ["self"], "SnapshotIds": ["snap-1"]}
    )
    of_run = {"OwnerIds": ["self"], "Filters": [{"Name": "tag:stagesync:run", "Values": ["r1"]}], "MaxResults": 1000}
    stranger = raw(9, "vol-1", tags={"stagesync:run": "r1", "stagesync:set": "other"})
    answer = {"Snapshots": [member(1, "vol-1"), member(2, "vol-2"), stranger]}
    ec2.add_response("describe_snapshots", answer, of_run)
    found = snapshots.find(ec2.client, snapshot_id="snap-1")
    assert [snapshot["snapshot_id"] for snapshot in found] == ["snap-1", "snap-2"]


def test_snapshots_of_another_account_are_not_taken_for_the_owners(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [raw(1, "vol-1"), raw(2, "vol-1", owner="999999999999")]})
    assert [entry["snapshot_id"] for entry in snapshots.find(ec2.client, "999999999999")] == ["snap-2"]


TAGS_OF_MONGODB = {
    "stagesync:mongodb-version": "6.0.5",
    "stagesync:fcv": "6.0",
    "stagesync:dbpath": "mongodb/db",
    "stagesync:directory-per-db": "false",
    "stagesync:directory-for-indexes": "false",
}


def test_another_accounts_snapshots_say_their_tags_in_the_description(ec2):
    instance = "i-0123456789abcdef0"
    wanted = snapshots.Wanted(
        instance, ("vol-1",), "20261120T191300Z-1a2b", "sync-system-mongo-weekly", {"Name": "x", **TAGS_OF_MONGODB}
    )
    assert len(wanted.description()) <= 255
    shared = raw(1, "vol-1", owner="111111111111", Description=wanted.description())
    other = raw(2, "vol-1", owner="111111111111", Description="stagesync set=other;run=r9")
    plain = raw(3, "vol-1", owner="111111111111", Description="made by hand")
    query = {"OwnerIds": ["111111111111"], "MaxResults": 1000}
    ec2.add_response("describe_snapshots", {"Snapshots": [shared, other, plain]}, query)
    (found,) = snapshots.find(ec2.client, "111111111111", {"tag:stagesync:set": "sync-*-weekly", "volume-id": "vol-1"})
    kept = {"Name", "stagesync:kind", "stagesync:source-volume"}
    assert found["tags"] == {key: value for key, value in wanted.tags_of("vol-1").items() if key not in kept}
    (entry,) = selection.group([found], NOW)
    assert (entry["complete"], entry["source_instance"]) == (True, instance)


@pytest.mark.parametrize("tags", [{"stagesync:dbpath": "x" * 250}, {"stagesync:dbpath": "a;set=evil"}])
def test_tags_that_do_not_fit_a_description_are_not_said(tags):
    wanted = snapshots.Wanted("i-1", ("vol-1",), "r1", "weekly", tags)
    assert wanted.description() == "weekly of run r1"
    assert snapshots.described_tags(wanted.description()) == {}


def test_own_snapshots_have_only_the_tags_that_they_carry(ec2):
    ec2.add_response(
        "describe_snapshots", {"Snapshots": [raw(1, "vol-1", Description="stagesync set=weekly;run=r1;set-size=1")]}
    )
    assert snapshots.find(ec2.client)[0]["tags"] == {}


def test_throttling_is_waited_out(ec2, slept):
    error(ec2, "RequestLimitExceeded")
    error(ec2, "Throttling")
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    assert snapshots.find(ec2.client) == []
    assert len(slept) == 2


def test_an_unknown_id_is_no_snapshot(ec2):
    error(ec2, "InvalidSnapshot.NotFound")
    assert snapshots.find(ec2.client, snapshot_id="snap-0") == []


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("UnauthorizedOperation", "ec2:DescribeSnapshots is not allowed (UnauthorizedOperation); allow the action"),
        ("InvalidSnapshotID.Malformed", "No (InvalidSnapshotID.Malformed); correct the snapshot id."),
        ("ExpiredToken", "No (ExpiredToken); renew the credentials."),
        ("Strange", "No (Strange); correct the request or run it again."),
    ],
)
def test_an_error_of_the_api_becomes_one_sentence(ec2, code, says):
    error(ec2, code)
    with pytest.raises(api.EbsApiError) as caught:
        snapshots.find(ec2.client)
    said = api.explain(caught.value)
    assert said.startswith("Failed to describe snapshots: ")
    assert says in said


# ---- making


def test_one_call_makes_the_set_without_the_boot_and_other_volumes(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []}, OF_RUN)
    ec2.add_response("describe_instances", INSTANCE, {"InstanceIds": ["i-1"]})
    ec2.add_response("create_snapshots", {"Snapshots": [info(1, "vol-1"), info(2, "vol-2")]}, CREATE)
    ec2.add_response("describe_snapshots", {"Snapshots": []}, OF_RUN)  # EC2 does not list them at once
    ec2.add_response("describe_snapshots", {"Snapshots": made("vol-1", "vol-2")}, OF_RUN)
    for number in (1, 2):
        tags = [{"Key": "stagesync:source-volume", "Value": f"vol-{number}"}]
        ec2.add_response("create_tags", {}, {"Resources": [f"snap-{number}"], "Tags": tags})
    result, _seconds = present(ec2)
    assert result["changed"]
    assert (result["set"]["state"], result["set"]["progress"], result["set"]["complete"]) == ("pending", 40, True)
    assert result["before"] == []
    assert [entry["tags"]["stagesync:source-volume"] for entry in result["after"]] == ["vol-1", "vol-2"]


def test_a_rerun_returns_what_was_made_and_changes_nothing(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]}, OF_RUN)
    result, _seconds = present(ec2)
    assert (result["changed"], result["set"]["state"]) == (False, "completed")


def test_a_rerun_adds_the_tags_that_are_missing(ec2):
    cut = raw(2, "vol-2", tags=WANTED.all_tags())
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), cut]}, OF_RUN)
    tags = [{"Key": "stagesync:source-volume", "Value": "vol-2"}]
    ec2.add_response("create_tags", {}, {"Resources": ["snap-2"], "Tags": tags})
    assert present(ec2)[0]["changed"]


def test_check_mode_looks_and_makes_nothing(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []}, OF_RUN)
    ec2.add_response("describe_instances", INSTANCE)
    result, _seconds = present(ec2, check_mode=True)
    assert (result["changed"], result["set"]) == (True, None)
    assert [entry["volume_id"] for entry in result["after"]] == ["vol-1", "vol-2"]


@pytest.mark.parametrize("code", ["ConcurrentSnapshotLimitExceeded", "SnapshotCreationPerVolumeRateExceeded"])
def test_too_many_snapshots_at_the_moment_are_waited_out(ec2, code):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    error(ec2, code, "create_snapshots")
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("create_snapshots", {"Snapshots": [info(1, "vol-1"), info(2, "vol-2")]}, CREATE)
    ec2.add_response("describe_snapshots", {"Snapshots": made("vol-1", "vol-2")})
    ec2.add_response("create_tags", {})
    ec2.add_response("create_tags", {})
    result, seconds = present(ec2)
    assert result["changed"]
    assert seconds == 2


def test_the_wait_for_room_is_bounded_and_ends_in_one_sentence(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    clock = ec2.clock

    def sleep(seconds):
        clock.sleep(seconds)
        ec2.add_response("describe_snapshots", {"Snapshots": []})
        error(ec2, "ConcurrentSnapshotLimitExceeded", "create_snapshots", "Too many.")

    error(ec2, "ConcurrentSnapshotLimitExceeded", "create_snapshots", "Too many.")
    with pytest.raises(api.EbsApiError) as caught:
        snapshots.present(ec2.client, WANTED, lambda: NOW, clock=clock, sleep=sleep)
    assert 240 < clock.now <= 300
    assert api.explain(caught.value) == (
        "Failed to create the snapshots: Too many (ConcurrentSnapshotLimitExceeded); wait until the volumes' pending"
        " snapshots are completed and run it again."
    )


def test_snapshots_made_despite_an_error_are_not_made_again(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    error(ec2, "InternalError", "create_snapshots")
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]})
    assert present(ec2)[0]["set"]["snapshot_ids"] == ["snap-1", "snap-2"]


def test_a_snapshot_of_a_volume_attached_meanwhile_is_deleted(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    answer = {"Snapshots": [info(1, "vol-1"), info(2, "vol-2"), info(3, "vol-new")]}
    ec2.add_response("create_snapshots", answer)
    ec2.add_response("describe_snapshots", {"Snapshots": made("vol-1", "vol-2", "vol-new")})
    ec2.add_response("delete_snapshot", {}, {"SnapshotId": "snap-3"})
    ec2.add_response("create_tags", {})
    ec2.add_response("create_tags", {})
    result, _seconds = present(ec2)
    assert result["set"]["snapshot_ids"] == ["snap-1", "snap-2"]
    assert "snap-3 of volume vol-new" in result["warnings"][0]


def test_snapshots_that_ec2_does_not_list_are_named(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    ec2.add_response("create_snapshots", {"Snapshots": [info(1, "vol-1"), info(2, "vol-2")]})
    for _second in range(61):
        ec2.add_response("describe_snapshots", {"Snapshots": []})
    with pytest.raises(api.EbsError, match="EC2 made snapshot snap-1, snap-2 of run r1 but has not listed"):
        present(ec2)


def test_a_volume_of_another_instance_is_refused(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": []})
    ec2.add_response("describe_instances", INSTANCE)
    with pytest.raises(api.EbsError, match="Volume vol-9 is not attached to instance i-1, which has vol-1,"):
        present(ec2, wanted=snapshots.Wanted("i-1", ("vol-1", "vol-9"), "r1", "weekly"))


def test_a_run_with_other_volumes_is_refused(ec2):
    ec2.add_response(
        "describe_snapshots", {"Snapshots": [raw(1, "vol-9", tags={**WANTED.all_tags(), "stagesync:set-size": "1"})]}
    )
    with pytest.raises(api.EbsError, match="Run r1 has snapshots of vol-9 where vol-1, vol-2 is wanted"):
        present(ec2)


def test_a_snapshot_that_ec2_gave_up_on_is_an_error_with_its_state(ec2):
    answer = {"Snapshots": [member(1, "vol-1"), member(2, "vol-2", state="error")]}
    ec2.add_response("describe_snapshots", answer)
    with pytest.raises(api.EbsError, match="could not make snapshot snap-2 of run r1") as caught:
        present(ec2)
    assert (caught.value.result["set"]["state"], caught.value.result["set"]["pending"]) == ("error", False)


def test_waiting_ends_with_the_last_snapshot_or_the_time(ec2):
    clock = ec2.clock
    pending = {"Snapshots": [member(1, "vol-1"), member(2, "vol-2", state="pending")]}
    done = {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]}
    for answer in (pending, pending, done):
        ec2.add_response("describe_snapshots", answer)
    result = snapshots.present(ec2.client, WANTED, lambda: NOW)
    waited = snapshots.wait_completed(ec2.client, WANTED, result, 60, lambda: NOW, clock, clock.sleep)
    assert (waited["set"]["state"], clock.now) == ("completed", 10)
    with pytest.raises(api.EbsError, match="are 40 % done after 0 s"):
        snapshots.wait_completed(ec2.client, WANTED, result, 0, lambda: NOW, clock, clock.sleep)


@pytest.mark.parametrize(
    ("volume_ids", "tags", "says"),
    [
        ((), {}, "volume_ids is empty"),
        (("vol-1", "vol-1"), {}, "names a volume twice"),
        (("vol-1",), {"stagesync:run": "x"}, "set by the module itself"),
        (("vol-1",), {"aws:x": "x"}, "'aws:x' is not allowed"),
        (("vol-1",), {"x": "y" * 257}, "'x' is not allowed"),
    ],
)
def test_what_ec2_would_refuse_is_said_before_anything_is_asked(ec2, volume_ids, tags, says):
    with pytest.raises(api.EbsError, match=says):
        present(ec2, wanted=snapshots.Wanted("i-1", volume_ids, "r1", "weekly", tags))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"volume_tags": {"vol-3": {}}}, "volume_tags names vol-3, which is not in volume_ids"),
        ({"volume_tags": {"vol-1": {"stagesync:set": "x"}}}, "Tag stagesync:set is set by the module itself"),
        ({"volume_tags": {"vol-2": {"aws:x": "x"}}}, "'aws:x' is not allowed"),
    ],
)
def test_wrong_tags_of_one_volume_are_said(ec2, change, says):
    with pytest.raises(api.EbsError, match=says):
        present(ec2, wanted=replace(WANTED, **change))


def test_each_volume_has_tags_of_its_own(ec2):
    wanted = replace(WANTED, volume_tags={"vol-2": {"stagesync:place": "journal"}})
    ec2.add_response("describe_snapshots", {"Snapshots": []}, OF_RUN)
    ec2.add_response("describe_instances", INSTANCE)
    ec2.add_response(
        "create_snapshots",
        {"Snapshots": [info(1, "vol-1"), info(2, "vol-2")]},
        {**CREATE, "Description": "weekly of run r1"},
    )
    ec2.add_response("describe_snapshots", {"Snapshots": made("vol-1", "vol-2")}, OF_RUN)
    ec2.add_response(
        "create_tags", {}, {"Resources": ["snap-1"], "Tags": [{"Key": "stagesync:source-volume", "Value": "vol-1"}]}
    )
    added = [("stagesync:place", "journal"), ("stagesync:source-volume", "vol-2")]
    tags = [{"Key": key, "Value": value} for key, value in added]
    ec2.add_response("create_tags", {}, {"Resources": ["snap-2"], "Tags": tags})
    result, _seconds = present(ec2, wanted=wanted)
    assert result["set"]["snapshots"][1]["tags"]["stagesync:place"] == "journal"


# ---- deleting


def test_what_was_not_made_by_the_collection_is_not_deleted(ec2):
    query = {
        "OwnerIds": ["self"],
        "MaxResults": 1000,
        "Filters": [{"Name": "snapshot-id", "Values": ["snap-1", "snap-2"]}],
    }
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), raw(2, "vol-2")]}, query)
    with pytest.raises(api.EbsError, match="Snapshot snap-2 carries no tag stagesync:run .*nothing was deleted"):
        snapshots.absent(ec2.client, None, None, ["snap-1", "snap-2"])


def test_a_wildcard_in_a_run_id_deletes_nothing(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]})
    assert snapshots.absent(ec2.client, "r*", None, [])["deleted"] == []


def test_what_is_gone_meanwhile_is_no_error(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]})
    error(ec2, "InvalidSnapshot.NotFound", "delete_snapshot")
    ec2.add_response("delete_snapshot", {}, {"SnapshotId": "snap-2"})
    result = snapshots.absent(ec2.client, "r1", None, [])
    assert (result["changed"], result["deleted"]) == (True, ["snap-2"])


def test_a_deletion_that_stops_half_way_says_what_is_deleted(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [member(1, "vol-1"), member(2, "vol-2")]})
    ec2.add_response("delete_snapshot", {})
    error(ec2, "InvalidSnapshot.InUse", "delete_snapshot", "In use by ami-1.")
    with pytest.raises(api.EbsApiError) as caught:
        snapshots.absent(ec2.client, "r1", None, [])
    assert api.explain(caught.value) == (
        "Failed to delete the snapshot snap-2 after snap-1 had been deleted: In use by ami-1 (InvalidSnapshot.InUse);"
        " deregister the image that uses it."
    )


# ---- the modules against moto


@pytest.fixture
def account(cloud):
    """An instance with a root and a data volume."""
    image = cloud.register_image(Name="base", RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
    instance = cloud.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]
    volume = cloud.create_volume(AvailabilityZone=instance["Placement"]["AvailabilityZone"], Size=10)["VolumeId"]
    cloud.attach_volume(InstanceId=instance["InstanceId"], VolumeId=volume, Device="/dev/sdf")
    return cloud, instance["InstanceId"], volume


def take(call, account, run, check=False, **more):
    _client, instance, volume = account
    params = {"run_id": run, "set_name": "weekly", "instance_id": instance, "volume_ids": [volume], **more}
    return call(ebs_snapshot_set, check, tags={"Name": "weekly-2026-11-20"}, **params)


def test_a_set_is_made_found_kept_and_deleted(call, account):
    client, instance, volume = account
    root = client.describe_instances()["Reservations"][0]["Instances"][0]["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    stray = [{"ResourceType": "snapshot", "Tags": [{"Key": "Name", "Value": "weekly-2026-11-20"}]}]

    assert take(call, account, "r1", check=True)["changed"]
    assert client.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])["Snapshots"] == []
    first = take(call, account, "r1")
    assert (first["changed"], first["created"]) == (True, True)
    assert first["set"]["volume_ids"] == [volume]
    assert first["diff"]["before"] == {"snapshots": []}
    assert first["diff"]["after"]["snapshots"][0]["tags"]["stagesync:source-volume"] == volume
    again = take(call, account, "r1", wait=True)
    assert (again["changed"], again["set"]["snapshot_ids"]) == (False, first["set"]["snapshot_ids"])
    assert again["created"] is False
    assert "diff" not in again
    Event().wait(1)  # moto tells times in whole seconds, and sets of the same time are not pruned
    second = take(call, account, "r2")
    client.create_snapshot(VolumeId=root, TagSpecifications=stray)

    found = call(ebs_snapshot_info, tags={"Name": "weekly-*"}, select="latest", max_age_hours=1)
    assert found["chosen"]["snapshot_ids"] == second["set"]["snapshot_ids"]
    assert found["chosen"]["reason"] == "newest of 2 snapshot sets that can be chosen"
    assert [entry["reason"] for entry in found["passed_over"]] == ["not part of a set"]
    assert found["considered"] == 3
    found = call(ebs_snapshot_info, tags={"stagesync:set": "weekly"}, select="previous", instance_id=instance)
    assert found["chosen"]["run_id"] == "r1"
    by_id = {"snapshot_id": first["set"]["snapshot_ids"][0], "tags": {"Name": "nothing"}}
    found = call(ebs_snapshot_info, **by_id, max_age_hours=0)
    assert found["chosen"]["run_id"] == "r1"
    assert "it was named, so it is taken" in str(found["warnings"][0])  # text or, in a controller, an event
    assert "tag stagesync:fcv of snapshot" in call(ebs_snapshot_info, **by_id, require_mongodb=True)["msg"]

    prune = {"state": "pruned", "set_name": "weekly", "instance_id": instance, "keep": 1}
    assert call(ebs_snapshot_set, protect=["r1"], **prune)["changed"] is False
    would = call(ebs_snapshot_set, check=True, **prune)
    did = call(ebs_snapshot_set, **prune)
    assert would["deleted"] == did["deleted"] == first["set"]["snapshot_ids"]
    assert did["kept"] == ["r2"]
    gone = call(ebs_snapshot_set, state="absent", run_id="r2")
    assert (gone["changed"], gone["deleted"]) == (True, second["set"]["snapshot_ids"])
    assert call(ebs_snapshot_set, state="absent", run_id="r2")["changed"] is False
    left = client.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume, root]}])["Snapshots"]
    assert [snapshot["VolumeId"] for snapshot in left] == [root]


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("module", "params", "says"),
    [
        (ebs_snapshot_info, {"select": "newest"}, "select is 'newest': give latest, previous or a number from 1 on ("),
        (ebs_snapshot_info, {"select": "0"}, "select is '0'"),
        (ebs_snapshot_info, {"select": "1", "before": "noon"}, "'noon' is not a time"),
        (ebs_snapshot_info, {"tags": {"Name": "x*"}, "select": "1"}, "the owner (looked for tag:Name=x*, owner=self)."),
        (ebs_snapshot_info, {"snapshot_id": "snap-00000000"}, "Snapshot snap-00000000 does not exist"),
        (ebs_snapshot_set, {"state": "absent", "run_id": ""}, "run_id is empty"),
        (ebs_snapshot_set, {"state": "absent", "snapshot_ids": []}, "names anything to delete"),
        (ebs_snapshot_set, {"state": "pruned", "set_name": "x", "instance_id": "i-1", "keep": 0}, "keep is 0"),
    ],
)
def test_a_wrong_request_ends_in_one_sentence(call, module, params, says):
    result = call(module, **params)
    assert result["failed"]
    assert says in result["msg"]
    assert "Traceback" not in json.dumps(result)


def test_an_unknown_instance_ends_in_one_sentence(call, cloud):
    result = take(call, (cloud, "i-00000000", "vol-00000000"), "r1")
    assert "(InvalidInstanceID.NotFound); correct the instance id or the region." in result["msg"]
