# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Connections to the source and the clean server, and server errors told in one sentence without any value."""

from __future__ import annotations

import re
import struct
import traceback
from collections.abc import Iterator
from dataclasses import dataclass

PYMONGO_IMPORT_ERROR = None
try:
    from bson.codec_options import CodecOptions, DatetimeConversion
    from bson.errors import BSONError
    from pymongo import MongoClient
    from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

    # Dates beyond Python's years and values of every subtype survive a decode and an encode unchanged.
    EXACT = CodecOptions(document_class=dict, datetime_conversion=DatetimeConversion.DATETIME_MS)
except ImportError:
    PYMONGO_IMPORT_ERROR = traceback.format_exc()
    EXACT = None
    # Stand-ins that no code raises, so that the modules can say what is missing.
    BSONError, ConnectionFailure, OperationFailure, PyMongoError = (
        type("Missing", (Exception,), {}) for _name in "bcop"
    )


class MongodbError(Exception):
    """One sentence: what is wrong, where, what to do. Never holds a value of a document."""


@dataclass(frozen=True)
class Server:
    """Where a server is; each process opens a client of its own. The servers of a run know no users."""

    uri: str
    label: str  # what messages call it

    def __post_init__(self) -> None:
        if re.match(r"mongodb(\+srv)?://[^/@]*@", self.uri):
            raise MongodbError(
                f"The URI of the {self.label} server holds a user: leave it out, a server of a run has no users yet."
            )

    def open(self) -> MongoClient:
        settings = {"appname": "stagesync", "serverSelectionTimeoutMS": 10000, "retryWrites": False}
        try:
            return MongoClient(self.uri, **settings)
        except (PyMongoError, ValueError) as error:
            raise MongodbError(f"The URI of the {self.label} server is not valid: correct it.") from error


# What may be repeated of a server's message: these speak of the server or the user, never of a document.
_SAFE_CODES = {13, 18, 20, 26, 59, 72, 85, 86, 48, 67, 197, 14031, 10107}
_DUPLICATE = re.compile(r"index: (.+?) dup key:")


def explain(error: Exception, where: str) -> MongodbError:
    """Return the sentence for a driver's or server's error, whose own message may quote documents."""
    if isinstance(error, MongodbError):
        return error
    if isinstance(error, BSONError):
        return MongodbError(
            f"Documents of {where} are not valid BSON ({type(error).__name__}): repair them at the source."
        )
    if isinstance(error, OperationFailure):
        return MongodbError(f"{_operation(error)} on {where}.")
    if isinstance(error, ConnectionFailure):
        return MongodbError(
            f"No answer from {where} ({type(error).__name__}): check that mongod runs there and that the URI is right."
        )
    return MongodbError(f"MongoDB's driver failed on {where} ({type(error).__name__}).")


def _operation(error: OperationFailure) -> str:
    code, details = error.code, error.details or {}
    writes = details.get("writeErrors") or []
    if writes:
        code, details = writes[0].get("code", code), writes[0]
    if code == 11000:
        found = _DUPLICATE.search(details.get("errmsg") or "")
        index = f" in unique index {found.group(1)}" if found else ""
        return f"Two documents have the same key{index} (DuplicateKey)"
    if code == 10334:
        return "A document is larger than 16 MB after masking (BSONObjectTooLarge)"
    if code == 18:
        return "Authentication failed: the user name or password is wrong"
    if code == 13:
        return "The user lacks a role (Unauthorized): grant it what the documentation of this module asks for"
    name = details.get("codeName") or f"error {code}"
    if code in _SAFE_CODES and details.get("errmsg"):
        return f"MongoDB refused ({name}: {details['errmsg'].rstrip('.')})"
    return f"MongoDB refused ({name}, code {code})"


def identity(client: MongoClient) -> str:
    """Return what tells one running mongod from every other."""
    hello = client.admin.command("hello")
    process = hello.get("topologyVersion", {}).get("processId")
    if process is not None:
        return str(process)
    status = client.admin.command("serverStatus", repl=0, metrics=0, locks=0, wiredTiger=0)
    return f"{status['host']}/{status['pid']}"


def version(client: MongoClient) -> tuple[int, ...]:
    return tuple(client.server_info()["versionArray"][:3])


_SIZE = struct.Struct("<i").unpack_from


def documents_of(batch: bytes) -> Iterator[bytes]:
    """Cut a batch of BSON documents, one after the other, into the bytes of each."""
    start, end = 0, len(batch)
    while start < end:
        stop = start + _SIZE(batch, start)[0]
        yield batch[start:stop]
        start = stop
