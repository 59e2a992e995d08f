#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ebs_device_info
version_added: "0.1.0"
short_description: Find the device of an EBS volume on a host, and the volumes under a path
description:
  - Tells on which block device an EBS volume is, with its partitions, file systems and mounts, so that nobody has to
    know a device name. On instances of the Nitro system the name is another than the one given when attaching.
  - Tells the way back too, from a directory or mount point to its file system and EBS volumes, through partitions,
    bind mounts, LVM and software RAID.
  - Finds a volume by its NVMe serial number, or by the links in C(/dev/disk/by-id).
  - Xen device names (C(/dev/xvdf)) are not supported, since they do not name the volume.
  - It reads only. It needs root (C(become)) to read the signatures on the devices.
author:
  - stagesync contributors (@stagesync)
options:
  volume_ids:
    description:
      - The volumes to find. One that is not attached to this host is an error.
      - Without this and without O(paths), all EBS volumes of the host are returned.
    type: list
    elements: str
  paths:
    description:
      - Absolute paths, such as the data directory of a database, whose volumes are wanted. One that is on no EBS
        volume is an error.
    type: list
    elements: str
  wait_seconds:
    description:
      - How long to wait for the device of a volume in O(volume_ids) to appear.
    type: int
    default: 0
requirements:
  - blkid (util-linux)
extends_documentation_fragment:
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Find a volume that was attached a moment ago
  stagesync.aws.ebs_device_info:
    volume_ids:
      - vol-0123456789abcdef0
    wait_seconds: 60
  become: true
  register: device

- name: Find the volumes under a data directory
  stagesync.aws.ebs_device_info:
    paths:
      - /data/mongodb
  become: true
"""

RETURN = r"""
volumes:
  description: The volumes of O(volume_ids) in their order, or all of the host. Empty when only O(paths) is given.
  returned: always
  type: list
  elements: dict
  contains:
    volume_id:
      description: The id of the volume.
      type: str
      returned: always
    device:
      description: The device of the whole volume.
      type: str
      returned: always
      sample: /dev/nvme1n1
    kernel_name:
      description: Its name in the kernel.
      type: str
      returned: always
      sample: nvme1n1
    major_minor:
      description: Its device number.
      type: str
      returned: always
      sample: "259:1"
    size_bytes:
      description: Its size.
      type: int
      returned: always
    by_id:
      description: Its link in C(/dev/disk/by-id), V(none) when there is none.
      type: str
      returned: always
    filesystem:
      description: The file system or other signature on it, V(none) when it is blank or only has a partition table.
      type: dict
      returned: always
      contains: &filesystem
        type:
          description: The type, such as V(xfs).
          type: str
          returned: always
        uuid:
          description: The UUID.
          type: str
          returned: always
        label:
          description: The label.
          type: str
          returned: always
    mounts:
      description: Where it, or a mapped device on it, is mounted.
      type: list
      elements: dict
      returned: always
      contains: &mount
        mount_point:
          description: The mount point.
          type: str
          returned: always
        root:
          description: The directory of the file system that is mounted there, V(/) unless it is a bind mount or
            subvolume.
          type: str
          returned: always
        fstype:
          description: The type of the file system.
          type: str
          returned: always
        options:
          description: The options of the mount.
          type: list
          elements: str
          returned: always
        read_only:
          description: Whether it refuses writes.
          type: bool
          returned: always
    used_by:
      description: The kernel names of mapped devices (LVM, RAID) on it.
      type: list
      elements: str
      returned: always
    partitions:
      description: Its partitions.
      type: list
      elements: dict
      returned: always
      contains:
        number:
          description: The number of the partition.
          type: int
          returned: always
        device:
          description: Its device.
          type: str
          returned: always
        kernel_name:
          description: Its name in the kernel.
          type: str
          returned: always
        major_minor:
          description: Its device number.
          type: str
          returned: always
        size_bytes:
          description: Its size.
          type: int
          returned: always
        filesystem:
          description: The file system on it, V(none) when it is blank.
          type: dict
          returned: always
          contains: *filesystem
        mounts:
          description: Where it, or a mapped device on it, is mounted.
          type: list
          elements: dict
          returned: always
          contains: *mount
        used_by:
          description: The kernel names of mapped devices on it.
          type: list
          elements: str
          returned: always
    mount_points:
      description: All mount points of the volume and its partitions.
      type: list
      elements: str
      returned: always
    is_root_volume:
      description: Whether the host's root file system is on it.
      type: bool
      returned: always
paths:
  description: One entry for each of O(paths), in their order.
  returned: always
  type: list
  elements: dict
  contains:
    path:
      description: The path that was asked for.
      type: str
      returned: always
    mount_point:
      description: The mount point it is under.
      type: str
      returned: always
    mount_root:
      description: The directory of the file system that is mounted there.
      type: str
      returned: always
    mount_options:
      description: The options of the mount.
      type: list
      elements: str
      returned: always
    read_only:
      description: Whether it refuses writes.
      type: bool
      returned: always
    relative_path:
      description: The path seen from the root of the file system, V(.) for the root itself. It is where a copy of
        the volume has it.
      type: str
      returned: always
    device:
      description: The device that is mounted.
      type: str
      returned: always
    major_minor:
      description: Its device number.
      type: str
      returned: always
    filesystem:
      description: The file system on it.
      type: dict
      returned: always
      contains: *filesystem
    volume_ids:
      description: The EBS volumes it is on. Several must be snapshotted together.
      type: list
      elements: str
      returned: always
    volume_id:
      description: The volume, V(none) when there are several.
      type: str
      returned: always
    on_root_volume:
      description: Whether one of them also holds the host's root file system.
      type: bool
      returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices


def run(params, system):
    """The module's result."""
    wanted, paths = params["volume_ids"], params["paths"]
    found = []
    # An empty list names no volume; only leaving both options out asks for all.
    if wanted or (wanted is None and paths is None):
        found = devices.volumes(wanted, params["wait_seconds"], system)
    return {"volumes": found, "paths": [devices.locate(path, system) for path in paths or []]}


def main():
    module = AnsibleModule(
        argument_spec={
            "volume_ids": {"type": "list", "elements": "str"},
            "paths": {"type": "list", "elements": "str"},
            "wait_seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    try:
        result = run(module.params, devices.System())
    except devices.DeviceError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
