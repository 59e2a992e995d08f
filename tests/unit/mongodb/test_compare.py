# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The comparison finds every way in which a copy can be wrong."""

from __future__ import annotations

import datetime

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import compare as module
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import walk
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.compare import raw_key

from .conftest import DAY, MIXED_IDS

RULES = """
version: 1
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
          email: email
          list.phone: phone
          list.kind: keep
          map.*.who: full_name
          map.*.n: keep
          visits.<key>: email
          visits.*: keep
          owner: {mask: template, template: "{city} of {email}"}
          kind: {mask: constant, value: 5}
          spot: geo_fuzz
          nested.a: hash
          note: text
          gone: remove
          blank: "null"
          city: keep
      tokens: {fields: {_id: hash, seq: keep, token: hash}}
      log: {fields: {_id: keep, who: redact}}
      readings: {fields: {_id: keep, at: keep, sensor: hash, value: keep}}
      kept: keep
      secrets: drop
"""
COUNT = 40


@pytest.fixture
def copied(source, run, clean):
    shop = source.client.shop
    shop.users.insert_many(
        {
            "_id": number,
            "email": f"u{number}@corp.example",
            "list": [{"phone": f"+91 98765 {number:05}", "kind": "home"}, {"kind": "none"}],
            "map": {f"key.{number}": {"who": "Asha Rao", "n": 1}},
            "visits": {f"u{number}@corp.example": {"times": number}, "": 1, f"v{number}@corp.example": 2},
            "owner": "somebody",
            "kind": [number],
            "spot": {"type": "Point", "coordinates": [70.0 + number / 10, 20.0]},
            "nested": [[{"a": f"x{number}"}, [{"a": "y"}]], 3],
            "note": "no finding",
            "gone": 1,
            "blank": "x",
            "city": "Pune",
        }
        for number in range(COUNT)
    )
    shop.users.create_index("city", name="city")
    shop.tokens.insert_many({"_id": f"t{number}", "seq": number, "token": f"s{number}"} for number in range(COUNT))
    shop.create_collection("log", capped=True, size=1 << 20)
    shop.log.insert_many({"_id": number * 7 % 11, "who": f"p{number}"} for number in range(11))
    shop.create_collection("readings", timeseries={"timeField": "at", "metaField": "sensor"})
    shop.readings.insert_many(
        {"at": DAY + datetime.timedelta(minutes=number), "sensor": f"s{number % 3}", "value": number}
        for number in range(COUNT)
    )
    shop.kept.insert_many({"_id": value, "n": number} for number, value in enumerate(MIXED_IDS))
    shop.secrets.insert_one({"_id": 1})
    shop.command("create", "seen", viewOn="users", pipeline=[{"$match": {"city": "Pune"}}])
    run(source.server, RULES)
    return clean.client.shop


@pytest.mark.usefixtures("copied")
def test_a_right_copy_has_no_differences(source, check):
    for mode in ("full", "sampled"):
        report = check(source.server, RULES, mode)
        assert report.differences == []
        assert report.dropped == ["shop.secrets"]
        users = next(found for found in report.collections if found["collection"] == "users")
        assert users["compared"] == users["documents_source"] == users["documents_clean"] == COUNT
        counts = {found["path"]: (found["changed"], found["unchanged_allowed"]) for found in users["masked"]}
        assert counts == {
            "email": (COUNT, 0),
            "list.phone": (COUNT, 0),
            "map.*.who": (COUNT, 0),
            "visits.<key>": (2 * COUNT, 0),
            "owner": (COUNT, 0),
            "kind": (COUNT, 0),
            "spot": (COUNT, 0),
            "nested": (COUNT, 0),
            "nested.a": (2 * COUNT, 0),
            "note": (0, COUNT),
            "gone": (COUNT, 0),
            "blank": (COUNT, 0),
        }
        tokens = next(found for found in report.collections if found["collection"] == "tokens")
        assert tokens["joined_by"] == "remainder"
        assert {found["path"]: found["changed"] for found in tokens["masked"]} == {"_id": COUNT, "token": COUNT}


def original(shop, source, field, number=3):
    """Put one original value back."""
    shop.users.update_one({"_id": number}, {"$set": {field: source.client.shop.users.find_one({"_id": number})[field]}})


def replaced(shop, changes):
    shop.users.replace_one({"_id": 3}, {**shop.users.find_one(3), **changes})


DOCUMENTS = {
    "a kept field differs": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"city": "Goa"}}),
        "city",
        walk.DIFFERS,
    ),
    "a kept field has another type": (
        lambda shop, _s: shop.kept.update_one({"_id": "a"}, {"$set": {"n": bson.Int64(MIXED_IDS.index("a"))}}),
        "n",
        walk.DIFFERS,
    ),
    "a kept field in an array differs": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"list.1.kind": "x"}}),
        "list.kind",
        walk.DIFFERS,
    ),
    "a kept field in a map differs": (
        lambda shop, _s: replaced(shop, {"map": {"key.3": {"who": "B", "n": 2}}}),
        "map.*.n",
        walk.DIFFERS,
    ),
    "a kept field is lost": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$unset": {"city": 1}}),
        "city",
        walk.LOST,
    ),
    "a masked field is lost": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$unset": {"email": 1}}),
        "email",
        walk.LOST,
    ),
    "an unlisted field": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"new": 1}}),
        "new",
        walk.UNLISTED,
    ),
    "a removed field": (lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"gone": 1}}), "gone", walk.KEPT),
    "a nulled field": (lambda shop, s: original(shop, s, "blank"), "blank", walk.UNCHANGED),
    "an original": (lambda shop, s: original(shop, s, "email"), "email", walk.UNCHANGED),
    "an original in an array": (lambda shop, s: original(shop, s, "list"), "list.phone", walk.UNCHANGED),
    "an original in a map": (
        lambda shop, s: replaced(shop, {"map": s.client.shop.users.find_one(3)["map"]}),
        "map.*.who",
        walk.UNCHANGED,
    ),
    "an original name in a map": (
        lambda shop, s: replaced(shop, {"visits": s.client.shop.users.find_one(3)["visits"]}),
        "visits.<key>",
        walk.UNCHANGED,
    ),
    "a kept value below a masked name": (
        lambda shop, _s: replaced(
            shop, {"visits": {name: 7 if name else one for name, one in shop.users.find_one(3)["visits"].items()}}
        ),
        "visits.*",
        walk.DIFFERS,
    ),
    "an original in arrays of arrays": (lambda shop, s: original(shop, s, "nested"), "nested.a", walk.UNCHANGED),
    "a scalar where the rules name fields": (
        lambda shop, _s: replaced(shop, {"nested": [*shop.users.find_one(3)["nested"][:1], 3]}),
        "nested",
        walk.UNCHANGED,
    ),
    "a constant of another type": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"kind": "five"}}),
        "kind",
        walk.WRONG,
    ),
    "another type": (lambda shop, _s: shop.users.update_one({"_id": 3}, {"$set": {"email": 5}}), "email", walk.TYPE),
    "an array's length": (
        lambda shop, _s: shop.users.update_one({"_id": 3}, {"$pop": {"list": 1}}),
        "list",
        walk.LENGTH,
    ),
    "the order of fields": (
        lambda shop, _s: shop.users.replace_one({"_id": 3}, dict(reversed(shop.users.find_one(3).items()))),
        "",
        walk.ORDER,
    ),
    "a document is missing": (lambda shop, _s: shop.users.delete_one({"_id": 0}), "", module.MISSING_DOCUMENT),
    "a document is extra": (lambda shop, _s: shop.users.insert_one({"_id": -1}), "", module.EXTRA_DOCUMENT),
    "a document with NaN for _id is missing": (
        lambda shop, _s: shop.kept.delete_one({"_id": float("nan")}),
        "",
        module.MISSING_DOCUMENT,
    ),
    "an _id of another type": (
        lambda shop, _s: (shop.users.delete_one({"_id": 0}), shop.users.insert_one({"_id": bson.Int64(0)})),
        "",
        module.EXTRA_DOCUMENT,
    ),
    "an original where _id is masked": (
        lambda shop, _s: shop.tokens.update_one({"seq": 3}, {"$set": {"token": "s3"}}),
        "token",
        walk.UNCHANGED,
    ),
    "an original _id": (
        lambda shop, _s: (
            shop.tokens.delete_one({"seq": 3}),
            shop.tokens.insert_one({"_id": "t3", "seq": 3, "token": "x"}),
        ),
        "_id",
        walk.UNCHANGED,
    ),
    "a remainder where _id is masked": (
        lambda shop, _s: shop.tokens.update_one({"seq": 3}, {"$set": {"seq": 1000}}),
        "",
        "documents differ in what is not masked",
    ),
    "an original in a time series": (
        lambda shop, _s: _replace_reading(shop, sensor="s0"),
        "sensor",
        walk.UNCHANGED,
    ),
    "a value of a time series": (
        lambda shop, _s: _replace_reading(shop, value=-1),
        "",
        "documents differ in what is not masked",
    ),
    "the natural order": (
        lambda shop, _s: _recapped(shop),
        "",
        "the natural order of the documents differs",
    ),
}


def _replace_reading(shop, **changes):
    readings = list(shop.readings.find())
    shop.readings.drop()
    shop.create_collection("readings", timeseries={"timeField": "at", "metaField": "sensor"})
    at = next(number for number, reading in enumerate(readings) if reading["value"] == 3)
    readings[at].update(changes)
    shop.readings.insert_many(readings)


def _recapped(shop):
    entries = list(shop.log.find())
    shop.log.drop()
    shop.create_collection("log", capped=True, size=1 << 20)
    shop.log.insert_many(reversed(entries))


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_wrong_document_is_found(copied, source, check, case):
    tamper, path, what = DOCUMENTS[case]
    tamper(copied, source)
    for mode in ("full", "sampled"):
        differences = check(source.server, RULES, mode).differences
        found = next((found for found in differences if (found["path"], found["what"]) == (path, what)), None)
        assert found, (mode, differences)
        assert len(found["ids"]) <= 5
        assert "Pune" not in str(differences)
        assert "corp.example" not in str(differences)


STRUCTURE = {
    "a collection is missing": (lambda shop: shop.kept.drop(), "shop.kept", "", "it is missing from the clean copy"),
    "a view is missing": (lambda shop: shop.seen.drop(), "shop.seen", "", "it is missing from the clean copy"),
    "a collection is extra": (lambda shop: shop.more.insert_one({}), "shop.more", "", "it is not in the source"),
    "a dropped collection is there": (
        lambda shop: shop.secrets.insert_one({}),
        "shop.secrets",
        "",
        "the rules leave it behind and the clean copy holds it",
    ),
    "an option differs": (
        lambda shop: shop.command("collMod", "kept", validator={"n": 1}),
        "shop.kept",
        "options.validator",
        "the collection's option differs",
    ),
    "a view reads something else": (
        lambda shop: shop.command("collMod", "seen", viewOn="users", pipeline=[]),
        "shop.seen",
        "options.pipeline",
        "the collection's option differs",
    ),
    "an index is missing": (
        lambda shop: shop.users.drop_index("city"),
        "shop.users",
        "indexes.city",
        "the index is missing from the clean copy",
    ),
    "an index is extra": (
        lambda shop: shop.users.create_index("email", name="more"),
        "shop.users",
        "indexes.more",
        "the index is not in the source",
    ),
    "an index differs": (
        lambda shop: shop.command("collMod", "users", index={"name": "city", "hidden": True}),
        "shop.users",
        "indexes.city",
        "the index differs",
    ),
    "the type differs": (
        lambda shop: (shop.kept.drop(), shop.command("create", "kept", viewOn="users", pipeline=[])),
        "shop.kept",
        "",
        "it is a collection in the source and a view in the clean copy",
    ),
    "the count differs": (
        lambda shop: shop.users.delete_many({"_id": {"$lt": 2}}),
        "shop.users",
        "",
        "the number of documents differs",
    ),
}


@pytest.mark.parametrize("case", STRUCTURE)
def test_a_wrong_structure_is_found(copied, source, check, case):
    tamper, namespace, path, what = STRUCTURE[case]
    tamper(copied)
    differences = check(source.server, RULES).differences
    assert (namespace, path, what) in [(found["namespace"], found["path"], found["what"]) for found in differences]


@pytest.mark.usefixtures("copied")
def test_a_sample_says_how_many_it_compared(source, check):
    report = check(source.server, RULES, "sampled", 10)
    users = next(found for found in report.collections if found["collection"] == "users")
    assert 4 <= users["compared"] <= 12
    assert report.differences == []


def test_ranges_of_a_full_comparison_find_the_same(copied, source, check, monkeypatch):
    monkeypatch.setattr(module, "_SPLIT_ABOVE_BYTES", 0)
    assert check(source.server, RULES).differences == []
    copied.users.delete_one({"_id": 20})
    copied.kept.delete_one({"_id": bson.MaxKey()})
    copied.users.update_one({"_id": 30}, {"$set": {"city": "Goa"}})
    found = {(entry["namespace"], entry["what"]): entry["count"] for entry in check(source.server, RULES).differences}
    assert found["shop.users", module.MISSING_DOCUMENT] == 1
    assert found["shop.kept", module.MISSING_DOCUMENT] == 1
    assert found["shop.users", walk.DIFFERS] == 1


@pytest.mark.parametrize("value", [value for value in MIXED_IDS if not isinstance(value, bson.Code)], ids=repr)
def test_an_id_is_cut_out_of_the_raw_bytes(value):
    assert raw_key(bson.encode({"_id": value, "more": 1})) == bson.encode({"_id": value})
    assert raw_key(bson.encode({"more": 1, "_id": value})) == bson.encode({"_id": value})
