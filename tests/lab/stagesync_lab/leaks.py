"""Searches files, devices and databases for the values that the seed planted; tells where and how many, never which.

Every value has one of a few short markers in it. The C search for those passes over most bytes; only where one is found
are slices looked up in a table. Each value is looked for as it is, URL-quoted and JSON-escaped, in UTF-8 and UTF-16,
without regard to the case of ASCII letters, and, if it is a number, as the 64-bit integer and the double.
"""

from __future__ import annotations

import argparse
import errno
import gzip
import json
import os
import stat
import struct
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, quote_plus

import bson
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion
from bson.raw_bson import RawBSONDocument
from pymongo import MongoClient

from .config import STATE
from .seed import MARKERS, planted_values

Values = Mapping[str, Iterable[str]]

CHUNK = 4 * 1024 * 1024
ZEROS = bytes(CHUNK)
SYSTEM_DATABASES = ("admin", "config", "local")


class LeakSearchError(Exception):
    """Something could not be searched, so nothing can be said about it."""


@dataclass(frozen=True, order=True)
class Hit:
    """How many values of one kind were found in one place."""

    place: str
    kind: str
    count: int

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.count}"


class Needles:
    """The values in every encoding, arranged for a fast search."""

    def __init__(self, values: Values) -> None:
        self.length = 0
        # marker → (where the marker starts in the value, the value's length) → value → kind
        self._folded: dict[bytes, dict[tuple[int, int], dict[bytes, str]]] = defaultdict(lambda: defaultdict(dict))
        self._exact: dict[bytes, dict[tuple[int, int], dict[bytes, str]]] = defaultdict(lambda: defaultdict(dict))
        for kind, texts in values.items():
            for text in texts:
                for form in _forms(text):
                    self._add_text(kind, form)
                if text.isdecimal() and len(text) <= 15:
                    # A Decimal128 of a whole number begins like the integer.
                    self._add(self._exact, struct.pack("<q", int(text)), 4, 4, kind)
                    self._add(self._exact, struct.pack("<d", int(text)), 5, 3, kind)
        # Where a longer value ends in a shorter one (a full name in its surname), the longer counts.
        self._tables = [
            [(marker, sorted(table.items(), key=lambda entry: -entry[0][1])) for marker, table in tables.items()]
            for tables in (self._folded, self._exact)
        ]

    def _add_text(self, kind: str, text: str) -> None:
        folded = text.encode().lower().decode()  # ASCII letters only, as the haystack is folded
        marker = next((marker for marker in MARKERS if marker in folded), folded)
        before = folded[: folded.index(marker)]
        self._add(self._folded, text.encode().lower(), len(before.encode()), len(marker.encode()), kind)
        # Without its last, zero, byte an ASCII marker is the same in both byte orders.
        size = 2 * len(marker) - 1
        little = text.encode("utf-16-le").lower()
        self._add(self._folded, little, len(before.encode("utf-16-le")), size, kind)
        self._add(self._folded, text.encode("utf-16-be").lower(), len(before.encode("utf-16-be")) + 1, size, kind)

    def _add(self, tables: dict, value: bytes, offset: int, size: int, kind: str) -> None:
        tables[value[offset : offset + size]][(offset, len(value))].setdefault(value, kind)
        self.length = max(self.length, len(value))

    def count(self, data: bytes, seen: int = 0) -> Counter[str]:
        """Values by kind in `data`, save those that end within its first `seen` bytes."""
        found: Counter[str] = Counter()
        for tables, haystack in zip(self._tables, (data.lower(), data)):
            for marker, table in tables:
                at = haystack.find(marker)
                while at >= 0:
                    kind = self._kind_at(haystack, at, table, seen)
                    if kind:
                        found[kind] += 1
                    at = haystack.find(marker, at + 1)
        return found

    @staticmethod
    def _kind_at(haystack: bytes, at: int, table: list, seen: int) -> str | None:
        for (offset, length), values in table:
            start = at - offset
            if start >= 0 and start + length > seen:
                kind = values.get(haystack[start : start + length])
                if kind:
                    return kind
        return None


def _forms(text: str) -> set[str]:
    return {text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1]}


def needles(values: Values | Needles) -> Needles:
    """The prepared search for these values; preparing takes a moment, so do it once for many places."""
    return values if isinstance(values, Needles) else Needles(values)


# Bytes, files, devices


def _ranges(handle: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data; a device has it everywhere."""
    position = 0
    while position < size:
        try:
            start = os.lseek(handle.fileno(), position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                return
            if error.errno != errno.EINVAL:
                raise
            yield position, size  # no holes known to this kind of file
            return
        end = os.lseek(handle.fileno(), start, os.SEEK_HOLE)
        yield start, end
        position = end


def _chunks(handle: BinaryIO, size: int) -> Iterator[bytes]:
    """The contents without what is surely zero; an empty chunk stands for a gap."""
    for start, end in _ranges(handle, size):
        yield b""
        handle.seek(start)
        while start < end:
            chunk = handle.read(min(CHUNK, end - start))
            if not chunk:
                return
            start += len(chunk)
            yield b"" if chunk == ZEROS[: len(chunk)] else chunk


def _count_stream(chunks: Iterable[bytes], search: Needles) -> Counter[str]:
    found: Counter[str] = Counter()
    tail = b""
    for chunk in chunks:
        if not chunk:
            tail = b""
            continue
        data = tail + chunk
        found += search.count(data, seen=len(tail))
        tail = data[-(search.length - 1) :]
    return found


def _read_on(handle: BinaryIO) -> Iterator[bytes]:
    while chunk := handle.read(CHUNK):
        yield chunk


def search_bytes(data: bytes, values: Values | Needles) -> list[tuple[str, int]]:
    """Planted values in these bytes: (kind, count)."""
    return sorted(needles(values).count(data).items())


def search_file(path: str | Path, values: Values | Needles) -> list[tuple[str, int]]:
    """Planted values in the raw bytes of a file or block device; a gzip file and a systemd journal are unpacked too."""
    search = needles(values)
    try:
        with open(path, "rb", buffering=0) as handle:
            size = handle.seek(0, os.SEEK_END)
            found = _count_stream(_chunks(handle, size), search)
            handle.seek(0)
            start = handle.read(8)
        if start.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                found += _count_stream(_read_on(unpacked), search)
        elif start == b"LPKSHHRH":
            found += _count_journal(path, search)
    except (OSError, EOFError) as error:
        raise LeakSearchError(f"{path}: cannot be searched: {error}") from error
    return sorted(found.items())


def _count_journal(path: str | Path, search: Needles) -> Counter[str]:
    """A journal compresses its longer fields."""
    command = ["journalctl", "--file", str(path), "--output=export", "--no-pager", "--quiet"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        found = _count_stream(_read_on(process.stdout), search)
    if process.returncode != 0:
        raise LeakSearchError(f"{path}: journalctl cannot read this journal")
    return found


def search_path(path: str | Path, values: Values | Needles) -> list[Hit]:
    """Planted values in a file, a device or everything below a directory, names of files included."""
    search = needles(values)
    hits = []
    for place in _files(Path(path)):
        try:
            found = search_file(place, search)
        except LeakSearchError:
            if place != Path(path) and not place.exists():
                continue  # a log rotated away meanwhile holds nothing
            raise
        # The names of a path may be personal themselves, so a place with such a name is told by its inode.
        in_name = search.count(os.fsencode(place))
        shown = f"inode {os.stat(place).st_ino} below {path}" if in_name else str(place)
        hits += [Hit(f"{shown} (name)", kind, count) for kind, count in sorted(in_name.items())]
        hits += [Hit(shown, kind, count) for kind, count in found]
    return hits


def _files(path: Path) -> Iterator[Path]:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise LeakSearchError(f"{path}: cannot be searched: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        yield path
        return

    def fail(error: OSError) -> None:
        raise LeakSearchError(f"{error.filename}: cannot be searched: {error.strerror}") from error

    for directory, _names, names in os.walk(path, onerror=fail):
        for name in sorted(names):
            place = Path(directory, name)
            if place.is_file() and not place.is_symlink():
                yield place


# Databases


def search_database(client: MongoClient, values: Values | Needles) -> list[Hit]:
    """Planted values in all user databases: documents (keys and values) and definitions of collections and indexes."""
    search = needles(values)
    found: Counter[tuple[str, str]] = Counter()
    for database in client.list_databases(nameOnly=True):
        if database["name"] in SYSTEM_DATABASES:
            continue
        for spec in client[database["name"]].list_collections():
            if spec["name"].startswith("system.buckets.") or spec["name"] == "system.views":
                continue  # seen through their time series and views
            namespace = f"{database['name']}.{spec['name']}"
            _search_value(spec, f"{namespace} (definition)", search, found)
            if spec["type"] == "view":
                continue
            collection = client[database["name"]][spec["name"]]
            for index in collection.list_indexes():
                _search_value(dict(index), f"{namespace} (index)", search, found)
            for batch in collection.find_raw_batches():
                # Undecoded first: most batches hold nothing, and that is known quickly.
                if search.count(batch):
                    for document in bson.decode_all(batch, _RAW):
                        raw = bytes(document.raw)
                        if search.count(raw):
                            _search_value(_decode(raw), namespace, search, found)
    return [Hit(place, kind, count) for (place, kind), count in sorted(found.items())]


_RAW = bson.CodecOptions(document_class=RawBSONDocument)
# Dates out of Python's range must not end the search.
_DECODED = bson.CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS, uuid_representation=UuidRepresentation.STANDARD
)


def _decode(raw: bytes) -> dict[str, Any]:
    return bson.decode(raw, _DECODED)


def _search_value(
    value: Any, place: str, search: Needles, found: Counter[tuple[str, str]], path: tuple[str, ...] = ()
) -> None:
    """Count in one decoded value, by its path; array positions are left out, and keys with digits are told as `*`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            dynamic = any(character.isdecimal() for character in key)
            below = (*path, "*" if dynamic or search.count(key.encode()) else key)
            for kind, count in search.count(key.encode()).items():
                found[f"{place}: {'.'.join(below)} (key)", kind] += count
            _search_value(item, place, search, found, below)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _search_value(item, place, search, found, path)
    else:
        for kind, count in search.count(bson.encode({"": value}, codec_options=_DECODED)).items():
            found[f"{place}: {'.'.join(path)}", kind] += count


# Command


def _seeded() -> int:
    """The seed number of the lab that is up, else the default."""
    try:
        return int(json.loads((STATE / "seed.json").read_text())["seed"])
    except FileNotFoundError:
        return 1
    except (ValueError, KeyError, TypeError) as error:
        raise LeakSearchError(f"{STATE / 'seed.json'}: holds no seed number; name it with --seed") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Search the named paths; 0 nothing found, 1 found, 2 could not be searched."""
    parser = argparse.ArgumentParser(
        prog="leaks", description="Search files, directories and devices for planted values."
    )
    parser.add_argument("--seed", type=int, help="seed number of the planted values (default: that of the lab)")
    parser.add_argument("paths", nargs="+", metavar="PATH")
    options = parser.parse_args(arguments)
    try:
        search = needles(planted_values(_seeded() if options.seed is None else options.seed))
        hits = [hit for path in options.paths for hit in search_path(path, search)]
    except LeakSearchError as error:
        print(f"leaks: {error}", file=sys.stderr)
        return 2
    for hit in hits:
        print(hit)
    return 1 if hits else 0


if __name__ == "__main__":
    sys.exit(main())
