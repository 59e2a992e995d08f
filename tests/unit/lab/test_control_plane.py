"""The control plane as a boto3 client sees it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from datetime import timezone

import pytest
from botocore.exceptions import ClientError
from stagesync_lab import config

STAGING = config.HOSTS["staging"].instance_id
PRIMARY = config.HOSTS["primary"].instance_id


@pytest.fixture(scope="module")
def ec2(endpoint):
    return endpoint.client("ec2")


@contextmanager
def refused(code: str, message: str = ""):
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert message in error["Message"]


def until(question, seconds: float = 8):
    deadline = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer


@contextmanager
def held(endpoint, operation: str):
    """What the operation makes meanwhile stays in its first state until the end."""
    rule = endpoint.ask("POST", "/lab/faults", {"operation": operation, "stuck": True})
    yield
    endpoint.ask("DELETE", f"/lab/faults/{rule['id']}")


def volume_of(ec2, volume_id: str) -> dict:
    return ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]


def attachment_state(ec2, volume_id: str) -> str | None:
    return next((a["State"] for a in volume_of(ec2, volume_id)["Attachments"]), None)


def snapshot_of(ec2, snapshot_id: str) -> dict:
    return ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]


def make_volume(ec2, wait: bool = True, **options) -> str:
    volume = ec2.create_volume(**{"AvailabilityZone": config.ZONE, "Size": 1, "VolumeType": "gp3", **options})
    volume_id = volume["VolumeId"]
    if wait:
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")
    return volume_id


def make_snapshot(ec2, volume_id: str, wait: bool = True, **options) -> str:
    snapshot_id = ec2.create_snapshot(VolumeId=volume_id, **options)["SnapshotId"]
    if wait:
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "completed")
    return snapshot_id


def tagged(kind: str, **tags: str) -> list[dict]:
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


class TestBootstrap:
    def test_the_hosts_are_instances_with_their_fixed_ids_addresses_and_tags(self, ec2):
        instances = {
            instance["InstanceId"]: instance
            for reservation in ec2.describe_instances()["Reservations"]
            for instance in reservation["Instances"]
        }
        assert set(instances) == {host.instance_id for host in config.HOSTS.values()}
        staging = instances[STAGING]
        assert staging["PrivateIpAddress"] == "10.77.0.13"
        assert staging["State"]["Name"] == "running"
        assert staging["Placement"]["AvailabilityZone"] == config.ZONE
        assert staging["IamInstanceProfile"]["Arn"].endswith(":instance-profile/stagesync-lab-staging")
        assert {tag["Key"]: tag["Value"] for tag in staging["Tags"]} == {
            "Name": "lab-mongo-staging",
            "Environment": "staging",
            "stagesync:role": "staging",
        }

    def test_every_instance_has_a_root_volume_that_cannot_be_detached_while_it_runs(self, ec2):
        root = ec2.describe_volumes(Filters=[{"Name": "attachment.device", "Values": ["/dev/xvda"]}])["Volumes"]
        assert {volume["Attachments"][0]["InstanceId"] for volume in root} >= {PRIMARY, STAGING}
        with refused("OperationNotPermitted", "Unable to detach root volume"):
            ec2.detach_volume(VolumeId=root[0]["VolumeId"])

    def test_the_instances_cannot_be_terminated(self, ec2):
        with refused("OperationNotPermitted"):
            ec2.terminate_instances(InstanceIds=[STAGING])

    def test_the_bucket_is_unversioned_encrypted_and_forgets_after_a_day(self, endpoint):
        s3 = endpoint.client("s3")
        assert "Status" not in s3.get_bucket_versioning(Bucket=config.BUCKET)
        rules = s3.get_bucket_encryption(Bucket=config.BUCKET)["ServerSideEncryptionConfiguration"]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        lifecycle = s3.get_bucket_lifecycle_configuration(Bucket=config.BUCKET)["Rules"]
        assert [rule["Expiration"]["Days"] for rule in lifecycle] == [1]

    def test_an_instance_can_be_said_to_be_stopped(self, endpoint, ec2):
        def state():
            answer = ec2.describe_instances(InstanceIds=[PRIMARY])
            return answer["Reservations"][0]["Instances"][0]["State"]["Name"]

        assert endpoint.ask("POST", "/lab/instances/primary/state", {"state": "stopped"})["state"] == "stopped"
        assert state() == "stopped"
        endpoint.ask("POST", "/lab/instances/primary/state", {"state": "running"})
        assert state() == "running"
        assert endpoint.ask("POST", "/lab/instances/primary/state", {"state": "odd"})["status"] == 400
        assert endpoint.ask("POST", "/lab/instances/nobody/state", {"state": "running"})["status"] == 400


class TestVolumes:
    def test_a_volume_is_creating_before_it_is_available(self, endpoint, ec2):
        with held(endpoint, "ec2:CreateVolume"):
            volume_id = make_volume(ec2, wait=False)
            assert volume_of(ec2, volume_id)["State"] == "creating"
            with refused("IncorrectState", f"{volume_id} is not 'available'."):
                ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
            with refused("IncorrectState"):
                ec2.create_snapshot(VolumeId=volume_id)
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")

    def test_what_describes_a_volume_has_the_fields_that_modules_read(self, ec2):
        volume = volume_of(ec2, make_volume(ec2, TagSpecifications=tagged("volume", purpose="fields")))
        assert volume["MultiAttachEnabled"] is False
        assert volume["SnapshotId"] == ""
        assert (volume["Iops"], volume["Throughput"]) == (3000, 125)
        assert volume["Tags"] == [{"Key": "purpose", "Value": "fields"}]

    def test_the_same_client_token_makes_one_volume(self, ec2):
        first = make_volume(ec2, ClientToken="once")
        assert make_volume(ec2, ClientToken="once") == first

    def test_an_unknown_zone_or_volume_is_refused(self, ec2):
        with refused("InvalidZone.NotFound"):
            make_volume(ec2, AvailabilityZone="ap-south-1x")
        for call in (
            lambda: ec2.describe_volumes(VolumeIds=["vol-0ffffffffffffffff"]),
            lambda: ec2.delete_volume(VolumeId="vol-0ffffffffffffffff"),
            lambda: ec2.detach_volume(VolumeId="vol-0ffffffffffffffff"),
        ):
            with refused("InvalidVolume.NotFound", "The volume 'vol-0ffffffffffffffff' does not exist."):
                call()

    def test_a_volume_can_grow_but_not_shrink(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        ec2.modify_volume(VolumeId=volume_id, Size=3)
        assert volume_of(ec2, volume_id)["Size"] == 3
        assert (endpoint.state / f"pool/volumes/{volume_id}.img").stat().st_size == 3 << 30
        with refused("InvalidParameterValue", "smaller"):
            ec2.modify_volume(VolumeId=volume_id, Size=2)

    def test_deleting_a_volume_deletes_its_bytes(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        path = endpoint.state / f"pool/volumes/{volume_id}.img"
        assert path.exists()
        ec2.delete_volume(VolumeId=volume_id)
        assert not path.exists()
        with refused("InvalidVolume.NotFound"):
            volume_of(ec2, volume_id)


class TestAttachments:
    def test_an_attached_volume_is_in_the_host_under_another_name_and_gone_after_the_detach(
        self, endpoint, ec2, machine
    ):
        volume_id = make_volume(ec2)
        link = f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '')}"
        with held(endpoint, "ec2:AttachVolume"):
            answer = ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
            assert answer["State"] == "attaching"
            assert attachment_state(ec2, volume_id) == "attaching"
            assert volume_of(ec2, volume_id)["State"] == "in-use"
        assert until(lambda: attachment_state(ec2, volume_id) == "attached")
        assert machine.run(f"readlink -f {link}").strip() == "/dev/nvme1n1"
        mappings = ec2.describe_instances(InstanceIds=[STAGING])["Reservations"][0]["Instances"][0]
        assert [m["Ebs"]["Status"] for m in mappings["BlockDeviceMappings"]] == ["attached", "attached"]
        with held(endpoint, "ec2:DetachVolume"):
            assert ec2.detach_volume(VolumeId=volume_id)["State"] == "detaching"
            assert attachment_state(ec2, volume_id) == "detaching"
            assert volume_of(ec2, volume_id)["State"] == "in-use"
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")
        assert machine.run("ls /dev | grep nvme || true") == ""

    def test_a_volume_that_the_host_has_mounted_stays_busy_until_it_is_unmounted(self, ec2, machine):
        volume_id = make_volume(ec2)
        ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
        assert until(lambda: attachment_state(ec2, volume_id) == "attached")
        machine.run("mkfs.xfs -q /dev/nvme1n1 && mount /dev/nvme1n1 /dev/mnt")
        ec2.detach_volume(VolumeId=volume_id, InstanceId=STAGING)
        assert until(lambda: attachment_state(ec2, volume_id) == "busy")
        time.sleep(0.7)
        assert attachment_state(ec2, volume_id) == "busy"
        machine.run("umount /dev/mnt")
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")

    def test_what_ec2_refuses(self, ec2, machine):  # noqa: ARG002 - a host that is up
        first, second = make_volume(ec2), make_volume(ec2)
        other_zone = make_volume(ec2, AvailabilityZone="ap-south-1b")
        ec2.attach_volume(VolumeId=first, InstanceId=STAGING, Device="/dev/sdf")
        with refused("VolumeInUse", f"{first} is already attached to an instance"):
            ec2.attach_volume(VolumeId=first, InstanceId=PRIMARY, Device="/dev/sdg")
        with refused(
            "InvalidParameterValue",
            "Invalid value '/dev/sdf' for unixDevice. Attachment point /dev/sdf is already in use",
        ):
            ec2.attach_volume(VolumeId=second, InstanceId=STAGING, Device="/dev/sdf")
        with refused(
            "InvalidVolume.ZoneMismatch",
            f"The volume '{other_zone}' is not in the same availability zone as instance '{STAGING}'",
        ):
            ec2.attach_volume(VolumeId=other_zone, InstanceId=STAGING, Device="/dev/sdg")
        with refused("VolumeInUse", f"Volume {first} is currently attached to {STAGING}"):
            ec2.delete_volume(VolumeId=first)
        with refused("IncorrectState", f"Volume '{second}' is in the 'available' state."):
            ec2.detach_volume(VolumeId=second)
        with refused("InvalidAttachment.NotFound"):
            ec2.detach_volume(VolumeId=first, InstanceId=PRIMARY)
        with refused("InvalidInstanceID.NotFound"):
            ec2.attach_volume(VolumeId=second, InstanceId="i-0ffffffffffffffff", Device="/dev/sdg")
        ec2.detach_volume(VolumeId=first, InstanceId=STAGING, Device="/dev/sdf")
        assert until(lambda: volume_of(ec2, first)["State"] == "available")

    def test_a_forced_detach_ends_although_the_volume_is_mounted(self, ec2, machine):
        volume_id = make_volume(ec2)
        ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
        assert until(lambda: attachment_state(ec2, volume_id) == "attached")
        machine.run("mkfs.xfs -q /dev/nvme1n1 && mount /dev/nvme1n1 /dev/mnt")
        ec2.detach_volume(VolumeId=volume_id)
        assert until(lambda: attachment_state(ec2, volume_id) == "busy")
        ec2.detach_volume(VolumeId=volume_id, Force=True)
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")
        machine.run("umount /dev/mnt")


class TestSnapshots:
    def test_a_snapshot_is_pending_before_it_is_completed(self, endpoint, ec2):
        volume_id = make_volume(ec2, Size=2)
        with held(endpoint, "ec2:CreateSnapshot"):
            snapshot_id = make_snapshot(ec2, volume_id, wait=False, Description="why")
            first = snapshot_of(ec2, snapshot_id)
            assert (first["State"], first["Progress"]) == ("pending", "0%")
            with refused("IncorrectState", "pending"):
                make_volume(ec2, SnapshotId=snapshot_id)
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "completed")
        last = snapshot_of(ec2, snapshot_id)
        assert (last["Progress"], last["VolumeSize"], last["VolumeId"]) == ("100%", 2, volume_id)
        assert (last["OwnerId"], last["Description"]) == (config.ACCOUNT, "why")

    def test_the_content_is_that_of_the_moment_of_the_call(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        path = endpoint.state / f"pool/volumes/{volume_id}.img"
        with open(path, "r+b") as handle:
            handle.write(b"before")
            handle.flush()
            snapshot_id = make_snapshot(ec2, volume_id, wait=False)
            handle.seek(0)
            handle.write(b"after!")
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "completed")
        restored = make_volume(ec2, SnapshotId=snapshot_id, Size=2)
        with open(endpoint.state / f"pool/volumes/{restored}.img", "rb") as handle:
            assert handle.read(6) == b"before"
        assert volume_of(ec2, restored)["SnapshotId"] == snapshot_id

    def test_a_volume_smaller_than_its_snapshot_is_refused(self, ec2):
        snapshot_id = make_snapshot(ec2, make_volume(ec2, Size=2))
        with refused("InvalidParameterValue", f"Volume of size 1GB is smaller than snapshot '{snapshot_id}'"):
            make_volume(ec2, SnapshotId=snapshot_id, Size=1)

    def test_the_size_of_a_snapshot_outlives_its_volume(self, ec2):
        volume_id = make_volume(ec2, Size=2)
        snapshot_id = make_snapshot(ec2, volume_id)
        ec2.modify_volume(VolumeId=volume_id, Size=5)
        ec2.delete_volume(VolumeId=volume_id)
        assert snapshot_of(ec2, snapshot_id)["VolumeSize"] == 2

    def test_one_call_takes_all_volumes_of_an_instance_with_their_tags(self, ec2, machine):  # noqa: ARG002
        volumes = [make_volume(ec2, TagSpecifications=tagged("volume", part=part)) for part in ("data", "journal")]
        for volume_id, device in zip(volumes, ("/dev/sdf", "/dev/sdg"), strict=True):
            ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device=device)
        for volume_id in volumes:
            assert until(lambda: attachment_state(ec2, volume_id) == "attached")  # noqa: B023

        def take(**spec):
            answer = ec2.create_snapshots(
                InstanceSpecification={"InstanceId": STAGING, **spec},
                CopyTagsFromSource="volume",
                TagSpecifications=tagged("snapshot", set="s1"),
            )
            return {snapshot["VolumeId"]: snapshot for snapshot in answer["Snapshots"]}

        assert len(take()) == 3
        taken = take(ExcludeBootVolume=True)
        assert set(taken) == set(volumes)
        snapshot_id = taken[volumes[1]]["SnapshotId"]
        tags = {tag["Key"]: tag["Value"] for tag in snapshot_of(ec2, snapshot_id)["Tags"]}
        assert tags == {"set": "s1", "part": "journal"}
        assert set(take(ExcludeBootVolume=True, ExcludeDataVolumeIds=[volumes[0]])) == {volumes[1]}
        with refused("InvalidParameterValue"):
            take(ExcludeDataVolumeIds=["vol-0ffffffffffffffff"])
        for volume_id in volumes:
            ec2.detach_volume(VolumeId=volume_id)
        for volume_id in volumes:
            assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")  # noqa: B023

    def test_no_more_than_five_pending_snapshots_of_a_volume(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        with held(endpoint, "ec2:CreateSnapshot"):
            for _number in range(5):
                make_snapshot(ec2, volume_id, wait=False)
            with refused("ConcurrentSnapshotLimitExceeded"):
                make_snapshot(ec2, volume_id, wait=False)
        filters = [{"Name": "volume-id", "Values": [volume_id]}, {"Name": "status", "Values": ["pending"]}]
        assert until(lambda: not ec2.describe_snapshots(Filters=filters)["Snapshots"])

    def test_a_copy_has_the_bytes_of_its_source(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        with open(endpoint.state / f"pool/volumes/{volume_id}.img", "r+b") as handle:
            handle.write(b"copied")
        source = make_snapshot(ec2, volume_id)
        copy = ec2.copy_snapshot(SourceRegion=config.REGION, SourceSnapshotId=source)["SnapshotId"]
        assert until(lambda: snapshot_of(ec2, copy)["State"] == "completed")
        ec2.delete_snapshot(SnapshotId=source)
        assert not (endpoint.state / f"pool/snapshots/{source}.img").exists()
        with open(endpoint.state / f"pool/snapshots/{copy}.img", "rb") as handle:
            assert handle.read(6) == b"copied"

    def test_another_account_sees_what_is_shared_with_it_and_copies_it_under_a_key_of_its_own(self, endpoint, ec2):
        volume_id = make_volume(ec2, Encrypted=True, KmsKeyId=config.PRODUCTION_KEY)
        mine = make_snapshot(ec2, volume_id, TagSpecifications=tagged("snapshot", Name="mine"))
        other = endpoint.client("ec2", config.OTHER_ADMINISTRATOR_KEY)
        with refused("InvalidSnapshot.NotFound"):
            other.copy_snapshot(SourceRegion=config.REGION, SourceSnapshotId=mine)
        add = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [config.OTHER_ACCOUNT]}
        ec2.modify_snapshot_attribute(SnapshotId=mine, **add)
        (seen,) = other.describe_snapshots(OwnerIds=[config.ACCOUNT])["Snapshots"]
        assert (seen["SnapshotId"], seen["KmsKeyId"], seen.get("Tags", [])) == (mine, config.PRODUCTION_KEY, [])
        assert other.describe_snapshots(OwnerIds=["self"])["Snapshots"] == []
        assert other.describe_volumes()["Volumes"] == []
        with refused("InvalidSnapshot.NotFound"):
            other.delete_snapshot(SnapshotId=mine)
        theirs = other.copy_snapshot(SourceRegion=config.REGION, SourceSnapshotId=mine, KmsKeyId=config.OTHER_KEY)
        (copied,) = other.describe_snapshots(SnapshotIds=[theirs["SnapshotId"]])["Snapshots"]
        assert (copied["OwnerId"], copied["KmsKeyId"]) == (config.OTHER_ACCOUNT, config.OTHER_KEY)

    def test_what_is_under_the_default_key_cannot_be_shared_and_a_plain_copy_can_be_encrypted(self, ec2):
        add = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [config.OTHER_ACCOUNT]}
        with refused("OperationNotPermitted", "default key"):
            ec2.modify_snapshot_attribute(SnapshotId=make_snapshot(ec2, make_volume(ec2, Encrypted=True)), **add)
        plain = make_snapshot(ec2, make_volume(ec2))
        for asked in (False, True):
            wanted = {"Encrypted": True} if asked else {}
            made = ec2.copy_snapshot(SourceRegion=config.REGION, SourceSnapshotId=plain, **wanted)["SnapshotId"]
            assert snapshot_of(ec2, made)["Encrypted"] is asked

    def test_an_unknown_snapshot_is_named(self, ec2):
        for call in (
            lambda: ec2.describe_snapshots(SnapshotIds=["snap-0ffffffffffffffff"]),
            lambda: ec2.delete_snapshot(SnapshotId="snap-0ffffffffffffffff"),
            lambda: make_volume(ec2, SnapshotId="snap-0ffffffffffffffff"),
        ):
            with refused("InvalidSnapshot.NotFound", "The snapshot 'snap-0ffffffffffffffff' does not exist."):
                call()

    def test_filters_owners_and_pages(self, ec2):
        volume_id = make_volume(ec2)
        made = []
        for number in range(12):
            name = {"Name": f"paged-{number:02d}"}
            # Not more than five may be pending.
            made.append(make_snapshot(ec2, volume_id, number % 4 == 3, TagSpecifications=tagged("snapshot", **name)))
        mine = [{"Name": "tag:Name", "Values": ["paged-*"]}]
        pages = list(ec2.get_paginator("describe_snapshots").paginate(Filters=mine, PaginationConfig={"PageSize": 5}))
        assert [len(page["Snapshots"]) for page in pages] == [5, 5, 2]
        assert [s["SnapshotId"] for page in pages for s in page["Snapshots"]] == made
        assert len(ec2.describe_snapshots(Filters=mine, OwnerIds=["self"])["Snapshots"]) == 12
        assert ec2.describe_snapshots(Filters=mine, OwnerIds=["999999999999"])["Snapshots"] == []
        start = snapshot_of(ec2, made[0])["StartTime"].astimezone(timezone.utc)
        today = [*mine, {"Name": "start-time", "Values": [f"{start:%Y-%m-%d}T*"]}]
        assert len(ec2.describe_snapshots(Filters=today)["Snapshots"]) == 12
        assert ec2.describe_snapshots(Filters=[{"Name": "start-time", "Values": ["2001-*"]}])["Snapshots"] == []
        with refused("InvalidParameterValue", "maxResults"):
            ec2.describe_snapshots(MaxResults=2)
        with refused("InvalidParameterCombination"):
            ec2.describe_snapshots(SnapshotIds=made[:1], MaxResults=5)

    def test_volumes_come_in_pages_too(self, ec2):
        for _number in range(6):
            make_volume(ec2, wait=False, TagSpecifications=tagged("volume", paged="yes"))
        paged = ec2.get_paginator("describe_volumes").paginate(
            Filters=[{"Name": "tag:paged", "Values": ["yes"]}], PaginationConfig={"PageSize": 5}
        )
        assert [len(page["Volumes"]) for page in paged] == [5, 1]


class TestSessions:
    def test_a_session_with_a_host_that_is_up(self, endpoint, machine):  # noqa: ARG002 - a host that is up
        ssm = endpoint.client("ssm")
        session = ssm.start_session(Target=STAGING)
        assert session["SessionId"]
        assert session["TokenValue"]
        assert session["SessionId"] in session["StreamUrl"]
        assert ssm.terminate_session(SessionId=session["SessionId"])["SessionId"] == session["SessionId"]

    def test_a_host_that_is_down_is_not_connected(self, endpoint):
        ssm = endpoint.client("ssm")
        for target in (PRIMARY, "i-0ffffffffffffffff"):
            with refused("TargetNotConnected", f"{target} is not connected."):
                ssm.start_session(Target=target)

    def test_which_hosts_answer(self, endpoint, machine):  # noqa: ARG002 - a host that is up
        ssm = endpoint.client("ssm")
        listed = ssm.describe_instance_information()["InstanceInformationList"]
        assert {entry["ComputerName"]: entry["PingStatus"] for entry in listed} == {
            "lab-mongo-primary": "ConnectionLost",
            "lab-mongo-secondary": "ConnectionLost",
            "lab-mongo-staging": "Online",
        }
        asked = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [STAGING]}])
        assert [entry["InstanceId"] for entry in asked["InstanceInformationList"]] == [STAGING]

    def test_what_a_run_costs_is_counted(self, endpoint, ec2, machine):  # noqa: ARG002 - a host that is up
        endpoint.ask("POST", "/lab/stats/reset")
        ssm, s3 = endpoint.client("ssm"), endpoint.client("s3")
        ssm.start_session(Target=STAGING)
        with pytest.raises(ClientError):
            ssm.start_session(Target=PRIMARY)
        s3.put_object(Bucket=config.BUCKET, Key="a", Body=b"x")
        s3.get_object(Bucket=config.BUCKET, Key="a")
        ec2.describe_volumes()
        stats = endpoint.ask("GET", "/lab/stats")
        assert (stats["sessions"], stats["s3_puts"]) == (1, 1)
        assert stats["calls"] == {
            "ec2:DescribeVolumes": 1,
            "s3:GetObject": 1,
            "s3:PutObject": 1,
            "ssm:StartSession": 2,
        }


class TestProtocol:
    def test_a_presigned_url_works_without_credentials(self, endpoint):
        s3 = endpoint.client("s3", signature_version="s3v4")
        put = s3.generate_presigned_url("put_object", Params={"Bucket": config.BUCKET, "Key": "folder/file"})
        kind = {"Content-Type": "application/octet-stream"}
        urllib.request.urlopen(urllib.request.Request(put, data=b"content", method="PUT", headers=kind)).close()
        get = s3.generate_presigned_url("get_object", Params={"Bucket": config.BUCKET, "Key": "folder/file"})
        with urllib.request.urlopen(get) as answer:
            assert answer.read() == b"content"

    def test_an_operation_that_is_missing_answers_as_aws_does(self, endpoint, ec2):
        with refused("InvalidAction", "DescribeVolumeStatus"):
            ec2.describe_volume_status()
        with refused("UnknownOperationException"):
            endpoint.client("ssm").resume_session(SessionId="s")

    def test_the_log_names_every_call_and_no_content(self, endpoint, ec2):
        endpoint.client("ssm").put_parameter(Name="/logged", Value="not-for-the-log", Type="SecureString")
        with pytest.raises(ClientError):
            ec2.delete_volume(VolumeId="vol-0ffffffffffffffff")
        log = (endpoint.state / "logs/control-plane.log").read_text()
        assert " 127.0.0.1 ssm PutParameter 200 " in log
        assert " 127.0.0.1 ec2 DeleteVolume 400 InvalidVolume.NotFound " in log
        assert "not-for-the-log" not in log

    def test_a_path_of_the_lab_that_is_not_there(self, endpoint):
        for path in ("/lab/", "/lab/nothing", "/lab/stats/nothing"):
            assert endpoint.ask("GET", path)["status"] == 404

    def test_a_second_control_plane_is_refused(self, endpoint, monkeypatch):
        from stagesync_lab import control_plane

        monkeypatch.setattr(config, "RUNTIME", endpoint.runtime)
        second = control_plane._only_one()
        with pytest.raises(RuntimeError, match=f"already running, pid {endpoint.process.pid}"):
            second.__enter__()


class TestFaults:
    @pytest.fixture(autouse=True)
    def _clear(self, endpoint):
        yield
        endpoint.ask("DELETE", "/lab/faults")

    @pytest.mark.parametrize(
        ("operation", "service", "call", "arguments"),
        [
            ("ec2:DescribeVolumes", "ec2", "describe_volumes", {}),
            ("ssm:GetParameter", "ssm", "get_parameter", {"Name": "/x"}),
            ("s3:PutObject", "s3", "put_object", {"Bucket": config.BUCKET, "Key": "k", "Body": b""}),
            ("sts:GetCallerIdentity", "sts", "get_caller_identity", {}),
        ],
    )
    def test_an_error_in_the_protocol_of_each_service(self, endpoint, operation, service, call, arguments):
        rule = {"operation": operation, "error": "ThrottlingException", "message": "slow & steady", "status": 429}
        endpoint.ask("POST", "/lab/faults", rule)
        with pytest.raises(ClientError) as caught:
            getattr(endpoint.client(service), call)(**arguments)
        answer = caught.value.response
        assert answer["Error"]["Code"] == "ThrottlingException"
        assert answer["Error"]["Message"] == "slow & steady"
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 429

    def test_a_rule_skips_counts_and_looks_at_parameters(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        rule = {
            "operation": "ec2:DescribeVolumes",
            "match": {"VolumeId": f"{volume_id[:8]}*"},
            "skip": 1,
            "count": 2,
            "error": "RequestLimitExceeded",
        }
        made = endpoint.ask("POST", "/lab/faults", rule)
        results = []
        for _number in range(5):
            try:
                volume_of(ec2, volume_id)
                results.append("ok")
            except ClientError as error:
                results.append(error.response["Error"]["Code"])
        assert results == ["ok", "RequestLimitExceeded", "RequestLimitExceeded", "ok", "ok"]
        ec2.describe_volumes()
        assert [f["applied"] for f in endpoint.ask("GET", "/lab/faults")["faults"]] == [2]
        assert endpoint.ask("DELETE", f"/lab/faults/{made['id']}")["cleared"]
        assert endpoint.ask("DELETE", f"/lab/faults/{made['id']}")["status"] == 404

    def test_the_call_never_takes_place(self, endpoint, ec2):
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:CreateVolume", "error": "InternalError"})
        before = len(ec2.describe_volumes()["Volumes"])
        with refused("InternalError"):
            make_volume(ec2)
        assert len(ec2.describe_volumes()["Volumes"]) == before

    def test_a_delay_does_not_hold_up_other_calls(self, endpoint, ec2):
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:DescribeVpcs", "delay": 1.5, "count": 1})
        signed = f"Authorization: AWS4 Credential={config.ADMINISTRATOR_KEY}/1/ap-south-1/ec2/aws4_request"
        slow = subprocess.Popen(
            ["curl", "-s", endpoint.url, "-H", signed, "-d", "Action=DescribeVpcs&Version=2016-11-15"],
            stdout=subprocess.PIPE,
        )  # fmt: skip
        time.sleep(0.3)
        began = time.monotonic()
        ec2.describe_volumes()
        assert time.monotonic() - began < 1
        assert slow.poll() is None
        assert b"vpc-" in slow.communicate()[0]

    def test_a_stuck_snapshot_moves_on_when_the_fault_is_cleared(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:CreateSnapshot", "stuck": True, "count": 1})
        snapshot_id = make_snapshot(ec2, volume_id, wait=False)
        time.sleep(0.5)
        assert snapshot_of(ec2, snapshot_id)["State"] == "pending"
        assert snapshot_of(ec2, make_snapshot(ec2, volume_id))["State"] == "completed"
        endpoint.ask("DELETE", "/lab/faults")
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "completed")

    def test_a_snapshot_that_ends_in_error(self, endpoint, ec2):
        volume_id = make_volume(ec2)
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:CreateSnapshot", "end": "error", "count": 1})
        snapshot_id = make_snapshot(ec2, volume_id, wait=False)
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "error")
        with refused("IncorrectState", "error"):
            make_volume(ec2, SnapshotId=snapshot_id)

    def test_a_stuck_attachment_stays_attaching_without_a_device(self, endpoint, ec2, machine):
        volume_id = make_volume(ec2)
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:AttachVolume", "stuck": True})
        ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
        time.sleep(0.5)
        assert attachment_state(ec2, volume_id) == "attaching"
        assert machine.run("ls /dev | grep nvme || true") == ""
        endpoint.ask("DELETE", "/lab/faults")
        assert until(lambda: attachment_state(ec2, volume_id) == "attached")
        ec2.detach_volume(VolumeId=volume_id)
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")

    def test_a_rule_that_makes_no_sense_is_refused_in_one_sentence(self, endpoint):
        assert "at least one of" in endpoint.ask("POST", "/lab/faults", {"operation": "ec2:RunInstances"})["error"]
        assert endpoint.ask("GET", "/lab/faults")["faults"] == []


class TestListeners:
    def test_hosts_reach_it_in_their_network_namespace_while_the_process_stays_outside(self, monkeypatch):
        if os.geteuid() != 0 or not shutil.which("ip"):
            pytest.skip("network namespaces need root and iproute2")
        from stagesync_lab import control_plane

        name = f"stagesync-test-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        try:
            subprocess.run(["ip", "-n", name, "link", "set", "lo", "up"], check=True)
            monkeypatch.setattr(config, "NETWORK_NAMESPACE", name)
            monkeypatch.setattr(config, "GATEWAY", "127.0.0.1")
            before = os.readlink("/proc/thread-self/ns/net")
            (listener,) = control_plane._listen_in_namespace([7])
            assert os.readlink("/proc/thread-self/ns/net") == before
            assert b"127.0.0.1:7 " in subprocess.check_output(["ip", "netns", "exec", name, "ss", "-ltn"])
            listener.close()
            monkeypatch.setattr(config, "GATEWAY", "192.0.2.1")
            with pytest.raises(RuntimeError, match=f"network namespace {name} is not usable"):
                control_plane._listen_in_namespace([7])
        finally:
            subprocess.run(["ip", "netns", "delete", name], check=True)

    def test_a_namespace_that_is_not_there(self, monkeypatch):
        from stagesync_lab import control_plane

        monkeypatch.setattr(config, "NETWORK_NAMESPACE", "stagesync-nowhere")
        with pytest.raises(RuntimeError, match="stagesync-nowhere is not usable"):
            control_plane._listen_in_namespace([7])


class TestPersistence:
    """Last in the file: it ends and starts the control plane."""

    def test_everything_is_there_after_a_kill(self, endpoint, ec2, machine):
        s3, ssm = endpoint.client("s3"), endpoint.client("ssm")
        volume_id = make_volume(ec2, TagSpecifications=tagged("volume", kept="yes"))
        ec2.attach_volume(VolumeId=volume_id, InstanceId=STAGING, Device="/dev/sdf")
        assert until(lambda: attachment_state(ec2, volume_id) == "attached")
        make_snapshot(ec2, volume_id, TagSpecifications=tagged("snapshot", kept="yes"))
        s3.put_object(Bucket=config.BUCKET, Key="kept", Body=b"object", ContentType="text/kept")
        ssm.put_parameter(Name="/kept", Value="parameter", Type="SecureString")
        endpoint.ask("POST", "/lab/instances/secondary/state", {"state": "stopped"})
        describe = (ec2.describe_instances, ec2.describe_volumes, ec2.describe_snapshots, ec2.describe_vpcs)

        def everything():
            answers = [call() for call in describe]
            for answer in answers:
                del answer["ResponseMetadata"]
            return answers

        before = everything()
        endpoint.stop(signal.SIGKILL)
        endpoint.start()
        assert everything() == before
        kept = s3.get_object(Bucket=config.BUCKET, Key="kept")
        assert (kept["Body"].read(), kept["ContentType"]) == (b"object", "text/kept")
        assert ssm.get_parameter(Name="/kept", WithDecryption=True)["Parameter"]["Value"] == "parameter"
        assert machine.run("ls /dev | grep nvme").split() == ["nvme1n1"]
        ec2.detach_volume(VolumeId=volume_id)
        assert until(lambda: volume_of(ec2, volume_id)["State"] == "available")
        endpoint.ask("POST", "/lab/instances/secondary/state", {"state": "running"})

    def test_half_made_things_come_to_an_end_after_a_kill(self, endpoint, ec2, machine):
        source, attached, detached, lost = (make_volume(ec2) for _number in range(4))
        ec2.attach_volume(VolumeId=detached, InstanceId=STAGING, Device="/dev/sdg")
        assert until(lambda: attachment_state(ec2, detached) == "attached")
        endpoint.ask("POST", "/lab/faults", {"operation": "ec2:*", "stuck": True})
        snapshot_id = make_snapshot(ec2, source, wait=False)
        ec2.attach_volume(VolumeId=attached, InstanceId=STAGING, Device="/dev/sdf")
        ec2.detach_volume(VolumeId=detached)
        created = make_volume(ec2, wait=False)
        endpoint.stop(signal.SIGKILL)
        leftover = endpoint.state / "pool/volumes/vol-0123456789abcdef0.img"
        leftover.touch()
        (endpoint.state / f"pool/volumes/{lost}.img").unlink()
        endpoint.start()
        assert until(lambda: volume_of(ec2, created)["State"] == "available")
        assert until(lambda: snapshot_of(ec2, snapshot_id)["State"] == "completed")
        assert until(lambda: attachment_state(ec2, attached) == "attached")
        assert until(lambda: volume_of(ec2, detached)["State"] == "available")
        assert len(machine.run("ls /dev | grep nvme").split()) == 1
        assert not leftover.exists()
        with refused("InvalidVolume.NotFound"):
            volume_of(ec2, lost)
        ec2.detach_volume(VolumeId=attached)
        assert until(lambda: volume_of(ec2, attached)["State"] == "available")

    def test_a_state_that_cannot_be_read_is_said_and_left_alone(self, tmp_path):
        from stagesync_lab.persistence import Store

        path = tmp_path / "ec2.pickle"
        path.write_bytes(b"not a pickle")
        with pytest.raises(RuntimeError, match="ec2.pickle cannot be read .* remove the lab and make it anew"):
            Store(tmp_path).load()
        assert path.read_bytes() == b"not a pickle"
