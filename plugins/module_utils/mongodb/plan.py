# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What of the source is copied and how, by the rules and the live catalog; nothing is read of the documents yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, Problem, RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import WHOLE, Range, split

_RANGE_BYTES = 64 << 20
_SPLIT_ABOVE_BYTES = 16 << 20
_SMALL_BYTES = 1 << 20
_SMALL_DOCUMENTS = 5_000


class CheckError(MongodbError):
    """Rules and source do not agree; .problems has one sentence each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems

    def __reduce__(self):
        return (CheckError, (self.problems,))


@dataclass
class Item:
    """A collection or view that is copied."""

    collection: catalog.Collection
    rules: CollectionRules | None  # None: no rule names it and `unlisted` keeps it
    documents: int = 0
    bytes: int = 0

    @property
    def masks(self) -> bool:
        return self.rules is not None and self.rules.action == "mask"

    @property
    def empty(self) -> bool:
        """Whether only its structure is copied."""
        return self.rules is not None and self.rules.action == "empty"

    @property
    def expected(self) -> int:
        """How many documents will be copied, as far as can be said before: those of a filter count as all."""
        if self.empty:
            return 0
        share = self.rules.sample if self.rules is not None else None
        return self.documents if share is None else int(self.documents * share)

    @property
    def masks_id(self) -> bool:
        return self.masks and any(rule.path[0] == "_id" and rule.masks for rule in self.rules.fields)

    @property
    def small(self) -> bool:
        """Whether it is copied together with others, its indexes made first."""
        if self.empty:
            return True
        plain = self.collection.type == "collection" and not self.collection.capped
        return plain and self.bytes <= _SMALL_BYTES and self.documents <= _SMALL_DOCUMENTS

    @property
    def undivided(self) -> bool:
        """Whether one worker must read it as a whole: the order counts, or no index on _id to split by."""
        return self.collection.kind != "collection" or "collation" in self.collection.options

    def ranges(self, client, workers: int) -> list[Range]:
        if self.undivided or self.bytes < _SPLIT_ABOVE_BYTES:
            return [WHOLE]
        wanted = max(workers, self.bytes // _RANGE_BYTES)
        return split(client[self.collection.database][self.collection.name], wanted)


@dataclass
class Plan:
    items: dict[str, Item] = field(default_factory=dict)
    views: list[catalog.Collection] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unlisted: dict[str, dict[str, int]] = field(default_factory=dict)  # namespace -> {path: documents}; "" the whole


def make_plan(client, rules: RuleSet) -> Plan:
    """Return what to copy; raises CheckError where the rules name what is not there, or nothing names what is."""
    collections = catalog.read(client)
    plan, problems, unnamed = Plan(), _unmatched_names(client, collections, rules), []
    for collection in collections:
        found = rules.collection(collection.database, collection.name)
        if collection.type == "view":
            problems += _plan_view(plan, collection, found, rules)
            continue
        documents, size = catalog.size(client, collection)
        if found is None:
            database = rules.database(collection.database)
            unlisted = database.unlisted if database else rules.unlisted
            plan.unlisted[collection.namespace] = {"": documents}
            if unlisted == "fail":
                unnamed.append(f"{collection.namespace} ({number_of(documents)})")
                continue
            action = unlisted
        else:
            action = found.action
        if action == "drop":
            plan.dropped.append(collection.namespace)
        else:
            plan.items[collection.namespace] = Item(collection, found, documents, size)
    if unnamed:
        problems.append(
            f"{rules.source}: no rule names these collections: {', '.join(unnamed)}: "
            "add a rule for each, or set `unlisted` to drop or keep."
        )
    if problems:
        raise CheckError(problems)
    plan.views = catalog.view_order(plan.views)
    return plan


def _unmatched_names(client, collections: list[catalog.Collection], rules: RuleSet) -> list[str]:
    problems, present = [], set(catalog.database_names(client))
    names = {collection.namespace for collection in collections}
    for name, database in rules.databases.items():
        if name not in present:
            problems.append(
                problem(rules, database.line, name, "the source has no such database: correct or remove the rule")
            )
            continue
        problems += [
            problem(
                rules, found.line, f"{name}.{missing}", "the source has no such collection: correct or remove the rule"
            )
            for missing, found in database.collections.items()
            if f"{name}.{missing}" not in names
        ]
    return problems


def _plan_view(plan: Plan, view: catalog.Collection, found: CollectionRules | None, rules: RuleSet) -> list[str]:
    """A view holds no document of its own: it is copied without a rule wherever its database is."""
    database = rules.database(view.database)
    if found is not None and found.action == "mask":
        reason = "is a view, whose fields cannot be masked: mask those of the collection that it reads"
        return [problem(rules, found.line, view.namespace, reason)]
    if (found is not None and found.action == "drop") or (database is None and rules.unlisted != "keep"):
        plan.dropped.append(view.namespace)
    else:
        plan.views.append(view)
    return []


def number_of(documents: int) -> str:
    return f"{documents} document" if documents == 1 else f"{documents} documents"


def problem(rules: RuleSet, line: int, path: str, message: str) -> str:
    return str(Problem(rules.source, line, path, message))
