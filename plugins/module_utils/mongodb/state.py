# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a copy remembers of itself, so that a rerun goes on where it stopped; on tmpfs, for it holds the key."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError

_MEMORY = frozenset({"tmpfs", "ramfs"})
_NAME = "state.jsonl"


@dataclass
class Begun:
    """A collection that is copied range by range."""

    uuid: str  # of the collection on the clean server: another one holds nothing of this
    bounds: list[str]
    parts: dict[int, dict] = field(default_factory=dict)  # by the number of the range, what was copied of it


class State:
    """The state of one copy. Without a path, or opened for reading only, nothing is written.

    The file is appended to, a line of JSON for every step; a last line that a kill tore apart counts as not written.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = Path(path) if path else None
        self.created: set[str] = set()
        self.finished: dict[str, dict] = {}
        self.begun: dict[str, Begun] = {}
        self._digest = ""
        self._lock = None
        self._file = None
        if self.path:
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
            whole = self._load()
            self._file = os.open(self.path / _NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            os.ftruncate(self._file, whole)
        except OSError as error:
            raise MongodbError(f"The state path {self.path} cannot be used: {error.strerror}.") from error
        digest = _digest(secret, rules)
        if digest != self._digest:
            # Made by other rules or another key: ours to drop, not to keep.
            self._add({"digest": digest})
        return Key(secret)

    def look(self, secret: bytes | None = None, rules: str = "") -> None:
        """Forget what a copy with these rules and this key would do again; nothing is written."""
        own = self.path / "key"
        if secret is None and own.is_file():
            secret = own.read_bytes()
        if secret is None or _digest(secret, rules) != self._digest:
            self.finished, self.begun = {}, {}

    def close(self) -> None:
        for handle in (self._file, self._lock):
            if handle is not None:
                os.close(handle)
        self._file = self._lock = None

    # ---- steps: each is remembered, then said ----

    def create(self, created: set[str], unfinished: list[str]) -> None:
        """Remember before the first write what is about to be made, and what of an earlier start does not count."""
        self._add({"create": sorted(created), "unfinished": sorted(unfinished)})

    def begin(self, name: str, uuid: str, bounds: list[str]) -> None:
        """A collection is there, empty, and is to be copied in the ranges between these bounds."""
        self._add({"begin": name, "uuid": uuid, "bounds": bounds})

    def part(self, name: str, number: int, result: dict) -> None:
        """A range of a collection is copied and in the clean server's journal."""
        self._add({"part": name, "number": number, "result": result})

    def finish(self, *summaries: tuple[str, dict]) -> None:
        """Collections are complete, with their indexes."""
        self._add({"finish": dict(summaries)})

    def forget(self) -> None:
        """Nothing that is finished counts any more; it is still ours to drop."""
        self._add({"digest": self._digest})

    # ---- the file ----

    def _add(self, step: dict) -> None:
        if self._file is not None:
            line = json.dumps(step).encode() + b"\n"
            try:
                while line:
                    line = line[os.write(self._file, line) :]
            except OSError as error:
                raise MongodbError(f"The state path {self.path} cannot be written: {error.strerror}.") from error
        self._apply(step)

    def _apply(self, step: dict) -> None:
        if "digest" in step:
            self._digest, self.finished, self.begun = step["digest"], {}, {}
        elif "create" in step:
            self.created |= set(step["create"])
            for name in step["unfinished"]:
                self.finished.pop(name, None)
                self.begun.pop(name, None)
        elif "begin" in step:
            self.begun[step["begin"]] = Begun(step["uuid"], step["bounds"])
        elif "part" in step:
            self.begun[step["part"]].parts[step["number"]] = step["result"]
        else:
            self.finished.update(step["finish"])
            for name in step["finish"]:
                self.begun.pop(name, None)

    def _load(self) -> int:
        """Read the file again; return the bytes of it that are whole lines."""
        self.created, self.finished, self.begun, self._digest = set(), {}, {}, ""
        try:
            content = (self.path / _NAME).read_bytes()
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self._damaged() from error
        whole = content[: content.rfind(b"\n") + 1]
        try:
            for line in whole.splitlines():
                self._apply(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged() from error
        return len(whole)

    def _damaged(self) -> MongodbError:
        return MongodbError(
            f"The state file {self.path}/{_NAME} cannot be read: remove it and give an empty clean server."
        )

    def _take_lock(self) -> None:
        """Worker processes inherit the lock: it is free only when the last writer of an earlier start is gone.

        However long that takes: the connection repeats a start that it believes lost, and then asks this one for what
        the first does. Whoever waits for both sets the limit, as `async` does.
        """
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(handle, fcntl.LOCK_EX)
        self._lock = handle

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
