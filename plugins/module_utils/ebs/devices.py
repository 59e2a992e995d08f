# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Which block device an EBS volume is on this host, what is on it, and the way back from a path to its volumes.

    volumes(["vol-0123"], wait_seconds=60)   volume ids -> device, partitions, file systems, mounts
    volumes()                                every EBS volume attached to this host
    locate("/data/mongodb")                  path -> mount, file system, volume ids, path on the file system
    mounts()                                 /proc/self/mountinfo, parsed
    filesystem("/dev/nvme1n1")               what blkid sees on a device, None when it is blank

All raise DeviceError, whose text is one sentence for the user. Devices are told apart by major:minor, never by name, as
a name says nothing lasting on Nitro instances. Reading a device with blkid needs root.
"""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from dataclasses import dataclass, field
from typing import Callable

_VOLUME_ID = re.compile(r"^vol-([0-9a-f]{8}|[0-9a-f]{17})$")
_SERIAL = re.compile(r"^vol-?([0-9a-f]{8}|[0-9a-f]{17})$")
# The kernel's udev rules add `_1` (the namespace), Amazon's own add `-ns-1`; both exist beside the plain name.
_BY_ID = re.compile(
    r"^nvme-Amazon_Elastic_Block_Store_vol-?([0-9a-f]{8}|[0-9a-f]{17})(?:_[0-9]+|-ns-[0-9]+)?(?:-part([0-9]+))?$"
)
_OCTAL = re.compile(r"\\([0-7]{3})")
_SBIN = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DeviceError(Exception):
    """One sentence: which volume, device or path, what is wrong, what to do."""


@dataclass(frozen=True)
class Mount:
    """One line of mountinfo."""

    mount_id: int
    major_minor: str
    root: str
    mount_point: str
    options: tuple
    fstype: str
    source: str
    super_options: tuple

    @property
    def read_only(self) -> bool:
        """True when this mount or its file system refuses writes."""
        return "ro" in self.options or "ro" in self.super_options


def _run(argv: list) -> tuple:
    env = {"PATH": _SBIN, "LC_ALL": "C"}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout, done.stderr


def _block_number(path: str) -> str | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    if not stat.S_ISBLK(status.st_mode):
        return None
    return f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"


def _mount_id(path: str) -> int | None:
    """The kernel's own answer to "which mount is this path on", right also where one mount hides another."""
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        with open(f"/proc/self/fdinfo/{descriptor}", encoding="ascii") as info:
            for line in info:
                if line.startswith("mnt_id:"):
                    return int(line.split()[1])
    finally:
        os.close(descriptor)
    return None


@dataclass
class System:
    """Where this host shows its devices; tests give other roots."""

    dev: str = "/dev"
    sys: str = "/sys"
    proc: str = "/proc"
    run: Callable = _run
    block_number: Callable = _block_number
    mount_id: Callable = _mount_id
    clock: Callable = time.monotonic
    sleep: Callable = time.sleep

    def node(self, kernel_path: str) -> str:
        """A path below /dev as this system's root has it."""
        return os.path.join(self.dev, os.path.relpath(kernel_path, "/dev"))


@dataclass
class _View:
    """One look at the host: what is attached now."""

    system: System
    nodes: dict = field(default_factory=dict)  # major:minor -> device node
    disks: dict = field(default_factory=dict)  # volume id -> major:minor of the whole disk
    links: dict = field(default_factory=dict)  # volume id -> by-id link of the whole disk
    stale: dict = field(default_factory=dict)  # volume id -> sentence part on a link that leads nowhere


def mounts(system: System | None = None) -> list:
    """Every mount this process sees, oldest first."""
    system = system or System()
    path = os.path.join(system.proc, "self/mountinfo")
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            return [_parse_mount(line) for line in lines if " - " in line]
    except OSError as error:
        raise DeviceError(f"Cannot read {path} ({error.strerror}): mount /proc on this host.") from error


def filesystem(device: str, system: System | None = None) -> dict | None:
    """{"type", "uuid", "label"} of what blkid sees on the device; None when there is no signature at all."""
    system = system or System()
    found = _probe(device, system)
    if "TYPE" not in found:
        return None
    return {"type": found["TYPE"], "uuid": found.get("UUID"), "label": found.get("LABEL")}


def volumes(volume_ids: list | None = None, wait_seconds: float = 0, system: System | None = None) -> list:
    """Describe the given EBS volumes in their order, or all that are attached; wait for those not there yet."""
    system = system or System()
    for volume_id in volume_ids or []:
        if not _VOLUME_ID.match(volume_id):
            raise DeviceError(f"{volume_id!r} is not an EBS volume id: give one such as vol-0123456789abcdef0.")
    deadline = system.clock() + wait_seconds
    while True:
        view = _look(system)
        missing = [volume_id for volume_id in volume_ids or [] if volume_id not in view.disks]
        if not missing or system.clock() >= deadline:
            break
        system.sleep(min(1.0, max(0.05, deadline - system.clock())))
    if missing:
        raise DeviceError(_not_attached(missing[0], view, wait_seconds))
    table = mounts(system)
    return [_describe(volume_id, view, table) for volume_id in volume_ids or sorted(view.disks)]


def locate(path: str, system: System | None = None) -> dict:
    """Say where a directory or file lies: mount, file system, EBS volumes, and its path from the file system's root."""
    system = system or System()
    if not os.path.isabs(path):
        raise DeviceError(f"{path!r} is not an absolute path: give one that starts with a slash.")
    real = os.path.realpath(path)
    try:
        mount_id = system.mount_id(real)
    except OSError as error:
        raise DeviceError(f"Cannot look at path {path} ({error.strerror}): correct the path.") from error
    table = mounts(system)
    mount = _mount_of(real, mount_id, table)
    if mount is None:
        raise DeviceError(f"No mount in mountinfo holds path {path}: run in the host's own mount namespace.")
    view = _look(system)
    major_minor = _mounted_number(mount, view)
    if major_minor is None:
        raise DeviceError(
            f"Path {path} is on {mount.source} ({mount.fstype}, mounted at {mount.mount_point}), which is not a block"
            " device: put it on a file system of an EBS volume."
        )
    volume_ids = _volumes_under(path, major_minor, mount, view)
    device = view.nodes.get(major_minor, mount.source)
    signature = filesystem(device, system) or {"type": mount.fstype, "uuid": None, "label": None}
    below = os.path.relpath(real, mount.mount_point)
    relative = os.path.normpath(os.path.join(mount.root.lstrip("/"), below))
    return {
        "path": path,
        "mount_point": mount.mount_point,
        "mount_root": mount.root,
        "mount_options": list(mount.options),
        "read_only": mount.read_only,
        "relative_path": relative,
        "device": device,
        "major_minor": major_minor,
        "filesystem": signature,
        "volume_ids": volume_ids,
        "volume_id": volume_ids[0] if len(volume_ids) == 1 else None,
        "on_root_volume": _on_root(volume_ids, table, view),
    }


# ---- looking


def _look(system: System) -> _View:
    view = _View(system)
    _find_nodes(view)
    _find_serials(view)
    _find_links(view)
    return view


def _find_nodes(view: _View) -> None:
    system = view.system
    for name in _listdir(system.dev):
        path = os.path.join(system.dev, name)
        number = None if os.path.islink(path) else system.block_number(path)
        if number:
            view.nodes[number] = path


def _find_serials(view: _View) -> None:
    """The NVMe serial is the volume id; unlike a link it cannot be stale."""
    system = view.system
    for name in _listdir(os.path.join(system.sys, "block")):
        base = os.path.join(system.sys, "block", name)
        controller = re.match(r"^(nvme[0-9]+)n[0-9]+$", name)
        if not controller:
            continue
        serial = _read(os.path.join(base, "device/serial")) or _read(
            os.path.join(system.sys, "class/nvme", controller.group(1), "serial")
        )
        found = _SERIAL.match(serial or "")
        number = _read(os.path.join(base, "dev"))
        # A container may see the machine's /sys and a /dev of its own: a disk without a node here is not ours.
        if found and number and number in view.nodes:
            view.disks[f"vol-{found.group(1)}"] = number


def _find_links(view: _View) -> None:
    system = view.system
    directory = os.path.join(system.dev, "disk/by-id")
    by_number = {number: volume_id for volume_id, number in view.disks.items()}
    for name in sorted(_listdir(directory)):
        found = _BY_ID.match(name)
        if not found or found.group(2):
            continue
        volume_id = f"vol-{found.group(1)}"
        link = os.path.join(directory, name)
        node = os.path.realpath(link)
        number = system.block_number(node)
        if number is None:
            view.stale.setdefault(volume_id, f"{link} points at {node}, which is no block device")
        elif by_number.get(number, volume_id) != volume_id:
            view.stale.setdefault(volume_id, f"{link} points at {node}, which by its serial is {by_number[number]}")
        elif view.disks.setdefault(volume_id, number) == number:
            view.nodes.setdefault(number, node)
            view.links.setdefault(volume_id, link)


def _not_attached(volume_id: str, view: _View, wait_seconds: float) -> str:
    waited = f" after waiting {wait_seconds:g} s" if wait_seconds else ""
    if volume_id in view.stale:
        return (
            f"Volume {volume_id} has no device on this host{waited}: {view.stale[volume_id]}; attach the volume or,"
            " if it is attached, run `udevadm trigger --subsystem-match=block`."
        )
    seen = [f"{other} at {view.nodes[number]}" for other, number in sorted(view.disks.items())]
    xen = _xen_disks(view.system)
    if xen and not seen:
        return (
            f"Volume {volume_id} cannot be told from the others on this host: its disks ({', '.join(xen)}) have Xen"
            " device names, which are not supported; use an instance type of the Nitro system."
        )
    return (
        f"Volume {volume_id} is not attached to this host{waited}: EBS volumes seen are {', '.join(seen) or 'none'};"
        " attach it to this instance and wait for the state `in-use`."
    )


def _xen_disks(system: System) -> list:
    return sorted(name for name in _listdir(os.path.join(system.sys, "block")) if re.match(r"^xvd[a-z]+[0-9]*$", name))


# ---- describing


def _describe(volume_id: str, view: _View, table: list) -> dict:
    number = view.disks[volume_id]
    disk = _block(number, view, table)
    partitions = []
    for child in _partitions(number, view.system):
        partition = _block(child["major_minor"], view, table, name=child["kernel_name"])
        partition["number"] = child["number"]
        partitions.append(partition)
    everything = [disk, *partitions]
    points = sorted({mount["mount_point"] for block in everything for mount in block["mounts"]})
    return {
        "volume_id": volume_id,
        **disk,
        "by_id": view.links.get(volume_id),
        "partitions": partitions,
        "mount_points": points,
        "is_root_volume": "/" in points,
    }


def _block(number: str, view: _View, table: list, name: str | None = None) -> dict:
    system = view.system
    base = os.path.join(system.sys, "dev/block", number)
    kernel_name = name or _kernel_name(number, view)
    node = view.nodes.get(number)
    if node is None:
        raise DeviceError(
            f"Device {kernel_name} ({number}) has no node below {system.dev} on this host: run"
            " `udevadm trigger --subsystem-match=block` and try again."
        )
    sectors = _read(os.path.join(base, "size"))
    used_by = sorted({holder for holder in _holders(number, system) if holder != number})
    return {
        "device": node,
        "kernel_name": kernel_name,
        "major_minor": number,
        "size_bytes": int(sectors) * 512 if sectors else None,
        "filesystem": filesystem(node, system),
        "mounts": [
            {
                "mount_point": mount.mount_point,
                "root": mount.root,
                "fstype": mount.fstype,
                "options": list(mount.options),
                "read_only": mount.read_only,
            }
            for mount in table
            if _mounted_number(mount, view) in {number, *used_by}
        ],
        "used_by": [_kernel_name(holder, view) for holder in used_by],
    }


def _kernel_name(number: str, view: _View) -> str:
    entry = os.path.join(view.system.sys, "dev/block", number)
    if os.path.exists(entry):
        return os.path.basename(os.path.realpath(entry))
    return os.path.basename(view.nodes.get(number, number))


def _partitions(number: str, system: System) -> list:
    base = os.path.join(system.sys, "dev/block", number)
    found = []
    for name in _listdir(base):
        index = _read(os.path.join(base, name, "partition"))
        child = _read(os.path.join(base, name, "dev"))
        if index and child:
            found.append({"number": int(index), "kernel_name": name, "major_minor": child})
    return sorted(found, key=lambda partition: partition["number"])


def _holders(number: str, system: System) -> list:
    """The LVM, RAID or other mapped devices that are built on this one, at any height."""
    found = []
    base = os.path.join(system.sys, "dev/block", number, "holders")
    for name in _listdir(base):
        holder = _read(os.path.join(base, name, "dev"))
        if holder:
            found += [holder, *_holders(holder, system)]
    return found


def _probe(device: str, system: System) -> dict:
    try:
        code, out, err = system.run(["blkid", "-p", "-o", "export", device])
    except (OSError, subprocess.SubprocessError) as error:
        raise DeviceError(f"Cannot run blkid on {device} ({error}): install util-linux on this host.") from error
    if code == 2 and not err.strip():
        return {}
    if code == 8:
        raise DeviceError(f"Device {device} carries signatures of several file systems: look with `wipefs {device}`.")
    if code:
        raise DeviceError(f"blkid cannot read {device} ({err.strip() or f'exit code {code}'}): run as root (become).")
    pairs = (line.split("=", 1) for line in out.splitlines() if "=" in line)
    return {key: re.sub(r"\\(.)", r"\1", value) for key, value in pairs}


# ---- from a path to its volumes


def _mount_of(real: str, mount_id: int | None, table: list) -> Mount | None:
    if mount_id is not None:
        return next((mount for mount in table if mount.mount_id == mount_id), None)
    holding = [mount for mount in table if f"{real}/".startswith(mount.mount_point.rstrip("/") + "/")]
    # max() keeps the first of equals, and the later of two mounts at one place hides the earlier.
    return max(reversed(holding), key=lambda mount: len(mount.mount_point), default=None)


def _mounted_number(mount: Mount, view: _View) -> str | None:
    if not mount.major_minor.startswith("0:"):
        return mount.major_minor
    # btrfs gives its mounts an anonymous number; only the source names the device.
    if mount.source.startswith("/dev/"):
        return view.system.block_number(os.path.realpath(view.system.node(mount.source)))
    return None


def _volumes_under(path: str, number: str, mount: Mount, view: _View) -> list:
    numbers = [number]
    if mount.fstype == "btrfs":
        numbers = _btrfs_members(number, view) or numbers
    for option in mount.super_options:
        # XFS can keep its log or realtime data on a second device, without which a copy is worthless.
        if option.startswith(("logdev=", "rtdev=")):
            extra = view.system.block_number(os.path.realpath(view.system.node(option.split("=", 1)[1])))
            numbers += [extra] if extra else []
    owners = {number: volume_id for volume_id, number in view.disks.items()}
    found = []
    for leaf in [leaf for member in numbers for leaf in _leaves(member, owners, view.system)]:
        if leaf not in owners:
            raise DeviceError(_not_ebs(path, leaf, view))
        found.append(owners[leaf])
    return sorted(set(found))


def _btrfs_members(number: str, view: _View) -> list:
    name = _kernel_name(number, view)
    for uuid in _listdir(os.path.join(view.system.sys, "fs/btrfs")):
        base = os.path.join(view.system.sys, "fs/btrfs", uuid, "devices")
        members = _listdir(base)
        if name in members:
            numbers = [_read(os.path.join(base, member, "dev")) for member in members]
            return [number for number in numbers if number]
    return []


def _leaves(number: str, owners: dict, system: System) -> list:
    if number in owners:
        return [number]
    base = os.path.realpath(os.path.join(system.sys, "dev/block", number))
    if os.path.exists(os.path.join(base, "partition")):
        parent = _read(os.path.join(os.path.dirname(base), "dev"))
        return _leaves(parent, owners, system) if parent else [number]
    below = [_read(os.path.join(base, "slaves", name, "dev")) for name in _listdir(os.path.join(base, "slaves"))]
    return [leaf for slave in below if slave for leaf in _leaves(slave, owners, system)] or [number]


def _not_ebs(path: str, number: str, view: _View) -> str:
    name = _kernel_name(number, view)
    device = view.nodes.get(number, name)
    if name.startswith("xvd"):
        return (
            f"Path {path} is on {device}, a Xen device name, which is not supported:"
            " use an instance type of the Nitro system."
        )
    model = _read(os.path.join(view.system.sys, "dev/block", number, "device/model")) or "unknown model"
    return (
        f"Path {path} is on {device} ({model}), which is no EBS volume and cannot be snapshotted:"
        " put it on an EBS volume."
    )


def _on_root(volume_ids: list, table: list, view: _View) -> bool:
    owners = {number: volume_id for volume_id, number in view.disks.items()}
    roots = [mount for mount in table if mount.mount_point == "/"]
    number = _mounted_number(roots[-1], view) if roots else None
    leaves = _leaves(number, owners, view.system) if number else []
    return bool({owners.get(leaf) for leaf in leaves} & set(volume_ids))


# ---- reading


def _parse_mount(line: str) -> Mount:
    left, right = line.rstrip("\n").split(" - ", 1)
    fields = left.split(" ")
    fstype, source, super_options = (right.split(" ") + ["", ""])[:3]
    return Mount(
        mount_id=int(fields[0]),
        major_minor=fields[2],
        root=_unescape(fields[3]),
        mount_point=_unescape(fields[4]),
        options=tuple(fields[5].split(",")),
        fstype=fstype,
        source=_unescape(source),
        super_options=tuple(_unescape(super_options).split(",")),
    )


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda code: chr(int(code.group(1), 8)), text)


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip() or None
    except OSError:
        return None


def _listdir(path: str) -> list:
    try:
        return os.listdir(path)
    except OSError:
        return []
