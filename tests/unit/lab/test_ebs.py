"""The lab's block storage on real loop devices and a real XFS pool."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from stagesync_lab import ebs

pytestmark = pytest.mark.usefixtures("pool")

VOLUME = "vol-0123456789abcdef0"
LINK = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"


def write(volume_id: str, text: bytes, at: int = 0) -> None:
    with open(ebs.volume_file(volume_id), "r+b") as handle:
        handle.seek(at)
        handle.write(text)


def read(path, length: int, at: int = 0) -> bytes:
    with open(path, "rb") as handle:
        handle.seek(at)
        return handle.read(length)


def until(condition, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def loops(root: Path | None = None) -> list[str]:
    """What loop devices serve: of this pool, or of everything under a directory."""
    return [backing for backing in ebs._loops().values() if backing.startswith(f"{root or ebs.config.POOL}/")]


def test_ensuring_the_pool_twice_keeps_what_it_holds():
    ebs.create_volume(VOLUME, 1)
    write(VOLUME, b"kept")
    ebs.ensure_pool()
    assert read(ebs.volume_file(VOLUME), 4) == b"kept"


def test_the_pool_comes_back_after_a_reboot():
    ebs.create_volume(VOLUME, 1)
    write(VOLUME, b"kept")
    ebs._run("umount", str(ebs.config.POOL))
    ebs._release_loop(ebs._loop_of(ebs.image()), ebs.image())
    assert not ebs.pool_mounted()
    ebs.ensure_pool()
    assert read(ebs.volume_file(VOLUME), 4) == b"kept"


def test_an_unfinished_pool_is_made_again():
    ebs.remove_pool()
    ebs.image().with_suffix(".draft").write_bytes(b"half a file system")
    ebs.ensure_pool()
    assert ebs.pool_mounted()


def test_removing_the_pool_leaves_no_mount_loop_or_file(pool, host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.stop()
    ebs.remove_pool()
    assert not ebs.pool_mounted()
    assert not loops(pool)
    assert not ebs.image().exists()
    assert ebs.attachments() == {}


def test_removing_the_pool_is_refused_while_a_host_uses_a_volume(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.run(f"mkfs.xfs -q {LINK} && mount {LINK} /dev/mnt")
    with pytest.raises(ebs.Busy, match="still in use: /dev/loop.*stop the hosts first"):
        ebs.remove_pool()
    host.run("umount /dev/mnt")


def test_a_snapshot_holds_the_moment_it_was_taken():
    ebs.create_volume(VOLUME, 1)
    write(VOLUME, b"before")
    ebs.create_snapshots({VOLUME: "snap-1"})
    write(VOLUME, b"after!")
    ebs.create_volume("vol-restored", 2, "snap-1")
    assert read(ebs.volume_file("vol-restored"), 6) == b"before"
    assert ebs.volume_file("vol-restored").stat().st_size == 2 * ebs.GIB
    write("vol-restored", b"other.")
    assert read(ebs.snapshot_file("snap-1"), 6) == b"before"


def test_snapshots_share_their_bytes_with_the_volume_and_deleting_frees_them():
    ebs.create_volume(VOLUME, 1)
    write(VOLUME, os.urandom(64 << 20))
    os.sync()
    used = shutil.disk_usage(ebs.config.POOL).used
    ebs.create_snapshots({VOLUME: "snap-1"})
    assert shutil.disk_usage(ebs.config.POOL).used - used < 1 << 20
    assert ebs.snapshot_bytes("snap-1") == 64 << 20
    ebs.delete_volume(VOLUME)
    ebs.delete_snapshot("snap-1")
    freed = until(lambda: used - shutil.disk_usage(ebs.config.POOL).used > 60 << 20)  # XFS frees in the background
    assert freed


def test_a_set_of_snapshots_that_cannot_be_completed_leaves_none():
    ebs.create_volume(VOLUME, 1)
    with pytest.raises(FileNotFoundError):
        ebs.create_snapshots({VOLUME: "snap-1", "vol-missing": "snap-2"})
    assert not ebs.snapshot_file("snap-1").exists()


WRITER = """
import os, sys
first, second = (os.open(path, os.O_RDWR) for path in sys.argv[1:])
number = 0
while True:
    number += 1
    os.pwrite(first, number.to_bytes(8, "big"), 0)
    os.pwrite(second, number.to_bytes(8, "big"), 0)
"""


def test_no_write_of_a_host_is_in_one_snapshot_of_a_set_without_what_it_followed(host, monkeypatch):
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    root = next((fields[1] for fields in mounts if fields[2] == "cgroup2"), None)
    if root is None or not os.access(root, os.W_OK):
        pytest.skip("needs a writable cgroup2")
    group = Path(root) / f"stagesync-test-{os.getpid()}"
    group.mkdir()
    ebs.create_volume("vol-first", 1)
    ebs.create_volume("vol-second", 1)
    files = [str(ebs.volume_file(name)) for name in ("vol-first", "vol-second")]
    clone = ebs._clone
    monkeypatch.setattr(ebs, "_clone", lambda source, target: (time.sleep(0.02), clone(source, target)))
    writer = subprocess.Popen([sys.executable, "-c", WRITER, *files])
    try:
        for pid in (host.process.pid, writer.pid):
            (group / "cgroup.procs").write_text(str(pid))
        assert until(lambda: read(files[1], 8) > bytes(8))
        for number in range(10):
            pairs = {"vol-first": f"snap-a{number}", "vol-second": f"snap-b{number}"}
            ebs.create_snapshots(pairs, "staging")
            first, second = (int.from_bytes(read(ebs.snapshot_file(s), 8), "big") for s in pairs.values())
            assert first - second in (0, 1)
        before = read(files[1], 8)
        assert until(lambda: read(files[1], 8) != before), "the host was left frozen"
    finally:
        writer.kill()
        writer.wait()
        host.stop()
        assert until(lambda: not (group / "cgroup.procs").read_text())
        group.rmdir()


def test_an_attached_volume_appears_under_the_next_free_number_with_its_links(host):
    for volume_id in (VOLUME, "vol-b", "vol-c"):
        ebs.create_volume(volume_id, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    ebs.attach("vol-b", "staging", "/dev/sdg")
    assert ebs.host_device("vol-b") == "/dev/nvme2n1"
    ebs.detach(VOLUME)
    ebs.attach("vol-c", "staging", "/dev/sdh")
    assert host.run("ls /dev | grep nvme").split() == ["nvme1n1", "nvme2n1"]
    by_id = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_volc"
    assert host.run(f"readlink -f {by_id} {by_id}_1").split() == ["/dev/nvme1n1"] * 2
    assert host.run("stat -c %a /dev/nvme1n1").strip() == "660"
    assert not os.path.exists("/dev/nvme1n1")


def test_what_a_host_writes_is_in_the_snapshot_and_in_the_volume_made_from_it(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.run(f"mkfs.xfs -q {LINK} && mount {LINK} /dev/mnt && echo hello > /dev/mnt/f && sync /dev/mnt/f")
    ebs.create_snapshots({VOLUME: "snap-1"}, "staging")
    host.run("echo later > /dev/mnt/f && umount /dev/mnt")
    ebs.create_volume("vol-b", 1, "snap-1")
    ebs.attach("vol-b", "staging", "/dev/sdg")
    host.run("mount -o nouuid /dev/nvme2n1 /dev/mnt")
    assert host.run("cat /dev/mnt/f; umount /dev/mnt") == "hello\n"


def test_attaching_again_changes_nothing(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    before = ebs.attachments()
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    assert ebs.attachments() == before
    assert host.run("ls /dev | grep nvme").split() == ["nvme1n1"]


@pytest.mark.usefixtures("host")
def test_attaching_to_another_host_is_refused():
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    with pytest.raises(ebs.StorageError, match="attached to the host staging, not primary"):
        ebs.attach(VOLUME, "primary", "/dev/sdf")


def test_a_mounted_volume_is_busy_until_it_is_unmounted(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.run(f"mkfs.xfs -q {LINK} && mount {LINK} /dev/mnt")
    with pytest.raises(ebs.Busy, match="mounted in the host staging"):
        ebs.detach(VOLUME)
    assert host.run(f"readlink {LINK}").strip() == "../../nvme1n1"
    host.run("umount /dev/mnt")
    ebs.detach(VOLUME)
    assert host.run("ls /dev/disk/by-id; ls /dev | grep nvme || true") == ""
    assert not loops()
    assert ebs.attachments() == {}


def test_a_volume_held_open_is_busy(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    with open(f"/proc/{host.process.pid}/root/dev/nvme1n1", "rb"), pytest.raises(ebs.Busy, match="held open"):
        ebs.detach(VOLUME)
    ebs.detach(VOLUME)
    assert not loops()


def test_a_forced_detach_takes_the_node_of_a_mounted_volume(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.run(f"mkfs.xfs -q {LINK} && mount {LINK} /dev/mnt")
    ebs.detach(VOLUME, force=True)
    assert host.run("ls /dev | grep nvme || true") == ""
    assert len(ebs.orphans()) == 1
    with pytest.raises(ebs.Busy, match="forced detach"):
        ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.run("umount /dev/mnt")
    assert ebs.orphans() == []


def test_a_host_that_was_power_cycled_gets_its_devices_again(host):
    for volume_id in (VOLUME, "vol-b"):
        ebs.create_volume(volume_id, 1)
        ebs.attach(volume_id, "staging", "/dev/sdf")
    ebs.detach(VOLUME)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    host.stop()
    ebs.unpublish("staging")
    assert not loops()
    host.start()
    assert sorted(ebs.publish("staging", host.process.pid)) == sorted(["vol-b", VOLUME])
    assert host.run("ls /dev | grep nvme").split() == ["nvme1n1", "nvme2n1"]
    assert host.run(f"stat -L -c %t {LINK}").strip() == "7"


def test_a_volume_attached_while_the_host_is_down_appears_when_it_comes_up(host):
    host.stop()
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    assert ebs.host_device(VOLUME) is None
    host.start()
    ebs.publish("staging", host.process.pid)
    assert ebs.host_device(VOLUME) == "/dev/nvme1n1"


def test_an_attached_volume_that_grows_is_larger_in_the_host(host):
    ebs.create_volume(VOLUME, 1)
    ebs.attach(VOLUME, "staging", "/dev/sdf")
    ebs.grow_volume(VOLUME, 3)
    assert host.run("blockdev --getsize64 /dev/nvme1n1").strip() == str(3 * ebs.GIB)


def test_more_volumes_than_the_machine_has_loop_nodes(host):
    names = [f"vol-{number}" for number in range(10)]
    for name in names:
        ebs.create_volume(name, 1)
        ebs.attach(name, "staging", f"/dev/sd{name}")
    assert len(host.run("ls /dev | grep nvme").split()) == 10
    for name in names:
        ebs.detach(name)
    assert not loops()


def test_bytes_of_a_call_that_never_finished_are_collected():
    ebs.create_volume(VOLUME, 1)
    ebs.create_volume("vol-half", 1)
    ebs.create_snapshots({VOLUME: "snap-half"})
    assert sorted(ebs.collect({VOLUME}, set())) == ["snap-half", "vol-half"]
    assert ebs.volume_file(VOLUME).exists()
