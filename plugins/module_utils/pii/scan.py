# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Reads the documents of a server in worker processes, and says what is personal in them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import path_text
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import batches, catalog
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.board import Board
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
from ansible_collections.stagesync.aws.plugins.module_utils.pii.classify import Verdict, findings
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import Detectors
from ansible_collections.stagesync.aws.plugins.module_utils.pii.draft import Drafted, draft_collection
from ansible_collections.stagesync.aws.plugins.module_utils.pii.products import Products
from ansible_collections.stagesync.aws.plugins.module_utils.pii.profile import Look, Profile
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress

try:
    from bson import decode

    # One bad string must not stop the look at all others.
    _LENIENT = EXACT.with_options(unicode_decode_error_handler="replace")
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode = _LENIENT = None

_SPLIT_ABOVE_BYTES = 16 << 20
_RANGE_BYTES = 64 << 20


@dataclass
class Job:
    """One collection to read; `rules` of a clean copy, None where it is kept as a whole or rules are only drafted."""

    collection: catalog.Collection
    rules: CollectionRules | None
    documents: int
    bytes: int


@dataclass
class Found:
    """What a detector found at one path. `rule` is the mask there, in a clean copy."""

    namespace: str
    path: str
    detector: str
    count: int
    share: float
    certain: bool
    example: str
    rule: str = ""


@dataclass
class Report:
    """What was read and found; holds no value."""

    documents: int = 0
    documents_per_second: int = 0
    collections: list[dict] = field(default_factory=list)
    findings: list[dict] = field(default_factory=list)


def draft(
    server: Server, sample_size: int | None, workers: int | None, regions: tuple[str, ...]
) -> tuple[list[Drafted], Report]:
    """Read a source and return what to write of each collection; raises MongodbError where it cannot be read."""
    profiles, report = _read(server, None, sample_size, workers, regions)
    drafts = []
    for job, profile in profiles:
        drafted = draft_collection(job.collection, profile)
        drafts.append(drafted)
        for entry in drafted.entries:
            report.findings += [asdict(found) for found in _of_verdict(job, entry.text, entry.verdict, entry.rule)]
    return drafts, report


def check(
    server: Server, rules: RuleSet, sample_size: int | None, workers: int | None, regions: tuple[str, ...]
) -> Report:
    """Read a clean copy and report what is personal and no mask's work; raises MongodbError where it cannot be read."""
    profiles, report = _read(server, rules, sample_size, workers, regions)
    for job, profile in profiles:
        for place in profile.places():
            # Names of people and streets are told by many values only, and a place on a map by its name.
            for found in findings(place.values):
                if found.certain:
                    at = profile.look.rule(place.path)
                    mask = at.mask if at else "keep" if job.rules is None else ""
                    report.findings.append(asdict(_found(job, path_text(place.path), found, mask)))
    return report


def _of_verdict(job: Job, path: str, verdict: Verdict, rule: str) -> Iterator[Found]:
    for found in verdict.findings:
        if found.certain or rule != "keep":
            yield _found(job, path, found, rule)


def _found(job: Job, path: str, found, rule: str) -> Found:
    return Found(
        job.collection.namespace,
        path,
        found.detector,
        found.count,
        round(found.share, 4),
        found.certain,
        found.example,
        rule,
    )


# ---- reading --------------------------------------------------------------------------------------------------------


@dataclass
class _Context:
    server: Server
    jobs: list[Job]
    sample_size: int | None
    regions: tuple[str, ...]
    board: Board


class _Reader:
    def __init__(self, context: _Context) -> None:
        self.context = context
        self.client = context.server.open()
        self.detectors = Detectors(context.regions)


_reader: _Reader | None = None


def _start(context: _Context) -> None:
    global _reader
    _reader = _Reader(context)


def _jobs(client, rules: RuleSet | None) -> Iterator[Job]:
    for collection in catalog.read(client):
        # A view holds nothing of its own, and GridFS chunks hold pieces of files.
        if collection.type == "view":
            continue
        found = rules.collection(collection.database, collection.name) if rules else None
        masked = found if found is not None and found.action == "mask" else None
        yield Job(collection, masked, *catalog.size(client, collection))


def _tasks(client, jobs: list[Job], sample_size: int | None, workers: int) -> Iterator[tuple[int, Range]]:
    """Name what to read, the largest collections first, so that none is left alone at the end."""
    for number in sorted(range(len(jobs)), key=lambda number: -jobs[number].bytes):
        job = jobs[number]
        if job.collection.name.endswith(".chunks"):
            continue
        divisible = job.collection.kind == "collection" and "collation" not in job.collection.options
        if not divisible or job.bytes < _SPLIT_ABOVE_BYTES or _sampled(job, sample_size):
            yield number, WHOLE
            continue
        ranges = split(client[job.collection.database][job.collection.name], max(workers, job.bytes // _RANGE_BYTES))
        yield from ((number, within) for within in ranges)


def _sampled(job: Job, sample_size: int | None) -> bool:
    return sample_size is not None and job.documents > sample_size


def _read(
    server: Server,
    rules: RuleSet | None,
    sample_size: int | None,
    workers: int | None,
    regions: tuple[str, ...],
) -> tuple[list[tuple[Job, Profile]], Report]:
    start = time.monotonic()
    client = server.open()
    count = workers or cores()
    try:
        jobs = list(_jobs(client, rules))
        tasks = list(_tasks(client, jobs, sample_size, count))
    except PyMongoError as error:
        raise explain(error, f"the {server.label} server") from error
    finally:
        client.close()
    detectors = Detectors(regions)
    profiles = [Profile(Look(detectors, Products(job.rules) if rules else None)) for job in jobs]
    progress, board = Progress(), Board(1)
    chosen = {number for number, _within in tasks}
    total = sum(sample_size if _sampled(jobs[number], sample_size) else jobs[number].documents for number in chosen)

    def tell() -> None:
        (done,) = board.read()
        progress.tell("looking for personal data", done, max(done, total), "documents")

    context = _Context(server, jobs, sample_size, regions, board)
    with Workers(min(count, max(len(tasks), 1)), _start, context, "scan") as pool:
        for (number, _within), part in pool.run(_profile if rules is None else _profile_clean, tasks, tell):
            profiles[number].merge(part)
    for profile in profiles:
        profile.finish()
    report = Report(sum(profile.documents for profile in profiles))
    report.documents_per_second = int(report.documents / max(time.monotonic() - start, 0.001))
    report.collections = [
        {
            "database": job.collection.database,
            "collection": job.collection.name,
            "documents": job.documents,
            "read": profile.documents,
        }
        for job, profile in zip(jobs, profiles)
    ]
    return list(zip(jobs, profiles)), report


def _profile(number: int, within: Range) -> Profile:
    return _add(number, within, None)


def _profile_clean(number: int, within: Range) -> Profile:
    return _add(number, within, Products(_reader.context.jobs[number].rules))


def _add(number: int, within: Range, products: Products | None) -> Profile:
    job = _reader.context.jobs[number]
    profile = Profile(Look(_reader.detectors, products))
    try:
        for document in _documents(job, within):
            profile.add(document)
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{job.collection.namespace} of the {_reader.context.server.label} server") from error
    return profile


def _documents(job: Job, within: Range) -> Iterable[dict]:
    """Decode one document at a time, so that large ones never stand side by side."""
    name, size = job.collection.name, _reader.context.sample_size
    if _sampled(job, size):
        command = {"aggregate": name, "pipeline": [{"$sample": {"size": size}}]}
    else:
        condition, bounds = within.bounds()
        command = {"find": name, "filter": condition, **bounds}
    in_batch = batches.batch_size(job.documents, job.bytes)
    for batch in batches.read(_reader.client, job.collection.database, command, in_batch):
        for document in documents_of(bytes(batch.documents)):
            yield decode(document, codec_options=_LENIENT)
        _reader.context.board.add(0, batches.count(batch.documents))


def describe(found: dict) -> str:
    """Write a finding in a few words, without a value."""
    place = ".".join(part for part in (found["namespace"], found["path"]) if part)
    return f"{place}: {found['detector']} ({found['count']}, such as {found['example']})"
