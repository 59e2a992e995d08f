# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compares the source with the clean copy by the rules, trusting nothing of what made the copy."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Comparer, EngineError, Rests
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import batches, catalog, server_side, walk
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.batches import raw_key
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.board import Board
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    BSONError,
    MongodbError,
    PyMongoError,
    Server,
    documents_of,
    explain,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import BY_ID, WHOLE, Range, split
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.workers import Workers, cores
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress

try:
    from bson import decode, encode
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode = encode = None

MISSING_DOCUMENT = "the document is missing from the clean copy"
EXTRA_DOCUMENT = "the document is not in the source"
_SPLIT_ABOVE_BYTES = 16 << 20
_RANGE_BYTES = 256 << 20
_LOOKUP = 500
# With so many differences the sides have nothing in common, and more of them tell nobody more.
_MAX_FINDINGS = 100_000


@dataclass
class Job:
    """One collection that both sides hold."""

    source: catalog.Collection
    rules: CollectionRules | None  # None: no rule names it and `unlisted` keeps it
    counts: tuple[int, int] | None = None  # documents of the source, of those that the rules choose, and of the copy
    size: tuple[int, int] = (0, 0)  # documents and bytes of the source, estimated
    evicted: int = 0

    @property
    def masks(self) -> CollectionRules | None:
        """The rules where they mask."""
        return self.rules if self.rules is not None and self.rules.action == "mask" else None

    @property
    def unlisted(self) -> str:
        return self.masks.unlisted if self.masks else "keep"

    @property
    def empty(self) -> bool:
        return self.rules is not None and self.rules.action == "empty"

    @property
    def chosen(self) -> dict:
        """The filter of the source's documents that the rules let be copied."""
        return server_side.chosen(self.rules)

    @property
    def namespace(self) -> str:
        return self.source.namespace

    @property
    def joined_by(self) -> str:
        """By what a document finds its other side: _id, or all that is not masked where _id is masked or not unique."""
        if self.source.type == "timeseries":
            return "remainder"
        masked = self.masks.fields if self.masks else ()
        return "remainder" if any(rule.path[0] == "_id" and rule.masks for rule in masked) else "_id"


@dataclass
class Report:
    """What the comparison found; no value of a document is in it."""

    mode: str
    sample_size: int
    collections: list[dict] = field(default_factory=list)
    differences: list[dict] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)

    def differ(self, namespace: str, path: str, what: str, count: int = 1, ids: list[str] | None = None) -> None:
        self.differences.append({"namespace": namespace, "path": path, "what": what, "count": count, "ids": ids or []})


def compare(
    source: Server,
    clean: Server,
    rules: RuleSet,
    mode: str = "sampled",
    sample_size: int = 1000,
    workers: int | None = None,
) -> Report:
    """Return the report; raises MongodbError where a side cannot be read."""
    report, progress = Report(mode, sample_size), Progress()
    progress.tell("comparing the collections")
    one, other = source.open(), clean.open()
    try:
        jobs = _structure(one, other, rules, mode, report)
        tasks = [
            (number, within)
            for number, job in enumerate(jobs)
            for within in _ranges(one, job, mode, workers or cores())
        ]
    except PyMongoError as error:
        raise explain(error, "the source or the clean server") from error
    finally:
        one.close()
        other.close()
    tallies = [walk.Tally() for _job in jobs]
    board, total = Board(1), sum(_expected(job, mode, sample_size) for job in jobs)
    context = _Context(source, clean, jobs, mode, sample_size, os.urandom(32), board)

    def tell() -> None:
        (done,) = board.read()
        progress.tell("comparing documents", done, max(done, total), "documents")

    with Workers(workers or cores(), _start, context, "comparison") as pool:
        for (number, _range), tally in pool.run(_compare_range, tasks, tell):
            tallies[number].add(tally)
    for job, tally in zip(jobs, tallies):
        _add(report, job, tally)
    report.differences.sort(key=lambda found: (found["namespace"], found["path"], found["what"]))
    return report


# ---- structure ------------------------------------------------------------------------------------------------------


def _structure(source, clean, rules: RuleSet, mode: str, report: Report) -> list[Job]:
    """Compare what is there and how it is made; return the collections whose documents are to be compared."""
    held = {found.namespace: found for found in catalog.read(clean)}
    jobs = []
    for collection in catalog.read(source):
        namespace = collection.namespace
        found, other = rules.collection(collection.database, collection.name), held.pop(namespace, None)
        action = _action(rules, collection, found)
        if action == "drop":
            report.dropped.append(namespace)
            if other is not None:
                report.differ(namespace, "", "the rules leave it behind and the clean copy holds it")
            continue
        if other is None:
            report.differ(namespace, "", "it is missing from the clean copy")
            continue
        _compare_options(collection, other, report)
        _compare_indexes(collection, other, report)
        if collection.type == other.type != "view":
            job = Job(collection, found)
            _count(source, clean, job, mode)
            jobs.append(job)
    for namespace in held:
        report.differ(namespace, "", "it is not in the source")
    return jobs


def _action(rules: RuleSet, collection: catalog.Collection, found: CollectionRules | None) -> str:
    if found is not None:
        return found.action
    database = rules.database(collection.database)
    if collection.type == "view" and database is not None:
        return "keep"
    # What no rule names must not be there, whether the rules drop it or should have stopped the copy.
    return "keep" if (database.unlisted if database else rules.unlisted) == "keep" else "drop"


def _compare_options(one: catalog.Collection, other: catalog.Collection, report: Report) -> None:
    if one.type != other.type:
        report.differ(one.namespace, "", f"it is a {one.type} in the source and a {other.type} in the clean copy")
    for name in sorted({*one.options, *other.options}):
        if not walk.same(one.options.get(name, walk.MISSING), other.options.get(name, walk.MISSING)):
            report.differ(one.namespace, f"options.{name}", "the collection's option differs")
    if not walk.same(one.id_index, other.id_index):
        report.differ(one.namespace, "indexes._id_", "the index differs")


def _compare_indexes(one: catalog.Collection, other: catalog.Collection, report: Report) -> None:
    ours, theirs = ({index["name"]: index for index in side.indexes} for side in (one, other))
    for name in sorted({*ours, *theirs}):
        if name not in theirs:
            report.differ(one.namespace, f"indexes.{name}", "the index is missing from the clean copy")
        elif name not in ours:
            report.differ(one.namespace, f"indexes.{name}", "the index is not in the source")
        elif not _same_index(ours[name], theirs[name]):
            report.differ(one.namespace, f"indexes.{name}", "the index differs")


def _same_index(one: dict, other: dict) -> bool:
    # The order of an index's options says nothing; that within its key does.
    return one.keys() == other.keys() and all(walk.same(one[option], other[option]) for option in one)


def _count(source, clean, job: Job, mode: str) -> None:
    """Count the documents of both sides, where reading them all does not count them anyway."""
    database, name = job.source.database, job.source.name
    job.size = catalog.size(source, job.source)
    if mode == "full" and job.joined_by == "_id" and not job.source.capped and not job.empty:
        return
    ours = 0 if job.empty else source[database][name].count_documents(job.chosen)
    theirs = clean[database][name].count_documents({})
    job.counts = (ours, theirs)
    if job.source.capped and 0 < theirs < ours and _is_full(clean[database], name):
        # Masked documents may be longer: a capped collection then holds fewer of the newest.
        job.evicted = ours - theirs


def _is_full(database, name: str) -> bool:
    stats = database.command("collStats", name)
    if stats.get("max") and stats["count"] >= stats["max"]:
        return True
    return stats["maxSize"] - stats["size"] <= max(2 * stats.get("avgObjSize", 0), stats["maxSize"] // 10)


def _ranges(source, job: Job, mode: str, workers: int) -> list[Range]:
    divisible = job.source.kind == "collection" and "collation" not in job.source.options and job.joined_by == "_id"
    if mode == "sampled" or not divisible or job.size[1] < _SPLIT_ABOVE_BYTES:
        return [WHOLE]
    # More than workers, so that the last of them does not work alone for long.
    return split(source[job.source.database][job.source.name], max(4 * workers, job.size[1] // _RANGE_BYTES))


def _expected(job: Job, mode: str, sample_size: int) -> int:
    """Return how many documents will be compared, as far as can be said before."""
    if job.counts:
        documents = job.counts[1]
    else:
        share = job.rules.sample if job.rules is not None else None
        documents = job.size[0] if share is None else int(job.size[0] * share)
    return documents if mode == "full" or job.joined_by == "remainder" else min(documents, sample_size)


def _add(report: Report, job: Job, tally: walk.Tally) -> None:
    counts = job.counts or (tally.documents[0], tally.documents[1])
    if counts[0] - job.evicted != counts[1]:
        report.differ(job.namespace, "", "the number of documents differs", abs(counts[0] - counts[1]))
    for (path, what), count in sorted(tally.differences.items()):
        report.differ(job.namespace, path, what, count, tally.ids[path, what])
    paths = {rule.text for rule in job.masks.fields if rule.masks} if job.masks else set()
    paths |= {*tally.changed, *tally.allowed, *tally.unchanged}
    report.collections.append(
        {
            "database": job.source.database,
            "collection": job.source.name,
            "documents_source": counts[0],
            "documents_clean": counts[1],
            "evicted": job.evicted,
            "compared": tally.compared,
            "joined_by": job.joined_by,
            "masked": [
                {
                    "path": path,
                    "changed": tally.changed[path],
                    "unchanged_allowed": tally.allowed[path],
                    "unchanged": tally.unchanged[path],
                }
                for path in sorted(paths)
            ],
            "differences": sum(found["count"] for found in report.differences if found["namespace"] == job.namespace),
        }
    )


# ---- documents, in worker processes ---------------------------------------------------------------------------------


@dataclass
class _Context:
    source: Server
    clean: Server
    jobs: list[Job]
    mode: str
    sample_size: int
    salt: bytes
    board: Board


class _Sides:
    def __init__(self, context: _Context) -> None:
        self.context = context
        self.source, self.clean = context.source.open(), context.clean.open()

    def of(self, job: Job) -> tuple:
        return tuple(
            client.get_database(job.source.database, codec_options=EXACT)[job.source.name]
            for client in (self.source, self.clean)
        )


_sides: _Sides | None = None


def _start(context: _Context) -> None:
    global _sides
    _sides = _Sides(context)


def _compare_range(number: int, within: Range) -> walk.Tally:
    job, context = _sides.context.jobs[number], _sides.context
    if job.empty:
        return walk.Tally()
    try:
        if job.joined_by == "remainder":
            return _by_remainder(job, context.sample_size)
        tally = _full(job, within) if context.mode == "full" else _sampled(job, context.sample_size)
        if job.source.capped:
            _natural_order(job, tally)
        return tally
    except EngineError as error:
        raise MongodbError(f"{job.namespace}: {error}") from error
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{job.namespace} of the source or of the clean copy") from error


def _hash(identity: bytes) -> str:
    """Stand for an _id in a finding: salted anew for every comparison, for an _id may be personal itself."""
    return hmac.new(_sides.context.salt, identity, hashlib.sha256).hexdigest()[:16]


def _key(document: dict) -> bytes:
    return encode({"_id": document.get("_id")})


def _pair(job: Job, tally: walk.Tally) -> walk.Pair:
    return walk.Pair(walk.tree(job.masks), job.unlisted, tally)


def _sampled(job: Job, size: int) -> walk.Tally:
    """Compare documents from all over both sides: first, last and random ones, half of them drawn from each side."""
    tally = walk.Tally()
    pair = _pair(job, tally)
    source, clean = _sides.of(job)
    wanted: dict[bytes, dict] = {}
    for side in (source, clean):
        chosen = job.chosen if side is source else {}
        for order in (1, -1):
            for document in side.find(chosen, {"_id": 1}).sort("_id", order).limit(1):
                wanted[_key(document)] = document
        left = size // 2 if side is source else size - len(wanted)
        stages = [{"$match": chosen}] if chosen else []
        stages += [{"$sample": {"size": max(left, 1)}}, {"$project": {"_id": 1}}]
        for document in side.aggregate(stages):
            wanted[_key(document)] = document
    evicted = _evicted(job, source)
    _look_up(job, source, clean, [found for key, found in wanted.items() if key not in evicted], pair)
    return tally


def _look_up(job: Job, source, clean, wanted: list[dict], pair: walk.Pair) -> None:
    for start in range(0, len(wanted), _LOOKUP):
        query = {"_id": {"$in": [document["_id"] for document in wanted[start : start + _LOOKUP]]}}
        filters = (server_side.both(query, job.chosen), query)
        ours, theirs = (
            {_key(found): found for found in side.find(query)} for side, query in zip((source, clean), filters)
        )
        for key in {**ours, **theirs}:
            if key not in theirs:
                pair.tally.differ("", MISSING_DOCUMENT, _hash(key))
            elif key not in ours:
                pair.tally.differ("", EXTRA_DOCUMENT, _hash(key))
            else:
                pair.tally.compared += 1
                pair.compare(ours[key], theirs[key], partial(_hash, key))
        _sides.context.board.add(0, len(theirs))


def _evicted(job: Job, source) -> set[bytes]:
    """Return the _ids of the oldest documents that the clean capped collection had no room for."""
    if not job.evicted:
        return set()
    return {_key(found) for found in source.find(job.chosen, {"_id": 1}).hint([("$natural", 1)]).limit(job.evicted)}


def _natural_order(job: Job, tally: walk.Tally) -> None:
    sums = []
    for side, skip, chosen in zip(_sides.of(job), (job.evicted, 0), (job.chosen, {})):
        total = hashlib.sha256()
        for batch in side.find_raw_batches(chosen, {"_id": 1}).hint([("$natural", 1)]).skip(skip):
            total.update(batch)
        sums.append(total.digest())
    if sums[0] != sums[1] and job.counts[0] - job.evicted == job.counts[1]:
        tally.differ("", "the natural order of the documents differs")


class _Side:
    """The documents of one side, in the order of _id, batch by batch."""

    def __init__(self, stream: Iterator[batches.Batch]) -> None:
        self._stream = stream
        self.batch, self.at = b"", 0

    def fill(self) -> bool:
        """Return whether there is a document at `at`, after the next batch was read where this one is through."""
        while self.at >= len(self.batch):
            found = next(self._stream, None)
            if found is None:
                return False
            self.batch, self.at = found.documents, 0
        return True

    def take(self) -> bytes | None:
        if not self.fill():
            return None
        found = next(documents_of(memoryview(self.batch)[self.at :]))
        self.at += len(found)
        return bytes(found)

    def give_back(self, documents: list[bytes]) -> None:
        if documents:
            self.batch, self.at = b"".join([*documents, self.batch[self.at :]]), 0


def _full(job: Job, within: Range) -> walk.Tally:
    """Compare every document: the engine passes what is beyond doubt, the walk in Python judges the rest."""
    tally = walk.Tally()
    pair, comparer = _pair(job, tally), Comparer(job.masks, job.unlisted)
    evicted = _evicted(job, _sides.of(job)[0])
    size = batches.batch_size(*job.size)
    name, database = job.source.name, job.source.database
    commands = (
        server_side.reading(name, job.rules, within, BY_ID, compute=False),
        server_side.reading(name, None, within, BY_ID),
    )
    one, other = (
        _Side(batches.read(client, database, command, size))
        for client, command in zip((_sides.source, _sides.clean), commands)
    )
    while one.fill() and other.fill() and sum(tally.differences.values()) < _MAX_FINDINGS:
        stop = comparer.pairs(one.batch, other.batch, (one.at, other.at))
        one.at, other.at = stop.one, stop.other
        tally.compared += stop.compared
        _sides.context.board.add(0, stop.compared)
        if stop.reason == "suspicious":
            _judge(pair, one.take(), other.take())
        elif stop.reason == "id":
            _catch_up(one, other, evicted, tally)
    for side, number in ((one, 0), (other, 1)):
        while (document := side.take()) is not None:
            _alone(tally, number, raw_key(document), evicted)
            if sum(tally.differences.values()) >= _MAX_FINDINGS:
                break
    for rule, (changed, allowed) in comparer.counts().items():
        tally.changed[rule.text] += changed
        tally.allowed[rule.text] += allowed
    tally.documents = [count + tally.compared for count in tally.documents]
    return tally


def _judge(pair: walk.Pair, one: bytes, other: bytes) -> None:
    key = raw_key(one)
    pair.tally.compared += 1
    _sides.context.board.add(0, 1)
    pair.compare(decode(one, codec_options=EXACT), decode(other, codec_options=EXACT), partial(_hash, key))


def _alone(tally: walk.Tally, side: int, key: bytes, evicted: set[bytes]) -> None:
    """Count a document that the other side does not have."""
    tally.documents[side] += 1
    if side:
        tally.differ("", EXTRA_DOCUMENT, _hash(key))
    elif key not in evicted:
        tally.differ("", MISSING_DOCUMENT, _hash(key))


def _catch_up(one: _Side, other: _Side, evicted: set[bytes], tally: walk.Tally) -> None:
    """Go on to the next _id that both sides have; both are in the same order."""
    sides = (one, other)
    taken: tuple[list[bytes], list[bytes]] = ([], [])
    places: tuple[dict[bytes, int], dict[bytes, int]] = ({}, {})
    stops = None
    while stops is None and len(taken[0]) + len(taken[1]) < _MAX_FINDINGS:
        found = [side.take() for side in sides]
        for number, document in enumerate(found):
            if document is not None:
                key = raw_key(document)
                places[number][key] = len(taken[number])
                taken[number].append(document)
        for number, document in enumerate(found):
            key = None if document is None else raw_key(document)
            if key in places[1 - number]:
                stops = (places[0][key], places[1][key])
                break
        if found == [None, None]:
            break
    for number, side in enumerate(sides):
        stop = len(taken[number]) if stops is None else stops[number]
        for document in taken[number][:stop]:
            _alone(tally, number, raw_key(document), evicted)
        side.give_back(taken[number][stop:])


# ---- documents that cannot be found by _id --------------------------------------------------------------------------


class _Sample:
    """The documents of one side with the smallest digests: the same ones on both sides, whatever their order."""

    def __init__(self, size: int) -> None:
        self.size, self.limit = size, b"\xff" * 16
        self.documents: dict[bytes, list] = {}
        self.rests = Rests()

    def add(self, digest: bytes, document: bytes) -> None:
        if digest > self.limit:
            return
        # Two of a digest already tell that they cannot be told apart.
        found = self.documents.setdefault(digest, [])
        found.append(document if len(found) < 2 else None)
        if len(self.documents) > 2 * self.size:
            self.limit = sorted(self.documents)[self.size - 1]
            self.documents = {key: found for key, found in self.documents.items() if key <= self.limit}


def _by_remainder(job: Job, size: int) -> walk.Tally:
    """Compare what is not masked of all documents as a multiset, and the masked values where that is unique."""
    tally = walk.Tally()
    pair = _pair(job, tally)
    # Both servers and the engine work outside Python's lock.
    with ThreadPoolExecutor(2) as threads:
        ours, theirs = threads.map(partial(_sample, job, size), (False, True))
    tally.compared = theirs.rests.count
    limit = min(ours.limit, theirs.limit)
    digests = sorted(digest for digest in {**ours.documents, **theirs.documents} if digest <= limit)
    unlike = 0
    for digest in digests:
        one, other = ours.documents.get(digest, []), theirs.documents.get(digest, [])
        unlike += abs(len(one) - len(other))
        if len(one) == len(other) == 1:
            masked = (
                walk.masked_values(decode(found[0], codec_options=EXACT), pair.root, job.unlisted)
                for found in (one, other)
            )
            pair.compare_masked(*masked, digest.hex)
    if ours.rests != theirs.rests:
        tally.differ("", "documents differ in what is not masked", None, max(unlike, 1))
    return tally


def _sample(job: Job, size: int, clean: bool) -> _Sample:
    sample, comparer = _Sample(size), Comparer(job.masks, job.unlisted)
    salt, in_order = _sides.context.salt, job.source.type != "timeseries"
    client = _sides.clean if clean else _sides.source
    command = server_side.reading(job.source.name, None if clean else job.rules, compute=False)
    for batch in batches.read(client, job.source.database, command, batches.batch_size(*job.size)):
        before = sample.rests.count
        for found in comparer.rests(batch.documents, sample.rests, sample.limit, salt, in_order, clean):
            sample.add(*found)
        if clean:
            _sides.context.board.add(0, sample.rests.count - before)
    return sample
