# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a module that takes long says of how far it is, in a small file that the action plugin of its name looks into.

The file holds names of collections, numbers and times, never a value. Where nobody waits nothing is written, and where
it cannot be written the work goes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable

# Names the file: a path, or a name beside the result of the asynchronous task.
VARIABLE = "STAGESYNC_PROGRESS"
_ASYNC = "ANSIBLE_ASYNC_DIR"
_EVERY_SECONDS = 1.0


def place() -> str | None:
    """Return the path of the file that the environment names, or None."""
    name = os.environ.get(VARIABLE)
    return os.path.join(os.path.expanduser(os.environ.get(_ASYNC, "")), name) if name else None


class Progress:
    """Writes the file once a second at most, and at once where something else is done."""

    def __init__(self, path: str | None = None, clock: Callable = time.monotonic) -> None:
        self._path, self._clock = path or place(), clock
        self._told, self._doing = 0.0, ""

    def due(self) -> bool:
        """Whether it is time to write: what costs something to find out is asked for only then."""
        return self._path is not None and self._clock() - self._told >= _EVERY_SECONDS

    def tell(
        self,
        doing: str,
        done: int | None = None,
        total: int | None = None,
        unit: str = "",
        parts: Iterable[dict] = (),
    ) -> None:
        """Say what is done and how much of it; each of `parts` has name, done, total and unit, too."""
        if self._path is None or (doing == self._doing and not self.due()):
            return
        self._told, self._doing = self._clock(), doing
        said = {"pid": os.getpid(), "time": self._told, "doing": doing}
        if done is not None:
            said.update(done=done, total=total, unit=unit, parts=list(parts))
        try:
            with open(f"{self._path}.part", "w", encoding="utf-8") as file:
                json.dump(said, file)
            os.replace(f"{self._path}.part", self._path)
        except OSError:
            self._path = None
