#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_node_info
version_added: "0.1.0"
short_description: Describe a MongoDB node from its container down to its EBS volumes
description:
  - Reads, on the host that runs a MongoDB server, all that snapshot, restore and promote need to know, in one call.
  - The container and where its dbPath lies on the host, the server's version, feature compatibility version and start
    options, the state and lag of the replica-set member, the collections with their counts, and the EBS volumes under
    the dbPath.
  - Nothing is changed, on the host or in the server.
options:
  username_parameter:
    description:
      - Name of the SSM parameter that holds the user name. The host resolves it with its own role.
      - The user needs the roles V(clusterMonitor) and V(readAnyDatabase).
requirements:
  - python >= 3.9
  - boto3
  - pymongo
  - root (become), to read the devices
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
  - stagesync.aws.mongod
"""

EXAMPLES = r"""
- name: Describe the secondary
  stagesync.aws.mongodb_node_info:
    container: mongo
    username_parameter: /production/mongo/backup
    password_parameter: /production/mongo/backup/password
    region: ap-south-1
  become: true
  register: node

- name: Snapshots come from a secondary that keeps up
  ansible.builtin.assert:
    that:
      - node.replica_set.state == "SECONDARY"
      - node.replica_set.lag_seconds <= 10
"""

RETURN = r"""
instance_id:
  description: Id of this EC2 instance, from its metadata service; null where there is none.
  returned: success
  type: str
  sample: i-0a00000000000000b
container:
  description: The container.
  returned: success
  type: dict
  contains:
    name:
      description: Its name.
      type: str
    id:
      description: Its id.
      type: str
    status:
      description: Its state as Docker names it.
      type: str
    image:
      description: Name of its image.
      type: str
    image_id:
      description: Id of its image.
      type: str
    options:
      description: mongod's options from its command line; values of options that are secret are left out.
      type: dict
    network_mode:
      description: Docker's network mode.
      type: str
    restart_policy:
      description: Docker's restart policy.
      type: str
    host:
      description: Address by which the host itself reaches mongod.
      type: str
    port:
      description: Port by which the host itself reaches mongod.
      type: int
server:
  description: The server.
  returned: success
  type: dict
  contains:
    version:
      description: MongoDB's version.
      type: str
      sample: 6.0.5
    fcv:
      description: Feature compatibility version.
      type: str
      sample: "6.0"
    storage_engine:
      description: Storage engine.
      type: str
      sample: wiredTiger
    uptime_seconds:
      description: Seconds since the server started.
      type: int
    authorization:
      description: Whether the server asks its clients who they are.
      type: bool
    cluster_role:
      description: Role in a sharded cluster; null outside of one.
      type: str
    options:
      description: Start options that a server must share to open a copy of the files.
      type: dict
      contains:
        directory_per_db:
          description: A directory for each database.
          type: bool
        directory_for_indexes:
          description: Indexes in a directory of their own.
          type: bool
        collection_block_compressor:
          description: Compressor of collections.
          type: str
        journal_compressor:
          description: Compressor of the journal.
          type: str
        index_prefix_compression:
          description: Prefix compression of indexes.
          type: bool
        encryption_at_rest:
          description: Files encrypted by MongoDB itself.
          type: bool
replica_set:
  description: The replica set and this member in it; null for a standalone server.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the set.
      type: str
    id:
      description: Id of the set.
      type: str
    member:
      description: This member's host and port as the set knows it.
      type: str
    state:
      description: This member's state.
      type: str
      sample: SECONDARY
    hidden:
      description: Whether this member is hidden.
      type: bool
    votes:
      description: This member's votes.
      type: int
    priority:
      description: This member's priority.
      type: float
    delay_seconds:
      description: Delay that this member is configured to keep.
      type: int
    lag_seconds:
      description: Seconds that this member is behind the primary; null when there is no primary or no comparable state.
      type: float
    primary:
      description: The primary's host and port; null when there is none.
      type: str
    members:
      description: >-
        All members, each with C(host), its C(addresses) as this host resolves them, C(state), C(self), C(healthy),
        C(hidden), C(votes), C(priority), C(delay_seconds) and C(lag_seconds).
      type: list
      elements: dict
replica_set_identity:
  description: >-
    The replica set that the server's files belong to, whether it runs as its member now or not; null for none.
  returned: success
  type: dict
  contains:
    name:
      description: Name of the set.
      type: str
    id:
      description: Id of the set.
      type: str
    members:
      description: Its members' hosts and ports.
      type: list
      elements: str
storage:
  description: Where the data lies.
  returned: success
  type: dict
  contains:
    dbpath:
      description: dbPath as mongod sees it.
      type: str
    dbpath_host:
      description: The same directory on the host.
      type: str
    owner_uid:
      description: Numeric user that owns the directory.
      type: int
    owner_gid:
      description: Numeric group that owns the directory.
      type: int
    mount_point:
      description: Mount point of the file system that holds it.
      type: str
    relative_path:
      description: The directory relative to the root of its file system.
      type: str
    device:
      description: Block device of the file system.
      type: str
    filesystem:
      description: C(type), C(uuid) and C(label) of the file system.
      type: dict
    volume_id:
      description: The EBS volume under the dbPath; null if there are several.
      type: str
    volume_ids:
      description: All EBS volumes that hold parts of the dbPath.
      type: list
      elements: str
    parts:
      description: >-
        The dbPath itself and everything below it that is mounted apart, each with C(place) relative to the dbPath,
        C(relative_path) in its file system, C(volume_ids), and C(symlink) where a symbolic link leads to it.
      type: list
      elements: dict
    on_root_volume:
      description: Whether the data is on the host's root volume.
      type: bool
manifest:
  description: What a reader of a snapshot of this node must know to open and check it.
  returned: success
  type: dict
  contains:
    mongodb_version:
      description: MongoDB's version.
      type: str
    fcv:
      description: Feature compatibility version.
      type: str
    storage_engine:
      description: Storage engine.
      type: str
    options:
      description: As RV(server.options).
      type: dict
    databases:
      description: >-
        Every database but admin, config and local, with its collections, each with C(type), C(documents), C(size),
        C(storage_size), C(index_size) and C(indexes), as the server's statistics have them; null where it keeps none.
      type: dict
    sha256:
      description: Digest of all the above.
      type: str
unfinished_swap:
  description: The swap of the server's volume that was cut off or failed both ways; null where there is none.
  returned: success, and failure where there is one
  type: dict
  contains:
    volume_id:
      description: The volume that was to become live.
      type: str
    previous_volume_id:
      description: The volume that was live before, and is again once the swap is undone.
      type: str
    mount_point:
      description: Where.
      type: str
    reason:
      description: Why it failed, where it did.
      type: str
unsupported:
  description: One sentence for each thing that stands against restoring a copy of the files; empty if none does.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_login, volume_swap
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils.ebs.devices import DeviceError
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import DockerService, ServiceError
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError


def describe(params: dict) -> dict:
    """Return all facts of the node."""
    facts = DockerService(params["container"]).require_running()
    port = mongod_login.port_of(facts, params)
    username = password = None
    if params["username_parameter"]:
        username, password = mongod_login.user_of(params)
    with node.connect((facts.host, port), username, password) as client:
        server = node.server_facts(client)
        replica_set = node.replica_set_facts(client)
        identity = node.replica_set_identity(client)
        databases = node.catalog(client)
    storage = node.storage_facts(facts, server.pop("dbpath") or facts.dbpath)
    unsupported = node.unsupported(server)
    unsupported += node.storage_unsupported(storage)
    if storage["on_root_volume"]:
        unsupported.append(
            f"The data of container {facts.container} lies on the root volume of this host: "
            "move it to an EBS volume of its own."
        )
    return {
        "instance_id": node.instance_id(),
        "container": {
            "name": facts.container,
            "id": facts.container_id,
            "status": facts.status,
            "image": facts.image,
            "image_id": facts.image_id,
            "options": {name: value for name, value in facts.options.items() if not secret(name)},
            "network_mode": facts.network_mode,
            "restart_policy": facts.restart_policy,
            "host": facts.host,
            "port": port,
        },
        "server": server,
        "replica_set": replica_set,
        "replica_set_identity": identity,
        "storage": storage,
        "manifest": node.manifest(server, databases),
        "unsupported": unsupported,
    }


def secret(option: str) -> bool:
    """Tell whether the value of one of mongod's options may be a password."""
    return option == "setParameter" or "password" in option.lower()


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=mongod_login.OPTIONS,
        required_together=[("username_parameter", "password_parameter")],
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    swap = volume_swap.unfinished(module.params["container"])
    try:
        facts = describe(module.params)
    except (DeviceError, OSError, ParameterError, ServiceError, node.NodeError) as error:
        if swap is None:
            module.fail_json(msg=str(error))
        module.fail_json(
            msg=f"{error} The swap from {swap['previous_volume_id']} to {swap['volume_id']} is unfinished: "
            "playbooks/rollback.yml undoes it.",
            unfinished_swap=swap,
        )
    module.exit_json(changed=False, unfinished_swap=swap, **facts)


if __name__ == "__main__":
    main()
