# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The fsync lock of a mongod across several module calls: a detached process holds it and lets go by itself in time.

    locked(directory, connection, limit)   starts the process once, returns its state
    unlocked(directory, connection)        asks it to unlock, and unlocks for it where it is dead

`connection` is a function that returns {place, username, password}: it is only called when the server must be asked.
Both take seconds at most and are repeated until the state is the wanted one.
"""

from __future__ import annotations

import contextlib
import fcntl
import inspect
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Callable

from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import fsync_holder

PyMongoError = fsync_holder.PyMongoError
_CALL_LOCK, _HOLDER_LOCK = "call.lock", "holder.lock"
# In these the server is or may be locked.
HELD = ("starting", "locking", "locked")
_NONE = {"state": "unlocked", "reason": None}


class FsyncError(Exception):
    """One sentence: what is wrong, what to do. Never holds a password."""


def locked(directory: str, connection: Callable, limit: float, wait: float = 20.0) -> dict:
    """Have the holder lock; returns {changed, state, ...} where state is `locked`, or still `locking`."""
    asked = time.time()
    with _alone(directory):
        state, changed = _read(directory), False
        if not (state["state"] in HELD and _alive(directory)):
            if state["state"] in HELD:
                _unlock_for_the_dead(directory, state, connection())
            elif state.get("unlocked_at", 0) > asked:
                # The connection repeats a command that it believes lost: this one was overtaken by the release.
                raise FsyncError("The lock of this run was released meanwhile: nothing was locked again.")
            _forget_others(directory)
            _start(directory, connection(), limit)
            changed = True
        state = _wait(directory, ("locked",), wait)
    if state["state"] == "failed":
        raise FsyncError(state["message"])
    if state["state"] == "unlocked":
        raise FsyncError(f"The lock ended at once (reason {state['reason']}): raise the limit or look at the mongod.")
    return {**state, "changed": changed}


def unlocked(directory: str, connection: Callable, wait: float = 20.0) -> dict:
    """Have the holder unlock; returns {changed, state, reason, held_seconds}; state is `unlocked` when it is done."""
    if not os.path.isdir(directory):
        return {**_NONE, "changed": False}
    with _alone(directory):
        state = _read(directory)
        if state["state"] not in HELD:
            return {**_ended(state), "changed": False}
        with open(os.path.join(directory, fsync_holder.RELEASE), "w", encoding="ascii"):
            pass
        state = _wait(directory, (), wait)
        if state["state"] in HELD and not _alive(directory):
            state = _unlock_for_the_dead(directory, state, connection())
    return {**_ended(state), "changed": True}


def look(directory: str) -> dict:
    """The present state, for check mode; nothing is changed."""
    return _read(directory)


def _ended(state: dict) -> dict:
    # A lock that never came about leaves the server unlocked too.
    return {**_NONE, "reason": "failed"} if state["state"] == "failed" else state


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """One call at a time: the connection may run the same command twice at once."""
    os.makedirs(directory, mode=0o700, exist_ok=True)
    with open(os.path.join(directory, _CALL_LOCK), "w", encoding="ascii") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _read(directory: str) -> dict:
    try:
        with open(os.path.join(directory, fsync_holder.STATE), encoding="utf-8") as handle:
            return json.load(handle)
    except FileNotFoundError:
        return dict(_NONE)


def _alive(directory: str) -> bool:
    """Whether a holder runs: it has the lock from its start to its end, however that comes."""
    with open(os.path.join(directory, _HOLDER_LOCK), "a", encoding="ascii") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _take(handle, seconds: float = 10.0) -> None:
    """A former holder has said its last word and may need a moment to be gone."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise FsyncError("The former lock of this run is still being ended: run it again.") from error
            time.sleep(0.05)


def _forget_others(directory: str) -> None:
    """Remove what ended locks of other runs have left beside this one's; a call that is repeated needs its own only."""
    root, own = os.path.split(directory)
    for name in os.listdir(root):
        other = os.path.join(root, name)
        if name == own or not os.path.isfile(os.path.join(other, fsync_holder.STATE)):
            continue  # only what this module wrote is its to remove
        if _read(other)["state"] not in HELD and not _alive(other):
            shutil.rmtree(other, ignore_errors=True)


def _start(directory: str, connection: dict, limit: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(directory, fsync_holder.RELEASE))
    fsync_holder.write_state(directory, state="starting")
    with open(os.path.join(directory, _HOLDER_LOCK), "a", encoding="ascii") as handle:
        _take(handle)
        # The module's own archive is deleted when it returns, so the holder gets its program as text.
        holder = subprocess.Popen(
            [sys.executable, "-I", "-c", inspect.getsource(fsync_holder)],
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=[handle.fileno()],
        )
    with contextlib.suppress(BrokenPipeError), holder.stdin as request:
        request.write(json.dumps({**connection, "directory": directory, "limit": limit}).encode())


def _wait(directory: str, until: tuple, seconds: float) -> dict:
    """The state once it is one of `until` or none of a lock, or the holder is dead, or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        # Looked at in this order, the last word of a holder that ends in between is not missed.
        alive = _alive(directory)
        state = _read(directory)
        if state["state"] in until or state["state"] not in HELD or time.monotonic() >= deadline:
            return state
        if not alive:
            return state
        time.sleep(0.05)


def _unlock_for_the_dead(directory: str, state: dict, connection: dict) -> dict:
    """The holder was killed and the server stays locked: unlock it from here."""
    try:
        with fsync_holder.open_client(connection) as client:
            _await_locking(client)
            fsync_holder.unlock(client)
    except PyMongoError as error:
        raise FsyncError(
            f"The process that held the fsync lock is dead and the lock could not be released: "
            f"{fsync_holder.explain(error)} Then run it again, or run db.fsyncUnlock() on this host."
        ) from error
    ended = {"state": "unlocked", "reason": "killed", "unlocked_at": time.time()}
    if "locked_at" in state:
        ended["held_seconds"] = round(ended["unlocked_at"] - state["locked_at"], 3)
    fsync_holder.write_state(directory, **ended)
    return ended


def _await_locking(client, seconds: float = 15.0) -> None:
    """A holder that was killed while it locked may get its lock after its death."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not client.admin.command({"currentOp": 1, "active": True, "command.fsync": {"$exists": True}})["inprog"]:
            return
        time.sleep(0.2)
