# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Numbers that worker processes write and their parent reads while they are at work."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable


class Board:
    """One number for each of some things; inherited by forked workers, never pickled."""

    def __init__(self, size: int) -> None:
        self._numbers = multiprocessing.get_context("fork").Array("Q", max(size, 1))

    def add(self, at: int, number: int) -> None:
        with self._numbers.get_lock():
            self._numbers[at] += number

    def put(self, at: int, number: int) -> None:
        self._numbers[at] = number

    def read(self) -> list[int]:
        # Without the lock, which a worker that was killed may hold.
        return self._numbers.get_obj()[:]


class CopyBoard:
    """Of each collection the documents that were copied, and how far its indexes are."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._at = {name: number for number, name in enumerate(names)}
        self._board = Board(2 * len(self._at))

    def copied(self, name: str, documents: int) -> None:
        self._board.add(self._at[name], documents)

    def building(self, name: str, percent: int | None) -> None:
        """Say how far the indexes are; None once they are built."""
        self._board.put(len(self._at) + self._at[name], 0 if percent is None else percent + 1)

    def read(self) -> dict[str, tuple[int, int | None]]:
        """Return by name the documents, and the percent of the indexes while they are built."""
        numbers = self._board.read()
        builds = numbers[len(self._at) :]
        return {name: (numbers[at], builds[at] - 1 if builds[at] else None) for name, at in self._at.items()}
