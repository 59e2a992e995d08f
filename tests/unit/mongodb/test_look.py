# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is wrong with the rules shows before the copy or, where only all documents can tell, during it."""

from __future__ import annotations

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, look, plan, worker
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import CheckError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State

RULES = """
version: 1
unlisted: {unlisted}
databases:
  shop:
    collections:
      users: {{fields: {{_id: keep, email: email{more}}}}}
      orders: {{fields: {{_id: keep, total: keep}}}}
      others: {{fields: {{_id: keep}}}}
"""


def rules(more="", unlisted="fail"):
    return RULES.format(more=more, unlisted=unlisted)


@pytest.fixture
def shop(source, monkeypatch):
    """Collections of which a look sees a small part only, copied in several ranges."""
    monkeypatch.setattr(look, "_DOCUMENTS", 5)
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
    monkeypatch.setattr(plan, "_RANGE_BYTES", 10_000)
    monkeypatch.setattr(plan, "_SMALL_DOCUMENTS", 10)
    shop = source.client.shop
    shop.users.insert_many({"_id": n, "email": f"u{n}@corp.example"} for n in range(3000))
    shop.orders.insert_many({"_id": n, "total": n} for n in range(3000))
    shop.others.insert_one({"_id": 1})
    return shop


def refused(run, source, text) -> str:
    with pytest.raises(CheckError) as caught:
        run(source.server, text)
    return str(caught.value)


def middle(collection, changes: dict, number: int = 1500):
    """Change a document where no look comes by but by chance."""
    collection.update_one({"_id": number}, {"$set": changes})


@pytest.fixture
def no_chance(monkeypatch):
    """Random documents are none."""
    monkeypatch.setattr(look, "_sample", lambda _item: iter(()))


def test_what_a_look_finds_is_said_before_anything_is_written(shop, source, run, clean):
    shop.users.update_many({"_id": {"$lt": 20}}, {"$set": {"new": 1}})
    shop.others.update_one({"_id": 1}, {"$set": {"more": 1}})
    message = refused(run, source, rules())
    assert "shop.users.new (5 documents at least)" in message
    assert "shop.others.more (1 document)" in message
    assert catalog.read(clean.client) == []


@pytest.mark.usefixtures("no_chance")
def test_what_only_the_copy_finds_stops_it_with_all_of_it_listed(shop, source, run, check, clean):
    middle(shop.users, {"new": 1})
    middle(shop.users, {"new": 1, "late": 1}, 2500)
    middle(shop.orders, {"extra": [{"a": 1}]}, 700)
    message = refused(run, source, rules())
    assert "shop.users.new (2 documents)" in message
    assert "shop.users.late (1 document)" in message
    assert "shop.orders.extra (1 document)" in message
    assert catalog.read(clean.client) == [], "nothing that was copied before stays"
    shop.users.update_many({}, {"$unset": {"new": 1, "late": 1}})
    shop.orders.update_many({}, {"$unset": {"extra": 1}})
    run(source.server, rules())
    assert check(source.server, rules()).differences == []


@pytest.mark.usefixtures("no_chance")
def test_no_batch_with_an_unlisted_field_is_written(shop, source, run, clean, monkeypatch):
    middle(shop.users, {"new": "planted"})
    monkeypatch.setattr(Copy, "_abandon", lambda _self: None)
    refused(run, source, rules())
    for found in clean.client.shop.users.find({}):
        assert list(found) == ["_id", "email"]
    assert clean.client.shop.users.count_documents({}) < 3000


@pytest.mark.usefixtures("no_chance")
def test_unlisted_drop_counts_every_document(shop, source, run, clean):
    shop.users.update_many({"_id": {"$gt": 1000, "$lt": 1011}}, {"$set": {"new": 1}})
    made = run(source.server, rules(unlisted="drop"))
    assert made.unlisted() == [{"namespace": "shop.users", "path": "new", "documents": 10, "action": "drop"}]
    assert clean.client.shop.users.find_one({"new": {"$exists": True}}) is None
    again = run(source.server, rules(unlisted="drop"))
    assert not again.result["changed"]
    assert again.unlisted() == made.unlisted()


@pytest.mark.usefixtures("no_chance")
def test_a_rule_for_a_rare_field_is_no_mistake(shop, source, run):
    middle(shop.users, {"rare": 1, "map": {"x": {"y": 1}}, "deep": [[{"a": 1}]], "k": {"some": 1}})
    run(source.server, rules(", rare: hash, map.*.y: keep, deep.a: keep, k.<key>: hash, k.*: keep"))


@pytest.mark.usefixtures("no_chance")
@pytest.mark.parametrize(
    ("more", "path"),
    [
        (", raer: hash", "raer"),
        (", a.b: hash", "a.b"),
        (", map.*.z: keep", r"map.*.z"),
        (", pam.*.y: keep", r"pam.*.y"),
        (", map.<key>: hash, map.*: keep, pam.<key>: hash", "pam.<key>"),
    ],
)
def test_a_rule_that_matches_nothing_is_an_error_with_its_line(shop, source, run, clean, more, path):
    middle(shop.users, {"map": {"x": 1}})
    message = refused(run, source, rules(more + ("" if "map.*: keep" in more else ", map: keep")))
    assert message == f"rules.yml:7: shop.users.{path}: no document has this field: correct or remove the rule"
    assert catalog.read(clean.client) == []


@pytest.mark.usefixtures("no_chance")
def test_a_check_looks_at_every_document_and_writes_nothing(shop, source, clean, tmp_path):
    middle(shop.users, {"new": 1})
    copy = Copy(source.server, clean.server, load_rules(rules(unlisted="drop")), State(str(tmp_path / "no")), 2)
    copy.check()
    assert copy.unlisted() == [{"namespace": "shop.users", "path": "new", "documents": 1, "action": "drop"}]
    with pytest.raises(CheckError, match=r"shop.users.new \(1 document\)"):
        Copy(source.server, clean.server, load_rules(rules()), State(str(tmp_path / "no")), 2).check()
    assert catalog.read(clean.client) == []


# ---- validators ----


def test_a_validator_that_masks_break_is_an_error_ahead(shop, source, run, clean):
    shop.command("collMod", "users", validator={"email": {"$regex": "@corp[.]example$"}})
    shop.others.insert_one({"_id": 2})
    message = refused(run, source, rules())
    assert message.startswith("rules.yml:7: shop.users: of the documents looked at, ")
    assert "pass the collection's validator as they are and not when they are masked" in message
    assert "corp.example" not in message
    assert catalog.read(clean.client) == []


@pytest.mark.parametrize(
    "options",
    [
        {"validator": {"email": {"$regex": "@"}}},
        {"validator": {"email": {"$regex": "@corp"}}, "validationAction": "warn"},
        {"validator": {"email": {"$regex": "@corp"}}, "validationLevel": "off"},
        {"validator": {"nothing": {"$exists": True}}},  # which the documents did not pass before either
        {"validator": {"$jsonSchema": {"required": ["email"], "properties": {"email": {"bsonType": "string"}}}}},
    ],
)
def test_a_validator_that_masks_do_not_break_is_none(shop, source, run, clean, options):
    shop.command("collMod", "users", **options)
    run(source.server, rules())
    assert clean.client.shop.users.options() == shop.users.options()


def test_documents_with_dollars_reach_the_validator_as_they_are(shop, source, run):
    shop.others.insert_one({"_id": "$email", "kept": {"$a": "$$ROOT"}})
    shop.command("collMod", "others", validator={"_id": {"$exists": True}})
    run(source.server, rules().replace("others: {fields: {_id: keep}}", "others: {fields: {_id: keep, kept: keep}}"))


@pytest.mark.usefixtures("shop")
def test_an_engine_that_is_not_there_is_one_sentence(source, run, monkeypatch):
    from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import EngineError

    def missing(_rules, _key):
        raise EngineError("The masking engine is not there.")

    monkeypatch.setattr(worker, "Masker", missing)
    with pytest.raises(MongodbError, match=r"^shop.\w+: The masking engine is not there.$"):
        run(source.server, rules())


# ---- shard keys


@pytest.fixture
def sharded(source):
    """sharded(list, key, **more): what a shard or a config server holds of shop.users."""
    config = source.client.config

    def shard(name, key, **more):
        [found] = source.client.shop.list_collections(filter={"name": "users"})
        entry = {"_id": "shop.users", "uuid": found["info"]["uuid"], "key": key}
        config[name].insert_one({**entry, **more})

    yield shard
    config["cache.collections"].drop()
    config["collections"].drop()


MASKED = ", city: city, token: hash"
PROBLEM = "rules.yml:7: shop.users.city: the mask city does not keep values apart, but 'city' is in the shard key"


@pytest.mark.parametrize("name", ["cache.collections", "collections"])
@pytest.mark.usefixtures("shop")
def test_a_shard_key_that_does_not_stay(run, source, sharded, name):
    source.client.shop.users.update_many({}, {"$set": {"city": "Pune", "token": "x"}})
    sharded(name, {"token": 1, "city": "hashed"}, unique=False)
    assert PROBLEM in refused(run, source, rules(MASKED))


@pytest.mark.parametrize(
    ("key", "more"),
    [
        ({"token": 1, "_id": 1}, {}),
        ({"city": 1}, {"unsplittable": True}),
        ({"city": 1}, {"uuid": bson.Binary(bytes(16), 4)}),
        ({"city": 1}, {"uuid": None}),
    ],
    ids=["kept apart", "not sharded", "of a dropped collection", "without a UUID"],
)
@pytest.mark.usefixtures("shop")
def test_what_is_no_matter_of_shard_keys(run, source, sharded, key, more):
    source.client.shop.users.update_many({}, {"$set": {"city": "Pune", "token": "x"}})
    sharded("cache.collections", key, **more)
    assert run(source.server, rules(MASKED)).result["changed"]
