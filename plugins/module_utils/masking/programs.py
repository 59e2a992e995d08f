# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What masks are made of: operations of the native engine, and functions of one value that it calls back."""

from __future__ import annotations

import hashlib
import math
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Union

PERSON = b"stagesync domain"
BLOCK_BYTES = 64


class Unexpected(Exception):
    """A value that a mask does not take: the engine puts the redaction of its type in its place and counts it."""


# ---- the keyed stream of a value ------------------------------------------------------------------------------------


def domain_key(secret: bytes, domain: str) -> bytes:
    """Derive the 32-byte key of one domain from the run's secret (keyed BLAKE2b, RFC 7693)."""
    return hashlib.blake2b(domain.encode(), key=secret, digest_size=32, person=PERSON).digest()


def canonical(value: Any) -> bytes:
    """Write a decoded value so that equal values of joined fields are equal bytes: a long 5 and a double 5.0 are."""
    if isinstance(value, str):
        return b"s" + value.encode("utf-8", "surrogatepass")
    if isinstance(value, bool):
        return b"?" + bytes([value])
    if isinstance(value, int):
        return b"n%d" % value
    if isinstance(value, float):
        whole = math.isfinite(value) and abs(value) < 2**53 and value == int(value)
        return b"n%d" % int(value) if whole else b"d" + struct.pack("<d", value)
    if isinstance(value, bytes):
        return b"b" + bytes([getattr(value, "subtype", 0)]) + value
    if hasattr(value, "bid"):
        return b"D" + value.bid
    if hasattr(value, "binary"):
        return b"o" + value.binary
    if hasattr(value, "__int__"):  # bson's DatetimeMS: milliseconds since 1970
        return b"t" + struct.pack("<q", int(value))
    raise Unexpected


class Draw:
    """Pseudo-random choices that depend on nothing but key, domain and value, taken in order from its stream.

    Block 0 is the keyed digest of the value, and the other blocks are keyed digests of that with their number as salt.
    """

    def __init__(self, key: bytes, value: bytes, block: int = 0):
        self._key, self._block, self._left = key, block, b""
        self._seed = hashlib.blake2b(value, key=key, digest_size=BLOCK_BYTES).digest()

    def bytes(self, count: int) -> bytes:
        while len(self._left) < count:
            salt = self._block.to_bytes(16, "little")
            self._left += (
                hashlib.blake2b(self._seed, key=self._key, digest_size=BLOCK_BYTES, salt=salt).digest()
                if self._block
                else self._seed
            )
            self._block += 1
        taken, self._left = self._left[:count], self._left[count:]
        return taken

    def below(self, count: int) -> int:
        """A whole number from 0 to count - 1; the bias of the remainder is below count / 2**64."""
        return int.from_bytes(self.bytes(8), "little") % count

    def digits(self, count: int) -> str:
        """That many decimal digits."""
        return "".join(str(self.below(10**size)).zfill(size) for size in _pieces(count))

    def pick(self, choices: Sequence) -> Any:
        return choices[self.below(len(choices))]


def _pieces(count: int) -> list[int]:
    return [16] * (count // 16) + ([count % 16] if count % 16 else [])


# ---- programs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Keep:
    """The value as it is, with everything below it that no other rule names."""


@dataclass(frozen=True)
class Remove:
    """The field is taken away, whatever it holds."""


@dataclass(frozen=True)
class Null:
    """null in the place of any value."""


@dataclass(frozen=True)
class Redact:
    """The constant of the value's type."""


@dataclass(frozen=True)
class Constant:
    """One value in the place of any other; BSON can hold it."""

    value: Any


@dataclass(frozen=True)
class Literal:
    text: str


@dataclass(frozen=True)
class Pick:
    words: tuple[str, ...]


@dataclass(frozen=True)
class Hex:
    """That many lower-case hexadecimal digits, 32 at most."""

    characters: int


@dataclass(frozen=True)
class Between:
    """A whole number from low to high, both included."""

    low: int
    high: int


Part = Union[Literal, Pick, Hex, Between]


@dataclass(frozen=True)
class Compose:
    """A string put together from parts; `fold` trims and ASCII-lower-cases the original before it is hashed."""

    parts: tuple[Part, ...]
    fold: bool = False


@dataclass(frozen=True)
class Pseudonym:
    """Text becomes 32 hexadecimal digits; an ObjectId, binary data or number another of its type and length."""


@dataclass(frozen=True)
class ObjectIdentifier:
    """Another ObjectId (or its 24 hexadecimal digits as text), with or without the original's time stamp."""

    keep_timestamp: bool


@dataclass(frozen=True)
class Uuid:
    """Another random UUID (RFC 9562, version 4) as binary data of 16 bytes or as text of the original's form."""


@dataclass(frozen=True)
class Characters:
    """Characters of the same kind in the same places: "digits", "phone" (country code stays) or "format"."""

    kind: str


@dataclass(frozen=True)
class DateShift:
    """Another day, 1 to max_days away, the time of day stays; `person` is the path whose value picks the shift."""

    max_days: int
    person: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Template:
    """Text put together from literal texts and, as path tuples, the masked values of other fields of the document."""

    parts: tuple[str | tuple[str, ...], ...]


@dataclass(frozen=True)
class PythonMask:
    """`function(value, draw)` gives the new value or raises Unexpected; `draw(value)` opens that value's stream.

    `types`: the BSON type names that the function is called for; with "array" it gets arrays whole.
    `person`: a path of the same document whose value is hashed before the one that `draw` is given; None: only that.
    """

    function: Callable[[Any, Callable[[Any], Draw]], Any]
    types: frozenset
    person: tuple[str, ...] | None = None


Program = Union[
    Keep,
    Remove,
    Null,
    Redact,
    Constant,
    Compose,
    Pseudonym,
    ObjectIdentifier,
    Uuid,
    Characters,
    DateShift,
    Template,
    PythonMask,
]
