# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The native engine (native/masker.c) under one collection's rules: masks batches of raw BSON, and compares them."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import weakref
from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking import programs
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS, Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import to_bson
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, FieldRule, path_text
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT, BSONError

try:
    import bson
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    bson = None

STAR, KEY = "*", "<key>"
# Beside the modules' own Python, where `make tools` and the role host_python put it.
LIBRARY = os.path.join(sys.prefix, "lib", "stagesync", "masker.so")
_ABI = 2

# The numbers are masker.c's.
_OPERATIONS = {
    programs.Keep: 1,
    programs.Remove: 2,
    programs.Null: 3,
    programs.Redact: 4,
    programs.Constant: 5,
    programs.Compose: 6,
    programs.Pseudonym: 7,
    programs.ObjectIdentifier: 8,
    programs.Uuid: 9,
    programs.DateShift: 13,
    programs.Template: 14,
    programs.PythonMask: 15,
}
_CHARACTERS = {"digits": 10, "phone": 11, "format": 12}
_LITERAL, _PICK, _HEX, _BETWEEN, _FIELD = range(5)
_MAY_EQUAL, _FOLD, _OTHER_TYPE = 1, 2, 4
_NAMED, _STAR, _KEY = range(3)
_FAULTS = {
    -1: "there is no memory left for a batch of documents",
    -2: "the document is not valid BSON: repair it at the source",
    -3: "the document is larger than 16 MB after masking: give its longest fields a mask that does not lengthen them",
    -4: "the document is nested more than 250 deep",
}
_CALLBACK = -5
# ctypes reads memory by the length of a C int.
_MOST_BYTES = 2**31 - 1
# Names that no rule names, each with its count; beyond, keys of a map fill the memory, and count as one.
_MOST_NAMES = 10_000
_TYPES = {
    "double": 0x01, "string": 0x02, "object": 0x03, "array": 0x04, "binData": 0x05, "objectId": 0x07, "bool": 0x08,
    "date": 0x09, "regex": 0x0B, "javascript": 0x0D, "symbol": 0x0E, "int": 0x10, "timestamp": 0x11, "long": 0x12,
    "decimal": 0x13,
}  # fmt: skip


class EngineError(Exception):
    """One sentence: what cannot be masked, and what to do. Never holds a value of a document."""


@dataclass(frozen=True)
class Counts:
    """What a masked rule met: values masked as promised, and values that failed closed."""

    values: int
    unexpected: int


@dataclass(frozen=True)
class Stop:
    """Where a comparison of two batches stopped (byte offsets), why ("end", "id", "suspicious"), and what it passed."""

    one: int
    other: int
    reason: str
    compared: int


class Rests:
    """The sum of digests over documents, the same in any order of them, and how many they are."""

    def __init__(self) -> None:
        self.total = (ctypes.c_uint64 * 2)()
        self.count = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rests) and (self.count, *self.total) == (other.count, *other.total)

    __hash__ = None


class _Count(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("values", "unexpected", "found")]


_PYTHON = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, *[ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t] * 2, ctypes.c_int
)
_UNLISTED = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64)
_SIGNATURES = {
    "masker_abi": (ctypes.c_int, []),
    "masker_new": (ctypes.c_void_p, [ctypes.c_int, ctypes.c_bool, _PYTHON, _UNLISTED]),
    "masker_free": (None, [ctypes.c_void_p]),
    "masker_node": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]),
    "masker_rule": (
        ctypes.c_int,
        [ctypes.c_void_p, *[ctypes.c_int] * 4, ctypes.c_char_p, ctypes.c_int64, ctypes.c_uint32, ctypes.c_char_p,
         ctypes.c_size_t],
    ),
    "masker_part": (
        ctypes.c_int,
        [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_char_p, ctypes.c_size_t,
         ctypes.POINTER(ctypes.c_uint32)],
    ),
    "masker_give": (ctypes.c_int, [ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t]),
    "masker_mask": (ctypes.c_int64, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]),
    "masker_out": (ctypes.c_void_p, [ctypes.c_void_p]),
    "masker_size": (ctypes.c_size_t, [ctypes.c_void_p]),
    "masker_number": (ctypes.c_uint64, [ctypes.c_void_p]),
    "masker_counts": (ctypes.POINTER(_Count), [ctypes.c_void_p]),
    "masker_compare": (
        ctypes.c_int,
        [ctypes.c_void_p, *[ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)] * 2,
         ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64)],
    ),
    "masker_rests": (
        ctypes.c_int64,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_bool, ctypes.c_bool,
         ctypes.c_char_p, ctypes.POINTER(ctypes.c_uint64)],
    ),
}  # fmt: skip
_SIZE, _REST = struct.Struct("<i"), struct.Struct("<16sq")
_library = None


def library() -> ctypes.CDLL:
    """Load the engine once for this process; raises EngineError where it is missing or of another build."""
    global _library
    if _library is None:
        try:
            found = ctypes.CDLL(LIBRARY)
            for name, (result, arguments) in _SIGNATURES.items():
                getattr(found, name).restype, getattr(found, name).argtypes = result, arguments
        except (OSError, AttributeError) as error:
            reason = "is not there" if not os.path.exists(LIBRARY) else f"cannot be loaded ({type(error).__name__})"
            raise EngineError(
                f"The masking engine {LIBRARY} {reason}: let the role host_python install it, "
                "or in a checkout run `make tools`."
            ) from error
        if found.masker_abi() != _ABI:
            raise EngineError(f"The masking engine {LIBRARY} is of another version: let the role host_python renew it.")
        _library = found
    return _library


class _Calls:
    """What the engine calls back. It does not know its tree, so that both are freed as soon as nobody uses them."""

    def __init__(self, native: ctypes.CDLL):
        self.native = native
        self.handle: int | None = None
        self.functions: dict[int, tuple] = {}
        self.error: BaseException | None = None
        self.seen: dict[tuple[int, bytes], list[int]] = {}

    def mask(self, position: int, *value_person_attempt: int) -> int:
        """Mask one value in Python: 1 where it was taken, 0 where not, -1 on a fault."""
        *value, person_kind, person, person_size, attempt = value_person_attempt
        function, secret = self.functions[position]
        try:
            before = _person(person_kind, person, person_size) if person_kind else b""
            made = function(
                _decoded(*value), lambda drawn: programs.Draw(secret, before + programs.canonical(drawn), attempt)
            )
            kind, data = _encoded(made)
            return 1 if self.native.masker_give(self.handle, kind, data, len(data)) == 0 else -1
        except (programs.Unexpected, BSONError):
            return 0
        except (
            BaseException
        ) as error:  # neither it nor an interrupt can pass through the engine: `Masker` raises it again
            self.error = error
            return -1

    def unlisted(self, node: int, address: int, size: int, document: int) -> None:
        """Remember a field that no rule names."""
        try:
            name = ctypes.string_at(address, size)
            if len(self.seen) >= _MOST_NAMES and (node, name) not in self.seen:
                name = b"*"
            found = self.seen.setdefault((node, name), [-1, 0])
            if found[0] != document:
                found[0], found[1] = document, found[1] + 1
        except BaseException as error:  # `Masker` raises it at the end of the batch
            self.error = error


class _Tree:
    """One collection's rules as the engine's tree."""

    def __init__(self, rules: CollectionRules | None, unlisted: str, key: Key | None):
        self.rules = rules.fields if rules else ()
        self.key = key
        self.paths: dict[int, tuple[str, ...]] = {0: ()}
        self.nodes: dict[tuple[str, ...], int] = {(): 0}
        self.native = library()
        self.calls = _Calls(self.native)
        # Kept here, for the engine calls them as long as it lives.
        self._functions = _PYTHON(self.calls.mask), _UNLISTED(self.calls.unlisted)
        self.handle = self.native.masker_new(len(self.rules), unlisted == "keep", *self._functions)
        if not self.handle:
            raise EngineError(_FAULTS[-1])
        self.calls.handle = self.handle
        weakref.finalize(self, self.native.masker_free, self.handle)
        for path in [rule.path for rule in self.rules]:
            self._node(path)
        if unlisted == "keep" and ("_id",) not in self.nodes:
            node, keep = self._node(("_id",)), _OPERATIONS[programs.Keep]
            self._check(self.native.masker_rule(self.handle, node, len(self.rules), keep, 0, bytes(32), 0, 0, b"", 0))
        for position, rule in enumerate(self.rules):
            self._rule(position, rule)

    @staticmethod
    def _check(result: int) -> int:
        if result < 0:
            raise EngineError(_FAULTS[result])
        return result

    def _node(self, path: tuple[str, ...]) -> int:
        if path not in self.nodes:
            parent, name = self._node(path[:-1]), path[-1]
            kind = {STAR: _STAR, KEY: _KEY}.get(name, _NAMED)
            written = name.encode("utf-8", "surrogatepass")
            self.nodes[path] = self._check(self.native.masker_node(self.handle, parent, kind, written, len(written)))
            self.paths[self.nodes[path]] = path
        return self.nodes[path]

    def _rule(self, position: int, rule: FieldRule) -> None:
        mask = MASKS[rule.mask]
        program = mask.program(rule.options)
        # What an unchanged value of these should have become can be told, so a comparison lets it be judged.
        judged = self.key is None and rule.mask in ("age_band", "date_truncate", "number_round")
        flags = (_MAY_EQUAL if mask.may_equal and not judged else 0) | (0 if mask.gives == "same" else _OTHER_TYPE)
        secret = self.key.domain(rule.options.get("domain", rule.mask)) if self.key else bytes(32)
        argument, types, data = 0, 0, b""
        operation = _OPERATIONS.get(type(program))
        if isinstance(program, programs.Characters):
            operation = _CHARACTERS[program.kind]
        elif isinstance(program, programs.Compose):
            flags |= _FOLD if program.fold else 0
        elif isinstance(program, programs.ObjectIdentifier):
            argument = int(program.keep_timestamp)
        elif isinstance(program, programs.DateShift):
            flags |= _FOLD
            argument = program.max_days
            data = _names(program.person or ())
        elif isinstance(program, programs.Constant):
            kind, value = _encoded(program.value)
            data = bytes([kind]) + value
        elif isinstance(program, programs.PythonMask):
            types = sum(1 << _TYPES[name] for name in program.types)
            data = _names(program.person or ())
            self.calls.functions[position] = (program.function, secret)
        if rule.mask == "expr" and self.key is None:
            # The server made the value, so a comparison has nothing to hold it against.
            operation, flags, data = _OPERATIONS[programs.Constant], _MAY_EQUAL, b""
        node = self.nodes[rule.path]
        self._check(
            self.native.masker_rule(
                self.handle, node, position, operation, flags, secret, argument, types, data, len(data)
            )
        )
        for part in getattr(program, "parts", ()):
            self._part(node, part)
        if rule.mask == "choice" and self.key is None:
            for value in rule.options["values"]:
                kind, data = _encoded(to_bson(value))
                self._check(
                    self.native.masker_part(
                        self.handle, node, _LITERAL, 0, 0, bytes([kind]) + data, len(data) + 1, None
                    )
                )

    def _part(self, node: int, part: Any) -> None:
        a = b = 0
        data, ends = b"", None
        if isinstance(part, (str, programs.Literal)):
            kind, data = _LITERAL, (part if isinstance(part, str) else part.text).encode()
        elif isinstance(part, tuple):
            kind, a, data = _FIELD, self.nodes[part], _names(part)
        elif isinstance(part, programs.Pick):
            words = [word.encode() for word in part.words]
            total, bounds = 0, []
            for word in words:
                total += len(word)
                bounds.append(total)
            kind, a, data, ends = _PICK, len(words), b"".join(words), (ctypes.c_uint32 * len(words))(*bounds)
        elif isinstance(part, programs.Between):
            kind, a, b = _BETWEEN, part.low, part.high
        else:
            kind, a = _HEX, part.characters
        self._check(self.native.masker_part(self.handle, node, kind, a, b, data, len(data), ends))

    def out(self) -> bytes:
        """What the engine wrote last."""
        size = _checked_size(self.native.masker_size(self.handle))
        return ctypes.string_at(self.native.masker_out(self.handle), size)

    def unlisted(self) -> dict[str, int]:
        return {
            path_text((*self.paths[node], name.decode("utf-8", "replace"))): count
            for (node, name), (_last, count) in sorted(self.calls.seen.items())
        }


def _checked_size(size: int) -> int:
    if size > _MOST_BYTES:
        raise EngineError(f"a batch of {size} bytes is too long: hand over fewer documents, 2 GiB at most")
    return size


def _names(path: tuple[str, ...]) -> bytes:
    return b"".join(name.encode("utf-8", "surrogatepass") + b"\0" for name in path)


def _person(kind: int, address: int, size: int) -> bytes:
    """What stands for a person before a value in its stream; its bytes where it has no canonical form."""
    try:
        return programs.canonical(_decoded(kind, address, size))
    except programs.Unexpected:
        return bytes([kind]) + ctypes.string_at(address, size)


def _decoded(kind: int, address: int, size: int) -> Any:
    element = bytes([kind, 0]) + ctypes.string_at(address, size) + b"\0"
    return bson.decode(struct.pack("<i", len(element) + 4) + element, codec_options=EXACT)[""]


def _encoded(value: Any) -> tuple[int, bytes]:
    """The type and the bytes of a value."""
    document = bson.encode({"": value}, codec_options=EXACT)
    return document[4], document[6:-1]


class Masker:
    """Masks the documents of one collection. Not for several threads at once.

    Raises EngineError where the engine cannot be used, where a document is not valid BSON, is nested too deep, or is
    larger than 16 MB after masking.
    """

    def __init__(self, rules: CollectionRules, key: Key):
        self._tree = _Tree(rules, rules.unlisted, key)

    def mask(self, documents: bytes) -> bytes:
        """Concatenated BSON documents in, the masked ones out, in order."""
        self._run(documents)
        return self._tree.out()

    def scan(self, documents: bytes) -> int:
        """Only look: add to the counts and the unlisted fields; the number of documents."""
        return self._run(documents)

    def _run(self, documents: bytes) -> int:
        tree = self._tree
        before = tree.native.masker_number(tree.handle)
        result = tree.native.masker_mask(tree.handle, documents, _checked_size(len(documents)))
        error, tree.calls.error = tree.calls.error, None
        if error is not None and not isinstance(error, Exception):
            raise error
        if error is not None or result == _CALLBACK:
            raise EngineError(f"a mask failed on a value ({type(error).__name__}): report it as a fault") from error
        if result < 0:
            number = tree.native.masker_number(tree.handle) - before + 1
            raise EngineError(f"document {number} of a batch: {_FAULTS[result]}")
        return result

    def counts(self) -> dict[FieldRule, Counts]:
        """What every masked rule met so far, and those others where a value stood in the place of fields below."""
        counts = self._tree.native.masker_counts(self._tree.handle)
        return {
            rule: Counts(counts[position].values, counts[position].unexpected)
            for position, rule in enumerate(self._tree.rules)
            if rule.masks or counts[position].unexpected
        }

    def found(self, rule: FieldRule) -> bool:
        """Whether any document so far has the rule's field, be it null."""
        return self._tree.native.masker_counts(self._tree.handle)[self._tree.rules.index(rule)].found > 0

    def unlisted(self) -> dict[str, int]:
        """The fields that no rule names, by path, with the number of documents that hold each."""
        return self._tree.unlisted()


class Comparer:
    """Compares documents with their masked copies; what is not beyond doubt is left to the caller to judge."""

    def __init__(self, rules: CollectionRules | None, unlisted: str):
        self._tree = _Tree(rules, unlisted, None)
        self._changes = (ctypes.c_uint64 * (2 * len(self._tree.rules) + 2))()

    def pairs(self, one: bytes, other: bytes, start: tuple[int, int] = (0, 0)) -> Stop:
        """Walk both batches from the offsets while documents pair up by an equal _id and differ only as the rules say.

        Raises EngineError where a document is not valid BSON.
        """
        _checked_size(max(len(one), len(other)))
        at, other_at = ctypes.c_size_t(start[0]), ctypes.c_size_t(start[1])
        compared = ctypes.c_uint64(0)
        reason = self._tree.native.masker_compare(
            self._tree.handle, one, len(one), at, other, len(other), other_at, self._changes, compared
        )
        if reason < 0:
            raise EngineError(_FAULTS[reason])
        return Stop(at.value, other_at.value, ("end", "id", "suspicious")[reason], compared.value)

    def rests(
        self, documents: bytes, rests: Rests, limit: bytes, salt: bytes, in_order: bool, clean: bool
    ) -> list[tuple[bytes, bytes]]:
        """Add the digests of what is not masked of a batch; the documents whose digest is not above the limit.

        `salt`: 32 bytes. `in_order`: whether the order of fields counts. `clean`: what no rule names counts,
        for the clean copy must not hold it. Raises EngineError as `pairs` does.
        """
        tree = self._tree
        found = tree.native.masker_rests(
            tree.handle, documents, _checked_size(len(documents)), salt, in_order, clean, limit, rests.total
        )
        if found < 0:
            raise EngineError(_FAULTS[found])
        rests.count += found
        return [
            (digest, documents[at : at + _SIZE.unpack_from(documents, at)[0]])
            for digest, at in _REST.iter_unpack(tree.out())
        ]

    def counts(self) -> dict[FieldRule, tuple[int, int]]:
        """By masked rule, the values that changed, and those that may equal their original and do."""
        return {
            rule: (self._changes[2 * position], self._changes[2 * position + 1])
            for position, rule in enumerate(self._tree.rules)
            if rule.masks
        }
