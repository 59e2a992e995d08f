# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""A value's form without the value: the only thing of it that is ever shown."""

from __future__ import annotations

import re
from typing import Any

_MASKED = re.compile(r"[^\W\d_]|\d", re.UNICODE)
_LONGEST = 40


def shape(text: str) -> str:
    """Write every letter as x or X and every digit as 9; 40 characters at most."""
    masked = _MASKED.sub(_stand_in, text[: _LONGEST + 1])
    cleaned = "".join(character if character.isprintable() else " " for character in masked)
    return cleaned if len(text) <= _LONGEST else cleaned[: _LONGEST - 1] + "…"


def _stand_in(match: re.Match) -> str:
    character = match.group()
    if character.isdigit():
        return "9"
    return "X" if character.isupper() else "x"


def value_shape(value: Any) -> str:
    """Write the form of a decoded BSON value of any type; containers by their size only."""
    if type_word(value) == "string":
        return shape(value) if value else '""'
    if value is None or isinstance(value, bool):
        return f"({type_word(value)})" if value is not None else "null"
    if isinstance(value, dict):
        return f"({len(value)} fields)"
    if isinstance(value, list):
        return f"({len(value)} elements)"
    if isinstance(value, (int, float)):
        return shape(repr(value))
    return f"({type_word(value)})"


def type_word(value: Any) -> str:
    """Return the BSON type name of a decoded value, as rules write it."""
    if value is None:
        return "null"
    # bson's own types come first: some are kinds of Python's.
    if type(value).__name__ in _BSON:
        return _BSON[type(value).__name__]
    for kind, name in _PLAIN:
        if isinstance(value, kind):
            return name
    return "other"


_PLAIN = ((bool, "bool"), (str, "string"), (dict, "object"), (list, "array"), (float, "double"), (bytes, "binData"))
_BSON = {
    "int": "int", "Int64": "long", "ObjectId": "objectId", "DatetimeMS": "date", "datetime": "date",
    "Decimal128": "decimal", "Timestamp": "timestamp", "Regex": "regex", "Code": "javascript", "DBRef": "dbPointer",
    "MinKey": "minKey", "MaxKey": "maxKey", "UUID": "binData",
}  # fmt: skip
