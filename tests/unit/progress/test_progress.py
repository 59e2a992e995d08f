# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a module writes of how far it is, and the lines that are made of it."""

from __future__ import annotations

import json
import os

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils import progress
from ansible_collections.stagesync.aws.plugins.plugin_utils.progress import Rates, Teller, duration, percent, render


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


# ---- on the host ----


@pytest.fixture
def written(tmp_path):
    """A Progress with its clock, and a function that reads what it wrote."""
    clock = Clock(100.0)
    path = tmp_path / "progress"
    return progress.Progress(str(path), clock), clock, lambda: json.loads(path.read_text())


def test_it_is_written_once_a_second_and_at_once_for_something_else(written):
    told, clock, read = written
    told.tell("copying", 1, 10, "documents")
    clock.now += 0.5
    assert not told.due()
    told.tell("copying", 2, 10, "documents")
    assert read()["done"] == 1
    clock.now += 0.5
    assert told.due()
    told.tell("copying", 3, 10, "documents", [{"name": "a.b", "done": 1, "total": 2, "unit": "documents"}])
    assert read() == {
        "pid": os.getpid(),
        "time": 101.0,
        "doing": "copying",
        "done": 3,
        "total": 10,
        "unit": "documents",
        "parts": [{"name": "a.b", "done": 1, "total": 2, "unit": "documents"}],
    }
    told.tell("stopping")
    assert set(read()) == {"pid", "time", "doing"}


def test_nothing_is_written_where_nobody_waits(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(progress.VARIABLE, raising=False)
    told = progress.Progress()
    told.tell("copying", 1, 10)
    assert not told.due()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "directory", "place"),
    [
        ("stagesync-1", "~/jobs", "{home}/jobs/stagesync-1"),
        ("/tmp/one", "~/jobs", "/tmp/one"),
        ("/tmp/one", None, "/tmp/one"),
        (None, "~/jobs", None),
    ],
)
def test_the_file_is_beside_the_job_or_where_the_path_says(monkeypatch, tmp_path, name, directory, place):
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable, value in ((progress.VARIABLE, name), ("ANSIBLE_ASYNC_DIR", directory)):
        monkeypatch.delenv(variable, raising=False)
        if value:
            monkeypatch.setenv(variable, value)
    assert progress.place() == (place and place.format(home=tmp_path))


def test_work_goes_on_where_it_cannot_be_written(tmp_path):
    told = progress.Progress(str(tmp_path / "missing" / "progress"))
    told.tell("copying", 1, 10)
    assert not told.due()


# ---- lines ----


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (190, "3 min 10 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86399, "23 h 59 min"),
        (97200, "1 d 3 h"),
        (10**9, "11574 d 1 h"),
    ],
)
def test_duration(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("done", "total", "part"), [(0, 0, 100), (0, 7, 0), (999, 1000, 99), (10, 10, 100), (12, 10, 100)]
)
def test_percent_is_100_only_where_all_is_done(done, total, part):
    assert percent(done, total) == part


def said(at, done, total=1000, doing="copying", unit="documents", parts=()):
    return {"pid": 1, "time": at, "doing": doing, "done": done, "total": total, "unit": unit, "parts": list(parts)}


@pytest.mark.parametrize(
    ("later", "speed"),
    [
        ((4.9, 500), None),  # too soon
        ((60, 200), None),  # nothing done since
        ((60, 204), None),  # less than a hundredth of what was left
        ((10, 300), 10.0),
        ((10, 1000), 80.0),
    ],
)
def test_a_rate_needs_a_base_and_does_not_count_what_was_found_done(later, speed):
    rates = Rates()
    assert rates.of("copying", said(0, 200), 0) is None
    assert rates.of("copying", said(*later), later[0]) == speed


def test_the_whole_and_the_parts_with_their_own_rates():
    def users(done):
        return {"name": "shop.users", "done": done, "total": 400, "unit": "documents"}

    indexes = {"name": "shop.orders, indexes", "done": 43, "total": 100, "unit": ""}
    rates = Rates()
    assert list(render(said(10, 100, parts=[users(0)]), rates, 1)) == [
        "  copying: 10 % (100 of 1,000 documents), 1 s",
        "    shop.users: 0 % (0 of 400 documents)",
    ]
    assert list(render(said(20, 300, parts=[users(40), indexes]), rates, 11)) == [
        "  copying: 30 % (300 of 1,000 documents), 20 documents/s, 11 s; estimate: 35 s left",
        "    shop.users: 10 % (40 of 400 documents), 4.0 documents/s; estimate: 1 min 30 s left",
        "    shop.orders, indexes: 43 %",
    ]
    assert "estimate" not in "".join(render(said(60, 1000), rates, 61))


def test_more_parts_than_one_reads_are_counted():
    parts = [{"name": f"a.{number}", "done": 1, "total": 2, "unit": ""} for number in range(5)]
    lines = list(render(said(0, 1, parts=parts), Rates(), 0))
    assert [line.split(":")[0].strip() for line in lines] == ["copying", "a.0", "a.1", "a.2", "and 2 more"]


def test_a_percent_alone_and_a_step_alone():
    rates = Rates()
    list(render(said(0, 0, 100, "snapshot set r1", ""), rates, 0))
    assert list(render(said(100, 25, 100, "snapshot set r1", ""), rates, 100)) == [
        "  snapshot set r1: 25 %, 1 min 40 s; estimate: 5 min left"
    ]
    assert list(render({"time": 3, "doing": "swap, stopping"}, rates, 3)) == ["  swap, stopping: 3 s"]


def test_a_name_cannot_write_on_the_terminal():
    parts = [{"name": "shop.a\x1b[2J\n  copying: 100 %", "done": 1, "total": 2, "unit": ""}]
    (_whole, line) = render(said(0, 1, parts=parts), Rates(), 0)
    assert line == "    shop.a?[2J?  copying: 100 %: 50 %"


# ---- few of them ----


@pytest.fixture
def teller():
    clock, lines = Clock(), []
    made = Teller("Restore | mount it", lines.append, clock)

    def hear(at, message=None):
        clock.now = at
        before = len(lines)
        made.hear(message)
        return len(lines) - before

    return hear, lines


def test_a_short_wait_says_nothing(teller):
    hear, _lines = teller
    assert sum(hear(at / 10, said(at / 10, 20 * at)) for at in range(49)) == 0


def test_a_tenth_of_the_work_is_told_but_not_every_moment(teller):
    hear, _lines = teller
    assert hear(6, said(6, 90)) == 0
    assert hear(7, said(7, 100)) == 1
    assert hear(8, said(8, 250)) == 0  # too soon
    assert hear(13, said(13, 260)) == 1
    assert hear(20, said(20, 270)) == 0


def test_each_kind_of_work_has_its_own_tenths(teller):
    hear, _lines = teller
    assert hear(6, said(6, 900, doing="comparing the collections")) == 1
    assert hear(12, said(12, 100)) == 1


def test_what_says_nothing_of_itself_is_told_by_name_and_time(teller):
    hear, lines = teller
    assert hear(29) == 0
    assert hear(31) == 1
    assert hear(45, {"what": "else"}) == 0
    assert hear(75, ["what"]) == 1
    assert lines == ["  Restore | mount it: 31 s", "  Restore | mount it: 1 min 15 s"]


def test_a_day_makes_some_hundred_lines(teller):
    hear, _lines = teller
    day = 86400
    shown = sum(hear(at, said(at, at, 2 * day)) for at in range(0, day, 5))
    assert 80 < shown < 200
