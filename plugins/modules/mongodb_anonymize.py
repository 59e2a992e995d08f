#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_anonymize
version_added: "0.1.0"
short_description: Copy a MongoDB server to another one, masking personal data by rules
description:
  - Copies every user database of the source server to the clean server. A native library masks the documents on the
    way, in the memory of this module's workers, so that only masked documents ever reach the clean server and the key
    reaches neither of them.
  - Collections keep their options, types, indexes and documents; views are made last. Indexes of large collections are
    built after the load.
  - Before anything is written, the rules are checked against the source, its indexes, validators and a few thousand
    documents of each collection. What only other documents show stops the copy when they are read, and what was
    copied until then is dropped again. Whatever the rules do not name stops the copy, unless they say otherwise with
    C(unlisted).
  - Run again after an interruption at any moment with the same O(state_path), it goes on with the ranges of documents
    that are not finished, and ends with the same documents. Capped collections and time series are copied anew.
  - The source is only read. The clean server must be empty, or hold what an earlier start with the same O(state_path)
    made there, and must run with C(ttlMonitorEnabled=false).
  - A large database takes long, so run it with C(async) and C(poll). Lines then say meanwhile how far it is.
options:
  state_path:
    description:
      - Directory on the host that remembers the key and what is finished, made if it is missing. It must be on tmpfs,
        for it may hold values of C(_id), too.
    type: path
    required: true
  key_parameter:
    description:
      - Name of an SSM SecureString of at least 32 characters that pseudonyms are made with, so that they are the same
        in every run.
      - Without it, a random key is made for this run and kept in O(state_path) only.
    type: str
  region:
    description: AWS region of O(key_parameter). Without it, the region that the host's AWS configuration names.
    type: str
requirements:
  - python >= 3.9
  - pymongo >= 4.3
  - PyYAML
  - the masking engine, which the role C(host_python) installs
  - boto3 (only for O(key_parameter))
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.masking_rules
  - stagesync.aws.clean_room
attributes:
  check_mode:
    description: Makes all checks, with a look at every document, and returns what would be copied; nothing is written.
    support: full
  diff_mode:
    description: Returns the documents by namespace on the clean server before and after.
    support: full
"""

EXAMPLES = r"""
- name: Copy the restored database, masked
  stagesync.aws.mongodb_anonymize:
    source_uri: mongodb://%2Frun%2Fstagesync%2Fsource.sock/?directConnection=true
    target_uri: mongodb://%2Frun%2Fstagesync%2Fclean.sock/?directConnection=true
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
    rules_path: rules.yml
    state_path: /run/stagesync/20260105T031500Z-4f1c/anonymize
  become: true
  async: 7200
  poll: 15
"""

RETURN = r"""
collections:
  description: What was copied (in check mode, what would be), ordered by name. A view has no documents of its own.
  returned: success
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
    collection:
      description: Name of the collection.
      type: str
    type:
      description: One of V(collection), V(capped), V(clustered), V(timeseries) and V(view).
      type: str
    documents:
      description: Documents copied; in check mode the source's estimate.
      type: int
    bytes:
      description: Bytes of the masked documents; in check mode the source's estimate of the originals.
      type: int
    seconds:
      description: Time from the first document to the last, without the indexes.
      type: float
    masked:
      description: Each masked path.
      type: list
      elements: dict
      contains:
        path:
          description: The path as the rules write it.
          type: str
        mask:
          description: Name of the mask.
          type: str
        values:
          description: Values that were masked.
          type: int
        unexpected_type:
          description: Values of a type that the mask does not take, which were replaced by a constant.
          type: int
    indexes:
      description: Indexes beside the one on C(_id).
      type: int
    evicted:
      description: Oldest documents of a capped collection that the longer masked ones left no room for.
      type: int
dropped:
  description: Namespaces that the rules leave behind.
  returned: success
  type: list
  elements: str
unlisted:
  description: What no rule names and what became of it.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    path:
      description: Path of the field; empty for the whole collection.
      type: str
    documents:
      description: Documents that hold it.
      type: int
    action:
      description: V(drop) or V(keep).
      type: str
workers:
  description: Number of worker processes.
  returned: success
  type: int
documents_per_second:
  description: Documents copied a second, indexes included; 0 where nothing was copied.
  returned: success
  type: int
problems:
  description: Everything in which rules and source do not agree, one sentence each.
  returned: failure, where there are any
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import YAML_IMPORT_ERROR, load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import client
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.modules import (
    CLEAN_ROOM_OPTIONS,
    RULES_OPTIONS,
    attempt,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State, secret_from
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError, resolve


def anonymize(params: dict, check_mode: bool) -> dict:
    """Copy, or in check mode find out what would be copied; return the module's result."""
    rules = load_rules(params["rules"], params["rules_path"])
    name = params["key_parameter"]
    secret = secret_from(resolve([name], params["region"])[name], name) if name else None
    state = State(params["state_path"])
    source, target = client.Server(params["source_uri"], "source"), client.Server(params["target_uri"], "clean")
    copy = Copy(source, target, rules, state, params["workers"])
    if check_mode:
        state.look(secret, params["rules"])
        copy.check()
        result = {"changed": copy.pending(), "workers": copy.workers, "documents_per_second": 0}
    else:
        try:
            result = copy.run(state.open(secret, params["rules"]))
        finally:
            state.close()
    return {
        **result,
        "collections": copy.collections(),
        "dropped": sorted(copy.plan.dropped),
        "unlisted": copy.unlisted(),
        "diff": {"before": copy.before, "after": copy.contents()},
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **CLEAN_ROOM_OPTIONS,
            **RULES_OPTIONS,
            "state_path": {"type": "path", "required": True},
            "key_parameter": {"type": "str", "no_log": False},
            "region": {"type": "str"},
        },
        supports_check_mode=True,
    )
    require(module, {"pymongo": client.PYMONGO_IMPORT_ERROR, "PyYAML": YAML_IMPORT_ERROR})
    if module.params["workers"] is not None and module.params["workers"] < 1:
        module.fail_json(msg=f"workers is {module.params['workers']}: give 1 or more, or leave it out for one a core.")
    servers = "the source or the clean server"
    result = attempt(module, servers, lambda: anonymize(module.params, module.check_mode), ParameterError)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
