"""The seeded data is the same from the same number, of every kind that the issue names, and covered by the rules."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timezone
from hashlib import sha256
from itertools import islice
from pathlib import Path

import bson
import gridfs
import pytest
import yaml
from bson import Int64
from stagesync_lab import leaks, seed

RULES = Path(__file__).parents[2] / "lab" / "rules.yml"
VALUES = leaks.needles(seed.planted_values(1))


@pytest.fixture(scope="module")
def client(mongod):
    server = mongod.start("--setParameter=ttlMonitorEnabled=false")
    yield server.client()
    server.stop()


@pytest.fixture(scope="module")
def made(client):
    return seed.seed(client, scale=0.01, seed=1)


def digests(client) -> dict[str, str]:
    """One digest over all documents of each collection."""
    found = {}
    for database in seed.DATABASES:
        for spec in client[database].list_collections(filter={"type": {"$ne": "view"}}):
            if not spec["name"].startswith("system."):
                documents = map(dict, client[database][spec["name"]].find())
                if spec["type"] == "timeseries":  # the server does not keep the order of fields there
                    documents = (dict(sorted(document.items())) for document in documents)
                total = sha256(b"".join(sorted(map(bson.encode, documents))))
                found[f"{database}.{spec['name']}"] = total.hexdigest()
    return found


def paths(value, above=()):
    """(path, leaf) of everything in a document; arrays do not show in a path, empty containers are leaves."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from paths(item, (*above, key))
    elif isinstance(value, list) and value:
        for item in value:
            yield from paths(item, above)
    else:
        yield above, value


def rules() -> dict[str, dict | str]:
    """Namespace → an action, or path → mask."""
    found = {}
    for database, entry in yaml.safe_load(RULES.read_text())["databases"].items():
        for name, collection in entry["collections"].items():
            if isinstance(collection, dict) and "contents" in collection:
                collection = collection["contents"]
            if isinstance(collection, dict):
                collection = {
                    tuple(path.split(".")): mask["mask"] if isinstance(mask, dict) else mask
                    for path, mask in collection["fields"].items()
                }
            found[f"{database}.{name}"] = collection
    return found


def rule_of(path, fields):
    """The rule that names a path or something above it."""
    for rule in fields:
        if len(rule) <= len(path) and all(r in ("*", p) for r, p in zip(rule, path)):
            return rule
    return None


def documents(client, namespace):
    database, _dot, name = namespace.partition(".")
    return client[database][name].find()


def test_same_seed_gives_identical_documents_and_another_gives_others(client, made):
    first = digests(client)
    seed.seed(client, scale=0.01, seed=2)
    other = digests(client)
    again = seed.seed(client, scale=0.01, seed=1)
    assert digests(client) == first
    assert again["collections"] == made["collections"]
    assert set(first) == set(other)
    same = {namespace for namespace in first if first[namespace] == other[namespace]}
    assert same == {"shop.wishlist"}  # empty in both


def test_scale_multiplies_and_is_told(client, made):
    progress = []
    more = seed.seed(client, scale=0.02, seed=1, progress=lambda *step: progress.append(step))
    assert more["collections"]["shop.orders"] == 2 * made["collections"]["shop.orders"]
    assert more["documents"] == sum(more["collections"].values()) > made["documents"]
    assert more["bytes"] > made["bytes"]
    assert ("shop.orders", 1000, 1000) in progress
    seed.seed(client, scale=0.01, seed=1)


@pytest.mark.usefixtures("made")
def test_collections_of_every_kind(client):
    specs = {
        f"{database}.{spec['name']}": spec
        for database in seed.DATABASES
        for spec in client[database].list_collections()
    }
    assert specs["analytics.metrics"]["type"] == "timeseries"
    assert specs["shop.active_users"]["options"]["viewOn"] == "users"
    assert specs["shop.active_users_in_india"]["options"]["viewOn"] == "active_users"
    assert specs["support.audit"]["options"]["capped"]
    assert specs["shop.accounts"]["options"]["collation"]["strength"] == 2
    assert "$jsonSchema" in specs["shop.accounts"]["options"]["validator"]
    assert specs["analytics.daily"]["options"]["clusteredIndex"]["unique"]
    assert f"shop.{seed.ODD_NAME}" in specs
    assert client["shop"]["wishlist"].count_documents({}) == 0
    assert len(list(client["shop"]["wishlist"].list_indexes())) == 3
    assert 0 < client["shop"]["active_users_in_india"].count_documents({}) < 1000
    # A full capped collection has lost its oldest documents.
    assert client["analytics"]["recent_requests"].find_one({"_id": 0}) is None
    assert client["analytics"]["recent_requests"].count_documents({}) > 1000


@pytest.mark.usefixtures("made")
def test_indexes_of_every_kind(client):
    kinds = set()
    for database in seed.DATABASES:
        for spec in client[database].list_collections(filter={"type": "collection"}):
            if spec["name"].startswith("system."):
                continue
            for index in client[database][spec["name"]].list_indexes():
                kinds |= set(index) - {"v", "key", "name"}
                kinds |= {value for value in index["key"].values() if isinstance(value, str)}
                kinds |= {"$**" for key in index["key"] if "$**" in key} | (
                    {"compound"} if len(index["key"]) > 1 else set()
                )
    assert kinds >= {
        "unique", "sparse", "hidden", "partialFilterExpression", "expireAfterSeconds", "collation", "weights",
        "wildcardProjection", "text", "2dsphere", "hashed", "$**", "compound", "clustered",
    }  # fmt: skip


@pytest.mark.usefixtures("made")
def test_ids_of_many_types_in_one_collection(client):
    kinds = {row["_id"] for row in client["shop"]["legacy"].aggregate([{"$group": {"_id": {"$type": "$_id"}}}])}
    assert kinds == {
        "objectId", "int", "long", "double", "string", "binData", "date", "bool", "object", "null", "decimal",
        "timestamp", "minKey", "maxKey",
    }  # fmt: skip
    assert client["shop"]["legacy"].count_documents({"_id": float("nan")}) == 1


@pytest.mark.usefixtures("made")
def test_sessions_outlive_the_lab(client):
    first = client["shop"]["sessions"].find_one(sort=[("expires_at", 1)])["expires_at"]
    assert first.replace(tzinfo=timezone.utc) > datetime(2090, 1, 1, tzinfo=timezone.utc)


@pytest.mark.usefixtures("made")
def test_amounts_are_of_several_types(client):
    rows = client["shop"]["payments"].aggregate([{"$group": {"_id": {"$type": "$amount"}}}])
    assert {row["_id"] for row in rows} == {"decimal", "long", "double"}


@pytest.mark.usefixtures("made")
def test_gridfs_files_can_be_read(client):
    bucket = gridfs.GridFSBucket(client["support"])
    lengths = []
    for file in bucket.find():
        content = file.read()
        assert len(content) == file.length
        lengths.append(len(content))
    assert min(lengths) == 0
    assert max(lengths) > 2 * seed.CHUNK_BYTES


@pytest.mark.usefixtures("made")
def test_every_planted_person_is_a_user(client):
    emails = {user["email"].lower() for user in client["shop"]["users"].find({}, {"email": 1})}
    assert len(seed.planted_values(1)["email"]) == seed.PLANTED_PEOPLE
    assert emails >= set(seed.planted_values(1)["email"])


@pytest.mark.usefixtures("made")
def test_planted_values_lie_wherever_such_values_occur(client):
    places = defaultdict(set)
    for hit in leaks.search_database(client, VALUES):
        places[hit.kind].add(hit.place)
    assert places["email"] >= {
        "shop.users: email", "shop.users: notes", "shop.orders: contact.email", "shop.newsletter: _id",
        "shop.preferences: by_user.*.email", "shop.sessions: data.email", "support.tickets: messages.from",
        "support.tickets: cc", "support.audit: message", "analytics.metrics: meta.user", "support.fs.chunks: data",
    }  # fmt: skip
    assert places["phone"] >= {
        "shop.users: phone", "shop.users: emergency_contacts.phones", "shop.preferences: by_user.*.phone",
        "support.tickets: messages.body", "shop.legacy: phone",
    }  # fmt: skip
    assert places["card"] >= {"shop.payments: card.number", "support.tickets: messages.body", "support.audit: message"}
    assert places["aadhaar"] >= {"shop.users: kyc.aadhaar", "support.tickets: messages.body", "support.fs.chunks: data"}
    assert places["pan"] >= {"shop.users: kyc.pan", "support.fs.files: filename", "support.tickets: messages.body"}
    assert places["account"] >= {"shop.payments: bank.iban", "shop.accounts: iban", "support.tickets: messages.body"}
    assert places["name"] >= {"shop.users: name.full", "support.tickets: transcript", "shop.orders: items.engraving"}
    assert places["surname"] >= {"shop.users: name.last", "support.fs.files: filename"}


@pytest.mark.usefixtures("made")
def test_numbers_are_planted_as_numbers_too(client):
    kinds = {type(user["kyc"]["aadhaar"]) for user in client["shop"]["users"].find({"email": {"$regex": "^zqv"}})}
    assert kinds == {str, Int64}


def test_planted_values_are_many_distinct_and_the_seeds_own():
    for kind, texts in seed.planted_values(1).items():
        assert len(set(texts)) == len(texts) >= seed.PLANTED_PEOPLE, kind
        assert not set(texts) & set(seed.planted_values(2)[kind]), kind
        assert all(any(marker in text.lower() for marker in seed.MARKERS) for text in texts), kind


@pytest.mark.usefixtures("made")
def test_rules_name_every_path_and_every_rule_matches(client):
    named = rules()
    there = {
        f"{database}.{spec['name']}"
        for database in seed.DATABASES
        for spec in client[database].list_collections()
        if not spec["name"].startswith("system.")
    }
    assert set(named) == there
    for namespace, fields in named.items():
        if isinstance(fields, str) or namespace == "shop.wishlist":
            continue
        seen = set()
        for document in documents(client, namespace):
            for path, leaf in paths(document):
                # An empty map, array or null stands where rules name what would lie below it.
                above = leaf in (None, {}, []) and any(rule[: len(path)] == path for rule in fields)
                rule = rule_of(path, fields)
                assert rule or above, f"{namespace}: {'.'.join(path)}"
                seen.add(rule)
        assert set(fields) - seen == set(), namespace


@pytest.mark.usefixtures("made")
def test_rules_keep_no_planted_value(client):
    for namespace, fields in rules().items():
        if fields == "drop" or namespace.startswith("shop.active_users"):
            continue
        for document in documents(client, namespace):
            for path, leaf in paths(document):
                mask = fields if isinstance(fields, str) else fields.get(rule_of(path, fields), "keep")
                if mask == "keep":
                    assert not VALUES.count(bson.encode({"": leaf})), f"{namespace}: {'.'.join(path)}"
                if mask == "text":  # finds no names
                    found = VALUES.count(bson.encode({"": leaf}))
                    assert not found["name"] + found["surname"], f"{namespace}: {'.'.join(path)}"


@pytest.mark.usefixtures("made")
def test_writers_orders_are_of_the_seeded_shape_and_new(client):
    orders = list(islice(seed.order_documents(1, start=5_000_000), 300))
    assert orders == list(islice(seed.order_documents(1, start=5_000_000), 300))
    assert orders[7:] == list(islice(seed.order_documents(1, start=5_000_007), 293))
    fields = rules()["shop.orders"]
    assert all(rule_of(path, fields) for order in orders for path, _leaf in paths(order))
    assert any(VALUES.count(bson.encode(order)) for order in orders)
    client["shop"]["orders"].insert_many(orders)  # neither `_id` nor number is taken
    client["shop"]["orders"].delete_many({"_id": {"$in": [order["_id"] for order in orders]}})
