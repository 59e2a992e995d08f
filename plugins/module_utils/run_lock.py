# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""One run for one staging target: a lock in SSM Parameter Store that its holder's heartbeat keeps fresh.

The lock is one parameter. To make it is atomic: of two PutParameter with Overwrite=false one answers
ParameterAlreadyExists. To exchange the holder of a lock that is there is not, for Overwrite=true asks no condition
and reads may lag behind. What makes an exchange safe:

1. A taker that read the stale version n makes the guard `<name>/takeover-<n>` with Overwrite=false. One succeeds.
2. Under the guard it reads the lock again and goes on only if it is still version n with the same value. A slow taker,
   whose rival has done with the guard and removed it, sees another version here and has lost.
3. It overwrites. Parameter Store numbers the versions, so the answer tells which value was overwritten; that is read
   back. If it is not the value of step 2, someone wrote in between (a holder that came to life again, a second guard
   after the first one's maker seemed dead, a read that lagged): the writer puts that value back and has lost. So of all
   that decided on version n only the writer of n+1 holds the lock.
4. It removes the guard. A guard older than GUARD_SECONDS was left by a taker that died, and is removed by the next one.
   Two that do so at once can both get past step 1; step 3 decides between them.

A heartbeat is step 3 alone: nobody else writes to a fresh lock. Whether it is fresh is reckoned from AWS's own times of
the last write and of the answer, so that controllers' clocks play no part, against the span that the holder promised.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Callable

try:
    from botocore.exceptions import BotoCoreError, ClientError
except ImportError:  # AnsibleAWSModule reports the missing package
    BotoCoreError = type("BotoCoreError", (Exception,), {})
    ClientError = type("ClientError", (Exception,), {})

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry

# A takeover takes a few calls; whoever has not finished after this is dead.
GUARD_SECONDS = 60
# How long to look again where another is just taking, releasing or exchanging the lock.
BUSY_SECONDS = 20
# How long a keeper may take to finish the call it is in.
KEEPER_END_SECONDS = 30
# Heartbeats within the time after which a lock is stale.
BEATS = 5
# What makes two writers the same: one process on one controller, in one run.
IDENTITY = ("run_id", "host", "pid", "pid_started")

_retry = AWSRetry.jittered_backoff(
    retries=6, delay=0.5, max_delay=10, catch_extra_error_codes=["InternalServerError", "TooManyUpdates"]
)


class LockError(Exception):
    """One sentence; `holder` is who holds the lock, where that is known."""

    def __init__(self, message: str, holder: dict | None = None):
        super().__init__(message)
        self.holder = holder


class Lost(LockError):
    """The lock is no longer this process's."""


@dataclass(frozen=True)
class Process:
    """A process, and not another that has its number later: the number with the time it was started."""

    pid: int
    started: int

    def alive(self) -> bool:
        """Whether it still runs; one that ended and waits for its parent does not."""
        return started(self.pid) == self.started


@dataclass
class Holder:
    """The run that wants the lock or has it."""

    run_id: str
    owner: str
    host: str
    process: Process
    playbook: str = ""
    stale_seconds: int = 300

    def value(self, since: str | None = None, leavings: list[str] | None = None) -> dict:
        """What stands in the parameter; nothing of it is secret."""
        return {
            "run_id": self.run_id,
            "owner": self.owner,
            "host": self.host,
            "pid": self.process.pid,
            "pid_started": self.process.started,
            "playbook": self.playbook,
            "started": since or _stamp(),
            "leavings": leavings or [],
            "keeper": None,
            **self.beat(),
        }

    def beat(self) -> dict:
        """The two times that a heartbeat renews."""
        return {"heartbeat": _stamp(), "expires": _stamp(self.stale_seconds)}

    def is_in(self, value: dict) -> bool:
        """Whether this very process wrote the value."""
        mine = (self.run_id, self.host, self.process.pid, self.process.started)
        return tuple(value.get(key) for key in IDENTITY) == mine


@dataclass
class Entry:
    """A parameter as it was read."""

    raw: str
    version: int
    age: float
    value: dict | None = field(init=False)

    def __post_init__(self):
        self.value = _parse(self.raw)

    @property
    def stale(self) -> bool:
        """Whether no heartbeat came for as long as its holder promised."""
        promised = _time(self.value["expires"]) - _time(self.value["heartbeat"])
        return self.age >= promised.total_seconds()


@dataclass
class Outcome:
    """What was done; `before` and `after` are the lock's values."""

    changed: bool = False
    before: dict | None = None
    after: dict | None = None
    taken_over_from: str | None = None


class Lock:
    """The lock of one name, for one holder."""

    def __init__(self, client, name: str, me: Holder, sleep: Callable[[float], object] = time.sleep):
        self.client = client
        self.name = name
        self.me = me
        self.sleep = sleep

    # What a module does.

    def take(self, check: bool = False) -> Outcome:
        """Make the lock, or take over one that is stale or this run's own; raises LockError where another has it."""
        end = time.monotonic() + BUSY_SECONDS
        while True:
            entry = self._read()
            if entry is not None:
                self._refuse(entry)
                if self.me.is_in(entry.value) and not entry.stale:
                    return Outcome(before=entry.value, after=entry.value)
            after = self._next(entry)
            former = entry.value if entry else None
            if check or (self._create(self.name, after) if entry is None else self._exchange(entry, after)):
                return Outcome(True, former, after, former["run_id"] if self._is_another(former) else None)
            if time.monotonic() > end:
                raise LockError(f"{self._named()} is changing hands just now; try again in a minute.", former)
            self.sleep(1)

    def keep(self, cleared: list[str] | None = None, keeper: Process | None = None) -> Outcome:
        """Renew the lock of this process, without the earlier runs in `cleared`; raises Lost if it is another's."""
        for _attempt in range(5):
            entry = self._own()
            after = {**entry.value, **self.me.beat()}
            after["leavings"] = [run for run in entry.value["leavings"] if run not in (cleared or [])]
            if keeper is not None:
                after["keeper"] = {"pid": keeper.pid, "started": keeper.started}
            write = self._exchange if entry.stale else self._overwrite
            if write(entry, after):
                return Outcome(True, entry.value, after)
            self.sleep(1)  # another wrote: perhaps only this process's own keeper
        raise LockError(f"{self._named()} cannot be renewed, for others write to it; run it again in a minute.")

    def release(self, check: bool = False, uncleared: bool = False) -> Outcome:
        """Remove the lock if this process holds it. Where leavings of an earlier run, or with `uncleared` of this one,
        are still to be cleared it stays, free to be taken over at once, so that the next run learns of them."""
        entry = self._read()
        if entry is None or entry.value is None or not self.me.is_in(entry.value):
            return Outcome(before=entry and entry.value, after=entry and entry.value)
        if check:
            return Outcome(True, entry.value, None)
        end_keeper(entry.value)
        # Its last heartbeat may have come since; and it must be ours until it is gone.
        try:
            before = self.keep().after
        except Lost:
            return Outcome()
        if before["leavings"] or uncleared:
            after = {**before, "keeper": None, "expires": before["heartbeat"]}
            self._overwrite(self._own(), after)
            return Outcome(True, before, after)
        self._delete(self.name)
        return Outcome(True, before, None)

    def beat(self) -> bool:
        """One heartbeat; False when the lock is gone or another's."""
        try:
            self.keep()
        except Lost:
            return False
        return True

    # Deciding.

    def _refuse(self, entry: Entry) -> None:
        """Raise LockError if the lock is not to be had."""
        value = entry.value
        if value is None:
            raise LockError(
                f"SSM parameter {self.name} holds no lock that this version knows: look at it, and delete it if no run "
                "is under way."
            )
        if self.me.is_in(value):
            return
        # Whether a run on another controller lives, only its heartbeat tells.
        if self._is_another(value) or value["host"] != self.me.host:
            if not entry.stale:
                raise LockError(self._held(entry), value)
        elif Process(value["pid"], value["pid_started"]).alive():
            raise LockError(
                f"Run {value['run_id']} still runs on this controller, as process {value['pid']} since "
                f"{value['started']}: wait until it ends, or end it before you continue it.",
                value,
            )

    def _is_another(self, value: dict | None) -> bool:
        return value is not None and value["run_id"] != self.me.run_id

    def _next(self, entry: Entry | None) -> dict:
        """The value that follows: of an earlier run, what it left goes on the list of what is to be cleared."""
        if entry is None:
            return self.me.value()
        former = entry.value
        if self.me.is_in(former):
            return {**former, **self.me.beat()}
        if not self._is_another(former):
            return self.me.value(former["started"], former["leavings"])
        left = [run for run in [*former["leavings"], former["run_id"]] if run != self.me.run_id]
        return self.me.value(leavings=list(dict.fromkeys(left)))

    def _own(self) -> Entry:
        """The lock as this process holds it; looks again before it says that it is lost, for reads may lag."""
        entry = None
        for attempt in range(3):
            if attempt:
                self.sleep(1)
            entry = self._read()
            if entry is not None and entry.value is not None and self.me.is_in(entry.value):
                return entry
        raise Lost(self._lost(entry), entry and entry.value)

    # The sentences.

    def _named(self) -> str:
        return f"Lock {self.name}"

    def _held(self, entry: Entry) -> str:
        value = entry.value
        minutes = (_time(value["expires"]) - _time(value["heartbeat"])).total_seconds() / 60
        return (
            f"{self._named()} is held by run {value['run_id']} ({value['playbook'] or 'unnamed'}; {value['owner']}) "
            f"since {value['started']}, last heartbeat {value['heartbeat']}, {entry.age:.0f} s ago: wait until it "
            f"ends, or if it died continue it on {value['host']} with -e sync_run_id={value['run_id']}; the lock frees "
            f"itself {minutes:.3g} minutes after the last heartbeat."
        )

    def _lost(self, entry: Entry | None) -> str:
        value = entry.value if entry else None
        now = f"run {value['run_id']} ({value['owner']}) holds it since {value['started']}" if value else "it is gone"
        return (
            f"Run {self.me.run_id} no longer holds lock {self.name}, {now}: nothing more is done to staging; run it "
            "again when staging is free."
        )

    # Parameter Store.

    def _read(self, name: str | None = None) -> Entry | None:
        """The parameter, or None where there is none; `name:version` reads an earlier version."""
        name = name or self.name
        answer = self._call("get_parameter", "read", absent=("ParameterNotFound",), Name=name)
        if answer is None:
            return None
        parameter = answer["Parameter"]
        said = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
        now = parsedate_to_datetime(said) if said else datetime.now(timezone.utc)
        age = (now - parameter["LastModifiedDate"]).total_seconds()
        return Entry(parameter["Value"], parameter["Version"], max(0.0, age))

    def _create(self, name: str, value: dict) -> bool:
        """Make a parameter; False where there is one, unless an answer was lost and it is ours."""
        done = self._call(
            "put_parameter",
            "make",
            absent=("ParameterAlreadyExists",),
            Name=name,
            Value=json.dumps(value),
            Type="String",
            Overwrite=False,
        )
        if done is not None:
            return True
        there = self._read(name)
        return there is not None and there.raw == json.dumps(value)

    def _exchange(self, entry: Entry, value: dict) -> bool:
        """Put the value in place of a stale one, against all others that try; False where another was quicker."""
        guard = f"{self.name}/takeover-{entry.version}"
        if not self._create(guard, value):
            left = self._read(guard)
            if left is not None and left.age > GUARD_SECONDS:
                self._delete(guard)
            return False  # to be tried again: the lock is another's by then, or the guard is free
        try:
            again = self._read()
            if again is None or (again.version, again.raw) != (entry.version, entry.raw):
                return False
            return self._overwrite(again, value)
        finally:
            self._delete(guard)

    def _overwrite(self, entry: Entry, value: dict) -> bool:
        """Write, and see what was overwritten; what was not `entry` is put back, and the answer is False."""
        raw = json.dumps(value)
        version = self._put(raw)
        while version > 1:
            former = self._version(version - 1)
            if (former.version, former.raw) == (entry.version, entry.raw):
                return True
            if former.raw != raw:
                self._put(former.raw)
                return False
            version -= 1  # our own write, whose answer was lost and which was sent again
        # The lock had been removed in the meantime, and this write made it anew.
        self._delete(self.name)
        return False

    def _put(self, raw: str) -> int:
        return self._call("put_parameter", "write", Name=self.name, Value=raw, Type="String", Overwrite=True)["Version"]

    def _version(self, number: int) -> Entry:
        for _attempt in range(5):
            with contextlib.suppress(_NotYet):
                entry = self._read_version(number)
                if entry is not None:
                    return entry
            self.sleep(1)
        raise LockError(f"Version {number} of lock {self.name} cannot be read: try again in a minute.")

    def _read_version(self, number: int) -> Entry | None:
        try:
            return self._read(f"{self.name}:{number}")
        except LockError as error:
            if _code(error.__cause__) == "ParameterVersionNotFound":
                raise _NotYet from error
            raise

    def _delete(self, name: str) -> None:
        self._call("delete_parameter", "remove", absent=("ParameterNotFound",), Name=name)

    def _call(self, operation: str, verb: str, absent: tuple[str, ...] = (), **arguments):
        """Call SSM; None for an error in `absent`, any other is a LockError."""
        try:
            return _retry(getattr(self.client, operation))(**arguments)
        except (BotoCoreError, ClientError) as error:
            if _code(error) in absent:
                return None
            raise LockError(f"Cannot {verb} lock {arguments['Name']}: {_reason(error)}") from error


class _NotYet(Exception):
    """A version that was written a moment ago is not to be read yet."""


# Who holds it for how long.


def started(pid: int) -> int | None:
    """When a process was started, in the kernel's ticks; None where there is no such process any more."""
    found = _stat(pid)
    return found[1] if found else None


def controller() -> Process:
    """The ansible-playbook that this module runs under: its workers are forks of it, with the same command line."""
    pid = os.getppid()
    while pid > 0:
        found = _stat(pid)
        if found is None:
            break
        parent = found[0]
        if _command(pid) == _command(parent) != b"":
            while _command(parent) == _command(pid):
                pid, parent = parent, (_stat(parent) or (0, 0))[0]
            return Process(pid, started(pid) or 0)
        pid = parent
    raise LockError(
        "The ansible-playbook process of this run cannot be found in /proc, so nothing could tell when it ends: run "
        "the module on the controller (delegate_to: localhost), under Linux."
    )


def _stat(pid: int) -> tuple[int, int] | None:
    """Parent and start time of a process that lives."""
    try:
        # The name in parentheses may hold anything.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else (int(fields[1]), int(fields[19]))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def keep_alive(lock: Lock, stopped: Callable[[], bool], sleep: Callable[[float], object] = time.sleep) -> None:
    """Renew the lock while its process lives, nobody asks to stop and it is ours; AWS's errors are tried again until
    the lock is stale anyway."""
    stale, process = lock.me.stale_seconds, lock.me.process
    interval = stale / BEATS
    done, due = _boottime(), _boottime() + interval
    while not stopped() and process.alive():
        if _boottime() >= due:
            try:
                if not lock.beat():
                    return
                done, due = _boottime(), _boottime() + interval
            except LockError:
                if _boottime() - done > stale:
                    return
                due = _boottime() + interval / 4
        sleep(min(1.0, interval / 4))


def _boottime() -> float:
    # Goes on while the machine sleeps, and is never set.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def detach(work: Callable[[Callable[[], bool]], object]) -> Process:
    """Run `work(stopped)` in a process of its own, which nobody has to wait for and which holds nothing of this one
    open; `stopped` says whether it got SIGTERM, so that it ends between two calls."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _become_keeper(work, writer)
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        pid = int(told.read(16) or 0)
    os.waitpid(child, 0)
    return Process(pid, started(pid) or 0)


def _become_keeper(work: Callable[[Callable[[], bool]], object], writer: int) -> None:
    """Never returns. The first process only makes the second, so that this one's parent is init and no zombie stays."""
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        signals = []
        signal.signal(signal.SIGTERM, lambda number, _frame: signals.append(number))
        for ignored in (signal.SIGINT, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)
        os.chdir("/")
        os.write(writer, str(os.getpid()).encode())
        # Ansible waits until its pipes are closed, this function's caller until this one is.
        for number in map(int, os.listdir("/proc/self/fd")):
            with contextlib.suppress(OSError):
                os.close(number)
        for _number in range(3):
            os.open(os.devnull, os.O_RDWR)
        work(lambda: bool(signals))
    except BaseException:  # there is nobody to tell; the lock goes stale
        os._exit(1)
    os._exit(0)


def keeper_of(value: dict) -> Process | None:
    """The process that renews this lock, if it lives on this controller."""
    told = value.get("keeper") or {}
    keeper = Process(told.get("pid", 0), told.get("started", 0))
    return keeper if keeper.pid > 1 and keeper.alive() else None


def end_keeper(value: dict, sleep: Callable[[float], object] = time.sleep) -> None:
    """End the process that renews this lock, and wait: a heartbeat after the release would make the lock anew."""
    keeper = keeper_of(value)
    if keeper is None:
        return
    end = time.monotonic() + KEEPER_END_SECONDS
    with contextlib.suppress(ProcessLookupError):
        os.kill(keeper.pid, signal.SIGTERM)
        while keeper.alive():
            if time.monotonic() > end:
                os.kill(keeper.pid, signal.SIGKILL)
            sleep(0.1)


def caller(client) -> str:
    """Whom AWS takes this controller for."""
    try:
        return _retry(client.get_caller_identity)()["Arn"]
    except (BotoCoreError, ClientError) as error:
        raise LockError(f"Cannot tell who takes the lock: {_reason(error)}") from error


def hostname() -> str:
    """The controller's name."""
    return socket.gethostname()


def _code(error: BaseException | None) -> str:
    return error.response["Error"].get("Code", "") if isinstance(error, ClientError) else ""


def _reason(error: Exception) -> str:
    """What AWS said and what to do, for the end of a sentence."""
    if isinstance(error, ClientError):
        code = _code(error) or "unknown"
        if code in ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation"):
            return (
                f"ssm:{error.operation_name} is not allowed ({code}); allow it on the lock's prefix to the role or "
                "user that Ansible runs as."
            )
        said = error.response["Error"].get("Message", "").strip().rstrip(".")
        return f"{said} ({code}); correct it or run it again later."
    return f"{str(error).strip().rstrip('.')} ({type(error).__name__}); check the network and the credentials."


def _stamp(later: float = 0) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=later)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(stamp: str) -> datetime:
    return datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ")


def _parse(raw: str) -> dict | None:
    """The value of a lock; None for what is none."""
    try:
        value = json.loads(raw)
        good = (
            {"owner", "playbook", "keeper"} <= value.keys()
            and all(isinstance(value[key], str) for key in ("run_id", "host", "started"))
            and all(isinstance(value[key], int) for key in ("pid", "pid_started"))
            and isinstance(value["leavings"], list)
        )
        ordered = _time(value["heartbeat"]) <= _time(value["expires"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return value if good and ordered else None
