# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The module mongodb_hooks on a real server."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.stagesync.aws.plugins.modules import mongodb_hooks
from bson import ObjectId

JOB = ObjectId("64b7f1f77bcf86cd79943901")
RULES = f"""\
version: 1
databases:
  hooked:
    collections: {{jobs: keep, schedules: keep, hooks: keep}}
hooks:
  - {{name: Purge, database: hooked, collection: jobs, delete: {{status: queued, _id: {{$ne: {{$oid: {JOB}}}}}}}}}
  - name: Switch off
    database: hooked
    collection: schedules
    update: {{filter: {{on: true}}, update: {{$set: {{on: false}}}}}}
  - name: Point away
    database: hooked
    collection: hooks
    update: {{filter: {{}}, pipeline: [{{$set: {{url: {{$concat: ["https://staging.invalid/", $name]}}}}}}]}}
  - {{name: Count, database: hooked, collection: jobs, aggregate: [{{$group: {{_id: $status}}}}, {{$out: kinds}}]}}
"""


@pytest.fixture
def database(mongod):
    """A clean copy with what would act on the world."""
    client = mongod.shared.client()
    client.drop_database("hooked")
    database = client.hooked
    database.jobs.insert_many([{"status": "queued"}, {"status": "queued"}, {"status": "done"}])
    database.jobs.insert_one({"_id": JOB, "status": "queued"})
    database.schedules.insert_many([{"on": True}, {"on": False}])
    database.hooks.insert_many(
        [{"name": "a", "url": "https://shop.example"}, {"name": "b", "url": "https://shop.example"}]
    )
    return database


def call(uri, rules=RULES, check=False):
    """Run the module in this process."""
    out = io.StringIO()
    arguments = {"uri": uri, "rules": rules, "rules_path": "r.yml", "_ansible_check_mode": check, "_ansible_diff": True}
    with patch_module_args(arguments), redirect_stdout(out), pytest.raises(SystemExit):
        mongodb_hooks.main()
    return json.loads(out.getvalue().strip().splitlines()[-1])


def counts(result):
    return {hook["name"]: (hook["matched"], hook["changed"]) for hook in result["hooks"]}


def state(database):
    return {name: list(database[name].find(sort=[("_id", 1)])) for name in sorted(database.list_collection_names())}


def test_they_run_in_order_and_again(mongod, database):
    result = call(mongod.shared.uri)
    assert counts(result) == {"Purge": (2, 2), "Switch off": (1, 1), "Point away": (2, 2), "Count": (None, None)}
    assert result["changed"] is True
    assert result["diff"]["after"]["Purge (hooked.jobs)"] == 2
    assert {job["status"] for job in database.jobs.find()} == {"done", "queued"}
    assert database.jobs.count_documents({}) == 2
    assert database.schedules.count_documents({"on": True}) == 0
    assert {hook["url"] for hook in database.hooks.find()} == {"https://staging.invalid/a", "https://staging.invalid/b"}
    assert {kind["_id"] for kind in database.kinds.find()} == {"done", "queued"}
    before = state(database)
    assert counts(call(mongod.shared.uri))["Purge"] == (0, 0)
    assert state(database) == before


def test_check_mode_counts_and_changes_nothing(mongod, database):
    before = state(database)
    result = call(mongod.shared.uri, check=True)
    assert counts(result) == {"Purge": (2, 2), "Switch off": (1, None), "Point away": (2, None), "Count": (None, None)}
    assert result["changed"] is True
    assert state(database) == before


def test_without_hooks_nothing_is_asked():
    result = call("mongodb://%2Fnone.sock", RULES.partition("hooks:\n  -")[0])
    assert (result["changed"], result["hooks"]) == (False, [])


def test_one_that_fails_ends_it(mongod, database):
    database.create_collection("strict", validator={"kind": {"$type": "string"}})
    database.strict.insert_one({"kind": "secret-value"})
    rules = RULES.replace("hooks: keep}", "hooks: keep, strict: keep}").replace(
        "  - name: Point away", "  - {name: Break, database: hooked, collection: strict, update: "
        "{filter: {}, update: {$set: {kind: 1}}}}\n  - name: Point away",
    )  # fmt: skip
    result = call(mongod.shared.uri, rules)
    assert result["failed"] is True
    assert result["msg"].startswith("The hook 'Break' failed: ")
    assert "on hooked.strict of the clean server. Mend it at r.yml:11." in result["msg"]
    assert "secret-value" not in json.dumps(result)
    assert list(counts(result)) == ["Purge", "Switch off"]
    assert database.hooks.count_documents({"url": "https://shop.example"}) == 2


def test_a_collection_that_is_not_there(mongod, database):
    database.schedules.drop()
    result = call(mongod.shared.uri)
    assert "The hook 'Switch off' failed: There is no collection hooked.schedules in the clean copy." in result["msg"]


def test_a_server_that_is_not_there_and_rules_that_are_wrong(monkeypatch):
    monkeypatch.setattr("ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client.Server.open", quick(300))
    assert "No answer from hooked.jobs of the clean server" in call("mongodb://%2Fnone.sock")["msg"]
    wrong = call("mongodb://%2Fnone.sock", RULES.replace("version: 1", "version: 3"))
    assert "r.yml:1: version" in wrong["msg"]
    assert "The URI of the clean server holds a user" in call("mongodb://me:x@host")["msg"]


def quick(milliseconds):
    """`Server.open` that does not wait long."""
    from pymongo import MongoClient

    return lambda server: MongoClient(server.uri, serverSelectionTimeoutMS=milliseconds)
