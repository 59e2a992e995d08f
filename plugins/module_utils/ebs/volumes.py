# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""EBS volumes through the EC2 API: make, attach and wait; detach, delete and wait.

    attached(client, Wanted(...))      one volume, attached when it returns
    absent(client, volume_ids, name)   some volumes, gone when it returns

Both look at the state that EC2 shows and do the next step only, so they go on from wherever an earlier run ended.
"""

from __future__ import annotations

import hashlib
import re
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import (
    ansible_dict_to_boto3_tag_list,
    boto3_tag_list_to_ansible_dict,
)
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from ..progress import Progress
from .api import FILTER_VALUES, EbsApiError, EbsError, Handler, create_tags, describe_instance, tag_problem
from .keys import other_key
from .selection import TAG_KIND
from .snapshots import describe_snapshots
from .snapshots import simplify as simplify_snapshot

# AWS keeps these names for data volumes; the ones before may be the root's or an instance store's.
_NAMES = tuple(f"/dev/sd{letter}" for letter in "fghijklmnop")
_DEVICE_NAME = re.compile(r"^(?:/dev/)?(?:sd|xvd)([a-z])")
_VOLUME_ID = re.compile(r"^vol-[0-9a-f]{8,17}$")
_ENDED = ("deleting", "deleted")
_TAG_TARGET = "stagesync:target"
# EC2 may need seconds until it lists what it has made.
_LISTED_SECONDS = 60
# Volumes that one name can have had, one after the other, while EC2 remembers the tokens of the deleted ones.
_GENERATIONS = 50
_TOKEN_USED = ("IdempotentParameterMismatch", "InvalidVolume.NotFound")
# The volume's state moved on between the look and the call: look again.
_MOVED = ("IncorrectState", "InvalidAttachment.NotFound", "VolumeInUse")


@dataclass(frozen=True)
class Wanted:
    """A volume that shall be attached: one to be made or found by its name, or an existing one."""

    instance_id: str
    volume_id: str | None = None
    name: str | None = None
    snapshot_id: str | None = None
    size_gib: int | None = None
    volume_type: str = "gp3"
    kms_key_id: str | None = None
    initialization_rate: int | None = None
    allow_unencrypted: bool = False
    tags: dict = field(default_factory=dict)

    def all_tags(self) -> dict:
        """The tags with the name."""
        return {**self.tags, "Name": self.name} if self.name else dict(self.tags)

    def token(self, generation: int) -> str:
        """The client token: whoever sends it again, now or in a rerun, gets the volume that was made."""
        return hashlib.sha256(f"stagesync volume {self.name} {generation}".encode()).hexdigest()

    def request(self, zone: str) -> dict:
        """The parameters of CreateVolume."""
        tags = ansible_dict_to_boto3_tag_list(self.all_tags())
        optional = {
            "SnapshotId": self.snapshot_id,
            "Size": self.size_gib,
            "KmsKeyId": self.kms_key_id,
            "VolumeInitializationRate": self.initialization_rate,
        }
        return {
            "AvailabilityZone": zone,
            # Without it the account's default decides, and the snapshot's encryption.
            **({} if self.allow_unencrypted and not self.kms_key_id else {"Encrypted": True}),
            "VolumeType": self.volume_type,
            "TagSpecifications": [{"ResourceType": "volume", "Tags": tags}],
            **{key: value for key, value in optional.items() if value is not None},
        }

    def problem(self) -> str | None:
        """What can be refused before anything is asked of EC2, or None."""
        if self.volume_id and not _VOLUME_ID.match(self.volume_id):
            return _no_volume_id(self.volume_id)
        if self.name and self.tags.get("Name", self.name) != self.name:
            return f"tags names the volume {self.tags['Name']} and name {self.name}: leave Name out of tags."
        if self.name and not self.snapshot_id and self.size_gib is None:
            return f"Volume {self.name} has neither size_gib nor snapshot_id: give one of them."
        if self.initialization_rate is not None and not self.snapshot_id:
            return "initialization_rate is of no use without snapshot_id: a blank volume loads nothing."
        if self.size_gib is not None and self.size_gib < 1:
            return f"size_gib is {self.size_gib}: give at least 1."
        return tag_problem(self.all_tags())


@dataclass
class Patience:
    """Waiting with a limit: 1 s at first, growing to 5 s."""

    seconds: float
    clock: Callable = time.monotonic
    sleep: Callable = time.sleep
    started: float = 0.0
    delay: float = 1.0
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self):
        self.started = self.clock()

    @property
    def waited(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started

    @property
    def over(self) -> bool:
        """True when the time is used up."""
        return self.waited >= self.seconds

    def pause(self, what: str) -> None:
        """Sleep a little longer than the last time, and say what for."""
        self.progress.tell(what)
        self.sleep(min(self.delay, max(0.1, self.seconds - self.waited)))
        self.delay = min(self.delay * 1.25, 5.0)

    def step_done(self) -> None:
        """What is waited for next begins now."""
        self.delay = 1.0


def _no_volume_id(text: str) -> str:
    return f"{text!r} is not an EBS volume id: give one such as vol-0123456789abcdef0."


def _call(description: str, function: Callable, **args):
    """One call, repeated when EC2 is too busy; the description says of which volume it is."""
    return Handler.common_error_handler(description)(AWSRetry.jittered_backoff()(function))(**args)


# ---- finding


@Handler.list_error_handler("describe volumes", [])
@AWSRetry.jittered_backoff()
def describe_volumes(client, **args) -> list:
    """Every page of DescribeVolumes, simplified; empty when a volume that is asked for by its id is not there."""
    if "VolumeIds" not in args:
        args["PaginationConfig"] = {"PageSize": 500}
    raw = client.get_paginator("describe_volumes").paginate(**args).build_full_result()["Volumes"]
    return [simplify(volume) for volume in raw]


def simplify(raw: dict) -> dict:
    """An EC2 volume in Ansible's form; `attachments` are those that are not yet detached."""
    attachments = [
        {"instance_id": entry.get("InstanceId"), "device_name": entry.get("Device"), "state": entry["State"]}
        for entry in raw.get("Attachments") or []
        if entry["State"] != "detached"
    ]
    return {
        "volume_id": raw["VolumeId"],
        "size_gib": raw["Size"],
        "encrypted": raw.get("Encrypted", False),
        "kms_key_id": raw.get("KmsKeyId"),
        "snapshot_id": raw.get("SnapshotId") or None,
        "state": raw["State"],
        "tags": boto3_tag_list_to_ansible_dict(raw.get("Tags") or []),
        "zone": raw["AvailabilityZone"],
        "attachments": attachments,
    }


def _get(client, volume_id: str) -> dict | None:
    found = describe_volumes(client, VolumeIds=[volume_id])
    return found[0] if found else None


def _by_name(client, name: str) -> list:
    """EC2 reads `*` and `?` in a filter as wildcards; the name is matched to the letter."""
    found = describe_volumes(client, Filters=ansible_dict_to_boto3_filter_list({"tag:Name": name}))
    return [volume for volume in found if volume["tags"].get("Name") == name]


def _by_ids(client, volume_ids: list) -> list:
    """As a filter, an id that is gone is no error."""
    found = []
    for start in range(0, len(volume_ids), FILTER_VALUES):
        chunk = ansible_dict_to_boto3_filter_list({"volume-id": volume_ids[start : start + FILTER_VALUES]})
        found += describe_volumes(client, Filters=chunk)
    return found


def _view(volume: dict) -> dict:
    """A volume as the user sees it; one that is being detached counts as detached."""
    held = [entry for entry in volume["attachments"] if entry["state"] in ("attaching", "attached")]
    place = held[0] if held else {}
    return {
        **{key: value for key, value in volume.items() if key != "attachments"},
        "device_name": place.get("device_name"),
        "instance_id": place.get("instance_id"),
    }


def _stable(view: dict) -> dict:
    """What the diff shows: all but the state, which changes by itself."""
    return {key: value for key, value in view.items() if key != "state"}


# ---- attaching


def attached(
    client, wanted: Wanted, check_mode: bool = False, patience: Patience | None = None, now: Callable | None = None
) -> dict:
    """Make or find the volume and attach it; returns {changed, volume, before, after} once it is attached."""
    patience = patience or Patience(600)
    problem = wanted.problem() or _unknown_to_botocore(client, wanted)
    if problem:
        raise EbsError(problem)
    instance = describe_instance(client, wanted.instance_id)
    if not instance:
        raise EbsError(f"Instance {wanted.instance_id} does not exist: correct instance_id or region.")
    zone = instance["Placement"]["AvailabilityZone"]
    volume = _existing(client, wanted)
    before = [_stable(_view(volume))] if volume else []
    if volume:
        _check(wanted, volume, zone)
    # All that can be refused is refused before anything is made, in check mode too.
    foreseen = _foreseen(wanted, instance, volume or _unmade(client, wanted, zone))
    if check_mode:
        return _result(before, foreseen)
    volume_id, changed = wanted.volume_id, False
    try:
        if volume is None:
            volume_id = _create(client, wanted, zone, patience, now or _utcnow)
            changed = True
        else:
            volume_id = volume["volume_id"]
            missing = _missing_tags(wanted, volume)
            if missing:
                create_tags(client, volume_id, missing)
                changed = True
        volume = _attach(client, wanted, volume_id, instance, patience, seen=bool(before))
    except EbsError as error:
        error.result["changed"] = changed
        raise
    except EbsApiError as error:
        if changed and not before:
            error.message = f"Volume {volume_id} was made, then: {error.message}"
        error.result["changed"] = changed
        raise
    return _result(before, {**_view(volume), "tags": {**volume["tags"], **wanted.all_tags()}})


def _utcnow() -> datetime:
    return datetime.now(timezone.utc)


def _result(before: list, volume: dict) -> dict:
    after = [_stable(volume)]
    return {"changed": before != after, "volume": volume, "before": before, "after": after}


def _unknown_to_botocore(client, wanted: Wanted) -> str | None:
    known = client.meta.service_model.operation_model("CreateVolume").input_shape.members
    if wanted.initialization_rate is not None and "VolumeInitializationRate" not in known:
        return "The installed botocore knows no VolumeInitializationRate: update it, or leave initialization_rate out."
    return None


def _existing(client, wanted: Wanted) -> dict | None:
    if wanted.volume_id:
        volume = _get(client, wanted.volume_id)
        if volume is None:
            raise EbsError(f"Volume {wanted.volume_id} does not exist: correct volume_id or region.")
        return volume
    found = [volume for volume in _by_name(client, wanted.name) if volume["state"] not in _ENDED]
    if len(found) > 1:
        ids = ", ".join(sorted(volume["volume_id"] for volume in found))
        raise EbsError(f"Volumes {ids} all have the name {wanted.name}: delete the ones that are not needed.")
    return found[0] if found else None


def _check(wanted: Wanted, volume: dict, zone: str) -> None:
    """Refuse an existing volume that is not what is asked for."""
    volume_id = volume["volume_id"]
    _step(volume, wanted.instance_id)
    if volume["zone"] != zone:
        raise EbsError(
            f"Volume {volume_id} is in zone {volume['zone']} and instance {wanted.instance_id} in {zone}:"
            " a volume is attached within its zone only, so name another."
        )
    if wanted.volume_id:
        return
    _refuse_anothers(wanted, volume)
    advice = "delete it, or use another name."
    if volume["snapshot_id"] != wanted.snapshot_id:
        raise EbsError(
            f"Volume {volume_id} of the name {wanted.name} was made from {volume['snapshot_id'] or 'no snapshot'}"
            f" where {wanted.snapshot_id or 'none'} is wanted: {advice}"
        )
    if wanted.size_gib and volume["size_gib"] < wanted.size_gib:
        raise EbsError(
            f"Volume {volume_id} of the name {wanted.name} has {volume['size_gib']} GiB where {wanted.size_gib} GiB"
            f" are wanted: {advice}"
        )
    wrong = _not_as_asked(wanted, volume["encrypted"], volume["kms_key_id"])
    if wrong:
        raise EbsError(f"Volume {volume_id} of the name {wanted.name} {wrong}: {advice}")


def _refuse_anothers(wanted: Wanted, volume: dict) -> None:
    """A run's id that is used again must not take what its first use has made live or parked, nor another host's."""
    for tag in (TAG_KIND, _TAG_TARGET):
        said, asked = volume["tags"].get(tag), wanted.tags.get(tag)
        if said and asked and said != asked:
            raise EbsError(
                f"Volume {volume['volume_id']} of the name {wanted.name} has the tag {tag}={said}, not {asked}: it is"
                " no work of this run any more, so use another run id."
            )


def _not_as_asked(wanted: Wanted, encrypted: bool, key: str | None) -> str | None:
    """What is wrong with a volume's encryption, or None."""
    if not encrypted and not wanted.allow_unencrypted:
        return "is not encrypted"
    if other_key(wanted.kms_key_id, key):
        return f"is encrypted under {key} where {wanted.kms_key_id} is wanted"
    return None


def _snapshot_size(client, wanted: Wanted) -> int:
    """The size of the snapshot in GiB; raises when no volume can be made from it."""
    found = describe_snapshots(client, SnapshotIds=[wanted.snapshot_id])
    if not found:
        raise EbsError(f"Snapshot {wanted.snapshot_id} does not exist: correct snapshot_id or region.")
    snapshot = simplify_snapshot(found[0])
    if snapshot["state"] != "completed":
        raise EbsError(
            f"Snapshot {wanted.snapshot_id} is {snapshot['state']} ({snapshot['progress']} %), and only a completed"
            " one makes a volume: wait for it, or name another."
        )
    if wanted.size_gib and wanted.size_gib < snapshot["volume_size"]:
        raise EbsError(
            f"size_gib is {wanted.size_gib} and snapshot {wanted.snapshot_id} has {snapshot['volume_size']} GiB:"
            " give at least the snapshot's size, or leave size_gib out."
        )
    return snapshot["volume_size"]


def _unmade(client, wanted: Wanted, zone: str) -> dict:
    """The volume as it would be right after it is made."""
    least = _snapshot_size(client, wanted) if wanted.snapshot_id else None
    return {
        "volume_id": None,
        "size_gib": wanted.size_gib or least,
        "encrypted": not wanted.allow_unencrypted,
        "kms_key_id": wanted.kms_key_id,
        "snapshot_id": wanted.snapshot_id,
        "state": "available",
        "tags": {},
        "zone": zone,
        "attachments": [],
    }


def _foreseen(wanted: Wanted, instance: dict, volume: dict) -> dict:
    """What the volume would be after the run."""
    view = {**_view(volume), "state": "in-use", "tags": {**volume["tags"], **wanted.all_tags()}}
    if view["instance_id"] is None:
        view.update(instance_id=wanted.instance_id, device_name=_free_names(instance)[0])
    return view


def _missing_tags(wanted: Wanted, volume: dict) -> dict:
    return {key: value for key, value in wanted.all_tags().items() if volume["tags"].get(key) != value}


def _create(client, wanted: Wanted, zone: str, patience: Patience, now: Callable) -> str:
    """Make the volume; returns its id. A volume that an earlier, lost call made is returned instead."""
    for generation in range(_GENERATIONS):
        try:
            raw = _call(
                f"create volume {wanted.name}",
                client.create_volume,
                **wanted.request(zone),
                ClientToken=wanted.token(generation),
            )
        except EbsApiError as error:
            # The token belongs to a volume of this name that is deleted since.
            if error.code not in _TOKEN_USED:
                raise
            continue
        if (now() - raw["CreateTime"]).total_seconds() < _LISTED_SECONDS:
            patience.step_done()
            return raw["VolumeId"]
        # An old answer, given again; it tells nothing about whether the volume is still there.
        volume = _get(client, raw["VolumeId"])
        if volume and volume["state"] not in _ENDED:
            return raw["VolumeId"]
    raise EbsError(f"{_GENERATIONS} volumes of the name {wanted.name} were made and deleted: use another name.")


def _verify(client, wanted: Wanted, volume: dict, patience: Patience) -> None:
    """See what EC2 says of the encryption of a volume just made, before a byte is written to it."""
    wrong = _not_as_asked(wanted, volume["encrypted"], volume["kms_key_id"])
    if wrong:
        _Removal(client, patience).run([volume])
        raise EbsError(
            f"Volume {volume['volume_id']} of the name {wanted.name} {wrong}, though that was asked for; it was deleted"
            " again: see the account's settings for EBS and the key."
        )


def _step(volume: dict, instance_id: str) -> str:
    """The next step towards an attached volume: attach, wait or done; raises where there is none."""
    volume_id, state = volume["volume_id"], volume["state"]
    if state in (*_ENDED, "error"):
        raise EbsError(
            f"Volume {volume_id} is in state {state}: delete it, check that its KMS key may be used, and run it again."
        )
    held = [entry for entry in volume["attachments"] if entry["state"] in ("attaching", "attached")]
    here = [entry for entry in held if entry["instance_id"] == instance_id]
    if here:
        return "done" if here[0]["state"] == "attached" else "wait"
    if held:
        raise EbsError(
            f"Volume {volume_id} is attached to instance {held[0]['instance_id']} as {held[0]['device_name']}, not to"
            f" {instance_id}: detach it there first."
        )
    return "attach" if state == "available" else "wait"


def _attach(client, wanted: Wanted, volume_id: str, instance: dict, patience: Patience, seen: bool) -> dict:
    """Attach and wait; returns the volume. `seen` is False for one that EC2 may not list yet."""
    tried: set = set()
    refused = ""
    while True:
        volume = _get(client, volume_id)
        step = "wait"
        if volume:
            if not seen:
                _verify(client, wanted, volume, patience)
            seen = True
            step = _step(volume, wanted.instance_id)
        elif seen or patience.waited >= _LISTED_SECONDS:
            raise EbsError(
                f"Volume {volume_id} is gone, though it was not deleted here: if it is new, check that its KMS key may"
                " be used, and run it again."
            )
        if step == "done":
            return volume
        if patience.over:
            raise EbsError(_not_attached(volume_id, volume, patience.seconds, refused))
        if step == "attach":
            refused = _attach_once(client, wanted.instance_id, volume_id, instance, tried)
            if not refused:
                patience.step_done()
        patience.pause(f"volume {volume_id} is not attached yet")


def _attach_once(client, instance_id: str, volume_id: str, instance: dict, tried: set) -> str:
    """Ask for the attachment under the first name that EC2 takes; returns why it could not be yet, or nothing."""
    while True:
        device = _free_names(instance, tried)[0]
        try:
            _call(
                f"attach volume {volume_id} to instance {instance_id} as {device}",
                client.attach_volume,
                VolumeId=volume_id,
                InstanceId=instance_id,
                Device=device,
            )
        except EbsApiError as error:
            if error.code in _MOVED:
                return error.said
            if not _name_in_use(error):
                raise
            tried.add(device)
        else:
            return ""


def _name_in_use(error: EbsApiError) -> bool:
    return error.code == "InvalidDevice.InUse" or (
        error.code == "InvalidParameterValue" and "already in use" in error.said
    )


def _free_names(instance: dict, tried: set | frozenset = frozenset()) -> list:
    """Device names that neither the instance's mappings nor an earlier try shows as used; never empty."""
    instance_id, state = instance["InstanceId"], instance["State"]["Name"]
    if state not in ("running", "stopped"):
        raise EbsError(f"Instance {instance_id} is {state}, and takes a volume only when running or stopped: start it.")
    used = set(tried)
    for mapping in instance.get("BlockDeviceMappings", []):
        # A partition's name or Xen's name for a disk takes the disk's name.
        match = _DEVICE_NAME.match(mapping["DeviceName"])
        if match:
            used.add(f"/dev/sd{match.group(1)}")
    free = [name for name in _NAMES if name not in used]
    if not free:
        raise EbsError(
            f"Instance {instance_id} has no free device name from {_NAMES[0]} to {_NAMES[-1]}:"
            " detach a volume that it does not need."
        )
    return free


def _not_attached(volume_id: str, volume: dict | None, seconds: float, refused: str) -> str:
    """The sentence for a volume that is not attached in time."""
    if volume is None:
        return f"Volume {volume_id} was made but EC2 does not list it after {seconds:g} s: run it again."
    if volume["attachments"]:
        entry = volume["attachments"][0]
        if entry["state"] == "attaching":
            return (
                f"Volume {volume_id} is still attaching to instance {entry['instance_id']} as {entry['device_name']}"
                f" after {seconds:g} s: run it again to wait on, or raise wait_timeout."
            )
        return f"After {seconds:g} s {_held(volume)}: unmount it there and run it again."
    reason = f" ({refused})" if refused else ""
    return (
        f"Volume {volume_id} is still {volume['state']}{reason} after {seconds:g} s: run it again to wait on, or raise"
        " wait_timeout."
    )


def _held(volume: dict) -> str:
    """In words, what keeps a volume that is to be detached or deleted."""
    volume_id = volume["volume_id"]
    if not volume["attachments"]:
        return f"volume {volume_id} is still {volume['state']}"
    entry = volume["attachments"][0]
    if entry["state"] == "busy":
        return f"volume {volume_id} is still mounted on instance {entry['instance_id']}"
    return f"volume {volume_id} is still {entry['state']} on instance {entry['instance_id']}, maybe still mounted there"


# ---- deleting


def absent(
    client, volume_ids: list | None, name: str | None, check_mode: bool = False, patience: Patience | None = None
) -> dict:
    """Detach and delete the volumes, all at once; returns {changed, deleted, before, after} once they are gone."""
    patience = patience or Patience(600)
    for volume_id in volume_ids or []:
        if not _VOLUME_ID.match(volume_id):
            raise EbsError(_no_volume_id(volume_id))
    found = _by_name(client, name) if volume_ids is None else _by_ids(client, volume_ids)
    found = sorted((volume for volume in found if volume["state"] != "deleted"), key=lambda one: one["volume_id"])
    foreign = [volume["volume_id"] for volume in found if not volume["tags"].get(TAG_KIND)]
    if foreign:
        raise EbsError(
            f"Volume {', '.join(foreign)} carries no tag {TAG_KIND} and was not made by this collection, so nothing was"
            " deleted: delete it by hand, or leave it out."
        )
    doomed = [volume for volume in found if volume["state"] != "deleting"]
    before = [_stable(_view(volume)) for volume in doomed]
    if check_mode:
        deleted = [volume["volume_id"] for volume in doomed]
        return {"changed": bool(deleted), "deleted": deleted, "before": before, "after": []}
    removal = _Removal(client, patience)
    try:
        removal.run(found)
    except (EbsError, EbsApiError) as error:
        error.result = {"changed": bool(removal.deleted or removal.detached), "deleted": removal.deleted}
        raise
    changed = bool(removal.deleted or removal.detached)
    return {"changed": changed, "deleted": removal.deleted, "before": before, "after": []}


@dataclass
class _Removal:
    """Volumes on their way out: each gets its next step as soon as EC2 is ready for it."""

    client: object
    patience: Patience
    detached: set = field(default_factory=set)
    deleted: list = field(default_factory=list)

    def run(self, volumes: list) -> None:
        """Return when all are gone."""
        while volumes:
            moved = [self._advance(volume) for volume in volumes]
            if any(moved):
                self.patience.step_done()
            elif self.patience.over:
                raise EbsError(self._too_long(volumes))
            # What has just been deleted may be gone at once.
            if not any(moved) or any(volume["attachments"] for volume in volumes):
                self.patience.pause(f"{len(volumes)} volumes are not deleted yet")
            volumes = [
                volume
                for volume in _by_ids(self.client, [volume["volume_id"] for volume in volumes])
                if volume["state"] != "deleted"
            ]

    def _advance(self, volume: dict) -> bool:
        """Do the volume's next step; False when there is none yet."""
        try:
            if volume["attachments"]:
                asked = [self._detach(volume["volume_id"], entry) for entry in volume["attachments"]]
                return any(asked)
            return volume["state"] in ("available", "error") and self._delete(volume["volume_id"])
        except EbsApiError as error:
            if error.code == "InvalidVolume.NotFound" or error.code in _MOVED:
                return False
            done = f" after {', '.join(self.deleted)} had been deleted" if self.deleted else ""
            raise EbsApiError(message=f"{error.message}{done}", exception=error.exception) from error

    def _detach(self, volume_id: str, entry: dict) -> bool:
        key = (volume_id, entry["instance_id"])
        if entry["state"] != "attached" or key in self.detached:
            return False
        _call(
            f"detach volume {volume_id} from instance {entry['instance_id']}",
            self.client.detach_volume,
            VolumeId=volume_id,
            InstanceId=entry["instance_id"],
        )
        self.detached.add(key)
        return True

    def _delete(self, volume_id: str) -> bool:
        if volume_id in self.deleted:
            return False
        _call(f"delete volume {volume_id}", self.client.delete_volume, VolumeId=volume_id)
        self.deleted.append(volume_id)
        return True

    def _too_long(self, volumes: list) -> str:
        mounted = any(volume["attachments"] for volume in volumes)
        advice = "unmount it there and run it again" if mounted else "run it again to wait on, or raise wait_timeout"
        done = f" ({', '.join(self.deleted)} had been deleted)" if self.deleted else ""
        return f"After {self.patience.seconds:g} s {'; '.join(map(_held, volumes))}{done}: {advice}."
