# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Who gets the lock, who is refused and what they are told; with threads where two want it at once."""

from __future__ import annotations

import json
import operator
import re
import threading

import pytest

pytest.importorskip("boto3")
from ansible_collections.stagesync.aws.plugins.module_utils import run_lock  # noqa: E402
from botocore.exceptions import ClientError  # noqa: E402

NAME = "/stagesync/lock/i-0123456789abcdef0"


class Client:
    """A client that does something of the test's just before or after a call."""

    def __init__(self, client, before=None, after=None):
        self._client, self._before, self._after = client, before or {}, after or {}

    def __getattr__(self, operation):
        def call(**arguments):
            self._before.get(operation, lambda _arguments: None)(arguments)
            answer = getattr(self._client, operation)(**arguments)
            self._after.get(operation, lambda _arguments: None)(arguments)
            return answer

        return call


def once(action, when=lambda _arguments: True):
    """An action for `Client` that happens the first time only."""
    done = []

    def act(arguments):
        if not done and when(arguments):
            done.append(True)
            action()

    return act


def refused(code, operation="PutParameter"):
    def fail(_arguments):
        raise ClientError({"Error": {"Code": code, "Message": "No."}}, operation)

    return fail


def test_a_free_lock_is_made_and_says_who_holds_it(lock, store):
    outcome = lock("r1").take()
    assert outcome.changed is True
    assert outcome.taken_over_from is None
    value = store.value()
    assert value == outcome.after
    assert (value["run_id"], value["host"], value["playbook"]) == ("r1", "here", "Refresh")
    assert value["expires"] > value["heartbeat"] == value["started"]


def test_a_held_lock_is_refused_with_all_that_one_needs_to_know(lock, store):
    lock("r1").take()
    store.age(150)
    with pytest.raises(run_lock.LockError) as refusal:
        lock("r2", host="there").take()
    said, held = str(refusal.value), store.value()
    for part in ("run r1", "me on here", held["started"], held["heartbeat"], "sync_run_id=r1", "5 minutes"):
        assert part in said
    assert re.search(r"1\d\d s ago", said)
    assert refusal.value.holder == held
    assert store.value()["run_id"] == "r1"


@pytest.mark.parametrize(("age", "taken"), [(290, False), (310, True)])
def test_a_lock_without_a_heartbeat_is_taken_over_when_it_is_stale_and_not_before(lock, store, age, taken):
    lock("r1").take()
    store.age(age)
    if not taken:
        with pytest.raises(run_lock.LockError, match="held by run r1"):
            lock("r2").take()
        return
    outcome = lock("r2").take()
    assert (outcome.taken_over_from, outcome.after["leavings"]) == ("r1", ["r1"])
    assert store.value()["run_id"] == "r2"
    assert store.names() == [NAME]


def test_stale_is_what_the_holder_promised_not_what_the_taker_would_like(lock, store):
    lock("r1", stale=3600).take()
    store.age(1000)
    with pytest.raises(run_lock.LockError, match="60 minutes"):
        lock("r2", stale=60).take()


def test_a_wrong_clock_of_the_holder_makes_its_lock_no_staler(lock, monkeypatch):
    real = run_lock._stamp
    with monkeypatch.context() as patch:
        patch.setattr(run_lock, "_stamp", lambda later=0: real(later - 1200))
        lock("r1").take()
    with pytest.raises(run_lock.LockError, match="held by run r1"):
        lock("r2").take()


def test_a_run_that_died_is_continued_at_once(lock, store, sleeper):
    dead = sleeper()
    process = run_lock.Process(dead.pid, run_lock.started(dead.pid))
    since = lock("r1", process).take().after["started"]
    dead.kill()
    dead.wait()
    outcome = lock("r1").take()
    assert (outcome.changed, outcome.taken_over_from, outcome.after["leavings"]) == (True, None, [])
    assert outcome.after["started"] == since
    assert store.value()["pid"] != dead.pid


def test_a_run_that_lives_on_this_controller_is_not_continued_beside_it(lock, sleeper):
    living = sleeper()
    lock("r1", run_lock.Process(living.pid, run_lock.started(living.pid))).take()
    with pytest.raises(run_lock.LockError, match=f"still runs on this controller, as process {living.pid}"):
        lock("r1").take()


def test_elsewhere_a_run_is_continued_only_when_its_heartbeat_has_stopped(lock, store):
    lock("r1").take()
    with pytest.raises(run_lock.LockError, match="is held by run r1 .* continue it on here"):
        lock("r1", host="there").take()
    store.age(301)
    assert lock("r1", host="there").take().changed is True


def test_to_take_it_again_changes_nothing(lock, store):
    lock("r1").take()
    assert lock("r1").take().changed is False
    assert store.value()["run_id"] == "r1"


def test_what_is_no_lock_is_never_taken(lock, store):
    store.client().put_parameter(Name=NAME, Value="mine!", Type="String")
    store.age(10000)
    with pytest.raises(run_lock.LockError, match=f"{NAME} holds no lock"):
        lock("r1").take()


def test_the_dead_are_remembered_until_their_leavings_are_cleared(lock, store):
    lock("r1").take()
    store.age(301)
    lock("r2").take()
    store.age(301)  # r2 died before it had cleared what r1 left
    third = lock("r3")
    assert third.take().after["leavings"] == ["r1", "r2"]
    assert third.keep(cleared=["r1"]).after["leavings"] == ["r2"]
    assert third.release().changed is True
    # r3 could not clear what r2 left: nobody waits, and the next run knows.
    fourth = lock("r4", host="there")
    outcome = fourth.take()
    assert outcome.after["leavings"] == ["r2", "r3"]
    fourth.keep(cleared=["r2", "r3"])
    fourth.release()
    assert store.names() == []


def test_a_run_whose_own_cleanup_failed_is_remembered(lock):
    lock("r1").take()
    assert lock("r1").release(uncleared=True).changed is True
    outcome = lock("r2", host="there").take()
    assert (outcome.taken_over_from, outcome.after["leavings"]) == ("r1", ["r1"])


def test_a_release_frees_only_what_this_process_holds(lock, store, sleeper):
    other = sleeper()
    process = run_lock.Process(other.pid, run_lock.started(other.pid))
    assert lock("r1").release().changed is False
    lock("r1").take()
    assert lock("r2").release().changed is False
    assert lock("r1", process).release().changed is False
    assert lock("r1").release(check=True).changed is True
    assert store.value()["run_id"] == "r1"
    assert lock("r1").release().changed is True
    assert lock("r1").release().changed is False
    assert store.names() == []


def test_a_lost_lock_is_not_renewed_and_its_loser_is_told(lock, store):
    first = lock("r1", sleep=lambda _seconds: None)
    first.take()
    store.age(301)
    lock("r2").take()
    with pytest.raises(run_lock.Lost, match="r1 no longer holds lock .* run r2"):
        first.keep()
    assert first.beat() is False
    assert first.release().changed is False
    assert store.value()["run_id"] == "r2"


def test_a_stale_lock_that_nobody_took_is_still_its_holders(lock, store):
    first = lock("r1")
    first.take()
    store.age(400)
    assert first.beat() is True
    with pytest.raises(run_lock.LockError, match="held by run r1"):
        lock("r2").take()
    assert store.names() == [NAME]


@pytest.mark.parametrize("stale", [False, True])
def test_of_many_at_once_one_gets_it(lock, store, stale):
    if stale:
        lock("dead").take()
        store.age(301)
    runs = [lock(f"run-{number}", host=f"host-{number}") for number in range(8)]
    start, got, told = threading.Barrier(len(runs)), [], []

    def try_it(wanted):
        start.wait()
        try:
            got.append((wanted.me.run_id, wanted.take()))
        except run_lock.LockError as error:
            told.append(str(error))

    threads = [threading.Thread(target=try_it, args=(wanted,)) for wanted in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ((winner, outcome),) = got
    assert store.value()["run_id"] == winner
    assert outcome.taken_over_from == ("dead" if stale else None)
    assert len(told) == len(runs) - 1
    assert all(f"held by run {winner} " in text for text in told)
    assert store.names() == [NAME]


def test_a_taker_that_was_slower_than_the_whole_takeover_of_another_loses(lock, store):
    """It read the stale lock, then its rival took it and removed the guard."""
    lock("dead").take()
    store.age(301)
    rival = lock("rival", host="there")

    def guard(arguments):
        return "takeover" in arguments["Name"]

    slow = lock("slow", client=Client(store.client(), before={"put_parameter": once(rival.take, guard)}))
    with pytest.raises(run_lock.LockError, match="held by run rival"):
        slow.take()
    assert store.value()["run_id"] == "rival"


def test_a_holder_that_comes_to_life_in_the_middle_of_a_takeover_keeps_its_lock(lock, store):
    """Its heartbeat lands between the taker's last look and the taker's write, which no guard can prevent."""
    alive = lock("alive", host="there")
    alive.take()
    store.age(301)

    def heartbeat():
        entry = alive._read()
        assert alive._overwrite(entry, {**entry.value, **alive.me.beat()})

    overwrite = operator.itemgetter("Overwrite")
    taker = lock("taker", client=Client(store.client(), before={"put_parameter": once(heartbeat, overwrite)}))
    with pytest.raises(run_lock.LockError, match="held by run alive"):
        taker.take()
    assert store.value()["run_id"] == "alive"
    assert alive.keep().changed is True
    assert store.names() == [NAME]


def test_a_heartbeat_that_comes_after_a_takeover_gives_the_lock_back(lock, store):
    late = lock("late", sleep=lambda _seconds: None)
    late.take()
    entry = late._read()
    store.age(301)
    taker = lock("taker", host="there")
    taker.take()
    assert late._overwrite(entry, {**entry.value, **late.me.beat()}) is False
    assert store.value()["run_id"] == "taker"
    assert taker.keep().changed is True


def test_a_heartbeat_that_comes_after_the_release_leaves_no_lock(lock, store):
    late = lock("late")
    late.take()
    entry = late._read()
    store.client().delete_parameter(Name=NAME)
    assert late._overwrite(entry, {**entry.value, **late.me.beat()}) is False
    assert store.names() == []


def test_two_that_both_get_past_the_guard_do_not_both_win(lock, store):
    """The first one's guard seems left by a dead one, and is removed under it."""
    lock("dead").take()
    store.age(301)
    outcome = []

    def second():
        store.age(100, f"{NAME}/takeover-1")
        outcome.append(lock("second", host="there").take())

    overwrite = operator.itemgetter("Overwrite")
    first = lock("first", client=Client(store.client(), before={"put_parameter": once(second, overwrite)}))
    with pytest.raises(run_lock.LockError, match="held by run second"):
        first.take()
    assert outcome[0].taken_over_from == "dead"
    assert store.value()["run_id"] == "second"
    assert store.names() == [NAME]


def test_the_guard_of_a_taker_that_died_stands_in_the_way_for_a_minute_only(lock, store):
    lock("dead").take()
    store.age(301)
    guard = f"{NAME}/takeover-1"
    store.client().put_parameter(Name=guard, Value="{}", Type="String")
    waits = []

    def sleep(seconds):
        waits.append(seconds)
        if guard in store.names():
            store.age(20, guard)

    assert lock("r2", sleep=sleep).take().taken_over_from == "dead"
    assert 3 <= len(waits) <= 6
    assert store.names() == [NAME]


def test_an_answer_that_was_lost_is_no_loss(lock, store):
    """AWS did it, the answer did not come, and the call is sent again."""
    lost = once(lambda: refused("InternalServerError")(None))
    assert lock("r1", client=Client(store.client(), after={"put_parameter": lost})).take().changed is True
    lost = once(lambda: refused("InternalServerError")(None))
    again = lock("r1", client=Client(store.client(), after={"put_parameter": lost}))
    assert again.keep(cleared=["x"]).after["run_id"] == "r1"
    assert store.value()["run_id"] == "r1"


@pytest.mark.parametrize("operation", ["GetParameter", "PutParameter"])
def test_what_is_not_allowed_is_named(lock, store, operation):
    method = {"GetParameter": "get_parameter", "PutParameter": "put_parameter"}[operation]
    client = Client(store.client(), before={method: refused("AccessDeniedException", operation)})
    with pytest.raises(run_lock.LockError, match=f"{NAME}: ssm:{operation} is not allowed .*allow it"):
        lock("r1", client=client).take()


def test_nothing_secret_and_nothing_long_stands_in_the_lock(lock, store):
    lock("r1").take()
    assert "0Zq9" not in json.dumps(store.value())
    assert len(json.dumps(store.value())) < 1000
