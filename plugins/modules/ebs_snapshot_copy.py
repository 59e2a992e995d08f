#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_snapshot_copy
version_added: "0.1.0"
short_description: Copy a snapshot of another account or region for one run, and delete the copies of a run
description:
  - With O(state=present), copies a snapshot into this account and O(region) (C(CopySnapshot)). The copy is always
    encrypted, under O(kms_key_id) or this account's default key for EBS, whatever key the original has.
  - A copy is known by O(run_id) and O(snapshot_id). A rerun finds what was made and returns its state and progress; it
    never makes a second one.
  - The copies carry O(tags) and, set by the module, C(stagesync:run), C(stagesync:kind=copy) and C(stagesync:copy-of).
    Leave C(stagesync:set) out of O(tags), or the copy counts as a snapshot of that set.
  - A copy that fails, or that EC2 has not encrypted as asked, is deleted, and the module fails.
  - With O(state=absent), deletes the copies of a run, and no other snapshot of it.
  - Where EC2 answers that too many snapshots are being copied, the call is repeated for five minutes.
author:
  - stagesync contributors (@stagesync)
options:
  state:
    description:
      - What there shall be.
    type: str
    choices: [present, absent]
    default: present
  run_id:
    description:
      - The run that the copy belongs to.
    type: str
    required: true
  snapshot_id:
    description:
      - The completed snapshot to copy, this account's own or one that is shared with it.
      - Needed with O(state=present).
    type: str
  source_region:
    description:
      - The region that it lies in.
      - Needed with O(state=present).
    type: str
  kms_key_id:
    description:
      - The KMS key in O(region) that the copy is encrypted with.
    type: str
  tags:
    description:
      - Further tags of the copy. EC2 carries none over.
    type: dict
    default: {}
  wait:
    description:
      - Wait until the copy is complete, with O(state=present). Lines say meanwhile how far it is.
    type: bool
    default: false
  wait_timeout:
    description:
      - Seconds to wait with O(wait=true).
    type: int
    default: 86400
attributes:
  check_mode:
    description: Can run in check mode and return what would change without changing it.
    support: full
  diff_mode:
    description: Returns the copies and their tags before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Copy a shared snapshot
  stagesync.aws.ebs_snapshot_copy:
    run_id: 20261120T191300Z-1a2b
    snapshot_id: snap-0123456789abcdef0
    source_region: eu-central-1
    kms_key_id: alias/staging
    wait: true
    region: ap-south-1

- name: Delete the copies of a run
  stagesync.aws.ebs_snapshot_copy:
    state: absent
    run_id: 20261120T191300Z-1a2b
    region: ap-south-1
"""

RETURN = r"""
snapshot:
  description:
    - The copy, with the keys of RV(stagesync.aws.ebs_snapshot_info#module:snapshots). V(none) in check mode when it
      would be made.
  returned: when O(state=present)
  type: dict
deleted:
  description: The ids of the copies that were deleted, or would be in check mode.
  returned: when O(state=absent)
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, copies


def run(module):
    """Do what state says; returns the result with `before` and `after`."""
    params = module.params
    client = module.client("ec2")
    if params["state"] == "absent":
        return copies.absent(client, params["run_id"], module.check_mode)
    wanted = copies.Wanted(
        snapshot_id=params["snapshot_id"],
        source_region=params["source_region"],
        run_id=params["run_id"],
        kms_key_id=params["kms_key_id"],
        tags={key: str(value) for key, value in params["tags"].items()},
    )
    result = copies.present(client, wanted, module.check_mode, lambda: api.client_once(module))
    if params["wait"] and result["snapshot"] and not module.check_mode:
        result = copies.wait_completed(client, wanted, result, params["wait_timeout"])
    return result


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "run_id": {"type": "str", "required": True},
            "snapshot_id": {"type": "str"},
            "source_region": {"type": "str"},
            "kms_key_id": {"type": "str"},
            "tags": {"type": "dict", "default": {}},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 86400},
        },
        required_if=[("state", "present", ["snapshot_id", "source_region"])],
        supports_check_mode=True,
    )
    api.refuse_empty(module, "run_id", "snapshot_id", "source_region", "kms_key_id")
    api.conclude(module, "snapshots", run)


if __name__ == "__main__":
    main()
