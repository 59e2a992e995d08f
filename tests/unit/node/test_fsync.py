# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The fsync lock of a real mongod: held by a process of its own, released in every case."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pymongo
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import fsync

USER, PASSWORD = "backup", "not-a-real-secret"


class Place:
    """A mongod with users, and the directory of one run."""

    def __init__(self, server, directory, username=USER):
        self.server, self.directory, self.username = server, str(directory), username
        self.asked = 0

    def connection(self):
        self.asked += 1
        return {"place": self.server.uri, "username": self.username, "password": PASSWORD}

    def lock(self, limit=60):
        return fsync.locked(self.directory, self.connection, limit)

    def unlock(self):
        return fsync.unlocked(self.directory, self.connection)

    @property
    def locked(self):
        with pymongo.MongoClient(self.server.uri, username="root", password=PASSWORD) as client:
            return bool(client.admin.command("currentOp").get("fsyncLock"))

    def kill(self):
        """Lock, and kill what holds the lock."""
        pid = self.lock()["pid"]
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def pid(self):
        with open(f"{self.directory}/state.json", encoding="utf-8") as handle:
            return json.load(handle)["pid"]

    def until(self, wanted, seconds=10):
        deadline = time.monotonic() + seconds
        while self.locked != wanted:
            assert time.monotonic() < deadline
            time.sleep(0.05)


@pytest.fixture(scope="module")
def server(mongod):
    """A mongod that asks who one is, as production's does."""
    started = mongod.start("--auth")
    admin = started.client().admin
    admin.command("createUser", "root", pwd=PASSWORD, roles=["root"])
    with pymongo.MongoClient(started.uri, username="root", password=PASSWORD) as client:
        roles = ["clusterMonitor", "readAnyDatabase"]
        # No more than the documentation asks for.
        privileges = [{"resource": {"cluster": True}, "actions": ["fsync", "unlock"]}]
        client.admin.command("createRole", "locker", privileges=privileges, roles=[])
        client.admin.command("createUser", USER, pwd=PASSWORD, roles=[*roles, "locker"])
        client.admin.command("createUser", "reader", pwd=PASSWORD, roles=roles)
        yield started


@pytest.fixture
def place(server, tmp_path):
    """A run of its own; nothing stays locked."""
    one = Place(server, tmp_path / "locks" / "run")
    yield one
    one.unlock()
    with pymongo.MongoClient(server.uri, username="root", password=PASSWORD) as client:
        while client.admin.command("currentOp").get("fsyncLock"):
            client.admin.command("fsyncUnlock")


def test_a_lock_removes_what_ended_ones_left_and_no_other(place, tmp_path):
    place.lock()
    place.unlock()
    while fsync._alive(place.directory):  # it has said its last word, and needs a moment to be gone
        time.sleep(0.05)
    held = tmp_path / "locks" / "held"
    held.mkdir()
    (held / "state.json").write_text('{"state": "locked"}')
    (tmp_path / "locks" / "no lock").mkdir()
    later = Place(place.server, tmp_path / "locks" / "later")
    later.lock()
    later.unlock()
    assert sorted(os.listdir(tmp_path / "locks")) == ["held", "later", "no lock"]


def test_locked_then_unlocked_and_each_again(place):
    first = place.lock()
    assert (first["changed"], first["state"], place.locked) == (True, "locked", True)
    again = place.lock()
    assert (again["changed"], again["pid"], place.asked) == (False, first["pid"], 1)
    ended = place.unlock()
    assert (ended["changed"], ended["state"], ended["reason"], place.locked) == (True, "unlocked", "released", False)
    assert 0 < ended["held_seconds"] < 60
    assert place.unlock() == {**ended, "changed": False}


def test_a_run_may_lock_again(place):
    place.lock()
    place.unlock()
    assert (place.lock()["changed"], place.locked) == (True, True)


def test_two_calls_at_once_lock_once(place):
    results = []
    threads = [threading.Thread(target=lambda: results.append(place.lock())) for _turn in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(result["changed"] for result in results) == [False, True]
    assert place.unlock()["reason"] == "released"
    assert not place.locked


def test_a_call_that_the_release_overtook_locks_nothing(place, monkeypatch):
    place.lock()
    place.unlock()
    monkeypatch.setattr(fsync.time, "time", lambda: 1.0)
    with pytest.raises(fsync.FsyncError, match="released meanwhile"):
        place.lock()
    assert not place.locked


def test_the_watchdog_unlocks_and_says_so(place):
    place.lock(limit=1)
    assert place.locked
    place.until(False)
    ended = place.unlock()
    assert (ended["changed"], ended["reason"]) == (False, "limit")


def test_a_holder_that_is_told_to_end_unlocks(place):
    os.kill(place.lock()["pid"], signal.SIGTERM)
    place.until(False)
    assert place.unlock()["reason"] == "ended"


def test_a_killed_holder_leaves_the_lock_and_unlocked_releases_it(place):
    place.kill()
    assert place.locked
    ended = place.unlock()
    assert (ended["state"], ended["reason"], place.locked) == ("unlocked", "killed", False)
    assert (place.unlock()["changed"], place.asked) == (False, 2)


def test_a_killed_holder_is_released_while_writes_wait(place):
    place.kill()
    with pymongo.MongoClient(place.server.uri, username="root", password=PASSWORD) as client:
        writer = threading.Thread(target=lambda: client.shop.things.insert_one({}))
        writer.start()
        time.sleep(0.5)
        assert writer.is_alive()
        assert place.unlock()["reason"] == "killed"
        writer.join(timeout=10)
        assert not writer.is_alive()


def test_a_killed_holder_is_replaced_when_locked_is_asked_again(place):
    place.kill()
    assert place.lock()["changed"] is True
    assert place.unlock()["reason"] == "released"
    assert not place.locked


@pytest.fixture(scope="module")
def slow(mongod):
    """A mongod that takes three seconds to lock."""
    server = mongod.start("--setParameter=enableTestCommands=1")
    slowly = {"failCommands": ["fsync"], "blockConnection": True, "blockTimeMS": 3000}
    server.client().admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=slowly)
    return server


class TestSlowLock:
    """The lock waits for what the server does, longer than a call may take."""

    def locked(self, slow):
        return bool(slow.client().admin.command("currentOp").get("fsyncLock"))

    def test_the_call_returns_and_the_next_one_finds_it_locked(self, slow, tmp_path):
        first = fsync.locked(str(tmp_path), lambda: {"place": slow.uri}, 60, wait=1)
        assert (first["state"], self.locked(slow)) == ("locking", False)
        assert fsync.locked(str(tmp_path), lambda: {"place": slow.uri}, 60)["state"] == "locked"
        assert fsync.unlocked(str(tmp_path), dict)["reason"] == "released"

    def test_a_release_before_the_lock_is_there(self, slow, tmp_path):
        fsync.locked(str(tmp_path), lambda: {"place": slow.uri}, 60, wait=1)
        assert fsync.unlocked(str(tmp_path), dict)["reason"] == "released"
        assert not self.locked(slow)

    def test_a_holder_killed_while_it_waits_for_its_lock(self, slow, tmp_path):
        state = fsync.locked(str(tmp_path), lambda: {"place": slow.uri}, 60, wait=1)
        os.kill(state["pid"], signal.SIGKILL)
        os.waitpid(state["pid"], 0)
        assert fsync.unlocked(str(tmp_path), lambda: {"place": slow.uri})["reason"] == "killed"
        time.sleep(4)
        assert not self.locked(slow)


def test_somebody_elses_unlock_is_noticed(place):
    place.lock()
    with pymongo.MongoClient(place.server.uri, username="root", password=PASSWORD) as client:
        client.admin.command("fsyncUnlock")
    assert place.unlock()["reason"] == "lost"


def test_somebody_elses_lock_is_left_alone(place):
    with pymongo.MongoClient(place.server.uri, username="root", password=PASSWORD) as client:
        client.admin.command("fsync", 1, lock=True)
        with pytest.raises(fsync.FsyncError, match="locked by somebody else"):
            place.lock()
        assert place.locked
        client.admin.command("fsyncUnlock")
        assert not place.locked


def test_a_lock_that_somebody_takes_meanwhile_is_left_alone_too(place):
    place.lock()
    with pymongo.MongoClient(place.server.uri, username="root", password=PASSWORD) as client:
        client.admin.command("fsync", 1, lock=True)
        assert place.unlock()["reason"] == "released"
        assert place.locked
        client.admin.command("fsyncUnlock")
        assert not place.locked


def test_nothing_to_unlock(place):
    assert place.unlock() == {"state": "unlocked", "reason": None, "changed": False}
    assert place.asked == 0


@pytest.mark.parametrize(
    ("user", "said"), [("reader", "actions fsync and unlock"), ("nobody", "refused the user name")]
)
def test_who_may_not_lock_is_told(server, tmp_path, user, said):
    place = Place(server, tmp_path / "fsync", user)
    with pytest.raises(fsync.FsyncError, match=said):
        place.lock()
    assert not place.locked
    assert place.unlock()["reason"] == "failed"


def test_no_server(tmp_path):
    with pytest.raises(fsync.FsyncError, match="cannot be reached"):
        fsync.locked(str(tmp_path), lambda: {"place": "mongodb://%2Fnone.sock"}, 60)


def test_a_primary_is_refused(mongod, tmp_path):
    server = mongod.start("--replSet=rs0")
    client = server.client(directConnection=True)
    client.admin.command("replSetInitiate", {"_id": "rs0", "members": [{"_id": 0, "host": str(server.socket)}]})
    while not client.admin.command("hello")["isWritablePrimary"]:
        time.sleep(0.1)
    with pytest.raises(fsync.FsyncError, match="no secondary"):
        fsync.locked(str(tmp_path), lambda: {"place": server.uri}, 60)
    client.shop.things.insert_one({})


def test_the_password_is_in_no_file_and_no_argument(place):
    place.lock()
    with open(f"/proc/{place.pid()}/cmdline", encoding="utf-8") as handle:
        assert PASSWORD not in handle.read()
    for name in os.listdir(place.directory):
        with open(f"{place.directory}/{name}", encoding="utf-8") as handle:
            assert PASSWORD not in handle.read()
