# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a collection's indexes and options ask of its rules: found before the copy, without reading a document."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS, SAME
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import KEY, STAR, path_text
from ansible_collections.stagesync.aws.plugins.module_utils.masking.options import bson_type
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule

_DAY = 86_400  # seconds
_UNIT_DAYS = {"year": 366, "month": 31, "day": 1}
# The names that a text index knows; https://www.mongodb.com/docs/manual/reference/text-search-languages/
_LANGUAGES = (
    *("none", "da", "danish", "nl", "dutch", "en", "english", "fi", "finnish", "fr", "french", "de", "german", "hu"),
    *("hungarian", "it", "italian", "nb", "norwegian", "pt", "portuguese", "ro", "romanian", "ru", "russian", "es"),
    *("spanish", "sv", "swedish", "tr", "turkish"),
)

Found = list  # of (FieldRule, sentence)


def problems(rules: CollectionRules, collection: Any, shard_key: Collection[str] = ()) -> list[tuple[FieldRule, str]]:
    """Every rule that an index, an option or the shard key would not survive, with a sentence that says why.

    `collection` is a catalog.Collection, or anything with its `indexes` (createIndexes documents) and `options`. A
    field that is dropped for want of a rule is told by a rule `remove` that stands for that.
    """
    if rules.action != "mask":
        return []
    found: Found = []
    for index in collection.indexes:
        found += _index(rules, index)
    for path in shard_key:
        found += _unique(rules, {"key": shard_key}, tuple(path.split(".")), "the shard key")
    series = collection.options.get("timeseries")
    if series:
        found += _time_series(rules, series, collection.options.get("expireAfterSeconds"))
    elif "expireAfterSeconds" in collection.options:
        # A clustered collection expires by its _id.
        seconds = collection.options["expireAfterSeconds"]
        found += _expiring(rules, ("_id",), seconds, "the collection's expireAfterSeconds")
    return list(dict.fromkeys(found))


def _index(rules: CollectionRules, index: Mapping[str, Any]) -> Iterator[tuple[FieldRule, str]]:
    name, key = f"index {index.get('name', '')!r}", index["key"]
    if index.get("unique"):
        for path in key:
            yield from _unique(rules, index, tuple(path.split(".")), f"unique {name}")
    if "expireAfterSeconds" in index and len(key) == 1:
        yield from _expiring(rules, tuple(list(key)[0].split(".")), index["expireAfterSeconds"], f"TTL {name}")
    for path, kind in key.items():
        if kind in ("2dsphere", "2d", "geoHaystack"):
            yield from _places(rules, tuple(path.split(".")), name)
    if "text" in key.values():
        yield from _languages(rules, index.get("language_override", "language"), f"text {name}")


# -- which rules touch a path


@dataclass
class _Node:
    """One name of the rules' paths."""

    children: dict[str, _Node] = field(default_factory=dict)
    rule: FieldRule | None = None


def affecting(rules: CollectionRules, path: tuple[str, ...]) -> list[FieldRule]:
    """Masked rules of what lies at a path of an index or option: its own, one above it, or some below it.

    Where names and `*` meet, the more specific wins, as in the engine. Numbers may be positions in an array.
    """
    root = _Node()
    for rule in rules.fields:
        node = root
        for name in rule.path:
            node = node.children.setdefault(name, _Node())
        node.rule = rule
    found = _walk(rules, root, path, 0)
    names = tuple(name for name in path if not name.isdigit())
    if names and names != path:
        found += _walk(rules, root, names, 0)
    return [rule for rule in dict.fromkeys(found) if rule.masks]


def _walk(
    rules: CollectionRules, node: _Node, path: tuple[str, ...], depth: int, kept: bool = False
) -> list[FieldRule]:
    if node.rule is not None and node.rule.masks:
        return [node.rule]
    kept = kept or node.rule is not None
    if depth == len(path):
        return _below(node)
    name, found = path[depth], []
    child = node.children.get(name)
    # The document's own `*` does not match _id.
    if child is None and (depth, name) != (0, "_id"):
        child = node.children.get(STAR)
    key = node.children.get(KEY)
    # A map's masked names take an index on one of them away from its field.
    if key is not None and key.rule is not None and name not in node.children:
        found.append(key.rule)
    if child is not None:
        return found + _walk(rules, child, path, depth + 1, kept)
    if not kept and rules.unlisted == "drop":
        found.append(FieldRule(path[: depth + 1], "remove", {"unlisted": "drop"}, rules.line))
    return found


def _below(node: _Node) -> list[FieldRule]:
    found = []
    for child in node.children.values():
        found += [child.rule] if child.rule is not None else []
        found += _below(child)
    return found


def _what(rule: FieldRule, path: tuple[str, ...]) -> str:
    """The rule and the field that it touches, as a sentence begins."""
    if "unlisted" in rule.options:
        return f"no rule names {rule.text!r}, which is dropped: that"
    # Only this form of an address mask loses something.
    form = " with 'keep: prefix'" if rule.options.get("keep") == "prefix" else ""
    return f"the mask {rule.mask}{form}" + ("" if rule.path == path else f" on {rule.text!r}")


# -- what breaks


def _unique(
    rules: CollectionRules, index: Mapping[str, Any], path: tuple[str, ...], name: str
) -> Iterator[tuple[FieldRule, str]]:
    text = ".".join(path)
    for rule in affecting(rules, path):
        if rule.path[-1] == KEY:
            yield rule, f"the names that {rule.text!r} masks are part of {name}: it would hold nothing any more"
            continue
        if MASKS[rule.mask].unique(rule.options) or _left_out(rule.mask, index, text):
            continue
        unique = [mask.name for mask in MASKS.values() if mask.keeps_unique and mask.name != "keep"]
        yield (
            rule,
            f"{_what(rule, path)} does not keep values apart, but {text!r} is in {name}: use one of "
            f"{', '.join(unique)}, or keep",
        )


def _left_out(mask: str, index: Mapping[str, Any], text: str) -> bool:
    """Whether documents leave the index as the field goes: it is sparse, or limited to documents with the field."""
    if mask == "remove" and index.get("sparse") and len(index["key"]) == 1:
        return True
    condition = index.get("partialFilterExpression", {}).get(text)
    if mask not in ("remove", "null") or not isinstance(condition, Mapping):
        return False
    if "$type" in condition:
        types = condition["$type"] if isinstance(condition["$type"], list) else [condition["$type"]]
        return not {"null", 10} & set(types)
    return mask == "remove" and condition.get("$exists") in (True, 1)


def _expiring(
    rules: CollectionRules, path: tuple[str, ...], seconds: Any, name: str
) -> Iterator[tuple[FieldRule, str]]:
    """Fields that a server deletes documents by, `seconds` after the date in them."""
    for rule in affecting(rules, path):
        why = _expires_at_once(rule, path, int(seconds))
        if why:
            yield (
                rule,
                f"{_what(rule, path)} {why}, and {name} deletes such documents at once: use keep, or move by less",
            )
        elif not _gives_dates(rule, path):
            yield rule, f"{_what(rule, path)} leaves no date, and {name} would expire nothing: use date_shift or keep"


def _gives_dates(rule: FieldRule, path: tuple[str, ...]) -> bool:
    types = MASKS[rule.mask].result_types(rule.options)
    if rule.path != path:
        # A mask of all that is above leaves nothing below; one of the parts of a date's field is no matter of dates.
        return len(rule.path) > len(path)
    return bool({"date", "any"} & (frozenset(MASKS[rule.mask].types) if types is None else types))


def _expires_at_once(rule: FieldRule, path: tuple[str, ...], seconds: int) -> str | None:
    """How the mask moves a date back beyond its time, or None."""
    chosen, mask = rule.options, MASKS[rule.mask]
    if rule.path != path:
        return None
    if rule.mask == "redact":
        return "makes every date 1970-01-01"
    if mask.gives == SAME and "date" not in mask.types:
        return "takes no dates, which are redacted to 1970-01-01"
    days = {
        "date_shift": chosen.get("max_days", 0),
        "date_truncate": _UNIT_DAYS.get(chosen.get("unit"), 0),
        "age_band": chosen.get("width", 0) * 366,
    }.get(rule.mask, 0)
    return f"can move a date {days} days back" if days * _DAY > seconds else None


def _time_series(rules: CollectionRules, series: Mapping[str, Any], seconds: Any) -> Iterator[tuple[FieldRule, str]]:
    time, expiring = (series["timeField"],), []
    if seconds is not None:
        expiring = list(_expiring(rules, time, seconds, "the time series' expireAfterSeconds"))
        yield from expiring
    for rule in affecting(rules, time):
        types = MASKS[rule.mask].result_types(rule.options)
        # One document without a date stops the copy, so that nothing but dates must come out.
        good = types <= {"date", "any"} if types else bool({"date", "any"} & set(MASKS[rule.mask].types))
        if not good and rule not in [known for known, _why in expiring]:
            what = _what(rule, time)
            yield rule, f"{what} leaves no date in the time series' timeField {time[0]!r}: use date_shift or keep"
    meta = (series.get("metaField"),)
    for rule in affecting(rules, meta) if meta[0] else ():
        if rule.path == meta and "array" in (MASKS[rule.mask].result_types(rule.options) or ()):
            yield rule, f"{_what(rule, meta)} makes the time series' metaField {meta[0]!r} an array, which it cannot be"


def _places(rules: CollectionRules, path: tuple[str, ...], name: str) -> Iterator[tuple[FieldRule, str]]:
    for rule in affecting(rules, path):
        if not _leaves_a_place(rule, path):
            yield rule, f"{_what(rule, path)} leaves no place that {name} can hold: use geo_fuzz, remove or keep"


def _leaves_a_place(rule: FieldRule, path: tuple[str, ...]) -> bool:
    inside = len(rule.path) > len(path)
    if rule.mask in ("geo_fuzz", "expr"):
        return True
    if rule.mask in ("remove", "null"):
        return not inside
    if rule.mask == "redact":
        # Coordinates and their parts become zeros, which is a place; a whole place becomes {}.
        return inside and rule.path[len(path)] != "type"
    values = rule.options.get("values") or [rule.options.get("value")]
    kinds = {bson_type(value) for value in values}
    return rule.mask in ("constant", "choice") and not inside and kinds <= {"object", "array"}


def _languages(rules: CollectionRules, override: str, name: str) -> Iterator[tuple[FieldRule, str]]:
    """The field that names a document's language may stand at any depth; another word in it stops the insert."""
    kept = {rule.path for rule in rules.fields if not rule.masks}
    for rule in rules.fields:
        path = (*rule.path[:-1], override)
        if rule.masks and rule.path[-1] in (override, STAR) and path not in kept and not _leaves_a_language(rule):
            yield (
                rule,
                f"the mask {rule.mask} on {path_text(path)!r} leaves no language that {name} knows: use keep, remove, "
                "or constant",
            )


def _leaves_a_language(rule: FieldRule) -> bool:
    values = rule.options.get("values") or [rule.options.get("value")]
    known = all(isinstance(value, str) and value.lower() in _LANGUAGES for value in values)
    return rule.mask in ("remove", "expr") or (rule.mask in ("constant", "choice") and known)
