#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_snapshot_share
version_added: "0.1.0"
short_description: Let other AWS accounts make volumes of EBS snapshots
description:
  - Adds accounts to the permission to create volumes of snapshots. Accounts that have it already stay.
  - A snapshot under the account's default key for EBS cannot be shared, which is said before anything is changed, in
    check mode too. The accounts also need the use of the snapshot's key, by its policy.
  - M(amazon.aws.ec2_snapshot) is not used because it makes or deletes a snapshot in the same breath.
author:
  - stagesync contributors (@stagesync)
options:
  snapshot_ids:
    description: The snapshots.
    type: list
    elements: str
    required: true
  accounts:
    description: Ids of the accounts, of 12 digits each.
    type: list
    elements: str
    required: true
attributes:
  check_mode:
    description: Can run in check mode and return what would change without changing it.
    support: full
  diff_mode:
    description: Returns with whom the snapshots are shared before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Share a masked snapshot with the accounts of the developers
  stagesync.aws.ebs_snapshot_share:
    snapshot_ids:
      - snap-0123456789abcdef0
    accounts:
      - "111122223333"
"""

RETURN = r"""
snapshots:
  description: The snapshots with whom they are shared, or would be in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    snapshot_id:
      description: The id of the snapshot.
      type: str
    shared_with:
      description: The accounts.
      type: list
      elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, shares


def run(module):
    """Share; returns the result with `before` and `after`."""
    params = module.params
    clients = module.client("ec2"), module.client("kms")
    result = shares.share(*clients, params["snapshot_ids"], params["accounts"], module.check_mode)
    return {**result, "snapshots": result["after"]}


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "snapshot_ids": {"type": "list", "elements": "str", "required": True},
            "accounts": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    api.conclude(module, "snapshots", run)


if __name__ == "__main__":
    main()
