"""`labctl`: brings the lab up and down, says how it is, fills it with data, gets into its hosts, injects faults."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stagesync_lab import config, ebs, hosts

LAB = Path(__file__).resolve().parent.parent
# Program -> the Debian package that brings it.
REQUIRED_PROGRAMS = {
    "systemd-nspawn": "systemd-container",
    "debootstrap": "debootstrap",
    "mkfs.xfs": "xfsprogs",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "mount": "mount",
    "/usr/bin/python3": "python3-minimal",
}
DATA_DEVICE, JOURNAL_DEVICE = "/dev/sdf", "/dev/sdg"  # the names asked for; the host sees others, as on Nitro
WRITER_MAX_SECONDS = 600


class LabError(Exception):
    """Something that labctl could not do; one sentence for people."""


def environment() -> dict[str, str]:
    """What points boto3, the aws command and the lab's inventory at the lab."""
    return {
        "AWS_ENDPOINT_URL": config.ENDPOINT,
        "AWS_DEFAULT_REGION": config.REGION,
        "AWS_REGION": config.REGION,
        "AWS_ACCESS_KEY_ID": config.CONTROLLER_KEY,
        "AWS_SECRET_ACCESS_KEY": config.SECRET_KEY,
        "STAGESYNC_SSM_PLUGIN": str(LAB / "session-manager-plugin"),
        "STAGESYNC_LAB_BUCKET": config.BUCKET,
        "STAGESYNC_LABCTL": str(LAB / "labctl"),
    }


def aws(service: str, region: str = config.REGION, key: str = config.ADMINISTRATOR_KEY) -> Any:
    """A boto3 client of the lab's control plane, as an administrator, whatever the caller's own AWS settings are."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=config.ENDPOINT,
        region_name=region,
        aws_access_key_id=key,
        aws_secret_access_key=config.SECRET_KEY,
        config=Config(retries={"mode": "standard", "max_attempts": 5}, proxies={}),
    )


def control_plane(method: str, path: str, body: Any = None, timeout: float = 10) -> Any:
    """One request to the control plane's own paths."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        config.ENDPOINT + path, data=data, method=method, headers={"Content-Type": "application/json"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        raise LabError(
            f"the control plane refused {method} {path}: {error.read().decode(errors='replace').strip()}"
        ) from None
    return json.loads(text) if text.strip() else None


def control_plane_ready() -> bool:
    """Whether the control plane answers."""
    try:
        control_plane("GET", "/lab/ready", timeout=5)
    except (OSError, LabError, ValueError):
        return False
    return True


# --- up -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def exclusive() -> Iterator[None]:
    """Only one labctl changes the lab at a time. The lock ends with the process; it is on what `down` leaves."""
    config.CACHE.mkdir(parents=True, exist_ok=True)
    handle = os.open(config.CACHE, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise LabError("another labctl is changing the lab right now; try again when it has ended") from None
    try:
        yield
    finally:
        os.close(handle)


def check_machine() -> None:
    """Root and the programs that the lab needs."""
    if os.geteuid() != 0:
        raise LabError("the lab makes hosts and block devices: run labctl as root, for example with sudo")
    missing = sorted({package for program, package in REQUIRED_PROGRAMS.items() if not shutil.which(program)})
    if missing:
        raise LabError(f"programs that the lab needs are missing; install them: apt-get install {' '.join(missing)}")


def step(what: str, work: Callable[[], Any]) -> Any:
    """Run one step and say how long it took."""
    begun = time.monotonic()
    print(f"  {what:<44}", end="", flush=True)
    try:
        result = work()
    except BaseException:
        print(f"failed {time.monotonic() - begun:6.1f} s", flush=True)
        raise
    print(f"{time.monotonic() - begun:6.1f} s", flush=True)
    return result


def on_all(*works: Callable[[str], Any]) -> None:
    """Do the same for all hosts, everything at once; the first error counts."""
    with ThreadPoolExecutor(len(config.HOSTS) * len(works)) as pool:
        for future in [pool.submit(work, role) for work in works for role in config.HOSTS]:
            future.result()


def up() -> None:
    """Bring up whatever of the lab is not up yet."""
    from stagesync_lab import mongodb

    begun = time.monotonic()
    print("lab up", flush=True)
    for directory in (config.STATE, config.RUNTIME, config.LOGS):
        directory.mkdir(parents=True, exist_ok=True)
    config.STATE.chmod(0o711)
    step("root file system of the hosts", hosts.build_rootfs)
    step("image of the MongoDB server", mongodb.image)
    step("pool for volumes", ebs.ensure_pool)
    step("network", ensure_network)
    step("control plane", start_control_plane)
    step("hosts", lambda: on_all(start_host))
    step("parameters", put_parameters)
    step("data volumes and images in the hosts", lambda: on_all(ensure_data_volume, mongodb.ensure_image))
    step("containers", lambda: on_all(mongodb.ensure_container))
    step("replica set and users", mongodb.ensure_replica_set)
    step("staging's old database", mongodb.ensure_old_staging)
    print(f"lab is up after {time.monotonic() - begun:.1f} s: {config.ENDPOINT}", flush=True)


def ensure_network() -> None:
    """The network; a control plane that listened in a namespace that is gone has to start again."""
    there = os.path.ismount(hosts.NETNS)
    hosts.ensure_network()
    if not there:
        stop_control_plane()


def start_host(role: str) -> None:
    """The host with all its services."""
    hosts.start(role)
    hosts.wait_running(role)


def _control_plane_pid() -> int | None:
    """The lab's control plane, if it runs: from its record, checked, for the number may be another process's by now."""
    try:
        pid = int((config.RUNTIME / "control-plane.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"stagesync_lab.control_plane" in words else None


def start_control_plane() -> None:
    """The control plane, ready to answer."""
    if _control_plane_pid() is not None and control_plane_ready():
        return
    stop_control_plane()
    output = config.LOGS / "control-plane.out"
    config.LOGS.mkdir(parents=True, exist_ok=True)
    with open(output, "wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "stagesync_lab.control_plane"],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, cwd=LAB, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(LAB)},
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while not control_plane_ready():
        if process.poll() is not None:
            last = (output.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
            raise LabError(f"the control plane ended at its start: {last} (see {output})")
        if time.monotonic() > deadline:
            raise LabError(f"the control plane does not answer on {config.ENDPOINT}; see {output}")
        time.sleep(0.1)


def stop_control_plane() -> None:
    """End the control plane; what it knows is kept in its own record."""
    _end(_control_plane_pid(), "control plane")


def _end(pid: int | None, what: str) -> None:
    if pid is None:
        return
    for number, seconds in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if _ended(pid):
                return
            time.sleep(0.05)
    raise LabError(f"the {what}, process {pid}, does not end")


def _ended(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def put_parameters() -> None:
    """The SSM parameters, where they are missing or differ."""
    from stagesync_lab import mongodb

    ssm = aws("ssm")
    wanted = mongodb.parameters()
    found = ssm.get_parameters(Names=list(wanted), WithDecryption=True)["Parameters"]
    known = {item["Name"]: (item["Type"], item["Value"]) for item in found}
    for name, (kind, value) in wanted.items():
        if known.get(name) != (kind, value):
            key = config.PRODUCTION_KEY if name.startswith("/production/") else config.STAGING_KEY
            secret = {"KeyId": key} if kind == "SecureString" else {}
            ssm.put_parameter(Name=name, Type=kind, Value=value, Overwrite=True, **secret)


def _mounted(role: str) -> bool:
    return hosts.run(role, "mountpoint", "-q", config.DATA_MOUNT, check=False).returncode == 0


def ensure_data_volume(role: str) -> None:
    """The data volume, mounted. Its line in fstab is written last: before that nothing of worth is on it."""
    if hosts.run(role, "findmnt", "--fstab", config.DATA_MOUNT, check=False).returncode == 0:
        if not _mounted(role):
            hosts.run(role, "mount", config.DATA_MOUNT)
        return
    device = _device(_attached_volume(config.HOSTS[role], "data", DATA_DEVICE))
    hosts.run(role, "mkfs.xfs", "-q", "-f", device)
    uuid = hosts.run(role, "blkid", "-p", "-s", "UUID", "-o", "value", device).stdout.strip()
    hosts.run(role, "mkdir", "-p", config.DATA_MOUNT)
    hosts.run(role, "mount", "-U", uuid, config.DATA_MOUNT)
    line = f"UUID={uuid} {config.DATA_MOUNT} xfs defaults,nofail 0 2\n"
    hosts.run(role, "sh", "-c", "cat >> /etc/fstab", stdin=line.encode())


def _device(volume_id: str) -> str:
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume_id.replace('-', '')}"


# As production may have it. Not in fstab: the volume is there for a while, and no power cut meanwhile.
_JOURNAL_APART = """
docker stop --time 60 {container}
mkfs.xfs -q -f {device}
mv {journal} {journal}.old
mkdir {journal}
mount {device} {journal}
cp -a {journal}.old/. {journal}/
rm -r {journal}.old
docker start {container}
"""
_JOURNAL_HOME = """
docker stop --time 60 {container}
cp -a {journal} {journal}.new
umount {journal}
rmdir {journal}
mv {journal}.new {journal}
docker start {container}
"""


def journal(place: str) -> None:
    """Put the secondary's journal on an EBS volume of its own, or back into the dbPath's."""
    from stagesync_lab import mongodb

    directory, host, ec2 = f"{config.DATA_MOUNT}/journal", config.HOSTS["secondary"], aws("ec2")
    apart = hosts.run(host.role, "mountpoint", "-q", directory, check=False).returncode == 0
    if apart != (place == "apart"):
        volume_id = _attached_volume(host, "journal", JOURNAL_DEVICE)
        script = _JOURNAL_HOME if apart else _JOURNAL_APART
        named = {"container": config.CONTAINER, "journal": directory, "device": _device(volume_id)}
        hosts.run(host.role, "sh", "-e", "-c", script.format(**named))
        if apart:
            ec2.detach_volume(VolumeId=volume_id)
            ec2.get_waiter("volume_available").wait(VolumeIds=[volume_id], WaiterConfig={"Delay": 1})
            ec2.delete_volume(VolumeId=volume_id)
        mongodb.wait_caught_up()


def _attached_volume(host: config.Host, what: str, device: str) -> str:
    """A blank volume of the host's own, attached."""
    ec2 = aws("ec2")
    name = f"{host.name}-{what}"
    key = config.STAGING_KEY if host.environment == "staging" else config.PRODUCTION_KEY
    found = ec2.describe_volumes(Filters=[{"Name": "tag:Name", "Values": [name]}])["Volumes"]
    if found:
        volume = found[0]
    else:
        tags = [{"Key": "Name", "Value": name}, {"Key": "Environment", "Value": host.environment}]
        if host.role == "staging":  # by this tag the controller may touch it (docs/iam)
            tags.append({"Key": "stagesync:target", "Value": host.instance_id})
        volume = ec2.create_volume(
            AvailabilityZone=config.ZONE, Size=config.DATA_VOLUME_GIB, VolumeType="gp3", Encrypted=True, KmsKeyId=key,
            TagSpecifications=[{"ResourceType": "volume", "Tags": tags}],
        )  # fmt: skip
    volume_id = volume["VolumeId"]

    def state() -> tuple[str, str | None]:
        now = ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]
        return now["State"], next((item["State"] for item in now["Attachments"]), None)

    _until(lambda: state()[0] in ("available", "in-use"), f"the volume {volume_id} is not there yet")
    if state()[1] in (None, "detached"):
        ec2.attach_volume(VolumeId=volume_id, InstanceId=host.instance_id, Device=device)
    _until(lambda: state()[1] == "attached", f"the volume {volume_id} is not attached to {host.role} yet")
    return volume_id


def _until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise LabError(f"{what} after {seconds:.0f} s; see `labctl logs` and `labctl fault list`")
        time.sleep(0.1)


# --- down -----------------------------------------------------------------------------------------------------------


def down() -> None:
    """Take the lab down; nothing but the cache stays."""
    problems = []
    for what, work in (
        ("writer", stop_writer),
        ("hosts", lambda: on_all(hosts.stop)),
        ("control plane", stop_control_plane),
        ("network", hosts.remove_network),
        ("pool", ebs.remove_pool),
        ("directories", _remove_directories),
    ):
        try:
            step(what, work)
        except (LabError, hosts.HostError, ebs.StorageError, OSError) as error:
            problems.append(str(error))
    problems += hosts.leftovers() + [f"directory {path}" for path in (config.STATE, config.RUNTIME) if path.exists()]
    if problems:
        raise LabError("the lab is not wholly down: " + "; ".join(problems))
    print("lab is down", flush=True)


def _remove_directories() -> None:
    if ebs.pool_mounted():  # with its hosts' files in it
        raise LabError(f"{config.POOL} is still mounted, so {config.STATE} stays")
    for path in (config.STATE, config.RUNTIME):
        if path.exists():
            shutil.rmtree(path)


# --- what is there --------------------------------------------------------------------------------------------------


def _tags(resource: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in resource.get("Tags", [])}


def _pages(ec2: Any, operation: str, key: str, **arguments: Any) -> list[dict[str, Any]]:
    return [item for page in ec2.get_paginator(operation).paginate(**arguments) for item in page[key]]


def _volume(volume: dict[str, Any]) -> dict[str, Any]:
    attachment = next(iter(volume["Attachments"]), {})
    return {
        "volume_id": volume["VolumeId"],
        "size_gib": volume["Size"],
        "state": volume["State"],
        "device": attachment.get("Device"),
        "host_device": ebs.host_device(volume["VolumeId"]),
        "tags": _tags(volume),
    }


def info() -> dict[str, Any]:
    """Everything that a program needs to know to work with the lab."""
    ec2 = aws("ec2")
    ids = {host.instance_id: host for host in config.HOSTS.values()}
    volumes = _pages(ec2, "describe_volumes", "Volumes")
    by_instance: dict[str, list[dict[str, Any]]] = {}
    loose = []
    for volume in volumes:
        for attachment in volume["Attachments"]:
            by_instance.setdefault(attachment["InstanceId"], []).append(_volume(volume))
        if not volume["Attachments"]:
            loose.append(_volume(volume))
    snapshots = [
        {
            "snapshot_id": item["SnapshotId"],
            "volume_id": item["VolumeId"],
            "state": item["State"],
            "started": item["StartTime"].isoformat(),
            "size_gib": item["VolumeSize"],
            "tags": _tags(item),
        }
        for item in _pages(ec2, "describe_snapshots", "Snapshots", OwnerIds=["self"])
    ]
    return {
        "endpoint": config.ENDPOINT,
        "region": config.REGION,
        "zone": config.ZONE,
        "account": config.ACCOUNT,
        "bucket": config.BUCKET,
        "container": config.CONTAINER,
        "image": config.IMAGE,
        "data_mount": config.DATA_MOUNT,
        "replica_set": config.REPLICA_SET,
        "databases": list(config.DATABASES),
        "seed": _read_json(config.STATE / "seed.json"),
        "hosts": {
            host.role: {
                "name": host.name,
                "instance_id": instance_id,
                "private_ip": host.address,
                "environment": host.environment,
                "up": hosts.leader(host.role) is not None,
                "volumes": by_instance.get(instance_id, []),
            }
            for instance_id, host in ids.items()
        },
        "unattached_volumes": loose,
        "snapshots": sorted(snapshots, key=lambda item: item["started"]),
    }


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return None


def volume_orphans(known: dict[str, Any]) -> list[str]:
    """Volumes that a run left behind: attached nowhere and not parked, or still of a quarantine."""
    found = []
    for volume in known["unattached_volumes"]:
        if volume["tags"].get("stagesync:kind") != "parked":
            found.append(f"volume {volume['volume_id']} ({volume['tags'].get('Name', 'no name')}) is attached nowhere")
    for role, host in known["hosts"].items():
        for volume in host["volumes"]:
            kind = volume["tags"].get("stagesync:kind")
            if kind in ("source", "clean"):
                found.append(f"volume {volume['volume_id']} of the kind {kind} is still attached to {role}")
    return found


# Prints, in a host: mounts of EBS devices off their place, containers other than `mongo`, directories of runs.
_HOST_ORPHANS = f"""
awk '$1 ~ "^/dev/nvme" && $2 != "{config.DATA_MOUNT}" {{print "mount " $2}}' /proc/mounts
docker ps --all --format '{{{{.Names}}}}' | grep -vx '{config.CONTAINER}' | sed 's/^/container /'
for directory in /run/stagesync/* /var/lib/stagesync/*; do
    [ -d "$directory" ] && echo "directory $directory"
done
true
"""


def host_orphans(role: str) -> list[str]:
    """What a run left behind in a host."""
    return [f"{line} on {role}" for line in hosts.run(role, "sh", "-c", _HOST_ORPHANS).stdout.splitlines()]


def _database_state(role: str) -> str:
    from pymongo.errors import PyMongoError

    from stagesync_lab import mongodb

    try:
        with mongodb.client(role, serverSelectionTimeoutMS=2000) as client:
            if role == "staging":
                names = sorted(set(client.list_database_names()) - {"admin", "config", "local"})
                return "serving " + (", ".join(names) or "no database")
            status = client.admin.command("replSetGetStatus")
            return f"{config.REPLICA_SET} {next(m['stateStr'] for m in status['members'] if m.get('self'))}"
    except (PyMongoError, OSError, KeyError) as error:
        return f"DOWN ({type(error).__name__})"


def status() -> int:
    """Print how the lab is; 1 if anything is down or left behind."""
    if not config.STATE.exists():
        print("no lab: run `labctl up`")
        return 1
    healthy = ready = control_plane_ready()
    print(f"control plane  {'ready' if ready else 'DOWN'}  {config.ENDPOINT}")
    orphans = [f"storage: {text}" for text in ebs.orphans()] if ebs.pool_mounted() else []
    for host in config.HOSTS.values():
        if hosts.leader(host.role) is None:
            healthy = False
            print(f"{host.role:<13}  DOWN   {host.instance_id}  {host.address}")
            continue
        database = _database_state(host.role)
        healthy = healthy and "DOWN" not in database
        print(f"{host.role:<13}  up     {host.instance_id}  {host.address}  {database}")
        orphans += host_orphans(host.role)
    if ready:
        orphans += volume_orphans(info())
    if ebs.pool_mounted():
        disk = os.statvfs(config.POOL)
        used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize / ebs.GIB
        print(f"pool           {used:.1f} GiB in use of {disk.f_blocks * disk.f_frsize / ebs.GIB:.0f} GiB")
    else:
        healthy = False
        print("pool           NOT MOUNTED")
    seeded = _read_json(config.STATE / "seed.json")
    print(
        f"data           {seeded['documents']} documents, seed {seeded['seed']}, scale {seeded['scale']:g}"
        if seeded
        else "data           none"
    )
    if _writer_pid():
        print(f"writer         running, pid {_writer_pid()}")
    for text in orphans:
        print(f"orphan         {text}")
    if not orphans:
        print("orphans        none")
    return 0 if healthy and not orphans else 1


def run_info(arguments: argparse.Namespace) -> int:
    """`info`"""
    known = info()
    if arguments.json:
        print(json.dumps(known, indent=2))
        return 0
    print(f"endpoint {known['endpoint']}  region {known['region']}  bucket {known['bucket']}")
    for role, host in known["hosts"].items():
        print(f"{role}: {host['name']} {host['instance_id']} {host['private_ip']}")
        for volume in host["volumes"]:
            size = f"{volume['volume_id']} {volume['size_gib']} GiB"
            print(f"    {size} as {volume['device']}, in the host {volume['host_device']}")
    for snapshot in known["snapshots"]:
        print(f"{snapshot['snapshot_id']} {snapshot['state']} {snapshot['started']} {snapshot['tags'].get('Name', '')}")
    return 0


# --- data -----------------------------------------------------------------------------------------------------------


def run_seed(arguments: argparse.Namespace) -> int:
    """`seed`"""
    from stagesync_lab import mongodb, seed

    record = config.STATE / "seed.json"
    if arguments.if_empty and record.exists():
        return 0
    if _writer_pid():
        raise LabError("the writer is running and would write into the new data; end it with `labctl writer stop`")
    record.unlink(missing_ok=True)  # what was there is gone from now on

    def work() -> dict[str, Any]:
        with mongodb.client("primary", w=2, wtimeoutMS=120000) as client:
            return seed.seed(client, scale=arguments.scale, seed=arguments.seed)

    made = step(f"seed {arguments.seed}, scale {arguments.scale:g}", work)
    step("secondary catches up", mongodb.wait_caught_up)
    draft = record.with_suffix(".draft")
    draft.write_text(json.dumps(made, indent=2))
    draft.rename(record)
    print(f"{made['documents']} documents, {made['bytes'] / 1e6:.0f} MB", flush=True)
    return 0


def _writer_pid() -> int | None:
    try:
        pid = int((config.RUNTIME / "writer.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"write" in words and not _ended(pid) else None


def stop_writer() -> None:
    """End the writer, if one runs."""
    _end(_writer_pid(), "writer")
    (config.RUNTIME / "writer.pid").unlink(missing_ok=True)


def run_writer(arguments: argparse.Namespace) -> int:
    """`writer`"""
    if arguments.action == "stop":
        stop_writer()
        return 0
    if arguments.action == "status":
        pid = _writer_pid()
        written = _read_json(config.RUNTIME / "writer.json") or {}
        print(f"running, pid {pid}, {written.get('inserted', 0)} documents written" if pid else "not running")
        return 0 if pid else 1
    if not 1 <= arguments.rate <= 1000 or not 1 <= arguments.seconds <= WRITER_MAX_SECONDS:
        raise LabError(f"the writer takes --rate 1 to 1000 and --seconds 1 to {WRITER_MAX_SECONDS}")
    stop_writer()
    (config.RUNTIME / "writer.json").unlink(missing_ok=True)
    with open(config.LOGS / "writer.log", "wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "stagesync_lab.cli", "write", str(arguments.rate), str(arguments.seconds)],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True,
            env={**os.environ, "PYTHONPATH": str(LAB)},
        )  # fmt: skip
    (config.RUNTIME / "writer.pid").write_text(str(process.pid))

    def writing() -> bool:
        if process.poll() is not None:
            last = ((config.LOGS / "writer.log").read_text().strip().splitlines() or ["it said nothing"])[-1]
            raise LabError(f"the writer ended at its start: {last}")
        return (config.RUNTIME / "writer.json").exists()

    _until(writing, "the writer writes nothing")
    print(f"writing {arguments.rate} orders a second for {arguments.seconds} s, pid {process.pid}")
    return 0


def write(rate: int, seconds: int) -> None:
    """The writer itself: new orders, and for each a change of an older one, at a steady pace."""
    from pymongo import InsertOne, UpdateOne
    from pymongo.errors import AutoReconnect

    from stagesync_lab import mongodb, seed

    begun = time.time()
    seeded = _read_json(config.STATE / "seed.json") or {"seed": 1}
    # Numbers that no seed and no former writer has used: a thousand to a second of the clock.
    documents = seed.order_documents(seed=seeded["seed"], start=10**9 + int(begun - 1.7e9) * 1000)
    written: list[Any] = []
    per_batch = max(1, rate // 10)
    with mongodb.client("primary", serverSelectionTimeoutMS=60000) as client:
        orders = client.shop.orders
        while time.time() < begun + seconds:
            batch = [next(documents) for _turn in range(per_batch)]
            changed = random.sample(written, min(per_batch, len(written)))  # noqa: S311
            changes = [InsertOne(document) for document in batch]
            changes += [UpdateOne({"_id": key}, {"$set": {"status": "shipped"}}) for key in changed]
            try:
                orders.bulk_write(changes, ordered=False)
            except AutoReconnect:  # the primary lost its power, and comes back
                time.sleep(0.2)
                continue
            written = (written + [document["_id"] for document in batch])[-10000:]
            _note_written(per_batch)
            time.sleep(max(0.0, begun + _noted["inserted"] / rate - time.time()))


_noted = {"inserted": 0}


def _note_written(more: int) -> None:
    _noted["inserted"] += more
    draft = config.RUNTIME / "writer.draft"
    draft.write_text(json.dumps(_noted))
    draft.rename(config.RUNTIME / "writer.json")


# --- hosts and faults -----------------------------------------------------------------------------------------------


def run_exec(arguments: argparse.Namespace) -> int:
    """`exec`"""
    words = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not words:
        raise LabError(f"name the command: labctl exec {arguments.host} -- COMMAND")
    return _become(hosts.command(arguments.host, *words))


def _become(command: list[str]) -> int:
    sys.stdout.flush()
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and programs would inherit that
    os.execvp(command[0], command)


def power_cycle(role: str) -> None:
    """Pull the host's plug and put it back; it is as before when this returns."""
    from pymongo.errors import PyMongoError

    from stagesync_lab import mongodb

    step(f"{role} loses power", lambda: hosts.stop(role))
    step(f"{role} boots", lambda: start_host(role))

    def serving() -> bool:
        with contextlib.suppress(PyMongoError, OSError), mongodb.client(role, serverSelectionTimeoutMS=1000) as client:
            return client.admin.command("hello").get("secondary" if role == "secondary" else "isWritablePrimary", False)
        return False

    step(f"{role}'s mongod serves", lambda: _until(serving, f"the mongod of {role} does not answer"))


def run_fault(arguments: argparse.Namespace) -> int:
    """`fault`"""
    if arguments.action == "list":
        print(json.dumps(control_plane("GET", "/lab/faults")["faults"], indent=2))
    elif arguments.action == "clear":
        control_plane("DELETE", "/lab/faults" + (f"/{arguments.id}" if arguments.id else ""))
    else:
        names = ("count", "skip", "delay", "error", "message", "status", "end")
        rule = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        rule["operation"] = arguments.operation
        if arguments.stuck:
            rule["stuck"] = True
        if arguments.match:
            rule["match"] = dict(_match(text) for text in arguments.match)
        print(json.dumps(control_plane("POST", "/lab/faults", rule)))
    return 0


def _match(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise LabError(f"--match takes NAME=VALUE, not {text!r}")
    return name, value


def run_logs(arguments: argparse.Namespace) -> int:
    """`logs`"""
    if arguments.of in config.HOSTS and hosts.leader(arguments.of):
        command = hosts.command(arguments.of, "journalctl", "--no-pager", *(["--follow"] if arguments.follow else []))
    else:
        path = hosts.log(arguments.of) if arguments.of in config.HOSTS else config.LOGS / "control-plane.log"
        if not path.exists():
            raise LabError(f"there is no {path}; bring the lab up with `labctl up`")
        command = ["tail", "--lines=+1", *(["--follow"] if arguments.follow else []), str(path)]
    return _become(command)


def run_env(_arguments: argparse.Namespace) -> int:
    """`env`"""
    for name, value in environment().items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


# --- the command line -----------------------------------------------------------------------------------------------


def _changing(work: Callable[[argparse.Namespace], int | None]) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        check_machine()
        with exclusive():
            return work(arguments) or 0

    return run


def parser() -> argparse.ArgumentParser:
    """The command line of labctl."""
    top = argparse.ArgumentParser(prog="labctl", description=__doc__)
    commands = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")

    def add(name: str, work: Callable[[argparse.Namespace], int], what: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=what, description=what)
        sub.set_defaults(work=work)
        return sub

    add("up", _changing(lambda _: up()), "bring the lab up, or what of it is missing")
    add("down", _changing(lambda _: down()), "take the lab down; only the cache stays")
    add("status", lambda _: status(), "how the lab is; exit code 1 when something is down or left behind")
    add("info", run_info, "addresses, instances, volumes, snapshots").add_argument(
        "--json", action="store_true", help="for programs"
    )
    sub = add("seed", _changing(run_seed), "fill the primary with data, in place of what is there")
    sub.add_argument("--scale", type=float, default=1.0, help="1 (the default) is some 200,000 documents and 150 MB")
    sub.add_argument("--seed", type=int, default=1, help="the same number gives the same data")
    sub.add_argument("--if-empty", action="store_true", help="do nothing when the lab has been seeded")
    sub = add("exec", run_exec, "run a command as root in a host")
    sub.add_argument("host", choices=config.HOSTS)
    sub.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND")
    sub = add("power-cycle", _changing(lambda given: power_cycle(given.host)), "pull a host's plug and put it back")
    sub.add_argument("host", choices=config.HOSTS)
    sub = add("journal", _changing(lambda given: journal(given.place)), "where the secondary has its journal")
    sub.add_argument("place", choices=("apart", "home"), help="on a volume of its own, or in the dbPath's again")
    sub = add("writer", run_writer, "a steady writer at the primary")
    sub.add_argument("action", choices=("start", "stop", "status"))
    sub.add_argument(
        "--rate", type=int, default=50, help="orders a second, and as many changes of older ones (default 50)"
    )
    sub.add_argument(
        "--seconds",
        type=int,
        default=WRITER_MAX_SECONDS,
        help=f"ends by itself after these (default {WRITER_MAX_SECONDS})",
    )
    sub = add("fault", run_fault, "make AWS API calls fail, wait or hang")
    actions = sub.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="the rules, and how often each has applied")
    actions.add_parser("clear", help="end one rule, or all").add_argument("id", nargs="?")
    rule = actions.add_parser("add", help="add a rule")
    rule.add_argument("operation", help="for example ec2:CreateSnapshot, or ec2:*")
    rule.add_argument(
        "--match", action="append", metavar="NAME=VALUE", help="only calls with this parameter (wildcards; repeatable)"
    )
    rule.add_argument("--error", help="the AWS error code to answer with")
    rule.add_argument("--message", help="its message")
    rule.add_argument("--status", type=int, help="its HTTP status")
    rule.add_argument("--delay", type=float, help="seconds to wait first")
    rule.add_argument("--count", type=int, help="apply to so many calls (default: until cleared)")
    rule.add_argument("--skip", type=int, help="let so many calls pass first")
    rule.add_argument("--stuck", action="store_true", help="what the call makes never leaves its first state")
    rule.add_argument("--end", choices=("error",), help="what the call makes ends in this state")
    sub = add("logs", run_logs, "what the control plane or a host logged")
    sub.add_argument("of", nargs="?", default="control-plane", choices=("control-plane", *config.HOSTS))
    sub.add_argument("--follow", "-f", action="store_true")
    add("env", run_env, 'shell exports: eval "$(tests/lab/labctl env)"')
    return top


def _one_sentence(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) < 600 else text[:600] + "…"


def main(words: list[str] | None = None) -> int:
    """Run one command; errors end in one sentence."""
    words = sys.argv[1:] if words is None else words
    if words[:1] == ["write"]:  # what `writer start` runs; nobody else calls it
        write(int(words[1]), int(words[2]))
        return 0
    arguments = parser().parse_args(words)
    try:
        return arguments.work(arguments)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # whoever read the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (LabError, hosts.HostError, ebs.StorageError, OSError) as error:
        message = _one_sentence(error)
    except Exception as error:  # the libraries' own errors, which are imported only where they are used
        if type(error).__module__.split(".", maxsplit=1)[0] not in ("stagesync_lab", "botocore", "pymongo", "bson"):
            raise
        message = _one_sentence(error)
        if type(error).__name__ == "EndpointConnectionError":
            message = f"the control plane does not answer on {config.ENDPOINT}; bring the lab up with `labctl up`"
    print(f"labctl: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
