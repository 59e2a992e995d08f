#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_volume
version_added: "0.1.0"
short_description: Attach an EBS volume, made if it is missing, or detach and delete volumes
description:
  - With O(state=attached), makes an encrypted volume unless one of O(name) is there, or takes the one of
    O(volume_id), and attaches it to O(instance_id) under a device name that is free. It returns once the attachment
    is C(attached).
  - With O(state=absent), detaches and deletes volumes, all at once, and returns once they are gone.
  - A rerun goes on from whatever state an earlier run has left, and changes nothing when all is done.
  - M(amazon.aws.ec2_vol) is not used because its waiters poll every 15 seconds and stop at 600, it returns while the
    volume is still attaching so that an immediate rerun fails with C(VolumeInUse), it reports ok without attaching
    where the device name is in use, and it has no volume initialization rate.
author:
  - stagesync contributors (@stagesync)
options:
  state:
    description:
      - What there shall be.
    type: str
    choices: [attached, absent]
    default: attached
  name:
    description:
      - The C(Name) tag by which a volume is made once and found again. Two volumes of the name are an error with
        O(state=attached).
      - A volume that is found again must be encrypted, of O(snapshot_id) and of at least O(size_gib). Its type and
        initialization rate stay as they are.
      - With O(state=attached), it or O(volume_id) is needed; with O(state=absent), it or O(volume_ids).
    type: str
  volume_id:
    description:
      - An existing volume, which is attached and tagged only.
    type: str
  instance_id:
    description:
      - The instance to attach to. Its availability zone is the volume's.
      - Needed with O(state=attached).
    type: str
  snapshot_id:
    description:
      - The completed snapshot that a new volume is made from.
    type: str
  size_gib:
    description:
      - Size of a new volume in GiB. Needed without O(snapshot_id), else the snapshot's, which is the least it can be.
    type: int
  volume_type:
    description:
      - Type of a new volume.
    type: str
    default: gp3
  kms_key_id:
    description:
      - The KMS key that a new volume is encrypted with; the account's default key for EBS without it.
      - A volume of O(name) that EC2 says is under another key is refused, and deleted again if it was just made. An
        alias is not looked up.
    type: str
  allow_unencrypted:
    description:
      - Let a volume be made, or found again, that is not encrypted. The account's default and the snapshot decide then.
      - Otherwise EC2 is asked for encryption, and a volume just made that it says is not encrypted is deleted again.
    type: bool
    default: false
  initialization_rate:
    description:
      - The rate in MiB/s at which EC2 loads a new volume from O(snapshot_id). AWS charges for it.
      - Without it, a block is loaded when it is read for the first time.
    type: int
  tags:
    description:
      - Tags with O(state=attached). They are added and corrected, never removed.
    type: dict
    default: {}
  volume_ids:
    description:
      - The volumes to delete with O(state=absent). One that is gone is no error.
      - One without the tag C(stagesync:kind) is refused, and nothing is deleted then.
    type: list
    elements: str
  wait_timeout:
    description:
      - Seconds that the whole may take. Looks every second at first, then every five.
    type: int
    default: 600
attributes:
  check_mode:
    description: Can run in check mode and return what would change without changing it.
    support: full
  diff_mode:
    description: Returns the volumes with their tags and attachment before and after.
    support: full
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
"""

EXAMPLES = r"""
- name: Make a volume from a snapshot and attach it
  stagesync.aws.ebs_volume:
    name: stagesync-20261120T191300Z-1a2b-source
    instance_id: i-0123456789abcdef0
    snapshot_id: snap-0123456789abcdef0
    initialization_rate: 300
    tags:
      stagesync:run: 20261120T191300Z-1a2b
      stagesync:kind: source
  register: attached

- name: Attach an existing volume
  stagesync.aws.ebs_volume:
    volume_id: vol-0123456789abcdef0
    instance_id: i-0123456789abcdef0

- name: Delete two volumes at once
  stagesync.aws.ebs_volume:
    state: absent
    volume_ids:
      - vol-0123456789abcdef0
      - vol-0123456789abcdef1
"""

RETURN = r"""
volume:
  description: The volume, as it is or, in check mode, as it would be.
  returned: when O(state=attached)
  type: dict
  contains:
    volume_id:
      description: Its id; V(none) in check mode when it would be made.
      type: str
      returned: always
    size_gib:
      description: Its size in GiB.
      type: int
      returned: always
    encrypted:
      description: Whether it is encrypted.
      type: bool
      returned: always
    kms_key_id:
      description: The KMS key it is encrypted with, as EC2 names it.
      type: str
      returned: always
    snapshot_id:
      description: The snapshot it was made from; V(none) without one.
      type: str
      returned: always
    state:
      description: Its state in EC2.
      type: str
      returned: always
      sample: in-use
    device_name:
      description: The device name of the attachment in EC2. On the host a Nitro instance gives the device another one.
      type: str
      returned: always
      sample: /dev/sdf
    instance_id:
      description: The instance it is attached to.
      type: str
      returned: always
    tags:
      description: Its tags.
      type: dict
      returned: always
    zone:
      description: Its availability zone.
      type: str
      returned: always
deleted:
  description:
    - The ids of the volumes that were deleted, or would be in check mode.
    - It is returned with the error too, when not all could be.
  returned: when O(state=absent)
  type: list
  elements: str
"""

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import api, volumes


def run(module):
    """Do what state says; returns the result with `before` and `after`."""
    params = module.params
    client = module.client("ec2")
    patience = volumes.Patience(params["wait_timeout"])
    if params["state"] == "absent":
        return volumes.absent(client, params["volume_ids"], params["name"], module.check_mode, patience)
    wanted = volumes.Wanted(
        instance_id=params["instance_id"],
        volume_id=params["volume_id"],
        name=params["name"],
        snapshot_id=params["snapshot_id"],
        size_gib=params["size_gib"],
        volume_type=params["volume_type"],
        kms_key_id=params["kms_key_id"],
        initialization_rate=params["initialization_rate"],
        allow_unencrypted=params["allow_unencrypted"],
        tags={key: str(value) for key, value in params["tags"].items()},
    )
    return volumes.attached(client, wanted, module.check_mode, patience)


def main():
    module = AnsibleAWSModule(
        argument_spec={
            "state": {"type": "str", "choices": ["attached", "absent"], "default": "attached"},
            "name": {"type": "str"},
            "volume_id": {"type": "str"},
            "instance_id": {"type": "str"},
            "snapshot_id": {"type": "str"},
            "size_gib": {"type": "int"},
            "volume_type": {"type": "str", "default": "gp3"},
            "kms_key_id": {"type": "str"},
            "initialization_rate": {"type": "int"},
            "allow_unencrypted": {"type": "bool", "default": False},
            "tags": {"type": "dict", "default": {}},
            "volume_ids": {"type": "list", "elements": "str"},
            "wait_timeout": {"type": "int", "default": 600},
        },
        required_if=[
            ("state", "attached", ["instance_id"]),
            ("state", "attached", ["name", "volume_id"], True),
            ("state", "absent", ["name", "volume_ids"], True),
        ],
        mutually_exclusive=[
            ("volume_id", option)
            for option in ("name", "snapshot_id", "size_gib", "kms_key_id", "initialization_rate", "volume_ids")
        ]
        + [("name", "volume_ids")],
        supports_check_mode=True,
    )
    api.refuse_empty(module, "name", "volume_id", "instance_id", "snapshot_id", "kms_key_id")
    api.conclude(module, "volumes", run)


if __name__ == "__main__":
    main()
