# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The masked copy between real servers: what arrives, what is refused, and what a rerun does."""

from __future__ import annotations

import os

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, client, plan
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError, Server, documents_of
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.copy import Copy
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import CheckError
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
from pymongo import IndexModel

from .conftest import DAY, ESTATE_RULES, MIXED_IDS

USERS = """
version: 1
{top}
databases:
  shop:
    collections:
      users:
        {own}
        fields: {{_id: keep, email: email}}
"""


def users_rules(top="", own=""):
    return USERS.format(top=top, own=own)


def test_everything_of_an_estate_comes_over(estate, run, check, clean):
    made = run(estate, ESTATE_RULES)
    source = estate.open()
    assert [found.namespace for found in catalog.read(source)] == sorted(
        [found.namespace for found in catalog.read(clean.client)] + ["shop.secrets"]
    )
    assert made.result["changed"]
    assert made.plan.dropped == ["shop.secrets"]
    for mode in ("full", "sampled"):
        assert check(estate, ESTATE_RULES, mode).differences == []
    user, before = clean.client.shop.users.find_one({"_id": 4}), source.shop.users.find_one({"_id": 4})
    assert list(user) == [name for name in before if name != "gone"]
    assert user["email"] != before["email"]
    assert user["addresses"][0] == {"street": "[redacted]", "city": "पुणे"}
    assert user["contacts"]["k.4"]["phone"].startswith("+91 ")
    assert user["contacts"]["$home"] == {"phone": None}
    source.close()


def test_a_rerun_of_a_finished_copy_changes_nothing(estate, run):
    run(estate, ESTATE_RULES)
    again = run(estate, ESTATE_RULES)
    assert again.result == {"changed": False, "workers": 2, "documents_per_second": 0}
    assert [entry["documents"] for entry in again.collections() if entry["collection"] == "users"] == [499]


def test_other_rules_copy_everything_again(source, run, clean):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@corp.example"})
    run(source.server, users_rules())
    first = clean.client.shop.users.find_one()
    run(source.server, users_rules() + "# another file\n", secret=bytes([1]) * 32)
    assert clean.client.shop.users.find_one() != first


def test_a_time_series_gives_no_original_beside_its_mask(estate, run, clean):
    """MongoDB 6.0 gives a masked metadata field twice, first as it was, unless it is kept from moving stages."""
    run(estate, ESTATE_RULES)
    raw = b"".join(clean.client.shop.readings.find_raw_batches({}))
    assert raw.count(b"sensor\0") == 300
    owners = {document["sensor"]["owner"] for document in clean.client.shop.readings.find()}
    assert len(owners) == 5
    assert all(len(owner) == 32 for owner in owners)


def test_many_ranges_copy_every_id_once(source, run, check, clean, monkeypatch):
    monkeypatch.setattr(plan, "_SPLIT_ABOVE_BYTES", 0)
    monkeypatch.setattr(plan, "_RANGE_BYTES", 700)
    more = [*range(100, 200), *(f"s{number}" for number in range(50)), *(bson.ObjectId() for _number in range(50))]
    source.client.shop.users.insert_many({"_id": value, "email": f"u{n}@corp.example"} for n, value in enumerate(more))
    source.client.shop.kept.insert_many({"_id": value} for value in MIXED_IDS + more)
    source.client.shop.users.insert_many(
        {"_id": value, "email": "m@corp.example"} for value in MIXED_IDS if value != 100
    )
    text = users_rules() + "      kept: keep\n"
    made = run(source.server, text, workers=3)
    with source.server.open() as reader:
        assert len(made.plan.items["shop.kept"].ranges(reader, 3)) > 3
    assert clean.client.shop.kept.count_documents({}) == len(MIXED_IDS) + len(more)
    assert check(source.server, text).differences == []


def test_large_and_odd_documents(source, run, check):
    text = "version: 1\nunlisted: keep\ndatabases: {}\n"
    source.client.big.blobs.insert_many({"_id": number, "b": os.urandom(15 << 20)} for number in range(3))
    far = bson.datetime_ms.DatetimeMS(2**60)
    source.client.big.odd.insert_one({"_id": far, "deep": [[[[{"a.b": 1, "$c": {"": far}}]]]], "n": float("nan")})
    run(source.server, text)
    assert check(source.server, text).differences == []


@pytest.mark.parametrize("contents", ["keep", "replace", "drop"])
def test_the_contents_of_files_follow_their_rule(source, run, check, clean, contents):
    from gridfs import GridFSBucket

    stored = GridFSBucket(source.client.shop, chunk_size_bytes=1000).upload_from_stream("asha.txt", b"planted " * 700)
    text = (
        "version: 1\ndatabases: {shop: {collections: {fs.files: {fields: {_id: keep, length: keep, chunkSize: keep, "
        f"uploadDate: keep, filename: redact}}}}, fs.chunks: {{contents: {contents}}}}}}}}}\n"
    )
    run(source.server, text)
    for mode in ("full", "sampled"):
        assert check(source.server, text, mode).differences == []
    if contents == "drop":
        assert clean.client.shop["fs.chunks"].count_documents({}) == 0
        return
    content = GridFSBucket(clean.client.shop).open_download_stream(stored).read()
    assert len(content) == 5600
    assert (b"planted" in content) == (contents == "keep")


def test_a_full_capped_collection_of_longer_documents_keeps_the_newest(source, run, check, clean):
    source.client.shop.create_collection("users", capped=True, size=4096)
    source.client.shop.users.insert_many({"_id": number, "email": "a@b.in"} for number in range(200))
    held = source.client.shop.users.count_documents({})
    made = run(source.server, users_rules())
    (entry,) = made.collections()
    assert entry["evicted"] == held - clean.client.shop.users.count_documents({}) > 0
    report = check(source.server, users_rules())
    assert report.differences == []
    assert report.collections[0]["evicted"] == entry["evicted"]


# ---- refusals: nothing is written ----


def refused(run, clean, source, text, error=CheckError):
    with pytest.raises(error) as caught:
        run(source, text)
    assert catalog.read(clean.client) == []
    return str(caught.value)


def test_unlisted_fail_names_collections_and_fields_with_counts(source, run, clean):
    source.client.shop.users.insert_many([{"_id": n, "email": "a@b.in"} for n in range(3)])
    source.client.shop.users.insert_many([{"_id": n, "email": "a@b.in", "nested": [{"new": n}]} for n in range(3, 5)])
    message = refused(run, clean, source.server, users_rules())
    assert "shop.users.nested" in message
    assert "(2 documents)" in message
    source.client.shop.extra.insert_one({"_id": 1})
    source.client.other.things.insert_many([{"_id": 1}, {"_id": 2}])
    message = refused(run, clean, source.server, users_rules())
    assert "shop.extra (1 document)" in message
    assert "other.things (2 documents)" in message


def test_unlisted_drop_leaves_behind_and_reports(source, run, check, clean):
    source.client.shop.users.insert_many([{"_id": 1, "email": "a@b.in", "new": 1}, {"_id": 2, "email": "c@d.in"}])
    source.client.other.things.insert_one({"_id": 1})
    text = users_rules("unlisted: drop")
    made = run(source.server, text)
    assert made.unlisted() == [
        {"namespace": "other.things", "path": "", "documents": 1, "action": "drop"},
        {"namespace": "shop.users", "path": "new", "documents": 1, "action": "drop"},
    ]
    assert "new" not in clean.client.shop.users.find_one({"_id": 1})
    for mode in ("full", "sampled"):
        assert check(source.server, text, mode).differences == []


def test_unlisted_keep_copies_as_it_is(source, run, check, clean):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@b.in", "new": {"x": [1]}})
    source.client.other.things.insert_one({"_id": 1})
    text = users_rules("unlisted: keep")
    made = run(source.server, text)
    assert {"namespace": "other.things", "path": "", "documents": 1, "action": "keep"} in made.unlisted()
    assert clean.client.shop.users.find_one()["new"] == {"x": [1]}
    assert check(source.server, text).differences == []


def test_rules_that_match_nothing_name_file_and_line(source, run, clean):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@b.in"})
    message = refused(run, clean, source.server, users_rules() + "      gone: keep\n  nodb: {collections: {a: keep}}\n")
    assert "rules.yml:10: shop.gone: the source has no such collection" in message
    assert "rules.yml:11: nodb: the source has no such database" in message
    message = refused(run, clean, source.server, users_rules().replace("email: email", "email: email, emial: email"))
    assert message.startswith("rules.yml:9: shop.users.emial: no document has this field")


def test_a_view_takes_no_field_rules(source, run, clean):
    source.client.shop.people.insert_one({"_id": 1})
    source.client.shop.command("create", "users", viewOn="people", pipeline=[])
    message = refused(run, clean, source.server, users_rules() + "      people: keep\n")
    assert "shop.users: is a view" in message


def test_an_index_that_masks_break_is_named_without_a_value(source, run):
    source.client.shop.users.insert_many({"_id": n, "email": text} for n, text in enumerate(["u@b.in", "U@b.in"]))
    source.client.shop.users.create_indexes(
        [IndexModel("_id", name="fine"), IndexModel("email", unique=True, name="one")]
    )
    with pytest.raises(MongodbError) as caught:
        run(source.server, users_rules())  # e-mail addresses are masked without regard to case
    message = str(caught.value)
    assert message.startswith("Index one on shop.users cannot be built")
    assert "@" not in message


def test_a_server_is_not_copied_onto_itself(source, tmp_path):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@b.in"})
    state = State(str(tmp_path / "own"))
    key = state.open(bytes(32), "", memory_only=False)
    with pytest.raises(MongodbError, match="the same mongod"):
        Copy(source.server, Server(source.server.uri, "clean"), load_rules(users_rules()), state, 1).run(key)
    state.close()


def test_a_target_with_data_of_others_is_refused(source, run, clean):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@b.in"})
    clean.client.shop.users.insert_one({"_id": "precious"})
    with pytest.raises(MongodbError, match=r"did not make \(shop.users\)"):
        run(source.server, users_rules())
    assert clean.client.shop.users.find_one() == {"_id": "precious"}


def test_a_target_that_deletes_by_ttl_is_refused(source, run, clean):
    source.client.shop.users.insert_one({"_id": 1, "email": "a@b.in"})
    clean.client.admin.command("setParameter", 1, ttlMonitorEnabled=True)
    try:
        message = refused(run, clean, source.server, users_rules(), MongodbError)
        assert "TTL monitor" in message
    finally:
        clean.client.admin.command("setParameter", 1, ttlMonitorEnabled=False)


def test_a_server_that_does_not_answer_is_one_sentence(clean, tmp_path, monkeypatch):
    gone = Server(f"mongodb://{str(tmp_path).replace('/', '%2F')}%2Fno.sock/?serverSelectionTimeoutMS=200", "source")
    monkeypatch.setattr(
        client, "MongoClient", lambda uri, **options: pymongo_client(uri, {**options, "serverSelectionTimeoutMS": 200})
    )
    with pytest.raises(MongodbError, match="No answer from the source server"):
        Copy(gone, clean.server, load_rules(users_rules()), State(), 1).check()


def pymongo_client(uri, options):
    import pymongo

    return pymongo.MongoClient(uri, **options)


def test_a_uri_with_a_user_is_refused():
    with pytest.raises(MongodbError, match="holds a user"):
        Server("mongodb://me:secret@host/", "source")


# ---- a rerun, and a check ----


def test_a_finished_collection_is_not_copied_again(source, run, clean):
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@b.in"} for n in range(3))
    source.client.shop.second.insert_one({"_id": DAY})
    text = users_rules() + "      second: keep\n"
    run(source.server, text)
    before = {found["name"]: found["info"].get("uuid") for found in clean.client.shop.list_collections()}
    clean.client.shop.users.delete_one({"_id": 0})
    again = run(source.server, text)
    after = {found["name"]: found["info"].get("uuid") for found in clean.client.shop.list_collections()}
    assert again.result["changed"]
    assert after["second"] == before["second"]
    assert after["users"] != before["users"]
    assert clean.client.shop.users.count_documents({}) == 3


def test_check_writes_nothing_and_foretells_the_change(source, run, clean, tmp_path):
    source.client.shop.users.insert_many({"_id": n, "email": f"u{n}@b.in"} for n in range(3))

    def look():
        state = State(str(tmp_path / "state"))
        state.look(bytes(32), users_rules())
        copy = Copy(source.server, clean.server, load_rules(users_rules()), state, 1)
        copy.check()
        return copy

    first = look()
    assert first.pending()
    assert first.contents() == {"shop.users": 3}
    assert not (tmp_path / "state").exists()
    assert catalog.read(clean.client) == []
    run(source.server, users_rules())
    assert not look().pending()


def test_a_batch_is_cut_into_its_documents():
    documents = [bson.encode({"_id": value}) for value in MIXED_IDS]
    assert list(documents_of(b"".join(documents))) == documents
