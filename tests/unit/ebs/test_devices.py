# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Devices and paths on hosts as they are met: trees of sysfs, /dev and mountinfo, and one real loop device."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices
from ansible_collections.stagesync.aws.plugins.modules import ebs_device_info

DATA = "vol-0123456789abcdef0"
ROOT = "vol-0aaaaaaaaaaaaaaaa"
OTHER = "vol-0bbbbbbbbbbbbbbbb"
XFS = "TYPE=xfs\nUUID=1b2c\nLABEL=data\\ one\nUSAGE=filesystem\n"


class FakeHost:
    """A host's /dev, /sys and /proc below a directory."""

    def __init__(self, base):
        self.dev, self.sys, self.proc = (str(base / name) for name in ("dev", "sys", "proc"))
        for path in (f"{self.dev}/disk/by-id", f"{self.sys}/block", f"{self.sys}/dev/block", f"{self.proc}/self"):
            os.makedirs(path)
        self.numbers = {}
        self.signatures = {}
        self.lines = []
        self.now = 0.0
        self.later = []

    def block(self, name, number, parent=None, node=None, size_gib=10):
        base = f"{self.sys}/devices/{parent}/{name}" if parent else f"{self.sys}/devices/{name}"
        os.makedirs(base)
        self.write(f"{base}/dev", number)
        self.write(f"{base}/size", str(size_gib * 2**21))
        os.symlink(base, f"{self.sys}/dev/block/{number}")
        if not parent:
            os.symlink(base, f"{self.sys}/block/{name}")
        path = f"{self.dev}/{node or name}"
        self.write(path, "")
        self.numbers[path] = number
        return base

    def nvme(self, name, number, volume_id, serial_in="device", link="", **more):
        base = self.block(name, number, **more)
        serial = volume_id.replace("-", "")
        if serial_in == "device":
            os.makedirs(f"{base}/device")
            self.write(f"{base}/device/serial", f"{serial}   \n")
        elif serial_in == "class":
            controller = name[: name.index("n", 4)]
            os.makedirs(f"{self.sys}/class/nvme/{controller}")
            self.write(f"{self.sys}/class/nvme/{controller}/serial", serial)
        if link is not None:
            self.link(volume_id, f"../../{name}", link)

    def link(self, volume_id, target, suffix=""):
        name = f"nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '')}{suffix}"
        os.symlink(target, f"{self.dev}/disk/by-id/{name}")

    def partition(self, parent, name, number, index):
        self.write(f"{self.block(name, number, parent=parent)}/partition", str(index))

    def mapped(self, name, number, slaves):
        base = self.block(name, number)
        os.makedirs(f"{base}/slaves")
        for slave in slaves:
            below = os.path.realpath(f"{self.sys}/dev/block/{slave}")
            os.symlink(below, f"{base}/slaves/{os.path.basename(below)}")
            os.makedirs(f"{below}/holders", exist_ok=True)
            os.symlink(base, f"{below}/holders/{name}")

    def mount(self, number, point, root="/", fstype="xfs", source="none", options="rw", super_options="rw"):
        self.lines.append(
            f"{len(self.lines) + 20} 1 {number} {root} {point} {options} shared:1 - {fstype} {source} {super_options}\n"
        )
        self.write(f"{self.proc}/self/mountinfo", "".join(self.lines))

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

    def blkid(self, argv):
        assert argv[:4] == ["blkid", "-p", "-o", "export"]
        found = self.signatures.get(os.path.basename(argv[4]), "")
        return found if isinstance(found, tuple) else (0 if found else 2, found, "")

    def sleep(self, seconds):
        self.now += seconds
        if self.later and self.now >= self.later[0][0]:
            self.later.pop(0)[1]()

    @property
    def system(self):
        return devices.System(
            dev=self.dev,
            sys=self.sys,
            proc=self.proc,
            run=self.blkid,
            block_number=self.numbers.get,
            mount_id=lambda _path: None,
            clock=lambda: self.now,
            sleep=self.sleep,
        )


@pytest.fixture
def host(tmp_path):
    """A Nitro instance: a partitioned root volume, and a data volume with XFS on the whole device."""
    host = FakeHost(tmp_path)
    host.nvme("nvme0n1", "259:0", ROOT, size_gib=8)
    host.partition("nvme0n1", "nvme0n1p1", "259:1", 1)
    host.partition("nvme0n1", "nvme0n1p15", "259:2", 15)
    host.nvme("nvme1n1", "259:3", DATA)
    host.signatures = {"nvme0n1": "PTTYPE=gpt\n", "nvme0n1p1": "TYPE=ext4\nUUID=9f\n", "nvme1n1": XFS}
    host.mount("0:21", "/proc", fstype="proc", source="proc")
    host.mount("259:1", "/", fstype="ext4", source="/dev/root")
    host.mount("259:3", "/data/mongodb", source="/dev/nvme1n1")
    return host


def test_a_data_volume_is_described_whole(host):
    (volume,) = devices.volumes([DATA], system=host.system)
    mount = {"mount_point": "/data/mongodb", "root": "/", "fstype": "xfs", "options": ["rw"], "read_only": False}
    assert volume == {
        "volume_id": DATA,
        "device": f"{host.dev}/nvme1n1",
        "kernel_name": "nvme1n1",
        "major_minor": "259:3",
        "size_bytes": 10 * 2**30,
        "filesystem": {"type": "xfs", "uuid": "1b2c", "label": "data one"},
        "mounts": [mount],
        "used_by": [],
        "by_id": f"{host.dev}/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0",
        "partitions": [],
        "mount_points": ["/data/mongodb"],
        "is_root_volume": False,
    }


def test_the_root_volume_is_known_by_its_partition(host):
    (volume,) = devices.volumes([ROOT], system=host.system)
    assert volume["is_root_volume"]
    assert volume["filesystem"] is None
    assert [(part["number"], part["kernel_name"]) for part in volume["partitions"]] == [
        (1, "nvme0n1p1"),
        (15, "nvme0n1p15"),
    ]
    assert volume["partitions"][0]["filesystem"] == {"type": "ext4", "uuid": "9f", "label": None}
    assert volume["partitions"][0]["mounts"][0]["mount_point"] == "/"


def test_without_ids_every_volume_is_returned_and_the_order_of_ids_is_kept(host):
    assert [volume["volume_id"] for volume in devices.volumes(system=host.system)] == [DATA, ROOT]
    assert [volume["volume_id"] for volume in devices.volumes([ROOT, DATA], system=host.system)] == [ROOT, DATA]


@pytest.mark.parametrize("serial_in", ["device", "class"])
def test_the_serial_is_enough_without_a_link(tmp_path, serial_in):
    host = FakeHost(tmp_path)
    host.nvme("nvme12n1", "259:9", DATA, serial_in=serial_in, link=None)
    host.mount("259:9", "/data")
    (volume,) = devices.volumes([DATA], system=host.system)
    assert (volume["kernel_name"], volume["by_id"]) == ("nvme12n1", None)


@pytest.mark.parametrize("suffix", ["", "_1", "-ns-1"])
def test_a_link_is_enough_without_a_serial(tmp_path, suffix):
    host = FakeHost(tmp_path)
    host.nvme("nvme1n1", "7:3", DATA, serial_in=None, link=suffix)
    host.link(DATA, "../../nvme1n1p1", f"{suffix}-part1")
    host.mount("7:3", "/data")
    (volume,) = devices.volumes([DATA], system=host.system)
    assert volume["device"] == f"{host.dev}/nvme1n1"


def test_a_node_may_have_another_name_than_the_kernel_gives_it(tmp_path):
    host = FakeHost(tmp_path)
    host.block("loop4", "7:4", node="nvme1n1")
    host.link(DATA, "../../nvme1n1")
    host.mount("7:4", "/data", source="/dev/nvme1n1")
    (volume,) = devices.volumes([DATA], system=host.system)
    assert (volume["device"], volume["kernel_name"]) == (f"{host.dev}/nvme1n1", "loop4")
    assert volume["mount_points"] == ["/data"]


def test_a_disk_of_the_machine_without_a_node_here_is_not_ours(host):
    os.remove(f"{host.dev}/nvme1n1")
    del host.numbers[f"{host.dev}/nvme1n1"]
    host.block("loop9", "7:9", node="nvme1n1")
    os.remove(f"{host.dev}/disk/by-id/nvme-Amazon_Elastic_Block_Store_{DATA.replace('-', '')}")
    with pytest.raises(devices.DeviceError) as caught:
        devices.volumes([DATA], system=host.system)
    assert f"Volume {DATA} is not attached to this host" in str(caught.value)


def test_a_volume_that_is_not_attached_is_named_with_what_was_seen(host):
    with pytest.raises(devices.DeviceError) as caught:
        devices.volumes([DATA, OTHER], system=host.system)
    assert f"Volume {OTHER} is not attached" in str(caught.value)
    assert f"{DATA} at {host.dev}/nvme1n1" in str(caught.value)
    assert host.now == 0


def test_waiting_ends_when_the_device_appears(host):
    host.later = [(3, lambda: host.nvme("nvme2n1", "259:7", OTHER))]
    (volume,) = devices.volumes([OTHER], wait_seconds=60, system=host.system)
    assert volume["filesystem"] is None
    assert 3 <= host.now < 5


def test_waiting_ends_when_the_time_is_over(host):
    with pytest.raises(devices.DeviceError, match="after waiting 5 s"):
        devices.volumes([OTHER], wait_seconds=5, system=host.system)
    assert host.now == pytest.approx(5, abs=0.1)


def test_a_link_that_leads_nowhere_is_said(host):
    host.link(OTHER, "../../nvme9n1")
    with pytest.raises(devices.DeviceError, match="points at .*nvme9n1, which is no block device"):
        devices.volumes([OTHER], system=host.system)


def test_a_link_that_leads_to_another_volume_is_not_believed(host):
    host.link(OTHER, "../../nvme1n1")
    with pytest.raises(devices.DeviceError, match=f"which by its serial is {DATA}"):
        devices.volumes([OTHER], system=host.system)


def test_xen_names_are_refused(tmp_path):
    host = FakeHost(tmp_path)
    host.block("xvda", "202:0")
    host.block("xvdf", "202:80")
    host.mount("202:80", "/data/mongodb", source="/dev/xvdf")
    with pytest.raises(devices.DeviceError, match=r"\(xvda, xvdf\) have Xen"):
        devices.volumes([DATA], system=host.system)
    with pytest.raises(devices.DeviceError, match="xvdf, a Xen device name"):
        devices.locate("/data/mongodb", host.system)


@pytest.mark.parametrize("volume_id", ["vol0123456789abcdef0", "vol-xyz", "/dev/nvme1n1", ""])
def test_what_is_no_volume_id_is_refused(host, volume_id):
    with pytest.raises(devices.DeviceError, match="is not an EBS volume id"):
        devices.volumes([volume_id], system=host.system)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((2, "", "blkid: error: /dev/nvme1n1: Permission denied"), "Permission denied.*become"),
        ((8, "", ""), "several file systems"),
        ((1, "", ""), "exit code 1"),
    ],
)
def test_a_device_that_blkid_cannot_read_is_said(host, answer, says):
    host.signatures["nvme1n1"] = answer
    with pytest.raises(devices.DeviceError, match=says):
        devices.volumes([DATA], system=host.system)


def test_a_host_without_blkid_is_told_to_install_it(host):
    system = host.system
    system.run = lambda argv: (none for none in ()).throw(FileNotFoundError(2, "No such file or directory", argv[0]))
    with pytest.raises(devices.DeviceError, match="install util-linux"):
        devices.filesystem(f"{host.dev}/nvme1n1", system)


@pytest.mark.parametrize(
    ("path", "relative"),
    [("/data/mongodb", "."), ("/data/mongodb/", "."), ("/data/mongodb/db/one", "db/one")],
)
def test_a_path_leads_to_its_volume(host, path, relative):
    found = devices.locate(path, host.system)
    assert (found["volume_id"], found["volume_ids"], found["relative_path"]) == (DATA, [DATA], relative)
    assert (found["mount_point"], found["on_root_volume"]) == ("/data/mongodb", False)
    assert found["filesystem"] == {"type": "xfs", "uuid": "1b2c", "label": "data one"}


def test_a_neighbour_with_the_same_beginning_is_not_on_the_volume(host):
    found = devices.locate("/data/mongodb-old", host.system)
    assert (found["mount_point"], found["volume_id"], found["on_root_volume"]) == ("/", ROOT, True)
    assert found["relative_path"] == "data/mongodb-old"


def test_a_bind_mount_is_traced_to_the_root_of_its_file_system(host):
    host.mount("259:3", "/srv/my\\040db", root="/tenants/a", source="/dev/nvme1n1")
    found = devices.locate("/srv/my db/wt", host.system)
    assert (found["mount_point"], found["relative_path"], found["volume_id"]) == ("/srv/my db", "tenants/a/wt", DATA)
    (volume,) = devices.volumes([DATA], system=host.system)
    assert volume["mount_points"] == ["/data/mongodb", "/srv/my db"]


def test_of_two_mounts_at_one_place_the_later_counts(host):
    host.nvme("nvme2n1", "259:7", OTHER)
    host.mount("259:7", "/data/mongodb", options="ro")
    found = devices.locate("/data/mongodb", host.system)
    assert (found["volume_id"], found["read_only"]) == (OTHER, True)


def test_the_kernels_own_answer_wins_over_the_longest_mount_point(host):
    host.nvme("nvme2n1", "259:7", OTHER)
    host.mount("259:7", "/data")
    system = host.system
    system.mount_id = lambda _path: 23
    assert devices.locate("/data/mongodb", system)["volume_id"] == OTHER


@pytest.mark.parametrize("name", ["dm-0", "md0"])
def test_lvm_and_raid_are_followed_to_all_volumes(host, name):
    host.nvme("nvme2n1", "259:7", OTHER)
    host.partition("nvme2n1", "nvme2n1p1", "259:8", 1)
    host.nvme("nvme3n1", "259:9", "vol-0cccccccccccccccc")
    host.mapped("md127", "9:127", ["259:8", "259:9"])
    host.mapped(name, "253:0", ["9:127"])
    host.mount("253:0", "/data/lvm", source="/dev/mapper/data")
    found = devices.locate("/data/lvm/db", host.system)
    assert (found["volume_ids"], found["volume_id"]) == ([OTHER, "vol-0cccccccccccccccc"], None)
    (volume,) = devices.volumes([OTHER], system=host.system)
    assert volume["partitions"][0]["used_by"] == sorted([name, "md127"])
    assert volume["mount_points"] == ["/data/lvm"]


def test_an_array_with_a_disk_that_is_no_ebs_volume_is_refused(host):
    host.block("nvme8n1", "259:20")
    host.mapped("md0", "9:0", ["259:3", "259:20"])
    host.mount("9:0", "/data/md")
    with pytest.raises(devices.DeviceError, match="nvme8n1 .*no EBS volume and cannot be snapshotted"):
        devices.locate("/data/md", host.system)


def test_an_external_xfs_log_belongs_to_the_volumes(host):
    host.nvme("nvme2n1", "259:7", OTHER)
    host.mount("259:3", "/data/ext", source="/dev/nvme1n1", super_options="rw,logdev=/dev/nvme2n1")
    assert devices.locate("/data/ext", host.system)["volume_ids"] == [DATA, OTHER]


def test_btrfs_is_found_by_its_source_and_brings_all_its_members(host):
    host.nvme("nvme2n1", "259:7", OTHER)
    members = f"{host.sys}/fs/btrfs/1b2c/devices"
    os.makedirs(members)
    for name in ("nvme1n1", "nvme2n1"):
        os.symlink(f"{host.sys}/devices/{name}", f"{members}/{name}")
    host.mount("0:50", "/data/btrfs", root="/@db", fstype="btrfs", source="/dev/nvme1n1")
    found = devices.locate("/data/btrfs/x", host.system)
    assert (found["volume_ids"], found["relative_path"]) == ([DATA, OTHER], "@db/x")


def test_a_path_on_memory_is_refused(host):
    host.mount("0:40", "/run", fstype="tmpfs", source="tmpfs")
    with pytest.raises(devices.DeviceError, match=r"tmpfs, mounted at /run\), which is not a block device"):
        devices.locate("/run/db", host.system)


def test_a_path_that_is_missing_or_relative_is_refused(host, tmp_path):
    with pytest.raises(devices.DeviceError, match="No such file or directory"):
        devices.locate(str(tmp_path / "none"))
    with pytest.raises(devices.DeviceError, match="not an absolute path"):
        devices.locate("data/db", host.system)


@pytest.mark.parametrize(
    ("volume_ids", "paths", "volumes"), [(None, None, [DATA, ROOT]), ([], None, []), (None, ["/data/mongodb"], [])]
)
def test_the_module_lists_all_only_when_nothing_is_asked(host, volume_ids, paths, volumes):
    result = ebs_device_info.run({"volume_ids": volume_ids, "paths": paths, "wait_seconds": 0}, host.system)
    assert [volume["volume_id"] for volume in result["volumes"]] == volumes
    assert [path["volume_id"] for path in result["paths"]] == [DATA for _path in paths or []]


@pytest.fixture
def loop(tmp_path):
    """A real loop device with XFS, mounted, shown as an EBS volume by a link."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("losetup", "mkfs.xfs", "blkid"))):
        pytest.skip("needs root, losetup, blkid and mkfs.xfs")
    image, point = tmp_path / "disk.img", tmp_path / "mnt"
    point.mkdir()
    with open(image, "wb") as file:
        file.truncate(320 * 2**20)
    made = subprocess.run(["losetup", "-f", "--show", str(image)], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no loop device: {made.stderr.strip()}")
    device = made.stdout.strip()
    try:
        subprocess.run(["mkfs.xfs", "-q", "-L", "data", device], check=True)
        subprocess.run(["mount", device, str(point)], check=True)
        by_id = tmp_path / "dev/disk/by-id"
        by_id.mkdir(parents=True)
        (by_id / "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0").symlink_to(device)
        yield device, point, devices.System(dev=str(tmp_path / "dev"))
    finally:
        subprocess.run(["umount", str(point)], check=False)
        subprocess.run(["losetup", "-d", device], check=False)


def test_on_a_real_device_both_ways_agree(loop):
    device, point, system = loop
    (point / "db").mkdir()
    (volume,) = devices.volumes([DATA], system=system)
    assert (volume["device"], volume["size_bytes"]) == (device, 320 * 2**20)
    assert volume["mount_points"] == [str(point)]
    assert (volume["filesystem"]["type"], volume["filesystem"]["label"]) == ("xfs", "data")
    found = devices.locate(str(point / "db"), system)
    assert (found["volume_id"], found["relative_path"], found["device"]) == (DATA, "db", device)
    assert found["filesystem"] == volume["filesystem"]
