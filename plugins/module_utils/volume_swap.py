# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Swaps the volume under a mongod: stop, unmount, mount the other one, start, ask; and back again if that fails.

Every step looks before it acts, and a journal says which volume was live and which shall be, so that a call that was
cut off at any point is finished or undone by the next one.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress

# A transient reader (a backup agent, `du`) may hold the file system for a moment.
BUSY_SECONDS = 20
HOLDER_SECONDS = 5
# mongod answers a wrong password at once; a few tries rule out a server that is only half up.
REFUSALS = 3
POLL_SECONDS = 0.2
_WIREDTIGER_FILES = ("WiredTiger", "WiredTiger.wt", "storage.bson")
_READ_ONLY = {"xfs": "ro,norecovery,nouuid", "ext3": "ro,noload", "ext4": "ro,noload"}
_OPEN_STATES = ("swapping", "reverting")


class SwapError(Exception):
    """One sentence: what stopped the swap and what stands now; `result` holds the facts for the caller."""

    def __init__(self, message: str, **result):
        super().__init__(message)
        self.result = result


class Refused(Exception):
    """The server answers but not as this user, or not with what it should hold; waiting does not help."""


@dataclass(frozen=True)
class Device:
    """The block device of a volume that carries its file system."""

    volume_id: str
    path: str
    by_id: str | None
    number: str  # major:minor
    fstype: str | None
    uuid: str | None


@dataclass(frozen=True)
class Health:
    """What a server that serves says of itself."""

    databases: frozenset[str]
    uptime_seconds: float


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    mount_point: str
    volume_id: str
    expected_live_volume_id: str
    relative_dbpath: str = "."
    expected_databases: tuple[str, ...] = ()
    stop_timeout: int = 120
    health_timeout: int = 120


@dataclass(frozen=True)
class Places:
    """Where things are on the host."""

    fstab: str = "/etc/fstab"
    state: str = "/var/lib/stagesync"
    runtime: str = "/run/stagesync"
    proc: str = "/proc"
    systemd: str = "/run/systemd/system"

    @property
    def journal(self) -> str:
        """The record of the present or last swap."""
        return os.path.join(self.state, "swap.json")

    @property
    def lock(self) -> str:
        """Held while a swap runs."""
        return os.path.join(self.runtime, "swap.lock")

    @property
    def check_mount(self) -> str:
        """Where a volume is looked into, read-only, before anything is changed."""
        return os.path.join(self.runtime, "swap-check")


@dataclass
class Journal:
    """What was live, what shall be, how far it came."""

    state: str
    step: str
    container: str
    mount_point: str
    from_volume: str
    to_volume: str
    fstab_line: str | None
    was_running: bool
    owner: list[int]
    last_answer: float | None
    started: float
    finished: float | None = None
    outage_seconds: float | None = None
    reason: str | None = None
    version: int = field(default=1)

    @property
    def unfinished(self) -> bool:
        """A swap was cut off."""
        return self.state in _OPEN_STATES

    def record(self) -> dict:
        """What a caller may know of the last swap."""
        return {
            "state": self.state,
            "volume_id": self.to_volume,
            "previous_volume_id": self.from_volume,
            "started": _utc(self.started),
            "finished": _utc(self.finished),
            "outage_seconds": self.outage_seconds,
            "reason": self.reason,
        }


class EbsVolumes:
    """The EBS volumes of this host, as a swap needs them."""

    def __init__(self, system: devices.System | None = None):
        self._system = system

    def find(self, volume_id: str) -> Device:
        """Return the device of an attached volume, or its one partition that carries a file system."""
        (volume,) = devices.volumes([volume_id], system=self._system)
        return _device(volume)

    def volume_at(self, mount_point: str) -> str | None:
        """Return the id of the volume that is mounted there; None if that is no single EBS volume."""
        try:
            return devices.locate(mount_point, self._system)["volume_id"]
        except devices.DeviceError:
            return None

    def with_uuid(self, uuid: str) -> list[Device]:
        """Return the devices of all attached volumes whose file system has this UUID."""
        found = [_device(volume) for volume in devices.volumes(system=self._system)]
        return [device for device in found if device.uuid == uuid]


def unfinished(container: str, places: Places | None = None) -> dict | None:
    """The swap under this container that was cut off or failed both ways, for whoever shall have it undone."""
    try:
        with open((places or Places()).journal, encoding="utf-8") as handle:
            journal = Journal(**json.load(handle))
    except (OSError, ValueError, TypeError):
        return None  # what cannot be read, the next swap refuses
    if not journal.unfinished or journal.container != container:
        return None
    return {
        "volume_id": journal.to_volume,
        "previous_volume_id": journal.from_volume,
        "mount_point": journal.mount_point,
        "reason": journal.reason,
    }


def mongodb_probe(host: str, port: int, username: str, password: str):
    """Return a probe that asks the mongod at an address as this user."""

    def _probe() -> Health:
        # pymongo looks again only every half second, which would blur the outage.
        with socket.create_connection((host, port), timeout=2):
            pass
        try:
            with mongod_node.connect((host, port), username, password, timeout=2.0) as client:
                names = client.admin.command("listDatabases", nameOnly=True)["databases"]
                status = client.admin.command("serverStatus", metrics=0, wiredTiger=0, locks=0, repl=0)
        except mongod_node.AuthenticationError as error:
            raise Refused(str(error)) from error
        return Health(frozenset(entry["name"] for entry in names), status["uptimeMillis"] / 1000)

    return _probe


def _device(volume: dict) -> Device:
    block, suffix = volume, ""
    if not volume["filesystem"]:
        carrying = [part for part in volume["partitions"] if part["filesystem"]]
        if len(carrying) > 1:
            raise SwapError(
                f"Volume {volume['volume_id']} has file systems on {len(carrying)} partitions: a data volume may carry "
                "one only."
            )
        if carrying:
            block, suffix = carrying[0], f"-part{carrying[0]['number']}"
    signature = block["filesystem"] or {}
    return Device(
        volume_id=volume["volume_id"],
        path=block["device"],
        by_id=f"{volume['by_id']}{suffix}" if volume["by_id"] else None,
        number=block["major_minor"],
        fstype=signature.get("type"),
        uuid=signature.get("uuid"),
    )


class VolumeSwap:
    """One swap: `service` stops and starts the mongod, `volumes` finds devices, `probe()` returns Health or raises."""

    def __init__(self, request: Request, service, volumes, probe, places: Places | None = None, run=None):
        self.request = request
        self.service = service
        self.volumes = volumes
        self.probe = probe
        self.places = places or Places()
        self._run = run or _run
        self.mount_point = os.path.realpath(request.mount_point)
        self.journal: Journal | None = None
        self._progress = Progress()

    def apply(self, check_mode: bool = False) -> dict:
        """Make the volume live and return what was done; raises SwapError."""
        asked = time.time()
        with self._locked() as waited:
            self.journal = self._read_journal()
            if waited and self._same_call_finished_since(asked):
                # A connection that repeats a command must not cause a second outage, whatever came of the first.
                return self._outcome_of_the_first()
            if self.journal and self.journal.unfinished:
                return self._resume(check_mode)
            return self._begin(check_mode)

    # The two ways in

    def _begin(self, check_mode: bool) -> dict:
        wanted, live = self.request.volume_id, self.request.expected_live_volume_id
        self._check_container()
        mounted = self._mounted_volume()
        if mounted not in (wanted, live):
            raise SwapError(
                f"{self._what_is_mounted(mounted)} at {self.mount_point}, but {live} was expected to be live there: "
                "nothing was changed; find out what is mounted before swapping."
            )
        target = self._find(wanted)
        if mounted == wanted:
            return self._already_mounted(target, check_mode)
        if live == wanted:
            raise SwapError(f"Volume {wanted} cannot replace itself: name the volume that shall become live.")
        self._check_target(target)
        self._check_holders()
        entry = self._entry_for(target)
        if check_mode:
            return self._result(True, target, outage=None)
        owner = os.stat(self._dbpath())
        health = self._answer()
        self._write_journal(
            Journal(
                state="swapping",
                step="checked",
                container=self.service.container,
                mount_point=self.mount_point,
                from_volume=live,
                to_volume=wanted,
                fstab_line=self._fstab_line(),
                was_running=self.service.inspect().running,
                owner=[owner.st_uid, owner.st_gid, stat.S_IMODE(owner.st_mode)],
                last_answer=time.time() if health else None,
                started=time.time(),
            )
        )
        return self._forward(target, entry)

    def _resume(self, check_mode: bool) -> dict:
        journal = self.journal
        wanted = self.request.volume_id
        if {wanted, self.request.expected_live_volume_id} != {journal.from_volume, journal.to_volume} or (
            journal.mount_point != self.mount_point or journal.container != self.service.container
        ):
            raise SwapError(
                f"An unfinished swap of container {journal.container} at {journal.mount_point} from "
                f"{journal.from_volume} to {journal.to_volume} is recorded in {self.places.journal}: "
                "repeat that call to finish it, or swap back to the former volume, before any other swap."
            )
        if check_mode:
            return self._result(True, self._find(wanted), outage=None)
        if wanted == journal.from_volume:
            return self._undo_for_caller()
        if journal.state == "reverting":
            self._revert(journal.reason or "it was cut off")
        try:
            target = self._find(wanted)
            if self._mounted_volume() != wanted:
                self._check_target(target)
            entry = self._entry_for(target)
        except Exception as error:
            self._revert(str(error))
        return self._forward(target, entry)

    def _already_mounted(self, target: Device, check_mode: bool) -> dict:
        changed = not self._fstab_names(target)
        health = self._answer()
        if not (health and self._sees(target)):
            changed = True
        if check_mode or not changed:
            return self._result(changed, target, outage=0.0 if not changed else None)
        self._write_fstab(self._entry_for(target))
        if health and self._sees(target):
            return self._result(True, target, outage=0.0)
        with _signals_held_off():
            if self.service.inspect().status != "running" or not self._sees(target):
                self.service.stop(self.request.stop_timeout)
                self.service.start()
            try:
                self._wait_until_healthy(self.request.expected_databases)
            except Exception as error:
                raise SwapError(
                    f"Volume {target.volume_id} was already mounted at {self.mount_point}, but its mongod does not "
                    f"serve: {error}",
                    rolled_back=False,
                    serving=False,
                    reason=str(error),
                    volume_id=target.volume_id,
                ) from error
        return self._result(True, target, outage=None)

    # Forward and back

    def _forward(self, target: Device, entry: str) -> dict:
        try:
            with _signals_held_off(interrupt=True):
                self._make_live(target, entry)
                self._own(target)
                self._start_and_wait(target, self.request.expected_databases)
        except Exception as error:
            self._revert(str(error))
        self._finish("done", None)
        return self._result(True, target, outage=self.journal.outage_seconds)

    def _revert(self, reason: str) -> None:
        """Put back what was live before, then raise SwapError."""
        journal = self.journal
        self._step("reverting", state="reverting", reason=reason)
        facts = {"reason": reason, "volume_id": journal.from_volume, "failed_volume_id": journal.to_volume}
        try:
            with _signals_held_off():
                self._restore_former(serve=journal.last_answer is not None)
        except Exception as second:
            raise SwapError(
                f"The swap to {journal.to_volume} failed ({_trim(reason)}), and swapping back to {journal.from_volume} "
                f"failed too ({_trim(str(second))}): container {journal.container} does not serve. Remove the cause on "
                "the host, then run playbooks/rollback.yml, which finishes swapping back.",
                rolled_back=False,
                serving=False,
                outage_seconds=None,
                **facts,
            ) from second
        self._finish("reverted", reason)
        served = "which serves again"
        if journal.last_answer is None:
            served = "whose server did not answer this user before the swap either"
        raise SwapError(
            f"The swap to {journal.to_volume} failed ({_trim(reason)}): swapped back to {journal.from_volume}, "
            f"{served}; the failed volume was left as it is.",
            rolled_back=True,
            serving=journal.last_answer is not None,
            outage_seconds=journal.outage_seconds,
            **facts,
        )

    def _restore_former(self, serve: bool, databases=()) -> Device:
        """Bring the former volume back; with `serve` the server must answer, else it is left as it was found."""
        journal = self.journal
        former = self._find(journal.from_volume)
        self._make_live(former, journal.fstab_line)
        if serve:
            self._start_and_wait(former, databases)
        elif journal.was_running and not self.service.inspect().running:
            self.service.start()
        return former

    def _undo_for_caller(self) -> dict:
        """A rollback was asked for while the swap it takes back is still unfinished."""
        self._step("reverting", state="reverting", reason="taken back by a call for the former volume")
        try:
            with _signals_held_off():
                former = self._restore_former(serve=True, databases=self.request.expected_databases)
        except Exception as error:
            raise SwapError(
                f"Swapping back to {self.journal.from_volume} failed ({_trim(str(error))}): container "
                f"{self.journal.container} does not serve. Remove the cause on the host, then run it again.",
                rolled_back=False,
                serving=False,
                reason=str(error),
                volume_id=self.request.volume_id,
            ) from error
        self._finish("reverted", self.journal.reason)
        return self._result(True, former, outage=self.journal.outage_seconds)

    def _make_live(self, device: Device, entry: str | None) -> None:
        """Bring the mount point and fstab to one volume with the container stopped, unless that is so already."""
        if self._mounted_volume() == device.volume_id and self._sees(device):
            self._write_fstab(entry)
            return
        self._step("stopping")
        self.service.stop(self.request.stop_timeout)
        if self._mounted_volume() != device.volume_id:
            self._step("unmounting")
            self._unmount()
        self._step("fstab")
        self._write_fstab(entry)
        if self._mounted_volume() != device.volume_id:
            self._step("mounting")
            self._mount(device)

    def _start_and_wait(self, device: Device, databases) -> None:
        started = not self.service.inspect().running
        if started:
            self._step("starting")
            self.service.start()
        self._step("waiting")
        health = self._wait_until_healthy(databases)
        if not self._sees(device):
            raise SwapError(
                f"container {self.service.container} serves, but does not see volume {device.volume_id} at "
                f"{self.mount_point}: its bind mount does not follow the host's"
            )
        if self.journal.last_answer is not None:
            # A server that was found running has served since its start, not only since it was asked.
            first = time.time() - (0 if started else health.uptime_seconds)
            self.journal.outage_seconds = round(max(0.0, first - self.journal.last_answer), 3)

    def _wait_until_healthy(self, databases) -> Health:
        deadline = time.monotonic() + self.request.health_timeout
        refusals, last = 0, "no answer yet"
        while True:
            try:
                health = self.probe()
                missing = sorted(set(databases) - health.databases)
                if not missing:
                    return health
                last = f"the server answers but does not hold the database {', '.join(missing)}"
                refusals += 1
            except Refused as error:
                last = str(error).rstrip(".")
                refusals += 1
            except Exception as error:
                last = str(error).rstrip(".")
            facts = self.service.inspect()
            if facts.status in ("dead", "exited"):
                raise SwapError(f"container {self.service.container} stopped by itself right after its start")
            if refusals >= REFUSALS:
                raise SwapError(last)
            if time.monotonic() >= deadline:
                raise SwapError(f"no healthy answer within {self.request.health_timeout} seconds: {last}")
            time.sleep(POLL_SECONDS)

    def _answer(self) -> Health | None:
        try:
            return self.probe()
        except Exception:
            # Whatever keeps the present server from answering is why one may want to swap it.
            return None

    # Checks, which change nothing

    def _check_container(self) -> None:
        facts = self.service.inspect()
        if self.mount_point == "/":
            raise SwapError("The root file system cannot be swapped: keep the data on a volume of its own.")
        if facts.dbpath_host is None:
            raise SwapError(
                f"The dbPath {facts.dbpath} of container {facts.container} lies in the container itself, not on a "
                "mount of the host: bind a directory of the data volume there first."
            )
        wanted = os.path.normpath(os.path.join(self.mount_point, self.request.relative_dbpath.lstrip("/")))
        if os.path.realpath(facts.dbpath_host) != os.path.realpath(wanted):
            raise SwapError(
                f"Container {facts.container} has its dbPath at {facts.dbpath_host} on the host, not at {wanted}: "
                "give the mount point and the relative dbPath under which the container looks for its data."
            )

    def _check_target(self, device: Device) -> None:
        if not device.fstype:
            raise SwapError(
                f"Volume {device.volume_id} ({device.path}) carries no file system: it is not a volume that was made "
                "ready; nothing was changed."
            )
        elsewhere = [
            m["mount_point"]
            for m in _mounts(self.places.proc)
            if m["number"] == device.number and m["mount_point"] not in (self.mount_point, self.places.check_mount)
        ]
        if elsewhere:
            raise SwapError(
                f"Volume {device.volume_id} is still mounted at {', '.join(elsewhere)}: stop what uses it and unmount "
                "it first; nothing was changed."
            )
        with self._looked_into(device) as root:
            dbpath = os.path.normpath(os.path.join(root, self.request.relative_dbpath.lstrip("/")))
            missing = [name for name in _WIREDTIGER_FILES if not os.path.isfile(os.path.join(dbpath, name))]
        if missing:
            raise SwapError(
                f"Volume {device.volume_id} holds no MongoDB data at {self.request.relative_dbpath} of its file system "
                f"({', '.join(missing)} missing): nothing was changed; check the volume and the relative dbPath."
            )

    @contextlib.contextmanager
    def _looked_into(self, device: Device):
        where = self.places.check_mount
        os.makedirs(where, mode=0o700, exist_ok=True)
        self._unmount_leftover(where)
        self._command("mount", "-t", device.fstype, "-o", _READ_ONLY.get(device.fstype, "ro"), device.path, where)
        try:
            yield where
        finally:
            self._command("umount", where)
            os.rmdir(where)

    def _unmount_leftover(self, where: str) -> None:
        while any(m["mount_point"] == where for m in _mounts(self.places.proc)):
            self._command("umount", where)

    def _check_holders(self) -> None:
        own = self.service.inspect().pid
        deadline = time.monotonic() + HOLDER_SECONDS
        while True:
            holders = self._holders(own)
            if not holders:
                return
            if time.monotonic() >= deadline:
                raise SwapError(
                    f"{self.mount_point} is also in use by {', '.join(holders)}: stop them first, else it cannot be "
                    "unmounted; nothing was changed."
                )
            time.sleep(0.5)

    def _holders(self, own_pid: int) -> list[str]:
        """Name the processes, other than the service's own, and the mounts that keep the mount point busy."""
        inside = [
            f"the mount {m['mount_point']}"
            for m in _mounts(self.places.proc)
            if m["mount_point"].startswith(self.mount_point.rstrip("/") + "/")
        ]
        own = _of_service(self.places.proc, own_pid) if own_pid else set()
        device = os.stat(self.mount_point).st_dev
        processes = [
            f"process {pid} ({_process_name(self.places.proc, pid)})"
            for pid in _pids(self.places.proc)
            if pid not in own and pid != os.getpid() and _holds(self.places.proc, pid, device)
        ]
        return inside + processes

    def _find(self, volume_id: str) -> Device:
        return self.volumes.find(volume_id)

    def _mounted_volume(self) -> str | None:
        mount = _mount_at(self.places.proc, self.mount_point)
        return self.volumes.volume_at(self.mount_point) if mount else None

    def _what_is_mounted(self, volume_id: str | None) -> str:
        if volume_id:
            return f"Volume {volume_id} is mounted"
        mount = _mount_at(self.places.proc, self.mount_point)
        return f"{mount['source']}, which is no EBS volume, is mounted" if mount else "Nothing is mounted"

    def _sees(self, device: Device) -> bool:
        """Tell whether the running service has this volume, not another one, under its dbPath."""
        facts = self.service.inspect()
        if not facts.running or not facts.pid:
            return False
        try:
            numbers = {m["number"] for m in _mounts(self.places.proc, str(facts.pid))}
        except OSError:
            return False
        return device.number in numbers

    def _dbpath(self) -> str:
        return os.path.normpath(os.path.join(self.mount_point, self.request.relative_dbpath.lstrip("/")))

    # What acts

    def _unmount(self) -> None:
        deadline = time.monotonic() + BUSY_SECONDS
        while _mount_at(self.places.proc, self.mount_point):
            done = self._run(["umount", self.mount_point])
            if done.returncode == 0:
                continue
            if time.monotonic() >= deadline:
                holders = ", ".join(self._holders(0)) or "something that /proc does not show"
                raise SwapError(f"{self.mount_point} cannot be unmounted, it is in use by {holders}")
            time.sleep(0.5)

    def _mount(self, device: Device) -> None:
        options = "defaults"
        entry = self._fstab_fields()
        if entry:
            options = entry[3]
        self._command("mount", "-t", device.fstype, "-o", options, device.path, self.mount_point)
        mount = _mount_at(self.places.proc, self.mount_point)
        if mount is None or mount["number"] != device.number:
            # systemd unmounts at once what its own view of fstab does not know.
            raise SwapError(f"{device.path} did not stay mounted at {self.mount_point}; see journalctl on this host")

    def _own(self, device: Device) -> None:
        """Give the new data the owner of the old, else mongod could not open it."""
        if self._sees(device):
            return
        self._step("owner")
        uid, gid, mode = self.journal.owner
        top = self._dbpath()
        os.chmod(top, mode)
        _chown(top, uid, gid)
        for directory, names, files in os.walk(top):
            for name in names + files:
                _chown(os.path.join(directory, name), uid, gid)

    def _command(self, *arguments: str) -> None:
        done = self._run(list(arguments))
        if done.returncode != 0:
            reason = (done.stderr or "").strip().splitlines()
            raise SwapError(f"`{' '.join(arguments)}` failed: {reason[0] if reason else 'no message'}")

    # fstab

    def _fstab_text(self) -> str:
        try:
            with open(self.places.fstab, encoding="utf-8", errors="surrogateescape") as handle:
                return handle.read()
        except FileNotFoundError:
            return ""

    def _fstab_line(self) -> str | None:
        lines = [line for line in self._fstab_text().splitlines() if _is_entry(line, self.mount_point)]
        if len(lines) > 1:
            raise SwapError(
                f"{self.places.fstab} has {len(lines)} entries for {self.mount_point}: leave the right one only."
            )
        return lines[0] if lines else None

    def _fstab_fields(self) -> list[str] | None:
        line = self._fstab_line()
        return line.split() if line else None

    def _entry_for(self, device: Device) -> str:
        fields = self._fstab_fields() or ["", "", "", "defaults", "0", "0"]
        fields = (fields + ["0", "0"])[:6]
        options = fields[3].split(",")
        if "nofail" not in options:
            # A host whose data volume is missing must still boot, or nobody can repair it. systemd then no longer waits
            # for the mount before it starts services, and mongod would make an empty database below the mount point.
            options += ["nofail", f"x-systemd.before={self.service.unit}"]
        spec = f"UUID={device.uuid}" if self._uuid_is_unique(device) else device.by_id
        if spec is None:
            raise SwapError(
                f"The file system UUID of volume {device.volume_id} is not unique on this host and {device.path} has "
                "no link in /dev/disk/by-id: nothing lasting names it in fstab"
            )
        return "\t".join([spec, _escape(self.mount_point), device.fstype, ",".join(options), *fields[4:]])

    def _fstab_names(self, device: Device) -> bool:
        fields = self._fstab_fields()
        if not fields:
            return False
        spec = fields[0]
        if spec.startswith("UUID="):
            return spec[5:].strip('"').lower() == (device.uuid or "").lower() and self._uuid_is_unique(device)
        return os.path.realpath(spec) == os.path.realpath(device.path)

    def _uuid_is_unique(self, device: Device) -> bool:
        """Tell whether UUID=… means this device and no other: an XFS made from a snapshot shares its origin's UUID."""
        if not device.uuid:
            return False
        tag = f"UUID={device.uuid}"
        if _number(self._run(["findfs", tag]).stdout.strip()) != device.number:
            return False
        same = self._run(["blkid", "-c", "/dev/null", "-o", "device", "-t", tag]).stdout.split()
        numbers = {_number(path) for path in same} | {d.number for d in self.volumes.with_uuid(device.uuid)}
        return numbers <= {device.number}

    def _write_fstab(self, line: str | None) -> None:
        old = self._fstab_text()
        lines = old.splitlines()
        at = next((i for i, text in enumerate(lines) if _is_entry(text, self.mount_point)), None)
        if at is not None:
            lines[at : at + 1] = [line] if line else []
        elif line:
            lines.append(line)
        new = "\n".join(lines) + "\n"
        if new == old:
            return
        _write_atomically(os.path.realpath(self.places.fstab), new, mode=0o644)
        if os.path.isdir(self.places.systemd):
            # Otherwise systemd still knows the old device and takes the new mount down when that one goes away.
            self._command("systemctl", "daemon-reload")

    # Journal, lock, result

    def _step(self, step: str, **values) -> None:
        self._progress.tell(f"swap, {step}")
        self.journal.step = step
        for name, value in values.items():
            setattr(self.journal, name, value)
        # A full disk must not keep the former data from coming back; what a rerun needs was written before the stop.
        with contextlib.suppress(OSError):
            self._write_journal(self.journal)

    def _finish(self, state: str, reason: str | None) -> None:
        self._step("finished", state=state, reason=reason, finished=time.time())

    def _write_journal(self, journal: Journal) -> None:
        self.journal = journal
        os.makedirs(self.places.state, mode=0o700, exist_ok=True)
        _write_atomically(self.places.journal, json.dumps(vars(journal), indent=1) + "\n", mode=0o600)

    def _read_journal(self) -> Journal | None:
        try:
            with open(self.places.journal, encoding="utf-8") as handle:
                return Journal(**json.load(handle))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise SwapError(
                f"{self.places.journal}, the record of the last swap, cannot be read ({error}): check by hand that "
                f"the right volume is mounted at {self.mount_point} and serves, then delete the file."
            ) from error

    @contextlib.contextmanager
    def _locked(self):
        """Hold the lock of this host's swaps; yields whether another one had to be waited for."""
        os.makedirs(self.places.runtime, mode=0o700, exist_ok=True)
        patience = 2 * (self.request.stop_timeout + self.request.health_timeout + BUSY_SECONDS) + 60
        deadline = time.monotonic() + patience
        with open(self.places.lock, "w", encoding="utf-8") as handle:
            waited = False
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    waited = True
                if time.monotonic() >= deadline:
                    raise SwapError(
                        f"Another swap has held {self.places.lock} for {patience} seconds: see what hangs on this host."
                    )
                time.sleep(POLL_SECONDS)
            yield waited

    def _same_call_finished_since(self, asked: float) -> bool:
        journal = self.journal
        return bool(
            journal
            and (journal.finished or 0) >= asked
            and journal.mount_point == self.mount_point
            and journal.container == self.service.container
            and journal.to_volume == self.request.volume_id
            and journal.from_volume == self.request.expected_live_volume_id
        )

    def _outcome_of_the_first(self) -> dict:
        journal = self.journal
        if journal.state == "done":
            return self._result(True, self._find(journal.to_volume), outage=journal.outage_seconds)
        raise SwapError(
            f"The swap to {journal.to_volume} failed in another call that ran at the same time "
            f"({_trim(journal.reason or '')}): {journal.from_volume} is live again.",
            rolled_back=True,
            serving=journal.last_answer is not None,
            outage_seconds=journal.outage_seconds,
            reason=journal.reason,
            volume_id=journal.from_volume,
            failed_volume_id=journal.to_volume,
        )

    def _result(self, changed: bool, device: Device, outage: float | None) -> dict:
        before = self.request.expected_live_volume_id if changed else device.volume_id
        return {
            "changed": changed,
            "volume_id": device.volume_id,
            "previous_volume_id": self.request.expected_live_volume_id,
            "device": device.path,
            "mount_point": self.mount_point,
            "fstab_entry": self._fstab_line(),
            "outage_seconds": outage,
            "last_swap": self.journal.record() if self.journal else None,
            "diff": {"before": {"live_volume": before}, "after": {"live_volume": device.volume_id}},
        }


@contextlib.contextmanager
def _signals_held_off(interrupt: bool = False):
    """Let a lost connection not cut the swap in two; with `interrupt`, an end asked for becomes an error."""

    def _interrupted(_number, _frame):
        raise SwapError("it was interrupted by a signal")

    ending = _interrupted if interrupt else signal.SIG_IGN
    wanted = {signal.SIGHUP: signal.SIG_IGN, signal.SIGINT: ending, signal.SIGTERM: ending}
    former = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _run(arguments: list[str]) -> subprocess.CompletedProcess:
    # A session of its own, so that a terminal that goes away does not take the command with it.
    try:
        return subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            start_new_session=True,
            env={**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/bin:/bin"},
        )
    except FileNotFoundError as error:
        raise SwapError(f"The command {arguments[0]} is missing on this host: install it") from error
    except subprocess.TimeoutExpired as error:
        raise SwapError(f"`{' '.join(arguments)}` gave no answer within 120 seconds") from error


def _write_atomically(path: str, text: str, mode: int) -> None:
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
            stream.write(text)
            stream.flush()
            try:
                present = os.stat(path)
                os.fchmod(stream.fileno(), stat.S_IMODE(present.st_mode))
                os.fchown(stream.fileno(), present.st_uid, present.st_gid)
            except FileNotFoundError:
                os.fchmod(stream.fileno(), mode)
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    directory = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _chown(path: str, uid: int, gid: int) -> None:
    present = os.lstat(path)
    if (present.st_uid, present.st_gid) != (uid, gid):
        os.chown(path, uid, gid, follow_symlinks=False)


def _mounts(proc: str, pid: str = "self") -> list[dict]:
    with open(os.path.join(proc, pid, "mountinfo"), encoding="utf-8", errors="surrogateescape") as handle:
        return [_mount_line(line) for line in handle]


def _mount_line(line: str) -> dict:
    fields = line.split()
    after = fields.index("-")
    return {"number": fields[2], "mount_point": _unescape(fields[4]), "source": _unescape(fields[after + 2])}


def _mount_at(proc: str, mount_point: str) -> dict | None:
    """Return the mount that is on top at a mount point."""
    found = [m for m in _mounts(proc) if m["mount_point"] == mount_point]
    return found[-1] if found else None


def _is_entry(line: str, mount_point: str) -> bool:
    fields = line.split()
    if len(fields) < 3 or fields[0].startswith("#"):
        return False
    return os.path.normpath(_unescape(fields[1])) == mount_point


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def _escape(text: str) -> str:
    return re.sub(r"[ \t\n\\]", lambda match: f"\\{ord(match.group(0)):03o}", text)


def _number(path: str) -> str | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def _pids(proc: str) -> list[int]:
    return sorted(int(name) for name in os.listdir(proc) if name.isdigit())


def _process_name(proc: str, pid: int) -> str:
    try:
        with open(os.path.join(proc, str(pid), "comm"), encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except OSError:
        return "gone"


def _of_service(proc: str, root: int) -> set[int]:
    """Return the processes that end with the service: its children, and what runs inside its container."""
    parents = {}
    for pid in _pids(proc):
        with contextlib.suppress(OSError), open(os.path.join(proc, str(pid), "stat"), encoding="latin-1") as handle:
            # The name in parentheses may hold spaces; the parent's pid is the second field after it.
            parents[pid] = int(handle.read().rpartition(")")[2].split()[1])
    found = {root}
    grown = True
    while grown:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    inside = _mount_namespace(proc, root)
    if inside and inside != _mount_namespace(proc, "self"):
        found |= {pid for pid in parents if _mount_namespace(proc, pid) == inside}
    return found


def _mount_namespace(proc: str, pid) -> str | None:
    try:
        return os.readlink(os.path.join(proc, str(pid), "ns", "mnt"))
    except OSError:
        return None


def _holds(proc: str, pid: int, device: int) -> bool:
    """Tell whether a process has a file, directory or mapping on the file system with this device number."""
    base = os.path.join(proc, str(pid))
    paths = [os.path.join(base, name) for name in ("cwd", "root", "exe")]
    with contextlib.suppress(OSError):
        paths += [os.path.join(base, "fd", name) for name in os.listdir(os.path.join(base, "fd"))]
    for path in paths:
        with contextlib.suppress(OSError):
            if os.stat(path).st_dev == device:
                return True
    mapped = f" {os.major(device):02x}:{os.minor(device):02x} "
    with contextlib.suppress(OSError), open(os.path.join(base, "maps"), encoding="latin-1") as handle:
        return any(mapped in line for line in handle)
    return False


def _utc(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, tz=timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def _trim(text: str) -> str:
    return text.rstrip(". \n")
