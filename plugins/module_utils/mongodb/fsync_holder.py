# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The process that holds a mongod's fsync lock: locks, waits for its release or its limit, unlocks, ends.

It runs alone (`python -c` with this file's text), so it needs nothing of this collection: the module that starts it,
and the archive that the module came in, are gone by then. The request comes as JSON through stdin, so that no password
is in an argument or a file. What it does is in `state.json` of its directory; a file `release` there asks it to unlock.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time

try:
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError
except ImportError:
    # The module reports the missing package.
    OperationFailure, PyMongoError = (type("Missing", (Exception,), {}) for _name in "op")

STATE, RELEASE = "state.json", "release"
# fsyncUnlock without a lock; servers before 7.0 give it no code.
_NOT_LOCKED = 20
_POLL_SECONDS = 0.1
# A mongod that cannot be reached for an hour is down, and the lock with it.
_UNLOCK_SECONDS = 3600


def write_state(directory: str, **state) -> None:
    """Put the state in place at once, never half written."""
    part = os.path.join(directory, f"{STATE}.part-{os.getpid()}")
    with open(part, "w", encoding="utf-8") as handle:
        json.dump(state, handle)
    os.replace(part, os.path.join(directory, STATE))


def open_client(request: dict) -> MongoClient:
    """A client with one connection, for the lock is released on the connection that took it."""
    options = {
        "appname": "stagesync fsync",
        "connectTimeoutMS": 5000,
        "directConnection": True,
        "maxPoolSize": 1,
        "serverSelectionTimeoutMS": 5000,
    }
    if request.get("username") is not None:
        options.update(username=request["username"], password=request["password"], authSource="admin")
    place = request["place"]
    return MongoClient(place, **options) if isinstance(place, str) else MongoClient(*place, **options)


def unlock(client: MongoClient) -> int:
    """Take back the one lock that is this run's; returns 0 where there was none. What others locked since is theirs."""
    try:
        client.admin.command("fsyncUnlock")
    except OperationFailure as error:
        if error.code != _NOT_LOCKED and "not locked" not in str(error):
            raise
        return 0
    return 1


def explain(error: Exception) -> str:
    """One sentence for what MongoDB's driver raised."""
    if isinstance(error, OperationFailure) and error.code == 13:
        return "The user may not lock the server: grant it the actions fsync and unlock (role hostManager has them)."
    if isinstance(error, OperationFailure) and error.code == 18:
        return "The mongod refused the user name or password: check that the SSM parameters hold the present ones."
    if isinstance(error, OperationFailure):
        text = str((error.details or {}).get("errmsg") or error).splitlines()[0].rstrip(". ")[:200]
        return f"The mongod refused to lock (code {error.code}): {text}."
    return f"The mongod cannot be reached ({type(error).__name__}): check that it runs."


class Holder:
    """One lock from its start to its end."""

    def __init__(self, request: dict):
        self.directory = request["directory"]
        self.limit = float(request["limit"])
        self.request = request
        self.asked_to_end = False

    def run(self) -> None:
        """Lock, hold and unlock."""
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._tell("locking")
        try:
            with open_client(self.request) as client:
                refusal = self._lock(client)
                if refusal:
                    self._tell("failed", message=refusal)
                    return
                self._hold(client)
        except PyMongoError as error:
            self._tell("failed", message=explain(error))

    def _lock(self, client: MongoClient) -> str | None:
        hello = client.admin.command("hello")
        if hello.get("setName") and not hello.get("secondary"):
            return "This mongod is no secondary, and a lock would stop production's writes: take a secondary."
        if client.admin.command("fsync", 1, lock=True)["lockCount"] > 1:
            client.admin.command("fsyncUnlock")
            return "This mongod was locked by somebody else already: wait until that lock is released."
        return None

    def _hold(self, client: MongoClient) -> None:
        begun, at = time.monotonic(), time.time()
        self._tell("locked", locked_at=at, until=at + self.limit)
        reason = None
        while reason is None:
            if os.path.exists(os.path.join(self.directory, RELEASE)):
                reason = "released"
            elif time.monotonic() - begun >= self.limit:
                reason = "limit"
            elif self.asked_to_end:
                reason = "ended"
            else:
                time.sleep(_POLL_SECONDS)
        if not self._unlock(client):
            # mongod was restarted, or somebody else unlocked it: nobody knows since when.
            reason = "lost"
        seconds = round(time.monotonic() - begun, 3)
        self._tell("unlocked", reason=reason, locked_at=at, unlocked_at=time.time(), held_seconds=seconds)

    def _unlock(self, client: MongoClient) -> int:
        deadline = time.monotonic() + _UNLOCK_SECONDS
        while True:
            try:
                return unlock(client)
            except PyMongoError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(1)

    def _end(self, *_signal) -> None:
        self.asked_to_end = True

    def _tell(self, state: str, **more) -> None:
        write_state(self.directory, state=state, pid=os.getpid(), **more)


if __name__ == "__main__":
    Holder(json.load(sys.stdin)).run()
