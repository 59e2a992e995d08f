# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Copies of snapshots that another account or region has: made once for a run, encrypted, deleted with it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable

try:
    from botocore.exceptions import ClientError
except ImportError:
    ClientError = type("ClientError", (Exception,), {})  # AnsibleAWSModule reports the missing package

from ansible_collections.amazon.aws.plugins.module_utils.tagging import ansible_dict_to_boto3_tag_list
from ansible_collections.amazon.aws.plugins.module_utils.transformation import ansible_dict_to_boto3_filter_list

from ..progress import Progress
from .api import TRANSIENT, EbsError, Handler, tag_problem
from .keys import other_key
from .selection import TAG_KIND, TAG_RUN
from .snapshots import delete_snapshot, describe_snapshots, simplify

TAG_ORIGIN = "stagesync:copy-of"
# EC2 copies this many into one region at a time; others finish within that.
_PATIENCE_SECONDS = 300
_BUSY = TRANSIENT | {"ResourceLimitExceeded"}


@dataclass(frozen=True)
class Wanted:
    """A copy to be made."""

    snapshot_id: str
    source_region: str
    run_id: str
    kms_key_id: str | None = None
    tags: dict = field(default_factory=dict)

    def all_tags(self) -> dict:
        """The user's tags and the ones by which the copy is found again and deleted."""
        return {**self.tags, TAG_RUN: self.run_id, TAG_KIND: "copy", TAG_ORIGIN: self.snapshot_id}

    def request(self) -> dict:
        """The parameters of CopySnapshot."""
        return {
            "SourceRegion": self.source_region,
            "SourceSnapshotId": self.snapshot_id,
            "Description": f"Copy of {self.snapshot_id} for run {self.run_id}",
            "Encrypted": True,
            **({"KmsKeyId": self.kms_key_id} if self.kms_key_id else {}),
            "TagSpecifications": [
                {"ResourceType": "snapshot", "Tags": ansible_dict_to_boto3_tag_list(self.all_tags())}
            ],
        }

    def problem(self) -> str | None:
        """What would make the copy be taken for something else, or what EC2 would refuse; or None."""
        own = sorted(set(self.tags) & {TAG_RUN, TAG_KIND, TAG_ORIGIN})
        if own:
            return f"Tag {own[0]} is set by the module itself: leave it out of tags."
        return tag_problem(self.all_tags())


def present(
    client,
    wanted: Wanted,
    check_mode: bool = False,
    creator: Callable | None = None,
    clock: Callable = time.monotonic,
    sleep: Callable = time.sleep,
) -> dict:
    """Have the copy made; returns {changed, snapshot, before, after}. It is `pending` at first.

    `creator` returns the client for CopySnapshot, one that never repeats a call by itself: EC2 has no token for it.
    """
    problem = wanted.problem()
    if problem:
        raise EbsError(problem)
    found = _of_run(client, wanted.run_id, wanted.snapshot_id)
    before = _shown(found)
    if not found:
        if check_mode:
            after = [{"snapshot_id": None, "copy_of": wanted.snapshot_id, "tags": wanted.all_tags()}]
            return {"changed": True, "snapshot": None, "before": before, "after": after}
        found = _create(creator() if creator else client, client, wanted, clock, sleep)
    if len(found) > 1:
        ids = ", ".join(snapshot["snapshot_id"] for snapshot in found)
        raise EbsError(
            f"Snapshots {ids} are all copies of {wanted.snapshot_id} for run {wanted.run_id}: delete them with state"
            " absent and copy again."
        )
    _check(client, wanted, found[0], check_mode)
    return {"changed": not before, "snapshot": found[0], "before": before, "after": _shown(found)}


def wait_completed(
    client, wanted: Wanted, result: dict, timeout: float, clock=time.monotonic, sleep=time.sleep
) -> dict:
    """Poll until the copy is no longer pending; returns the result with the copy as it is then."""
    deadline, progress = clock() + timeout, Progress()
    while result["snapshot"]["state"] == "pending":
        copy = result["snapshot"]
        progress.tell(f"copy {copy['snapshot_id']} of {wanted.snapshot_id}", copy["progress"], 100)
        if clock() >= deadline:
            raise EbsError(
                f"Copy {copy['snapshot_id']} of snapshot {wanted.snapshot_id} is {copy['progress']} % done after"
                f" {timeout:g} s: run it again to wait on, or raise wait_timeout.",
                {"changed": result["changed"]},
            )
        sleep(min(5.0, max(0.1, deadline - clock())))
        found = _of_run(client, wanted.run_id, wanted.snapshot_id)
        if not found:
            raise EbsError(
                f"Copy {copy['snapshot_id']} of snapshot {wanted.snapshot_id} is gone, though it was not deleted here:"
                " run it again."
            )
        _check(client, wanted, found[0], check_mode=False)
        result = {**result, "snapshot": found[0], "after": _shown(found)}
    return result


def absent(client, run_id: str, check_mode: bool = False) -> dict:
    """Delete a run's copies, and nothing else of the run; returns {changed, deleted, before, after}."""
    found = _of_run(client, run_id)
    deleted = []
    for snapshot in found:
        if check_mode or delete_snapshot(client, snapshot["snapshot_id"]):
            deleted.append(snapshot["snapshot_id"])
    return {"changed": bool(deleted), "deleted": deleted, "before": _shown(found), "after": []}


def _of_run(client, run_id: str, origin: str | None = None) -> list:
    filters = {f"tag:{TAG_RUN}": run_id, f"tag:{TAG_KIND}": "copy"}
    raw = describe_snapshots(client, OwnerIds=["self"], Filters=ansible_dict_to_boto3_filter_list(filters))
    # EC2 reads `*` and `?` in a filter as wildcards; the run is matched to the letter.
    return [
        snapshot
        for snapshot in map(simplify, raw)
        if snapshot["tags"].get(TAG_RUN) == run_id and origin in (None, snapshot["tags"].get(TAG_ORIGIN))
    ]


def _shown(snapshots: list) -> list:
    return [
        {
            "snapshot_id": snapshot["snapshot_id"],
            "copy_of": snapshot["tags"].get(TAG_ORIGIN),
            "tags": dict(snapshot["tags"]),
        }
        for snapshot in sorted(snapshots, key=lambda snapshot: snapshot["snapshot_id"])
    ]


@Handler.common_error_handler("copy the snapshot")
def _create(creator, client, wanted: Wanted, clock: Callable, sleep: Callable) -> list:
    deadline, delay = clock() + _PATIENCE_SECONDS, 2.0
    while True:
        try:
            made = creator.copy_snapshot(**wanted.request())["SnapshotId"]
        except ClientError as error:
            if error.response["Error"].get("Code") not in _BUSY or clock() + delay > deadline:
                raise
            sleep(delay)
            delay = min(delay * 2, 30.0)
            # An internal error may come after the copy was begun.
            found = _of_run(client, wanted.run_id, wanted.snapshot_id)
            if found:
                return found
        else:
            return _listed(client, wanted, made, clock, sleep)


def _listed(client, wanted: Wanted, made: str, clock: Callable, sleep: Callable) -> list:
    """Return only once DescribeSnapshots lists the copy, so that the next call does not make it again."""
    deadline = clock() + 60
    while True:
        found = _of_run(client, wanted.run_id, wanted.snapshot_id)
        if found:
            return found
        if clock() >= deadline:
            raise EbsError(
                f"EC2 made copy {made} of snapshot {wanted.snapshot_id} but has not listed it for a minute: wait until"
                " it is listed, then run again."
            )
        sleep(1.0)


def _check(client, wanted: Wanted, snapshot: dict, check_mode: bool) -> None:
    """Refuse and delete a copy that failed or that is not encrypted as asked."""
    wrong = None
    if snapshot["state"] == "error":
        wrong = "failed (state error): check that both keys may be used, the source's for decryption too"
    elif not snapshot["encrypted"]:
        wrong = "is not encrypted though that was asked for: ask AWS why"
    elif other_key(wanted.kms_key_id, snapshot["kms_key_id"]):
        wrong = f"is encrypted under {snapshot['kms_key_id']}, not {wanted.kms_key_id}: correct kms_key_id"
    if wrong:
        done = "" if check_mode or not delete_snapshot(client, snapshot["snapshot_id"]) else " It was deleted."
        raise EbsError(f"Copy {snapshot['snapshot_id']} of snapshot {wanted.snapshot_id} {wrong}.{done}")
