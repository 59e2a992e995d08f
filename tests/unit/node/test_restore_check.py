# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a restore test counts as wrong: against a manifest, and by the server's own validation, on real mongods."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stdout

import pytest

pytest.importorskip("pymongo")
from ansible.module_utils.testing import patch_module_args  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node, restore_check  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import mongodb_restore_check  # noqa: E402


def run(**params):
    out = io.StringIO()
    args = {"_ansible_remote_tmp": "/tmp", **params}
    with patch_module_args(args), redirect_stdout(out), pytest.raises(SystemExit):
        mongodb_restore_check.main()
    return json.loads(out.getvalue().strip().splitlines()[-1])


def manifest(**documents):
    """Of database `shop`; a collection that is None there is a time series."""
    return {"databases": {"shop": {name: {"documents": count} for name, count in documents.items()}}}


def found(**documents):
    return {f"shop.{name}": {"documents": count} for name, count in documents.items()}


@pytest.mark.parametrize(
    ("there", "here", "wrong"),
    [
        ({"a": 10000}, {"a": 10000}, []),
        ({"a": 10000}, {"a": 9500}, []),
        ({"a": 10000}, {"a": 9499}, [("shop.a", 10000, 9499)]),
        ({"a": 10000}, {"a": 10501}, [("shop.a", 10000, 10501)]),
        ({"a": 3}, {"a": 53}, []),  # writes go on: a few are no difference
        ({"a": 3}, {"a": 54}, [("shop.a", 3, 54)]),
        ({"a": 40}, {"a": 1}, []),
        ({"a": 40}, {"a": 0}, [("shop.a", 40, 0)]),  # few as they are, they are gone
        ({"a": 0}, {"a": 0}, []),
        ({"a": 3, "b": 4}, {"a": 3}, [("shop.b", 4, None)]),
        ({"a": None}, {"a": None}, []),  # a view or a time series: it has to be there
        ({"a": None}, {}, [("shop.a", None, None)]),
        ({}, {"new": 7}, []),
    ],
)
def test_what_differs_from_a_manifest(there, here, wrong):
    told = restore_check.differences(manifest(**there), found(**here), 5)
    assert [(one["namespace"], one["expected"], one["found"]) for one in told] == wrong


def test_only_who_tolerates_everything_tolerates_an_emptied_collection():
    assert restore_check.differences(manifest(a=40), found(a=0), 100) == []


def test_the_verdict_names_the_first_and_counts_the_rest():
    wrong = restore_check.differences(manifest(a=9000, b=1), found(a=1), 5)
    assert restore_check.verdict(wrong, ["shop.c"]) == (
        "shop.a has 1 documents where the manifest says 9000, and 1 more differ; shop.c did not pass the server's own"
        " validation"
    )
    assert restore_check.verdict([], []) == ""


@pytest.fixture(scope="module")
def server(mongod):
    made = mongod.start("--setParameter=enableTestCommands=1")
    with made.client() as client:
        client.drill.small.insert_many([{"n": n} for n in range(50)])
        client.drill.large.insert_many([{"n": n, "text": os.urandom(500).hex()} for n in range(2000)])
        client.drill.create_collection("seen", viewOn="small", pipeline=[])
        client.admin.command("fsync")  # until then no file has its size
    return made


@pytest.fixture(scope="module")
def taken(server):
    """The manifest of the server, as a snapshot's run keeps it."""
    with server.client() as client:
        made = mongod_node.manifest(mongod_node.server_facts(client), mongod_node.catalog(client))
    return json.loads(json.dumps(made))


def test_a_sound_server_passes_with_its_manifest(server, taken):
    told = run(uri=server.uri, manifest=taken, manifest_sha256=taken["sha256"])
    assert not told.get("failed"), told
    assert (told["databases"], told["collections"], told["documents"]) == (1, 3, 2050)
    assert told["manifest_compared"]
    assert told["tolerance_percent"] == 5
    assert told["differences"] == told["invalid"] == []
    assert set(told["validated"]) == {"drill.large", "drill.small"}


def test_without_a_manifest_it_counts(server):
    told = run(uri=server.uri)
    assert not told["manifest_compared"]
    assert told["documents"] == 2050


def test_statistics_that_are_too_old_are_no_difference(server, taken):
    """As after a recovery: what was written since the last checkpoint is there, and not in them."""
    with server.client() as client:
        found = restore_check.flat(mongod_node.catalog(client))
        old = {**found, "drill.large": {**found["drill.large"], "documents": 500}}
        suspects = restore_check.differences(taken, old, 5)
        assert [one["namespace"] for one in suspects] == ["drill.large"]
        assert restore_check.differences(taken, restore_check.counted(client, old, suspects), 5) == []


def test_a_manifest_of_another_snapshot_is_refused(server, taken):
    told = run(uri=server.uri, manifest=taken, manifest_sha256="0" * 64)
    assert told["failed"]
    assert "its digest differs" in told["msg"]
    assert run(uri=server.uri, manifest={"a": 1}, manifest_sha256="0" * 64)["msg"].startswith("The manifest is no")


def test_what_the_manifest_promises_and_is_not_there_fails(server, taken):
    promised = json.loads(json.dumps(taken))
    promised["databases"]["drill"]["gone"] = {"documents": 1}
    told = run(uri=server.uri, manifest=promised)
    assert told["failed"]
    assert "drill.gone is missing where the manifest says 1" in told["msg"]
    assert told["documents"] == 2050


def test_only_small_collections_are_validated_and_only_for_a_time(server):
    with server.client() as client:
        catalog = restore_check.flat(mongod_node.catalog(client))
        size = catalog["drill.small"]["storage_size"]
        assert restore_check.validate(client, catalog, size, 60) == (["drill.small"], [])
        ticks = iter([0, 0, 61])
        assert restore_check.validate(client, catalog, 10**9, 60, lambda: next(ticks)) == (["drill.small"], [])
    assert run(uri=server.uri, validate_size_mb=0)["validated"] == []


def test_a_collection_that_is_not_sound_fails(mongod):
    broken = mongod.start("--setParameter=enableTestCommands=1")
    with broken.client() as client:
        client.admin.command("configureFailPoint", "skipIndexNewRecords", mode="alwaysOn")
        client.drill.torn.insert_one({"_id": 1})
    told = run(uri=broken.uri)
    assert told["failed"]
    assert told["invalid"] == ["drill.torn"]
    assert "drill.torn did not pass the server's own validation" in told["msg"]


def test_a_server_that_is_not_there_is_one_sentence():
    told = run(uri="mongodb://%2Ftmp%2Fno-such.sock/?directConnection=true")
    assert told["failed"]
    assert "cannot be reached" in told["msg"]
