# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Documents in whole batches of raw BSON, from a server and to a server, at no cost in Python for each document."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    MongodbError,
    OperationFailure,
)

try:
    import bson
    from bson.codec_options import CodecOptions
    from bson.int64 import Int64
    from bson.raw_bson import RawBSONDocument

    _RAW = CodecOptions(document_class=RawBSONDocument)
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    bson = Int64 = _RAW = None
    RawBSONDocument = object

# Small batches stay in the processor's cache and keep a worker small; larger ones are no faster.
BATCH_BYTES = 2 << 20
BATCH_DOCUMENTS = 8_000
# A message holds 48,000,000 bytes and 100,000 documents at most; a masked batch may be longer than its original.
_MESSAGE_BYTES = 40 << 20

_SIZE = struct.Struct("<i").unpack_from
_LONG = struct.Struct("<q").unpack_from


@dataclass
class Batch:
    """Concatenated BSON documents; `last`: the server said that there are no more."""

    documents: bytes
    last: bool


def batch_size(documents: int, size: int) -> int:
    """Return how many documents of a collection with so many documents and bytes make a batch."""
    average = size // documents if documents else 0
    return max(1, min(BATCH_DOCUMENTS, BATCH_BYTES // max(average, 1)))


def count(batch: bytes) -> int:
    """Return the number of documents of a batch."""
    start, end, found = 0, len(batch), 0
    while start < end:
        start += _SIZE(batch, start)[0]
        found += 1
    return found


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
            return _decoded_key(document)
        return struct.pack("<i", len(element) + 5) + element + b"\0"
    return _decoded_key(document)


def _decoded_key(document: bytes) -> bytes:
    return bson.encode({"_id": bson.decode(document, codec_options=EXACT).get("_id")}, codec_options=EXACT)


# ---- reading --------------------------------------------------------------------------------------------------------


def read(client, database: str, command: dict, size: int) -> Iterator[Batch]:
    """Yield the batches of a find or aggregate command, `size` documents each; the driver's errors pass through.

    The driver's own raw cursors make an object of every document, which costs more than the server's work.
    """
    first = {"batchSize": size} if "find" in command else {"cursor": {"batchSize": size}}
    held, cursor, name = client[database], 0, ""
    # A cursor is for the session alone that opened it.
    with client.start_session() as session:
        reply = held.command({**command, **first}, codec_options=_RAW, session=session)
        try:
            while True:
                batch, cursor, name = _cursor(reply)
                # Whoever takes the batch is to be the only one who holds its memory.
                reply = None
                if batch.documents or cursor:
                    batch = yield batch
                if not cursor:
                    return
                more = {"getMore": Int64(cursor), "collection": name, "batchSize": size}
                reply = held.command(more, codec_options=_RAW, session=session)
        except GeneratorExit:
            if cursor:
                held.command({"killCursors": name, "cursors": [Int64(cursor)]}, session=session)
            raise


def _cursor(reply) -> tuple[Batch, int, str]:
    """Return a reply's documents, the id of its cursor and the collection that getMore asks for."""
    raw = memoryview(reply["cursor"].raw)
    at, end = 4, len(raw) - 1
    documents, cursor, name = b"", 0, ""
    while at < end:
        kind, key = raw[at], bytes(raw[at + 1 : at + 33]).split(b"\0", 1)[0]
        at += len(key) + 2
        if kind in (0x03, 0x04):
            size = _SIZE(raw, at)[0]
            if key in (b"firstBatch", b"nextBatch"):
                documents = _joined(raw[at : at + size])
        elif kind == 0x12:
            size = 8
            cursor = _LONG(raw, at)[0] if key == b"id" else cursor
        elif kind == 0x02:
            size = 4 + _SIZE(raw, at)[0]
            name = bytes(raw[at + 4 : at + size - 1]).decode() if key == b"ns" else name
        elif kind == 0x08:
            size = 1
        elif kind == 0x07:
            size = 12
        else:
            raise MongodbError(f"The server's cursor holds a field of type {kind} that is not known here.")
        at += size
    return Batch(documents, not cursor), cursor, name.split(".", 1)[-1]


def _joined(array: memoryview) -> bytes:
    """Return the documents of a BSON array one after the other."""
    try:
        joined = bson._array_of_documents_to_buffer
    except AttributeError:
        return b"".join(_elements(array))
    return joined(array)


def _elements(array: memoryview) -> Iterator[memoryview]:
    at, end = 4, len(array) - 1
    while at < end:
        while array[at]:
            at += 1
        size = _SIZE(array, at + 1)[0]
        yield array[at + 1 : at + 1 + size]
        at += 1 + size


# ---- writing --------------------------------------------------------------------------------------------------------


class _Documents(RawBSONDocument):
    """A batch that the driver takes for one document: what it writes is the `raw` of each, one after the other."""

    __slots__ = ("_batch",)

    def __init__(self, batch: bytes) -> None:
        self._batch = batch

    @property
    def raw(self) -> bytes:
        return self._batch


def insert(database, name: str, documents: bytes, ordered: bool = True, durable: bool = False) -> tuple[int, list]:
    """Insert a batch; return how many documents it made and the server's write errors.

    Where `durable`, this and all that was written before is in the journal on return.
    """
    made, errors = 0, []
    for part in _parts(documents):
        command = {
            "insert": name,
            "documents": [_Documents(part)],
            "ordered": ordered,
            "bypassDocumentValidation": True,
            "writeConcern": {"w": 1, "j": durable},
        }
        reply = database.command(command)
        made += reply["n"]
        errors += reply.get("writeErrors", [])
        _check_journal(reply)
        if errors and ordered:
            break
    return made, errors


def failure(errors: list) -> OperationFailure:
    """Return the server's write errors as the error that the driver's own helper raises."""
    return OperationFailure("write errors", errors[0].get("code"), {"writeErrors": errors})


def journal(database) -> None:
    """Return when all that this process wrote is in the server's journal."""
    nothing = [{"q": {"_id": None}, "limit": 1}]
    reply = database.command({"delete": "stagesync.nothing", "deletes": nothing, "writeConcern": {"w": 1, "j": True}})
    _check_journal(reply)


def _check_journal(reply: dict) -> None:
    if "writeConcernError" in reply:
        found = reply["writeConcernError"]
        raise OperationFailure("write concern", found.get("code"), {"codeName": found.get("codeName", "WriteConcern")})


def _parts(documents: bytes) -> Iterator[bytes]:
    if len(documents) <= _MESSAGE_BYTES:
        yield documents
        return
    start = end = 0
    while end < len(documents):
        stop = end + _SIZE(documents, end)[0]
        if stop - start > _MESSAGE_BYTES:
            yield documents[start:end]
            start = end
        end = stop
    yield documents[start:]
