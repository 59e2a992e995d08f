# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Runs the hooks of a rule file on the clean server, one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.stagesync.aws.plugins.module_utils.masking.hooks import Hook
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import to_bson

from ..progress import Progress
from .client import MongodbError, PyMongoError, explain


class HookError(MongodbError):
    """A hook failed; `results` are those of the hooks before it."""

    def __init__(self, message: str, results: list):
        super().__init__(message)
        self.results = results


def run(client, hooks: Iterable[Hook], source: str, check_mode: bool = False) -> list:
    """Run all, in order; raises HookError at the first that fails.

    Returns [{name, namespace, action, matched, changed}]; None where it is not known, as of an aggregate.
    """
    results: list = []
    hooks, progress = list(hooks), Progress()
    for hook in hooks:
        progress.tell("running the hooks", len(results), len(hooks), "hooks")
        try:
            counts = _run(client, hook, check_mode)
        except (MongodbError, PyMongoError) as error:
            said = str(explain(error, f"{hook.namespace} of the clean server")).rstrip(".")
            raise HookError(
                f"The hook {hook.name!r} failed: {said}. Mend it at {source}:{hook.line}.", results
            ) from error
        results.append({"name": hook.name, "namespace": hook.namespace, "action": hook.action, **counts})
    return results


def _run(client, hook: Hook, check_mode: bool) -> dict:
    database = client[hook.database]
    if not database.list_collection_names(filter={"name": hook.collection}):
        raise MongodbError(f"There is no collection {hook.namespace} in the clean copy.")
    collection, which, change = database[hook.collection], to_bson(hook.filter), to_bson(hook.change)
    if hook.action == "aggregate":
        if not check_mode:
            collection.aggregate(change)
        return {"matched": None, "changed": None}
    if check_mode:
        matched = collection.count_documents(which)
        return {"matched": matched, "changed": None if matched and hook.action == "update" else matched}
    if hook.action == "delete":
        deleted = collection.delete_many(which).deleted_count
        return {"matched": deleted, "changed": deleted}
    done = collection.update_many(which, change)
    return {"matched": done.matched_count, "changed": done.modified_count}
