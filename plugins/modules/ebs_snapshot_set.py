#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_snapshot_set
version_added: "0.1.0"
short_description: Make, delete and prune crash-consistent sets of EBS snapshots
description:
  - With O(state=present), makes snapshots of some volumes of one instance at one moment (C(CreateSnapshots)). The
    boot volume and the data volumes that are not named are left out.
  - The set is known by O(run_id) and O(set_name). A rerun finds what was made, returns its state and progress, and
    adds tags that are missing; it never makes a second one.
  - The snapshots carry O(tags) and, set by the module, C(stagesync:run), C(stagesync:set), C(stagesync:kind),
    C(stagesync:source-instance), C(stagesync:source-volume) and C(stagesync:set-size).
  - Where EC2 answers that there are too many snapshots at the moment, the call is repeated for five minutes.
  - With O(state=absent), deletes the snapshots of a run, or some by their ids. One that is gone is no error.
  - With O(state=pruned), deletes the sets of O(set_name) and O(instance_id) beyond the newest O(keep) completed ones.
  - A snapshot without the tag C(stagesync:run) is never deleted.
author:
  - stagesync contributors (@stagesync)
options:
  state:
    description:
      - What there shall be.
    type: str
    choices: [present, absent, pruned]
    default: present
  run_id:
    description:
      - The run that the set belongs to.
      - Needed with O(state=present); with O(state=absent) it or O(snapshot_ids) is.
    type: str
  set_name:
    description:
      - The name that the sets of all runs share, such as V(sync-system-mongo-weekly).
      - Needed with O(state=present) and O(state=pruned).
    type: str
  instance_id:
    description:
      - The instance whose volumes are meant.
      - Needed with O(state=present) and O(state=pruned).
    type: str
  volume_ids:
    description:
      - The volumes of the set, attached to O(instance_id).
      - Needed with O(state=present).
    type: list
    elements: str
  tags:
    description:
      - Further tags for every snapshot of the set, such as C(Name). Tags are added and corrected, never removed.
    type: dict
    default: {}
  kind:
    description:
      - The tag C(stagesync:kind) of the snapshots, V(masked) for those of staging's masked data.
    type: str
    choices: [snapshot, masked]
    default: snapshot
  volume_tags:
    description:
      - Further tags for the snapshot of one volume, by the volume's id.
    type: dict
    default: {}
  wait:
    description:
      - Wait until the snapshots are completed, with O(state=present). Lines say meanwhile how far they are.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait with O(wait=true).
    type: int
    default: 86400
  snapshot_ids:
    description:
      - The snapshots to delete with O(state=absent). With O(run_id), only those of them that are of that run.
    type: list
    elements: str
    default: []
  keep:
    description:
      - How many completed sets stay with O(state=pruned), at least 1.
    type: int
  protect:
    description:
      - Run ids or snapshot ids of sets that are not deleted with O(state=pruned), however old.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode and return what would change without changing it.
    support: full
  diff_mode:
    description: Returns the snapshots and their tags before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Take a snapshot set
  stagesync.aws.ebs_snapshot_set:
    run_id: 20261120T191300Z-1a2b
    set_name: sync-system-mongo-weekly
    instance_id: i-0123456789abcdef0
    volume_ids:
      - vol-0123456789abcdef0
    tags:
      Name: sync-system-mongo-weekly-2026-11-20
      stagesync:mongodb-version: 6.0.5
    wait: true

- name: Keep the newest four sets
  stagesync.aws.ebs_snapshot_set:
    state: pruned
    set_name: sync-system-mongo-weekly
    instance_id: i-0123456789abcdef0
    keep: 4
    protect:
      - 20261120T191300Z-1a2b

- name: Delete what a failed run left
  stagesync.aws.ebs_snapshot_set:
    state: absent
    run_id: 20261120T191300Z-1a2b
"""

RETURN = r"""
set:
  description:
    - The set, with O(state=present). V(none) in check mode when it would be made.
    - It is returned with the error too when EC2 gave up on a snapshot, and when waiting took too long.
  returned: when O(state=present)
  type: dict
  contains:
    set:
      description: The name of the set.
      type: str
      returned: always
    run_id:
      description: The run that made it.
      type: str
      returned: always
    source_instance:
      description: The instance whose volumes the snapshots are of.
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
      description: How many snapshots the set has.
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
      description: Whether one is pending.
      type: bool
      returned: always
    progress:
      description: The progress of the slowest in percent.
      type: int
      returned: always
    snapshot_ids:
      description: Its snapshots, in the order of C(snapshots).
      type: list
      elements: str
      returned: always
    volume_ids:
      description: Its volumes.
      type: list
      elements: str
      returned: always
    tags:
      description: The tags that all its snapshots share.
      type: dict
      returned: always
    snapshots:
      description: Its snapshots, each with the keys of RV(stagesync.aws.ebs_snapshot_info#module:snapshots).
      type: list
      elements: dict
      returned: always
created:
  description: Whether this call made the set, or would in check mode.
  returned: when O(state=present)
  type: bool
deleted:
  description: The ids of the snapshots that were deleted, or would be in check mode.
  returned: when O(state=absent) or O(state=pruned)
  type: list
  elements: str
kept:
  description: The run ids of the sets that stay, newest first.
  returned: when O(state=pruned)
  type: list
  elements: str
"""

from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, snapshots


def utcnow():
    """The clock for the ages of sets."""
    return datetime.now(timezone.utc)


def present(module, client):
    params = module.params
    wanted = snapshots.Wanted(
        instance_id=params["instance_id"],
        volume_ids=tuple(params["volume_ids"]),
        run_id=params["run_id"],
        set_name=params["set_name"],
        tags={key: str(value) for key, value in params["tags"].items()},
        kind=params["kind"],
        volume_tags={
            volume_id: {key: str(value) for key, value in tags.items()}
            for volume_id, tags in params["volume_tags"].items()
        },
    )
    result = snapshots.present(client, wanted, utcnow, module.check_mode, lambda: api.client_once(module))
    if params["wait"] and result["set"] and not module.check_mode:
        result = snapshots.wait_completed(client, wanted, result, params["wait_timeout"], utcnow)
    return result


def run(module):
    """Do what state says; returns the result with `before` and `after`."""
    params = module.params
    client = module.client("ec2")
    if params["state"] == "present":
        return present(module, client)
    if params["state"] == "absent":
        return snapshots.absent(client, params["run_id"], params["set_name"], params["snapshot_ids"], module.check_mode)
    return snapshots.pruned(
        client,
        params["set_name"],
        params["instance_id"],
        params["keep"],
        params["protect"],
        utcnow,
        module.check_mode,
    )


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent", "pruned"], "default": "present"},
            "run_id": {"type": "str"},
            "set_name": {"type": "str"},
            "instance_id": {"type": "str"},
            "volume_ids": {"type": "list", "elements": "str"},
            "tags": {"type": "dict", "default": {}},
            "kind": {"type": "str", "choices": ["snapshot", "masked"], "default": "snapshot"},
            "volume_tags": {"type": "dict", "default": {}},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 86400},
            "snapshot_ids": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "int"},
            "protect": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[
            ("state", "present", ["run_id", "set_name", "instance_id", "volume_ids"]),
            ("state", "absent", ["run_id", "snapshot_ids"], True),
            ("state", "pruned", ["set_name", "instance_id", "keep"]),
        ],
        supports_check_mode=True,
    )
    api.refuse_empty(module, "run_id", "set_name", "instance_id")
    if module.params["state"] == "absent" and not (module.params["run_id"] or module.params["snapshot_ids"]):
        module.fail_json(msg="Neither run_id nor snapshot_ids names anything to delete: give one of them.")
    if module.params["keep"] is not None and module.params["keep"] < 1:
        module.fail_json(msg=f"keep is {module.params['keep']}: keep at least 1, or use state absent.")
    api.conclude(module, "snapshots", run)


if __name__ == "__main__":
    main()
