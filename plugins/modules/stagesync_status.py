#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: stagesync_status
version_added: "0.1.0"
short_description: Tell what there is for one staging target
description:
  - Lists the live volume, the parked ones, the snapshots and whether they could be restored, what runs have left, who
    holds the lock, and the last runs.
  - It asks the AWS API and reads reports on the controller. No host is needed, so it works while they are off.
  - It reads only.
author:
  - stagesync contributors (@stagesync)
options:
  instance_id:
    description:
      - The staging instance, running or not.
      - Without it, the one instance with the tag C(stagesync:role=staging).
    type: str
  set_name:
    description:
      - The name of the snapshot set that staging is refreshed from. Its masked snapshots have C(-masked) after it.
    type: str
    required: true
  lock_prefix:
    description:
      - The SSM parameter of the lock is this, a slash, and the id of the staging instance.
    type: str
    default: /stagesync/lock
  lock_stale_seconds:
    description:
      - A lock whose last heartbeat is older is of a run that died.
    type: int
    default: 300
  report_directory:
    description:
      - The directory of all reports on the controller. No runs are listed without it.
    type: path
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Look
  stagesync.aws.stagesync_status:
    set_name: sync-system-mongo-weekly
    report_directory: reports
  register: status

- name: Show it
  ansible.builtin.debug:
    msg: "{{ status.lines }}"
"""

RETURN = r"""
instance:
  description: The staging instance, with C(instance_id) and C(state).
  returned: success
  type: dict
live:
  description: The volumes that are tagged as live; one, or none before the first promotion.
  returned: success
  type: list
  elements: dict
  contains: &volume
    volume_id:
      description: Its id.
      type: str
    kind:
      description: What it is, by its tag.
      type: str
    run_id:
      description: The run that made it.
      type: str
    size_gib:
      description: Its size in GiB.
      type: int
    state:
      description: Its state in EC2.
      type: str
    attached_to:
      description: The instances that it is attached to.
      type: list
      elements: str
    parked_at:
      description: When it was parked, in UTC.
      type: str
    parked_seconds:
      description: Seconds since then.
      type: int
    from_snapshot:
      description: The snapshot that its data is of.
      type: str
    data_time:
      description: When that snapshot started.
      type: str
    data_age_seconds:
      description: Seconds since then.
      type: int
    mongodb_version:
      description: The version of staging's MongoDB when it was promoted.
      type: str
    validated:
      description: When it passed validation.
      type: str
parked:
  description: The parked volumes, newest first.
  returned: success
  type: list
  elements: dict
  contains: *volume
snapshot_sets:
  description: The snapshot sets of the name, newest first.
  returned: success
  type: list
  elements: dict
  contains: &set
    set:
      description: The name of the set.
      type: str
    kind:
      description: V(snapshot), or V(masked) for one of staging's masked data.
      type: str
    run_id:
      description: The run that made it.
      type: str
    snapshot_ids:
      description: Its snapshots.
      type: list
      elements: str
    start_time:
      description: When its first snapshot started, in UTC.
      type: str
    age_seconds:
      description: Seconds since then.
      type: int
    size_gib:
      description: The size of its volumes in GiB.
      type: int
    complete:
      description: Whether all snapshots of the set are there.
      type: bool
    state:
      description: V(completed) when all are.
      type: str
    encrypted:
      description: Whether all are.
      type: bool
    mongodb_version:
      description: The version of MongoDB that wrote the files.
      type: str
    restorable:
      description: Whether nothing that AWS tells stands against restoring it.
      type: bool
    obstacles:
      description: What does, in words.
      type: list
      elements: str
masked_sets:
  description: The snapshots of staging's masked data, newest first.
  returned: success
  type: list
  elements: dict
  contains: *set
quarantine:
  description: What runs made for themselves and is still there.
  returned: success
  type: dict
  contains:
    volumes:
      description: Volumes, each as in RV(live) and with C(in_use), whether its run holds the lock.
      type: list
      elements: dict
    snapshots:
      description: Copies of snapshots, with C(snapshot_id), C(kind), C(run_id), C(size_gib), C(state) and C(in_use).
      type: list
      elements: dict
lock:
  description: Who holds the lock; V(none) where nobody does.
  returned: success
  type: dict
  contains:
    parameter:
      description: The name of the SSM parameter.
      type: str
    run_id:
      description: The run that holds it.
      type: str
    owner:
      description: Who runs it.
      type: raw
    started:
      description: Since when.
      type: raw
    heartbeat:
      description: When it last said that it is alive.
      type: raw
    heartbeat_age_seconds:
      description: Seconds since then; V(none) where it cannot be read.
      type: int
    fresh:
      description: Whether that run is to be taken as alive.
      type: bool
runs:
  description: The last ten runs, newest first.
  returned: success
  type: list
  elements: dict
  contains:
    run_id:
      description: The id of the run.
      type: str
    kind:
      description: What it was.
      type: str
    result:
      description: How it ended.
      type: str
    failed_in:
      description: The stages that failed.
      type: list
      elements: str
    started:
      description: When its first stage began, in UTC.
      type: str
    ended:
      description: When its report was written, in UTC.
      type: str
lines:
  description: All of it as lines for a terminal.
  returned: success
  type: list
  elements: str
"""

from datetime import datetime, timezone

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils import target_state
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api


def run(module):
    """Read the state; returns it with the lines that show it."""
    params = module.params
    clients = target_state.Clients(*(module.client(service) for service in ("ec2", "ssm", "kms")))
    query = target_state.Query(
        set_name=params["set_name"],
        instance_id=params["instance_id"],
        lock_prefix=params["lock_prefix"],
        stale_seconds=params["lock_stale_seconds"],
    )
    state = target_state.read(clients, query, datetime.now(timezone.utc))
    directory = params["report_directory"]
    state["runs"] = target_state.runs(directory) if directory else []
    return {"changed": False, **state, "lines": target_state.lines(state)}


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "instance_id": {"type": "str"},
            "set_name": {"type": "str", "required": True},
            "lock_prefix": {"type": "str", "default": "/stagesync/lock"},
            "lock_stale_seconds": {"type": "int", "default": 300},
            "report_directory": {"type": "path"},
        },
        supports_check_mode=True,
    )
    api.refuse_empty(module, "instance_id", "set_name")
    api.conclude(module, "status", run)


if __name__ == "__main__":
    main()
