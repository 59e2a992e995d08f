# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The options of masks: what a value may be, said to a reader, to an editor (JSON Schema) and checked."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import (
    check_extended,
    parse_plain_path,
    parse_template,
)

# What runs code of its own, reads or writes elsewhere, or gives something else when it is run again.
_REFUSED = {
    **dict.fromkeys(("$function", "$accumulator", "$where"), "runs JavaScript"),
    **dict.fromkeys(("$lookup", "$graphLookup", "$unionWith", "$documents"), "reads elsewhere"),
    **dict.fromkeys(("$out", "$merge"), "writes"),
    **dict.fromkeys(("$rand", "$sampleRate"), "depends on chance"),
}
_REFUSED_VARIABLES = {"$$NOW": "depends on the clock", "$$CLUSTER_TIME": "depends on the clock"}
_REFUSED_VARIABLES["$$USER_ROLES"] = "depends on the user"

_EXTENDED_TYPES = {"$oid": "objectId", "$uuid": "binData", "$numberLong": "long", "$numberDecimal": "decimal"}


@dataclass(frozen=True)
class Option:
    """One option of a mask. `check` returns the value or raises ValueError, worded after "option 'x' of the mask y"."""

    describe: str
    summary: str
    check: Callable[[Any], Any]
    schema: Mapping[str, Any]
    default: Any = None
    required: bool = False


def _checked(describe: str, good: Callable[[Any], bool]) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if not good(value):
            raise ValueError(f"must be {describe}, not {shown(value)}")
        return value

    return check


def shown(value: Any) -> str:
    """A value of a rule file, as a message names it."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else repr(value)


def choice(*choices: str, default: str, summary: str) -> Option:
    """One of some words."""
    describe = f"one of {', '.join(choices)}"
    return Option(describe, summary, _checked(describe, choices.__contains__), {"enum": list(choices)}, default)


def _is_whole(given: Any) -> bool:
    # true and false are ints to Python.
    return isinstance(given, int) and not isinstance(given, bool)


def whole(low: int, high: int, default: int, summary: str) -> Option:
    """A whole number."""
    describe = f"a whole number from {low} to {high}"
    check = _checked(describe, lambda value: _is_whole(value) and low <= value <= high)
    return Option(describe, summary, check, {"type": "integer", "minimum": low, "maximum": high}, default)


def number(low: float, high: float, default: float, summary: str) -> Option:
    """A number, whole or not."""
    describe = f"a number from {low:g} to {high:.10g}"
    check = _checked(describe, lambda value: type(value) in (int, float) and low <= value <= high)
    return Option(describe, summary, check, {"type": "number", "minimum": low, "maximum": high}, default)


def boolean(default: bool, summary: str) -> Option:
    """true or false."""
    check = _checked("true or false", lambda value: isinstance(value, bool))
    return Option("true or false", summary, check, {"type": "boolean"}, default)


def domain(default: str) -> Option:
    """The domain that a pseudonym belongs to."""
    describe = "1 to 64 letters, digits, '_' or '-'"
    form = "[A-Za-z0-9_-]{1,64}"
    check = _checked(describe, lambda value: isinstance(value, str) and re.fullmatch(form, value) is not None)
    summary = "fields of one domain give one original the same pseudonym"
    return Option(describe, summary, check, {"type": "string", "pattern": f"^{form}$"}, default)


def path(summary: str, default: str | None = None) -> Option:
    """The path of another field of the document."""
    describe = "the path of a field"

    def check(value: Any) -> Any:
        parse_plain_path(_checked(describe, lambda text: isinstance(text, str))(value))
        return value

    return Option(describe, summary, _as_continuation(check), {"type": "string", "minLength": 1}, default)


def _as_continuation(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Words errors of notation.py as the rest of a sentence about the option."""

    def checked(value: Any) -> Any:
        try:
            return check(value)
        except ValueError as error:
            text = str(error)
            raise ValueError(
                text if text.startswith(("must ", "has ", "names ", "holds ")) else f"is wrong: {text}"
            ) from None

    return checked


def template(summary: str) -> Option:
    """Text with {paths}."""
    describe = "text with at least one {path}"

    def check(value: Any) -> Any:
        parse_template(_checked(describe, lambda text: isinstance(text, str) and text != "")(value))
        return value

    schema = {"type": "string", "pattern": r"\{[^{}]+\}"}
    return Option(describe, summary, _as_continuation(check), schema, required=True)


def value(summary: str) -> Option:
    """Anything that BSON can hold."""

    def check(given: Any) -> Any:
        check_extended(given)
        return given

    return Option("any value", summary, _as_continuation(check), {}, required=True)


def _is_scalar(given: Any) -> bool:
    return not isinstance(given, list) and bson_type(given) != "object"


def values(summary: str) -> Option:
    """A list to choose from."""
    describe = "a list of two values or more, none a mapping or a list"
    good = _checked(
        describe, lambda given: isinstance(given, list) and len(given) > 1 and all(_is_scalar(item) for item in given)
    )

    def check(given: Any) -> Any:
        check_extended(good(given))
        return given

    schema = {"type": "array", "minItems": 2}
    return Option(describe, summary, _as_continuation(check), schema, required=True)


def weights(summary: str) -> Option:
    """A weight for each value."""
    describe = "a list of numbers from 0 to 1000000, not all 0"

    def good(given: Any) -> bool:
        if not isinstance(given, list) or not all(type(item) in (int, float) and 0 <= item <= 10**6 for item in given):
            return False
        # A weight counts in millionths.
        return any(item >= 0.000001 for item in given)

    schema = {"type": "array", "minItems": 2, "items": {"type": "number", "minimum": 0, "maximum": 10**6}}
    return Option(describe, summary, _checked(describe, good), schema)


def expression(summary: str) -> Option:
    """An aggregation expression without side effects."""

    def check(given: Any) -> Any:
        check_server_side(given)
        return given

    return Option("an aggregation expression", summary, _as_continuation(check), {}, required=True)


def check_server_side(given: Any) -> None:
    """Raises ValueError where an expression or a filter would run code, look elsewhere, or not give the same again."""
    check_extended(given)
    if isinstance(given, Mapping):
        for name, item in given.items():
            if name in _REFUSED:
                raise ValueError(f"holds {name}, which {_REFUSED[name]}: write it without")
            check_server_side(item)
    elif isinstance(given, list):
        for item in given:
            check_server_side(item)
    elif isinstance(given, str):
        variable = given.split(".", 1)[0]
        if variable in _REFUSED_VARIABLES:
            raise ValueError(f"holds {variable}, which {_REFUSED_VARIABLES[variable]}: write it without")


def bson_type(given: Any) -> str:
    """The BSON type of a value of a rule file."""
    if isinstance(given, Mapping):
        name = next(iter(given), "")
        return _EXTENDED_TYPES.get(name, "object") if len(given) == 1 else "object"
    if isinstance(given, bool):
        return "bool"
    if isinstance(given, int):
        return "int" if -(2**31) <= given < 2**31 else "long"
    types = {str: "string", float: "double", list: "array", datetime.datetime: "date", type(None): "null"}
    return types[type(given)]
