#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_fsync
version_added: "0.1.0"
short_description: Lock a secondary's files against writes for a snapshot, and unlock them in any case
description:
  - With O(state=locked), starts a process of its own on the host that connects, runs C(fsync) with C(lock), and keeps
    the connection. It unlocks when it is asked to, and by itself after O(limit) seconds even if the controller is gone.
  - With O(state=unlocked), asks that process to unlock and waits for it. Where the process was killed the server stays
    locked, so the module then unlocks by itself until the server's count of locks is 0.
  - Both may be repeated. A run that has locked does not lock twice, and a run that has locked nothing unlocks nothing.
  - A lock changes no data. The secondary stops applying writes while it lasts, and catches up after it. A primary and a
    server that somebody else has locked are refused.
  - A call takes some 20 seconds at most. Repeat the task until RV(state) is the wanted one, since a busy server may
    take longer to write out what it has in memory.
options:
  state:
    description: What there shall be.
    type: str
    choices: [locked, unlocked]
    required: true
  run_id:
    description:
      - The run that the lock belongs to. Its state is in V(/run/stagesync-fsync/<run_id>), until a later run locks.
    type: str
    required: true
  limit:
    description: Seconds after which the lock is released by itself, 1 to 600.
    type: int
    default: 60
  username_parameter:
    description:
      - Name of the SSM parameter that holds the user name. The host resolves it with its own role.
      - The user needs the actions C(fsync) and C(unlock) on the cluster, which the role V(hostManager) has, and the
        role V(clusterMonitor).
requirements:
  - python >= 3.9
  - boto3
  - pymongo
  - root (become)
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.mongod
attributes:
  check_mode:
    description: Tells whether it would lock or unlock.
    support: full
  diff_mode:
    description: Returns the state before and after.
    support: full
"""

EXAMPLES = r"""
- name: Lock the secondary for at most a minute
  stagesync.aws.mongodb_fsync:
    state: locked
    run_id: 20261120T191300Z-1a2b
    container: mongo
    username_parameter: /production/mongo/backup
    password_parameter: /production/mongo/backup/password
    region: ap-south-1
  become: true
  register: fsync
  until: fsync is failed or fsync.state == "locked"
  retries: 10
  delay: 1

- name: Unlock it
  stagesync.aws.mongodb_fsync:
    state: unlocked
    run_id: 20261120T191300Z-1a2b
    container: mongo
    username_parameter: /production/mongo/backup
    password_parameter: /production/mongo/backup/password
    region: ap-south-1
  become: true
  register: fsync
  until: fsync is failed or fsync.state == "unlocked"
  retries: 10
  delay: 1
"""

RETURN = r"""
state:
  description: >-
    V(locked), V(unlocked), or V(locking) while the server has not answered. In check mode, as it would be.
  returned: success
  type: str
  sample: locked
until:
  description: When the lock is released by itself, in seconds since 1970.
  returned: when V(locked)
  type: float
reason:
  description:
    - Why the lock ended. V(released) is the only one that proves that it held until O(state=unlocked) was asked for.
    - V(limit) when O(limit) was over, V(ended) when its process was told to end, V(killed) when its process was killed,
      V(lost) when the server was restarted or unlocked by somebody else, V(failed) when it did not come about, null
      when there was none.
  returned: when V(unlocked)
  type: str
  sample: released
held_seconds:
  description: How long the server was locked.
  returned: when V(unlocked) after a lock
  type: float
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_login
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import DockerService, ServiceError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import fsync
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError

PLACE = "/run/stagesync-fsync"
RETURNED = ("state", "until", "reason", "held_seconds")


def connection(params: dict) -> dict:
    """Where the server is and who asks; resolves the parameters."""
    facts = DockerService(params["container"]).require_running()
    found = {"place": [facts.host, mongod_login.port_of(facts, params)]}
    if params["username_parameter"]:
        found["username"], found["password"] = mongod_login.user_of(params)
    return found


def run(params: dict, check_mode: bool) -> dict:
    """Do what state says; returns the result with the state before it."""
    directory = os.path.join(PLACE, params["run_id"])
    before = fsync.look(directory)["state"]
    if check_mode:
        would = (before in fsync.HELD) != (params["state"] == "locked")
        return {"changed": would, "before": before, "state": params["state"]}
    if params["state"] == "locked":
        found = fsync.locked(directory, lambda: connection(params), params["limit"])
    else:
        found = fsync.unlocked(directory, lambda: connection(params))
    kept = {key: found[key] for key in RETURNED if key in found}
    return {"changed": found["changed"], "before": before, **kept}


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["locked", "unlocked"], "required": True},
            "run_id": {"type": "str", "required": True},
            "limit": {"type": "int", "default": 60},
            **mongod_login.OPTIONS,
        },
        required_together=[("username_parameter", "password_parameter")],
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    run_id, limit = module.params["run_id"], module.params["limit"]
    if not 1 <= limit <= 600:
        module.fail_json(msg=f"limit is {limit}: give 1 to 600 seconds.")
    if not run_id or "/" in run_id or run_id.startswith("."):
        module.fail_json(msg=f"run_id is {run_id!r}, which cannot name a directory: use letters, digits and dashes.")
    try:
        result = run(module.params, module.check_mode)
    except (OSError, ParameterError, ServiceError, fsync.FsyncError) as error:
        module.fail_json(msg=str(error))
    before = result.pop("before")
    module.exit_json(**result, diff={"before": {"state": before}, "after": {"state": result["state"]}})


if __name__ == "__main__":
    main()
