# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a worker process of the masked copy does: batches from the source through the engine to the clean server."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import EngineError, Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import batches, catalog, server_side
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.board import CopyBoard
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    ConnectionFailure,
    MongodbError,
    OperationFailure,
    PyMongoError,
    Server,
    explain,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import Item, Plan, problem
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import BY_ID, WHOLE, Range

# With less than this left, a write or a crash of the clean server is put down to a full volume. A mongod takes its
# journal in files of 100 MB.
_FULL_BELOW_BYTES = 300 << 20
_DUPLICATE = 11000
_M_MMAP_THRESHOLD = -3  # malloc.h
_LOOK_AT_INDEXES_SECONDS = 2


class Alarm:
    """A bell that all worker processes hear: from then on they look only, and write nothing."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def ring(self) -> None:
        self._shared[0] = 1

    @property
    def rung(self) -> bool:
        return self._shared[0] == 1


@dataclass
class Context:
    source: Server
    target: Server
    rules: RuleSet
    plan: Plan
    key: Key
    alarm: Alarm
    board: CopyBoard


class Worker:
    def __init__(self, context: Context) -> None:
        _return_memory()
        self.rules, self.plan, self.key, self.alarm = context.rules, context.plan, context.key, context.alarm
        self.source, self.target = context.source.open(), context.target.open()
        self.board = context.board
        self._masker: tuple[str, Masker | None] = ("", None)
        self._space = ""

    def item(self, namespace: str) -> Item:
        return self.plan.items[namespace]

    def masker(self, namespace: str) -> Masker | None:
        """Return the engine under a collection's rules, the same while the collection is the same."""
        if self._masker[0] != namespace:
            item = self.item(namespace)
            self._masker = (namespace, new_masker(item, self.key) if item.masks else None)
        return self._masker[1]

    def read(self, item: Item, within: Range = WHOLE, **how) -> Iterator[batches.Batch]:
        """Yield the documents that the rules choose, with the server's errors told."""
        command = server_side.reading(item.collection.name, item.rules, within, **how)
        size = batches.batch_size(item.documents, item.bytes)
        try:
            yield from batches.read(self.source, item.collection.database, command, size)
        except PyMongoError as error:
            raise self.read_error(item, error) from error

    def read_error(self, item: Item, error: PyMongoError) -> MongodbError:
        """Say what went wrong; the server's own message about an expression or a filter may quote a document."""
        namespace = item.collection.namespace
        if isinstance(error, OperationFailure) and (server_side.computed(item.rules) or server_side.chosen(item.rules)):
            name = (error.details or {}).get("codeName") or "error"
            wrong = [
                problem(self.rules, rule.line, f"{namespace}.{rule.text}", "the source could not compute it")
                for rule in server_side.computed(item.rules)
            ] or [problem(self.rules, item.rules.line, namespace, "the source could not filter the documents")]
            return MongodbError(
                f"{' or '.join(wrong)} ({name}, code {error.code}): "
                "correct the expression so that it takes every document."
            )
        return explain(error, f"{namespace} of the source")

    def write_to(self, item: Item):
        return self.target.get_database(item.collection.database, codec_options=EXACT)

    def note_space(self) -> None:
        """Remember how full the clean server's volume is: when it is full, mongod may be gone and cannot be asked."""
        stats = self.target.admin.command("dbStats")
        free = int(stats.get("fsTotalSize", 0) - stats.get("fsUsedSize", 0))
        full = stats.get("fsTotalSize") and free < _FULL_BELOW_BYTES
        self._space = f"{free >> 20} MB of {int(stats['fsTotalSize']) >> 20} MB" if full else ""

    def write_error(self, namespace: str, error: Exception) -> MongodbError:
        told = explain(error, f"{namespace} of the clean server")
        if isinstance(error, OperationFailure) and error.code in (_DUPLICATE, 10334):
            return told
        with contextlib.suppress(PyMongoError):  # what it said last counts
            self.note_space()
        if not self._space:
            return told
        return MongodbError(
            f"The volume of the clean server is full ({self._space} were left): give it a larger one and run it again. "
            f"{told}"
        )


def _return_memory() -> None:
    """Let the C library give large blocks back when they are freed; else it keeps them after the first of a size."""
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 4 << 20)


_worker: Worker | None = None


def start(context: Context) -> None:
    global _worker
    _worker = Worker(context)


def worker() -> Worker:
    return _worker


def new_masker(item: Item, key: Key) -> Masker:
    try:
        return Masker(item.rules, key)
    except EngineError as error:
        raise MongodbError(f"{item.collection.namespace}: {error}") from error


class Meter:
    """What the engine met since this was made; an engine counts from its own beginning."""

    def __init__(self, item: Item, masker: Masker | None) -> None:
        self._item, self._masker = item, masker
        self._counts, self._unlisted = self._now()

    def _now(self) -> tuple[list[tuple[int, int]], dict[str, int]]:
        if self._masker is None:
            return [], {}
        found = self._masker.counts()
        counts = [
            (found[rule].values, found[rule].unexpected) if rule in found else (0, 0)
            for rule in self._item.rules.fields
        ]
        return counts, self._masker.unlisted()

    def read(self) -> dict:
        """Return plain types: by the rule's position how many values were masked and how many were unexpected."""
        counts, unlisted = self._now()
        masked = [
            [at, now[0] - before[0], now[1] - before[1]]
            for at, (now, before) in enumerate(zip(counts, self._counts))
            if now != before
        ]
        rules = self._item.rules.fields if self._masker else ()
        return {
            "masked": masked,
            "found": [at for at, rule in enumerate(rules) if self._masker.found(rule)],
            "unlisted": {
                path: count - self._unlisted.get(path, 0)
                for path, count in unlisted.items()
                if count > self._unlisted.get(path, 0)
            },
        }


# ---- one range of a collection --------------------------------------------------------------------------------------


def scan_range(namespace: str, within: Range) -> dict:
    """Look at all documents of a range and write nothing."""
    item, masker = _worker.item(namespace), _worker.masker(namespace)
    meter = Meter(item, masker)
    documents = 0
    for batch in _worker.read(item, within):
        found = _scan(namespace, masker, batch.documents)
        documents += found
        _worker.board.copied(namespace, found)
    return {"documents": documents, **meter.read()}


def copy_range(namespace: str, number: int, within: Range, again: bool) -> dict:
    """Copy one range; return documents, bytes and what the engine met. On return all of it is in the journal.

    `again`: an earlier start may have copied a part of it.
    """
    item, masker = _worker.item(namespace), _worker.masker(namespace)
    meter, database, name = Meter(item, masker), _worker.write_to(item), item.collection.name
    started = time.monotonic()  # one clock for all processes of the machine
    documents = size = 0
    durable = False
    again = again and not _worker.alarm.rung
    try:
        _worker.note_space()
        if again and not item.masks_id:
            # Another _id would be in another place: what is there of such a collection is recognised when it comes.
            database[name].delete_many(within.match(), hint=None if within.whole else BY_ID)
    except PyMongoError as error:
        raise _worker.write_error(namespace, error) from error
    for batch in _worker.read(item, within):
        masked = _through(item, masker, batch)
        if masked is None:
            durable = False
            continue
        size += len(masked)
        documents += _insert(item, database, masked, again, batch.last)
        durable = batch.last
    if not durable and not _worker.alarm.rung:
        _journal(namespace, database)
    return {
        "number": number,
        "documents": documents,
        "bytes": size,
        **meter.read(),
        "started": started,
        "ended": time.monotonic(),
    }


def _scan(namespace: str, masker: Masker | None, documents: bytes) -> int:
    if masker is None:
        return batches.count(documents)
    try:
        return masker.scan(documents)
    except EngineError as error:
        raise MongodbError(f"{namespace}: {error}") from error


def _through(item: Item, masker: Masker | None, batch: batches.Batch) -> bytes | None:
    """Return the masked batch, or None where nothing may be written any more; the batch itself is used up."""
    documents, batch.documents = batch.documents, b""
    if _worker.alarm.rung:
        _scan(item.collection.namespace, masker, documents)
        return None
    if masker is None:
        return documents
    try:
        masked = masker.mask(documents)
    except EngineError as error:
        raise MongodbError(f"{item.collection.namespace}: {error}") from error
    if item.rules.unlisted == "fail" and masker.unlisted():
        _worker.alarm.ring()
        return None
    return masked


def _insert(item: Item, database, documents: bytes, again: bool = False, durable: bool = False) -> int:
    """Insert a masked batch; return how many documents of it the clean server now holds."""
    namespace = item.collection.namespace
    repeated = again and item.masks_id
    # In order, a server would write the measurements of a time series one by one.
    ordered = item.collection.type != "timeseries" and not repeated
    try:
        made, errors = batches.insert(database, item.collection.name, documents, ordered, durable)
        if repeated:
            # The same document under the same key has the same masked _id: an earlier start brought it.
            brought = [error for error in errors if _has_id_already(error)]
            made, errors = made + len(brought), [error for error in errors if not _has_id_already(error)]
        if errors:
            raise batches.failure(errors)
    except PyMongoError as error:
        raise _worker.write_error(namespace, error) from error
    _worker.board.copied(namespace, made)
    return made


def _has_id_already(error: dict) -> bool:
    return error.get("code") == _DUPLICATE and list(error.get("keyPattern", {})) == ["_id"]


def _journal(namespace: str, database) -> None:
    try:
        batches.journal(database)
    except PyMongoError as error:
        raise _worker.write_error(namespace, error) from error


# ---- small collections, several at a time ---------------------------------------------------------------------------


def copy_small(namespaces: tuple[str, ...]) -> list[tuple[str, dict]]:
    """Make, fill and finish small collections; return the summary of each. On return all are in the journal."""
    done = [(namespace, _copy_small(namespace)) for namespace in namespaces]
    if not _worker.alarm.rung:
        _check_still_there(namespaces)
        _journal(namespaces[-1], _worker.write_to(_worker.item(namespaces[-1])))
    return done


def _copy_small(namespace: str) -> dict:
    item, masker = _worker.item(namespace), _worker.masker(namespace)
    meter, database = Meter(item, masker), _worker.write_to(item)
    started = time.monotonic()
    documents = size = 0
    if _worker.alarm.rung:
        for batch in () if item.empty else _worker.read(item):
            _scan(namespace, masker, batch.documents)
    else:
        try:
            documents, size = _make_small(item, masker, database)
        except PyMongoError as error:
            raise _worker.write_error(namespace, error) from error
    return {
        "documents": documents,
        "clean_documents": documents,
        "bytes": size,
        **meter.read(),
        "started": started,
        "ended": time.monotonic(),
    }


def _make_small(item: Item, masker: Masker | None, database) -> tuple[int, int]:
    collection = item.collection
    # createIndexes makes a collection without options on its own, which saves the most expensive command of all.
    if collection.options or not collection.indexes or (collection.id_index or {}).get("v", 2) != 2:
        create(_worker.target, collection)
    try:
        # On an empty collection an index is made at once; later it would be a build of its own.
        _make_indexes(database, collection)
        return _fill(item, masker, database)
    except (MongodbError, OperationFailure):
        if not collection.indexes:
            raise
    # Which index it is, if it is one, shows when they are built after the documents.
    database.drop_collection(collection.name)
    create(_worker.target, collection)
    documents, size = _fill(item, masker, database)
    build_indexes(collection.namespace)
    return documents, size


def _fill(item: Item, masker: Masker | None, database) -> tuple[int, int]:
    documents = size = 0
    for batch in () if item.empty else _worker.read(item):
        masked = _through(item, masker, batch)
        if masked is not None:
            documents += _insert(item, database, masked)
            size += len(masked)
    return documents, size


def create(client, collection: catalog.Collection) -> None:
    """Create a collection or view as the source has it."""
    command = {"create": collection.name, **collection.options}
    if collection.id_index and collection.id_index.get("v", 2) != 2:
        command["idIndex"] = collection.id_index
    try:
        client[collection.database].command(command)
    except OperationFailure as error:
        raise explain(error, f"creating {collection.namespace} on the clean server") from error


# ---- the end of a collection ----------------------------------------------------------------------------------------


def finish(namespace: str) -> int:
    """Build the indexes; return how many documents the clean collection holds."""
    item = _worker.item(namespace)
    with _index_build_told(namespace):
        build_indexes(namespace)
    _check_still_there((namespace,))
    try:
        return _worker.write_to(item)[item.collection.name].count_documents({})
    except PyMongoError as error:
        raise _worker.write_error(namespace, error) from error


@contextlib.contextmanager
def _index_build_told(namespace: str) -> Iterator[None]:
    """Say on the board how far the build is, as long as it lasts."""
    ended = threading.Event()
    thread = threading.Thread(target=_tell_index_build, args=(namespace, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        _worker.board.building(namespace, None)


def _tell_index_build(namespace: str, ended: threading.Event) -> None:
    stages = [{"$currentOp": {}}, {"$match": {"ns": namespace, "msg": {"$regex": "^Index Build"}}}]
    _worker.board.building(namespace, 0)
    while not ended.wait(_LOOK_AT_INDEXES_SECONDS):
        # The build itself tells what is wrong, if anything is.
        with contextlib.suppress(PyMongoError):
            for found in _worker.target.admin.aggregate(stages):
                progress = found.get("progress") or {}
                if progress.get("total"):
                    _worker.board.building(namespace, min(100, 100 * progress["done"] // progress["total"]))


def build_indexes(namespace: str) -> None:
    item = _worker.item(namespace)
    database = _worker.write_to(item)
    try:
        _make_indexes(database, item.collection)
    except ConnectionFailure as error:
        raise _worker.write_error(namespace, error) from error
    except OperationFailure as error:
        raise _index_error(database, item, error) from error


def _make_indexes(database, collection: catalog.Collection) -> None:
    if collection.indexes:
        database.command({"createIndexes": collection.name, "indexes": list(collection.indexes)})


def _index_error(database, item: Item, error: OperationFailure) -> MongodbError:
    """Build one index after the other to name the one that cannot be built."""
    collection = item.collection
    for index in collection.indexes:
        try:
            database.command({"createIndexes": collection.name, "indexes": [index]})
        except OperationFailure as failure:
            where = f"Index {index['name']} on {collection.namespace} cannot be built on the masked documents"
            if failure.code == _DUPLICATE:
                return MongodbError(
                    f"{where}: two of them have the same key (DuplicateKey); "
                    "give its fields a mask that keeps uniqueness."
                )
            if failure.code == 14031:
                return _worker.write_error(collection.namespace, failure)
            reason = (failure.details or {}).get("codeName") or f"error {failure.code}"
            return MongodbError(
                f"{where}: MongoDB refused it ({reason}); give its fields masks whose values it can hold."
            )
        except PyMongoError as failure:
            return _worker.write_error(collection.namespace, failure)
    return explain(error, f"the indexes of {collection.namespace}")


def _check_still_there(namespaces: tuple[str, ...]) -> None:
    """Raise MongodbError where a collection is no more the one that was listed: it was not read wholly then."""
    by_database: dict[str, list[catalog.Collection]] = {}
    for namespace in namespaces:
        collection = _worker.item(namespace).collection
        by_database.setdefault(collection.database, []).append(collection)
    for database, collections in by_database.items():
        try:
            found = catalog.uuids(_worker.source, database, [collection.name for collection in collections])
        except PyMongoError as error:
            raise explain(error, f"{database} of the source") from error
        for collection in collections:
            if found.get(collection.name) != collection.uuid:
                raise MongodbError(
                    f"{collection.namespace} was dropped from the source while it was copied: "
                    "nothing may write to the source; run it again."
                )
