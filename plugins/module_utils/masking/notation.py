# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""How rules write paths, templates and values that YAML has no form for."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from typing import Any

STAR = "*"
KEY = "<key>"

_EXTENDED = {
    "$oid": (r"[0-9a-fA-F]{24}", "24 hexadecimal digits"),
    "$uuid": (r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a UUID with its hyphens"),
    "$numberLong": (r"-?[0-9]{1,19}", "a whole number as text"),
    "$numberDecimal": (r"-?(?:[0-9]{1,34}(?:\.[0-9]{1,34})?(?:E[+-]?[0-9]{1,4})?|Infinity|NaN)", "a number as text"),
}


def path_text(path: Iterable[str]) -> str:
    """Write a path as a rule file does: dots between names, a dot or a backslash inside a name escaped."""
    return ".".join(re.sub(r"([\\.])", r"\\\1", segment) for segment in path)


def parse_path(text: str) -> tuple[str, ...]:
    """Split a path at its dots; `\\.` and `\\\\` stand for the characters themselves. Raises ValueError."""
    segments = [""]
    characters = iter(text)
    for character in characters:
        if character == "\\":
            escaped = next(characters, "")
            if escaped not in (".", "\\"):
                raise ValueError(r"a backslash in a path escapes a dot or a backslash only: write '\.' or '\\'")
            segments[-1] += escaped
        elif character == ".":
            segments.append("")
        else:
            segments[-1] += character
    if "" in segments:
        raise ValueError("the path has an empty part: write the names with one dot between them")
    if "\0" in text:
        raise ValueError("a field name cannot hold a NUL character")
    if KEY in segments[:-1]:
        raise ValueError(f"'{KEY}' stands for the names in a map and ends a path: write what is below with '{STAR}'")
    return tuple(segments)


def parse_plain_path(text: str) -> tuple[str, ...]:
    """A path to one field of a document, without `*` and `<key>`. Raises ValueError."""
    path = parse_path(text)
    if STAR in path or KEY in path:
        raise ValueError(f"the path {text!r} must lead to one field, without '{STAR}' and '{KEY}'")
    return path


def parse_template(text: str) -> tuple:
    """Cut "{name.first} & co" into ("name", "first") and " & co"; `{{` and `}}` are braces. Raises ValueError."""
    parts: list = []
    for literal, path, stray in re.findall(r"((?:[^{}]|\{\{|\}\})+)|\{([^{}]*)\}|([{}])", text):
        if stray:
            raise ValueError("has a brace without its pair: write {path} for a field, {{ or }} for a brace")
        parts.append(parse_plain_path(path) if not literal else literal.replace("{{", "{").replace("}}", "}"))
    if not any(isinstance(part, tuple) for part in parts):
        raise ValueError("names no field: write at least one as {path}, or take the mask constant")
    return tuple(parts)


def check_extended(value: Any) -> None:
    """Raises ValueError where a mapping has a key of MongoDB Extended JSON that is known here, and is wrong."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in _EXTENDED:
                form, wanted = _EXTENDED[key]
                if len(value) != 1 or not isinstance(item, str) or not re.fullmatch(form, item):
                    raise ValueError(f"{key} must stand alone and hold {wanted}")
            check_extended(item)
    elif isinstance(value, list):
        for item in value:
            check_extended(item)


def to_bson(value: Any) -> Any:
    """A value of a rule file as bson encodes it: `{$oid: …}` and the like become the types that they stand for."""
    from bson import Decimal128, Int64, ObjectId
    from bson.binary import Binary
    from bson.datetime_ms import DatetimeMS

    if isinstance(value, Mapping):
        if len(value) == 1:
            key, item = next(iter(value.items()))
            types = {"$oid": ObjectId, "$numberDecimal": Decimal128, "$numberLong": lambda text: Int64(int(text))}
            if key in types:
                return types[key](item)
            if key == "$uuid":
                return Binary(bytes.fromhex(item.replace("-", "")), 4)
        return {key: to_bson(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_bson(item) for item in value]
    if isinstance(value, datetime.datetime):
        return DatetimeMS(value)
    return value
