# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Drafts the rules of a collection from its profile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ansible_collections.stagesync.aws.plugins.module_utils.masking import checks
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import path_text
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import (
    CHUNKS,
    REVIEW,
    CollectionRules,
    FieldRule,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.catalog import Collection
from ansible_collections.stagesync.aws.plugins.module_utils.pii import classify
from ansible_collections.stagesync.aws.plugins.module_utils.pii.classify import Verdict
from ansible_collections.stagesync.aws.plugins.module_utils.pii.profile import Node, Place, Profile

_LATITUDES = frozenset({"lat", "latitude"})
_LONGITUDES = frozenset({"lng", "lon", "long", "longitude"})
_NO_VALUE = ("null", "object", "array")
_COMMENT = 120


@dataclass(frozen=True)
class Entry:
    """One line of a draft: a path, the name of a mask or `review`, and why."""

    path: tuple[str, ...]
    rule: str
    comment: str
    verdict: Verdict

    @property
    def text(self) -> str:
        return path_text(self.path)


@dataclass(frozen=True)
class Drafted:
    """What a draft says of one collection: `action` ("empty", "review", "contents: replace") or entries."""

    database: str
    name: str
    action: str | None
    comment: str
    entries: tuple[Entry, ...] = ()

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.name}"


def draft_collection(collection: Collection, profile: Profile) -> Drafted:
    """Return what to write of one collection, whose profile is finished."""
    names = (collection.database, collection.name)
    if collection.name.endswith(CHUNKS):
        return Drafted(*names, "contents: replace", "the contents of GridFS files: keep, drop or replace")
    if collection.name == "system.js":
        return Drafted(*names, REVIEW, "stored functions: keep or drop")
    if not profile.documents:
        return Drafted(*names, "empty", "no documents yet: its structure only")
    places = list(_nameable(profile))
    entries = _with_masks(collection, places)
    return Drafted(*names, None, f"{profile.documents} documents looked at", tuple(entries))


def _nameable(profile: Profile) -> Iterator[tuple[Place, Verdict]]:
    """Yield what is to be named in a rule, with the verdict; what a rule above covers is passed over."""
    covered: list[tuple[str, ...]] = []
    for place in profile.places():
        if any(place.path[: len(above)] == above for above in covered):
            continue
        if place.is_keys:
            verdict = classify.classify(place)
            if verdict.decision != classify.KEEP:
                yield place, verdict
            continue
        if _is_geo(place.node):
            covered.append(place.path)
            yield place, Verdict(classify.MASK, "geo", 0.95, "a place")
            continue
        below = bool(place.node.names or place.node.star)
        if below and (place.values is None or not place.values.count):
            continue
        verdict = classify.classify(place)
        if below and place.path == ("_id",):
            # A scalar that failed closed would not be unique any more: one rule for all forms of it.
            covered.append(place.path)
            yield place, replace(verdict, decision=classify.REVIEW, why="several forms of _id: keep, or hash")
            continue
        # A scalar where other documents have fields below fails closed, unless a rule keeps it.
        if not below or verdict.decision == classify.KEEP:
            yield place, verdict


def _is_geo(node: Node) -> bool:
    if node.points and node.points == node.objects:
        return True
    names = {name.lower() for name in node.names}
    return len(node.names) == 2 and node.star is None and bool(names & _LATITUDES) and bool(names & _LONGITUDES)


def _types(place: Place) -> set[str]:
    if _is_geo(place.node):
        return {"object"}
    if place.node.pairs:
        return {"array"}
    return {"string"} if place.is_keys else {name for name in place.values.types if name not in _NO_VALUE}


def _choices(place: Place, verdict: Verdict) -> list[str]:
    """The masks that may be taken, best first; the last resort is a human."""
    if verdict.decision != classify.MASK:
        return ["keep" if verdict.decision == classify.KEEP else REVIEW]
    types = _types(place)
    wanted = [*classify.MASKS_OF.get(verdict.kind, ()), "hash"]
    if place.path[0] != "_id" and not place.is_keys:
        if not types:
            return [*classify.MASKS_OF.get(verdict.kind, ()), "redact", REVIEW]
        return [*(name for name in wanted if _takes(name, types, place)), "redact", REVIEW]
    return [*(name for name in wanted if _types(place) <= set(MASKS[name].keeps_unique)), REVIEW]


def _takes(name: str, types: set[str], place: Place) -> bool:
    """Whether a mask takes nearly all values: others would be redacted."""
    taken = set(MASKS[name].types)
    if "any" in taken or types <= taken:
        return True
    if place.values is None or not types & taken:
        return False
    counts = {kind: count for kind, count in place.values.types.items() if kind not in _NO_VALUE}
    return sum(count for kind, count in counts.items() if kind in taken) >= 0.9 * sum(counts.values())


def _with_masks(collection: Collection, places: list[tuple[Place, Verdict]]) -> list[Entry]:
    """Choose the masks so that the collection's indexes and options stay valid."""
    choices = {place.path: _choices(place, verdict) for place, verdict in places}
    whys: dict[tuple[str, ...], str] = {}
    while True:
        rules = [_rule(path, names[0]) for path, names in choices.items() if names[0] != REVIEW]
        found = checks.problems(CollectionRules(collection.namespace, "mask", "keep", tuple(rules), 0), collection)
        broken = [(rule, why) for rule, why in found if rule.path in choices and rule.mask != "keep"]
        if not broken:
            break
        for rule, why in dict.fromkeys(broken):
            if choices[rule.path][0] == rule.mask and len(choices[rule.path]) > 1:
                choices[rule.path].pop(0)
                whys[rule.path] = why
    return [_entry(place, verdict, choices[place.path][0], whys.get(place.path)) for place, verdict in places]


def _rule(path: tuple[str, ...], mask: str) -> FieldRule:
    options = {name: option.default for name, option in MASKS[mask].options.items()}
    return FieldRule(path, mask, options, 0)


def _entry(place: Place, verdict: Verdict, rule: str, why: str | None) -> Entry:
    if rule == "keep":
        return Entry(place.path, rule, "", verdict)
    comment = verdict.why
    if rule == REVIEW and verdict.decision == classify.MASK:
        verdict = replace(verdict, decision=classify.REVIEW)
        comment += f"; {why}" if why else "; no mask of it stays unique: keep or another mask"
    return Entry(place.path, rule, comment if len(comment) <= _COMMENT else comment[: _COMMENT - 1] + "…", verdict)
