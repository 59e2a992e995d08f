"""The lab's machines: Debian booted with systemd in systemd-nspawn, on a network of their own.

One root file system is built once and kept in the cache; every host is an overlay on it. The hosts' network lies in a
network namespace of the lab: it has no way out, and the machine's own network is not touched.

The overlay is mounted in a mount namespace that belongs to the host alone, and all its processes are in one control
group: when the host is killed, as by pulling the plug, the kernel takes everything else away.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from stagesync_lab import config, ebs

SUITE = "bookworm"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "iproute2", "iptables", "kmod", "procps", "less",
    "docker.io", "python3", "curl", "ca-certificates", "sudo", "xfsprogs",
)  # fmt: skip
# Runs in the new root once. The login shell is the one that AWS's agent opens.
SETUP = """\
useradd --create-home --shell /bin/sh ssm-user
apt-get clean
rm -rf /var/lib/apt/lists/* /var/log/*.log /var/log/apt
"""
# What a machine without hardware, console and own updates has no use for.
MASKED = (
    "console-getty.service", "systemd-logind.service", "e2scrub_reap.service", "e2scrub_all.timer",
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer",
)  # fmt: skip
ENVIRONMENT = {
    "HOME": "/root",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG": "C.UTF-8",
}

NETNS = Path("/run/netns") / config.NETWORK_NAMESPACE


class HostError(Exception):
    """Something that the lab's hosts could not do; one sentence for people."""


def _call(*command: str, env: dict[str, str] | None = None, log: Path | None = None) -> str:
    """Run a command of this machine; its output, or an error that ends with what it said last."""
    with open(log, "wb") if log else contextlib.nullcontext(subprocess.PIPE) as sink:
        errors = subprocess.STDOUT if log else subprocess.PIPE
        result = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=sink, stderr=errors, env=env, check=False
        )  # fmt: skip
    if result.returncode:
        said = log.read_text(errors="replace") if log else (result.stderr or result.stdout).decode(errors="replace")
        last = (said.strip().splitlines() or ["no message"])[-1]
        where = f"; see {log}" if log else ""
        raise HostError(f"{command[0]} failed with {result.returncode}: {last}{where}")
    return "" if log else result.stdout.decode(errors="replace")


# --- the root file system -------------------------------------------------------------------------------------------


def rootfs() -> Path:
    """Where the root file system for exactly this definition is, or is to be."""
    definition = "\n".join((SUITE, *PACKAGES, SETUP))
    return config.CACHE / f"rootfs-{hashlib.sha256(definition.encode()).hexdigest()[:12]}"


def _mirror(targets: str) -> str:
    """The Debian mirror that this machine's own apt uses for the hosts' release."""
    for line in targets.splitlines():
        site, release, component = (line.split("|") + ["", ""])[:3]
        if release == SUITE and component == "main":
            return site
    raise HostError(
        f"apt knows no mirror of Debian {SUITE}; the lab's hosts are built from it: add one to /etc/apt/sources.list.d"
    )


def _apt_environment() -> dict[str, str]:
    """This process's environment, with apt's own proxy where none is set."""
    env = dict(os.environ)
    for scheme in ("http", "https"):
        words = _call("apt-config", "shell", "PROXY", f"Acquire::{scheme}::Proxy").strip()
        proxy = shlex.split(words.partition("=")[2])[0] if words else ""
        if proxy and proxy != "DIRECT":
            env.setdefault(f"{scheme}_proxy", proxy)
    return env


def build_rootfs() -> bool:
    """Have the root file system; tell whether it had to be built. A build that died is begun again."""
    target = rootfs()
    if target.exists():
        return False
    mirror = _mirror(
        _call("apt-get", "indextargets", "--format", "$(SITE)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages")
    )
    draft = target.with_suffix(".building")
    packages = config.CACHE / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for leftover in config.CACHE.glob("rootfs-*"):
        # debootstrap mounts proc and sys in the root while it works.
        for mount in ("proc", "sys"):
            if os.path.ismount(leftover / mount):
                _call("umount", str(leftover / mount))
        shutil.rmtree(leftover)
    env = _apt_environment()
    options = ("--variant=minbase", f"--include={','.join(PACKAGES)}", f"--cache-dir={packages}")
    _call("debootstrap", *options, SUITE, str(draft), mirror, env=env, log=config.CACHE / "rootfs.log")
    _call("chroot", str(draft), "/bin/sh", "-e", "-c", SETUP, env=ENVIRONMENT)
    draft.rename(target)
    return True


# --- the network ----------------------------------------------------------------------------------------------------


def ensure_network() -> None:
    """Have the namespace with the bridge and the gateway's address in it."""
    if not os.path.ismount(NETNS):
        NETNS.unlink(missing_ok=True)  # an empty file stays behind when the namespace is gone
        _call("ip", "netns", "add", config.NETWORK_NAMESPACE)
    within = ("ip", "-n", config.NETWORK_NAMESPACE)
    links = _call(*within, "-o", "link")
    if f" {config.BRIDGE}:" not in links:
        _call(*within, "link", "add", config.BRIDGE, "type", "bridge", "forward_delay", "0")
    _call(*within, "addr", "replace", f"{config.GATEWAY}/{config.PREFIX_LENGTH}", "dev", config.BRIDGE)
    for link in ("lo", config.BRIDGE):
        _call(*within, "link", "set", link, "up")


def remove_network() -> None:
    """Take the namespace away; what is in it goes with it."""
    if NETNS.exists():
        _call("ip", "netns", "del", config.NETWORK_NAMESPACE)
    # The first `ip netns add` of a machine mounts this directory on itself.
    if NETNS.parent in _mount_points() and not any(NETNS.parent.iterdir()):
        _call("umount", str(NETNS.parent))
        NETNS.parent.rmdir()


def _mount_points() -> list[Path]:
    """Everything that is mounted on this machine; unlike os.path.ismount it knows a directory mounted on itself."""
    return [Path(line.split()[4]) for line in Path("/proc/self/mountinfo").read_text().splitlines()]


# --- a host's files -------------------------------------------------------------------------------------------------


def directory(role: str) -> Path:
    """What a host keeps: its changes to the root file system, and Docker's data (which may not lie on an overlay)."""
    return config.POOL / "hosts" / role


def _proxy(listen: str, to: str, what: str) -> tuple[str, str]:
    unit = f"[Unit]\nDescription={what}\n"
    socket = f"{unit}After=lab-network.service\n[Socket]\nListenStream={listen}\nFreeBind=yes\n"
    service = f"{unit}[Service]\nExecStart=/lib/systemd/systemd-socket-proxyd {to}\n"
    return socket, service


def files(host: config.Host) -> dict[str, tuple[int, str]]:
    """Everything that makes the common root file system this host: path -> mode, content."""
    aws = f"[default]\nregion = {config.REGION}\nendpoint_url = {config.ENDPOINT}\n"
    names = "".join(f"{other.address} {other.name}\n" for other in config.HOSTS.values())
    api = _proxy(f"127.0.0.1:{config.API_PORT}", f"{config.GATEWAY}:{config.API_PORT}", "The AWS API")
    metadata = _proxy("169.254.169.254:80", f"{config.GATEWAY}:{config.METADATA_PORT}", "The instance metadata service")
    units = "etc/systemd/system"
    return {
        "etc/hostname": (0o644, f"{host.name}\n"),
        "etc/hosts": (0o644, f"127.0.0.1 localhost\n{names}"),
        "etc/resolv.conf": (0o644, ""),
        "etc/machine-id": (0o444, hashlib.sha256(host.instance_id.encode()).hexdigest()[:32] + "\n"),
        "etc/environment": (0o644, f"AWS_ENDPOINT_URL={config.ENDPOINT}\nAWS_DEFAULT_REGION={config.REGION}\n"),
        "root/.aws/config": (0o644, aws),
        "home/ssm-user/.aws/config": (0o644, aws),
        # As on AWS; without a second terminal of its own, which would cost every command some time.
        "etc/sudoers.d/ssm-user": (0o440, "Defaults:ssm-user !use_pty\nssm-user ALL=(ALL) NOPASSWD:ALL\n"),
        # Containers use the host's network or none; the bridge would only need rules that nobody uses.
        "etc/docker/daemon.json": (0o644, '{"bridge": "none", "iptables": false, "ip6tables": false}\n'),
        "etc/systemd/journald.conf.d/lab.conf": (0o644, "[Journal]\nStorage=persistent\nSystemMaxUse=64M\n"),
        f"{units}/lab-network.service": (0o644, _NETWORK_UNIT.format(address=f"{host.address}/{config.PREFIX_LENGTH}")),
        f"{units}/lab-api.socket": (0o644, api[0]),
        f"{units}/lab-api.service": (0o644, api[1]),
        f"{units}/lab-metadata.socket": (0o644, metadata[0]),
        f"{units}/lab-metadata.service": (0o644, metadata[1]),
        f"{units}/data-mongodb.service": (0o644, _MOUNT_UNIT.format(mount=config.DATA_MOUNT)),
        f"{units}/docker.service.d/data-mongodb.conf": (0o644, _DOCKER_AFTER_MOUNT),
        "usr/local/lib/stagesync-lab/mount-data": (0o755, _MOUNT_SCRIPT.format(mount=config.DATA_MOUNT)),
    }  # fmt: skip


_NETWORK_UNIT = """\
[Unit]
Description=Addresses of this host and of its metadata service
DefaultDependencies=no
Before=network.target
Wants=network.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip link set host0 up
ExecStart=ip address replace {address} dev host0
ExecStart=ip address replace 169.254.169.254/32 dev lo
[Install]
WantedBy=multi-user.target
"""

_DOCKER_AFTER_MOUNT = """\
[Unit]
Requires=data-mongodb.service
After=data-mongodb.service
"""

_MOUNT_UNIT = """\
[Unit]
Description=Data volume on {mount}, as fstab names it
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/lib/stagesync-lab/mount-data
[Install]
WantedBy=multi-user.target
"""

# systemd takes no device from fstab in a machine without udev, so this does: the device may come a little later.
_MOUNT_SCRIPT = """\
#!/bin/sh
findmnt --fstab --noheadings {mount} >/dev/null || exit 0
tries=0
until mountpoint -q {mount} || mount {mount}; do
    tries=$((tries + 1))
    [ "$tries" -lt 100 ] || exit 1
    sleep 0.2
done
"""
_ENABLED = {
    "multi-user.target.wants": ("lab-network.service", "data-mongodb.service"),
    "sockets.target.wants": ("lab-api.socket", "lab-metadata.socket"),
}


def _write_files(host: config.Host) -> None:
    upper = directory(host.role) / "upper"
    for path, (mode, content) in files(host).items():
        file = upper / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        file.write_text(content)
        file.chmod(mode)
    (upper / "root").chmod(0o700)
    (upper / "var/log/journal").mkdir(parents=True, exist_ok=True)
    owner = (rootfs() / "home/ssm-user").stat()
    for path in ("home/ssm-user", "home/ssm-user/.aws", "home/ssm-user/.aws/config"):
        os.chown(upper / path, owner.st_uid, owner.st_gid)
    units = upper / "etc/systemd/system"
    links = {unit: "/dev/null" for unit in MASKED}
    links |= {f"{target}/{unit}": f"../{unit}" for target, wanted in _ENABLED.items() for unit in wanted}
    for name, to in links.items():
        (units / name).parent.mkdir(exist_ok=True)
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to(to)


# --- a host's life --------------------------------------------------------------------------------------------------


def machine(role: str) -> str:
    """The name of the host's machine, and of its control group."""
    return f"stagesync-lab-{role}"


def _leader_file(role: str) -> Path:
    return config.RUNTIME / "hosts" / f"{role}.leader"


def log(role: str) -> Path:
    """What the host says on its console."""
    return config.LOGS / f"host-{role}.log"


def _cgroups() -> Path:
    """Where the unified hierarchy of control groups is mounted."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _dash, rest = line.partition(" - ")
        if rest.startswith("cgroup2 "):
            return Path(fields.split()[4])
    raise HostError(
        "no cgroup2 file system is mounted, which systemd in the lab's hosts needs: mount it on /sys/fs/cgroup"
    )


def _cgroup(role: str) -> Path:
    return _cgroups() / machine(role)


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _supervisor(role: str) -> int | None:
    """The systemd-nspawn process of the host, found by its command line: no record can be stale or missing."""
    wanted = f"--machine={machine(role)}".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"systemd-nspawn") and wanted in words:
                return int(entry.name)
    return None


def leader(role: str) -> int | None:
    """The host's own process 1, once it is systemd; nothing while the host is down."""
    supervisor = _supervisor(role)
    for pid in _children(supervisor) if supervisor else []:
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/exe").endswith("/systemd"):
                return pid
    return None


def start(role: str) -> bool:
    """Have the host booting, with its volumes' devices in place; tell whether it had to be started."""
    host = config.HOSTS[role]
    if _leader_file(role).exists() and leader(role) == int(_leader_file(role).read_text() or 0):
        return False
    if leader(role) is None:
        _boot(host)
    pid = _await_leader(role)
    ebs.publish(role, pid)
    _leader_file(role).parent.mkdir(parents=True, exist_ok=True)
    draft = _leader_file(role).with_suffix(".draft")
    draft.write_text(str(pid))
    draft.rename(_leader_file(role))
    # The way from an instance id to its host, for the session plugin.
    target = config.RUNTIME / "targets" / host.instance_id
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.is_symlink():
        target.symlink_to(f"../hosts/{role}.leader")
    return True


def _boot(host: config.Host) -> None:
    stop(host.role)
    home = directory(host.role)
    root = config.STATE / "hosts" / host.role  # a mount point only
    for path in (home / "upper", home / "work", home / "docker", root, config.LOGS):
        path.mkdir(parents=True, exist_ok=True)
    _write_files(host)
    group = _cgroup(host.role)
    group.mkdir(exist_ok=True)
    overlay = f"lowerdir={rootfs()},upperdir={home}/upper,workdir={home}/work"
    nspawn = [
        "systemd-nspawn", "--quiet", f"--machine={machine(host.role)}", f"--directory={root}", "--boot",
        # Debian's own PID 1 may not be systemd: nothing may be asked of it.
        "--register=no", "--keep-unit",
        # Docker in the host needs these.
        "--capability=all", "--system-call-filter=add_key keyctl bpf", f"--bind={home}/docker:/var/lib/docker",
        f"--network-bridge={config.BRIDGE}", "--resolv-conf=off",
        "--timezone=off", "--link-journal=no", "--console=read-only",
    ]  # fmt: skip
    script = (
        f"echo $$ > {group}/cgroup.procs\n"
        f"mount -t overlay overlay -o {overlay} {root}\n"
        f"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec {shlex.join(nspawn)}\n"
    )
    with open(log(host.role), "ab") as sink:
        subprocess.Popen(
            ["nsenter", f"--net={NETNS}", "unshare", "--mount", "--propagation=slave", "sh", "-e", "-c", script],
            stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, env=ENVIRONMENT, cwd="/", start_new_session=True,
        )  # fmt: skip


def _await_leader(role: str) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        pid = leader(role)
        if pid is not None:
            return pid
        time.sleep(0.02)
    raise HostError(f"the host {role} did not start; the end of {log(role)} says why")


def wait_running(role: str, seconds: float = 60) -> None:
    """Return when the host has started all its services; an error names those that failed."""
    deadline = time.monotonic() + seconds
    state = ""
    while time.monotonic() < deadline:
        state = run(role, "systemctl", "is-system-running", "--wait", check=False).stdout.strip()
        if state == "running":
            return
        if state == "degraded":
            failed = run(role, "systemctl", "list-units", "--failed", "--plain", "--no-legend").stdout
            names = ", ".join(line.split()[0] for line in failed.splitlines() if line.strip())
            raise HostError(
                f"in the host {role} these units failed: {names}; see `labctl exec {role} -- journalctl -b`"
            )
        time.sleep(0.1)
    raise HostError(f"the host {role} is not up after {seconds:.0f} s (state: {state or 'none'}); see {log(role)}")


def stop(role: str) -> bool:
    """Cut the host's power: every process of it dies at once; tell whether there was anything to stop."""
    _leader_file(role).unlink(missing_ok=True)
    group = _cgroup(role)
    alive = _supervisor(role) is not None
    if group.exists():
        deadline = time.monotonic() + 15
        while True:
            with contextlib.suppress(OSError):
                (group / "cgroup.kill").write_text("1")
            with contextlib.suppress(OSError):
                _remove_cgroup(group)
            if not group.exists() and _supervisor(role) is None:
                break
            if time.monotonic() > deadline:
                raise HostError(f"the host {role} does not die; see the processes in {group}")
            time.sleep(0.02)
    if ebs.pool_mounted():
        _unpublish(role)
    return alive


def _remove_cgroup(group: Path) -> None:
    for path, _directories, _files in os.walk(group, topdown=False):
        os.rmdir(path)


def _unpublish(role: str) -> None:
    # The host's mounts go with its last process, but not within the same instant.
    deadline = time.monotonic() + 15
    while True:
        try:
            ebs.unpublish(role)
            return
        except ebs.Busy:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


# --- commands in a host ---------------------------------------------------------------------------------------------


def command(role: str, *words: str) -> list[str]:
    """The command line that runs a command as root in the host."""
    pid = leader(role)
    if pid is None:
        raise HostError(f"the host {role} is down; start it with `labctl up`")
    env = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    env += [f"{name}={os.environ[name]}" for name in ("TERM",) if name in os.environ]
    return ["nsenter", "--target", str(pid), "--all", "--", "env", "-i", "--chdir=/root", *env, *words]


def run(role: str, *words: str, stdin: bytes | Path | None = None, check: bool = True) -> subprocess.CompletedProcess:
    """Run a command as root in the host; its output as text, or an error with what it said."""
    with open(stdin, "rb") if isinstance(stdin, Path) else contextlib.nullcontext() as source:
        given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": source or subprocess.DEVNULL}
        result = subprocess.run(command(role, *words), capture_output=True, check=False, **given)
    result.stdout = result.stdout.decode(errors="replace")
    result.stderr = result.stderr.decode(errors="replace")
    if check and result.returncode:
        said = (result.stderr.strip() or result.stdout.strip() or "no message").splitlines()[-1]
        raise HostError(f"in the host {role} `{shlex.join(words)}` failed with {result.returncode}: {said}")
    return result


def leftovers() -> list[str]:
    """What of the hosts is still on this machine: processes, mounts, control groups, the namespace."""
    found = [f"process {_supervisor(role)} of the host {role}" for role in config.HOSTS if _supervisor(role)]
    found += [f"control group {_cgroup(role)}" for role in config.HOSTS if _cgroup(role).exists()]
    if NETNS.exists():
        found.append(f"network namespace {config.NETWORK_NAMESPACE}")
    for mount in _mount_points():
        if mount == config.STATE or config.STATE in mount.parents or config.CACHE in mount.parents:
            found.append(f"mount {mount}")
    return found
