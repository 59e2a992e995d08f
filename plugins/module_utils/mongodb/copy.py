# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The masked copy: what is checked, made, copied and finished, in which order, and what a rerun does again."""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import partial

from ansible_collections.stagesync.aws.plugins.module_utils.masking import checks
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import to_bson
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, look, server_side, worker
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.board import CopyBoard
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    MongodbError,
    OperationFailure,
    PyMongoError,
    Server,
    explain,
    identity,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import (
    CheckError,
    Item,
    Plan,
    make_plan,
    number_of,
    problem,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import Range, from_text, to_text
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.state import State
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.workers import Workers, cores
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress

# Small collections of one task: enough that the task costs nothing beside them, few enough that a kill repeats little.
_TOGETHER = 32
_LOOKED_AT_TOGETHER = 16
# What a killed start had sent may still be at work on the clean server.
_QUIET_SECONDS = 120


class Copy:
    """One masked copy from source to target. `check()` writes nothing; `run()` checks and copies."""

    def __init__(
        self, source: Server, target: Server, rules: RuleSet, state: State, workers: int | None = None
    ) -> None:
        self.source, self.target, self.rules, self.state = source, target, rules, state
        self.workers = workers or cores()
        self.plan = Plan()
        self.before: dict[str, int] = {}
        self._open: dict[str, list[int]] = {}  # namespace -> positions of rules that no document was found for yet
        self._alarm = worker.Alarm()
        self._board = CopyBoard()
        self._progress = Progress()

    # ---- checks ----

    def check(self) -> Plan:
        """Raise MongodbError or CheckError unless the copy can go ahead."""
        self.prepare()
        with self._pool(Key.random()) as pool:
            self._look(pool, self._masked())
            self._scan(pool)
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
            problems = self._ahead(source)
            self.before = _contents(target)
        except PyMongoError as error:
            raise explain(error, "the source or the clean server") from error
        finally:
            source.close()
            target.close()
        if problems:
            raise CheckError(sorted(problems))
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

    def _ahead(self, source) -> list[str]:
        """Return what is wrong with rules by what the source says of the collections, before a document is read."""
        problems, shard_keys = [], look.shard_keys(source)
        for namespace, item in self.plan.items.items():
            if item.rules is None:
                continue
            if item.masks:
                shard_key = shard_keys.get((namespace, item.collection.uuid), ())
                problems += [
                    problem(self.rules, rule.line, f"{namespace}.{rule.text}", message)
                    for rule, message in checks.problems(item.rules, item.collection, shard_key)
                ]
            problems += self._refused(source, namespace, item)
        return problems

    def _refused(self, source, namespace: str, item: Item) -> list[str]:
        """Return the filters and expressions that the source's mongod does not take; none is run on a document."""
        rules, name = item.rules, item.collection.name
        database = source[item.collection.database]
        expressions = server_side.computed(rules)
        if item.collection.type == "timeseries" and expressions:
            reason = "`expr` cannot be used on a time series: choose another mask"
            return [problem(self.rules, rule.line, f"{namespace}.{rule.text}", reason) for rule in expressions]
        asked: list[tuple[int, str, dict]] = []
        if rules.where:
            asked.append((rules.line, namespace, {"find": name, "filter": to_bson(rules.where)}))
        for rule in expressions:
            stages = [server_side.expression_stage((rule,))]
            asked.append((rule.line, f"{namespace}.{rule.text}", {"aggregate": name, "pipeline": stages, "cursor": {}}))
        found = []
        for line, path, command in asked:
            try:
                database.command({"explain": command, "verbosity": "queryPlanner"})
            except OperationFailure as error:
                # Nothing was read, so that the message can only quote the rule.
                said = (error.details or {}).get("errmsg", "no reason given").rstrip(".")
                found.append(problem(self.rules, line, path, f"MongoDB refuses it ({said}): correct it"))
        return found

    def _pool(self, key: Key) -> Workers:
        self._board = CopyBoard(self.plan.items)
        context = worker.Context(self.source, self.target, self.rules, self.plan, key, self._alarm, self._board)
        return Workers(self.workers, worker.start, context, "masked copy")

    def _masked(self) -> list[str]:
        return [name for name, item in self.plan.items.items() if item.masks]

    def _look(self, pool: Workers, namespaces: list[str]) -> None:
        problems, unnamed = [], []
        self._progress.tell("checking the rules", 0, len(namespaces), "collections")
        looked = 0
        for _task, looks in pool.run(look.look, _groups(namespaces, _LOOKED_AT_TOGETHER)):
            looked += len(looks)
            self._progress.tell("checking the rules", looked, len(namespaces), "collections")
            for name, found in looks:
                problems += self._not_found(name, found["missing"])
                self._open[name] = found["open"]
                if self.plan.items[name].rules.unlisted == "fail":
                    unnamed += _unnamed(name, found["unlisted"], "" if found["whole"] else " at least")
                if found["invalid"]:
                    line = self.plan.items[name].rules.line
                    reason = (
                        f"of the documents looked at, {found['invalid']} pass the collection's validator as they are "
                        "and not when they are masked: choose masks whose values it lets through"
                    )
                    problems.append(problem(self.rules, line, name, reason))
        self._stop_at(problems, unnamed)

    def _not_found(self, name: str, positions: Iterable[int]) -> list[str]:
        fields = self.plan.items[name].rules.fields
        reason = "no document has this field: correct or remove the rule"
        return [problem(self.rules, fields[at].line, f"{name}.{fields[at].text}", reason) for at in positions]

    def _stop_at(self, problems: list[str], unnamed: list[str]) -> None:
        if unnamed:
            problems.append(
                f"{self.rules.source}: no rule names these fields: {', '.join(sorted(unnamed))}: "
                "add a rule for each, or set `unlisted` to drop or keep."
            )
        if problems:
            raise CheckError(sorted(problems))

    def _scan(self, pool: Workers) -> None:
        """Look at every document that is to be masked."""
        tasks = [(name, within) for name, ranges in self._ranges(self._masked()).items() for within in ranges]
        results: dict[str, list[dict]] = {}
        tell = partial(self._tell, "looking at every document", self._masked(), {}, {})
        for (name, _within), result in pool.run(worker.scan_range, tasks, tell):
            results.setdefault(name, []).append(result)
        self._judge({name: _added(parts) for name, parts in results.items()})

    def _judge(self, found: dict[str, dict]) -> None:
        """Note what no rule names, and raise CheckError where the rules forbid it or match nothing."""
        problems, unnamed = [], []
        for name, result in found.items():
            if result["unlisted"]:
                self.plan.unlisted[name] = result["unlisted"]
            if self.plan.items[name].rules.unlisted == "fail":
                unnamed += _unnamed(name, result["unlisted"])
            problems += self._not_found(name, set(self._open.get(name, ())) - set(result["found"]))
        self._stop_at(problems, unnamed)

    # ---- the copy ----

    def run(self, key: Key) -> dict:
        """Check, copy what is not finished yet, and return the result."""
        self.prepare()
        finished = self._finished()
        todo = [name for name in self.plan.items if name not in finished]
        # The pool is made while no client is open here: a client's threads do not survive a fork.
        with self._pool(key) as pool:
            self._look(pool, [name for name in self._masked() if name in todo])
            ranges, views = self._make(todo)
            started = time.monotonic()
            documents = self._copy(pool, todo, ranges)
            seconds = time.monotonic() - started
        if todo or views:
            self._flush()
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

    def _ranges(self, namespaces: list[str]) -> dict[str, list[Range]]:
        client = self.source.open()
        try:
            return {name: self.plan.items[name].ranges(client, self.workers) for name in namespaces}
        except PyMongoError as error:
            raise explain(error, "the source server") from error
        finally:
            client.close()

    def _make(self, todo: list[str]) -> tuple[dict[str, list[Range]], int]:
        """Drop what cannot be gone on with, create what the workers do not create themselves.

        Return the ranges of each collection that is copied in ranges, and how many views are new.
        """
        client = self.target.open()
        try:
            if self.before:
                _wait_until_quiet(client)
            going_on = {name: from_text(self.state.begun[name].bounds) for name in self._resumable(client, todo)}
            fresh = [name for name in todo if name not in going_on]
            large = [name for name in fresh if not self.plan.items[name].small]
            ranges = self._ranges(large)
            views = [view for view in self.plan.views if view.namespace not in self.before]
            kept = (set(self.plan.items) - set(fresh)) | {view.namespace for view in self.plan.views}
            for namespace in sorted(set(self.before) - kept):
                database, name = namespace.split(".", 1)
                client[database].drop_collection(name)
            self.state.create({*fresh, *(view.namespace for view in views)}, fresh)
            for name in large:
                collection = self.plan.items[name].collection
                worker.create(client, collection)
                # One range is copied again as a whole: nothing to remember.
                if len(ranges[name]) > 1:
                    uuid = catalog.uuids(client, collection.database, [collection.name])[collection.name]
                    self.state.begin(name, uuid, to_text(ranges[name]))
            for view in views:
                worker.create(client, view)
        except PyMongoError as error:
            raise explain(error, "the clean server") from error
        finally:
            client.close()
        return {**going_on, **ranges}, len(views)

    def _resumable(self, client, todo: list[str]) -> list[str]:
        """Return the collections that an earlier start left half-copied, range by range."""
        found = []
        for name in todo:
            begun, collection = self.state.begun.get(name), self.plan.items[name].collection
            if begun is not None and name in self.before:
                uuid = catalog.uuids(client, collection.database, [collection.name]).get(collection.name)
                found += [name] if uuid == begun.uuid else []
        return found

    def _copy(self, pool: Workers, todo: list[str], ranges: dict[str, list[Range]]) -> int:
        """Copy, and return how many documents; raises CheckError where the documents show that the rules are wrong."""
        begun = {name: self.state.begun[name] for name in ranges if name in self.state.begun}
        again = {name for name in begun if name in self.before}
        parts = {name: dict(begun[name].parts) if name in begun else {} for name in ranges}
        small = [name for name in todo if name not in ranges]
        tasks = [
            (worker.copy_range, name, number, within, name in again)
            for name in sorted(ranges, key=lambda name: -self.plan.items[name].bytes)
            for number, within in enumerate(ranges[name])
            if number not in parts[name]
        ]
        tasks += [(worker.copy_small, names) for (names,) in _groups(small, _TOGETHER)]
        # All that is left of these is their end.
        tasks += [(worker.finish, name) for name in ranges if len(parts[name]) == len(ranges[name])]
        brought = {name: sum(part["documents"] for part in found.values()) for name, found in parts.items()}
        tell = partial(self._tell, "copying", self.plan.items, brought, self.state.finished)
        done = sum(self.state.finished[name]["documents"] for name in self.plan.items if name not in todo)
        done += sum(brought.values())
        copied = -done
        looked: dict[str, dict] = {}
        for (function, *task), result in pool.run(_call, tasks, tell):
            if function is worker.copy_range:
                name, number = task[0], result["number"]
                parts[name][number] = result
                done += result["documents"]
                if self._alarm.rung:
                    looked[name] = _added(parts[name].values())
                    continue
                if name in begun:
                    self.state.part(name, number, result)
                if len(parts[name]) == len(ranges[name]):
                    pool.also(_call, worker.finish, name)
            elif self._alarm.rung:
                looked.update(() if function is worker.finish else result)
                continue
            elif function is worker.finish:
                name = task[0]
                self.state.finish((name, _summary(self.plan.items[name], parts.pop(name).values(), result)))
            else:
                summaries = [
                    (name, _summary(self.plan.items[name], [part], part["documents"])) for name, part in result
                ]
                self.state.finish(*summaries)
                done += sum(summary["documents"] for _name, summary in summaries)
        try:
            self._judge(
                {name: found for name, found in {**self._results(), **looked}.items() if name in self._masked()}
            )
            if self._alarm.rung:
                raise MongodbError("The copy stopped at a field that no rule names: run it again.")  # cannot be
        except MongodbError:
            self._abandon()
            raise
        return copied + done

    def _tell(self, doing: str, names: Iterable[str], brought: dict[str, int], finished: dict[str, dict]) -> None:
        """Say how far these collections are; `brought` counts what an earlier start did of one."""
        if not self._progress.due():
            return
        whole, total, parts = 0, 0, []
        board = self._board.read()
        for name in names:
            (documents, built), end = board[name], finished.get(name)
            done = end["documents"] if end else brought.get(name, 0) + documents
            # Estimated by the source before, so that the last word is what was found.
            expected = done if end else max(done, self.plan.items[name].expected)
            whole, total = whole + done, total + expected
            if built is not None:
                parts.append({"name": f"{name}, indexes", "done": built, "total": 100, "unit": ""})
            elif 0 < done < expected:
                parts.append({"name": name, "done": done, "total": expected, "unit": "documents"})
        self._progress.tell(doing, whole, total, "documents", parts)

    def _results(self) -> dict[str, dict]:
        return {name: done for name, done in self.state.finished.items() if name in self.plan.items}

    def _abandon(self) -> None:
        """Take away what was copied before the rules turned out to be wrong."""
        self.state.forget()
        client = self.target.open()
        try:
            for found in catalog.read(client):
                client[found.database].drop_collection(found.name)
        except PyMongoError as error:
            raise explain(error, "the clean server") from error
        finally:
            client.close()

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
        masked = {at: (values, unexpected) for at, values, unexpected in done.get("masked", ())}
        rules = item.rules.fields if item.masks else ()
        return {
            "database": item.collection.database,
            "collection": item.collection.name,
            "type": item.collection.kind,
            "documents": done.get("documents", 0 if item.empty else item.documents),
            "bytes": done.get("bytes", 0 if item.empty else item.bytes),
            "seconds": done.get("seconds", 0.0),
            "masked": [
                {
                    "path": rule.text,
                    "mask": rule.mask,
                    "values": masked.get(at, (0, 0))[0],
                    "unexpected_type": masked.get(at, (0, 0))[1],
                }
                for at, rule in enumerate(rules)
                if rule.masks or masked.get(at, (0, 0))[1]
            ],
            "indexes": len(item.collection.indexes),
            "evicted": done.get("evicted", 0),
        }

    def unlisted(self) -> list[dict]:
        """Return what no rule names and what became of it; an empty path stands for the whole collection."""
        found = []
        for namespace, paths in sorted(self.plan.unlisted.items()):
            item = self.plan.items.get(namespace)
            action = "drop" if item is None or (item.masks and item.rules.unlisted != "keep") else "keep"
            found += [
                {"namespace": namespace, "path": path, "documents": count, "action": action}
                for path, count in sorted(paths.items())
            ]
        return found

    def contents(self) -> dict[str, int]:
        """Return what the clean server holds after the copy: documents by namespace."""
        counts = {name: 0 if item.empty else item.documents for name, item in self.plan.items.items()}
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


def _call(function, *task):
    return function(*task)


def _groups(names: list[str], size: int) -> list[tuple[tuple[str, ...]]]:
    return [(tuple(names[start : start + size]),) for start in range(0, len(names), size)]


def _unnamed(name: str, unlisted: dict[str, int], suffix: str = "") -> list[str]:
    return [f"{name}.{path} ({number_of(count)}{suffix})" for path, count in sorted(unlisted.items())]


def _wait_until_quiet(client) -> None:
    """Return when nothing that a copy sent is at work on the server any more."""
    until = time.monotonic() + _QUIET_SECONDS
    stages = [{"$currentOp": {}}, {"$match": {"appName": "stagesync", "op": {"$in": ["insert", "remove"]}}}]
    while list(client.admin.aggregate(stages)):
        if time.monotonic() > until:
            raise MongodbError(
                "An earlier copy is still at work on the clean server: wait for it or restart the server."
            )
        time.sleep(0.1)


def _added(parts: Iterable[dict]) -> dict:
    """Add up what the engine met in the parts of one collection."""
    masked: dict[int, list[int]] = {}
    unlisted: dict[str, int] = {}
    found: set[int] = set()
    for part in parts:
        for at, values, unexpected in part["masked"]:
            before = masked.setdefault(at, [0, 0])
            masked[at] = [before[0] + values, before[1] + unexpected]
        for path, count in part["unlisted"].items():
            unlisted[path] = unlisted.get(path, 0) + count
        found |= set(part["found"])
    return {
        "masked": [[at, *counts] for at, counts in sorted(masked.items())],
        "unlisted": dict(sorted(unlisted.items())),
        "found": sorted(found),
    }


def _summary(item: Item, parts: Iterable[dict], clean_documents: int) -> dict:
    """Return the record of a finished collection; raises MongodbError where the clean server holds another number."""
    parts = list(parts)
    documents = sum(part["documents"] for part in parts)
    # Masked documents may be longer, and a capped collection of the same size then lets its oldest go.
    evicted = documents - clean_documents if item.collection.capped else 0
    if documents != clean_documents + max(evicted, 0):
        raise MongodbError(
            f"{item.collection.namespace}: {documents} documents were written but the clean server holds "
            f"{clean_documents}: stop what else writes to it and run the copy again with an empty clean server."
        )
    return {
        "documents": documents,
        "clean_documents": clean_documents,
        "evicted": evicted,
        "bytes": sum(part["bytes"] for part in parts),
        "seconds": round(max(part["ended"] for part in parts) - min(part["started"] for part in parts), 3),
        **_added(parts),
    }
