#!/usr/bin/python
# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
---
module: mongodb_hooks
version_added: "0.1.0"
short_description: Make a masked copy fit to run, by the hooks of the rules
description:
  - Runs the hooks of a rule file on the clean server, in their order, before anybody is served by it, such as to
    delete queued jobs and to switch off schedules and webhooks.
  - A hook deletes or updates documents, or runs an aggregation that writes into the same database. It sees masked
    documents only.
  - The first hook that fails ends the module with an error. Hooks are safe to repeat, so it may run again.
  - A large collection takes long, so run it with C(async).
options:
  uri:
    description: Address of the clean server, without a user, such as V(mongodb://%2Frun%2Fclean.sock).
    type: str
    required: true
requirements:
  - python >= 3.9
  - pymongo >= 4.3
  - PyYAML
author:
  - stagesync contributors (@stagesync)
extends_documentation_fragment:
  - stagesync.aws.masking_rules
attributes:
  check_mode:
    description: Counts the documents that hooks would reach; nothing is written.
    support: full
  diff_mode:
    description: Returns the documents that each hook changed.
    support: full
"""

EXAMPLES = r"""
- name: Make the copy fit to run
  stagesync.aws.mongodb_hooks:
    uri: mongodb://%2Frun%2Fstagesync%2F20261120T190000Z-0a1b%2Fclean%2Fmongod.sock/?directConnection=true
    rules: "{{ lookup('ansible.builtin.file', 'rules.yml') }}"
    rules_path: rules.yml
  become: true
  async: 3600
  poll: 5
"""

RETURN = r"""
hooks:
  description: The hooks that ran, in their order; of a failure those before it.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: Name of the hook.
      returned: always
      type: str
      sample: Purge queued jobs
    namespace:
      description: Database and collection.
      returned: always
      type: str
      sample: shop.jobs
    action:
      description: V(delete), V(update) or V(aggregate).
      returned: always
      type: str
    matched:
      description: Documents that the filter found; null for an aggregation.
      returned: always
      type: int
      sample: 120
    changed:
      description: Documents that were deleted or modified; null for an aggregation, and for an update in check mode.
      returned: always
      type: int
      sample: 120
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.stagesync.aws.plugins.module_utils.libraries import require
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import (
    YAML_IMPORT_ERROR,
    RulesError,
    load_rules,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import hooks
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    PYMONGO_IMPORT_ERROR,
    MongodbError,
    Server,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.modules import RULES_OPTIONS


def diff(results):
    """The documents that hooks changed; of an aggregation only that it ran."""
    counts = {
        f"{entry['name']} ({entry['namespace']})": entry["matched"] if entry["changed"] is None else entry["changed"]
        for entry in results
    }
    return {"before": {}, "after": {name: "written" if count is None else count for name, count in counts.items()}}


def main():
    module = AnsibleModule(
        argument_spec={"uri": {"type": "str", "required": True}, **RULES_OPTIONS},
        supports_check_mode=True,
    )
    require(module, {"PyYAML": YAML_IMPORT_ERROR, "pymongo": PYMONGO_IMPORT_ERROR})
    params, results = module.params, []
    try:
        rules = load_rules(params["rules"], params["rules_path"])
        if rules.hooks:
            with Server(params["uri"], "clean").open() as client:
                results = hooks.run(client, rules.hooks, params["rules_path"], module.check_mode)
    except RulesError as error:
        module.fail_json(msg=f"The masking rules have {len(error.problems)} problem(s):\n{error}", hooks=[])
    except hooks.HookError as error:
        module.fail_json(msg=str(error), hooks=error.results)
    except MongodbError as error:
        module.fail_json(msg=str(error), hooks=[])
    changed = any(entry["changed"] != 0 for entry in results)
    module.exit_json(changed=changed, hooks=results, diff=diff(results))


if __name__ == "__main__":
    main()
