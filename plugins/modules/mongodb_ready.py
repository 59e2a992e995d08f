#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_ready
version_added: "0.1.0"
short_description: Wait a while for a mongod to answer, and fail at once if it has ended
description:
  - Waits until the mongod in a container answers on its address.
  - While it is still starting, as during the recovery of a large volume, the module returns RV(ready=false) after
    O(wait_seconds), so that a task can repeat it. A connection such as C(amazon.aws.aws_ssm) repeats what takes
    longer by itself.
  - A container that has ended fails at once, with the messages of mongod's log that say why.
options:
  container:
    description: Name of the Docker container that runs mongod.
    type: str
    required: true
  uri:
    description: Address of the server, such as V(mongodb://%2Frun%2Fmongod.sock/?directConnection=true).
    type: str
    required: true
  log_path:
    description: mongod's log on this host, in its JSON format.
    type: path
  wait_seconds:
    description: How long to wait in this call.
    type: int
    default: 40
requirements:
  - python >= 3.9
  - pymongo
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Wait for the restored server
  stagesync.aws.mongodb_ready:
    container: stagesync-20261120T190000Z-0a1b-source
    uri: mongodb://%2Frun%2Fstagesync%2F20261120T190000Z-0a1b%2Fsource%2Fmongod.sock/?directConnection=true
  become: true
  register: server
  until: server is failed or server.ready
  retries: 90
  delay: 1
"""

RETURN = r"""
ready:
  description: Whether it answered.
  returned: success
  type: bool
version:
  description: MongoDB's version.
  returned: when it answered
  type: str
  sample: 6.0.5
databases:
  description: The databases that it holds, but for admin, config and local.
  returned: when it answered
  type: list
  elements: str
waited_seconds:
  description: How long this call waited.
  returned: success
  type: float
"""

import json
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import DockerService, ServiceError


def complaints(log_path: str | None) -> str:
    """Return the last errors of a mongod's log; messages only, since their attributes may hold data."""
    if not log_path:
        return ""
    messages = []
    try:
        with open(log_path, encoding="utf-8", errors="replace") as log:
            for line in log:
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue
                if isinstance(entry, dict) and entry.get("s") in ("E", "F"):
                    messages.append(f"{entry.get('msg')} (log id {entry.get('id')})")
    except OSError:
        return ""
    return " It said: " + "; ".join(messages[-3:]) + "." if messages else ""


def ask(uri: str) -> dict:
    """Return version and databases of a server that answers; raises NodeError where it does not."""
    with node.connect(uri, timeout=2.0) as client:
        return {
            "version": client.server_info()["version"],
            "databases": sorted(set(client.list_database_names()) - {"admin", "config", "local"}),
        }


def wait(params: dict) -> dict:
    """Wait for the server; raises ServiceError when its container has ended."""
    service = DockerService(params["container"])
    start = time.monotonic()
    while True:
        try:
            return {"ready": True, **ask(params["uri"]), "waited_seconds": round(time.monotonic() - start, 1)}
        except node.NodeError:
            if not service.inspect().running:
                raise ServiceError(
                    f"The mongod in container {params['container']} has ended instead of serving."
                    f"{complaints(params['log_path'])} See whether its image and options fit the data's."
                ) from None
        waited = time.monotonic() - start
        if waited >= params["wait_seconds"]:
            return {"ready": False, "waited_seconds": round(waited, 1)}
        time.sleep(0.5)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str", "required": True},
            "uri": {"type": "str", "required": True},
            "log_path": {"type": "path"},
            "wait_seconds": {"type": "int", "default": 40},
        },
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    try:
        module.exit_json(changed=False, **wait(module.params))
    except ServiceError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
