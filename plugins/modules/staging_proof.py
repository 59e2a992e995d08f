#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: staging_proof
version_added: "0.1.0"
short_description: Prove that a host is staging and no part of production
description:
  - Compares what the host says of itself, what EC2 says of the instance and its volumes, and, where it is given, what
    production's secondary says of its replica set. Nothing that a variable says counts.
  - Returns a verdict for each check and fails only when EC2 cannot be asked. Nothing is changed.
  - Of production, only the host in O(production) has been asked. Its primary is never contacted.
options:
  instance_id:
    description: The instance that the inventory means.
    type: str
    required: true
  node:
    description: Of M(stagesync.aws.mongodb_node_info) on that host, C(instance_id), C(container), C(replica_set),
      C(replica_set_identity), C(storage) and C(unsupported).
    type: dict
    required: true
  production:
    description: Of the same module on production's secondary, C(instance_id), C(replica_set) and C(storage). Without
      it, only what can be known without production is checked.
    type: list
    elements: dict
    default: []
  tag:
    description: Name of the tag that staging's instance has.
    type: str
    required: true
  tag_value:
    description: The value of that tag.
    type: str
    required: true
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Prove that the target is staging
  stagesync.aws.staging_proof:
    instance_id: "{{ ec2_instance_id }}"
    node: "{{ node_info }}"
    tag: stagesync:role
    tag_value: staging
    region: ap-south-1
  delegate_to: localhost
  become: false
  register: proof
"""

RETURN = r"""
checks:
  description: The checks, in order.
  returned: success
  type: list
  elements: dict
  contains:
    check:
      description: What is checked.
      returned: success
      type: str
      sample: the target is staging
    ok:
      description: The verdict.
      returned: success
      type: bool
    found:
      description: What was found, where the verdict is false.
      returned: success
      type: str
    remedy:
      description: What to do then.
      returned: success
      type: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api
from ansible_collections.stagesync.aws.plugins.module_utils.staging_proof import prove


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "instance_id": {"type": "str", "required": True},
            "node": {"type": "dict", "required": True},
            "production": {"type": "list", "elements": "dict", "default": []},
            "tag": {"type": "str", "required": True},
            "tag_value": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    tag = (params["tag"], params["tag_value"])
    try:
        checks = prove(module.client("ec2"), params["instance_id"], params["node"], params["production"], tag)
    except api.EbsApiError as error:
        module.fail_json(msg=api.explain(error))
    module.exit_json(changed=False, checks=checks)


if __name__ == "__main__":
    main()
