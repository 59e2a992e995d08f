"""Rules that an index or an option of a collection would not survive, found before the copy."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.checks import affecting, problems

from .conftest import rules_of


@dataclass
class Described:
    """What the checks look at of a collection."""

    indexes: tuple = ()
    options: dict = field(default_factory=dict)


def unique(*paths: str, **more) -> Described:
    return Described(({"name": "u", "key": dict.fromkeys(paths, 1), "unique": True, **more},))


def expiring(path: str, seconds: int) -> Described:
    return Described(({"name": "t", "key": {path: 1}, "expireAfterSeconds": seconds},))


def places(path: str, kind: str = "2dsphere") -> Described:
    return Described(({"name": "g", "key": {path: kind}},))


def text(**more) -> Described:
    return Described(({"name": "w", "key": {"_fts": "text", "_ftsx": 1}, "weights": {"title": 1}, **more},))


def series(seconds: int | None = None, **more) -> Described:
    options = {"timeseries": {"timeField": "at", "metaField": "meta", **more}}
    return Described((), {**options, "expireAfterSeconds": seconds} if seconds is not None else options)


DAYS = 86_400
# fields, collection, the paths of the rules that are found, something of the sentence
CASES = {
    "unique and kept so": ("mail: email", unique("mail"), [], ""),
    "unique and not kept so": (
        "mail: city",
        unique("mail"),
        ["mail"],
        "does not keep values apart, but 'mail' is in unique",
    ),
    "not a unique index": ("mail: city", Described(({"name": "i", "key": {"mail": 1}},)), [], ""),
    "kept": ("mail: keep", unique("mail"), [], ""),
    "one field of a compound index": (
        "user: keep\ncity: city",
        unique("user", "city"),
        ["city"],
        "'city' is in unique",
    ),
    "too small for numbers": ("pan: pan", unique("pan"), ["pan"], "use one of email, username"),
    "prefix-preserving addresses": (
        "ip: {mask: ipv4, keep: prefix}",
        unique("ip"),
        ["ip"],
        "the mask ipv4 with 'keep: prefix' does not keep values apart",
    ),
    "prefix-preserving long addresses": (
        "ip: {mask: ipv6, keep: prefix}",
        unique("ip"),
        ["ip"],
        "the mask ipv6 with 'keep: prefix' does not keep values apart",
    ),
    "long addresses": ("ip: ipv6", unique("ip"), [], ""),
    "addresses from a small range": ("ip: ipv4", unique("ip"), ["ip"], "does not keep"),
    "a parent's mask": ("kyc: redact", unique("kyc.pan"), ["kyc"], "the mask redact on 'kyc'"),
    "a parent that is removed": ("kyc: remove", unique("kyc.pan"), ["kyc"], "remove"),
    "a star": ("by.*.pan: pan", unique("by.x.pan"), ["by.*.pan"], "on 'by.*.pan'"),
    "a name before a star": ("by.*: city\nby.x: hash", unique("by.x"), [], ""),
    "a star does not match _id": ("'*': city", unique("_id.x"), [], ""),
    "below a kept parent": ("kyc: keep\nkyc.pan: pan", unique("kyc.pan"), ["kyc.pan"], "does not keep"),
    "kept by a parent": ("kyc: keep\nkyc.pan: pan", unique("kyc.gstin"), [], ""),
    "parts of a field of the index": ("who.name: city\nwho.mail: email", unique("who"), ["who.name"], "on 'who.name'"),
    "positions in an array": ("list.mail: city", unique("list.0.mail"), ["list.mail"], "on 'list.mail'"),
    "names of a map": ("by.<key>: email\nby.*: keep", unique("by.x"), ["by.<key>"], "the names that 'by.<key>' masks"),
    "removed from a sparse index": ("a: remove", unique("a", sparse=True), [], ""),
    "removed from a sparse compound index": (
        "a: remove\nb: keep",
        unique("a", "b", sparse=True),
        ["a"],
        "unique index",
    ),
    "removed from a partial index": (
        "a: remove",
        unique("a", partialFilterExpression={"a": {"$exists": True}}),
        [],
        "",
    ),
    "null in a partial index": ("a: 'null'", unique("a", partialFilterExpression={"a": {"$type": "string"}}), [], ""),
    "null in a partial index of existing": (
        "a: 'null'",
        unique("a", partialFilterExpression={"a": {"$exists": True}}),
        ["a"],
        "unique",
    ),
    "null in a sparse index": ("a: 'null'", unique("a", sparse=True), ["a"], "the mask null does not keep"),
    # TTL
    "dates move within their time": ("at: {mask: date_shift, max_days: 9}", expiring("at", 10 * DAYS), [], ""),
    "dates move beyond their time": (
        "at: date_shift",
        expiring("at", 10 * DAYS),
        ["at"],
        "can move a date 365 days back",
    ),
    "dates that expire at once": (
        "at: redact",
        expiring("at", 0),
        ["at"],
        "makes every date 1970-01-01, and TTL index 't'",
    ),
    "a mask of text": ("at: email", expiring("at", 99), ["at"], "takes no dates, which are redacted to 1970-01-01"),
    "null for a date": (
        "at: 'null'",
        expiring("at", 99),
        ["at"],
        "leaves no date, and TTL index 't' would expire nothing",
    ),
    "removed date": ("at: remove", expiring("at", 99), ["at"], "would expire nothing"),
    "a parent of the date": ("log: redact", expiring("log.at", 99), ["log"], "on 'log' leaves no date"),
    "the beginning of the day": ("at: {mask: date_truncate, unit: day}", expiring("at", 2 * DAYS), [], ""),
    "the beginning of the year": ("at: date_truncate", expiring("at", 2 * DAYS), ["at"], "366 days back"),
    "a constant date": ("at: {mask: constant, value: 2099-01-01}", expiring("at", 99), [], ""),
    "a constant text": ("at: {mask: constant, value: never}", expiring("at", 99), ["at"], "leaves no date"),
    "an expression for a date": ("at: {mask: expr, expression: $x}", expiring("at", 99), [], ""),
    "clustered": ("a: keep", Described((), {"expireAfterSeconds": 9, "clusteredIndex": {}}), [], ""),
    # time series
    "series of shifted dates": ("at: date_shift\nmeta: keep", series(), [], ""),
    "series of zeros": ("at: redact\nmeta: keep", series(), [], ""),
    "series of zeros that expires": (
        "at: redact\nmeta: keep",
        series(99),
        ["at"],
        "time series' expireAfterSeconds deletes",
    ),
    "series without dates": ("at: 'null'\nmeta: keep", series(), ["at"], "no date in the time series' timeField 'at'"),
    "series of some dates": (
        "at: {mask: choice, values: [2024-01-01, 1]}\nmeta: keep",
        series(),
        ["at"],
        "no date in the time series'",
    ),
    "series of text": ("at: email\nmeta: keep", series(), ["at"], "no date in the time series'"),
    "masked meta field": ("at: keep\nmeta.user: email", series(), [], ""),
    "an array for a meta field": (
        "at: keep\nmeta: {mask: constant, value: [1]}",
        series(),
        ["meta"],
        "makes the time series' metaField 'meta' an array",
    ),
    # places
    "moved place": ("home: geo_fuzz", places("home"), [], ""),
    "moved coordinates": ("home.type: keep\nhome.coordinates: geo_fuzz", places("home"), [], ""),
    "coordinates of zeros": ("home.type: keep\nhome.coordinates: redact", places("home"), [], ""),
    "redacted type of place": (
        "home.type: redact\nhome.coordinates: geo_fuzz",
        places("home"),
        ["home.type"],
        "no place",
    ),
    "redacted place": (
        "home: redact",
        places("home", "2d"),
        ["home"],
        "leaves no place that index 'g' can hold: use geo_fuzz",
    ),
    "noisy coordinates": ("home.coordinates: number_noise", places("home"), ["home.coordinates"], "leaves no place"),
    "removed place": ("home: remove", places("home"), [], ""),
    "removed coordinates": ("home.coordinates: remove", places("home"), ["home.coordinates"], "no place"),
    "a place for all": ("home: {mask: constant, value: [0, 0]}", places("home"), [], ""),
    "a text for a place": ("home: {mask: constant, value: x}", places("home"), ["home"], "no place"),
    "null for a place": ("home: 'null'", places("home"), [], ""),
    # text
    "language": ("title: text\nlanguage: redact", text(), ["language"], "no language that text index 'w' knows"),
    "kept language": ("title: text\nlanguage: keep", text(), [], ""),
    "another name of it": ("idioma: city", text(language_override="idioma"), ["idioma"], "'idioma'"),
    "language below": ("a.language: city", text(), ["a.language"], "'a.language'"),
    "language under a star": ("'*': redact", text(), ["*"], "'language'"),
    "kept beside a star": ("'*': redact\nlanguage: keep", text(), [], ""),
    "constant language": ("language: {mask: constant, value: none}", text(), [], ""),
    "removed language": ("language: remove", text(), [], ""),
}


@pytest.mark.parametrize("case", CASES)
def test_problems(case):
    fields, collection, paths, sentence = CASES[case]
    found = problems(rules_of(fields), collection)
    assert [rule.text for rule, _message in found] == paths
    assert all(sentence in message and "  " not in message for _rule, message in found)


def test_a_field_that_is_dropped_for_want_of_a_rule():
    rules = rules_of("name: city", unlisted="drop")
    [(rule, message)] = problems(rules, unique("code"))
    assert (rule.text, rule.line) == ("code", rules.line)
    assert message.startswith("no rule names 'code', which is dropped: that does not keep values apart")
    assert problems(rules_of("name: city"), unique("code")) == []
    assert problems(rules, unique("code", sparse=True)) == []
    [(rule, message)] = problems(rules, series())
    assert (rule.text, "timeField 'at'" in message) == ("at", True)


def test_only_masked_collections_are_checked():
    from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules

    rules = load_rules("version: 1\ndatabases: {a: {collections: {b: keep}}}").collection("a", "b")
    assert problems(rules, unique("code")) == []


def test_each_rule_is_told_once():
    collection = Described(unique("mail").indexes + unique("mail", "city").indexes)
    assert len(problems(rules_of("mail: city\ncity: keep"), collection)) == 1


def test_rules_that_touch_a_path():
    rules = rules_of("a.b: email\na.*: redact\na.c: keep\nd: hash")

    def touching(*path):
        return [rule.text for rule in affecting(rules, path)]

    assert touching("a", "b") == ["a.b"]
    assert touching("a", "x") == ["a.*"]
    assert touching("a", "c") == []
    assert touching("a") == ["a.b", "a.*"]
    assert touching("d", "e", "f") == ["d"]
