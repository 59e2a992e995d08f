# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Asks EC2 and S3 what a run may do, without doing it: dry runs of what changes, small reads of the rest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Callable

try:
    from botocore.exceptions import ClientError
except ImportError:
    ClientError = type("ClientError", (Exception,), {})  # AnsibleAWSModule reports the missing package

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from .ebs.api import Handler
from .ebs.selection import TAG_INSTANCE, TAG_KIND, TAG_RUN, TAG_SET

TAG_TARGET = "stagesync:target"
TAG_VALIDATED = "stagesync:validated"
# What a run may remove.
REMOVABLE = ("clean", "parked", "source")

_DENIED = {"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}
_WOULD_WORK = "DryRunOperation"
# AWS names what it misses, which may be another action than the one asked for.
_SENTENCE = re.compile(r"not authorized to perform: (?P<action>[\w:]+)(?: on resource: \"?(?P<resource>[^\s\"]+))?")
_RUN = "preflight"


@dataclass(frozen=True)
class Wanted:
    """What the run will act on; None for what it does without."""

    secondary_instance_id: str | None = None
    staging_instance_id: str | None = None
    set_name: str | None = None
    kms_key_id: str | None = None
    bucket: str | None = None


@dataclass
class _Verdicts:
    allowed: list = field(default_factory=list)
    denied: list = field(default_factory=list)
    unchecked: list = field(default_factory=list)

    def ask(self, action: str, call: Callable, **args) -> bool:
        """Make a call; tell whether it was denied."""
        try:
            Handler.common_error_handler(f"ask for {action}")(_patiently(call, action))(**args)
        except _Denied as denied:
            self.denied.append({"action": denied.action, "resource": denied.resource})
            return True
        except _Unclear as unclear:
            self.skip(action, str(unclear))
            return False
        self.allowed.append(action)
        return False

    def skip(self, action: str, reason: str) -> None:
        self.unchecked.append({"action": action, "reason": reason})


class _Denied(Exception):
    def __init__(self, action: str, resource: str | None):
        super().__init__(action)
        self.action = action
        self.resource = resource


class _Unclear(Exception):
    pass


def _patiently(call: Callable, action: str) -> Callable:
    """The call, repeated when AWS is too busy, with its answer understood."""

    def judged(**args):
        try:
            AWSRetry.jittered_backoff()(call)(**args)
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            said = error.response["Error"].get("Message", "")
            if code == _WOULD_WORK:
                return
            if code in _DENIED:
                named = _SENTENCE.search(said)
                raise _Denied(named["action"] if named else action, named["resource"] if named else None) from error
            raise _Unclear(f"AWS answered {code}: {said}") from error

    return judged


def check(ec2, s3, wanted: Wanted) -> dict:
    """Ask for all that the run will do; returns {allowed, denied, unchecked}. Raises EbsApiError without an answer."""
    verdicts = _Verdicts()
    blind = [
        verdicts.ask(f"ec2:{name}", call, DryRun=True)
        for name, call in (
            ("DescribeInstances", ec2.describe_instances),
            ("DescribeSnapshots", ec2.describe_snapshots),
            ("DescribeTags", ec2.describe_tags),
            ("DescribeVolumes", ec2.describe_volumes),
        )
    ]
    if not any(blind):  # else there is nothing known to ask about
        snapshots = _snapshots(ec2, wanted.set_name) if wanted.set_name else []
        if wanted.secondary_instance_id and wanted.set_name:
            _production(ec2, verdicts, wanted, snapshots)
        if wanted.staging_instance_id:
            _staging(ec2, verdicts, wanted, snapshots)
    if wanted.bucket:
        verdicts.ask("s3:ListBucket", s3.head_bucket, Bucket=wanted.bucket)
        verdicts.ask("s3:GetBucketVersioning", s3.get_bucket_versioning, Bucket=wanted.bucket)
    return {
        "allowed": sorted(set(verdicts.allowed)),
        "denied": verdicts.denied,
        "unchecked": verdicts.unchecked,
    }


def _production(ec2, verdicts: _Verdicts, wanted: Wanted, snapshots: list) -> None:
    tags = {
        TAG_RUN: _RUN,
        TAG_SET: wanted.set_name,
        TAG_KIND: "snapshot",
        TAG_INSTANCE: wanted.secondary_instance_id,
    }
    verdicts.ask(
        "ec2:CreateSnapshots",
        ec2.create_snapshots,
        DryRun=True,
        InstanceSpecification={"InstanceId": wanted.secondary_instance_id, "ExcludeBootVolume": True},
        TagSpecifications=_made_with("snapshot", tags),
    )
    if not snapshots:
        verdicts.skip("ec2:DeleteSnapshot", f"there is no snapshot of the set {wanted.set_name} yet")
        return
    oldest = snapshots[-1]["SnapshotId"]
    verdicts.ask("ec2:CreateTags", ec2.create_tags, DryRun=True, Resources=[oldest], Tags=_listed({TAG_RUN: _RUN}))
    verdicts.ask("ec2:DeleteSnapshot", ec2.delete_snapshot, DryRun=True, SnapshotId=oldest)


def _staging(ec2, verdicts: _Verdicts, wanted: Wanted, snapshots: list) -> None:
    instance_id = wanted.staging_instance_id
    instance = _instance(ec2, instance_id)
    if instance is None:
        verdicts.skip("ec2:CreateVolume", f"instance {instance_id} is not there")
        return
    tags = {TAG_RUN: _RUN, TAG_TARGET: instance_id}
    blank = {"AvailabilityZone": instance["Placement"]["AvailabilityZone"], "Encrypted": True, "VolumeType": "gp3"}
    if wanted.kms_key_id:
        blank["KmsKeyId"] = wanted.kms_key_id
    made = _made_with("volume", {**tags, TAG_KIND: "clean"})
    verdicts.ask("ec2:CreateVolume", ec2.create_volume, DryRun=True, Size=1, TagSpecifications=made, **blank)
    if snapshots:
        made = _made_with("volume", {**tags, TAG_KIND: "source"})
        newest = snapshots[0]["SnapshotId"]
        verdicts.ask(
            "ec2:CreateVolume", ec2.create_volume, DryRun=True, SnapshotId=newest, TagSpecifications=made, **blank
        )
    volumes = _volumes(ec2, instance)
    _live(ec2, verdicts, instance_id, volumes["live"])
    if volumes["removable"]:
        place = {"DryRun": True, "VolumeId": volumes["removable"][0]}
        verdicts.ask("ec2:DetachVolume", ec2.detach_volume, InstanceId=instance_id, **place)
        verdicts.ask("ec2:DeleteVolume", ec2.delete_volume, **place)
    else:
        for action in ("ec2:DetachVolume", "ec2:DeleteVolume"):
            verdicts.skip(action, f"no run has made a volume for instance {instance_id} yet")


def _live(ec2, verdicts: _Verdicts, instance_id: str, volumes: list) -> None:
    """What the swap does to the volume that staging lives on: one of its data volumes; nobody knows yet which."""
    attempts = []
    for volume_id in volumes:
        attempt = _Verdicts()
        place = {"DryRun": True, "Resources": [volume_id]}
        attempt.ask("ec2:CreateTags", ec2.create_tags, Tags=_listed({TAG_TARGET: instance_id}), **place)
        attempt.ask("ec2:DeleteTags", ec2.delete_tags, Tags=[{"Key": TAG_VALIDATED}], **place)
        attempt.ask(
            "ec2:AttachVolume",
            ec2.attach_volume,
            DryRun=True,
            VolumeId=volume_id,
            InstanceId=instance_id,
            Device="/dev/sdp",
        )
        attempts.append(attempt)
    if not attempts:
        verdicts.skip("ec2:AttachVolume", f"instance {instance_id} has no data volume")
        return
    best = min(attempts, key=lambda attempt: len(attempt.denied))
    verdicts.allowed += best.allowed
    verdicts.denied += best.denied
    verdicts.unchecked += best.unchecked


@Handler.common_error_handler("describe snapshots")
@AWSRetry.jittered_backoff()
def _snapshots(ec2, set_name: str) -> list:
    """The completed snapshots of the set, the newest first."""
    filters = ansible_dict_to_boto3_filter_list({f"tag:{TAG_SET}": set_name, "status": "completed"})
    pages = ec2.get_paginator("describe_snapshots").paginate(OwnerIds=["self"], Filters=filters)
    found = pages.build_full_result()["Snapshots"]
    # EC2 reads `*` and `?` in a filter as wildcards.
    exactly = [one for one in found if boto3_tag_list_to_ansible_dict(one["Tags"])[TAG_SET] == set_name]
    return sorted(exactly, key=lambda snapshot: snapshot["StartTime"], reverse=True)


@Handler.common_error_handler("describe the instance")
@AWSRetry.jittered_backoff()
def _instance(ec2, instance_id: str) -> dict | None:
    # As a filter, an id that is not there is no error.
    filters = ansible_dict_to_boto3_filter_list({"instance-id": instance_id})
    found = [one for entry in ec2.describe_instances(Filters=filters)["Reservations"] for one in entry["Instances"]]
    return found[0] if found else None


@Handler.common_error_handler("describe volumes")
@AWSRetry.jittered_backoff()
def _volumes(ec2, instance: dict) -> dict:
    """Ids: `live` are the data volumes that the instance may serve from, `removable` what runs made for it."""
    root = instance.get("RootDeviceName")
    attached = [
        entry["Ebs"]["VolumeId"] for entry in instance.get("BlockDeviceMappings", []) if entry["DeviceName"] != root
    ]
    filters = ansible_dict_to_boto3_filter_list({f"tag:{TAG_TARGET}": instance["InstanceId"]})
    pages = ec2.get_paginator("describe_volumes").paginate(Filters=filters)
    kinds = {
        volume["VolumeId"]: boto3_tag_list_to_ansible_dict(volume["Tags"]).get(TAG_KIND)
        for volume in pages.build_full_result()["Volumes"]
    }
    return {
        "live": [volume_id for volume_id in attached if kinds.get(volume_id) not in REMOVABLE],
        "removable": sorted(volume_id for volume_id, kind in kinds.items() if kind in REMOVABLE),
    }


def _made_with(kind: str, tags: dict) -> list:
    return [{"ResourceType": kind, "Tags": _listed(tags)}]


def _listed(tags: dict) -> list:
    return ansible_dict_to_boto3_tag_list(tags)
