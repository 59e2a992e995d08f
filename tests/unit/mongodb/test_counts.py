# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The engine's comparison and the walk in Python agree: in what they count, and in what is the same without a join."""

from __future__ import annotations

import random

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Comparer, EngineError, Masker, Rests
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import walk
from bson.datetime_ms import DatetimeMS

from ..masking.conftest import documents_in

KEY = Key(bytes(range(32)))
SALT = bytes(range(32))
ALL = b"\xff" * 16
FIELDS = [
    "a: email", "a: geo_fuzz", "a: {mask: choice, values: [f, 1, null]}", "a: redact", "a: text", "a: 'null'",
    "a: {mask: constant, value: [x]}", "a: remove", "a: hash", "a: digits", "a: date_shift", "a: date_truncate",
    "a: {mask: template, template: '{z}!'}\nz: keep", "a: number_round", "a: phone", "a.x: email", "a: keep\na.x: hash",
    "a.*: phone", "a.<key>: hash\na.*: keep", "a.<key>: keep\na.*: email", "a.<key>: email",
    "a: keep\na.<key>: hash", "a.*.x: hash\na.*.<key>: keep", "'*': geo_fuzz",
]  # fmt: skip
VALUES = [
    None, "", "Asha", "asha@corp.in", "[redacted]", "1984-03-17", "+91 98765 43210", 0, 7, 50, 2.5, bson.Int64(9), True,
    DatetimeMS(449_800_000_000), b"1234", [72.8, 19.0], [], {}, {"type": "Point", "coordinates": [72.8, 19.0]},
    {"lat": 19.0, "lng": 72.8}, {"x": "Asha", "y": 2}, {"x": [None, "Asha"], "": 1}, {"k": {"x": "Asha"}},
    [{"x": "Asha"}, 5, [{"x": None}]], [[72.8, 19.0], None], bson.ObjectId("65f1c0ffee65f1c0ffee65f1"),
]  # fmt: skip


def rules_of(fields: str, unlisted: str):
    lines = "".join(f"          {line}\n" for line in fields.split("\n"))
    head = f"version: 1\nunlisted: {unlisted}\ndatabases:\n  d:\n    collections:\n      c:\n        fields:\n"
    return load_rules(f"{head}          _id: keep\n{lines}").collection("d", "c")


def documents() -> list[dict]:
    chance = random.Random(3)
    plain = [{"a": value} for value in VALUES] + [{"a": [value, value, "Asha"]} for value in VALUES]
    more = [{"z": chance.choice(VALUES), "a": chance.choice(VALUES), "n": 1} for _number in range(100)]
    return [{"_id": number, **document} for number, document in enumerate([*plain, *more])]


def masked(rules) -> tuple[list[bytes], list[bytes]]:
    masker = Masker(rules, KEY)
    source = [bson.encode(document) for document in documents()]
    return source, [masker.mask(document) for document in source]


@pytest.mark.parametrize("unlisted", ["drop", "keep"])
@pytest.mark.parametrize("fields", FIELDS)
def test_both_count_alike(fields, unlisted):
    rules = rules_of(fields, unlisted)
    root = walk.tree(rules)
    passed = 0
    for one, other in zip(*masked(rules)):
        tally, comparer = walk.Tally(), Comparer(rules, unlisted)
        walk.Pair(root, unlisted, tally).compare(documents_in(one)[0], documents_in(other)[0], lambda: "1")
        assert not tally.differences, (documents_in(one), documents_in(other), tally.differences)
        apart = walk.Tally()
        values = (walk.masked_values(documents_in(side)[0], root, unlisted) for side in (one, other))
        walk.Pair(root, unlisted, apart).compare_masked(*values, lambda: "1")
        assert (+apart.changed, +apart.allowed) == (+tally.changed, +tally.allowed), (documents_in(one), other)
        if comparer.pairs(one, other).reason == "end":
            passed += 1
            counts = {rule.text: count for rule, count in comparer.counts().items() if any(count)}
            paths = {*tally.changed, *tally.allowed}
            walked = {path: (tally.changed[path], tally.allowed[path]) for path in paths}
            walked = {path: count for path, count in walked.items() if any(count)}
            assert counts == walked, (documents_in(one), documents_in(other))
    assert passed > 20


@pytest.mark.parametrize("unlisted", ["drop", "keep"])
@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("in_order", [True, False])
def test_what_is_not_masked_is_the_same(fields, unlisted, in_order):
    rules = rules_of(fields, unlisted)
    source, clean = masked(rules)
    comparer, ours, theirs = Comparer(rules, unlisted), Rests(), Rests()
    one = comparer.rests(b"".join(source), ours, ALL, SALT, in_order, False)
    other = comparer.rests(b"".join(reversed(clean)), theirs, ALL, SALT, in_order, True)
    assert ours == theirs
    assert ours.count == len(source)
    assert [digest for digest, _document in one] == [digest for digest, _document in reversed(other)]
    assert [document for _digest, document in one] == source


def rest(document: dict, fields: str = "m: hash", in_order: bool = True, clean: bool = True) -> bytes:
    rules, found = rules_of(fields, "drop"), Rests()
    [(digest, _count)] = Comparer(rules, "drop").rests(bson.encode(document), found, ALL, SALT, in_order, clean)
    return digest


KEPT = {"_id": 1, "k": {"x": [1, {"y": 2, "z": 3}]}, "m": "secret"}


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        {**KEPT, "_id": 2},
        {**KEPT, "_id": 1.0},
        {**KEPT, "k": {"x": [{"y": 2, "z": 3}, 1]}},
        {**KEPT, "k": {"x": [1, {"y": 2, "z": 4}]}},
        {**KEPT, "k": {"v": [1, {"y": 2, "z": 3}]}},
        {**KEPT, "k": {}},
        {**KEPT, "new": 1},
        {"_id": 1, "m": "secret"},
    ],
    ids=str,
)
def test_what_differs_is_seen(other, in_order):
    assert rest(KEPT, "m: hash\nk: keep", in_order) != rest(other, "m: hash\nk: keep", in_order)


def test_what_may_differ():
    fields = "m: hash\nk: keep"
    assert rest(KEPT, fields) == rest({**KEPT, "m": "other"}, fields)
    assert rest({**KEPT, "new": 1}, fields, clean=False) == rest(KEPT, fields)
    turned = {"m": 5, "k": {"x": [1, {"z": 3, "y": 2}]}, "_id": 1}
    assert rest(KEPT, fields) != rest(turned, fields)
    assert rest(KEPT, fields, in_order=False) == rest(turned, fields, in_order=False)


def test_a_limit_takes_the_smallest():
    rules, found = rules_of("a: hash", "drop"), Rests()
    batch = b"".join(bson.encode({"_id": number, "a": "x"}) for number in range(1000))
    comparer = Comparer(rules, "drop")
    every = sorted(digest for digest, _document in comparer.rests(batch, found, ALL, SALT, True, False))
    some = comparer.rests(batch, found, every[9], SALT, True, False)
    assert sorted(digest for digest, _document in some) == every[:10]
    assert found.count == 2000


def test_what_is_no_document_is_refused():
    with pytest.raises(EngineError, match="is not valid BSON"):
        Comparer(None, "keep").rests(b"\x07\0\0\0\x03a\0", Rests(), ALL, SALT, False, False)
