#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: run_lock
version_added: "0.1.0"
short_description: Let one run at a time work on a staging target
description:
  - With O(state=present), makes a lock, one parameter in SSM Parameter Store, and starts a small process beside
    C(ansible-playbook) that renews its heartbeat. That process ends by itself with the playbook, with the release, and
    when the lock is another's.
  - A lock that another run holds is an error that says who holds it and what to do. One whose heartbeat has stopped is
    taken over. Of several that try, one succeeds.
  - A lock of the same O(run_id) is taken over at once on the same controller, so that a run that died can be continued,
    unless it still lives. On another controller its heartbeat must have stopped.
  - With O(state=kept), renews it, and fails where the run has lost it.
  - With O(state=absent), releases it. What another process holds is left alone.
  - The lock holds no secret. Who holds it, from where and since when can be read by all who may read the parameter.
author:
  - stagesync contributors (@stagesync)
options:
  state:
    description:
      - What there shall be.
    type: str
    choices: [present, kept, absent]
    default: present
  name:
    description:
      - The SSM parameter that is the lock, the same for all who share the staging target.
      - Beside it, C(takeover-) and a number below its name are made and removed while it changes hands.
    type: str
    required: true
  run_id:
    description:
      - The run that is to hold it.
    type: str
    required: true
  playbook:
    description:
      - What runs, for those who find the lock held.
    type: str
    default: ""
  stale_seconds:
    description:
      - How long after its last heartbeat this run's lock may be taken over. A fifth of it lies between two heartbeats.
      - For the lock of another run, what that run has set counts.
    type: int
    default: 300
  cleared:
    description:
      - Runs in RV(leavings) whose leavings are gone, with O(state=kept).
    type: list
    elements: str
    default: []
  uncleared:
    description:
      - With O(state=absent), that this run has left something. The lock then stays, free to be taken over at once, so
        that the next run finds it in RV(leavings).
    type: bool
    default: false
requirements:
  - Linux, for the process of the playbook is watched in C(/proc)
notes:
  - It must run on the controller, with C(delegate_to=localhost).
attributes:
  check_mode:
    description: Takes, renews and releases nothing, but fails where the lock is held.
    support: full
  diff_mode:
    description: Returns the lock before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Have staging alone
  stagesync.aws.run_lock:
    name: /stagesync/lock/i-0123456789abcdef0
    run_id: 20261120T191300Z-1a2b
    playbook: Refresh staging from production
  delegate_to: localhost
  become: false
  register: taken

- name: Go on only if it is still ours
  stagesync.aws.run_lock:
    state: kept
    name: /stagesync/lock/i-0123456789abcdef0
    run_id: 20261120T191300Z-1a2b
  delegate_to: localhost
  become: false

- name: Let others in
  stagesync.aws.run_lock:
    state: absent
    name: /stagesync/lock/i-0123456789abcdef0
    run_id: 20261120T191300Z-1a2b
  delegate_to: localhost
  become: false
"""

RETURN = r"""
name:
  description: The parameter that is the lock.
  returned: always
  type: str
  sample: /stagesync/lock/i-0123456789abcdef0
holder:
  description: Who holds it now, or would in check mode; V(none) where nobody does.
  returned: always
  type: dict
  contains:
    run_id:
      description: The run.
      type: str
      returned: always
    owner:
      description: The AWS identity, and the controller's name.
      type: str
      returned: always
      sample: arn:aws:sts::111122223333:assumed-role/sync/me on controller.example
    host:
      description: The controller's name.
      type: str
      returned: always
    pid:
      description: The process of C(ansible-playbook) there.
      type: int
      returned: always
    pid_started:
      description: When that process was started, in ticks of its kernel.
      type: int
      returned: always
    playbook:
      description: What runs.
      type: str
      returned: always
    started:
      description: When the lock was taken, in UTC.
      type: str
      returned: always
      sample: "2026-11-20T19:13:00Z"
    heartbeat:
      description: When it was last renewed.
      type: str
      returned: always
    expires:
      description: When it may be taken over unless it is renewed.
      type: str
      returned: always
    leavings:
      description: Runs that died and whose leavings nobody has cleared yet.
      type: list
      elements: str
      returned: always
    keeper:
      description: The process that renews it.
      type: dict
      returned: always
taken_over_from:
  description: The run that held it before and whose heartbeat had stopped; V(none) where there was none.
  returned: success
  type: str
leavings:
  description: The runs whose leavings are to be cleared before anything else, RV(taken_over_from) among them.
  returned: success
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock

LEAST_STALE_SECONDS = 60


def holder_of(module) -> run_lock.Holder:
    """This run, in this process, on this controller."""
    host = run_lock.hostname()
    owner = host
    if module.params["state"] == "present":
        owner = f"{run_lock.caller(module.client('sts'))} on {host}"
    params = module.params
    return run_lock.Holder(
        params["run_id"], owner, host, run_lock.controller(), params["playbook"], params["stale_seconds"]
    )


def run(module) -> run_lock.Outcome:
    """Bring the lock into its state."""
    me = holder_of(module)
    lock = run_lock.Lock(module.client("ssm"), module.params["name"], me)
    if module.params["state"] == "absent":
        return lock.release(module.check_mode, module.params["uncleared"])
    if module.check_mode:
        return lock.take(check=True)
    kept = module.params["state"] == "kept"
    outcome = lock.keep(module.params["cleared"]) if kept else lock.take()
    if run_lock.keeper_of(outcome.after) is None:

        def work(stopped):
            # A client of its own: a connection cannot be shared between processes.
            run_lock.keep_alive(run_lock.Lock(module.client("ssm"), module.params["name"], me), stopped)

        outcome.after = lock.keep(keeper=run_lock.detach(work)).after
        outcome.changed = True
    return outcome


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "kept", "absent"], "default": "present"},
            "name": {"type": "str", "required": True},
            "run_id": {"type": "str", "required": True},
            "playbook": {"type": "str", "default": ""},
            "stale_seconds": {"type": "int", "default": 300},
            "cleared": {"type": "list", "elements": "str", "default": []},
            "uncleared": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    name = module.params["name"]
    if module.params["stale_seconds"] < LEAST_STALE_SECONDS:
        module.fail_json(
            msg=f"stale_seconds is {module.params['stale_seconds']}: give at least {LEAST_STALE_SECONDS}, or a slow "
            "answer of AWS would cost a run its lock."
        )
    try:
        outcome = run(module)
    except run_lock.LockError as error:
        module.fail_json(msg=str(error), name=name, holder=error.holder)
    result = {
        "changed": outcome.changed,
        "name": name,
        "holder": outcome.after,
        "taken_over_from": outcome.taken_over_from,
        "leavings": (outcome.after or {}).get("leavings", []),
    }
    if outcome.before != outcome.after:
        result["diff"] = {"before": {"lock": outcome.before}, "after": {"lock": outcome.after}}
    module.exit_json(**result)


if __name__ == "__main__":
    main()
