# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The masked copy: the source's documents through their collection's pipeline into the clean server, as raw bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.stagesync.aws.plugins.module_utils.masking.compiler import (
    COLLATION,
    CompileError,
    compile_collection,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.masking.unlisted import (
    unlisted_paths,
    unlisted_pipeline,
    unmatched_rules,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    BSONError,
    MongodbError,
    OperationFailure,
    PyMongoError,
    Server,
    documents_of,
    explain,
    identity,
    version,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import (
    CheckError,
    Item,
    Plan,
    make_plan,
    problem,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import Range
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.workers import Workers, cores

try:
    from bson import decode, encode
    from bson.raw_bson import RawBSONDocument
    from pymongo.write_concern import WriteConcern
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode = encode = RawBSONDocument = WriteConcern = None

# A batch of the server holds 16 MB at most; half of that keeps a worker small and costs nothing in speed.
_BATCH_BYTES = 8 << 20
_BATCH_DOCUMENTS = 20_000


# ---- what a worker process does -------------------------------------------------------------------------------------


@dataclass
class _Context:
    source: Server
    target: Server | None
    plan: Plan
    key: Key | None


class _Worker:
    def __init__(self, context: _Context) -> None:
        self.plan, self.key = context.plan, context.key
        self.source = context.source.open()
        self.target = context.target.open() if context.target else None
        self.version = version(self.source)
        self._compiled: dict = {}

    def compiled(self, namespace: str):
        item = self.plan.items[namespace]
        if not item.masks:
            return None
        if namespace not in self._compiled:
            try:
                self._compiled[namespace] = compile_collection(item.rules, self.key, self.version)
            except CompileError as error:
                raise MongodbError(f"{namespace}: {error}") from error
        return self._compiled[namespace]

    def read_from(self, namespace: str):
        collection = self.plan.items[namespace].collection
        return self.source.get_database(collection.database, codec_options=EXACT)[collection.name]

    def write_to(self, namespace: str):
        collection = self.plan.items[namespace].collection
        # The final fsync makes it durable; until then a crash means a new run.
        concern = WriteConcern(w=1, j=False)
        return self.target.get_database(collection.database, write_concern=concern)[collection.name]


_worker: _Worker | None = None


def _start(context: _Context) -> None:
    global _worker
    _worker = _Worker(context)


# MongoDB 6.0 moves a $set of a time series' metadata below the unpacking of its buckets and then gives the field twice,
# first as it was (seen on 6.0.5). No stage is moved before a $limit.
_BARRIER = [{"$limit": 2**62}]


def _stages(item: Item, within: Range) -> list[dict]:
    """Return what comes before a pipeline of the rules."""
    return _BARRIER if item.collection.type == "timeseries" else within.match()


def _options(within: Range) -> dict:
    return {"collation": COLLATION, **({} if within.whole else {"hint": {"_id": 1}})}


def _check_unlisted(namespace: str, within: Range) -> dict[str, int]:
    """Return the paths of this range that no rule names, each with the number of documents that hold it."""
    item = _worker.plan.items[namespace]
    pipeline = unlisted_pipeline(item.rules)
    if not pipeline:
        return {}
    stages = [*_stages(item, within), *pipeline]
    try:
        return unlisted_paths(_worker.read_from(namespace).aggregate(stages, **_options(within)), item.rules)
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{namespace} of the source") from error


def _check_unmatched(namespace: str) -> list[int]:
    """Return the positions of the rules whose path is in no document."""
    rules = _worker.plan.items[namespace].rules
    collection = _worker.read_from(namespace)
    try:
        missing = unmatched_rules(lambda pipeline: collection.aggregate(pipeline, collation=COLLATION), rules)
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{namespace} of the source") from error
    # _id must be named, but measurements of a time series may have none.
    return [rules.fields.index(rule) for rule in missing if rule.path != ("_id",)]


def _copy_range(namespace: str, within: Range) -> dict:
    """Copy one range; return documents, bytes and for each masked rule (position) how many values it met."""
    compiled = _worker.compiled(namespace)
    source, target = _worker.read_from(namespace), _worker.write_to(namespace)
    item = _worker.plan.items[namespace]
    ordered = item.collection.type != "timeseries"  # in order, the server would write measurements one by one
    started = time.monotonic()  # one clock for all processes of the machine
    documents = size = 0
    for batch in _read(item, compiled, source, within):
        size += len(batch)
        inserts = [RawBSONDocument(document) for document in documents_of(batch)]
        if compiled and item.collection.type == "timeseries":
            _refuse_repeated_fields(namespace, inserts)
        documents += len(inserts)
        try:
            target.insert_many(inserts, ordered=ordered, bypass_document_validation=True)
        except PyMongoError as error:
            raise explain(error, f"{namespace} of the clean server") from error
    masked = _audit(item, compiled, source, within)
    return {"documents": documents, "bytes": size, "masked": masked, "started": started, "ended": time.monotonic()}


def _read(item: Item, compiled, source, within: Range) -> Iterator[bytes]:
    average = item.bytes // item.documents if item.documents else 0
    size = max(1, min(_BATCH_DOCUMENTS, _BATCH_BYTES // max(average, 1)))
    pipeline = [*_stages(item, within), *(compiled.pipeline if compiled else [])]
    try:
        if pipeline:
            yield from source.aggregate_raw_batches(pipeline, batchSize=size, **_options(within))
        else:
            yield from source.find_raw_batches({}, batch_size=size)
    except PyMongoError as error:
        raise explain(error, f"{item.collection.namespace} of the source") from error


def _refuse_repeated_fields(namespace: str, documents: list) -> None:
    """A field that is there twice may hold an original beside its mask, which a server would store."""
    for document in documents:
        if len(encode(decode(document.raw, codec_options=EXACT))) != len(document.raw):
            raise MongodbError(
                f"{namespace}: the source's mongod gave a masked document with the same field twice: "
                "drop the collection by a rule or restore with another version of MongoDB."
            )


def _audit(item: Item, compiled, source, within: Range) -> dict[int, tuple[int, int]]:
    if compiled is None or not compiled.masked:
        return {}
    try:
        results = list(source.aggregate([*_stages(item, within), *compiled.audit_pipeline()], **_options(within)))
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{item.collection.namespace} of the source") from error
    counts = compiled.audit_result(results[0] if results else None)
    return {item.rules.fields.index(rule): (count.values, count.unexpected) for rule, count in counts.items()}


def _finish(namespace: str) -> int:
    """Build the indexes; return how many documents the clean collection holds."""
    collection = _worker.plan.items[namespace].collection
    target = _worker.write_to(namespace)
    if collection.indexes:
        command = {"createIndexes": collection.name, "indexes": list(collection.indexes)}
        try:
            target.database.command(command)
        except OperationFailure as error:
            raise _index_error(target, collection, error) from error
        except PyMongoError as error:
            raise explain(error, f"{namespace} of the clean server") from error
    return target.count_documents({})


def _index_error(target, collection: catalog.Collection, error: OperationFailure) -> MongodbError:
    """Build one index after the other to name the one that cannot be built."""
    for index in collection.indexes:
        try:
            target.database.command({"createIndexes": collection.name, "indexes": [index]})
        except OperationFailure as failure:
            where = f"Index {index['name']} on {collection.namespace} cannot be built on the masked documents"
            if failure.code == 11000:
                return MongodbError(
                    f"{where}: two of them have the same key (DuplicateKey); "
                    "give its fields a mask that keeps uniqueness."
                )
            reason = (failure.details or {}).get("codeName") or f"error {failure.code}"
            return MongodbError(
                f"{where}: MongoDB refused it ({reason}); give its fields masks whose values it can hold."
            )
    return explain(error, f"the indexes of {collection.namespace}")


# ---- what the parent does -------------------------------------------------------------------------------------------


class Copy:
    """One masked copy from source to target. `check()` writes nothing; `run()` checks and copies."""

    def __init__(
        self, source: Server, target: Server, rules: RuleSet, state: State, workers: int | None = None
    ) -> None:
        self.source, self.target, self.rules, self.state = source, target, rules, state
        self.workers = workers or cores()
        self.plan = Plan()
        self.before: dict[str, int] = {}

    def check(self) -> Plan:
        """Raise MongodbError or CheckError unless the copy can go ahead."""
        self.prepare()
        with self._pool(None, None) as pool:
            self._check_fields(pool)
        return self.plan

    def pending(self) -> bool:
        """Return whether `run` would change the clean server."""
        views = {view.namespace for view in self.plan.views}
        return bool(set(self.plan.items) - self._finished() or views - set(self.before))

    def prepare(self) -> None:
        source, target = self.source.open(), self.target.open()
        try:
            self._check_servers(source, target)
            self.plan = make_plan(source, self.rules)
            self.before = _contents(target)
        except PyMongoError as error:
            raise explain(error, "the source or the clean server") from error
        finally:
            source.close()
            target.close()
        foreign = sorted(set(self.before) - self.state.created)
        if foreign:
            raise MongodbError(
                f"The clean server already holds collections that this copy did not make ({', '.join(foreign[:5])}): "
                "give it an empty server."
            )

    def _check_servers(self, source, target) -> None:
        for server, client in ((self.source, source), (self.target, target)):
            try:
                client.admin.command("ping")
            except PyMongoError as error:
                raise explain(error, f"the {server.label} server") from error
        if identity(source) == identity(target):
            raise MongodbError("The source and the clean server are the same mongod: give the clean server's own URI.")
        if target.admin.command("getParameter", ttlMonitorEnabled=1)["ttlMonitorEnabled"]:
            raise MongodbError(
                "The TTL monitor of the clean server is on and would delete documents: "
                "start it with --setParameter ttlMonitorEnabled=false."
            )

    def _pool(self, target: Server | None, key: Key | None) -> Workers:
        return Workers(self.workers, _start, _Context(self.source, target, self.plan, key), "masked copy")

    def _ranges(self, namespaces: list[str]) -> dict[str, list[Range]]:
        client = self.source.open()
        try:
            return {name: self.plan.items[name].ranges(client, self.workers) for name in namespaces}
        except PyMongoError as error:
            raise explain(error, "the source server") from error
        finally:
            client.close()

    def _check_fields(self, pool: Workers) -> None:
        masked = [name for name, item in self.plan.items.items() if item.masks]
        problems = []
        for (name,), missing in pool.run(_check_unmatched, [(name,) for name in masked]):
            fields = self.plan.items[name].rules.fields
            problems += [
                problem(
                    self.rules, fields[at].line, f"{name}.{fields[at].text}",
                    "no document has this field: correct or remove the rule",
                )
                for at in missing
            ]  # fmt: skip
        asked = [name for name in masked if self.plan.items[name].rules.unlisted != "keep"]
        tasks = [(name, within) for name, ranges in self._ranges(asked).items() for within in ranges]
        for (name, _range), paths in pool.run(_check_unlisted, tasks):
            counts = self.plan.unlisted.setdefault(name, {}) if paths else {}
            for path, count in paths.items():
                counts[path] = counts.get(path, 0) + count
        unnamed = [
            f"{name}.{path} ({count} documents)"
            for name in sorted(asked)
            if self.plan.items[name].rules.unlisted == "fail"
            for path, count in sorted(self.plan.unlisted.get(name, {}).items())
        ]
        if unnamed:
            problems.append(
                f"{self.rules.source}: no rule names these fields: {', '.join(unnamed)}: "
                "add a rule for each, or set `unlisted` to drop or keep."
            )
        if problems:
            raise CheckError(sorted(problems))

    def run(self, key: Key) -> dict:
        """Check, copy what is not finished yet, and return the result."""
        self.prepare()
        finished = self._finished()
        todo = [name for name in self.plan.items if name not in finished]
        # The pool is made while no client is open here: a client's threads do not survive a fork.
        with self._pool(self.target, key) as pool:
            self._check_fields(pool)
            views = self._create(todo)
            started = time.monotonic()
            self._copy(pool, todo)
            seconds = time.monotonic() - started
        if todo or views:
            self._flush()
        documents = sum(self.state.finished[name]["documents"] for name in todo)
        return {
            "changed": bool(todo or views),
            "workers": self.workers,
            "documents_per_second": round(documents / seconds) if documents else 0,
        }

    def _finished(self) -> set[str]:
        """Return the collections that an earlier start finished and the clean server still holds as they were left."""
        return {
            name
            for name, done in self.state.finished.items()
            if name in self.plan.items and self.before.get(name) == done["clean_documents"]
        }

    def _create(self, todo: list[str]) -> int:
        """Drop what an earlier start left unfinished, create collections and views; return how many views are new."""
        views = {view.namespace for view in self.plan.views}
        stale = set(self.before) - (set(self.plan.items) - set(todo)) - views
        created = [self.plan.items[name].collection for name in todo]
        created += [view for view in self.plan.views if view.namespace not in self.before]
        client = self.target.open()
        try:
            for namespace in sorted(stale):
                database, name = namespace.split(".", 1)
                client[database].drop_collection(name)
            self.state.begin({collection.namespace for collection in created}, todo)
            for collection in created:
                _create_one(client, collection)
        except PyMongoError as error:
            raise explain(error, "the clean server") from error
        finally:
            client.close()
        return len(created) - len(todo)

    def _copy(self, pool: Workers, todo: list[str]) -> None:
        ranges = self._ranges(todo)
        left = {name: len(parts) for name, parts in ranges.items()}
        total = sum(item.documents for item in self.plan.items.values())
        done = sum(self.state.finished[name]["documents"] for name in self.plan.items if name not in left)
        parts: dict[str, list[dict]] = {name: [] for name in todo}
        largest_first = sorted(todo, key=lambda name: -self.plan.items[name].bytes)
        tasks = [(name, within) for name in largest_first for within in ranges[name]]
        for (name, *within), result in pool.run(_copy_range, tasks):
            if not within:
                self.state.finish(name, _summary(self.plan.items[name], parts.pop(name), result))
                continue
            parts[name].append(result)
            done += result["documents"]
            left[name] -= 1
            # Estimated before, so the last word on the total is what was found.
            self.state.progress(name, done, max(total, done))
            if not left[name]:
                pool.also(_finish, name)

    def _flush(self) -> None:
        client = self.target.open()
        try:
            client.admin.command("fsync")
        except PyMongoError as error:
            raise explain(error, "the clean server") from error
        finally:
            client.close()

    # ---- results ----

    def collections(self) -> list[dict]:
        """Return what was (or, before `run`, would be) copied, ordered by namespace."""
        found = [self._collection(item) for item in self.plan.items.values()]
        found += [
            {"database": view.database, "collection": view.name, "type": "view", "documents": 0, "bytes": 0,
             "seconds": 0.0, "masked": [], "indexes": 0, "evicted": 0}
            for view in self.plan.views
        ]  # fmt: skip
        return sorted(found, key=lambda entry: (entry["database"], entry["collection"]))

    def _collection(self, item: Item) -> dict:
        done = self.state.finished.get(item.collection.namespace, {})
        masked = done.get("masked", {})
        rules = item.rules.fields if item.rules else ()
        return {
            "database": item.collection.database,
            "collection": item.collection.name,
            "type": item.collection.kind,
            "documents": done.get("documents", item.documents),
            "bytes": done.get("bytes", item.bytes),
            "seconds": done.get("seconds", 0.0),
            "masked": [
                {
                    "path": rule.text,
                    "mask": rule.mask,
                    "values": masked.get(str(at), (0, 0))[0],
                    "unexpected_type": masked.get(str(at), (0, 0))[1],
                }
                for at, rule in enumerate(rules)
                if rule.masks
            ],
            "indexes": len(item.collection.indexes),
            "evicted": done.get("evicted", 0),
        }

    def unlisted(self) -> list[dict]:
        """Return what no rule names and what became of it; an empty path stands for the whole collection."""
        found = []
        for namespace, paths in sorted(self.plan.unlisted.items()):
            item = self.plan.items.get(namespace)
            action = "drop" if item is None or (item.rules and item.rules.unlisted != "keep") else "keep"
            found += [
                {"namespace": namespace, "path": path, "documents": count, "action": action}
                for path, count in sorted(paths.items())
            ]
        return found

    def contents(self) -> dict[str, int]:
        """Return what the clean server holds after the copy: documents by namespace."""
        counts = {name: item.documents for name, item in self.plan.items.items()}
        counts.update(
            {name: done["clean_documents"] for name, done in self.state.finished.items() if name in self.plan.items}
        )
        return {**counts, **{view.namespace: 0 for view in self.plan.views}}


def _contents(client) -> dict[str, int]:
    """Return the documents of every user collection of the clean server; 0 for a view."""
    return {
        found.namespace: 0 if found.type == "view" else client[found.database][found.name].count_documents({})
        for found in catalog.read(client)
    }


def _create_one(client, collection: catalog.Collection) -> None:
    command = {"create": collection.name, **collection.options}
    if collection.id_index and collection.id_index.get("v", 2) != 2:
        command["idIndex"] = collection.id_index
    try:
        client[collection.database].command(command)
    except OperationFailure as error:
        raise explain(error, f"creating {collection.namespace} on the clean server") from error


def _summary(item: Item, parts: list[dict], clean_documents: int) -> dict:
    """Return the record of a finished collection; raises MongodbError where the clean server holds another number."""
    documents = sum(part["documents"] for part in parts)
    # Masked documents may be longer, and a capped collection of the same size then lets its oldest go.
    evicted = documents - clean_documents if item.collection.capped else 0
    if documents != clean_documents + max(evicted, 0):
        raise MongodbError(
            f"{item.collection.namespace}: {documents} documents were written but the clean server holds "
            f"{clean_documents}: stop what else writes to it and run the copy again with an empty clean server."
        )
    masked: dict[str, tuple[int, int]] = {}
    for part in parts:
        for at, (values, unexpected) in part["masked"].items():
            before = masked.get(str(at), (0, 0))
            masked[str(at)] = (before[0] + values, before[1] + unexpected)
    return {
        "documents": documents,
        "clean_documents": clean_documents,
        "evicted": evicted,
        "bytes": sum(part["bytes"] for part in parts),
        "seconds": round(max(part["ended"] for part in parts) - min(part["started"] for part in parts), 3),
        "masked": masked,
    }
