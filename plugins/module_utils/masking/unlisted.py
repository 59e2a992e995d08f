# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compares rules with the documents of a collection: fields that no rule names, and rules that match no field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Expression, choose, switch
from ansible_collections.stagesync.aws.plugins.module_utils.masking.paths import (
    STAR,
    Node,
    is_plain,
    over_path,
    through_arrays,
    tree,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule, path_text

_FIRST_LOOK = 1000


def unlisted_pipeline(rules: CollectionRules) -> list[dict]:
    """Stages that let only documents through that hold a field that no rule names; [] when none can."""
    if rules.action != "mask":
        return []
    root = tree(rules)
    condition = _holds_unlisted("$$ROOT", root, 0, is_root=True)
    if condition is False:
        return []
    stages: list[dict] = []
    # An exclusion takes the known fields away at nearly no cost, so that the condition has little left to look at.
    known = _excluded_paths(root, ())
    if known:
        stages.append({"$project": {".".join(path): 0 for path in known}})
    stages.append({"$match": {"$expr": condition}})
    return stages


def _excluded_paths(node: Node, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = []
    for name, child in node.children.items():
        if not is_plain(name):
            continue
        if child.rule is not None:
            found.append((*path, name))
        else:
            found.extend(_excluded_paths(child, (*path, name)))
    return found


def _holds_unlisted(value: str, node: Node, depth: int, is_root: bool = False) -> Expression:
    """Whether a sub-document, or an array of them, holds an unlisted field. False where it cannot."""
    if node.rule is not None:
        return False
    entry = f"e{depth}"
    star = node.children.get(STAR)
    branches = [
        ({"$eq": [f"$${entry}.k", {"$literal": name}]}, _holds_unlisted(f"$${entry}.v", child, depth + 1))
        for name, child in node.named.items()
    ]
    if is_root and star is not None and "_id" not in node.named:
        branches.append(({"$eq": [f"$${entry}.k", "_id"]}, True))
    others = True if star is None else _holds_unlisted(f"$${entry}.v", star, depth + 1)
    if others is False and all(then is False for _case, then in branches):
        return False
    test = (choose if len(branches) <= 2 else switch)(branches, others) if branches else others

    def holds(document: str) -> Expression:
        found = {"$anyElementTrue": [{"$map": {"input": {"$objectToArray": document}, "as": entry, "in": test}}]}
        return {"$cond": [{"$eq": [{"$type": document}, "object"]}, found, False]}

    if is_root:
        return holds(value)
    found = through_arrays(value, holds, f"a{depth}_", lambda results: {"$anyElementTrue": [results]})
    # Most parts are empty by now.
    return {"$cond": [{"$eq": [value, {}]}, False, found]}


def unlisted_paths(documents: Iterable[Mapping], rules: CollectionRules) -> dict[str, int]:
    """The topmost paths that no rule names, each with the number of documents that hold it."""
    root = tree(rules)
    counts: dict[str, int] = {}
    for document in documents:
        found: set[tuple[str, ...]] = set()
        _collect(document, root, (), found)
        for path in found:
            counts[path_text(path)] = counts.get(path_text(path), 0) + 1
    return dict(sorted(counts.items()))


def _collect(value, node: Node, path: tuple[str, ...], found: set[tuple[str, ...]]) -> None:
    if node.rule is not None:
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            _collect(item, node, path, found)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if name in node.named:
                _collect(inner, node.children[name], (*path, name), found)
            elif STAR in node.children and not (name == "_id" and not path):
                _collect(inner, node.children[STAR], (*path, STAR), found)
            else:
                found.add((*path, name))


def unmatched_rules(
    aggregate: Callable[[list[dict]], Iterable[Mapping]], rules: CollectionRules
) -> tuple[FieldRule, ...]:
    """The rules whose path exists in no document; none for a collection without documents."""
    root = tree(rules)
    left = list(rules.fields)
    for first_stages in ([{"$limit": _FIRST_LOOK}], []):
        if not left:
            return ()
        group = {f"r{index}": {"$max": _exists(root, rule)} for index, rule in enumerate(left)}
        result = next(iter(aggregate([*first_stages, {"$group": {"_id": None, **group}}])), None)
        if result is None:
            return ()
        left = [rule for index, rule in enumerate(left) if not result[f"r{index}"]]
    return tuple(left)


def _exists(root: Node, rule: FieldRule) -> Expression:
    def is_there(value: Expression) -> Expression:
        return {"$cond": [{"$eq": [{"$type": value}, "missing"]}, 0, 1]}

    return over_path(root, rule.path, is_there, lambda _value: 0, "$max", arrays=False)
