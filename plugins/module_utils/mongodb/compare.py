# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Compares the source with the clean copy by the rules, trusting nothing of what made the copy."""

from __future__ import annotations

import hashlib
import hmac
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest

from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, walk
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    BSONError,
    PyMongoError,
    Server,
    documents_of,
    explain,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import WHOLE, Range, split
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.workers import Workers, cores

try:
    from bson import decode, encode
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode = encode = None

MISSING_DOCUMENT = "the document is missing from the clean copy"
EXTRA_DOCUMENT = "the document is not in the source"
_SPLIT_ABOVE_BYTES = 16 << 20
_LOOKUP = 500
# Documents that found no partner are remembered; with so many of them the sides have nothing in common.
_MAX_UNMATCHED = 100_000


@dataclass
class Job:
    """One collection that both sides hold."""

    source: catalog.Collection
    rules: CollectionRules | None  # None: kept as a whole
    unlisted: str
    counts: tuple[int, int] = (0, 0)
    bytes: int = 0
    evicted: int = 0

    @property
    def namespace(self) -> str:
        return self.source.namespace

    @property
    def joined_by(self) -> str:
        """By what a document finds its other side: _id, or all that is not masked where _id is masked or not unique."""
        if self.source.type == "timeseries":
            return "remainder"
        masked = self.rules.fields if self.rules else ()
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
    report = Report(mode, sample_size)
    one, other = source.open(), clean.open()
    try:
        jobs = _structure(one, other, rules, report)
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
    context = _Context(source, clean, jobs, mode, sample_size, os.urandom(16))
    with Workers(workers or cores(), _start, context, "comparison") as pool:
        for (number, _range), tally in pool.run(_compare_range, tasks):
            tallies[number].add(tally)
    for job, tally in zip(jobs, tallies):
        _add(report, job, tally)
    report.differences.sort(key=lambda found: (found["namespace"], found["path"], found["what"]))
    return report


# ---- structure ------------------------------------------------------------------------------------------------------


def _structure(source, clean, rules: RuleSet, report: Report) -> list[Job]:
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
            masked = found if action == "mask" else None
            job = Job(collection, masked, found.unlisted if masked else "keep")
            _count(source, clean, job, report)
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


def _count(source, clean, job: Job, report: Report) -> None:
    database, name = job.source.database, job.source.name
    counts = [client[database][name].count_documents({}) for client in (source, clean)]
    job.counts = (counts[0], counts[1])
    if counts[0]:
        job.bytes = catalog.size(source, job.source)[1]
    if counts[0] == counts[1]:
        return
    if job.source.capped and 0 < counts[1] < counts[0] and _is_full(clean[database], name):
        # Masked documents may be longer: a capped collection then holds fewer of the newest.
        job.evicted = counts[0] - counts[1]
        return
    report.differ(job.namespace, "", "the number of documents differs", abs(counts[0] - counts[1]))


def _is_full(database, name: str) -> bool:
    stats = database.command("collStats", name)
    if stats.get("max") and stats["count"] >= stats["max"]:
        return True
    return stats["maxSize"] - stats["size"] <= max(2 * stats.get("avgObjSize", 0), stats["maxSize"] // 10)


def _ranges(source, job: Job, mode: str, workers: int) -> list[Range]:
    divisible = job.source.kind == "collection" and "collation" not in job.source.options and job.joined_by == "_id"
    if mode == "sampled" or not divisible or job.bytes < _SPLIT_ABOVE_BYTES:
        return [WHOLE]
    return split(source[job.source.database][job.source.name], workers)


def _add(report: Report, job: Job, tally: walk.Tally) -> None:
    for (path, what), count in sorted(tally.differences.items()):
        report.differ(job.namespace, path, what, count, tally.ids[path, what])
    paths = {rule.text for rule in job.rules.fields if rule.masks} if job.rules else set()
    paths |= {*tally.changed, *tally.allowed, *tally.unchanged}
    report.collections.append(
        {
            "database": job.source.database,
            "collection": job.source.name,
            "documents_source": job.counts[0],
            "documents_clean": job.counts[1],
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
    try:
        if job.joined_by == "remainder":
            return _by_remainder(job, context.sample_size)
        tally = _full(job, within) if context.mode == "full" else _sampled(job, context.sample_size)
        if job.source.capped:
            _natural_order(job, tally)
        return tally
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{job.namespace} of the source or of the clean copy") from error


def _hash(identity: bytes) -> str:
    """Stand for an _id in a finding: salted anew for every comparison, for an _id may be personal itself."""
    return hmac.new(_sides.context.salt, identity, hashlib.sha256).hexdigest()[:16]


def _key(document: dict) -> bytes:
    return encode({"_id": document.get("_id")})


def _pair(job: Job, tally: walk.Tally) -> walk.Pair:
    return walk.Pair(walk.tree(job.rules), job.unlisted, tally)


def _sampled(job: Job, size: int) -> walk.Tally:
    """Compare documents from all over both sides: first, last and random ones, half of them drawn from each side."""
    tally = walk.Tally()
    pair = _pair(job, tally)
    source, clean = _sides.of(job)
    wanted: dict[bytes, dict] = {}
    for side in (source, clean):
        for order in (1, -1):
            for document in side.find({}, {"_id": 1}).sort("_id", order).limit(1):
                wanted[_key(document)] = document
        left = size // 2 if side is source else size - len(wanted)
        for document in side.aggregate([{"$sample": {"size": max(left, 1)}}, {"$project": {"_id": 1}}]):
            wanted[_key(document)] = document
    evicted = _evicted(job, source)
    _look_up(source, clean, [found for key, found in wanted.items() if key not in evicted], pair)
    return tally


def _look_up(source, clean, wanted: list[dict], pair: walk.Pair, only_kept: bool = False) -> None:
    for start in range(0, len(wanted), _LOOKUP):
        ids = [document["_id"] for document in wanted[start : start + _LOOKUP]]
        query = {"_id": {"$in": ids}}
        ours, theirs = ({_key(found): found for found in side.find(query)} for side in (source, clean))
        for key in {**ours, **theirs}:
            if key not in theirs:
                pair.tally.differ("", MISSING_DOCUMENT, _hash(key))
            elif key not in ours:
                pair.tally.differ("", EXTRA_DOCUMENT, _hash(key))
            else:
                pair.tally.compared += not only_kept
                pair.compare(ours[key], theirs[key], partial(_hash, key), only_kept)


def _evicted(job: Job, source) -> set[bytes]:
    """Return the _ids of the oldest documents that the clean capped collection had no room for."""
    if not job.evicted:
        return set()
    return {_key(found) for found in source.find({}, {"_id": 1}).hint([("$natural", 1)]).limit(job.evicted)}


def _natural_order(job: Job, tally: walk.Tally) -> None:
    sums = []
    for side, skip in zip(_sides.of(job), (job.evicted, 0)):
        total = hashlib.sha256()
        for batch in side.find_raw_batches({}, {"_id": 1}).hint([("$natural", 1)]).skip(skip):
            total.update(batch)
        sums.append(total.digest())
    if sums[0] != sums[1] and job.counts[0] - job.evicted == job.counts[1]:
        tally.differ("", "the natural order of the documents differs")


def _cut(job: Job) -> list[str] | None:
    """Return the paths above which nothing is masked, as a projection can name them; None where it cannot be told so.

    Without these a document must be the same byte for byte.
    """
    if job.rules is None:
        return []
    if job.unlisted == "drop":
        return None  # what no rule names is left out, so that the remainders differ
    cut = set()
    for rule in job.rules.fields:
        if not rule.masks:
            continue
        plain = []
        for segment in rule.path:
            if segment == "*" or "." in segment or segment.startswith("$"):
                break
            plain.append(segment)
        if not plain:
            return None
        cut.add(tuple(plain))
    shortest = [path for path in cut if not any(path[:length] in cut for length in range(1, len(path)))]
    return sorted(".".join(path) for path in shortest)


def _full(job: Job, within: Range) -> walk.Tally:
    """Compare every document: raw bytes of what is not masked, then only the masked parts decoded."""
    tally = walk.Tally()
    pair = _pair(job, tally)
    source, clean = _sides.of(job)
    evicted = _evicted(job, source)
    cut = _cut(job)
    if job.unlisted == "fail" and within.low is None:
        _unlisted(job, tally)
    if cut is not None:
        suspects, matched = [], 0
        projection = [{"$project": dict.fromkeys(cut, 0)}] if cut else []
        for key, one, other in _matched(source, clean, within, projection, evicted, tally):
            matched += 1
            if one != other:
                suspects.append(decode(key, codec_options=EXACT))
        # A scalar in the place of a sub-document is masked too: only a look at the whole document can tell.
        _look_up(source, clean, suspects, pair, only_kept=bool(cut))
        tally.compared = matched
        if not cut:
            return tally
        projection = [{"$project": {"_id": 1, **dict.fromkeys(cut, 1)}}]
    else:
        projection = []
    quiet = walk.Tally() if cut is not None else tally  # who is missing was counted above
    for key, one, other in _matched(source, clean, within, projection, evicted, quiet):
        if cut is None:
            tally.compared += 1
        pair.compare(decode(one, codec_options=EXACT), decode(other, codec_options=EXACT), partial(_hash, key))
    return tally


def _unlisted(job: Job, tally: walk.Tally) -> None:
    """What no rule names is the same on both sides where it slipped through: only whole documents show it."""
    sample = _sampled(job, _sides.context.sample_size)
    for (path, what), count in sample.differences.items():
        if what == walk.UNLISTED:
            tally.differ(path, what, None, count)


def _matched(
    source, clean, within: Range, stages: list[dict], evicted: set[bytes], tally: walk.Tally
) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield the _id and both sides of every document, streaming in the order of _id; count those without a partner."""
    ours: dict[bytes, bytes] = {}
    theirs: dict[bytes, bytes] = {}
    for one, other in zip_longest(_documents(source, within, stages), _documents(clean, within, stages)):
        key = None if one is None else raw_key(one)
        other_key = None if other is None else raw_key(other)
        if key == other_key:
            yield key, one, other
            continue
        if one is not None:
            if key in theirs:
                yield key, one, theirs.pop(key)
            else:
                ours[key] = one
        if other is not None:
            if other_key in ours:
                yield other_key, ours.pop(other_key), other
            else:
                theirs[other_key] = other
        if len(ours) + len(theirs) > _MAX_UNMATCHED:
            break
    for key in ours.keys() - evicted:
        tally.differ("", MISSING_DOCUMENT, _hash(key))
    for key in theirs:
        tally.differ("", EXTRA_DOCUMENT, _hash(key))


def _documents(collection, within: Range, stages: list[dict]) -> Iterator[bytes]:
    pipeline = [*within.match(), {"$sort": {"_id": 1}}, *stages]
    for batch in collection.aggregate_raw_batches(pipeline):
        yield from documents_of(batch)


_SIZE = struct.Struct("<i").unpack_from
_FIXED = {0x01: 8, 0x07: 12, 0x08: 1, 0x09: 8, 0x0A: 0, 0x10: 4, 0x11: 8, 0x12: 8, 0x13: 16, 0x7F: 0, 0xFF: 0}
_PREFIXED = {0x02: 4, 0x03: 0, 0x05: 5, 0x0D: 4, 0x0E: 4, 0x0F: 0}  # and what the length leaves out


def raw_key(document: bytes) -> bytes:
    """Return the BSON of {_id: ...} without decoding the document."""
    kind = document[4]
    if document[5:9] == b"_id\0":
        if kind in _FIXED:
            element = document[4 : 9 + _FIXED[kind]]
        elif kind in _PREFIXED:
            element = document[4 : 9 + _PREFIXED[kind] + _SIZE(document, 9)[0]]
        else:
            return _key(decode(document, codec_options=EXACT))
        return struct.pack("<i", len(element) + 5) + element + b"\0"
    return _key(decode(document, codec_options=EXACT))


# ---- documents that cannot be found by _id --------------------------------------------------------------------------


class _Sample:
    """The documents of one side with the smallest digests: the same ones on both sides, whatever their order."""

    def __init__(self, size: int) -> None:
        self.size, self.limit = size, b"\xff" * 16
        self.documents: dict[bytes, list] = {}
        self.total = self.count = 0

    def add(self, digest: bytes, masked: dict) -> None:
        self.count += 1
        self.total += int.from_bytes(digest, "big")
        if digest > self.limit:
            return
        # Two of a digest already tell that they cannot be told apart.
        found = self.documents.setdefault(digest, [])
        found.append(masked if len(found) < 2 else None)
        if len(self.documents) > 2 * self.size:
            self.limit = sorted(self.documents)[self.size - 1]
            self.documents = {key: found for key, found in self.documents.items() if key <= self.limit}


def _by_remainder(job: Job, size: int) -> walk.Tally:
    """Compare what is not masked of all documents as a multiset, and the masked values where that is unique."""
    tally = walk.Tally()
    pair = _pair(job, tally)
    in_order = job.source.type != "timeseries"
    samples = []
    for side in _sides.of(job):
        sample = _Sample(size)
        for document in side.find({}):
            rest, masked = walk.strip(document, pair.root, job.unlisted, in_order)
            sample.add(hashlib.blake2b(encode(rest), digest_size=16, key=_sides.context.salt).digest(), masked)
        samples.append(sample)
    ours, theirs = samples
    tally.compared = theirs.count
    limit = min(ours.limit, theirs.limit)
    digests = sorted(digest for digest in {**ours.documents, **theirs.documents} if digest <= limit)
    unlike = 0
    for digest in digests:
        one, other = ours.documents.get(digest, []), theirs.documents.get(digest, [])
        unlike += abs(len(one) - len(other))
        if len(one) == len(other) == 1:
            pair.compare_masked(one[0], other[0], digest.hex)
    if ours.total != theirs.total:
        tally.differ("", "documents differ in what is not masked", None, max(unlike, 1))
    return tally
