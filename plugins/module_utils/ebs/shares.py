# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lets other accounts make volumes of snapshots, and says before it is tried when EC2 would not."""

from __future__ import annotations

from typing import Callable

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # AnsibleAWSModule reports the missing package
    BotoCoreError = type("BotoCoreError", (Exception,), {})
    ClientError = type("ClientError", (Exception,), {})

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

from .api import EbsError, Handler
from .snapshots import describe_snapshots

_ATTRIBUTE = "createVolumePermission"


def share(client, kms, snapshot_ids: list, accounts: list, check_mode: bool = False) -> dict:
    """Add the accounts to the snapshots' permissions; none is removed. Returns {changed, before, after}."""
    strange = [account for account in accounts if not (account.isdigit() and len(account) == 12)]
    if strange:
        raise EbsError(f"{strange[0]!r} is no AWS account id: give 12 digits, quoted.")
    found = {one["SnapshotId"]: one for one in describe_snapshots(client, SnapshotIds=snapshot_ids)}
    for snapshot_id in snapshot_ids:
        if snapshot_id not in found:
            raise EbsError(f"Snapshot {snapshot_id} does not exist: correct the id or the region.")
        _refuse_unsharable(kms, found[snapshot_id])
    before = [{"snapshot_id": one, "shared_with": sorted(_shared_with(client, one))} for one in snapshot_ids]
    after = [{**entry, "shared_with": sorted({*entry["shared_with"], *accounts})} for entry in before]
    for entry in before:
        missing = [account for account in accounts if account not in entry["shared_with"]]
        if missing and not check_mode:
            what = f"share snapshot {entry['snapshot_id']} with account {', '.join(missing)}"
            change = _retried(what, client.modify_snapshot_attribute)
            change(SnapshotId=entry["snapshot_id"], Attribute=_ATTRIBUTE, OperationType="add", UserIds=missing)
    return {"changed": before != after, "before": before, "after": after}


def _refuse_unsharable(kms, snapshot: dict) -> None:
    """Raise where the snapshot is under the key that AWS manages; where KMS may not be asked, EC2 will say so."""
    if not snapshot.get("KmsKeyId"):
        return
    try:
        key = AWSRetry.jittered_backoff()(kms.describe_key)(KeyId=snapshot["KmsKeyId"])["KeyMetadata"]
    except (ClientError, BotoCoreError):
        return
    if key.get("KeyManager") == "AWS":
        raise EbsError(
            f"Snapshot {snapshot['SnapshotId']} is encrypted under the account's default key for EBS, and EC2 shares"
            " none such: name a key of your own in stagesync_kms_key_id, let the other accounts use it by its policy,"
            " and sync again."
        )


def _shared_with(client, snapshot_id: str) -> set:
    look = _retried(f"see with whom snapshot {snapshot_id} is shared", client.describe_snapshot_attribute)
    answer = look(SnapshotId=snapshot_id, Attribute=_ATTRIBUTE)
    return {entry["UserId"] for entry in answer.get("CreateVolumePermissions", []) if "UserId" in entry}


def _retried(what: str, function: Callable) -> Callable:
    return Handler.common_error_handler(what)(AWSRetry.jittered_backoff()(function))
