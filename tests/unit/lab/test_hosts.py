"""What the lab's hosts are made of, and what is said when they cannot be made; running the lab tests the rest."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.amazon.aws.plugins.plugin_utils.ssm.terminalmanager import TerminalManager
from stagesync_lab import config, hosts

LAB = Path(hosts.__file__).resolve().parent.parent


def test_the_mirror_is_the_one_apt_uses_for_the_hosts_release():
    targets = (
        "http://mirror.example/debian-security|bookworm-security|main\n"
        "http://mirror.example/debian|bookworm|contrib\n"
        "http://mirror.example/debian|bookworm|main\n"
    )
    assert hosts._mirror(targets) == "http://mirror.example/debian"


def test_no_mirror_is_said_in_one_sentence():
    with pytest.raises(hosts.HostError, match="apt knows no mirror of Debian bookworm"):
        hosts._mirror("http://mirror.example/debian|trixie|main\n")


def test_a_command_that_fails_says_its_last_words():
    with pytest.raises(hosts.HostError, match=r"^sh failed with 3: no such thing$"):
        hosts._call("sh", "-c", "echo first; echo no such thing >&2; exit 3")


def test_a_command_that_fails_names_its_log(tmp_path):
    with pytest.raises(hosts.HostError, match=rf"^sh failed with 1: too bad; see {tmp_path}/log$"):
        hosts._call("sh", "-c", "echo too bad; exit 1", log=tmp_path / "log")


def test_the_root_file_system_is_another_one_when_its_definition_changes(monkeypatch):
    before = hosts.rootfs()
    monkeypatch.setattr(hosts, "PACKAGES", (*hosts.PACKAGES, "jq"))
    assert hosts.rootfs() != before
    assert hosts.rootfs().parent == config.CACHE


def test_each_host_has_its_own_names_and_addresses_and_the_same_endpoint():
    seen = set()
    for host in config.HOSTS.values():
        files = {path: content for path, (_mode, content) in hosts.files(host).items()}
        assert files["etc/hostname"] == f"{host.name}\n"
        assert f"{host.address}/24 dev host0" in files["etc/systemd/system/lab-network.service"]
        assert f"endpoint_url = {config.ENDPOINT}\n" in files["root/.aws/config"]
        assert files["etc/resolv.conf"] == ""
        seen.add(files["etc/machine-id"])
    assert len(seen) == len(config.HOSTS)


def test_sudo_trusts_no_file_that_others_can_write():
    modes = {path: mode for path, (mode, _content) in hosts.files(config.HOSTS["staging"]).items()}
    assert modes["etc/sudoers.d/ssm-user"] == 0o440
    assert not [path for path, mode in modes.items() if mode & 0o022]


def test_a_host_that_is_down_has_no_leader_and_runs_nothing(monkeypatch):
    monkeypatch.setattr(hosts, "machine", lambda role: f"no-such-machine-{role}")
    assert hosts.leader("staging") is None
    with pytest.raises(hosts.HostError, match="the host staging is down; start it with `labctl up`"):
        hosts.run("staging", "true")


@pytest.fixture
def mount_script(tmp_path):
    """The script that mounts the data volume in a host, with stand-ins for the commands that it calls."""
    script = tmp_path / "mount-data"
    script.write_text(hosts._MOUNT_SCRIPT.format(mount=config.DATA_MOUNT))
    script.chmod(0o755)
    tools = tmp_path / "bin"
    tools.mkdir()

    def run(**commands: str) -> int:
        for name, body in {"sleep": "exit 0", **commands}.items():
            (tools / name).write_text(f"#!/bin/sh\n{body}\n")
            (tools / name).chmod(0o755)
        return subprocess.run([script], env={"PATH": f"{tools}:/usr/bin:/bin"}, cwd=tmp_path, check=False).returncode

    return run


def test_a_host_without_data_volume_in_fstab_boots_on(mount_script, tmp_path):
    assert mount_script(findmnt="exit 1", mountpoint="exit 1", mount="touch mounted") == 0
    assert not (tmp_path / "mounted").exists()


def test_the_data_volume_is_mounted_as_soon_as_its_device_is_there(mount_script, tmp_path):
    late = "n=$(cat n 2>/dev/null || echo 0); echo $((n + 1)) > n; [ $n -ge 3 ]"
    assert mount_script(findmnt="exit 0", mountpoint="exit 1", mount=late) == 0
    assert (tmp_path / "n").read_text() == "4\n"


def test_a_data_volume_that_never_comes_fails_the_unit(mount_script):
    assert mount_script(findmnt="exit 0", mountpoint="exit 1", mount="exit 32") == 1


# The session plugin


@pytest.fixture
def plugin(tmp_path):
    """The plugin, opening its shell here in place of in a host: its `nsenter` is a shell."""
    script = (LAB / "session-manager-plugin").read_text()
    shell = tmp_path / "nsenter"
    shell.write_text("#!/bin/sh\nexec env PS1='$ ' bash --noprofile --norc\n")
    shell.chmod(0o755)
    (tmp_path / "i-0abc").write_text("1")
    program = tmp_path / "session-manager-plugin"
    program.write_text(
        script.replace("/run/stagesync-lab/targets", str(tmp_path)).replace("/usr/bin/nsenter", str(shell))
    )
    started = []

    def start(target: str = "i-0abc") -> tuple[subprocess.Popen, int]:
        outer, inner = pty.openpty()
        words = ['{"SessionId": "lab-1"}', "ap-south-1", "StartSession", "", f'{{"Target": "{target}"}}', "http://x"]
        process = subprocess.Popen(
            [sys.executable, "-IS", program, *words],
            stdin=subprocess.PIPE, stdout=inner, stderr=subprocess.PIPE, bufsize=0,
        )  # fmt: skip
        os.close(inner)
        started.append((process, outer))
        return process, outer

    yield start
    for process, outer in started:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stderr.close()
        os.close(outer)


def read_until(descriptor: int, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        assert select.select([descriptor], [], [], 5)[0], f"no {wanted!r} in {seen!r}"
        seen += os.read(descriptor, 65536)
    return seen


def quiet(process: subprocess.Popen, outer: int) -> None:
    read_until(outer, b"Starting session with SessionId: lab-1")
    process.stdin.write(b"stty -echo; PS1=''; bind 'set enable-bracketed-paste off'; echo re''ady\n")
    read_until(outer, b"ready\r\r\n")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        if (
            not os.path.exists(f"/proc/{pid}")
            or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        ):
            return True
        time.sleep(0.02)
    return False


def test_a_session_runs_commands_and_ends_with_exit(plugin):
    process, outer = plugin()
    quiet(process, outer)
    process.stdin.write(b"echo $((6 * 7))\nexit\n")
    said = read_until(outer, b"Exiting session")
    assert b"42\r\r\n" in said  # a terminal of its own, as the connection plugin expects
    assert process.wait(10) == 0


def test_a_pipe_whose_reader_ends_early_makes_no_error(plugin):
    process, outer = plugin()
    quiet(process, outer)
    process.stdin.write(b"for i in 1 2 3 4 5 6 7 8; do (sleep 0.01; echo) | echo ~; done; echo do''ne\n")
    assert b"error" not in read_until(outer, b"done\r\r\n").lower()


@pytest.mark.parametrize("how", ["closed", signal.SIGTERM, signal.SIGKILL])
def test_a_session_that_is_cut_leaves_no_process(plugin, how):
    process, outer = plugin()
    quiet(process, outer)
    process.stdin.write(b"echo shell $$; sleep 300\n")
    shell = int(read_until(outer, b"\r\r\n").split()[-1])
    if how == "closed":
        process.stdin.close()
    else:
        process.send_signal(how)
    process.wait(10)
    assert gone(shell)


def test_a_job_with_a_session_of_its_own_goes_on(plugin, tmp_path):
    process, outer = plugin()
    quiet(process, outer)
    process.stdin.write(f"setsid sh -c 'sleep 0.5; echo > {tmp_path}/finished' & echo st''arted\n".encode())
    read_until(outer, b"started\r\r\n")
    time.sleep(0.1)
    process.stdin.close()
    process.wait(10)
    deadline = time.monotonic() + 5
    while not (tmp_path / "finished").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def typed(command: str) -> bytes:
    """A command as amazon.aws.aws_ssm types it."""
    made = TerminalManager(SimpleNamespace(is_windows=False, verbosity_display=lambda *_: None))
    return made.wrap_command(command, "B" * 26, "E" * 26).encode()


@pytest.mark.parametrize(
    ("command", "turns"),
    [
        ("sh -c 'echo turn >> {0}; wc -l < {0}; exit 3'", 2),
        ("sh -c 'echo turn >> {0}\nwc -l < {0}\nexit 3'", 2),
        ("sh -c '( umask 77 && mkdir -p \"{0}.tmp\" ); echo turn >> {0}; wc -l < {0}; exit 3'", 1),
        ("sh -c ': " + "x" * 3000 + "; echo turn >> {0}; wc -l < {0}; exit 3'", 2),
    ],
)
def test_every_command_runs_twice_and_the_second_answers(plugin, tmp_path, monkeypatch, command, turns):
    monkeypatch.setenv("STAGESYNC_LAB_REPEAT", "1")
    monkeypatch.setenv("STAGESYNC_LAB_TRANSCRIPTS", str(tmp_path))
    process, outer = plugin()
    quiet(process, outer)
    data = typed(command.format(tmp_path / "turns"))
    for start in range(0, len(data), 1024):
        process.stdin.write(data[start : start + 1024])
    said = read_until(outer, b"E" * 26 + b"\r\r\n").replace(b"\r\r\n", b"\n")
    assert said.endswith(b"%s\n%d\n\n3\n%s\n" % (b"B" * 26, turns, b"E" * 26))
    assert (tmp_path / "turns").read_text() == "turn\n" * turns
    (transcript,) = tmp_path.glob("i-0abc-lab-1")
    assert b"stty -echo" in transcript.read_bytes()
    assert said.splitlines()[-1] in transcript.read_bytes()


def test_a_target_that_is_no_host_is_named(plugin):
    process, _outer = plugin("i-0unknown")
    assert process.wait(10) == 255
    assert process.stderr.read() == b"i-0unknown is no running host of the lab; see `labctl status`\n"


def test_the_plugin_is_what_ansible_can_start():
    assert shutil.which(str(LAB / "session-manager-plugin"))
    assert (LAB / "session-manager-plugin").read_text().startswith("#!/usr/bin/python3 -IS\n")
