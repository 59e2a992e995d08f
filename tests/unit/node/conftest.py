# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A host in small: two XFS volumes on loop devices, one live under a real mongod behind a stand-in for docker."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pymongo
import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
LIVE, NEXT = "vol-0aaaaaaaaaaaaaaa1", "vol-0bbbbbbbbbbbbbbb2"
USER, PASSWORD = "staging-admin", "not-a-real-secret"
# Small logs keep the volumes small and the tests quick.
SMALL = "--wiredTigerEngineConfigString=log=(file_max=1MB,prealloc=false)"
# What the stand-in for docker adds; the fixture `mongod` has these by itself.
QUIET = ("--wiredTigerCacheSizeGB=0.25", "--setParameter=diagnosticDataCollectionEnabled=false")


def sh(*arguments, **options) -> str:
    """Run a command that must succeed."""
    return subprocess.run(
        [str(a) for a in arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    ).stdout.strip()


def why_not() -> str | None:
    """Say what this machine lacks for the tests on real devices."""
    if os.geteuid() != 0:
        return "needs root for loop devices and mounts"
    missing = [name for name in ("losetup", "mkfs.xfs", "xfs_admin", "mount", "blkid") if not shutil.which(name)]
    return f"needs {', '.join(missing)}" if missing else None


@pytest.fixture(scope="session")
def golden_volumes(mongod, tmp_path_factory):
    """Images of two volumes: MongoDB data with the same user, and the database `old` or `new`."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    home = tmp_path_factory.mktemp("golden")
    images = {}
    for name in ("old", "new"):
        server = mongod.start(SMALL)
        client = server.client()
        client[name].things.insert_many([{"_id": i, "generation": name} for i in range(100)])
        client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
        server.stop()
        image = home / f"{name}.img"
        with image.open("wb") as handle:
            handle.truncate(400 << 20)
        sh("mkfs.xfs", "-q", image)
        where = home / name
        where.mkdir()
        try:
            sh("mount", "-o", "loop", image, where)
        except subprocess.CalledProcessError as error:
            pytest.skip(f"cannot mount a loop device here: {error.output}")
        sh("cp", "-a", f"{server.dbpath}/.", where)
        sh("umount", where)
        images[name] = image
    return images


class Rig:
    """The host; `swap()` runs the swap from LIVE to NEXT."""

    def __init__(self, home: Path, images: dict, binary: Path):
        self.home = home
        self.mount_point = home / "data"
        self.fstab = home / "fstab"
        self.journal = home / "state" / "swap.json"
        self.dev = home / "dev"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.password = PASSWORD
        self.loops: dict[str, str] = {}
        for directory in ("data", "hooks", "bin", "dev/disk/by-id", "systemd", "state"):
            (home / directory).mkdir(parents=True)
        for volume_id, name in ((LIVE, "old"), (NEXT, "new")):
            self.attach(volume_id, images[name])
        sh("mount", self.loops[LIVE], self.mount_point)
        os.chown(self.mount_point, 4321, 4322)
        self.former_line = f"UUID={self.uuid(LIVE)} {self.mount_point} xfs noatime 0 0"
        self.fstab.write_text(f"# the host's file systems\nUUID=1-2 / ext4 errors=remount-ro 0 1\n{self.former_line}\n")
        (home / "container.json").write_text(
            json.dumps(
                {
                    "name": "mongo",
                    "port": self.port,
                    "dbpath": str(self.mount_point),
                    "mongod": str(binary),
                    "args": ["--auth", "--bind_ip=127.0.0.1", "--nounixsocket", SMALL, *QUIET],
                }
            )
        )
        self.script("docker", f'exec {sys.executable} {HERE / "fake_docker.py"} {home} "$@"')
        self.script("systemctl", f'echo "$@" >> {home}/systemctl.calls')
        self.environment = {
            **os.environ,
            "PATH": f"{home / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "PYTHONPATH": str(REPOSITORY / ".cache" / "collections"),
        }
        self.docker("start")
        self.wait_for("old")

    def attach(self, volume_id: str, image: Path) -> None:
        """Give a copy of an image a loop device, a UUID of its own and the link that EC2's udev rule makes."""
        copy = self.home / f"{volume_id}.img"
        sh("cp", "--sparse=always", "--reflink=auto", image, copy)
        sh("xfs_admin", "-U", "generate", copy)
        self.loops[volume_id] = sh("losetup", "--find", "--show", copy)
        self.link(volume_id).symlink_to(self.loops[volume_id])

    def link(self, volume_id: str) -> Path:
        """The by-id link of a volume."""
        return self.dev / "disk/by-id" / f"nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '')}"

    def uuid(self, volume_id: str) -> str:
        """The UUID of a volume's file system."""
        return sh("blkid", "-p", "-s", "UUID", "-o", "value", self.loops[volume_id])

    def script(self, name: str, body: str) -> None:
        """Put a command on the swap's PATH."""
        path = self.home / "bin" / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def hook(self, name: str, snippet: str) -> None:
        """Run a shell snippet once before or after a docker command."""
        (self.home / "hooks" / name).write_text(snippet)

    def docker(self, verb: str) -> None:
        """Do what an operator would do with docker."""
        sh(self.home / "bin" / "docker", verb, "mongo", env=self.environment)

    def calls(self) -> list[str]:
        """The docker commands that change something, so far."""
        return [c for c in (self.home / "docker.calls").read_text().split() if c != "inspect"]

    def config(self, *, to=NEXT, live=LIVE, databases=(), check_mode=False, **request) -> dict:
        """The configuration of one call."""
        return {
            "request": {
                "mount_point": str(self.mount_point),
                "volume_id": to,
                "expected_live_volume_id": live,
                "stop_timeout": 20,
                "health_timeout": 15,
                **request,
            },
            "databases": list(databases),
            "container": "mongo",
            "dev": str(self.dev),
            "port": self.port,
            "username": USER,
            "password": self.password,
            "check_mode": check_mode,
            "places": {
                "fstab": str(self.fstab),
                "state": str(self.home / "state"),
                "runtime": str(self.home / "run"),
                "systemd": str(self.home / "systemd"),
            },
        }

    def spawn(self, **options) -> subprocess.Popen:
        """Start a swap as a process of its own."""
        path = self.home / f"call-{len(list(self.home.glob('call-*')))}.json"
        path.write_text(json.dumps(self.config(**options)))
        return subprocess.Popen(
            [sys.executable, HERE / "swap_runner.py", path], env=self.environment, stdout=subprocess.PIPE, text=True
        )

    def swap(self, **options) -> dict:
        """Run a swap to its end and return its outcome; None if it was killed."""
        process = self.spawn(**options)
        output, _errors = process.communicate(timeout=120)
        return json.loads(output) if output else {"killed": process.returncode}

    def mounted(self) -> str | None:
        """The volume that is mounted as the live data."""
        found = subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", "--mountpoint", self.mount_point],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        by_loop = {loop: volume_id for volume_id, loop in self.loops.items()}
        return by_loop.get(found[-1]) if found else None

    def served(self) -> str | None:
        """`old` or `new`, as an application sees it; None if nothing serves."""
        try:
            with self.client(serverSelectionTimeoutMS=500) as client:
                return next(name for name in client.list_database_names() if name in ("old", "new"))
        except pymongo.errors.ServerSelectionTimeoutError:
            return None

    def client(self, **options) -> pymongo.MongoClient:
        """A client as staging's user."""
        return pymongo.MongoClient("127.0.0.1", self.port, username=USER, password=self.password, **options)

    def wait_for(self, generation: str) -> None:
        """Wait until an application sees this generation."""
        for _attempt in range(40):
            if self.served() == generation:
                return
        raise RuntimeError((self.home / "mongod.out").read_text()[-3000:])

    def fstab_entry(self) -> list[str]:
        """The fields of fstab for the mount point."""
        (line,) = [text for text in self.fstab.read_text().splitlines() if str(self.mount_point) in text]
        return line.split()

    def leftovers(self) -> list[str]:
        """Mounts of the rig besides the live data."""
        everything = Path("/proc/self/mountinfo").read_text().splitlines()
        points = [line.split()[4] for line in everything]
        return [point for point in points if point.startswith(str(self.home)) and point != str(self.mount_point)]

    def close(self) -> None:
        """Leave nothing on the machine."""
        subprocess.run([self.home / "bin" / "docker", "stop", "mongo"], env=self.environment, check=False)
        for point in [*self.leftovers(), *([str(self.mount_point)] * 2)]:
            subprocess.run(["umount", point], check=False, stderr=subprocess.DEVNULL)
        for loop in self.loops.values():
            subprocess.run(["losetup", "--detach", loop], check=False)


@pytest.fixture
def rig(tmp_path, golden_volumes, mongod):
    """A host whose live volume serves."""
    host = Rig(tmp_path, golden_volumes, mongod.binary)
    yield host
    host.close()
