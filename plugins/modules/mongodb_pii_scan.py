#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_pii_scan
version_added: "0.1.0"
short_description: Find personal data on a MongoDB server
description:
  - Reads the documents of every user database and finds what is personal at every path, by the names of fields and by
    the values. Arrays are read element by element; objects whose keys are data are found out, and the keys looked at.
  - With C(mode=draft) it drafts masking rules for a source, or adds to given ones what they do not name yet. Nothing
    that is in them changes.
  - With C(mode=check) it reads a masked copy and fails where anything personal is in it that is not a mask's own work.
  - The server is only read. Neither findings nor rules hold any value of a document, only its form, such as
    V(xxxx@xxx.xx).
  - A large database takes long, so run it with C(async).
options:
  uri:
    description: Address of the server, without a user, such as V(mongodb://%2Frun%2Fsource.sock).
    type: str
    required: true
  mode:
    description:
      - V(draft) for a source whose rules are to be written, V(check) for a copy that was masked by O(rules).
    type: str
    choices: [draft, check]
    required: true
  rules:
    description:
      - Text of the rule file. With C(mode=draft), what there is of it so far; it may hold V(review) and may be empty.
      - Required if O(mode=check).
    required: false
    default: ""
  sample_size:
    description: Number of random documents of each collection to read. Without it, all are read.
    type: int
  regions:
    description: Regions whose way of writing phone numbers without a country code is known, as two letters each.
    type: list
    elements: str
    default: [IN, US, GB, DE, FR, ES, IT, BR]
  workers:
    description: Number of worker processes. Without it, one a core.
    type: int
requirements:
  - python >= 3.9
  - pymongo >= 4.3
  - PyYAML
  - phonenumbers
  - python-stdnum
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
  - stagesync.aws.masking_rules
"""

EXAMPLES = r"""
- name: Draft rules for what was restored
  stagesync.aws.mongodb_pii_scan:
    uri: mongodb://%2Frun%2Fstagesync%2Fsource.sock/?directConnection=true
    mode: draft
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
    sample_size: 10000
  become: true
  register: scan
  async: 7200
  poll: 15

- name: Look for personal data that is left in the clean copy
  stagesync.aws.mongodb_pii_scan:
    uri: mongodb://%2Frun%2Fstagesync%2Fclean.sock/?directConnection=true
    mode: check
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
  become: true
  async: 7200
  poll: 15
"""

RETURN = r"""
documents:
  description: Documents read.
  returned: always, when the server could be read
  type: int
documents_per_second:
  description: Documents read a second.
  returned: always, when the server could be read
  type: int
collections:
  description: What was read, ordered by name.
  returned: always, when the server could be read
  type: list
  elements: dict
  contains:
    database:
      description: Name of the database.
      type: str
    collection:
      description: Name of the collection.
      type: str
    documents:
      description: Documents that it holds, as the server estimates.
      type: int
    read:
      description: Documents of it that were read. Those of GridFS chunks are not, since they hold pieces of files.
      type: int
findings:
  description: What the detectors found. With C(mode=check), only what is not a mask's own work.
  returned: always, when the server could be read
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    path:
      description: The path as rules write it. One that ends in C(<key>) stands for the names of a map's fields.
      type: str
    detector:
      description: Name of the detector, see docs/discover.md.
      type: str
    count:
      description: Values in which it found something.
      type: int
    share:
      description: Part of all values there.
      type: float
    certain:
      description: Whether that can hardly be chance.
      type: bool
    example:
      description: The form of one value, letters as C(x) and digits as C(9).
      type: str
    rule:
      description: The mask at the path. With C(mode=draft), the one that was drafted, or V(review).
      type: str
draft:
  description: The rule file, with what is new.
  returned: when O(mode=draft)
  type: str
added:
  description: What the draft adds.
  returned: when O(mode=draft)
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    path:
      description: The path; empty for the whole collection.
      type: str
    rule:
      description: The mask, what becomes of the collection, or V(review).
      type: str
not_added:
  description: What is new and has no place in the file as it is written, such as below an alias. Add it by hand.
  returned: when O(mode=draft)
  type: list
  elements: dict
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
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.modules import RULES_OPTIONS, attempt
from ansible_collections.stagesync.aws.plugins.module_utils.pii import detectors
from ansible_collections.stagesync.aws.plugins.module_utils.pii.rulefile import DraftError, merge
from ansible_collections.stagesync.aws.plugins.module_utils.pii.scan import check, describe, draft


def summary(findings: list[dict]) -> str:
    """Return the first five findings in one sentence."""
    more = f"; and {len(findings) - 5} more" if len(findings) > 5 else ""
    return (
        f"The copy holds what is personal and no mask's work: {'; '.join(map(describe, findings[:5]))}{more}. "
        "Do not promote it: give these paths a mask."
    )


def scan(params: dict) -> dict:
    """Draft or check; return the module's result."""
    arguments = (params["sample_size"], params["workers"], tuple(region.upper() for region in params["regions"]))
    if params["mode"] == "check":
        rules = load_rules(params["rules"], params["rules_path"])
        return asdict(check(client.Server(params["uri"], "clean"), rules, *arguments))
    # A file that nothing can be added to is told before the long work.
    merge(params["rules"], [], params["rules_path"])
    drafts, report = draft(client.Server(params["uri"], "source"), *arguments)
    merged = merge(params["rules"], drafts, params["rules_path"])
    named = ("namespace", "path", "rule")
    return {
        **asdict(report),
        "draft": merged.text,
        "added": [dict(zip(named, one)) for one in merged.added],
        "not_added": [dict(zip(named, one)) for one in merged.not_added],
    }


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "required": True},
            "mode": {"type": "str", "choices": ["draft", "check"], "required": True},
            **RULES_OPTIONS,
            "rules": {"type": "str", "default": ""},
            "sample_size": {"type": "int"},
            "regions": {
                "type": "list",
                "elements": "str",
                "default": ["IN", "US", "GB", "DE", "FR", "ES", "IT", "BR"],
            },
            "workers": {"type": "int"},
        },
        supports_check_mode=True,
    )
    params = module.params
    require(
        module,
        {
            "pymongo": client.PYMONGO_IMPORT_ERROR,
            "PyYAML": YAML_IMPORT_ERROR,
            "phonenumbers": detectors.PHONE_IMPORT_ERROR,
            "python-stdnum": detectors.STDNUM_IMPORT_ERROR,
        },
    )
    for name in ("sample_size", "workers"):
        if params[name] is not None and params[name] < 1:
            module.fail_json(msg=f"{name} is {params[name]}: give 1 or more.")
    unknown = [region for region in params["regions"] if not detectors.is_region(region.upper())]
    if unknown:
        module.fail_json(msg=f"regions has {unknown[0]!r}: give regions as two letters, such as IN.")
    result = attempt(module, "the server", lambda: scan(params), DraftError)
    if params["mode"] == "check" and result["findings"]:
        module.fail_json(msg=summary(result["findings"]), changed=False, **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
