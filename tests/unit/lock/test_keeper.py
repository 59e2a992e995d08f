# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The process that keeps a lock fresh: what it holds open, when it ends, and what it does while AWS fails."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock  # noqa: E402
from ansible_collections.stagesync.aws.plugins.modules import run_lock as module  # noqa: E402

# Makes a keeper that waits, says its number and what makes it known again, and ends.
DETACHES = """
import time
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock
def work(stopped):
    while not stopped():
        time.sleep(0.05)
keeper = run_lock.detach(work)
print(keeper.pid, keeper.started)
"""


def wait_for(what, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture
def keeper():
    """A keeper whose maker has ended. Its maker's pipes were read to their end, so it holds none of them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    made = subprocess.run(
        [sys.executable, "-c", DETACHES], env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    process = run_lock.Process(*map(int, made.stdout.split()))
    yield process
    if process.alive():
        os.kill(process.pid, signal.SIGKILL)


def test_a_keeper_is_nobodys_child_and_holds_nothing_open(keeper):
    assert keeper.alive()
    held = {os.readlink(link) for link in Path(f"/proc/{keeper.pid}/fd").iterdir()}
    assert held == {os.devnull}
    assert os.getsid(keeper.pid) != os.getsid(0)
    assert os.readlink(f"/proc/{keeper.pid}/cwd") == "/"


def test_a_keeper_is_ended_and_leaves_no_zombie(keeper):
    value = {"keeper": {"pid": keeper.pid, "started": keeper.started}}
    assert run_lock.keeper_of(value) == keeper
    run_lock.end_keeper(value)
    assert not keeper.alive()
    assert run_lock.keeper_of(value) is None
    assert wait_for(lambda: not Path(f"/proc/{keeper.pid}").exists())


def test_a_keeper_that_hangs_is_killed(keeper, monkeypatch):
    monkeypatch.setattr(run_lock, "KEEPER_END_SECONDS", 0.5)
    os.kill(keeper.pid, signal.SIGSTOP)
    run_lock.end_keeper({"keeper": {"pid": keeper.pid, "started": keeper.started}})
    assert not keeper.alive()


def test_another_process_that_has_its_number_by_now_is_left_alone(sleeper):
    innocent = sleeper()
    run_lock.end_keeper({"keeper": {"pid": innocent.pid, "started": run_lock.started(innocent.pid) - 1}})
    assert innocent.poll() is None


def test_a_process_that_ended_and_was_not_waited_for_is_dead(sleeper):
    process = sleeper()
    same = run_lock.Process(process.pid, run_lock.started(process.pid))
    assert same.alive()
    os.kill(process.pid, signal.SIGKILL)
    assert wait_for(lambda: not same.alive())


def test_the_controller_is_the_topmost_process_of_the_same_command_line(monkeypatch):
    # module 50, its shell 40, the worker 30, ansible-playbook 20, make 10
    tree = {50: (40, "python AnsiballZ"), 40: (30, "sh -c"), 30: (20, "ansible"), 20: (10, "ansible"), 10: (1, "make")}
    monkeypatch.setattr(run_lock, "_stat", lambda pid: (tree[pid][0], pid * 7) if pid in tree else None)
    monkeypatch.setattr(run_lock, "_command", lambda pid: tree[pid][1].encode() if pid in tree else b"")
    monkeypatch.setattr(run_lock.os, "getppid", lambda: 40)
    assert run_lock.controller() == run_lock.Process(20, 140)


def test_without_ansible_above_it_there_is_no_controller(monkeypatch):
    monkeypatch.setattr(run_lock, "_command", lambda pid: str(pid).encode())
    with pytest.raises(run_lock.LockError, match="cannot be found in /proc"):
        run_lock.controller()


class Time:
    """Time that passes only by sleeping; `at` are things to happen by then."""

    def __init__(self, monkeypatch, at=()):
        self.now, self.at = 0.0, sorted(at, key=lambda pair: pair[0])
        monkeypatch.setattr(run_lock, "_boottime", lambda: self.now)

    def sleep(self, seconds):
        self.now += seconds
        while self.at and self.at[0][0] <= self.now:
            self.at.pop(0)[1]()


def test_it_renews_every_minute_until_it_is_stopped(lock, store, monkeypatch):
    held = lock("r1")
    held.take()
    beats, stopped = [], []
    real = held.beat
    clock = Time(monkeypatch, [(610, lambda: stopped.append(True))])
    monkeypatch.setattr(held, "beat", lambda: beats.append(clock.now) or real())
    run_lock.keep_alive(held, lambda: bool(stopped), clock.sleep)
    assert [round(beat / 60) for beat in beats] == list(range(1, 11))
    assert store.value()["run_id"] == "r1"


def test_it_ends_when_the_playbook_is_killed(lock, store, sleeper, monkeypatch):
    playbook = sleeper()
    held = lock("r1", run_lock.Process(playbook.pid, run_lock.started(playbook.pid)))
    held.take()
    before = store.value()
    clock = Time(monkeypatch, [(30, lambda: (playbook.kill(), playbook.wait()))])
    run_lock.keep_alive(held, lambda: False, clock.sleep)
    assert clock.now < 33
    assert store.value() == before


@pytest.mark.parametrize("what", ["released", "another's"])
def test_it_ends_when_the_lock_is(lock, store, monkeypatch, what):
    held = lock("r1", sleep=lambda _seconds: None)
    held.take()

    def lose():
        if what == "released":
            return store.client().delete_parameter(Name="/stagesync/lock/i-0123456789abcdef0")
        store.age(301)
        return lock("r2").take()

    clock = Time(monkeypatch, [(70, lose)])
    run_lock.keep_alive(held, lambda: False, clock.sleep)
    assert 120 <= clock.now < 125
    assert (store.value() or {}).get("run_id") == (None if what == "released" else "r2")


def test_it_goes_on_after_errors_and_gives_up_when_the_lock_is_stale_anyway(lock, monkeypatch):
    held = lock("r1")
    held.take()
    tried, fails = [], [True] * 6 + [False] + [True] * 1000
    clock = Time(monkeypatch)

    def beat():
        tried.append(clock.now)
        if fails.pop(0):
            raise run_lock.LockError("AWS is away.")
        return True

    monkeypatch.setattr(held, "beat", beat)
    run_lock.keep_alive(held, lambda: False, clock.sleep)
    assert 149 < tried[6] < 160  # six failures, a quarter of a minute apart
    assert 300 < clock.now - tried[6] < 330


def test_the_module_takes_keeps_and_releases_with_a_keeper_beside_it(call, store, sleeper, monkeypatch):
    monkeypatch.setattr(run_lock, "hostname", lambda: "here")
    dry = call(module, check=True, run_id="r1")
    assert (dry["changed"], dry["holder"]["run_id"]) == (True, "r1")
    assert store.names() == []
    taken = call(module, run_id="r1", playbook="Refresh")
    assert (taken["changed"], taken["taken_over_from"], taken["leavings"]) == (True, None, [])
    assert taken["diff"]["before"]["lock"] is None
    assert taken["holder"]["owner"].startswith("arn:aws:")
    assert taken["holder"]["owner"].endswith(" on here")
    keeper = run_lock.keeper_of(store.value())
    assert keeper is not None
    again = call(module, run_id="r1")
    assert (again["changed"], run_lock.keeper_of(store.value())) == (False, keeper)

    rival = sleeper()
    theirs = run_lock.Process(rival.pid, run_lock.started(rival.pid))
    for check in (False, True):
        refused = call(module, check=check, process=theirs, run_id="r2")
        assert refused["failed"] is True
        assert "is held by run r1 (Refresh; arn:aws" in refused["msg"]
        assert refused["holder"]["run_id"] == "r1"
    assert call(module, process=theirs, state="absent", run_id="r2")["changed"] is False

    os.kill(keeper.pid, signal.SIGKILL)
    assert wait_for(lambda: not keeper.alive())
    assert call(module, state="kept", run_id="r1")["changed"] is True
    second = run_lock.keeper_of(store.value())
    assert second not in (None, keeper)
    released = call(module, state="absent", run_id="r1")
    assert (released["changed"], released["holder"]) == (True, None)
    assert not second.alive()
    assert store.names() == []


def test_the_module_says_what_a_dead_run_left_and_strikes_it_when_told(call, store, lock):
    lock("dead", host="there").take()
    store.age(301)
    taken = call(module, run_id="r1")
    try:
        assert (taken["taken_over_from"], taken["leavings"]) == ("dead", ["dead"])
        kept = call(module, state="kept", run_id="r1", cleared=["dead"])
        assert kept["leavings"] == store.value()["leavings"] == []
    finally:
        call(module, state="absent", run_id="r1")
    lost = call(module, state="kept", run_id="r1")
    assert "r1 no longer holds lock" in lost["msg"]
    assert "it is gone" in lost["msg"]


def test_a_limit_that_a_slow_answer_would_break_is_refused(call):
    assert "at least 60" in call(module, run_id="r1", stale_seconds=5)["msg"]
