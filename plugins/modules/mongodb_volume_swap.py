#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_volume_swap
version_added: "0.1.0"
short_description: Swap the EBS volume under a running MongoDB container, and back if the new one does not serve
description:
  - Stops the container, unmounts the live volume, mounts the other one in its place, has fstab name it, starts the
    container and waits until the server answers as a user and holds its databases. Promotion and rollback are both this
    swap.
  - Everything that can be checked is checked before the container is stopped.
  - Any failure after that swaps back by itself, waits until the former data serves again, and then fails with
    RV(rolled_back=true).
  - Safe to repeat. A volume that is live already is left alone. A call that was cut off, by a lost connection or a
    power cut, is finished or undone by the next one from its journal. Of two equal calls at once, the second one waits
    and returns what the first did.
  - The volume must be attached, hold one file system with MongoDB's files, and not be mounted elsewhere.
options:
  mount_point:
    description: Mount point of the live data on the host.
    type: path
    required: true
  volume_id:
    description: The EBS volume that shall become live.
    type: str
    required: true
  expected_live_volume_id:
    description: >-
      The EBS volume that is live now. Nothing is done if the mount point holds another volume than this one or
      O(volume_id).
    type: str
    required: true
  relative_dbpath:
    description: Directory of the data relative to the root of the file system.
    type: str
    default: "."
  username_parameter:
    description: >-
      Name of the SSM parameter that holds the user name to ask the server as. The host resolves it with its own role.
      The user must be able to list the databases and to read C(serverStatus).
    required: true
  password_parameter:
    required: true
  expected_databases:
    description: Databases that the new server must hold to count as healthy.
    type: list
    elements: str
    default: []
  stop_timeout:
    description: Seconds that mongod has for its clean shutdown.
    type: int
    default: 120
  health_timeout:
    description: Seconds within which the new server must answer.
    type: int
    default: 120
requirements:
  - python >= 3.9
  - boto3
  - pymongo
  - root (become)
notes:
  - The record of the last swap is V(/var/lib/stagesync/swap.json). While a swap runs, V(/run/stagesync/swap.lock) is
    held.
  - To look for MongoDB's files on the volume before the swap, it is mounted read-only for a moment, in check mode too.
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.mongod
attributes:
  check_mode:
    description: Makes all the checks and tells whether a swap would be made.
    support: full
  diff_mode:
    description: Returns the live volume before and after.
    support: full
"""

EXAMPLES = r"""
- name: Make the clean volume live
  stagesync.aws.mongodb_volume_swap:
    container: mongo
    mount_point: /data/mongodb
    volume_id: vol-0123456789abcdef0
    expected_live_volume_id: vol-0fedcba9876543210
    username_parameter: /mongo/admin
    password_parameter: /mongo/admin/password
    expected_databases: [shop, support]
    region: ap-south-1
  become: true
"""

RETURN = r"""
volume_id:
  description: The EBS volume that is live now.
  returned: success, and failure after the container was stopped
  type: str
  sample: vol-0123456789abcdef0
previous_volume_id:
  description: The EBS volume that was live before, left attached and unmounted.
  returned: success
  type: str
  sample: vol-0fedcba9876543210
device:
  description: Block device of the live volume.
  returned: success
  type: str
  sample: /dev/nvme2n1
mount_point:
  description: Where it is mounted.
  returned: success
  type: str
  sample: /data/mongodb
fstab_entry:
  description: The line of fstab for the mount point; in check mode the present one.
  returned: success
  type: str
outage_seconds:
  description: >-
    Seconds from the last answer of the former server to the first of the new one (after a failure, of the former one
    again). It is 0 if nothing was changed, and null in check mode or if no server answered before the swap.
  returned: success, and failure after the container was stopped
  type: float
  sample: 3.4
last_swap:
  description: >-
    The record of the last swap on this host, also when this call changed nothing, so that a call that a connection
    repeats loses nothing; null if there was none.
  returned: success
  type: dict
  contains:
    state:
      description: V(done), V(reverted), or V(swapping) and V(reverting) while it is unfinished.
      type: str
    volume_id:
      description: The volume that was to become live.
      type: str
    previous_volume_id:
      description: The volume that was live before.
      type: str
    started:
      description: Time of its start, UTC.
      type: str
    finished:
      description: Time of its end, UTC.
      type: str
    outage_seconds:
      description: Seconds without an answer.
      type: float
    reason:
      description: Why it was reverted.
      type: str
rolled_back:
  description: Whether the former volume is live again.
  returned: failure after the container was stopped
  type: bool
serving:
  description: Whether a server answers on the port.
  returned: failure after the container was stopped
  type: bool
reason:
  description: What made the swap fail.
  returned: failure after the container was stopped
  type: str
failed_volume_id:
  description: The volume that could not be made live, left attached and unmounted.
  returned: failure after the container was stopped
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_login, volume_swap
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils.ebs.devices import DeviceError
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import DockerService, ServiceError
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError


def swap(params: dict, check_mode: bool) -> dict:
    """Make the swap and return its result."""
    service = DockerService(params["container"])
    facts = service.inspect()
    port = mongod_login.port_of(facts, params)
    username, password = mongod_login.user_of(params)
    request = volume_swap.Request(
        mount_point=params["mount_point"],
        volume_id=params["volume_id"],
        expected_live_volume_id=params["expected_live_volume_id"],
        relative_dbpath=params["relative_dbpath"],
        expected_databases=tuple(params["expected_databases"]),
        stop_timeout=params["stop_timeout"],
        health_timeout=params["health_timeout"],
    )
    probe = volume_swap.mongodb_probe(facts.host, port, username, password)
    return volume_swap.VolumeSwap(request, service, volume_swap.EbsVolumes(), probe).apply(check_mode)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **mongod_login.OPTIONS,
            "mount_point": {"type": "path", "required": True},
            "volume_id": {"type": "str", "required": True},
            "expected_live_volume_id": {"type": "str", "required": True},
            "relative_dbpath": {"type": "str", "default": "."},
            "username_parameter": {"type": "str", "required": True},
            "password_parameter": {"type": "str", "required": True, "no_log": False},
            "expected_databases": {"type": "list", "elements": "str", "default": []},
            "stop_timeout": {"type": "int", "default": 120},
            "health_timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    try:
        result = swap(module.params, module.check_mode)
    except volume_swap.SwapError as error:
        module.fail_json(msg=str(error), **error.result)
    except (DeviceError, OSError, ParameterError, ServiceError, node.NodeError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
