# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Copies of snapshots: one for a run, encrypted, deleted alone; botocore's Stubber and moto stand for EC2."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, copies  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import ebs_snapshot_copy, ebs_snapshot_set  # noqa: E402

pytestmark = pytest.mark.usefixtures("slept")
WANTED = copies.Wanted("snap-1", "eu-central-1", "r1", "1234", {"stagesync:fcv": "6.0"})
OF_RUN = {
    "OwnerIds": ["self"],
    "MaxResults": 1000,
    "Filters": [{"Name": "tag:stagesync:run", "Values": ["r1"]}, {"Name": "tag:stagesync:kind", "Values": ["copy"]}],
}
KEY = "arn:aws:kms:ap-south-1:111122223333:key/1234"


def raw(number=7, state="pending", **more):
    tags = [{"Key": key, "Value": value} for key, value in WANTED.all_tags().items()]
    return {
        "SnapshotId": f"snap-{number}",
        "VolumeId": "vol-ffffffff",
        "State": state,
        "Progress": "10%",
        "StartTime": datetime(2026, 11, 20, tzinfo=timezone.utc),
        "VolumeSize": 10,
        "Encrypted": True,
        "KmsKeyId": KEY,
        "OwnerId": "222222222222",
        "Tags": tags,
        **more,
    }


def shows(ec2, *found):
    ec2.add_response("describe_snapshots", {"Snapshots": list(found)}, OF_RUN)


def present(ec2, wanted=WANTED, check=False):
    return copies.present(ec2.client, wanted, check, clock=ec2.clock, sleep=ec2.clock.sleep)


def makes(ec2):
    ec2.add_response("copy_snapshot", {"SnapshotId": "snap-7"}, WANTED.request())


def test_a_copy_is_made_once_and_encrypted(ec2):
    shows(ec2)
    makes(ec2)
    shows(ec2)  # not listed at once
    shows(ec2, raw())
    result = present(ec2)
    assert (result["changed"], result["snapshot"]["snapshot_id"], result["snapshot"]["state"]) == (
        True,
        "snap-7",
        "pending",
    )
    assert result["after"] == [{"snapshot_id": "snap-7", "copy_of": "snap-1", "tags": WANTED.all_tags()}]
    assert WANTED.request()["Encrypted"] is True
    shows(ec2, raw(state="completed"))
    again = present(ec2)
    assert (again["changed"], again["snapshot"]["state"]) == (False, "completed")


def test_check_mode_copies_nothing(ec2):
    shows(ec2)
    result = present(ec2, check=True)
    assert (result["changed"], result["snapshot"], result["after"][0]["copy_of"]) == (True, None, "snap-1")


def test_a_copy_of_another_snapshot_is_another_copy(ec2):
    other = raw(8)
    other["Tags"] = [{"Key": k, "Value": v} for k, v in replace(WANTED, snapshot_id="snap-2").all_tags().items()]
    shows(ec2, other)
    makes(ec2)
    shows(ec2, other, raw())
    assert present(ec2)["snapshot"]["snapshot_id"] == "snap-7"


@pytest.mark.parametrize("code", ["ResourceLimitExceeded", "RequestLimitExceeded"])
def test_too_many_copies_at_the_moment_are_waited_out(ec2, code):
    shows(ec2)
    ec2.add_client_error("copy_snapshot", code)
    shows(ec2)
    makes(ec2)
    shows(ec2, raw())
    assert present(ec2)["changed"]
    assert ec2.clock.now == 2


def test_a_copy_made_despite_an_error_is_not_made_again(ec2):
    shows(ec2)
    ec2.add_client_error("copy_snapshot", "InternalError")
    shows(ec2, raw())
    assert present(ec2)["snapshot"]["snapshot_id"] == "snap-7"


def test_a_copy_that_is_not_allowed_ends_in_one_sentence(ec2):
    shows(ec2)
    ec2.add_client_error("copy_snapshot", "UnauthorizedOperation")
    with pytest.raises(api.EbsApiError) as caught:
        present(ec2)
    assert "ec2:CopySnapshot is not allowed (UnauthorizedOperation)" in api.explain(caught.value)


def test_a_copy_that_is_never_listed_is_named(ec2):
    shows(ec2)
    makes(ec2)
    for _second in range(61):
        shows(ec2)
    with pytest.raises(api.EbsError, match="made copy snap-7 of snapshot snap-1 but has not listed it"):
        present(ec2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"State": "error"}, "failed .state error."),
        ({"Encrypted": False}, "is not encrypted"),
        ({"KmsKeyId": KEY + "5"}, "is encrypted under .*12345, not 1234"),
    ],
)
def test_a_copy_that_is_not_as_asked_is_deleted(ec2, change, says):
    shows(ec2, raw(**change))
    ec2.add_response("delete_snapshot", {}, {"SnapshotId": "snap-7"})
    with pytest.raises(api.EbsError, match=f"Copy snap-7 of snapshot snap-1 {says}.* It was deleted."):
        present(ec2)


def test_two_copies_are_an_error(ec2):
    shows(ec2, raw(7), raw(8))
    with pytest.raises(api.EbsError, match="snap-7, snap-8 are all copies of snap-1"):
        present(ec2)


def test_tags_of_the_module_are_refused(ec2):
    with pytest.raises(api.EbsError, match="Tag stagesync:kind is set by the module"):
        present(ec2, replace(WANTED, tags={"stagesync:kind": "source"}))


def test_a_wildcard_in_a_run_id_deletes_nothing(ec2):
    ec2.add_response("describe_snapshots", {"Snapshots": [raw()]})
    assert copies.absent(ec2.client, "*")["deleted"] == []


def test_copied_found_and_deleted_alone(call, cloud):
    """Through the module against moto: the run's own snapshot set stays when its copies go."""
    import boto3

    abroad = boto3.client("ec2", region_name="eu-central-1")
    volume = abroad.create_volume(AvailabilityZone="eu-central-1a", Size=3, Encrypted=True)["VolumeId"]
    tags = [{"Key": "stagesync:run", "Value": "r1"}, {"Key": "stagesync:set", "Value": "weekly"}]
    origin = abroad.create_snapshot(VolumeId=volume, TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}])[
        "SnapshotId"
    ]
    here = cloud.create_volume(AvailabilityZone="ap-south-1a", Size=3)["VolumeId"]
    own = cloud.create_snapshot(VolumeId=here, TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}])
    params = {"run_id": "r1", "snapshot_id": origin, "source_region": "eu-central-1", "tags": {"stagesync:fcv": "6.0"}}
    assert call(ebs_snapshot_copy, check=True, **params)["snapshot"] is None
    first = call(ebs_snapshot_copy, **params)
    assert first.get("changed"), first
    assert first["snapshot"]["tags"] == {
        "stagesync:run": "r1",
        "stagesync:kind": "copy",
        "stagesync:copy-of": origin,
        "stagesync:fcv": "6.0",
    }
    assert first["diff"]["before"] == {"snapshots": []}
    again = call(ebs_snapshot_copy, **params)
    assert (again["changed"], again["snapshot"]["snapshot_id"]) == (False, first["snapshot"]["snapshot_id"])
    copy = first["snapshot"]["snapshot_id"]
    assert call(ebs_snapshot_copy, check=True, state="absent", run_id="r1")["deleted"] == [copy]
    assert call(ebs_snapshot_copy, state="absent", run_id="r1")["deleted"] == [copy]
    assert call(ebs_snapshot_copy, state="absent", run_id="r1")["changed"] is False
    assert call(ebs_snapshot_set, state="absent", run_id="r1")["deleted"] == [own["SnapshotId"]]
    assert "run_id is empty" in call(ebs_snapshot_copy, state="absent", run_id="")["msg"]


def test_a_copy_that_moto_leaves_unencrypted_is_gone_again(call, cloud):
    volume = cloud.create_volume(AvailabilityZone="ap-south-1a", Size=3)["VolumeId"]
    origin = cloud.create_snapshot(VolumeId=volume)["SnapshotId"]
    result = call(ebs_snapshot_copy, run_id="r2", snapshot_id=origin, source_region="ap-south-1")
    assert "is not encrypted though that was asked for" in result["msg"]
    of_run = [{"Name": "tag:stagesync:run", "Values": ["r2"]}]
    assert cloud.describe_snapshots(Filters=of_run)["Snapshots"] == []
