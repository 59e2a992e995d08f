# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""EBS snapshots through the EC2 API: find, create as one crash-consistent set, tag, delete."""

from __future__ import annotations

import fnmatch
import time
from dataclasses import dataclass, field
from datetime import datetime
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

from ..progress import Progress
from .api import (
    FILTER_VALUES,
    TRANSIENT,
    EbsApiError,
    EbsError,
    Handler,
    create_tags,
    describe_instance,
    tag_problem,
)
from .selection import (
    TAG_INSTANCE,
    TAG_KIND,
    TAG_RUN,
    TAG_SET,
    TAG_SIZE,
    TAG_VOLUME,
    format_time,
    group,
    prune_candidates,
)

_PATIENCE_SECONDS = 300
_PREFIX, _DESCRIBED = "stagesync:", "stagesync "
# No use to who restores, and a description has 255 characters.
_UNSAID = {TAG_KIND, "stagesync:manifest-sha256"}


@dataclass(frozen=True)
class Wanted:
    """A set of snapshots to be made."""

    instance_id: str
    volume_ids: tuple
    run_id: str
    set_name: str
    tags: dict = field(default_factory=dict)
    kind: str = "snapshot"
    volume_tags: dict = field(default_factory=dict)

    def all_tags(self) -> dict:
        """The user's tags and the ones that make the snapshots a set."""
        return {
            **self.tags,
            TAG_RUN: self.run_id,
            TAG_SET: self.set_name,
            TAG_KIND: self.kind,
            TAG_INSTANCE: self.instance_id,
            TAG_SIZE: str(len(self.volume_ids)),
        }

    def tags_of(self, volume_id: str) -> dict:
        """All tags of the snapshot of one volume."""
        return {**self.all_tags(), **self.volume_tags.get(volume_id, {}), TAG_VOLUME: volume_id}

    def description(self) -> str:
        """What another account sees: tags stay in their own, so it says them too where they fit."""
        said = {key: value for key, value in self.all_tags().items() if key.startswith(_PREFIX) and key not in _UNSAID}
        text = _DESCRIBED + ";".join(f"{key[len(_PREFIX) :]}={value}" for key, value in said.items())
        fits = len(text) <= 255 and not any(";" in value for value in said.values()) and not self.volume_tags
        return text if fits else f"{self.set_name} of run {self.run_id}"

    def problem(self) -> str | None:
        """What EC2 would refuse, or None."""
        if not self.volume_ids:
            return "volume_ids is empty: name the volumes of the set."
        if len(set(self.volume_ids)) != len(self.volume_ids):
            return "volume_ids names a volume twice: name each once."
        strange = sorted(set(self.volume_tags) - set(self.volume_ids))
        if strange:
            return f"volume_tags names {strange[0]}, which is not in volume_ids: correct one of them."
        given = {key for tags in (self.tags, *self.volume_tags.values()) for key in tags}
        own = sorted(given & {TAG_RUN, TAG_SET, TAG_KIND, TAG_INSTANCE, TAG_SIZE, TAG_VOLUME})
        if own:
            return f"Tag {own[0]} is set by the module itself: leave it out of tags."
        problems = (tag_problem(self.tags_of(volume_id)) for volume_id in self.volume_ids)
        return next((problem for problem in problems if problem), None)


# ---- finding


@Handler.list_error_handler("describe snapshots", [])
@AWSRetry.jittered_backoff()
def describe_snapshots(client, **args) -> list:
    """Every page of DescribeSnapshots."""
    if "SnapshotIds" not in args:
        args["PaginationConfig"] = {"PageSize": 1000}
    return client.get_paginator("describe_snapshots").paginate(**args).build_full_result()["Snapshots"]


def simplify(raw: dict) -> dict:
    """An EC2 snapshot in Ansible's form."""
    progress = (raw.get("Progress") or "").rstrip("%")
    return {
        "snapshot_id": raw["SnapshotId"],
        "volume_id": raw["VolumeId"],
        "state": raw["State"],
        "progress": int(progress) if progress.isdecimal() else (100 if raw["State"] == "completed" else 0),
        "start_time": format_time(raw["StartTime"]),
        "volume_size": raw["VolumeSize"],
        "encrypted": raw.get("Encrypted", False),
        "kms_key_id": raw.get("KmsKeyId"),
        "owner_id": raw["OwnerId"],
        "storage_tier": raw.get("StorageTier") or "standard",
        "description": raw.get("Description") or "",
        "tags": boto3_tag_list_to_ansible_dict(raw.get("Tags") or []),
    }


def find(client, owner: str = "self", filters: dict | None = None, snapshot_id: str | None = None) -> list:
    """The snapshots that match, and the other members of each set that a filter by volume or id has cut."""
    args = {"OwnerIds": [owner]}
    if snapshot_id:
        args["SnapshotIds"] = [snapshot_id]
    elif owner == "self":
        args["Filters"] = ansible_dict_to_boto3_filter_list(filters or {})
    found = _own(describe_snapshots(client, **args), owner)
    if owner != "self":
        # EC2 shows another account's snapshots without their tags; they all came along.
        return found if snapshot_id else [snapshot for snapshot in found if _fits(snapshot, filters or {})]
    have = {snapshot["snapshot_id"] for snapshot in found}
    # The clock plays no part in whether a set is complete.
    sets = group(found, datetime.now().astimezone())
    cut = {(entry["set"], entry["run_id"]) for entry in sets if entry["set"] and not entry["complete"]}
    runs = sorted({run for _name, run in cut})
    for start in range(0, len(runs), FILTER_VALUES):
        chunk = ansible_dict_to_boto3_filter_list({f"tag:{TAG_RUN}": runs[start : start + FILTER_VALUES]})
        for snapshot in _own(describe_snapshots(client, OwnerIds=[owner], Filters=chunk), owner):
            key = (snapshot["tags"].get(TAG_SET), snapshot["tags"].get(TAG_RUN))
            if key in cut and snapshot["snapshot_id"] not in have:
                have.add(snapshot["snapshot_id"])
                found.append(snapshot)
    return found


def _own(raw: list, owner: str) -> list:
    found = [simplify(entry) for entry in raw if not owner.isdecimal() or entry["OwnerId"] == owner]
    if owner != "self":
        for snapshot in found:
            snapshot["tags"] = snapshot["tags"] or described_tags(snapshot["description"])
    return found


def described_tags(description: str) -> dict:
    """The tags that `Wanted.description` has put into words."""
    if not description.startswith(_DESCRIBED):
        return {}
    pairs = (part.partition("=") for part in description[len(_DESCRIBED) :].split(";"))
    return {_PREFIX + key: value for key, equals, value in pairs if equals}


def _fits(snapshot: dict, filters: dict) -> bool:
    """What EC2's own filters would say, `*` and `?` included."""
    values = {"volume-id": snapshot["volume_id"], **{f"tag:{key}": value for key, value in snapshot["tags"].items()}}
    return all(fnmatch.fnmatchcase(values.get(name, ""), pattern) for name, pattern in filters.items())


# ---- making a set


def present(
    client,
    wanted: Wanted,
    now: Callable,
    check_mode: bool = False,
    creator: Callable | None = None,
    clock: Callable = time.monotonic,
    sleep: Callable = time.sleep,
) -> dict:
    """Make the set unless this run has made it; returns {changed, created, before, after, set, warnings}.

    `creator` returns the client for CreateSnapshots, one that never repeats a call by itself: EC2 has no token for it.
    """
    problem = wanted.problem()
    if problem:
        raise EbsError(problem)
    found = _of_run(client, wanted)
    before = _state_of(found)
    warnings = []
    if not found:
        excluded = _excluded(client, wanted)
        if check_mode:
            after = [{"volume_id": volume, "tags": wanted.tags_of(volume)} for volume in wanted.volume_ids]
            return {
                "changed": True,
                "created": True,
                "before": before,
                "after": after,
                "set": None,
                "warnings": warnings,
            }
        found = _create(creator() if creator else client, client, wanted, excluded, clock, sleep)
        found, warnings = _drop_extra(client, wanted, found)
    _check_volumes(wanted, found)
    for snapshot in found:
        missing = {
            key: value
            for key, value in wanted.tags_of(snapshot["volume_id"]).items()
            if snapshot["tags"].get(key) != value
        }
        if missing and not check_mode:
            create_tags(client, snapshot["snapshot_id"], missing)
        snapshot["tags"] = {**snapshot["tags"], **missing}
    after = _state_of(found)
    result = {
        "changed": after != before,
        "created": not before,
        "before": before,
        "after": after,
        "set": group(found, now())[0],
        "warnings": warnings,
    }
    refuse_failed(result)
    return result


def refuse_failed(result: dict) -> None:
    """Raise when EC2 gave up on a snapshot of the set."""
    bad = [snapshot["snapshot_id"] for snapshot in result["set"]["snapshots"] if snapshot["state"] == "error"]
    if bad:
        raise EbsError(
            f"EC2 could not make snapshot {', '.join(bad)} of run {result['set']['run_id']} (state error):"
            " delete the run's snapshots with state absent and take new ones.",
            result,
        )


def wait_completed(
    client, wanted: Wanted, result: dict, timeout: float, now: Callable, clock=time.monotonic, sleep=time.sleep
) -> dict:
    """Poll until the set is no longer pending; returns the result with its set as it is then."""
    deadline, progress = clock() + timeout, Progress()
    while result["set"]["pending"]:
        progress.tell(f"snapshot set {wanted.run_id}", result["set"]["progress"], 100)
        if clock() >= deadline:
            raise EbsError(
                f"The snapshots of run {wanted.run_id} are {result['set']['progress']} % done after {timeout:g} s:"
                " run it again to wait on, or raise wait_timeout.",
                result,
            )
        sleep(min(5.0, max(0.1, deadline - clock())))
        found = _of_run(client, wanted)
        _check_volumes(wanted, found)
        result = {**result, "set": group(found, now())[0], "after": _state_of(found)}
        refuse_failed(result)
    return result


def instance_volumes(client, instance_id: str) -> tuple:
    """(root volume id or None, ids of all attached volumes) of an instance."""
    instance = describe_instance(client, instance_id)
    mapped = {entry["DeviceName"]: entry["Ebs"]["VolumeId"] for entry in instance.get("BlockDeviceMappings", [])}
    return mapped.get(instance.get("RootDeviceName")), sorted(mapped.values())


def _of_run(client, wanted: Wanted) -> list:
    filters = {f"tag:{TAG_RUN}": wanted.run_id, f"tag:{TAG_SET}": wanted.set_name}
    raw = describe_snapshots(client, OwnerIds=["self"], Filters=ansible_dict_to_boto3_filter_list(filters))
    return [snapshot for snapshot in map(simplify, raw) if _is_exactly(snapshot, wanted.run_id, wanted.set_name)]


def _is_exactly(snapshot: dict, run_id: str | None, set_name: str | None) -> bool:
    """EC2 reads `*` and `?` in a filter as wildcards; what is changed or deleted is matched to the letter."""
    tags = snapshot["tags"]
    return (not run_id or tags.get(TAG_RUN) == run_id) and (not set_name or tags.get(TAG_SET) == set_name)


def _state_of(snapshots: list) -> list:
    return [
        {"snapshot_id": snapshot["snapshot_id"], "volume_id": snapshot["volume_id"], "tags": dict(snapshot["tags"])}
        for snapshot in sorted(snapshots, key=lambda snapshot: snapshot["volume_id"])
    ]


def _excluded(client, wanted: Wanted) -> dict:
    root, attached = instance_volumes(client, wanted.instance_id)
    missing = [volume for volume in wanted.volume_ids if volume not in attached]
    if missing:
        raise EbsError(
            f"Volume {', '.join(missing)} is not attached to instance {wanted.instance_id}, which has"
            f" {', '.join(attached) or 'no volumes'}: correct volume_ids or instance_id."
        )
    others = [volume for volume in attached if volume not in wanted.volume_ids and volume != root]
    boot = root is not None and root not in wanted.volume_ids
    return {"ExcludeBootVolume": boot, **({"ExcludeDataVolumeIds": others} if others else {})}


@Handler.common_error_handler("create the snapshots")
def _create(creator, client, wanted: Wanted, excluded: dict, clock: Callable, sleep: Callable) -> list:
    deadline = clock() + _PATIENCE_SECONDS
    delay = 2.0
    while True:
        try:
            answer = creator.create_snapshots(
                Description=wanted.description(),
                InstanceSpecification={"InstanceId": wanted.instance_id, **excluded},
                TagSpecifications=[
                    {"ResourceType": "snapshot", "Tags": ansible_dict_to_boto3_tag_list(wanted.all_tags())}
                ],
            )
        except ClientError as error:
            if error.response["Error"].get("Code") not in TRANSIENT or clock() + delay > deadline:
                raise
            sleep(delay)
            delay = min(delay * 2, 30.0)
            # An internal error may come after the snapshots were made.
            made = _of_run(client, wanted)
            if made:
                return made
        else:
            return _listed(client, wanted, {entry["SnapshotId"] for entry in answer["Snapshots"]}, clock, sleep)


def _listed(client, wanted: Wanted, made: set, clock: Callable, sleep: Callable) -> list:
    """Return only once DescribeSnapshots lists the snapshots, so that the next call does not make them again."""
    deadline = clock() + 60
    while True:
        found = _of_run(client, wanted)
        if made <= {snapshot["snapshot_id"] for snapshot in found}:
            return found
        if clock() >= deadline:
            raise EbsError(
                f"EC2 made snapshot {', '.join(sorted(made))} of run {wanted.run_id} but has not listed it for a"
                " minute: wait until it is listed, then run again.",
                {"snapshot_ids": sorted(made)},
            )
        sleep(1.0)


def _drop_extra(client, wanted: Wanted, found: list) -> tuple:
    """A volume attached between the look and the call is in the set too; its snapshot is not wanted."""
    extra = [snapshot for snapshot in found if snapshot["volume_id"] not in wanted.volume_ids]
    for snapshot in extra:
        delete_snapshot(client, snapshot["snapshot_id"])
    warnings = [
        f"Snapshot {snapshot['snapshot_id']} of volume {snapshot['volume_id']}, not of the set, came along and"
        " was deleted at once."
        for snapshot in extra
    ]
    return [snapshot for snapshot in found if snapshot not in extra], warnings


def _check_volumes(wanted: Wanted, found: list) -> None:
    have = sorted(snapshot["volume_id"] for snapshot in found)
    if have != sorted(wanted.volume_ids):
        raise EbsError(
            f"Run {wanted.run_id} has snapshots of {', '.join(have) or 'no volume'} where"
            f" {', '.join(wanted.volume_ids)} is wanted: delete them with state absent, or use a new run id.",
            {"snapshot_ids": [snapshot["snapshot_id"] for snapshot in found]},
        )


# ---- deleting


@Handler.deletion_error_handler("delete the snapshot")
@AWSRetry.jittered_backoff()
def delete_snapshot(client, snapshot_id: str) -> bool:
    """False when it was gone already."""
    client.delete_snapshot(SnapshotId=snapshot_id)
    return True


def absent(client, run_id: str | None, set_name: str | None, snapshot_ids: list, check_mode: bool = False) -> dict:
    """Delete a run's snapshots, or some by id, if they carry the run's tag; {changed, before, after, deleted}."""
    filters = {}
    if run_id:
        filters[f"tag:{TAG_RUN}"] = run_id
    if set_name:
        filters[f"tag:{TAG_SET}"] = set_name
    if snapshot_ids:
        # As a filter, an id that is gone is no error.
        filters["snapshot-id"] = snapshot_ids
    raw = describe_snapshots(client, OwnerIds=["self"], Filters=ansible_dict_to_boto3_filter_list(filters))
    found = [snapshot for snapshot in map(simplify, raw) if _is_exactly(snapshot, run_id, set_name)]
    foreign = [snapshot["snapshot_id"] for snapshot in found if not snapshot["tags"].get(TAG_RUN)]
    if foreign:
        raise EbsError(
            f"Snapshot {', '.join(foreign)} carries no tag {TAG_RUN} and was not made by this collection, so nothing"
            " was deleted: delete it by hand, or leave it out."
        )
    return _delete(client, found, [], check_mode)


def pruned(
    client, set_name: str, instance_id: str, keep: int, protect: list, now: Callable, check_mode: bool = False
) -> dict:
    """Delete the sets of one name and instance beyond the retention; {changed, before, after, deleted, kept}."""
    filters = {f"tag:{TAG_SET}": set_name, f"tag:{TAG_INSTANCE}": instance_id}
    sets = group(find(client, filters=filters), now())
    delete, kept = prune_candidates(sets, keep, set_name, instance_id, protect)
    gone = [snapshot for entry in delete for snapshot in entry["snapshots"]]
    stay = [snapshot for entry in kept for snapshot in entry["snapshots"]]
    return {**_delete(client, gone, stay, check_mode), "kept": [entry["run_id"] for entry in kept]}


def _delete(client, gone: list, stay: list, check_mode: bool) -> dict:
    deleted = []
    for snapshot in gone:
        if not check_mode:
            try:
                if not delete_snapshot(client, snapshot["snapshot_id"]):
                    continue
            except EbsApiError as error:
                done = f" after {', '.join(deleted)} had been deleted" if deleted else ""
                raise EbsApiError(
                    message=f"{error.message} {snapshot['snapshot_id']}{done}", exception=error.exception
                ) from error
        deleted.append(snapshot["snapshot_id"])
    return {
        "changed": bool(deleted),
        "before": _state_of([*gone, *stay]),
        "after": _state_of(stay),
        "deleted": deleted,
    }
