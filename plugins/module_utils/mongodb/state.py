# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a copy remembers of itself, so that a rerun goes on where it stopped; on tmpfs, for it holds the key."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from pathlib import Path

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError

_MEMORY = frozenset({"tmpfs", "ramfs"})
_LOCK_WAIT_SECONDS = 15


class State:
    """The state of one copy. Without a path, or opened for reading only, nothing is written."""

    def __init__(self, path: str | None = None) -> None:
        self.path = Path(path) if path else None
        self.created: set[str] = set()
        self.finished: dict[str, dict] = {}
        self._digest = ""
        self._lock = None
        self._writes = False
        if self.path and (self.path / "state.json").is_file():
            self._load()

    def open(self, secret: bytes | None = None, rules: str = "", memory_only: bool = True) -> Key:
        """Make the directory, take its lock and return the key: the given secret, or this run's own random one."""
        if memory_only and (kind := file_system(self.path)) not in _MEMORY:
            raise MongodbError(
                f"The state path {self.path} is on {kind}: give a path on tmpfs, such as one below /run."
            )
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            os.chmod(self.path, 0o700)
            self._take_lock()
            secret = secret or self._own_secret()
        except OSError as error:
            raise MongodbError(f"The state path {self.path} cannot be used: {error.strerror}.") from error
        self._writes = True
        self._load()
        digest = _digest(secret, rules)
        if digest != self._digest:
            # Made by other rules or another key: ours to drop, not to keep.
            self._digest, self.finished = digest, {}
        return Key(secret)

    def look(self, secret: bytes | None = None, rules: str = "") -> None:
        """Forget what a copy with these rules and this key would do again; nothing is written."""
        own = self.path / "key"
        if secret is None and own.is_file():
            secret = own.read_bytes()
        if secret is None or _digest(secret, rules) != self._digest:
            self.finished = {}

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def begin(self, created: set[str], unfinished: list[str]) -> None:
        """Remember before the first write what is about to be made."""
        self.created |= created
        for name in unfinished:
            self.finished.pop(name, None)
        self._save()

    def finish(self, name: str, summary: dict) -> None:
        self.finished[name] = summary
        self._save()

    def progress(self, namespace: str, done: int, total: int) -> None:
        if self._writes:
            self._write("progress.json", {"namespace": namespace, "done": done, "total": total, "time": time.time()})

    def _load(self) -> None:
        try:
            found = json.loads((self.path / "state.json").read_text())
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise MongodbError(
                f"The state file {self.path}/state.json cannot be read: remove it and give an empty clean server."
            ) from error
        self.created, self.finished, self._digest = set(found["created"]), found["finished"], found["digest"]

    def _save(self) -> None:
        self._write("state.json", {"digest": self._digest, "created": sorted(self.created), "finished": self.finished})

    def _write(self, name: str, content: dict) -> None:
        part = self.path / f".{name}.part"
        try:
            part.write_text(json.dumps(content))
            os.replace(part, self.path / name)
        except OSError as error:
            raise MongodbError(f"The state path {self.path} cannot be written: {error.strerror}.") from error

    def _take_lock(self) -> None:
        """Worker processes inherit the lock: it is free only when the last writer of an earlier start is gone."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + _LOCK_WAIT_SECONDS
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > until:
                    os.close(handle)
                    raise MongodbError(
                        f"Another copy with the state path {self.path} is running: wait for it or end it."
                    ) from None
                time.sleep(0.2)
            else:
                self._lock = handle
                return

    def _own_secret(self) -> bytes:
        path = self.path / "key"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_bytes()
            if len(secret) == 32:
                return secret
            handle = os.open(path, os.O_WRONLY | os.O_TRUNC, 0o600)  # the start that wrote it was killed in between
        with os.fdopen(handle, "wb") as file:
            secret = os.urandom(32)
            file.write(secret)
        return secret


def _digest(secret: bytes, rules: str) -> str:
    return hashlib.sha256(hashlib.sha256(secret).digest() + rules.encode()).hexdigest()


def secret_from(text: str, name: str) -> bytes:
    """Return the 32 bytes that a SecureString stands for."""
    if len(text) < 32:
        raise MongodbError(f"The key in SSM parameter {name} is shorter than 32 characters: store a long random one.")
    return hashlib.sha256(text.encode()).digest()


def file_system(path: Path) -> str:
    """Return the type of the file system that holds the path or, where it does not exist, its nearest parent."""
    place = os.path.realpath(path)
    kind, longest = "an unknown file system", -1
    with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as mounts:
        for line in mounts:
            _device, point, found = line.split(" ")[:3]
            point = point.replace("\\040", " ")
            inside = place == point or place.startswith(point.rstrip("/") + "/")
            if inside and len(point) >= longest:  # the last mount on a point is the one that is seen
                kind, longest = found, len(point)
    return kind
