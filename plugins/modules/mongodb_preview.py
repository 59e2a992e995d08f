#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_preview
version_added: "0.1.0"
short_description: Show some documents of a MongoDB server before and after masking
description:
  - Reads some random documents of each collection, masks them in memory and returns both sides as lines for a terminal.
  - Of the originals only the form is shown, letters as C(x) and digits as C(9), unless O(show_originals) is set.
  - The server is only read, and nothing is written anywhere.
options:
  uri:
    description: Address of the source server, without a user, such as V(mongodb://%2Frun%2Fsource.sock).
    type: str
    required: true
  documents:
    description: Number of documents of each collection.
    type: int
    default: 10
  show_originals:
    description:
      - Show original values too, which are personal. They then are in the output of Ansible and wherever that is kept.
    type: bool
    default: false
  key_parameter:
    description:
      - Name of an SSM SecureString of at least 32 characters that pseudonyms are made with, as in the copy.
      - Without it, a random key is made and forgotten.
    type: str
  region:
    description: AWS region of O(key_parameter). Without it, the region that the host's AWS configuration names.
    type: str
requirements:
  - python >= 3.9
  - pymongo >= 4.3
  - PyYAML
  - boto3 (only for O(key_parameter))
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.read_only
  - stagesync.aws.masking_rules
"""

EXAMPLES = r"""
- name: Mask ten documents of each collection
  stagesync.aws.mongodb_preview:
    uri: mongodb://%2Frun%2Fstagesync%2Fsource.sock/?directConnection=true
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
    rules_path: rules.yml
  become: true
  register: preview

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.lines }}"
  loop: "{{ preview.collections }}"
  loop_control:
    label: "{{ item.namespace }}"
"""

RETURN = r"""
collections:
  description: What became of the documents, by collection, ordered by name.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: Database and collection.
      type: str
    documents:
      description: Documents that were masked.
      type: int
    unlisted:
      description: Paths in these documents that no rule names, each with the number of documents.
      type: dict
    lines:
      description: Both sides, for a terminal.
      type: list
      elements: str
problems:
  description: Everything that is wrong with the rules, one sentence each.
  returned: failure, where there are any
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import YAML_IMPORT_ERROR, load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import client
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.modules import RULES_OPTIONS, attempt
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import secret_from
from ansible_collections.stagesync.aws.plugins.module_utils.parameters import ParameterError, resolve
from ansible_collections.stagesync.aws.plugins.module_utils.pii.preview import lines, preview


def run(params: dict) -> list[dict]:
    """Mask the documents; return what the module returns of each collection."""
    rules = load_rules(params["rules"], params["rules_path"])
    name = params["key_parameter"]
    key = Key(secret_from(resolve([name], params["region"])[name], name)) if name else Key.random()
    server = client.Server(params["uri"], "source")
    return [
        {
            "namespace": sample.namespace,
            "documents": len(sample.rows),
            "unlisted": sample.unlisted,
            "lines": lines(sample),
        }
        for sample in preview(server, rules, key, params["documents"], params["show_originals"])
    ]


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "required": True},
            **RULES_OPTIONS,
            "documents": {"type": "int", "default": 10},
            "show_originals": {"type": "bool", "default": False},
            "key_parameter": {"type": "str", "no_log": False},
            "region": {"type": "str"},
        },
        supports_check_mode=True,
    )
    require(module, {"pymongo": client.PYMONGO_IMPORT_ERROR, "PyYAML": YAML_IMPORT_ERROR})
    if not 1 <= module.params["documents"] <= 1000:
        module.fail_json(msg=f"documents is {module.params['documents']}: give 1 to 1000.")
    collections = attempt(module, "the source server", lambda: run(module.params), ParameterError)
    module.exit_json(changed=False, collections=collections)


if __name__ == "__main__":
    main()
