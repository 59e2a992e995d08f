# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What there is for one staging target, by the AWS API alone: volumes, snapshots, quarantine, lock; and the last runs.

read(clients, Query(...), now)     all of it as plain data; changes nothing, asks no host
runs(directory)                    the newest reports on the controller
lines(state)                       the same for a terminal
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # AnsibleAWSModule reports the missing package
    BotoCoreError = type("BotoCoreError", (Exception,), {})
    ClientError = type("ClientError", (Exception,), {})

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from .ebs.api import EbsError, Handler
from .ebs.selection import TAG_KIND, TAG_RUN, TAG_SET, SelectionError, group, parse_time
from .ebs.snapshots import describe_snapshots
from .ebs.snapshots import simplify as simplify_snapshot
from .ebs.volumes import describe_volumes

TAG_TARGET = "stagesync:target"
TAG_VERSION = "stagesync:mongodb-version"
MASKED_SUFFIX = "-masked"
# What a run makes for itself and removes at its end.
QUARANTINE = ("source", "clean", "copy")
_KEPT_KINDS = ("snapshot", "masked")


@dataclass(frozen=True)
class Clients:
    """The services that are asked."""

    ec2: object
    ssm: object
    kms: object


@dataclass(frozen=True)
class Query:
    """Which target, and where its lock is."""

    set_name: str
    instance_id: str | None = None
    lock_prefix: str = "/stagesync/lock"
    stale_seconds: int = 300


def read(clients: Clients, query: Query, now: datetime) -> dict:
    """All that AWS knows of the target; raises EbsError and EbsApiError."""
    instance = _instance(clients.ec2, query.instance_id)
    instance_id = instance["instance_id"]
    holder = lock(clients.ssm, f"{query.lock_prefix.rstrip('/')}/{instance_id}", query.stale_seconds, now)
    busy = holder["run_id"] if holder and holder["fresh"] else None
    mine = {f"tag:{TAG_TARGET}": instance_id}
    volumes = [_volume(raw, now) for raw in _volumes(clients.ec2, mine)]
    live = [volume for volume in volumes if volume["kind"] == "live"]
    version = next((volume["mongodb_version"] for volume in live if volume["mongodb_version"]), None)
    sets = _sets(clients, query.set_name, version, now)
    copies = _snapshots(clients.ec2, {**mine, f"tag:{TAG_KIND}": list(QUARANTINE)})
    return {
        "instance": instance,
        "live": live,
        "parked": sorted(
            (volume for volume in volumes if volume["kind"] == "parked"),
            key=lambda volume: (volume["parked_at"] or "", volume["volume_id"]),
            reverse=True,
        ),
        "snapshot_sets": [entry for entry in sets if entry["kind"] != "masked"],
        "masked_sets": [entry for entry in sets if entry["kind"] == "masked"],
        "quarantine": {
            "volumes": [_leftover(one, busy) for one in volumes if one["kind"] in QUARANTINE and one["run_id"]],
            "snapshots": [_leftover(_copy(one, now), busy) for one in copies if one["tags"].get(TAG_RUN)],
        },
        "lock": holder,
    }


# ---- the instance


def _instance(client, instance_id: str | None) -> dict:
    """{instance_id, state} of the target, running or not; without an id the one instance with the tag of staging."""
    filters = {"instance-state-name": ["pending", "running", "stopping", "stopped"]}
    filters.update({"instance-id": instance_id} if instance_id else {"tag:stagesync:role": "staging"})
    found = _instances(client, Filters=ansible_dict_to_boto3_filter_list(filters))
    if len(found) != 1:
        which = f"instance {instance_id}" if instance_id else "instance with the tag stagesync:role=staging"
        ids = ", ".join(sorted(entry["InstanceId"] for entry in found))
        raise EbsError(
            f"There are {len(found)} of {which} ({ids}): name the staging instance by its id."
            if found
            else f"There is no {which}: correct the id, the tag or the region."
        )
    return {"instance_id": found[0]["InstanceId"], "state": found[0]["State"]["Name"]}


@Handler.list_error_handler("describe instances", [])
@AWSRetry.jittered_backoff()
def _instances(client, **args) -> list:
    answer = client.get_paginator("describe_instances").paginate(**args).build_full_result()
    return [instance for reservation in answer["Reservations"] for instance in reservation["Instances"]]


# ---- the lock


def lock(client, name: str, stale_seconds: int, now: datetime) -> dict | None:
    """Who holds the lock; None where nobody does. What cannot be understood counts as fresh: nothing is taken away."""
    try:
        parameter = AWSRetry.jittered_backoff()(client.get_parameter)(Name=name)["Parameter"]
    except ClientError as error:
        code = error.response["Error"].get("Code", "unknown")
        if code == "ParameterNotFound":
            return None
        raise EbsError(
            f"The lock {name} cannot be read ({code}): allow ssm:GetParameter on it to the role or user that Ansible"
            " runs as."
        ) from error
    except BotoCoreError as error:
        raise EbsError(
            f"The lock {name} cannot be read ({type(error).__name__}): check network, region and credentials."
        ) from error
    try:
        value = json.loads(parameter["Value"])
    except ValueError:
        value = {}
    value = value if isinstance(value, dict) else {}
    beat = _age(value.get("heartbeat") or value.get("started"), now)
    return {
        "parameter": name,
        "run_id": value.get("run_id"),
        "owner": value.get("owner"),
        "started": value.get("started"),
        "heartbeat": value.get("heartbeat"),
        "heartbeat_age_seconds": beat,
        "fresh": beat is None or beat <= _promised(value, stale_seconds),
    }


def _promised(value: dict, stale_seconds: int) -> float:
    """The seconds that its holder said it would take until the next heartbeat at most."""
    try:
        return (parse_time(value["expires"]) - parse_time(value["heartbeat"])).total_seconds()
    except (SelectionError, AttributeError, KeyError):
        return stale_seconds


def _age(moment, now: datetime) -> int | None:
    """Whole seconds since an ISO time or an epoch number; None for what is neither."""
    try:
        if isinstance(moment, (int, float)):
            return max(0, int(now.timestamp() - moment))
        return max(0, int((now - parse_time(moment)).total_seconds())) if moment else None
    except (SelectionError, AttributeError):
        return None


# ---- volumes


def _volumes(client, filters: dict) -> list:
    found = describe_volumes(client, Filters=ansible_dict_to_boto3_filter_list(filters))
    return sorted(
        (volume for volume in found if volume["state"] not in ("deleting", "deleted")), key=lambda one: one["volume_id"]
    )


def _volume(raw: dict, now: datetime) -> dict:
    tags = raw["tags"]
    return {
        "volume_id": raw["volume_id"],
        "kind": tags.get(TAG_KIND),
        "run_id": tags.get(TAG_RUN),
        "size_gib": raw["size_gib"],
        "state": raw["state"],
        "attached_to": [entry["instance_id"] for entry in raw["attachments"]],
        "parked_at": tags.get("stagesync:parked-at"),
        "parked_seconds": _age(tags.get("stagesync:parked-at"), now),
        # A clean volume was made blank: its tags name the snapshot that its data is of.
        "from_snapshot": tags.get("stagesync:from-snapshot") or raw["snapshot_id"],
        "data_time": tags.get("stagesync:data-time"),
        "data_age_seconds": _age(tags.get("stagesync:data-time"), now),
        "mongodb_version": tags.get(TAG_VERSION),
        "validated": tags.get("stagesync:validated"),
    }


def _leftover(entry: dict, busy: str | None) -> dict:
    """With `in_use`: whether it is of the run that holds the lock."""
    return {**entry, "in_use": busy is not None and entry["run_id"] == busy}


# ---- snapshots


def _snapshots(client, filters: dict) -> list:
    raw = describe_snapshots(client, OwnerIds=["self"], Filters=ansible_dict_to_boto3_filter_list(filters))
    return [simplify_snapshot(entry) for entry in raw]


def _copy(snapshot: dict, now: datetime) -> dict:
    return {
        "snapshot_id": snapshot["snapshot_id"],
        "kind": snapshot["tags"].get(TAG_KIND),
        "run_id": snapshot["tags"].get(TAG_RUN),
        "size_gib": snapshot["volume_size"],
        "state": snapshot["state"],
        "start_time": snapshot["start_time"],
        "age_seconds": _age(snapshot["start_time"], now),
    }


def _sets(clients: Clients, set_name: str, version: str | None, now: datetime) -> list:
    names = [set_name, set_name + MASKED_SUFFIX]
    found = _snapshots(clients.ec2, {f"tag:{TAG_SET}": names})
    # EC2 reads `*` and `?` in a filter as wildcards, and a run's copy carries the tags of its original.
    found = [
        snapshot
        for snapshot in found
        if snapshot["tags"].get(TAG_SET) in names and snapshot["tags"].get(TAG_KIND, "snapshot") in _KEPT_KINDS
    ]
    keys = {key: key_state(clients.kms, key) for key in {one["kms_key_id"] for one in found} if key}
    return [_set(entry, version, keys) for entry in group(found, now)]


def _set(entry: dict, version: str | None, keys: dict) -> dict:
    against = obstacles(entry, version, keys)
    return {
        "set": entry["set"],
        "kind": entry["tags"].get(TAG_KIND, "snapshot"),
        "run_id": entry["run_id"],
        "snapshot_ids": entry["snapshot_ids"],
        "start_time": entry["start_time"],
        "age_seconds": entry["age_seconds"],
        "size_gib": sum(snapshot["volume_size"] for snapshot in entry["snapshots"]),
        "complete": entry["complete"],
        "state": entry["state"],
        "encrypted": all(snapshot["encrypted"] for snapshot in entry["snapshots"]),
        "mongodb_version": entry["tags"].get(TAG_VERSION),
        "restorable": not against,
        "obstacles": against,
    }


def obstacles(entry: dict, version: str | None, keys: dict) -> list:
    """What stands against restoring a set, in words; `version` is staging's, None where it is not known."""
    against = []
    if not entry["complete"]:
        against.append(f"{len(entry['snapshot_ids'])} of {entry['expected_size'] or 'unknown'} snapshots")
    if entry["state"] != "completed":
        against.append(f"{entry['state']}, {entry['progress']} %")
    if any(snapshot["storage_tier"] == "archive" for snapshot in entry["snapshots"]):
        against.append("archived")
    if not all(snapshot["encrypted"] for snapshot in entry["snapshots"]):
        against.append("not encrypted")
    for tag in (TAG_VERSION, "stagesync:dbpath"):
        if not all(snapshot["tags"].get(tag) for snapshot in entry["snapshots"]):
            against.append(f"no tag {tag}")
    ours, theirs = _series(version), _series(entry["tags"].get(TAG_VERSION))
    if ours and theirs and theirs > ours:
        against.append(f"of MongoDB {entry['tags'][TAG_VERSION]}, newer than staging's {version}")
    for key in sorted({snapshot["kms_key_id"] for snapshot in entry["snapshots"]} & set(keys)):
        if keys[key] not in (None, "Enabled"):
            against.append(f"KMS key {key.rpartition('/')[2]} is {keys[key]}")
    return against


def _series(version: str | None) -> tuple | None:
    parts = (version or "").split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdigit() for part in parts) else None


def key_state(client, key_id: str) -> str | None:
    """The state of a KMS key, `gone` where there is none; None where it may not be asked."""
    try:
        return AWSRetry.jittered_backoff()(client.describe_key)(KeyId=key_id)["KeyMetadata"]["KeyState"]
    except ClientError as error:
        return "gone" if error.response["Error"].get("Code") == "NotFoundException" else None
    except BotoCoreError:
        return None


# ---- the reports


def runs(directory: str, limit: int = 10) -> list:
    """The newest reports below a directory, newest first; one that cannot be read says so in place of its verdict."""
    try:
        names = sorted(entry.name for entry in os.scandir(directory) if entry.is_dir() and not entry.is_symlink())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EbsError(f"The reports in {directory} cannot be listed ({error.strerror}): correct the path.") from error
    found = []
    for name in names:
        path = os.path.join(directory, name, "report.json")
        if os.path.exists(path):
            found.append(_run(name, path))
    return sorted(found, key=lambda run: (run["ended"] or "", run["run_id"]), reverse=True)[:limit]


def _run(name: str, path: str) -> dict:
    try:
        with open(path, encoding="utf-8") as handle:
            report = json.load(handle)
        stages = report["stages"]
        return {
            "run_id": report["run_id"],
            "kind": report["kind"],
            "result": report["result"] + (" (check mode)" if report.get("check_mode") else ""),
            "failed_in": sorted({stage["stage"] for stage in stages if stage["status"] == "failed"}),
            "started": min((stage["start"] for stage in stages), default=None),
            "ended": report["written"],
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        unreadable = {"kind": None, "result": "unreadable", "failed_in": [], "started": None, "ended": None}
        return {"run_id": name, **unreadable}


# ---- the terminal


def lines(state: dict) -> list:
    """The state as lines of text, a table for each kind of thing."""
    instance = state["instance"]
    shown = [f"Staging {instance['instance_id']} is {instance['state']}.", _lock_line(state["lock"])]
    if not state["live"]:
        shown.append("No volume is tagged as live: the first promotion does that.")
    shown += _table(
        "VOLUMES",
        ("kind", "volume", "GiB", "parked-at", "run", "data-of", "age"),
        [_volume_row(volume) for volume in state["live"] + state["parked"]],
    )
    heading = ("snapshots", "GiB", "started", "age", "run", "MongoDB", "restorable")
    shown += _table("SNAPSHOTS", heading, [_set_row(entry) for entry in state["snapshot_sets"]])
    if state["masked_sets"]:
        shown += _table("MASKED SNAPSHOTS", heading, [_set_row(entry) for entry in state["masked_sets"]])
    left = [(one["volume_id"], one) for one in state["quarantine"]["volumes"]]
    left += [(one["snapshot_id"], one) for one in state["quarantine"]["snapshots"]]
    shown += _table(
        "QUARANTINE",
        ("id", "kind", "GiB", "run", "in-use"),
        [(name, one["kind"], one["size_gib"], one["run_id"], "yes" if one["in_use"] else "no") for name, one in left],
    )
    if not all(one["in_use"] for _name, one in left):
        shown.append("What is not in use was left by a run that died: playbooks/cleanup.yml removes it.")
    shown += _table(
        "LAST RUNS",
        ("run", "kind", "result", "started", "ended"),
        [
            (run["run_id"], run["kind"], ",".join([run["result"], *run["failed_in"]]), run["started"], run["ended"])
            for run in state.get("runs", [])
        ],
    )
    return shown


def _lock_line(holder: dict | None) -> str:
    if holder is None:
        return "No run holds the lock."
    age = holder["heartbeat_age_seconds"]
    beat = "its heartbeat cannot be read" if age is None else f"last heartbeat {_span(age)} ago"
    state = "holds" if holder["fresh"] else "left, without a heartbeat for too long,"
    return f"Run {holder['run_id'] or '(not said)'} of {holder['owner'] or '(not said)'} {state} the lock; {beat}."


def _volume_row(volume: dict) -> tuple:
    data = volume["from_snapshot"] or ""
    return (
        volume["kind"],
        volume["volume_id"],
        volume["size_gib"],
        volume["parked_at"],
        volume["run_id"],
        data,
        _span(volume["data_age_seconds"]),
    )


def _set_row(entry: dict) -> tuple:
    return (
        ",".join(entry["snapshot_ids"]),
        entry["size_gib"],
        entry["start_time"],
        _span(entry["age_seconds"]),
        entry["run_id"],
        entry["mongodb_version"],
        "yes" if entry["restorable"] else "no: " + "; ".join(entry["obstacles"]),
    )


def _table(title: str, heading: tuple, rows: list) -> list:
    if not rows:
        return [f"{title}: none"]
    # Few single spaces: the terminal's YAML breaks a long line there.
    cells = [tuple("" if cell is None else str(cell) for cell in row) for row in [heading, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heading))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    return [title, *text]


def _span(seconds: int | None) -> str | None:
    """Seconds as a person says them: 90s, 12min, 7h, 3d."""
    if seconds is None:
        return None
    for size, unit, least in ((86400, "d", 172800), (3600, "h", 7200), (60, "min", 120)):
        if seconds >= least:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"
