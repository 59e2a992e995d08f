#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_compare
version_added: "0.1.0"
short_description: Compare a MongoDB server with its masked copy
description:
  - Proves by the rules that a masked copy is right. What they leave alone must be the same, what they mask must have
    changed, what they drop must not be there.
  - Compares collections, types, options, indexes, the number of documents, and the documents themselves.
  - Reads the rules in a way of its own, apart from what makes the masks.
  - Fails where anything differs. Both servers are only read. Findings hold no value of a document.
  - A large database takes long, so run it with C(async) and C(poll). Lines then say meanwhile how far it is.
options:
  rules:
    description: Text of the rule file that the copy was made with.
  mode:
    description:
      - V(sampled) compares O(sample_size) documents of each collection, the first, the last and random ones of either
        side. V(full) compares every document.
      - Where C(_id) is masked, and in a time series, the documents of the two sides cannot be found by C(_id). There
        everything but the masked values is compared of all documents, whatever the mode, and the masked values of
        O(sample_size) documents that are the only ones with what is not masked.
    type: str
    choices: [sampled, full]
    default: sampled
  sample_size:
    description: Number of documents of each collection to compare.
    type: int
    default: 1000
requirements:
  - python >= 3.9
  - pymongo >= 4.3
  - PyYAML
  - the masking engine, which the role C(host_python) installs
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
  - stagesync.aws.masking_rules
  - stagesync.aws.clean_room
"""

EXAMPLES = r"""
- name: Compare every document of the clean copy with the source
  stagesync.aws.mongodb_compare:
    source_uri: mongodb://%2Frun%2Fstagesync%2Fsource.sock/?directConnection=true
    target_uri: mongodb://%2Frun%2Fstagesync%2Fclean.sock/?directConnection=true
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
    mode: full
  become: true
  async: 7200
  poll: 15
"""

RETURN = r"""
mode:
  description: The mode asked for.
  returned: always, when both servers could be read
  type: str
sample_size:
  description: The number of documents of each collection asked for.
  returned: always, when both servers could be read
  type: int
collections:
  description: What was compared, ordered by name.
  returned: always, when both servers could be read
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
    collection:
      description: Name of the collection.
      type: str
    documents_source:
      description: Documents of the source, of those that the rules choose with C(where), C(sample) and C(empty).
      type: int
    documents_clean:
      description: Documents of the clean copy.
      type: int
    evicted:
      description: Oldest documents of a capped collection that the longer masked ones left no room for.
      type: int
    compared:
      description: Documents whose two sides were compared.
      type: int
    joined_by:
      description: V(_id), or V(remainder) where documents were found by what of them is not masked.
      type: str
    masked:
      description: What became of the values of each masked path, of the documents compared.
      type: list
      elements: dict
      contains:
        path:
          description: The path as the rules write it.
          type: str
        changed:
          description: Values that changed.
          type: int
        unchanged_allowed:
          description: Values that are equal to their originals where the mask says that they may be.
          type: int
        unchanged:
          description: Values that are equal to their originals and must not be.
          type: int
    differences:
      description: Number of differences of this collection.
      type: int
differences:
  description: Everything that differs.
  returned: always, when both servers could be read
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    path:
      description: The path, option or index; empty for the whole.
      type: str
    what:
      description: What differs.
      type: str
    count:
      description: How often.
      type: int
    ids:
      description: At most five hashes standing for the documents' C(_id), salted anew for every comparison.
      type: list
      elements: str
dropped:
  description: Namespaces that the rules leave behind.
  returned: always, when both servers could be read
  type: list
  elements: str
problems:
  description: Everything that is wrong with the rules, one sentence each.
  returned: failure, where there are any
  type: list
  elements: str
"""

from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import YAML_IMPORT_ERROR, load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import client
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.compare import compare
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.modules import (
    CLEAN_ROOM_OPTIONS,
    RULES_OPTIONS,
    attempt,
)


def summary(differences: list[dict]) -> str:
    """Return the first five differences in one sentence."""
    first = []
    for found in differences[:5]:
        place = ".".join(part for part in (found["namespace"], found["path"]) if part)
        first.append(f"{place}: {found['what']} ({found['count']})")
    more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
    return f"The clean copy is not what the rules make of the source: {'; '.join(first)}{more}. Do not promote it."


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **CLEAN_ROOM_OPTIONS,
            **RULES_OPTIONS,
            "mode": {"type": "str", "choices": ["sampled", "full"], "default": "sampled"},
            "sample_size": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    params = module.params
    require(module, {"pymongo": client.PYMONGO_IMPORT_ERROR, "PyYAML": YAML_IMPORT_ERROR})
    for name in ("sample_size", "workers"):
        if params[name] is not None and params[name] < 1:
            module.fail_json(msg=f"{name} is {params[name]}: give 1 or more.")
    report = attempt(
        module,
        "the source or the clean copy",
        lambda: compare(
            client.Server(params["source_uri"], "source"),
            client.Server(params["target_uri"], "clean"),
            load_rules(params["rules"], params["rules_path"]),
            params["mode"],
            params["sample_size"],
            params["workers"],
        ),
    )
    if report.differences:
        module.fail_json(msg=summary(report.differences), changed=False, **asdict(report))
    module.exit_json(changed=False, **asdict(report))


if __name__ == "__main__":
    main()
