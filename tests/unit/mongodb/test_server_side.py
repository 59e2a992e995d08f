# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What the source's mongod does before the engine: `where`, `sample`, `empty` and `expr`, as copied and compared."""

from __future__ import annotations

import datetime

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import compare as comparison
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import plan
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import CheckError
from pymongo import IndexModel

from .conftest import DAY, MIXED_IDS

USERS = """
version: 1
databases:
  shop:
    collections:
      users:
        {own}
        fields: {{{fields}}}
"""
FIELDS = "_id: keep, email: email, age: keep"


def rules(own: str = "unlisted: fail", fields: str = FIELDS) -> str:
    return USERS.format(own=own, fields=fields)


@pytest.fixture
def users(source):
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@corp.example", "age": n % 100} for n in range(2000))
    return source.client.shop.users


@pytest.fixture
def ranges(monkeypatch):
    """Small collections are split, too."""
    for module in (plan, comparison):
        monkeypatch.setattr(module, "_SPLIT_ABOVE_BYTES", 0)
        monkeypatch.setattr(module, "_RANGE_BYTES", 20_000)
    monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 0)


def same(check, source, text):
    for mode in ("full", "sampled"):
        report = check(source.server, text, mode)
        assert report.differences == [], mode
    return report.collections[0]


@pytest.mark.usefixtures("ranges", "users")
@pytest.mark.parametrize("split", [True, False])
def test_where_copies_what_matches(source, run, check, clean, split, monkeypatch):
    if not split:
        monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 5000)
    text = rules("where: {age: {$lt: 10}, _id: {$gte: 500}}")
    made = run(source.server, text)
    assert {one["_id"] for one in clean.client.shop.users.find()} == {n for n in range(500, 2000) if n % 100 < 10}
    assert made.collections()[0]["documents"] == 150
    found = same(check, source, text)
    assert (found["documents_source"], found["documents_clean"]) == (150, 150)
    # A document that the filter leaves behind must not be there.
    clean.client.shop.users.insert_one({"_id": 11, "email": "x@example.com", "age": 11})
    for mode in ("full", "sampled"):
        whats = {found["what"] for found in check(source.server, text, mode, 4000).differences}
        assert comparison.EXTRA_DOCUMENT in whats, mode


@pytest.mark.usefixtures("ranges", "users")
def test_a_sample_is_the_same_for_every_reader(source, run, check, clean):
    text = rules("sample: 0.25")
    run(source.server, text)
    first = {one["_id"] for one in clean.client.shop.users.find({}, {"_id": 1})}
    assert 400 < len(first) < 600
    assert len({number % 10 for number in first}) == 10
    same(check, source, text)
    run(source.server, text + "# again\n")
    assert {one["_id"] for one in clean.client.shop.users.find({}, {"_id": 1})} == first


def test_a_sample_takes_every_type_of_id(source, run, check, clean):
    source.client.shop.users.insert_many({"_id": value, "email": "u@x.in", "age": 1} for value in MIXED_IDS)
    text = rules("sample: 0.5")
    run(source.server, text)
    assert 0 < clean.client.shop.users.count_documents({}) < len(MIXED_IDS)
    same(check, source, text)


def test_where_and_sample_of_a_time_series(source, run, check, clean):
    source.client.shop.create_collection("users", timeseries={"timeField": "at", "metaField": "who"})
    source.client.shop.users.insert_many(
        {"at": DAY + datetime.timedelta(minutes=n), "who": f"w{n % 4}", "v": n} for n in range(400)
    )
    text = rules("where: {v: {$gte: 100}}\n        sample: 0.5", "_id: keep, at: keep, who: hash, v: keep")
    run(source.server, text)
    values = [one["v"] for one in clean.client.shop.users.find()]
    assert 100 < len(values) < 200
    assert min(values) >= 100
    same(check, source, text)


def test_where_takes_the_types_that_yaml_has_no_form_for(source, run, clean):
    import bson

    wanted = bson.ObjectId("0123456789abcdef01234567")
    source.client.shop.users.insert_many(
        [{"_id": wanted, "email": "a@b.in"}, {"_id": bson.ObjectId(), "email": "c@d.in"}]
    )
    run(source.server, rules('where: {_id: {$oid: "0123456789abcdef01234567"}}', "_id: keep, email: email"))
    assert [one["_id"] for one in clean.client.shop.users.find()] == [wanted]


@pytest.mark.usefixtures("users")
def test_a_filter_that_the_server_refuses_is_told_with_its_line(source, run):
    with pytest.raises(CheckError) as caught:
        run(source.server, rules("where: {age: {$nearly: 5}}"))
    assert str(caught.value).startswith("rules.yml:6: shop.users: MongoDB refuses it (unknown operator: $nearly)")


@pytest.mark.usefixtures("users")
def test_a_filter_that_fails_on_a_document_quotes_none(source, run):
    with pytest.raises(MongodbError) as caught:
        run(source.server, rules("where: {$expr: {$gt: [{$toInt: $email}, 5]}}"))
    message = str(caught.value)
    assert message.startswith("rules.yml:6: shop.users: the source could not filter the documents (ConversionFailure")
    assert "corp.example" not in message


def test_a_rule_for_what_the_filter_leaves_behind_is_no_mistake(users, source, run):
    users.update_one({"_id": 99}, {"$set": {"rare": 1, "map": {"x": {"y": 1}}}})
    run(source.server, rules("where: {age: {$lt: 10}}", FIELDS + ", rare: hash, map.*.y: keep"))
    with pytest.raises(CheckError, match=r"rules.yml:8: shop.users.raer: no document has this field"):
        run(source.server, rules("where: {age: {$lt: 10}}", FIELDS + ", raer: hash, map.*.y: keep, rare: keep"))


def test_empty_copies_the_structure_alone(users, source, run, check, clean):
    users.create_indexes([IndexModel("email", unique=True, name="one")])
    source.client.shop.command("collMod", "users", validator={"age": {"$gte": 0}})
    text = "version: 1\ndatabases: {shop: {collections: {users: empty}}}\n"
    made = run(source.server, text)
    assert clean.client.shop.users.count_documents({}) == 0
    assert "one" in clean.client.shop.users.index_information()
    assert clean.client.shop.users.options()["validator"] == {"age": {"$gte": 0}}
    (entry,) = made.collections()
    assert (entry["documents"], entry["indexes"], entry["masked"]) == (0, 1, [])
    same(check, source, text)
    clean.client.shop.users.insert_one({"_id": 1, "age": 1})
    whats = {found["what"] for found in check(source.server, text).differences}
    assert whats == {"the number of documents differs"}


# ---- expr ----

EXPRESSIONS = (
    "_id: keep, email: email, age: {mask: expr, expression: {$subtract: [$age, {$mod: [$age, 10]}]}}, "
    "home.zip: {mask: expr, expression: {$concat: [{$substrCP: [$home.zip, 0, 2]}, '000']}}, home.city: keep, "
    "pets.name: {mask: expr, expression: {$toString: $age}}, pets.kind: keep"
)


@pytest.mark.usefixtures("ranges")
@pytest.mark.parametrize("split", [True, False])
def test_expr_is_computed_from_the_document_as_it_was(source, run, check, clean, split, monkeypatch):
    if not split:
        monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 5000)
    shop = source.client.shop
    shop.users.insert_many(
        {
            "_id": n,
            "email": f"u{n}@x.in",
            "home": {"zip": f"{n + 10000}", "city": "Pune"},
            "pets": [{"name": "Rex", "kind": "dog"}, {"kind": "cat"}, [{"name": "Tom", "kind": "cat"}]],
            "age": 37,
        }
        for n in range(1, 300)
    )
    shop.users.insert_many([{"_id": -1, "email": "n@x.in"}, {"_id": -2, "home": {"city": "Goa"}, "pets": []}])
    text = rules(fields=EXPRESSIONS)
    run(source.server, text)
    assert clean.client.shop.users.find_one({"_id": 5}, {"email": 0}) == {
        "_id": 5,
        "home": {"zip": "10000", "city": "Pune"},
        "pets": [{"name": "37", "kind": "dog"}, {"kind": "cat"}, [{"name": "37", "kind": "cat"}]],
        "age": 30,
    }
    assert list(clean.client.shop.users.find_one({"_id": 5})) == ["_id", "email", "home", "pets", "age"]
    # What is missing stays missing, and so does what it would be in.
    assert list(clean.client.shop.users.find_one({"_id": -1})) == ["_id", "email"]
    assert clean.client.shop.users.find_one({"_id": -2}) == {"_id": -2, "home": {"city": "Goa"}, "pets": []}
    same(check, source, text)


def test_an_expr_that_fails_on_a_document_quotes_none(users, source, run):
    users.update_one({"_id": 7}, {"$set": {"age": "secret text"}})
    with pytest.raises(MongodbError) as caught:
        run(source.server, rules(fields="_id: keep, email: email, age: {mask: expr, expression: {$toInt: $age}}"))
    message = str(caught.value)
    assert message.startswith(
        "rules.yml:8: shop.users.age: the source could not compute it (ConversionFailure, code 241)"
    )
    assert "secret" not in message


@pytest.mark.usefixtures("users")
def test_an_expr_that_the_server_refuses_is_told_with_its_line(source, run, clean):
    with pytest.raises(CheckError) as caught:
        run(source.server, rules(fields="_id: keep, email: email, age: {mask: expr, expression: {$nearly: 5}}"))
    assert str(caught.value).startswith("rules.yml:8: shop.users.age: MongoDB refuses it")
    assert "$nearly" in str(caught.value)
    assert clean.client.list_database_names() == ["admin", "config", "local"]


def test_an_expr_on_a_time_series_is_refused(source, run):
    source.client.shop.create_collection("users", timeseries={"timeField": "at"})
    source.client.shop.users.insert_one({"at": DAY, "v": 1})
    text = rules(fields="_id: keep, at: keep, v: {mask: expr, expression: {$add: [$v, 1]}}")
    with pytest.raises(CheckError, match=r"rules.yml:8: shop.users.v: `expr` cannot be used on a time series"):
        run(source.server, text)
