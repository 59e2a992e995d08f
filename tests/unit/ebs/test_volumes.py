# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is asked of EC2 for volumes, from every state they can be in; botocore's Stubber and moto stand for EC2."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, volumes  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import ebs_volume  # noqa: E402

pytestmark = pytest.mark.usefixtures("slept")
NOW = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
ONE, TWO, OTHER = "vol-00000001", "vol-00000002", "vol-00000009"
WANTED = volumes.Wanted("i-1", name="run-source", size_gib=10, tags={"stagesync:kind": "source"})
BY_ID = {"VolumeIds": [ONE]}
BY_NAME = {"Filters": [{"Name": "tag:Name", "Values": ["run-source"]}], "MaxResults": 500}
CREATE = {
    "AvailabilityZone": "ap-south-1a",
    "Encrypted": True,
    "VolumeType": "gp3",
    "Size": 10,
    "ClientToken": WANTED.token(0),
    "TagSpecifications": [
        {
            "ResourceType": "volume",
            "Tags": [{"Key": "stagesync:kind", "Value": "source"}, {"Key": "Name", "Value": "run-source"}],
        }
    ],
}


def raw(volume_id=ONE, state="available", *held, **more):
    """A volume; `held` are attachments as (instance, state) with a device of the instance's own."""
    more = {"tags": {"Name": "run-source", "stagesync:kind": "source"}, **more}
    tags = [{"Key": key, "Value": value} for key, value in more.pop("tags").items()]
    attachments = [{"InstanceId": i, "State": s, "Device": "/dev/sdg", "VolumeId": volume_id} for i, s in held]
    return {
        "VolumeId": volume_id,
        "Size": 10,
        "Encrypted": True,
        "State": "in-use" if held else state,
        "AvailabilityZone": "ap-south-1a",
        "CreateTime": NOW,
        "Attachments": attachments,
        "Tags": tags,
        **more,
    }


def here(state="attached", volume_id=ONE, **more):
    return raw(volume_id, "in-use", ("i-1", state), **more)


def shows(ec2, *found, query=None):
    """One answer of DescribeVolumes."""
    ec2.add_response("describe_volumes", {"Volumes": list(found)}, query)


def instance(ec2, *devices, state="running"):
    mappings = [{"DeviceName": name, "Ebs": {"VolumeId": OTHER}} for name in ("/dev/xvda", *devices)]
    found = {
        "InstanceId": "i-1",
        "State": {"Name": state},
        "Placement": {"AvailabilityZone": "ap-south-1a"},
        "BlockDeviceMappings": mappings,
    }
    ec2.add_response("describe_instances", {"Reservations": [{"Instances": [found]}]}, {"InstanceIds": ["i-1"]})


def snapshot(ec2, state="completed", size=20):
    found = {
        "SnapshotId": "snap-1",
        "VolumeId": OTHER,
        "State": state,
        "Progress": "40%",
        "StartTime": NOW,
        "VolumeSize": size,
        "OwnerId": "123456789012",
    }
    ec2.add_response("describe_snapshots", {"Snapshots": [found]}, {"SnapshotIds": ["snap-1"]})


def attaches(ec2, device="/dev/sdf"):
    ec2.add_response("attach_volume", {}, {"VolumeId": ONE, "InstanceId": "i-1", "Device": device})


def error(ec2, method, code, message="No."):
    ec2.add_client_error(method, code, message, expected_params=None)


def attached(ec2, wanted=WANTED, check=False, timeout=600):
    patience = volumes.Patience(timeout, ec2.clock, ec2.clock.sleep)
    return volumes.attached(ec2.client, wanted, check, patience, lambda: NOW)


def absent(ec2, volume_ids=(ONE,), name=None, check=False, timeout=600):
    patience = volumes.Patience(timeout, ec2.clock, ec2.clock.sleep)
    return volumes.absent(ec2.client, None if name else list(volume_ids), name, check, patience)


# ---- attaching


def test_a_blank_volume_is_made_and_attached_under_a_free_name(ec2):
    instance(ec2, "/dev/sdf", "xvdg", "/dev/sdh1")
    shows(ec2, query=BY_NAME)
    ec2.add_response("create_volume", raw(state="creating"), CREATE)
    error(ec2, "describe_volumes", "InvalidVolume.NotFound")  # EC2 does not list it at once
    shows(ec2, raw(state="creating"), query=BY_ID)
    shows(ec2, raw(), query=BY_ID)
    attaches(ec2, "/dev/sdi")
    shows(ec2, here("attaching"), query=BY_ID)
    shows(ec2, here(), query=BY_ID)
    result = attached(ec2)
    assert result["changed"]
    assert result["before"] == []
    assert result["volume"] == {
        "volume_id": ONE,
        "size_gib": 10,
        "encrypted": True,
        "kms_key_id": None,
        "snapshot_id": None,
        "state": "in-use",
        "device_name": "/dev/sdg",
        "instance_id": "i-1",
        "tags": {"Name": "run-source", "stagesync:kind": "source"},
        "zone": "ap-south-1a",
    }
    assert ec2.clock.now == pytest.approx(1 + 1.25 + 1 + 1.25)


def test_a_volume_of_a_snapshot_is_made_with_its_size_key_and_rate(ec2):
    wanted = replace(WANTED, size_gib=None, snapshot_id="snap-1", kms_key_id="alias/x", initialization_rate=300)
    instance(ec2)
    shows(ec2)
    snapshot(ec2)
    more = {"SnapshotId": "snap-1", "KmsKeyId": "alias/x", "VolumeInitializationRate": 300}
    blank = {key: value for key, value in CREATE.items() if key != "Size"}
    ec2.add_response("create_volume", raw(), {**blank, **more})
    shows(ec2, here(SnapshotId="snap-1"))
    assert attached(ec2, wanted)["volume"]["snapshot_id"] == "snap-1"


KEY = "arn:aws:kms:ap-south-1:111122223333:key/1234abcd"


@pytest.mark.parametrize(
    ("change", "made", "says"),
    [
        ({}, {"Encrypted": False}, "is not encrypted, though that was asked for; it was deleted again"),
        ({"kms_key_id": "5678"}, {"KmsKeyId": KEY}, f"is encrypted under {KEY} where 5678 is wanted"),
    ],
)
def test_a_new_volume_not_encrypted_as_asked_is_deleted_before_it_is_attached(ec2, change, made, says):
    instance(ec2)
    shows(ec2)
    ec2.add_response("create_volume", raw())
    shows(ec2, raw(state="creating", **made))
    shows(ec2, raw(**made))
    ec2.add_response("delete_volume", {}, {"VolumeId": ONE})
    shows(ec2)
    with pytest.raises(api.EbsError, match=says) as caught:
        attached(ec2, replace(WANTED, **change))
    assert caught.value.result == {"changed": True}


@pytest.mark.parametrize("key", ["1234abcd", KEY, "alias/x", "arn:aws:kms:ap-south-1:111122223333:alias/x"])
def test_a_volume_under_the_key_that_was_asked_for_or_an_alias_is_taken(ec2, key):
    instance(ec2)
    shows(ec2, here(KmsKeyId=KEY))
    shows(ec2, here(KmsKeyId=KEY))
    assert attached(ec2, replace(WANTED, kms_key_id=key))["changed"] is False


def test_an_existing_volume_under_another_key_is_refused(ec2):
    instance(ec2)
    shows(ec2, here(KmsKeyId=KEY))
    with pytest.raises(api.EbsError, match=f"is encrypted under {KEY} where 5678 is wanted: delete it"):
        attached(ec2, replace(WANTED, kms_key_id="5678"))


def test_an_unencrypted_volume_must_be_allowed(ec2):
    instance(ec2)
    shows(ec2)
    ec2.add_response("create_volume", raw(), {key: value for key, value in CREATE.items() if key != "Encrypted"})
    shows(ec2, raw(Encrypted=False))
    attaches(ec2)
    shows(ec2, here(Encrypted=False))
    assert attached(ec2, replace(WANTED, allow_unencrypted=True))["volume"]["encrypted"] is False


def test_a_rerun_changes_nothing(ec2):
    instance(ec2, "/dev/sdg", state="stopping")
    shows(ec2, raw(TWO, "deleting"), here(), raw(OTHER, tags={"Name": "run-sourcex"}), query=BY_NAME)
    shows(ec2, here())
    result = attached(ec2)
    assert (result["changed"], result["volume"]["volume_id"], ec2.clock.now) == (False, ONE, 0)


@pytest.mark.parametrize(
    ("states", "changed"),
    [
        ([raw(state="creating"), raw()], True),
        ([raw()], True),
        ([here("attaching")], False),
        ([here("detaching"), raw()], True),
        ([here("busy"), raw()], True),
        ([raw(ONE, "in-use", ("i-2", "detaching")), raw()], True),
        ([here("detached") | {"State": "available"}], True),
    ],
)
def test_an_existing_volume_is_attached_from_every_state(ec2, states, changed):
    instance(ec2)
    shows(ec2, states[0], query=BY_ID)
    for state in states:
        shows(ec2, state)
    if changed:
        attaches(ec2)
    shows(ec2, here())
    result = attached(ec2, volumes.Wanted("i-1", volume_id=ONE))
    assert (result["changed"], result["volume"]["instance_id"]) == (changed, "i-1")
    assert result["before"][0]["instance_id"] == (None if changed else "i-1")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (
            "InvalidParameterValue",
            "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
        ),
        ("InvalidDevice.InUse", "Taken."),
    ],
)
def test_a_name_that_is_taken_meanwhile_is_passed_over(ec2, code, said):
    instance(ec2)
    shows(ec2, raw())
    shows(ec2, raw())
    error(ec2, "attach_volume", code, said)
    attaches(ec2, "/dev/sdg")
    shows(ec2, here())
    assert attached(ec2)["changed"]


def test_an_attachment_that_was_asked_for_twice_is_waited_for(ec2):
    instance(ec2)
    shows(ec2, raw())
    shows(ec2, raw())
    error(ec2, "attach_volume", "VolumeInUse")
    shows(ec2, here("attaching"))
    shows(ec2, here())
    assert attached(ec2)["changed"]


def test_the_token_of_a_deleted_volume_is_not_used_again(ec2):
    instance(ec2)
    shows(ec2)
    error(ec2, "create_volume", "IdempotentParameterMismatch")
    old = raw(TWO, CreateTime=NOW - timedelta(hours=1))
    ec2.add_response("create_volume", old, {**CREATE, "ClientToken": WANTED.token(1)})
    error(ec2, "describe_volumes", "InvalidVolume.NotFound")
    ec2.add_response("create_volume", raw(), {**CREATE, "ClientToken": WANTED.token(2)})
    shows(ec2, here())
    assert attached(ec2)["volume"]["volume_id"] == ONE
    assert len({WANTED.token(0), WANTED.token(1), replace(WANTED, name="x").token(0)}) == 3
    assert len(WANTED.token(0)) <= 64


def test_tags_are_corrected_and_never_removed(ec2):
    instance(ec2)
    wrong = here(tags={"Name": "run-source", "stagesync:kind": "source", "stagesync:run": "x", "own": "y"})
    shows(ec2, wrong)
    ec2.add_response("create_tags", {}, {"Resources": [ONE], "Tags": [{"Key": "stagesync:run", "Value": "r"}]})
    shows(ec2, wrong)  # EC2 does not show them at once
    result = attached(ec2, replace(WANTED, tags={**WANTED.tags, "stagesync:run": "r"}))
    assert result["changed"]
    assert result["volume"]["tags"] == {
        "Name": "run-source",
        "stagesync:kind": "source",
        "stagesync:run": "r",
        "own": "y",
    }


def test_check_mode_foresees_a_new_volume_and_makes_none(ec2):
    instance(ec2, "/dev/sdf")
    shows(ec2)
    snapshot(ec2)
    result = attached(ec2, replace(WANTED, size_gib=None, snapshot_id="snap-1"), check=True)
    assert (result["changed"], result["before"]) == (True, [])
    volume = result["volume"]
    assert (volume["volume_id"], volume["size_gib"], volume["device_name"]) == (None, 20, "/dev/sdg")
    assert volume["tags"] == {"Name": "run-source", "stagesync:kind": "source"}


@pytest.mark.parametrize(("found", "changed"), [(raw(), True), (here("detaching"), True), (here("attaching"), False)])
def test_check_mode_foresees_the_attachment(ec2, found, changed):
    instance(ec2)
    shows(ec2, found)
    result = attached(ec2, check=True)
    assert (result["changed"], result["volume"]["instance_id"]) == (changed, "i-1")


@pytest.mark.parametrize(
    ("wanted", "found", "says"),
    [
        ({}, [raw(), raw(TWO)], f"Volumes {ONE}, {TWO} all have the name run-source"),
        ({}, [raw(state="error")], f"Volume {ONE} is in state error: delete it"),
        ({}, [raw(ONE, "in-use", ("i-2", "attached"))], "attached to instance i-2 as /dev/sdg, not to i-1: detach it"),
        ({}, [raw(Encrypted=False)], "is not encrypted"),
        ({}, [raw(SnapshotId="snap-9")], "was made from snap-9 where none is wanted"),
        ({"size_gib": 11}, [raw()], "has 10 GiB where 11 GiB are wanted"),
        ({}, [raw(AvailabilityZone="ap-south-1b")], "is in zone ap-south-1b and instance i-1 in ap-south-1a"),
        # What the same run id once made live or parked, or what is of another host.
        *(
            ({}, [raw(tags={"Name": "run-source", "stagesync:kind": kind})], f"stagesync:kind={kind}, not source")
            for kind in ("live", "parked")
        ),
        (
            {"tags": {"stagesync:target": "i-1"}},
            [raw(tags={"Name": "run-source", "stagesync:target": "i-2"})],
            "stagesync:target=i-2, not i-1: it is no work of this run any more, so use another run id",
        ),
        ({"name": None, "volume_id": ONE}, [], f"Volume {ONE} does not exist"),
    ],
)
def test_a_volume_that_is_not_the_one_is_refused(ec2, wanted, found, says):
    instance(ec2)
    shows(ec2, *found)
    with pytest.raises(api.EbsError, match=says):
        attached(ec2, replace(WANTED, **wanted))


@pytest.mark.parametrize(
    ("state", "size", "says"),
    [
        ("pending", 10, r"Snapshot snap-1 is pending \(40 %\), and only a completed one"),
        ("completed", 11, "size_gib is 10 and snapshot snap-1 has 11 GiB"),
        (None, 0, "Snapshot snap-1 does not exist"),
    ],
)
def test_a_snapshot_that_makes_no_volume_is_refused_before_anything_is_made(ec2, state, size, says):
    instance(ec2)
    shows(ec2)
    if state:
        snapshot(ec2, state, size)
    else:
        error(ec2, "describe_snapshots", "InvalidSnapshot.NotFound")
    with pytest.raises(api.EbsError, match=says):
        attached(ec2, replace(WANTED, snapshot_id="snap-1"))


@pytest.mark.parametrize(
    ("devices", "state", "says"),
    [
        (
            [f"/dev/sd{letter}" for letter in "fghijklmnop"],
            "running",
            "i-1 has no free device name from /dev/sdf to /d",
        ),
        ([], "terminated", "Instance i-1 is terminated"),
    ],
)
def test_an_instance_that_takes_no_volume_is_refused_before_anything_is_made(ec2, devices, state, says):
    instance(ec2, *devices, state=state)
    shows(ec2)
    with pytest.raises(api.EbsError, match=says):
        attached(ec2)


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ({"size_gib": None}, "neither size_gib nor snapshot_id"),
        ({"size_gib": 0}, "size_gib is 0"),
        ({"tags": {"Name": "x"}}, "tags names the volume x and name run-source"),
        ({"tags": {"aws:x": "x"}}, "'aws:x' is not allowed"),
        ({"initialization_rate": 100}, "of no use without snapshot_id"),
        ({"name": None, "volume_id": "/dev/sdf"}, "'/dev/sdf' is not an EBS volume id"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(ec2, wanted, says):
    with pytest.raises(api.EbsError, match=says):
        attached(ec2, replace(WANTED, **wanted))


def test_a_botocore_without_the_rate_is_said(ec2, monkeypatch):
    members = ec2.client.meta.service_model.operation_model("CreateVolume").input_shape.members
    monkeypatch.delitem(members, "VolumeInitializationRate")
    with pytest.raises(api.EbsError, match="The installed botocore knows no VolumeInitializationRate: update it"):
        attached(ec2, replace(WANTED, snapshot_id="snap-1", initialization_rate=300))


def test_a_new_volume_that_vanishes_points_at_the_key(ec2):
    instance(ec2)
    shows(ec2)
    ec2.add_response("create_volume", raw(state="creating"), CREATE)
    shows(ec2, raw(state="creating"))
    error(ec2, "describe_volumes", "InvalidVolume.NotFound")
    with pytest.raises(api.EbsError, match=f"Volume {ONE} is gone.*check that its KMS key may be used") as caught:
        attached(ec2)
    assert caught.value.result == {"changed": True}


def test_an_error_after_the_volume_was_made_says_that_it_was(ec2):
    instance(ec2)
    shows(ec2)
    ec2.add_response("create_volume", raw(), CREATE)
    shows(ec2, raw())
    error(ec2, "attach_volume", "UnauthorizedOperation")
    with pytest.raises(api.EbsApiError) as caught:
        attached(ec2)
    assert caught.value.result == {"changed": True}
    assert api.explain(caught.value) == (
        f"Volume {ONE} was made, then: Failed to attach volume {ONE} to instance i-1 as /dev/sdf: ec2:AttachVolume is"
        " not allowed (UnauthorizedOperation); allow the action to the role or user that Ansible runs as."
    )


@pytest.mark.parametrize(
    ("stuck", "says"),
    [
        (
            raw(state="creating"),
            f"Volume {ONE} is still creating after 0 s: run it again to wait on, or raise wait_tim",
        ),
        (here("attaching"), f"Volume {ONE} is still attaching to instance i-1 as /dev/sdg after 0 s"),
        (here("busy"), f"After 0 s volume {ONE} is still mounted on instance i-1: unmount it there"),
        (here("detaching"), f"After 0 s volume {ONE} is still detaching on instance i-1, maybe still mounted there"),
    ],
)
def test_the_time_is_over(ec2, stuck, says):
    instance(ec2)
    shows(ec2, stuck)
    shows(ec2, stuck)
    with pytest.raises(api.EbsError, match=says):
        attached(ec2, timeout=0)


def test_a_refusal_that_lasts_is_in_the_sentence(ec2):
    instance(ec2)
    shows(ec2, raw())
    for _attempt in range(2):
        shows(ec2, raw())
        error(ec2, "attach_volume", "IncorrectState", "Instance 'i-1' is not 'running'.")
    shows(ec2, raw())
    with pytest.raises(api.EbsError, match=r"still available \(Instance 'i-1' is not 'running'\) after 2 s"):
        attached(ec2, timeout=2)


def test_looks_come_every_second_at_first_and_every_five_later(clock):
    patience = volumes.Patience(30, clock, clock.sleep)
    moments = []
    while not patience.over:
        patience.pause("volume vol-1 is not attached yet")
        moments.append(clock.now)
    assert moments[:2] == [1, 2.25]
    assert moments[-2] - moments[-3] == 5
    assert clock.now == 30


# ---- deleting


def test_volumes_are_detached_and_deleted_side_by_side(ec2):
    both = {"Filters": [{"Name": "volume-id", "Values": [TWO, ONE]}], "MaxResults": 500}
    shows(ec2, here(volume_id=TWO), here(), query=both)
    for volume_id in (ONE, TWO):
        ec2.add_response("detach_volume", {}, {"VolumeId": volume_id, "InstanceId": "i-1"})
    shows(ec2, here("detaching"), here("detaching", TWO))
    shows(ec2, raw(), here("busy", TWO))
    ec2.add_response("delete_volume", {}, {"VolumeId": ONE})
    shows(ec2, raw(state="deleting"), raw(TWO))
    ec2.add_response("delete_volume", {}, {"VolumeId": TWO})
    shows(ec2, raw(state="deleting"), raw(TWO, "deleting"))
    shows(ec2, raw(TWO, "deleted"))
    result = absent(ec2, [TWO, ONE])
    assert (result["changed"], result["deleted"], result["after"]) == (True, [ONE, TWO], [])
    assert [volume["volume_id"] for volume in result["before"]] == [ONE, TWO]


def test_an_attachment_on_its_way_is_let_finish_first(ec2):
    shows(ec2, here("attaching"))
    shows(ec2, here())
    ec2.add_response("detach_volume", {})
    shows(ec2, here())  # EC2 shows the old state for a moment; it is not asked again
    shows(ec2, raw())
    error(ec2, "delete_volume", "VolumeInUse")
    shows(ec2, raw())
    ec2.add_response("delete_volume", {})
    shows(ec2)
    assert absent(ec2)["deleted"] == [ONE]


@pytest.mark.parametrize("found", [[], [raw(state="deleted")]])
def test_what_is_gone_is_no_error(ec2, found):
    shows(ec2, *found)
    assert absent(ec2)["changed"] is False


def test_nothing_to_delete_asks_nothing(ec2):
    assert absent(ec2, [])["deleted"] == []


def test_what_is_being_deleted_is_waited_for(ec2):
    shows(ec2, raw(state="deleting"))
    shows(ec2)
    result = absent(ec2)
    assert (result["changed"], result["before"]) == (False, [])


def test_what_goes_meanwhile_is_no_error(ec2):
    shows(ec2, raw())
    error(ec2, "delete_volume", "InvalidVolume.NotFound")
    shows(ec2)
    assert absent(ec2)["changed"] is False


def test_what_was_not_made_by_the_collection_is_refused_and_nothing_deleted(ec2):
    shows(ec2, raw(), raw(TWO, tags={"Name": "system"}))
    with pytest.raises(api.EbsError, match=f"Volume {TWO} carries no tag stagesync:kind .*nothing was deleted"):
        absent(ec2, [ONE, TWO])


def test_a_name_is_matched_to_the_letter(ec2):
    shows(ec2, raw(), query={**BY_NAME, "Filters": [{"Name": "tag:Name", "Values": ["run*"]}]})
    assert absent(ec2, name="run*")["deleted"] == []


def test_check_mode_deletes_nothing(ec2):
    shows(ec2, here(), raw(TWO, "deleting"))
    result = absent(ec2, [ONE, TWO], check=True)
    assert (result["changed"], result["deleted"], result["after"]) == (True, [ONE], [])


def test_a_mounted_volume_is_named_with_its_instance_and_the_others_are_deleted(ec2):
    shows(ec2, here(), raw(TWO))
    ec2.add_response("detach_volume", {})
    ec2.add_response("delete_volume", {}, {"VolumeId": TWO})
    shows(ec2, here("busy"))
    shows(ec2, here("busy"))
    with pytest.raises(api.EbsError) as caught:
        absent(ec2, [ONE, TWO], timeout=2)
    assert str(caught.value) == (
        f"After 2 s volume {ONE} is still mounted on instance i-1 ({TWO} had been deleted): unmount it there and run it"
        " again."
    )
    assert caught.value.result == {"changed": True, "deleted": [TWO]}


def test_a_deletion_that_stops_half_way_says_what_is_deleted(ec2):
    shows(ec2, raw(), raw(TWO))
    ec2.add_response("delete_volume", {})
    error(ec2, "delete_volume", "UnauthorizedOperation")
    with pytest.raises(api.EbsApiError) as caught:
        absent(ec2, [ONE, TWO])
    assert api.explain(caught.value).startswith(
        f"Failed to delete volume {TWO} after {ONE} had been deleted: ec2:DeleteVolume is not allowed"
    )
    assert caught.value.result == {"changed": True, "deleted": [ONE]}


def test_what_is_no_volume_id_is_refused(ec2):
    with pytest.raises(api.EbsError, match="'snap-1' is not an EBS volume id"):
        absent(ec2, ["snap-1"])


# ---- the module against moto


def test_the_module_makes_finds_and_deletes(call, cloud):
    image = cloud.register_image(Name="base", RootDeviceName="/dev/xvda", Architecture="x86_64")["ImageId"]
    instance_id = cloud.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    params = {"name": "one", "instance_id": instance_id, "size_gib": 1, "tags": {"stagesync:kind": "source"}}

    assert call(ebs_volume, check=True, **params)["volume"]["volume_id"] is None
    made = call(ebs_volume, **params)
    volume_id = made["volume"]["volume_id"]
    assert (made["changed"], made["volume"]["encrypted"], made["volume"]["device_name"]) == (True, True, "/dev/sdf")
    assert made["diff"]["before"] == {"volumes": []}
    assert made["diff"]["after"]["volumes"][0]["volume_id"] == volume_id
    again = call(ebs_volume, **params)
    assert (again["changed"], again["volume"], "diff" in again) == (False, made["volume"], False)
    by_id = call(ebs_volume, volume_id=volume_id, instance_id=instance_id)
    assert (by_id["changed"], by_id["volume"]) == (False, made["volume"])

    assert call(ebs_volume, check=True, state="absent", name="one")["deleted"] == [volume_id]
    gone = call(ebs_volume, state="absent", volume_ids=[volume_id])
    assert (gone["changed"], gone["deleted"], gone["diff"]["after"]) == (True, [volume_id], {"volumes": []})
    assert call(ebs_volume, state="absent", name="one")["changed"] is False


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"name": "x"}, "instance_id"),
        ({"instance_id": "i-1"}, "name, volume_id"),
        ({"state": "absent"}, "name, volume_ids"),
        ({"volume_id": ONE, "size_gib": 1, "instance_id": "i-1"}, "volume_id|size_gib"),
        ({"name": "", "instance_id": "i-1"}, "name is empty"),
        (
            {"name": "x", "size_gib": 1, "instance_id": "i-00000000"},
            "(InvalidInstanceID.NotFound); correct the instance",
        ),
        ({"state": "absent", "volume_ids": ["x"]}, "'x' is not an EBS volume id"),
    ],
)
def test_a_wrong_request_ends_in_one_sentence(call, params, says):
    result = call(ebs_volume, **params)
    assert result["failed"]
    assert says in result["msg"]
    assert "Traceback" not in json.dumps(result)
