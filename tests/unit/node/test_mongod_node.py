# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is read from a real mongod, and the users that are made in it."""

from __future__ import annotations

import http.server
import socket
import subprocess
import threading
from datetime import datetime, timedelta, timezone

import pymongo
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node


@pytest.fixture(scope="module")
def server(mongod):
    """A server with one collection of each kind."""
    started = mongod.start("--directoryperdb", "--wiredTigerCollectionBlockCompressor=none")
    client = started.client()
    client.shop.users.insert_many([{"_id": i, "email": f"{i}@example.com"} for i in range(7)])
    client.shop.users.create_index("email", unique=True)
    client.shop.create_collection("recent", viewOn="users", pipeline=[])
    client.metrics.create_collection("load", timeseries={"timeField": "at"})
    client.metrics.load.insert_one({"at": datetime.now(tz=timezone.utc), "value": 1})
    return started


class TestFacts:
    def test_version_engine_and_options(self, server):
        facts = node.server_facts(server.client())
        assert facts["version"].startswith(facts["fcv"])
        assert facts["storage_engine"] == "wiredTiger"
        assert facts["dbpath"] == str(server.dbpath)
        assert facts["options"] == {
            "directory_per_db": True,
            "directory_for_indexes": False,
            "collection_block_compressor": "none",
            "journal_compressor": "snappy",
            "index_prefix_compression": True,
            "encryption_at_rest": False,
        }
        assert (facts["authorization"], facts["cluster_role"]) == (False, None)
        assert node.unsupported(facts) == []

    def test_catalog_counts_what_is_stored(self, server):
        catalog = node.catalog(server.client())
        assert sorted(catalog) == ["metrics", "shop"]
        users = catalog["shop"]["users"]
        assert (users["type"], users["documents"], users["indexes"]) == ("collection", 7, 2)
        assert users["size"] > 0
        assert catalog["shop"]["recent"] == {**dict.fromkeys(users), "type": "view"}
        assert (catalog["metrics"]["load"]["type"], catalog["metrics"]["load"]["documents"]) == ("timeseries", None)
        assert list(catalog["metrics"]) == ["load"]

    def test_manifest_digest_follows_the_content(self, server):
        facts = node.server_facts(server.client())
        catalog = node.catalog(server.client())
        first = node.manifest(facts, catalog)
        assert node.manifest(facts, catalog)["sha256"] == first["sha256"]
        catalog["shop"]["users"]["documents"] = 8
        assert node.manifest(facts, catalog)["sha256"] != first["sha256"]

    def test_a_standalone_has_no_replica_set(self, server):
        assert node.replica_set_facts(server.client()) is None
        assert node.replica_set_identity(server.client()) is None

    def test_data_of_a_member_that_runs_without_its_set(self, mongod):
        member = mongod.start("--replSet", "rs7")
        config = {"_id": "rs7", "members": [{"_id": 0, "host": str(member.socket)}]}
        member.client().admin.command("replSetInitiate", config)
        member.stop()
        alone = mongod.start(dbpath=member.dbpath)
        assert node.replica_set_facts(alone.client()) is None
        assert node.replica_set_identity(alone.client())["name"] == "rs7"
        alone.stop()

    def test_addresses_of_a_member(self):
        assert node._addresses("192.0.2.7:27017") == ["192.0.2.7"]
        assert node._addresses("[2001:db8::7]:27017") == ["2001:db8::7"]
        assert node._addresses("no-such-host.invalid:27017") == []

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"storage_engine": "inMemory"}, "storage engine is inMemory"),
            ({"cluster_role": "shardsvr"}, "sharded cluster"),
            ({"options": {"encryption_at_rest": True}}, "encrypted at rest"),
        ],
    )
    def test_what_cannot_be_restored(self, change, said):
        fine = {"storage_engine": "wiredTiger", "cluster_role": None, "options": {"encryption_at_rest": False}}
        (reason,) = node.unsupported({**fine, **change})
        assert said in reason


class TestReplicaSet:
    @pytest.fixture
    def port(self, mongod, tmp_path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [mongod.binary, "--dbpath", tmp_path, "--port", str(port), "--replSet", "rs0", "--bind_ip", "127.0.0.1"]
            + ["--nounixsocket", "--wiredTigerCacheSizeGB=0.25", "--oplogSize=10"],
            stdout=subprocess.DEVNULL,
        )
        yield port
        process.terminate()
        process.wait()

    def test_first_uninitiated_then_primary(self, port):
        with node.connect(("127.0.0.1", port), timeout=20) as client:
            with pytest.raises(node.NodeError, match="belongs to none"):
                node.replica_set_facts(client)
            member = {"_id": 0, "host": f"127.0.0.1:{port}"}
            client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
            while not client.admin.command("hello")["isWritablePrimary"]:
                pass
            facts = node.replica_set_facts(client)
            identity = node.replica_set_identity(client)
            # The driver asks this one server and follows no set to its primary.
            assert client.topology_description.topology_type_name == "Single"
        assert identity == {"name": "rs0", "id": facts["id"], "members": [facts["member"]]}
        assert facts["members"][0]["addresses"] == []  # 127.0.0.1 is every host
        assert (facts["name"], facts["state"], facts["lag_seconds"]) == ("rs0", "PRIMARY", 0.0)
        assert (facts["hidden"], facts["votes"], facts["priority"]) == (False, 1, 1.0)
        assert facts["member"] == facts["primary"] == f"127.0.0.1:{port}"
        assert len(facts["id"]) == 24

    def status(self):
        now = datetime(2026, 1, 1, tzinfo=timezone.utc)
        return {
            "set": "rs0",
            "members": [
                {"_id": 0, "name": "a:27017", "stateStr": "PRIMARY", "health": 1, "optimeDate": now},
                {"_id": 1, "name": "b:27017", "stateStr": "SECONDARY", "health": 1, "self": True,
                 "optimeDate": now - timedelta(seconds=4)},
            ],
        }  # fmt: skip

    CONFIG = {
        "settings": {"replicaSetId": "abc"},
        "members": [{"_id": 0}, {"_id": 1, "hidden": True, "votes": 0, "priority": 0, "secondaryDelaySecs": 60}],
    }

    def test_a_hidden_secondary_behind(self):
        facts = node.replica_set_from(self.status(), self.CONFIG)
        assert {k: facts[k] for k in ("state", "hidden", "votes", "priority", "delay_seconds", "lag_seconds")} == {
            "state": "SECONDARY", "hidden": True, "votes": 0, "priority": 0.0, "delay_seconds": 60, "lag_seconds": 4.0,
        }  # fmt: skip
        assert [m["host"] for m in facts["members"]] == ["a:27017", "b:27017"]

    def test_no_primary_means_no_known_lag(self):
        status = self.status()
        status["members"][0]["stateStr"] = "(not reachable/healthy)"
        facts = node.replica_set_from(status, self.CONFIG)
        assert (facts["primary"], facts["lag_seconds"]) == (None, None)

    def test_a_removed_member(self):
        status = self.status()
        status["members"][1]["self"] = False
        with pytest.raises(node.NodeError, match="not among the members"):
            node.replica_set_from(status, self.CONFIG)


class TestConnection:
    def test_nothing_listens(self):
        with (
            pytest.raises(node.NodeError, match=r"127\.0\.0\.1:1 cannot be reached"),
            node.connect(("127.0.0.1", 1), timeout=0.5),
        ):
            pass

    def test_an_address_that_is_none(self):
        with pytest.raises(node.NodeError, match="no MongoDB address"), node.connect("http://x"):
            pass

    def test_wrong_password(self, server):
        with (
            pytest.raises(node.AuthenticationError, match="refused the user name or password") as error,
            node.connect(server.uri, "nobody", "pass-phrase"),
        ):
            pass
        assert "pass-phrase" not in str(error.value)

    def test_a_user_without_the_roles(self, mongod):
        plain = mongod.start()
        plain.client().admin.command("createUser", "weak", pwd="weak", roles=["read"])
        plain.stop()
        guarded = mongod.start("--auth", dbpath=plain.dbpath, wait=False)
        with (
            pytest.raises(node.NodeError, match="roles clusterMonitor and readAnyDatabase"),
            node.connect(guarded.uri, "weak", "weak", timeout=20) as client,
        ):
            node.server_facts(client)


class TestUsers:
    @pytest.fixture
    def place(self, mongod):
        client = mongod.shared.client()
        yield client, mongod.shared.uri
        client.admin.command("dropAllUsersFromDatabase")

    def user(self, **changes):
        return {
            "label": "/mongo/admin", "name": "admin", "password": "first", "database": "admin", "roles": ["root"],
            **changes,
        }  # fmt: skip

    def ensure(self, place, *users, check_mode=False):
        return [(r["state"], r["changes"]) for r in node.ensure_users(*place, list(users), check_mode)]

    def can_log_in(self, place, password, name="admin"):
        try:
            with pymongo.MongoClient(place[1], username=name, password=password) as client:
                return bool(client.admin.command("ping"))
        except pymongo.errors.OperationFailure:
            return False

    def test_created_then_unchanged(self, place):
        assert self.ensure(place, self.user()) == [("created", ["password", "roles"])]
        assert self.can_log_in(place, "first")
        assert self.ensure(place, self.user()) == [("unchanged", [])]

    def test_only_what_differs_is_updated(self, place):
        self.ensure(place, self.user())
        assert self.ensure(place, self.user(password="second")) == [("updated", ["password"])]
        assert self.can_log_in(place, "second")
        assert not self.can_log_in(place, "first")
        roles = ["clusterMonitor", {"role": "read", "db": "shop"}]
        assert self.ensure(place, self.user(password="second", roles=roles)) == [("updated", ["roles"])]
        assert self.ensure(place, self.user(password="second", roles=roles[::-1])) == [("unchanged", [])]
        assert self.can_log_in(place, "second")

    def test_check_mode_tells_and_does_nothing(self, place):
        assert self.ensure(place, self.user(), check_mode=True) == [("created", ["password", "roles"])]
        assert not self.can_log_in(place, "first")
        self.ensure(place, self.user())
        assert self.ensure(place, self.user(password="second"), check_mode=True) == [("updated", ["password"])]
        assert self.can_log_in(place, "first")

    def test_no_name_or_password_comes_back(self, place):
        (result,) = node.ensure_users(*place, [self.user(name="the-name", password="the-password")])
        assert "the-" not in str(result)

    def test_a_role_that_does_not_exist(self, place):
        with pytest.raises(node.NodeError, match="refused a command"), node.connect(place[1]) as client:
            node.ensure_users(client, place[1], [self.user(roles=["nonsense"])])


class Metadata(http.server.BaseHTTPRequestHandler):
    """IMDSv2: a token first, then the answer."""

    def do_PUT(self):
        self.answer(200, "the-token")

    def do_GET(self):
        known = self.headers.get("X-aws-ec2-metadata-token") == "the-token"
        self.answer(200 if known else 401, "i-0123456789abcdef0" if known else "")

    def answer(self, code, text):
        self.send_response(code)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_args):
        pass


def test_instance_id_through_the_metadata_service(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with http.server.HTTPServer(("127.0.0.1", 0), Metadata) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        assert node.instance_id(f"http://127.0.0.1:{service.server_port}") == "i-0123456789abcdef0"
        service.shutdown()


def test_no_metadata_service():
    assert node.instance_id("http://127.0.0.1:1") is None
