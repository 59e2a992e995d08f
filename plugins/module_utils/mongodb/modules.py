# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the modules share that go by masking rules: options, and the end when something goes wrong."""

from __future__ import annotations

from collections.abc import Callable

from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RulesError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError, PyMongoError, explain

# The documentation fragments masking_rules and clean_room describe these.
RULES_OPTIONS = {"rules": {"type": "str", "required": True}, "rules_path": {"type": "str", "default": "rules"}}
CLEAN_ROOM_OPTIONS = {
    "source_uri": {"type": "str", "required": True},
    "target_uri": {"type": "str", "required": True},
    "workers": {"type": "int"},
}


def attempt(module, servers: str, work: Callable, *errors: type[Exception]):
    """Return what `work()` does; end the module with the sentence of what it raises, of `errors` too."""
    try:
        return work()
    except (RulesError, MongodbError, *errors) as error:
        # Rules that are wrong, or do not fit the source, come with one sentence each.
        problems = [str(problem) for problem in getattr(error, "problems", ())]
        module.fail_json(msg=str(error), **({"problems": problems} if problems else {}))
    except PyMongoError as error:
        module.fail_json(msg=str(explain(error, servers)))
