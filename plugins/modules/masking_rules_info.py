#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: masking_rules_info
short_description: Check a file of masking rules
version_added: "0.1.0"
description:
  - Reads masking rules and returns what they cover, without any database.
  - Fails with everything that is wrong with them, each with file, line and path.
author:
  - stagesync contributors (@stagesync)
options:
  rules:
    description: The rules as YAML text.
    type: str
  path:
    description:
      - The file that holds the rules, on the host that the module runs on.
      - Together with O(rules), only the name that messages show.
    type: path
requirements:
  - PyYAML
extends_documentation_fragment:
  - stagesync.aws.read_only
"""

EXAMPLES = r"""
- name: Check the rules on the controller
  stagesync.aws.masking_rules_info:
    path: "{{ playbook_dir }}/rules.yml"
  delegate_to: localhost
  register: checked

- name: Show how many fields are masked
  ansible.builtin.debug:
    msg: "{{ checked.masked }} fields are masked, {{ checked.kept }} are kept."
"""

RETURN = r"""
version:
  description: Version of the rules' format.
  returned: success
  type: int
  sample: 1
unlisted:
  description: What happens to databases that no rule names.
  returned: success
  type: str
  sample: fail
databases:
  description: What the rules say, by database.
  returned: success
  type: dict
  contains:
    unlisted:
      description: What happens to collections of this database that no rule names.
      returned: success
      type: str
    collections:
      description: What the rules say, by collection.
      returned: success
      type: dict
      contains:
        action:
          description: V(mask), V(keep), V(drop) or V(empty) (indexes without documents).
          returned: success
          type: str
        unlisted:
          description: What happens to fields of this collection that no rule names.
          returned: success
          type: str
        masked:
          description: Number of paths that are masked.
          returned: success
          type: int
        kept:
          description: Number of paths that are kept.
          returned: success
          type: int
        where:
          description: Whether a filter leaves documents behind.
          returned: success
          type: bool
        sample:
          description: The share of the documents that is copied, or null for all.
          returned: success
          type: float
        contents:
          description: For GridFS chunks V(keep), V(drop) or V(replace), else null.
          returned: success
          type: str
  sample:
    shop:
      unlisted: fail
      collections:
        users: {action: mask, unlisted: fail, masked: 9, kept: 4, where: false, sample: null, contents: null}
collections:
  description: Number of collections that the rules name.
  returned: success
  type: int
  sample: 12
masked:
  description: Number of paths that are masked, in all collections.
  returned: success
  type: int
  sample: 41
kept:
  description: Number of paths that are kept, in all collections.
  returned: success
  type: int
  sample: 77
masks:
  description: The masks that the rules use, each with the number of paths.
  returned: success
  type: dict
  sample: {email: 5, full_name: 7, redact: 12}
hooks:
  description: The hooks, in their order, each with C(name), C(namespace) and C(action).
  returned: success
  type: list
  elements: dict
  sample: [{name: Purge queued jobs, namespace: shop.jobs, action: delete}]
hooks_sha256:
  description: Digest of the hooks; empty without any.
  returned: success
  type: str
problems:
  description: Everything that is wrong with the rules.
  returned: failure
  type: list
  elements: dict
  contains:
    line:
      description: Line of the file.
      returned: failure
      type: int
    path:
      description: Database, collection and field; empty for the file itself.
      returned: failure
      type: str
    message:
      description: What is wrong there and what to do.
      returned: failure
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import (
    YAML_IMPORT_ERROR,
    RulesError,
    load_rules,
    summary,
)


def main():
    module = AnsibleModule(
        argument_spec={"rules": {"type": "str"}, "path": {"type": "path"}},
        required_one_of=[("rules", "path")],
        supports_check_mode=True,
    )
    require(module, {"PyYAML": YAML_IMPORT_ERROR})
    text, path = module.params["rules"], module.params["path"]
    if text is None:
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except OSError as error:
            module.fail_json(
                msg=f"The rules cannot be read from {path}: {error.strerror}. Give the path of a rule file."
            )
        except UnicodeDecodeError:
            module.fail_json(msg=f"The rules in {path} are not UTF-8 text: save the file as UTF-8.")
    try:
        rules = load_rules(text, path or "rules")
    except RulesError as error:
        problems = [{"line": item.line, "path": item.path, "message": item.message} for item in error.problems]
        module.fail_json(msg=f"The masking rules have {len(problems)} problem(s):\n{error}", problems=problems)
    module.exit_json(changed=False, **summary(rules))


if __name__ == "__main__":
    main()
