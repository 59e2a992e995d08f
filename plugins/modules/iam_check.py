#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: iam_check
version_added: "0.1.0"
short_description: Ask AWS which calls of a run it would deny
description:
  - Makes the EC2 calls that a run will make as dry runs, with the run's own tags and on real resources, and names all
    that EC2 would deny at once. Reads of EC2 and the bucket are tried as they are.
  - It changes nothing, and runs on the controller.
  - What needs a resource that is not there yet, such as a parked volume before the first run, is listed as unchecked.
  - C(ssm:StartSession) and the objects of the bucket cannot be tried without doing it; the connection shows them.
author:
  - stagesync contributors (@stagesync)
options:
  secondary_instance_id:
    description:
      - The instance that a snapshot will be taken of. Without it nothing of production's is asked for.
    type: str
  staging_instance_id:
    description:
      - The instance that is refreshed.
    type: str
  set_name:
    description:
      - The name of the snapshot set.
    type: str
  kms_key_id:
    description:
      - The key of new volumes, where they are to have one of their own.
    type: str
  bucket:
    description:
      - The bucket of the connection.
    type: str
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: See what AWS would deny
  stagesync.aws.iam_check:
    secondary_instance_id: i-0b00000000000000b
    staging_instance_id: i-0c00000000000000c
    set_name: sync-system-mongo-weekly
    bucket: my-transfer-bucket
  register: permissions
  delegate_to: localhost

- name: Stop there
  ansible.builtin.assert:
    that: permissions.denied | length == 0
    fail_msg: "AWS denies {{ permissions.denied | map(attribute='action') | unique | join(', ') }}."
"""

RETURN = r"""
allowed:
  description: The actions that AWS would allow.
  returned: always
  type: list
  elements: str
  sample: ["ec2:CreateSnapshots", "ec2:CreateVolume"]
denied:
  description: What AWS would deny. The action may be one that the call depends on, as C(ec2:CreateTags).
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The action to allow.
      type: str
      returned: always
      sample: ec2:DeleteSnapshot
    resource:
      description: What it would act on, where AWS says so.
      type: str
      returned: always
      sample: arn:aws:ec2:ap-south-1::snapshot/snap-0123456789abcdef0
unchecked:
  description: What could not be asked for.
  returned: always
  type: list
  elements: dict
  contains:
    action:
      description: The action.
      type: str
      returned: always
    reason:
      description: Why it could not be asked for.
      type: str
      returned: always
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils import permissions
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api


def main():
    options = ("secondary_instance_id", "staging_instance_id", "set_name", "kms_key_id", "bucket")
    module = AnsibleAWSModule(argument_spec={name: {"type": "str"} for name in options}, supports_check_mode=True)
    wanted = permissions.Wanted(**{name: module.params[name] or None for name in options})
    try:
        result = permissions.check(module.client("ec2"), module.client("s3"), wanted)
    except api.EbsApiError as error:
        module.fail_json(msg=api.explain(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
