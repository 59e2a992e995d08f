#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_snapshot_info
version_added: "0.1.0"
short_description: Find EBS snapshots and choose one set of them
description:
  - Lists EBS snapshots by tags, volume, instance, run or id, in one filtered query that reads every page.
  - Joins those that carry the same tags C(stagesync:set) and C(stagesync:run) into sets, the volumes of one database
    at one moment. C(stagesync:set-size) says how many snapshots a set must have.
  - Chooses a whole set with O(select) or O(snapshot_id), and says why. An incomplete set is never chosen. A snapshot
    without those tags, as of a root volume that carries the same C(Name), is not chosen where a tagged set matches.
  - Fails when nothing can be chosen and when the choice is ambiguous.
  - The limits (O(max_age_hours), O(require_encrypted), O(min_size_gib), O(max_size_gib)) are checks on the choice. A
    choice that breaks one is an error, and no other is taken in its place.
  - It reads only, and runs on the controller.
author:
  - stagesync contributors (@stagesync)
options:
  tags:
    description:
      - Tags that a snapshot must carry. A value may hold the wildcards C(*) and C(?).
    type: dict
    default: {}
  volume_id:
    description:
      - Only snapshots of this volume. The other volumes of a set that it belongs to are found too.
    type: str
  instance_id:
    description:
      - Only snapshots whose tag C(stagesync:source-instance) is this instance.
      - The volumes attached to the instance today play no part. For snapshots made by other tools use O(volume_id).
    type: str
  run_id:
    description:
      - Only snapshots of this run, by the tag C(stagesync:run).
    type: str
  snapshot_id:
    description:
      - Choose this snapshot and its whole set. It wins over O(select), O(before) and all filters except O(owner).
    type: str
  owner:
    description:
      - Whose snapshots are looked at, V(self) or an account id.
      - Another account's tags are not to be seen. M(stagesync.aws.ebs_snapshot_set) says them in the description too,
        and they are read from there.
    type: str
    default: self
  states:
    description:
      - The states in which a snapshot can be chosen.
    type: list
    elements: str
    choices: [completed, pending, error, recoverable, recovering]
    default: [completed]
  select:
    description:
      - Which set to choose, V(latest), V(previous), or its number counted from the newest (V(1) is the latest).
      - Only sets that can be chosen are counted.
      - Without it and without O(snapshot_id) everything is listed and nothing chosen.
    type: str
  before:
    description:
      - Choose only among sets that started before this time, in ISO 8601, UTC unless a zone is named.
      - Needs O(select).
    type: str
  max_age_hours:
    description:
      - Fail when the chosen set is older. One that was named with O(snapshot_id) is taken all the same, with a warning.
    type: float
  require_encrypted:
    description:
      - Fail when a snapshot of the chosen set is not encrypted.
    type: bool
    default: false
  min_size_gib:
    description:
      - Fail when a snapshot of the chosen set is of a smaller volume.
    type: int
  max_size_gib:
    description:
      - Fail when a snapshot of the chosen set is of a larger volume.
    type: int
  require_mongodb:
    description:
      - Fail unless the tags of the chosen set say how to open MongoDB's files, as those of the role C(snapshot) do.
    type: bool
    default: false
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Choose the newest snapshot set that is not older than eight days
  stagesync.aws.ebs_snapshot_info:
    tags:
      stagesync:set: sync-system-mongo-weekly
    select: latest
    max_age_hours: 192
  register: found

- name: Choose the last one before an accident
  stagesync.aws.ebs_snapshot_info:
    tags:
      Name: sync-system-mongo-weekly-*
    select: latest
    before: "2026-11-20T06:00:00Z"

- name: Choose a set by one of its snapshots
  stagesync.aws.ebs_snapshot_info:
    snapshot_id: snap-0123456789abcdef0

- name: List what there is
  stagesync.aws.ebs_snapshot_info:
    tags:
      stagesync:set: sync-system-mongo-weekly
"""

RETURN = r"""
chosen:
  description: The chosen set; V(none) when nothing was to be chosen.
  returned: always
  type: dict
  contains: &set
    set:
      description: The name of the set, V(none) for a snapshot outside any set.
      type: str
      returned: always
    run_id:
      description: The run that made the set, V(none) for a snapshot outside any set.
      type: str
      returned: always
    source_instance:
      description: The instance whose volumes the snapshots are of, by their tags.
      type: str
      returned: always
    start_time:
      description: When its first snapshot started, in UTC.
      type: str
      returned: always
      sample: "2026-11-20T19:13:00.000Z"
    age_seconds:
      description: Seconds since then.
      type: int
      returned: always
    expected_size:
      description: How many snapshots the set must have, V(none) when its tags do not say.
      type: int
      returned: always
    complete:
      description: Whether all of them are there.
      type: bool
      returned: always
    state:
      description: V(completed) when all are, V(error) when one is, else the state of the first that is not completed.
      type: str
      returned: always
    pending:
      description: Whether a snapshot of the set is pending.
      type: bool
      returned: always
    progress:
      description: The progress of the slowest snapshot in percent.
      type: int
      returned: always
    snapshot_ids:
      description: Its snapshots, in the order of C(snapshots).
      type: list
      elements: str
      returned: always
    volume_ids:
      description: The volumes they were made of.
      type: list
      elements: str
      returned: always
    tags:
      description: The tags that all its snapshots share.
      type: dict
      returned: always
    snapshots:
      description: Its snapshots, as in RV(snapshots). Only in RV(chosen).
      type: list
      elements: dict
      returned: always
    reason:
      description: Why it was chosen. Only in RV(chosen).
      type: str
      returned: always
      sample: newest of 3 snapshot sets that can be chosen
    mongodb:
      description:
        - C(version), C(series), C(fcv), C(directory_per_db) and C(directory_for_indexes) of the server, and C(volumes),
          each with C(snapshot_id), C(size_gib), its C(place) relative to the dbPath and the C(relative_path) in its
          file system. The first volume holds the dbPath itself.
        - Only in RV(chosen), with O(require_mongodb=true).
      type: dict
      returned: always
sets:
  description: All sets found, newest first, each as RV(chosen) without C(snapshots) and C(reason).
  returned: always
  type: list
  elements: dict
snapshots:
  description: All snapshots found, in the order of RV(sets).
  returned: always
  type: list
  elements: dict
  contains:
    snapshot_id:
      description: The id of the snapshot.
      type: str
      returned: always
    volume_id:
      description: The volume it was made of.
      type: str
      returned: always
    state:
      description: Its state.
      type: str
      returned: always
    progress:
      description: Its progress in percent.
      type: int
      returned: always
    start_time:
      description: When it started, in UTC.
      type: str
      returned: always
    volume_size:
      description: The size of the volume in GiB.
      type: int
      returned: always
    encrypted:
      description: Whether it is encrypted.
      type: bool
      returned: always
    kms_key_id:
      description: The key it is encrypted with.
      type: str
      returned: always
    owner_id:
      description: The account that owns it.
      type: str
      returned: always
    storage_tier:
      description: V(standard) or V(archive). An archived snapshot cannot be chosen.
      type: str
      returned: always
    description:
      description: Its description.
      type: str
      returned: always
    tags:
      description: Its tags.
      type: dict
      returned: always
considered:
  description: How many snapshots were found.
  returned: always
  type: int
passed_over:
  description: The sets that could not be chosen, when one was to be chosen by O(select).
  returned: always
  type: list
  elements: dict
  contains:
    set:
      description: The name of the set.
      type: str
      returned: always
    run_id:
      description: The run that made it.
      type: str
      returned: always
    snapshot_ids:
      description: Its snapshots.
      type: list
      elements: str
      returned: always
    reason:
      description: Why it was passed over.
      type: str
      returned: always
      sample: incomplete set (1 of 2 snapshots)
"""

from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, mongodb_tags, selection, snapshots

POSITIONS = {"latest": 1, "previous": 2}


def position_of(select):
    """1 for the newest; raises SelectionError for what is no choice."""
    position = POSITIONS.get(select) or (int(select) if select.isdecimal() else 0)
    if position < 1:
        raise selection.SelectionError(f"select is {select!r}: give latest, previous or a number from 1 on.")
    return position


def filters_of(params):
    """The filter of DescribeSnapshots."""
    filters = {f"tag:{key}": str(value) for key, value in params["tags"].items()}
    if params["volume_id"]:
        filters["volume-id"] = params["volume_id"]
    if params["instance_id"]:
        filters[f"tag:{selection.TAG_INSTANCE}"] = params["instance_id"]
    if params["run_id"]:
        filters[f"tag:{selection.TAG_RUN}"] = params["run_id"]
    return filters


def run(client, params, now):
    """Find, choose, check; returns the module's result."""
    # A wrong select or before is said before anything is asked of AWS.
    position = position_of(params["select"]) if params["select"] else None
    if params["before"]:
        selection.parse_time(params["before"])
    found = snapshots.find(client, params["owner"], filters_of(params), params["snapshot_id"])
    sets = selection.group(found, now)
    chosen, passed_over, warnings = None, [], []
    if params["snapshot_id"]:
        entry, reason = selection.choose_id(sets, params["snapshot_id"], params["states"])
        chosen = {**entry, "reason": reason}
    elif position:
        entry, reason, passed_over = selection.choose(sets, position, params["states"], params["before"])
        chosen = {**entry, "reason": reason}
    if chosen:
        limits = ("max_age_hours", "require_encrypted", "min_size_gib", "max_size_gib")
        given = {limit: params[limit] for limit in limits}
        warnings = selection.check(chosen, **given, named=bool(params["snapshot_id"]))
        if params["require_mongodb"]:
            chosen["mongodb"] = mongodb_tags.read(chosen)
    return {
        "warnings": warnings,
        "chosen": chosen,
        "sets": [{key: value for key, value in entry.items() if key != "snapshots"} for entry in sets],
        "snapshots": [snapshot for entry in sets for snapshot in entry["snapshots"]],
        "considered": len(found),
        "passed_over": passed_over,
    }


def described(params):
    """The filters in words, for an error."""
    given = {"snapshot-id": params["snapshot_id"]} if params["snapshot_id"] else filters_of(params)
    return ", ".join(f"{key}={value}" for key, value in [*given.items(), ("owner", params["owner"])])


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "tags": {"type": "dict", "default": {}},
            "volume_id": {"type": "str"},
            "instance_id": {"type": "str"},
            "run_id": {"type": "str"},
            "snapshot_id": {"type": "str"},
            "owner": {"type": "str", "default": "self"},
            "states": {
                "type": "list",
                "elements": "str",
                "choices": ["completed", "pending", "error", "recoverable", "recovering"],
                "default": ["completed"],
            },
            "select": {"type": "str"},
            "before": {"type": "str"},
            "max_age_hours": {"type": "float"},
            "require_encrypted": {"type": "bool", "default": False},
            "min_size_gib": {"type": "int"},
            "max_size_gib": {"type": "int"},
            "require_mongodb": {"type": "bool", "default": False},
        },
        required_by={"before": ["select"]},
        supports_check_mode=True,
    )
    try:
        result = run(module.client("ec2"), module.params, datetime.now(timezone.utc))
    except selection.SelectionError as error:
        module.fail_json(msg=f"{str(error).rstrip('.')} (looked for {described(module.params)}).")
    except api.EbsApiError as error:
        module.fail_json(msg=api.explain(error))
    for warning in result.pop("warnings"):
        module.warn(warning)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
