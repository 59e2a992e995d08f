"""The lab's block storage: real bytes behind the EBS API.

A volume is a sparse file in an XFS pool that can share extents. A snapshot is a reflink copy of it: instant, and
consistent in the way that EBS is (as after a power cut). An attached volume is a loop device that appears inside its
host as an NVMe device, under the next free number and never under the name asked for, with the by-id links that udev
makes on AWS.

What is attached where is kept in one file under a lock, so that the control plane and `labctl` may both act on it, and
so that a crash or a reboot loses nothing but the loop devices themselves, which `publish` makes anew.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from stagesync_lab import config

GIB = 1024**3
POOL_GIB = int(os.environ.get("STAGESYNC_LAB_POOL_GIB", "64"))  # sparse: the most that all volumes may hold together

LOOP_MAJOR = 7
LOOP_SET_FD = 0x4C00
LOOP_CLR_FD = 0x4C01
LOOP_SET_CAPACITY = 0x4C07
LOOP_CTL_GET_FREE = 0x4C82
FICLONE = 0x40049409


class StorageError(Exception):
    """Something that the lab's block storage could not do; one sentence for people."""


class Busy(StorageError):
    """The volume is still in use in its host."""


def image() -> Path:
    """The file that holds the pool."""
    return config.STATE / "pool.img"


def volume_file(volume_id: str) -> Path:
    return config.POOL / "volumes" / f"{volume_id}.img"


def snapshot_file(snapshot_id: str) -> Path:
    return config.POOL / "snapshots" / f"{snapshot_id}.img"


# --- loop devices ---------------------------------------------------------------------------------------------------


def _loops() -> dict[int, str]:
    """Every bound loop device of the machine: number -> backing file as the kernel names it."""
    bound = {}
    for entry in Path("/sys/block").glob("loop*"):
        with contextlib.suppress(OSError):
            bound[int(entry.name[4:])] = (entry / "loop/backing_file").read_text().rstrip("\n")
    return bound


def _loop_of(path: Path) -> int | None:
    wanted = str(path.resolve())
    return next((number for number, backing in _loops().items() if backing == wanted), None)


def _loop_node(number: int) -> str:
    """The node of a loop device, made when the machine has no udev to make it."""
    node = f"/dev/loop{number}"
    with contextlib.suppress(FileExistsError):
        os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(LOOP_MAJOR, number))
    return node


def _bind_loop(path: Path) -> int:
    """Bind the file to a loop device, or find the one it is bound to."""
    number = _loop_of(path)
    if number is not None:
        if Path(f"/sys/block/loop{number}/loop/autoclear").read_text().strip() == "1":
            raise Busy(f"/dev/loop{number} still serves {path.name} after a forced detach; end what still uses it")
        return number
    if not path.exists():
        raise StorageError(f"{path} does not exist: its bytes are lost; remove the lab and make it anew")
    backing = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for _attempt in range(20):
            control = os.open("/dev/loop-control", os.O_RDWR | os.O_CLOEXEC)
            try:
                number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
            finally:
                os.close(control)
            device = os.open(_loop_node(number), os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, LOOP_SET_FD, backing)
                return number
            except OSError as error:
                if error.errno != errno.EBUSY:  # somebody else took this one between the two calls
                    raise
            finally:
                os.close(device)
    finally:
        os.close(backing)
    raise StorageError(f"no free loop device for {path}; look at `losetup -a` for leftovers")


def _release_loop(number: int, path: Path, wait: float = 2.0) -> bool:
    """Unbind the loop device if it still serves this file; tell whether it is really gone."""
    wanted = str(path)
    deadline = time.monotonic() + wait
    while True:
        if _loops().get(number, "").removesuffix(" (deleted)") != wanted:
            return True
        with contextlib.suppress(OSError):
            device = os.open(_loop_node(number), os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.ioctl(device, LOOP_CLR_FD)
            finally:
                os.close(device)
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)


def _mounted(number: int) -> bool:
    """Whether any mount namespace of the machine (hosts and their containers) has the loop device mounted."""
    wanted = f"{LOOP_MAJOR}:{number}"
    seen = set()
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            namespace = os.readlink(process / "ns/mnt")
            if namespace in seen:
                continue
            lines = (process / "mountinfo").read_text(errors="replace").splitlines()
            seen.add(namespace)
            if any(line.split(" ", 3)[2] == wanted for line in lines):
                return True
    return False


# --- the pool -------------------------------------------------------------------------------------------------------


def _run(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise StorageError(f"`{' '.join(command)}` failed: {result.stderr.strip() or result.stdout.strip()}")


def pool_mounted() -> bool:
    return os.path.ismount(config.POOL)


def ensure_pool() -> None:
    """Have the pool made and mounted; what is there already stays."""
    config.POOL.mkdir(parents=True, exist_ok=True)
    with _lock():
        if not pool_mounted():
            if not image().exists():
                # Made under another name first: a crash in mkfs must not leave something that looks like a pool.
                draft = image().with_suffix(".draft")
                with open(draft, "wb") as handle:
                    handle.truncate(POOL_GIB * GIB)
                _run("mkfs.xfs", "-q", "-f", "-m", "reflink=1", "-L", "stagesync", str(draft))
                draft.rename(image())
            number = _bind_loop(image())
            # discard: what a deleted volume held goes back to the machine's disk as well.
            _run("mount", "-t", "xfs", "-o", "discard,noatime", _loop_node(number), str(config.POOL))
        for name in ("volumes", "snapshots"):
            (config.POOL / name).mkdir(exist_ok=True)


def remove_pool() -> None:
    """Release every loop device on the pool, unmount it and delete it with all it holds."""
    if not config.STATE.exists():
        return
    with _lock():
        busy = []
        for number, path in _pool_loops().items():
            if _mounted(number) or not _release_loop(number, path):
                busy.append(f"/dev/loop{number} ({path.name})")
        if busy:
            raise Busy(f"volumes of the lab are still in use: {', '.join(sorted(busy))}; stop the hosts first")
        if pool_mounted():
            _run("umount", str(config.POOL))
        number = _loop_of(image()) if image().exists() else None
        if number is not None and not _release_loop(number, image().resolve()):
            raise Busy(f"the pool's own /dev/loop{number} is still in use; see what holds {config.POOL}")
        for path in (image(), image().with_suffix(".draft"), _record_path()):
            path.unlink(missing_ok=True)


def _pool_loops() -> dict[int, Path]:
    """The loop devices bound to files of the pool."""
    root = config.POOL.resolve()
    files = {number: Path(backing.removesuffix(" (deleted)")) for number, backing in _loops().items()}
    return {number: path for number, path in files.items() if root in path.parents}


# --- volumes and snapshots ------------------------------------------------------------------------------------------


def create_volume(volume_id: str, size_gib: int, snapshot_id: str | None = None) -> None:
    """A new volume: empty, or what the snapshot holds, grown to the size."""
    path = volume_file(volume_id)
    if snapshot_id:
        _clone(snapshot_file(snapshot_id), path)
    else:
        path.touch(exist_ok=False)
    if path.stat().st_size < size_gib * GIB:
        os.truncate(path, size_gib * GIB)


def grow_volume(volume_id: str, size_gib: int) -> None:
    """Make the volume larger; an attached device shows its new size at once."""
    os.truncate(volume_file(volume_id), size_gib * GIB)
    number = _loop_of(volume_file(volume_id))
    if number is not None:
        device = os.open(_loop_node(number), os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(device, LOOP_SET_CAPACITY)
        finally:
            os.close(device)


def delete_volume(volume_id: str) -> None:
    volume_file(volume_id).unlink(missing_ok=True)


def create_snapshots(pairs: dict[str, str], role: str | None = None) -> None:
    """Copy volumes (volume id -> snapshot id) at one moment.

    One volume's copy is atomic by itself. For several of one host its processes are frozen meanwhile, so that no write
    to one volume that waited for a write to another can be in the copy without it.
    """
    done = []
    try:
        with _frozen(role) if len(pairs) > 1 and role else contextlib.nullcontext():
            for volume_id, snapshot_id in pairs.items():
                done.append(snapshot_file(snapshot_id))
                _clone(volume_file(volume_id), done[-1])
    except BaseException:
        for path in done:
            path.unlink(missing_ok=True)
        raise


def copy_snapshot(source_id: str, snapshot_id: str) -> None:
    _clone(snapshot_file(source_id), snapshot_file(snapshot_id))


def delete_snapshot(snapshot_id: str) -> None:
    snapshot_file(snapshot_id).unlink(missing_ok=True)


def snapshot_bytes(snapshot_id: str) -> int:
    """The bytes that a snapshot really holds."""
    return snapshot_file(snapshot_id).stat().st_blocks * 512


def _clone(source: Path, target: Path) -> None:
    with open(source, "rb") as origin, open(target, "xb") as copy:
        try:
            fcntl.ioctl(copy.fileno(), FICLONE, origin.fileno())
        except OSError:
            target.unlink()
            raise


def _cgroup(role: str) -> Path | None:
    """The control group that holds all processes of a host, when it has one of its own."""
    leader = leader_pid(role)
    if leader is None:
        return None
    try:
        lines = Path(f"/proc/{leader}/cgroup").read_text().splitlines()
    except OSError:
        return None
    unified = next((line[3:] for line in lines if line.startswith("0::")), "/").removesuffix("/init.scope")
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    root = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if root is None or unified in ("", "/"):
        return None
    path = Path(root) / unified.lstrip("/")
    return path if (path / "cgroup.freeze").exists() else None


@contextlib.contextmanager
def _frozen(role: str) -> Iterator[None]:
    group = _cgroup(role)
    if group is None or str(os.getpid()) in (group / "cgroup.procs").read_text().split():
        yield
        return
    try:
        (group / "cgroup.freeze").write_text("1")
        deadline = time.monotonic() + 2
        while "frozen 1" not in (group / "cgroup.events").read_text() and time.monotonic() < deadline:
            time.sleep(0.002)
        yield
    finally:
        (group / "cgroup.freeze").write_text("0")


# --- attachments ----------------------------------------------------------------------------------------------------


def _record_path() -> Path:
    return config.STATE / "attachments.json"


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    config.STATE.mkdir(parents=True, exist_ok=True)
    handle = os.open(config.STATE / "ebs.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def attachments() -> dict[str, dict]:
    """What is attached: volume id -> role, device (the name asked for), loop and nvme (none while the host is down)."""
    try:
        return json.loads(_record_path().read_text())
    except FileNotFoundError:
        return {}


def _save(record: dict[str, dict]) -> None:
    draft = _record_path().with_suffix(".draft")
    draft.write_text(json.dumps(record, indent=1))
    draft.rename(_record_path())


def leader_pid(role: str) -> int | None:
    """The first process of a host, or nothing while the host is down."""
    try:
        pid = int((config.RUNTIME / "hosts" / f"{role}.leader").read_text())
    except (FileNotFoundError, ValueError):
        return None
    return pid if os.path.exists(f"/proc/{pid}/root/dev") else None


def host_device(volume_id: str) -> str | None:
    """The name under which the host sees an attached volume."""
    entry = attachments().get(volume_id)
    return f"/dev/nvme{entry['nvme']}n1" if entry and entry["nvme"] is not None else None


def _links(volume_id: str) -> list[str]:
    name = f"nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '')}"
    return [name, f"{name}_1"]


def _show(volume_id: str, entry: dict, leader: int, taken: set[int]) -> None:
    """Make the device and its links in the host's /dev, under the next free number."""
    dev = Path(f"/proc/{leader}/root/dev")
    number = next(n for n in range(1, 1000) if n not in taken and not (dev / f"nvme{n}n1").exists())
    node = dev / f"nvme{number}n1"
    os.mknod(node, stat.S_IFBLK | 0o660, os.makedev(LOOP_MAJOR, entry["loop"]))
    os.chmod(node, 0o660)
    by_id = dev / "disk/by-id"
    by_id.mkdir(parents=True, exist_ok=True)
    for name in _links(volume_id):
        (by_id / name).unlink(missing_ok=True)
        (by_id / name).symlink_to(f"../../nvme{number}n1")
    entry["nvme"] = number


def _hide(volume_id: str, entry: dict, leader: int) -> None:
    dev = Path(f"/proc/{leader}/root/dev")
    for name in _links(volume_id):
        with contextlib.suppress(OSError):
            (dev / "disk/by-id" / name).unlink()
    node = dev / f"nvme{entry['nvme']}n1"
    with contextlib.suppress(OSError):
        if node.stat().st_rdev == os.makedev(LOOP_MAJOR, entry["loop"]):
            node.unlink()


def _numbers(record: dict[str, dict], role: str) -> set[int]:
    return {entry["nvme"] for entry in record.values() if entry["role"] == role and entry["nvme"] is not None}


def attach(volume_id: str, role: str, device: str) -> None:
    """Attach the volume; the device is in the host, when that is up, as this returns. Done twice, it is the same."""
    with _lock():
        record = attachments()
        entry = record.get(volume_id)
        if entry and entry["role"] != role:
            raise StorageError(f"{volume_id} is attached to the host {entry['role']}, not {role}; detach it first")
        leader = leader_pid(role)
        if entry is None:
            entry = record[volume_id] = {"role": role, "device": device, "loop": None, "nvme": None}
        if leader is not None and not _present(volume_id, entry, leader):
            entry["loop"] = _bind_loop(volume_file(volume_id))
            _show(volume_id, entry, leader, _numbers(record, role))
        _save(record)


def _present(volume_id: str, entry: dict, leader: int) -> bool:
    if entry["nvme"] is None or _loop_of(volume_file(volume_id)) != entry["loop"]:
        return False
    try:
        device = os.stat(f"/proc/{leader}/root/dev/nvme{entry['nvme']}n1").st_rdev
    except OSError:
        return False
    return device == os.makedev(LOOP_MAJOR, entry["loop"])


def detach(volume_id: str, force: bool = False) -> None:
    """Take the device away from its host. Raises Busy while it is in use there, unless forced.

    A forced detach takes the node away at once; the kernel lets the bytes go when the last user does.
    """
    with _lock():
        record = attachments()
        entry = record.get(volume_id)
        if entry is None:
            return
        leader = leader_pid(entry["role"])
        if entry["loop"] is not None and not force and _mounted(entry["loop"]):
            raise Busy(f"{volume_id} is mounted in the host {entry['role']}; unmount it there")
        if entry["loop"] is not None:
            gone = _release_loop(entry["loop"], volume_file(volume_id).resolve(), wait=0 if force else 0.5)
            if not gone and not force:
                raise Busy(f"{volume_id} is held open in the host {entry['role']}; end what uses it")
        if leader is not None and entry["nvme"] is not None:
            _hide(volume_id, entry, leader)
        del record[volume_id]
        _save(record)


def publish(role: str, leader: int) -> list[str]:
    """A host came up: make the devices of all its attached volumes in its new /dev; return their volume ids."""
    with _lock():
        record = attachments()
        mine = {volume_id: entry for volume_id, entry in record.items() if entry["role"] == role}
        for entry in mine.values():
            entry["nvme"] = None
        for volume_id, entry in mine.items():
            entry["loop"] = _bind_loop(volume_file(volume_id))
            _show(volume_id, entry, leader, _numbers(record, role))
        _save(record)
    return list(mine)


def unpublish(role: str) -> None:
    """A host went down: release its loop devices; what was attached to it stays attached, as to a stopped instance."""
    with _lock():
        record = attachments()
        held = []
        for volume_id, entry in record.items():
            if entry["role"] != role:
                continue
            entry["nvme"] = None
            path = volume_file(volume_id)
            if entry["loop"] is None or _release_loop(entry["loop"], path.resolve()):
                entry["loop"] = None
            else:
                held.append(f"/dev/loop{entry['loop']} ({volume_id})")
        _save(record)
    if held:
        raise Busy(f"devices of the stopped host {role} are still in use: {', '.join(held)}; see who has them mounted")


def orphans() -> list[str]:
    """Loop devices on the pool that no attachment accounts for, and attachments whose volume is gone."""
    record = attachments()
    known = {entry["loop"] for entry in record.values()}
    loops = sorted(_pool_loops().items())
    loose = [f"/dev/loop{number} -> {path.name}" for number, path in loops if number not in known]
    lost = [
        f"{volume_id} attached to {entry['role']} has no bytes"
        for volume_id, entry in record.items()
        if not volume_file(volume_id).exists()
    ]
    return loose + lost


def collect(volumes: set[str], snapshots: set[str]) -> list[str]:
    """Delete the bytes of volumes and snapshots that are in neither set (made by a call that never finished)."""
    removed = []
    for kind, known in (("volumes", volumes), ("snapshots", snapshots)):
        for path in (config.POOL / kind).glob("*.img"):
            if path.stem not in known:
                path.unlink()
                removed.append(path.stem)
    return removed
