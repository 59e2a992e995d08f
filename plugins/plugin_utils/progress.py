# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Lines on how far a long task is: percent, rate, time so far and, where there is a base for it, an estimate."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

# No line within so many seconds of the last; one at each tenth of the work, or when nothing was said for a while. That
# while grows with the time so far, so that a day makes some hundred lines.
_SHORTEST_SECONDS = 5.0
_LONGEST_SECONDS = 30.0
_SHARE_OF_ELAPSED = 1 / 20
# An estimate is made of no less than this.
_BASE_SECONDS = 5.0
_BASE_SHARE = 0.01
_PARTS = 3


def duration(seconds: float) -> str:
    """Write a time as one reads it: 26 s, 3 min 10 s, 2 h 5 min, 1 d 3 h."""
    whole = max(0, int(seconds + 0.5))
    if whole < 60:
        return f"{whole} s"
    for (size, unit), (smaller, below) in zip(_UNITS, _UNITS[1:]):
        if whole >= size:
            left = whole % size // smaller
            return f"{whole // size} {unit} {left} {below}" if left else f"{whole // size} {unit}"
    raise AssertionError(seconds)


_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def percent(done: int, total: int) -> int:
    """Return the part that is done in whole percent: 100 only where all is."""
    return min(100 if done >= total else 99, 100 * done // total) if total else 100


class Rates:
    """How fast things go since they were first heard of. What a rerun found done already does not count."""

    def __init__(self) -> None:
        self._first: dict[tuple[str, str], tuple[int, float]] = {}

    def of(self, doing: str, said: dict[str, Any], now: float) -> float | None:
        """Return what is done a second; None while there is no base for it."""
        done, since = self._first.setdefault((doing, said.get("name", "")), (said["done"], now))
        gone, made = now - since, said["done"] - done
        if gone < _BASE_SECONDS or made <= 0 or made < _BASE_SHARE * (said["total"] - done):
            return None
        return made / gone


def render(said: dict[str, Any], rates: Rates, elapsed: float) -> Iterator[str]:
    """Yield a line on the whole, and one on each part that is at work."""
    doing, now = said["doing"], said["time"]
    if "done" not in said:
        yield f"  {doing}: {duration(elapsed)}"
        return
    # Every rate needs a beginning, those of the parts that are not shown yet, too.
    speeds = [rates.of(doing, part, now) for part in said["parts"]]
    yield f"  {doing}: {_far(said, rates.of(doing, said, now), f', {duration(elapsed)}')}"
    for part, speed in list(zip(said["parts"], speeds))[:_PARTS]:
        # A database's own names may hold anything.
        name = "".join(sign if sign.isprintable() else "?" for sign in part["name"])
        yield f"    {name}: {_far(part, speed)}"
    if len(said["parts"]) > _PARTS:
        yield f"    and {len(said['parts']) - _PARTS} more"


def _far(said: dict[str, Any], speed: float | None, elapsed: str = "") -> str:
    done, total, unit = said["done"], said["total"], said["unit"]
    text = f"{percent(done, total)} %"
    if unit:
        text += f" ({done:,} of {total:,} {unit})"
    if speed and unit:
        text += f", {speed:,.0f} {unit}/s" if speed >= 10 else f", {speed:.1f} {unit}/s"
    text += elapsed
    if speed and done < total:
        text += f"; estimate: {duration((total - done) / speed)} left"
    return text


class Teller:
    """Shows lines while something is waited for, few of them however long it takes."""

    def __init__(self, name: str, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._show, self._clock = name, show, clock
        self._started = self._told = clock()
        self._doing, self._tenth = "", 0
        self._rates = Rates()

    @property
    def elapsed(self) -> float:
        return self._clock() - self._started

    def hear(self, said: dict[str, Any] | None) -> None:
        """Take what a task says of itself, None where it says nothing, and show lines where it is time for them."""
        # What cannot be read as such is worth no failure.
        said = said if isinstance(said, dict) and "doing" in said and "time" in said else None
        lines = list(render(said, self._rates, self.elapsed)) if said else []
        if said and said["doing"] != self._doing:
            self._doing, self._tenth = said["doing"], 0
        tenth = percent(said["done"], said["total"]) // 10 if said and said.get("total") else 0
        quiet = self._clock() - self._told
        long = max(_LONGEST_SECONDS, self.elapsed * _SHARE_OF_ELAPSED)
        if quiet < _SHORTEST_SECONDS or (quiet < long and tenth <= self._tenth):
            return
        self._told, self._tenth = self._clock(), tenth
        for line in lines or [f"  {self._name}: {duration(self.elapsed)}"]:
            self._show(line)
