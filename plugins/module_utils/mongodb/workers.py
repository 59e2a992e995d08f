# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Worker processes that end with their parent, and whose death is told instead of waited for."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from queue import Empty, SimpleQueue

from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import MongodbError

_TICK_SECONDS = 1.0


def cores() -> int:
    return len(os.sched_getaffinity(0))


class Workers:
    """A pool of forked processes. `start(context)` runs once in each; the context is inherited, never pickled."""

    def __init__(self, count: int, start: Callable, context: object, doing: str) -> None:
        self._doing = doing
        self._pending: dict[Future, tuple] = {}
        self._done: SimpleQueue[Future] = SimpleQueue()
        self._pool = ProcessPoolExecutor(
            max_workers=count,
            mp_context=multiprocessing.get_context("fork"),
            initializer=_begin,
            initargs=(os.getpid(), start, context),
        )

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_exc) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def run(
        self, function: Callable, tasks: Iterable[tuple], tick: Callable | None = None
    ) -> Iterator[tuple[tuple, object]]:
        """Yield (task, result) as the tasks end, with those that `also` adds meanwhile. The first failure is raised.

        `tick` is called at the beginning, after every end, and every second between them.
        """
        for task in tasks:
            self.also(function, *task)
        try:
            while True:
                if tick is not None:
                    tick()
                if not self._pending:
                    return
                try:
                    future = self._done.get(timeout=_TICK_SECONDS)
                except Empty:
                    continue
                task = self._pending.pop(future)
                yield task, future.result()
        except BrokenProcessPool as error:
            raise self._killed() from error

    def also(self, function: Callable, *task) -> None:
        try:
            future = self._pool.submit(function, *task)
        except BrokenProcessPool as error:
            raise self._killed() from error
        self._pending[future] = task
        # A queue and not `wait`, which would look at every pending task each time.
        future.add_done_callback(self._done.put)

    def _killed(self) -> MongodbError:
        return MongodbError(
            f"A worker process of the {self._doing} was killed: "
            "look for lack of memory in the kernel's log, then run it again."
        )


def _begin(parent: int, start: Callable, context: object) -> None:
    # The pool's workers would wait for ever for a parent that was killed, and hold its lock.
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    start(context)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
