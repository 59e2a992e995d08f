#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_restore_check
version_added: "0.1.0"
short_description: Check that a restored mongod holds what it should
description:
  - Counts the collections and documents of a mongod, compares them with the manifest of its snapshot where one is
    given, and lets the server validate its smaller collections for a limited time.
  - It fails when a collection of the manifest is missing, when one has too few or too many documents, and when one is
    not valid. It reads only.
options:
  uri:
    description: Address of the server, such as V(mongodb://%2Frun%2Fmongod.sock/?directConnection=true).
    type: str
    required: true
  manifest:
    description:
      - The manifest that RV(stagesync.aws.mongodb_node_info#module:manifest) gave before the snapshot was taken.
    type: dict
  manifest_sha256:
    description:
      - The digest that the manifest must have, from the tag C(stagesync:manifest-sha256) of the snapshot.
    type: str
  tolerance_percent:
    description:
      - By how many percent the number of a collection's documents may differ from the manifest. The manifest is read
        some seconds or minutes before the snapshot is taken, and writes go on.
      - The numbers are the server's statistics. Those of a restored server are as of the last checkpoint before the
        snapshot, so a collection that differs by more is counted document by document before it is a difference.
      - A collection counts as one of 1000 documents at least, so that V(5) allows a small one 50 more or fewer. One
        that had documents and has none is a difference nevertheless, unless this is V(100).
    type: float
    default: 5
  validate_size_mb:
    description: Only collections that take at most this many MB are validated; none where V(0).
    type: int
    default: 256
  validate_seconds:
    description: How long the validation may take in all; the smallest collections come first.
    type: int
    default: 60
requirements:
  - python >= 3.9
  - pymongo
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Check the restored server
  stagesync.aws.mongodb_restore_check:
    uri: mongodb://%2Frun%2Fstagesync%2F20261120T190000Z-0a1b%2Fsource%2Fmongod.sock/?directConnection=true
    validate_seconds: 120
  become: true
"""

RETURN = r"""
version:
  description: MongoDB's version.
  returned: when the server answered
  type: str
  sample: 6.0.5
databases:
  description: How many databases there are, but for admin, config and local.
  returned: when the server answered
  type: int
collections:
  description: How many collections there are in them, views and time series included.
  returned: when the server answered
  type: int
documents:
  description: How many documents there are in them, as the server's statistics have it where they were not counted.
  returned: when the server answered
  type: int
manifest_compared:
  description: Whether there was a manifest to compare with.
  returned: when the server answered
  type: bool
tolerance_percent:
  description: The tolerance that was applied.
  returned: when the server answered
  type: float
differences:
  description: Collections that differ from the manifest. C(found) is V(none) where one is missing.
  returned: when the server answered
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    expected:
      description: The documents in the manifest.
      type: int
    found:
      description: The documents here.
      type: int
validated:
  description: The collections that the server validated.
  returned: when the server answered
  type: list
  elements: str
invalid:
  description: The collections that it found not to be valid.
  returned: when the server answered
  type: list
  elements: str
seconds:
  description: How long all that took.
  returned: when the server answered
  type: float
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node
from ansible_collections.stagesync.aws.plugins.module_utils import restore_check
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require


def check(params: dict) -> dict:
    """Look at the server and return the result; raises NodeError."""
    start = time.monotonic()
    manifest = params["manifest"]
    if manifest and params["manifest_sha256"] and restore_check.digest(manifest) != params["manifest_sha256"]:
        raise node.NodeError(
            "The manifest is not the one that the snapshot names (its digest differs): give the one of the snapshot's "
            "run, or none."
        )
    with node.connect(params["uri"]) as client:
        version = client.server_info()["version"]
        catalog = node.catalog(client)
        found = restore_check.flat(catalog)
        if manifest:
            suspects = restore_check.differences(manifest, found, params["tolerance_percent"])
            found = restore_check.counted(client, found, suspects)
        limit = params["validate_size_mb"] * 1_000_000
        validated, invalid = (
            restore_check.validate(client, found, limit, params["validate_seconds"]) if limit else ([], [])
        )
    return {
        "version": version,
        "databases": len(catalog),
        "collections": len(found),
        "documents": sum(facts["documents"] or 0 for facts in found.values()),
        "manifest_compared": bool(manifest),
        "tolerance_percent": params["tolerance_percent"],
        "differences": restore_check.differences(manifest, found, params["tolerance_percent"]) if manifest else [],
        "validated": validated,
        "invalid": invalid,
        "seconds": round(time.monotonic() - start, 1),
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "required": True},
            "manifest": {"type": "dict"},
            "manifest_sha256": {"type": "str"},
            "tolerance_percent": {"type": "float", "default": 5},
            "validate_size_mb": {"type": "int", "default": 256},
            "validate_seconds": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    require(module, {"pymongo": node.PYMONGO_IMPORT_ERROR})
    try:
        result = check(module.params)
    except node.NodeError as error:
        module.fail_json(msg=str(error))
    against = restore_check.verdict(result["differences"], result["invalid"])
    if against:
        module.fail_json(msg=f"The restored data is not what it should be: {against}.", **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
