# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A quick look at a collection before the copy, so that most of what is wrong with the rules shows within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import EngineError, Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import KEY, STAR
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import FieldRule
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import batches, server_side
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    MongodbError,
    OperationFailure,
    PyMongoError,
    documents_of,
    explain,
    version,
)
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.plan import Item
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.ranges import SIMPLE, WHOLE
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.worker import new_masker, worker

try:
    from bson.raw_bson import RawBSONDocument
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    RawBSONDocument = None

_DOCUMENTS = 1000
# Of a document that an aggregation carries in its own text; a message's body holds 16 MB.
_VALIDATED_BYTES = 4 << 20
_DOCUMENTS_STAGE_SINCE = (5, 1)


def look(namespaces: tuple[str, ...]) -> list[tuple[str, dict]]:
    """Look at the first, the last and random documents of each collection.

    Return for each: "unlisted" paths with the number of documents, at least; "whole" whether these are all documents;
    "missing" positions of rules whose field is in no document; "open" positions that only the copy can tell; "invalid"
    number of documents that passed the collection's validator and masked do not.
    """
    return [(namespace, _look(namespace)) for namespace in namespaces]


def _look(namespace: str) -> dict:
    item = worker().item(namespace)
    masker = new_masker(item, worker().key)
    unlisted: dict[str, int] = {}
    documents = invalid = 0
    before: dict[str, int] = {}
    for part in _parts(item):
        for batch in part:
            documents += batches.count(batch)
            invalid += _masked_badly(item, masker, batch)
        now = masker.unlisted()
        for path, count in now.items():
            # The parts may hold the same documents.
            unlisted[path] = max(unlisted.get(path, 0), count - before.get(path, 0))
        before = now
    whole = _fits(item) and documents <= 3 * _DOCUMENTS
    left = [at for at, rule in enumerate(item.rules.fields) if rule.path != ("_id",) and not masker.found(rule)]
    missing, unknown = _search(item, left, whole, documents)
    return {"unlisted": unlisted, "whole": whole, "missing": missing, "open": unknown, "invalid": invalid}


def _fits(item: Item) -> bool:
    return item.documents <= 3 * _DOCUMENTS


def _parts(item: Item) -> Iterator[Iterator[bytes]]:
    """Yield what is looked at: everything of a small collection, or its first, last and random documents."""
    if _fits(item):
        yield _read(item, limit=3 * _DOCUMENTS + 1)
        return
    if server_side.chosen(item.rules):
        # To find the last of those that a filter lets through may take reading them all.
        yield _read(item, limit=_DOCUMENTS)
        return
    field = "$natural" if item.undivided else "_id"
    for direction in (1, -1):
        yield _read(item, order={field: direction}, limit=_DOCUMENTS)
    yield _sample(item)


def _read(item: Item, **how) -> Iterator[bytes]:
    for batch in worker().read(item, WHOLE, **how):
        yield batch.documents


def _sample(item: Item) -> Iterator[bytes]:
    command = server_side.sampling(item.collection.name, item.rules, _DOCUMENTS)
    size = batches.batch_size(item.documents, item.bytes)
    try:
        for batch in batches.read(worker().source, item.collection.database, command, size):
            yield batch.documents
    except PyMongoError as error:
        raise worker().read_error(item, error) from error


# ---- shard keys -----------------------------------------------------------------------------------------------------

# A config server's own, and what a shard keeps of it.
_SHARDED = ("collections", "cache.collections")


def shard_keys(source) -> dict[tuple[str, str], dict]:
    """Return the shard keys that a copy of a shard or of a config server still knows, by namespace and UUID in hex.

    The driver's errors pass through.
    """
    config, found = source.get_database("config", codec_options=EXACT), {}
    for name in _SHARDED:
        # From 8.0 on, collections that are not sharded are in the list too.
        for entry in config[name].find({"unsplittable": {"$ne": True}}, {"key": 1, "uuid": 1}):
            if isinstance(entry.get("key"), dict) and isinstance(entry.get("uuid"), bytes):
                found[entry["_id"], entry["uuid"].hex()] = entry["key"]
    return found


# ---- rules that match nothing ---------------------------------------------------------------------------------------


def _search(item: Item, left: list[int], whole: bool, documents: int) -> tuple[list[int], list[int]]:
    """Return the rules (by position) whose field is nowhere, and those that only the copy can tell."""
    filtered = bool(server_side.chosen(item.rules))
    if whole and not filtered:
        # A rule cannot match in a collection without documents.
        return (left if documents else []), []
    missing, unknown, nested = [], [], []
    for at in left:
        names = _plain_names(item.rules.fields[at])
        complete = len(names) == len(item.rules.fields[at].path)
        if names and _exists(item, names):
            # The names above a `*` are there; whether anything is below it shows when all documents are read.
            unknown += [] if complete or filtered else [at]
        elif complete and len(names) > 1:
            nested.append(at)
        elif names or filtered:
            missing.append(at)
        else:
            unknown.append(at)
    return sorted(missing + _nowhere(item, nested)), unknown


def _plain_names(rule: FieldRule) -> list[str]:
    """Return the names of a path from its beginning, as far as a query can name them."""
    names = []
    for name in rule.path:
        if name in (STAR, KEY) or "." in name or name.startswith("$"):
            break
        names.append(name)
    return names


def _exists(item: Item, names: list[str]) -> bool:
    collection = item.collection
    query = {"find": collection.name, "filter": {".".join(names): {"$exists": True}}, "projection": {"_id": 1}}
    command = {**query, "limit": 1, "collation": SIMPLE}
    try:
        return any(batch.documents for batch in batches.read(worker().source, collection.database, command, 1))
    except PyMongoError as error:
        raise explain(error, f"{collection.namespace} of the source") from error


def _nowhere(item: Item, positions: list[int]) -> list[int]:
    """Return which of the rules match no document of the whole collection; a query does not see arrays in arrays."""
    if not positions:
        return []
    everything = replace(item.rules, where=None, sample=None)
    masker = new_masker(Item(item.collection, everything), worker().key)
    command = server_side.reading(item.collection.name, everything, WHOLE, compute=False)
    size = batches.batch_size(item.documents, item.bytes)
    left = [everything.fields[at] for at in positions]
    try:
        for batch in batches.read(worker().source, item.collection.database, command, size):
            masker.scan(batch.documents)
            left = [rule for rule in left if not masker.found(rule)]
            if not left:
                return []
    except PyMongoError as error:
        raise explain(error, f"{item.collection.namespace} of the source") from error
    except EngineError as error:
        raise MongodbError(f"{item.collection.namespace}: {error}") from error
    return [at for at in positions if everything.fields[at] in left]


# ---- validators -----------------------------------------------------------------------------------------------------


def _masked_badly(item: Item, masker: Masker, documents: bytes) -> int:
    """Put a batch through the engine; return how many documents pass the validator before and not after."""
    namespace, options = item.collection.namespace, item.collection.options
    strict = options.get("validationAction", "error") == "error" and options.get("validationLevel", "strict") != "off"
    try:
        if not (options.get("validator") and strict):
            masker.scan(documents)
            return 0
        masked = masker.mask(documents)
    except EngineError as error:
        raise MongodbError(f"{namespace}: {error}") from error
    pairs, size = [], 0
    for one, other in zip(documents_of(documents), documents_of(masked)):
        size += max(len(one), len(other))
        if size > _VALIDATED_BYTES:
            break
        pairs.append((one, other))
    # Each side's server sees its own side's documents only.
    refused = _refused(worker().source, item, [one for one, _other in pairs])
    return len(_refused(worker().target, item, [other for one, other in pairs if batches.raw_key(one) not in refused]))


def _refused(client, item: Item, documents: list[bytes]) -> set[bytes]:
    """Return the _ids of the documents that the collection's validator does not let through."""
    collection = item.collection
    try:
        if not documents or version(client) < _DOCUMENTS_STAGE_SINCE:
            return set()
        stages = [
            {"$documents": {"$literal": [RawBSONDocument(document) for document in documents]}},
            {"$match": {"$nor": [collection.options["validator"]]}},
            {"$project": {"_id": 1}},
        ]
        command = {"aggregate": 1, "pipeline": stages}
        if "collation" in collection.options:
            command["collation"] = collection.options["collation"]
        found = batches.read(client, collection.database, command, len(documents))
        return {batches.raw_key(one) for batch in found for one in documents_of(batch.documents)}
    except PyMongoError as error:
        where = f"the validator of {collection.namespace}"
        if isinstance(error, OperationFailure):
            # An expression of the validator may fail on a document and quote it.
            raise MongodbError(f"MongoDB cannot evaluate {where} (code {error.code}): drop it or mask less.") from error
        raise explain(error, where) from error
