# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Sharing snapshots with other accounts, with moto's EC2 and KMS; and the kind of a masked set."""

from __future__ import annotations

import pytest

boto3 = pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import shares, snapshots  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import ebs_snapshot_set, ebs_snapshot_share  # noqa: E402

ONE, TWO = "111122223333", "444455556666"


@pytest.fixture
def snapshot(cloud):
    volume = cloud.create_volume(AvailabilityZone="ap-south-1a", Size=1, Encrypted=True)["VolumeId"]
    made = cloud.create_snapshot(VolumeId=volume)["SnapshotId"]
    yield made
    cloud.delete_snapshot(SnapshotId=made)
    cloud.delete_volume(VolumeId=volume)


def shared_with(cloud, snapshot_id):
    answer = cloud.describe_snapshot_attribute(SnapshotId=snapshot_id, Attribute="createVolumePermission")
    return sorted(entry["UserId"] for entry in answer["CreateVolumePermissions"])


def test_accounts_are_added_and_none_is_removed(call, cloud, snapshot):
    first = call(ebs_snapshot_share, snapshot_ids=[snapshot], accounts=[ONE])
    assert first["changed"]
    assert first["diff"]["before"]["snapshots"] == [{"snapshot_id": snapshot, "shared_with": []}]
    assert not call(ebs_snapshot_share, snapshot_ids=[snapshot], accounts=[ONE])["changed"]
    second = call(ebs_snapshot_share, snapshot_ids=[snapshot], accounts=[TWO])
    assert second["snapshots"] == [{"snapshot_id": snapshot, "shared_with": [ONE, TWO]}]
    assert shared_with(cloud, snapshot) == [ONE, TWO]


def test_check_mode_shares_nothing(call, cloud, snapshot):
    assert call(ebs_snapshot_share, check=True, snapshot_ids=[snapshot], accounts=[ONE])["changed"]
    assert shared_with(cloud, snapshot) == []


@pytest.mark.parametrize("account", ["me", "1234", "arn:aws:iam::111122223333:root", "11112222333a"])
def test_what_is_no_account_is_refused(call, snapshot, account):
    told = call(ebs_snapshot_share, snapshot_ids=[snapshot], accounts=[account])
    assert told["failed"]
    assert told["msg"] == f"'{account}' is no AWS account id: give 12 digits, quoted."


@pytest.mark.usefixtures("cloud")
def test_a_snapshot_that_is_not_there_is_named(call):
    told = call(ebs_snapshot_share, snapshot_ids=["snap-0123456789abcdef0"], accounts=[ONE])
    assert told["msg"] == "Snapshot snap-0123456789abcdef0 does not exist: correct the id or the region."


class Keys:
    """KMS that knows one key."""

    def __init__(self, manager):
        self.manager = manager

    def describe_key(self, KeyId):  # noqa: N803 - boto3's own name
        return {"KeyMetadata": {"KeyId": KeyId, "KeyManager": self.manager}}


@pytest.mark.parametrize("check_mode", [True, False])
def test_the_default_key_is_refused_before_anything_is_shared(ec2, check_mode):
    described = {
        "SnapshotId": "snap-1", "VolumeId": "vol-1", "State": "pending", "VolumeSize": 1, "OwnerId": ONE,
        "KmsKeyId": "arn:aws:kms:ap-south-1:1:key/k",
    }  # fmt: skip
    ec2.add_response("describe_snapshots", {"Snapshots": [described]}, {"SnapshotIds": ["snap-1"]})
    with pytest.raises(
        shares.EbsError, match="snap-1 is encrypted under the account's default key.*stagesync_kms_key_id"
    ):
        shares.share(ec2.client, Keys("AWS"), ["snap-1"], [TWO], check_mode)


def test_a_key_of_ones_own_is_shared(ec2):
    described = {"SnapshotId": "snap-1", "VolumeId": "vol-1", "State": "completed", "KmsKeyId": "k", "OwnerId": ONE}
    look = {"SnapshotId": "snap-1", "Attribute": "createVolumePermission"}
    ec2.add_response("describe_snapshots", {"Snapshots": [described]}, {"SnapshotIds": ["snap-1"]})
    ec2.add_response("describe_snapshot_attribute", {"CreateVolumePermissions": [{"Group": "all"}]}, look)
    ec2.add_response("modify_snapshot_attribute", {}, {**look, "OperationType": "add", "UserIds": [TWO]})
    assert shares.share(ec2.client, Keys("CUSTOMER"), ["snap-1"], [TWO])["changed"]


def test_what_ec2_refuses_is_one_sentence(ec2, slept):
    described = {"SnapshotId": "snap-1", "VolumeId": "vol-1", "State": "completed", "OwnerId": ONE}
    ec2.add_response("describe_snapshots", {"Snapshots": [described]})
    ec2.add_response("describe_snapshot_attribute", {})
    ec2.add_client_error("modify_snapshot_attribute", "UnauthorizedOperation", "no")
    with pytest.raises(snapshots.EbsApiError) as error:
        shares.share(ec2.client, Keys("CUSTOMER"), ["snap-1"], [TWO])
    assert error.value.message == f"Failed to share snapshot snap-1 with account {TWO}"
    assert slept == []


def test_a_masked_set_says_so_and_stays_so(call, cloud):
    image_id = cloud.register_image(Name="masked")["ImageId"]
    made = cloud.run_instances(ImageId=image_id, MinCount=1, MaxCount=1)["Instances"][0]
    volume = cloud.create_volume(AvailabilityZone=made["Placement"]["AvailabilityZone"], Size=1, Encrypted=True)[
        "VolumeId"
    ]
    cloud.attach_volume(VolumeId=volume, InstanceId=made["InstanceId"], Device="/dev/sdf")
    wanted = {
        "run_id": "run-1", "set_name": "weekly-masked", "instance_id": made["InstanceId"], "volume_ids": [volume],
        "kind": "masked", "wait": True,
    }  # fmt: skip
    first = call(ebs_snapshot_set, **wanted)
    assert first["set"]["tags"]["stagesync:kind"] == "masked"
    again = call(ebs_snapshot_set, **wanted)
    assert not again["changed"]
    assert again["set"]["snapshot_ids"] == first["set"]["snapshot_ids"]
