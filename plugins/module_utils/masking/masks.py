# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The masks: each a function from (expression, options, key) to an aggregation expression, run by mongod."""

from __future__ import annotations

import base64
import datetime
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import FIRST_NAMES, LAST_NAMES

Expression = Any
Cases = list  # of (condition, expression) pairs

REDACTED = "[redacted]"
# Arrays directly inside arrays: an expression cannot recurse, so it is written out this often.
ARRAY_LEVELS = 2

_MAX_LONG = 2**63 - 1
# Beyond, putting the pieces of a text together costs too much, and it is no text of that kind: it is redacted.
_MAX_FINDINGS = 1000
_MAX_DIGITS_BYTES = 4000
_DAY = 86_400_000
# A shift of up to ten years must stay within the years 1 to 9999, which dates as text can hold.
_FIRST_DATE = datetime.datetime(12, 1, 1)
_LAST_DATE = datetime.datetime(9988, 1, 1)
_NUMBERS = ("int", "long", "double", "decimal")

# The country codes of ITU-T E.164: no code is the beginning of another.
_COUNTRY_CODE = (
    r"(?:[17]|2(?:[07]|[1-689]\d)|3(?:[0-469]|[578]\d)|4(?:[013-9]|2\d)|5(?:[1-8]|[09]\d)"
    r"|6(?:[0-6]|[7-9]\d)|8(?:[1246]|[035789]\d)|9(?:[0-58]|[679]\d))"
)
_PHONE_PREFIX = rf"\A\h*(?:\+|00)[\h(]*{_COUNTRY_CODE}"
# The prefix is possessive: a number that is nothing but a country code is no number.
_PHONE = (
    rf"\A(?:{_PHONE_PREFIX})?+(?=\P{{Nd}}*\p{{Nd}})(?:[+\p{{Nd}}\h().\-/#*,;:\x{{2010}}-\x{{2015}}]|x|ext){{1,64}}\z"
)
_ISO_DATE = r"\A\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?\h?(?:[Zz]|[+-]\d{2}(?::?\d{2})?)?)?\z"
_SEPARATOR = r"[\h\-.()/\x{2010}-\x{2015}]{0,3}+"
_FINDINGS = (
    # an e-mail address, also without a top-level domain; starting only where a word starts keeps the search linear
    r"((?<![^\s@<>()\[\],;:\"\\])[^\s@<>()\[\],;:\"\\]++@[\p{L}\p{N}][\p{L}\p{N}.\-]*+)"
    # an Indian PAN
    r"|((?<![\p{L}\p{Nd}])[A-Za-z]{5}[\h\-]?\d{4}[\h\-]?[A-Za-z](?![\p{L}\p{Nd}]))"
    # A number of eight digits or more (seven after a plus), grouped or not: phone, card, account, Aadhaar. The server's
    # engine limits repeated groups, so that a longer number goes on in another match, which \G ties to the one before.
    rf"|(\+[\h(]{{0,2}}+\p{{Nd}}(?:{_SEPARATOR}\p{{Nd}}){{6,60}}+|\(?\p{{Nd}}(?:{_SEPARATOR}\p{{Nd}}){{7,60}}+"
    rf"|\G(?<=\p{{Nd}})(?:{_SEPARATOR}\p{{Nd}}){{1,60}}+)"
)


class Key:
    """The secret that pseudonyms are made with. Nothing but an expression ever shows it."""

    __slots__ = ("secret",)

    def __init__(self, secret: bytes):
        if not isinstance(secret, bytes) or len(secret) != 32:
            raise ValueError("The masking key must be 32 bytes.")
        self.secret = secret

    @classmethod
    def random(cls) -> Key:
        """A new key of 256 random bits."""
        return cls(secrets.token_bytes(32))

    def __repr__(self) -> str:
        return "Key(…)"

    def hash(self, value: Expression, domain: str) -> Expression:
        """A 64-bit signed long: a hash of key, domain and value. The value is an expression giving a string."""
        # A domain holds no colon, so different (domain, value) pairs never make the same text.
        prefix = base64.b64encode(self.secret).decode() + domain + ":"
        return {"$toHashedIndexKey": {"$concat": [{"$literal": prefix}, value]}}

    def number(self, value: Expression, domain: str) -> Expression:
        """A non-negative 63-bit long in the place of `hash`."""
        # $mod first: the absolute value of the smallest long is an error.
        return {"$abs": {"$mod": [self.hash(value, domain), _long(_MAX_LONG)]}}


@dataclass(frozen=True)
class Option:
    """One option of a mask."""

    type: type
    default: Any
    choices: tuple[str, ...] = ()
    minimum: int = 0
    maximum: int = 0

    def describe(self) -> str:
        """What a value may be."""
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.type is int:
            return f"a whole number from {self.minimum} to {self.maximum}"
        return "1 to 64 letters, digits, '_' or '-'"

    def check(self, value: Any) -> Any:
        """The value, or ValueError saying what it may be."""
        if self.choices:
            good = value in self.choices
        elif self.type is int:
            good = self.minimum <= value <= self.maximum
        else:
            good = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value) is not None
        if not good:
            raise ValueError(f"must be {self.describe()}, not {value!r}")
        return value


@dataclass(frozen=True)
class Mask:
    """One way to change a value."""

    name: str
    summary: str
    example: str
    types: tuple[str, ...]
    # (value, options, key) -> pairs of a condition and what the value becomes; nothing else is accepted
    cases: Callable[[Expression, Mapping[str, Any], Key], Cases]
    options: Mapping[str, Option] = field(default_factory=dict)
    keeps_unique: frozenset = frozenset()
    may_equal: str | None = None
    # Takes arrays and null as they are, instead of going through them.
    whole: bool = False
    constants: Callable[[Mapping[str, Any]], dict] = lambda _options: {}

    def expression(self, value: Expression, options: Mapping[str, Any], key: Key) -> Expression:
        """What the value at a path becomes, whatever it is: a scalar, an array of them, null, missing, a wrong type."""
        if self.whole:
            return choose(self.cases(value, options, key), value)

        def scalar(item: Expression) -> Expression:
            return choose([*self.cases(item, options, key), (is_nothing(item), item)], redaction(item))

        def anything(item: Expression) -> Expression:
            return choose(
                [
                    *self.cases(item, options, key),
                    ({"$isArray": [item]}, each(item, scalar, "a")),
                    (is_nothing(item), item),
                ],
                redaction(item),
            )

        return with_constants(self.constants(options), anything(value))

    def accepts(self, value: Expression, options: Mapping[str, Any], key: Key) -> Expression:
        """Whether the mask takes this value, which is no array, as it promises."""
        return {"$or": [condition for condition, _then in self.cases(value, options, key)]}


# -- parts of expressions, shared with the compiler


def switch(branches: Cases, default: Expression) -> Expression:
    """The first branch whose condition holds."""
    return {"$switch": {"branches": [{"case": case, "then": then} for case, then in branches], "default": default}}


def choose(branches: Cases, default: Expression) -> Expression:
    """`switch` for a few branches: a quarter of the nesting, of which a server allows so much."""
    for case, then in reversed(branches):
        default = {"$cond": [case, then, default]}
    return default


def with_constants(constants: Mapping[str, Any], expression: Expression) -> Expression:
    """The expression with constants bound once, however often it uses them."""
    if not constants:
        return expression
    return {"$let": {"vars": {name: {"$literal": value} for name, value in constants.items()}, "in": expression}}


def each(
    array: Expression, function: Callable[[Expression], Expression], prefix: str, levels: int = ARRAY_LEVELS
) -> Expression:
    """Apply a function to every element of an array and, level by level, of arrays that are elements of it."""

    def level(item: str, number: int) -> Expression:
        if number == levels:
            return function(item)
        # A non-array is wrapped and unwrapped again, so that the function is written out once and not once a level.
        wrapped = {"$cond": [{"$isArray": [item]}, item, [item]]}
        name = f"{prefix}{number}"
        mapped = {"$map": {"input": wrapped, "as": name, "in": level(f"$${name}", number + 1)}}
        result = f"{prefix}r{number}"
        return {
            "$let": {
                "vars": {result: mapped},
                "in": {"$cond": [{"$isArray": [item]}, f"$${result}", {"$arrayElemAt": [f"$${result}", 0]}]},
            }
        }

    return {"$map": {"input": array, "as": f"{prefix}0", "in": level(f"$${prefix}0", 1)}}


def has_type(value: Expression, *types: str) -> Expression:
    """Whether the value is of one of these BSON types."""
    if len(types) == 1:
        return {"$eq": [{"$type": value}, types[0]]}
    return {"$in": [{"$type": value}, list(types)]}


def is_nothing(value: Expression) -> Expression:
    """Whether there is nothing to mask: missing, null, undefined, an empty text."""
    # Missing, undefined and MinKey sort before null.
    return {"$or": [{"$lte": [value, None]}, {"$eq": [value, ""]}]}


def redaction(value: Expression) -> Expression:
    """A constant of the same type."""
    zeros = _zeros()
    # A type that is not in the list has the index -1, which takes the last element.
    return {
        "$arrayElemAt": [
            {"$literal": [*zeros.values(), None]},
            {"$indexOfArray": [{"$literal": list(zeros)}, {"$type": value}]},
        ]
    }


def _zeros() -> dict[str, Any]:
    from bson import Code, Decimal128, MaxKey, MinKey, ObjectId, Regex, Timestamp

    return {
        "string": REDACTED,
        "int": 0,
        "long": _long(0),
        "double": 0.0,
        "decimal": Decimal128("0"),
        "date": datetime.datetime(1970, 1, 1),
        "bool": False,
        "objectId": ObjectId("0" * 24),
        "object": {},
        "array": [],
        "binData": b"",
        # A server replaces a zero timestamp by its own time on insert.
        "timestamp": Timestamp(0, 1),
        "regex": Regex(""),
        "javascript": Code(""),
        "javascriptWithScope": Code(""),
        "symbol": REDACTED,
        "minKey": MinKey(),
        "maxKey": MaxKey(),
    }


def _long(number: int):
    from bson import Int64

    return Int64(number)


def _is_text(value: Expression) -> Expression:
    return {"$and": [has_type(value, "string"), {"$ne": [value, ""]}]}


def _is_uuid(value: Expression) -> Expression:
    # Binary sorts by length, then by subtype, then by content: this range is subtype 4 of 16 bytes and nothing else.
    from bson import Binary

    return {
        "$and": [
            {"$gte": [value, {"$literal": Binary(bytes(16), 4)}]},
            {"$lte": [value, {"$literal": Binary(b"\xff" * 16, 4)}]},
        ]
    }


def _is_whole_number(value: Expression) -> Expression:
    as_long = {"$convert": {"input": value, "to": "long", "onError": None}}
    return {
        "$and": [
            has_type(value, *_NUMBERS),
            {"$eq": [as_long, value]},
            {"$gt": [value, _long(-(10**18))]},
            {"$lt": [value, _long(10**18)]},
            # Above, a double does not hold every whole number.
            {"$or": [{"$ne": [{"$type": value}, "double"]}, {"$lt": [{"$abs": value}, 1e15]}]},
        ]
    }


def _let(variables: Mapping[str, Expression], expression: Expression) -> Expression:
    return {"$let": {"vars": dict(variables), "in": expression}}


# -- masks


def _keep(value, _options, _key) -> Cases:
    return [(True, value)]


def _null(value, _options, _key) -> Cases:
    return [({"$gt": [value, None]}, None)]


def _remove(_value, _options, _key) -> Cases:
    return [(True, "$$REMOVE")]


def _redact(value, _options, _key) -> Cases:
    from bson import Binary

    zeros = {
        # Only JavaScript can make binary data of a given length.
        "$function": {
            "lang": "js",
            "args": [{"$binarySize": value}],
            "body": "function(n) { return BinData(0, 'AAAA'.repeat(n / 3) + ['', 'AA==', 'AAA='][n % 3]); }",
        }
    }
    binary = {"$cond": [_is_uuid(value), {"$literal": Binary(bytes(16), 4)}, zeros]}
    others = [name for name in _zeros() if name not in ("string", "binData", "array", "minKey")]
    return [
        (_is_text(value), REDACTED),
        (has_type(value, "binData"), binary),
        (has_type(value, *others), redaction(value)),
    ]


def _email(value, options, key) -> Cases:
    hashed = key.hash({"$toLower": value}, options["domain"])
    sign = {"$cond": [{"$lt": ["$$h", 0]}, "n", "p"]}
    digits = {"$toString": {"$abs": {"$mod": ["$$h", _long(_MAX_LONG)]}}}
    return [(_is_text(value), _let({"h": hashed}, {"$concat": [sign, digits, "@example.com"]}))]


def _pick(words: str, number: Expression, step: int = 0) -> Expression:
    return {"$arrayElemAt": [words, {"$mod": [{"$add": [number, step]} if step else number, len(FIRST_NAMES)]}]}


def _name(value, options, key) -> Cases:
    part = options["part"]
    first = key.number(value, options["domain"] + ".first")
    last = key.number(value, options["domain"] + ".last")

    def one(words: str, number: Expression) -> Expression:
        # A name that is picked for itself gives way to the next.
        other = {"$eq": [{"$strcasecmp": [_pick(words, "$$n"), value]}, 0]}
        return _let({"n": number}, {"$cond": [other, _pick(words, "$$n", 1), _pick(words, "$$n")]})

    if part != "full":
        return [(_is_text(value), one(f"$${part}", first if part == "first" else last))]
    names = {"$concat": [_pick("$$first", "$$f"), " ", _pick("$$last", "$$l")]}
    next_names = {"$concat": [_pick("$$first", "$$f"), " ", _pick("$$last", "$$l", 1)]}
    same = {"$eq": [{"$strcasecmp": [names, value]}, 0]}
    return [(_is_text(value), _let({"f": first, "l": last}, {"$cond": [same, next_names, names]}))]


def _name_constants(options) -> dict:
    words = {"first": list(FIRST_NAMES), "last": list(LAST_NAMES)}
    return words if options["part"] == "full" else {options["part"]: words[options["part"]]}


def _random_digits(value: Expression, domain: str, key: Key) -> Expression:
    """At least as many keyed digits as the text has characters."""

    def eighteen(suffix: Expression) -> Expression:
        number = {"$mod": [key.number({"$concat": [value, suffix]}, domain), _long(10**18)]}
        return {"$substrBytes": [{"$toString": {"$add": [_long(10**18), number]}}, 1, 18]}

    many = {
        "$reduce": {
            "input": {"$range": [0, {"$toInt": {"$ceil": {"$divide": [{"$strLenCP": value}, 18]}}}]},
            "initialValue": "",
            "in": {"$concat": ["$$value", eighteen({"$toString": "$$this"})]},
        }
    }
    return choose(
        [
            ({"$lte": [{"$strLenCP": value}, 18]}, eighteen("")),
            ({"$lte": [{"$strLenCP": value}, 36]}, {"$concat": [eighteen(""), eighteen("1")]}),
        ],
        many,
    )


def _replace_digits(value: Expression, digits: Expression) -> Expression:
    """The text with its digits replaced, in order, by others; all else stays."""
    step = {
        "text": {
            "$concat": [
                "$$value.text",
                {"$substrCP": [value, "$$value.read", {"$subtract": ["$$this.idx", "$$value.read"]}]},
                {"$substrBytes": [digits, "$$value.used", "$$run"]},
            ]
        },
        "read": {"$add": ["$$this.idx", "$$run"]},
        "used": {"$add": ["$$value.used", "$$run"]},
    }
    reduced = {
        "$reduce": {
            "input": {"$regexFindAll": {"input": value, "regex": r"\p{Nd}+"}},
            "initialValue": {"text": "", "read": 0, "used": 0},
            "in": _let({"run": {"$strLenCP": "$$this.match"}}, step),
        }
    }
    rest = {"$substrCP": [value, "$$done.read", {"$strLenCP": value}]}
    return _let({"done": reduced}, {"$concat": ["$$done.text", rest]})


def _other_digits(value: Expression, source: Expression, domain: str, key: Key) -> Expression:
    """The text with other digits, never all the same; the digits are made from `source`."""
    first = {"$toInt": {"$substrBytes": ["$$digits", 0, 1]}}
    bumped = {"$concat": [{"$toString": {"$mod": [{"$add": [first, 1]}, 10]}}, {"$substrBytes": ["$$digits", 1, -1]}]}
    again = _let({"digits": bumped}, _replace_digits(value, "$$digits"))
    return _let(
        {"digits": _random_digits(source, domain, key)},
        _let(
            {"masked": _replace_digits(value, "$$digits")}, {"$cond": [{"$ne": ["$$masked", value]}, "$$masked", again]}
        ),
    )


def _other_number(value: Expression, domain: str, key: Key) -> Expression:
    """Another whole number of the same type, sign and count of digits."""
    powers = [_long(10**exponent) for exponent in range(19)]
    count = {"$strLenBytes": {"$toString": "$$old"}}
    low = {"$cond": [{"$lt": ["$$old", 10]}, _long(0), {"$arrayElemAt": [powers, {"$subtract": ["$$count", 1]}]}]}
    # Ten digits of an int end at 2147483647.
    limit = {"$cond": [has_type(value, "int"), _long(2**31), _long(10**18)]}
    high = {"$min": [{"$arrayElemAt": [powers, "$$count"]}, limit]}
    span = {"$subtract": ["$$high", "$$low"]}
    new = {"$add": ["$$low", {"$mod": ["$$n", span]}]}
    bumped = {"$add": ["$$low", {"$mod": [{"$add": ["$$n", 1]}, span]}]}
    other = {"$cond": [{"$eq": [new, "$$old"]}, bumped, new]}
    signed = {"$cond": [{"$lt": [value, 0]}, {"$multiply": [other, -1]}, other]}
    typed = {"$convert": {"input": signed, "to": {"$type": value}}}
    return _let(
        {"old": {"$abs": {"$toLong": value}}, "n": key.number({"$toString": {"$toLong": value}}, domain)},
        _let({"count": count}, _let({"low": low, "high": high}, typed)),
    )


def _digits(value, options, key) -> Cases:
    domain = options["domain"]
    is_text = {
        "$and": [
            has_type(value, "string"),
            {"$lte": [{"$strLenBytes": value}, _MAX_DIGITS_BYTES]},
            {"$regexMatch": {"input": value, "regex": r"\p{Nd}"}},
        ]
    }
    return [
        (is_text, _other_digits(value, value, domain, key)),
        (_is_whole_number(value), _other_number(value, domain, key)),
    ]


def _phone(value, options, key) -> Cases:
    domain = options["domain"]
    is_phone = {"$and": [has_type(value, "string"), {"$regexMatch": {"input": value, "regex": _PHONE}}]}
    prefix = {"$ifNull": [{"$getField": {"field": "match", "input": _find(value, _PHONE_PREFIX)}}, ""]}
    rest = {"$substrCP": [value, {"$strLenCP": "$$prefix"}, {"$strLenCP": value}]}
    masked = {"$concat": ["$$prefix", _other_digits("$$rest", value, domain, key)]}
    return [
        (is_phone, _let({"prefix": prefix}, _let({"rest": rest}, masked))),
        (_is_whole_number(value), _other_number(value, domain, key)),
    ]


def _find(value: Expression, regex: str) -> Expression:
    return {"$regexFind": {"input": value, "regex": regex}}


def _hex(value: Expression, bytes_wanted: int, domain: str, key: Key) -> Expression:
    """Lower-case hexadecimal of two numbers: 16 bytes hold 126 random bits, 12 bytes 95."""
    variables = {}
    for number in range(2):
        variables[f"n{number}"] = key.number(value, f"{domain}.{number}")
    halves = {}
    for number in range(2):
        # Halves of 32 bits: $divide works in doubles, which hold 53 bits.
        low = {"$mod": [f"$$n{number}", _long(2**32)]}
        halves[f"l{number}"] = low
        halves[f"h{number}"] = {"$divide": [{"$subtract": [f"$$n{number}", low]}, _long(2**32)]}
    pairs = [
        {"$arrayElemAt": ["$$hex", {"$mod": [{"$floor": {"$divide": [f"$${half}", 256**place]}}, 256]}]}
        for half in ("l0", "l1", "h0", "h1")
        for place in range(4)
    ]
    return _let(variables, _let(halves, {"$concat": pairs[:bytes_wanted]}))


def _hash(value, options, key) -> Cases:
    domain = options["domain"]
    text = {"$toString": value}
    # 53 bits are what a double holds exactly.
    span = choose([(has_type(value, "int"), _long(2**31)), (has_type(value, "double"), _long(2**53))], _long(_MAX_LONG))
    new = {"$mod": ["$$n", "$$span"]}
    bumped = {"$mod": [{"$add": [new, 1]}, "$$span"]}
    other = {"$convert": {"input": {"$cond": [{"$eq": [new, value]}, bumped, new]}, "to": {"$type": value}}}
    number = _let({"n": key.number(text, domain), "span": span}, other)
    # Only JavaScript can make a UUID of computed bytes; a 64-bit digest stands for the old one, which has no text form.
    digest = {"$toString": {"$toHashedIndexKey": value}}
    uuid = {
        "$function": {
            "lang": "js",
            "args": [_hex(digest, 16, domain, key)],
            "body": "function(text) { return HexData(4, text); }",
        }
    }
    return [
        (_is_text(value), _hex(value, 16, domain, key)),
        (has_type(value, "objectId"), {"$toObjectId": _hex(text, 12, domain, key)}),
        (has_type(value, *_NUMBERS), number),
        (_is_uuid(value), uuid),
    ]


def _hash_constants(_options) -> dict:
    return {"hex": [f"{number:02x}" for number in range(256)]}


def _date_shift(value, options, key) -> Cases:
    most, domain = options["max_days"], options["domain"]

    def shifted(date: Expression, source: Expression) -> Expression:
        position = {"$subtract": [{"$mod": [key.number(source, domain), 2 * most]}, most]}
        # From -most to -1 and from 1 to most: nothing stays where it is.
        days = {"$cond": [{"$lt": ["$$days", 0]}, "$$days", {"$add": ["$$days", 1]}]}
        return _let({"days": position}, {"$add": [date, {"$multiply": [days, _DAY]}]})

    def in_range(date: Expression) -> Expression:
        return {"$and": [{"$gte": [date, _FIRST_DATE]}, {"$lt": [date, _LAST_DATE]}]}

    text = {"$substrBytes": [value, 0, 10]}
    parsed = {"$dateFromString": {"dateString": text, "format": "%Y-%m-%d", "onError": None}}
    is_iso = {
        "$and": [has_type(value, "string"), {"$regexMatch": {"input": value, "regex": _ISO_DATE}}, in_range(parsed)]
    }
    new_text = {"$dateToString": {"date": shifted(parsed, text), "format": "%Y-%m-%d"}}
    return [
        ({"$and": [has_type(value, "date"), in_range(value)]}, shifted(value, {"$toString": {"$toLong": value}})),
        (is_iso, {"$concat": [new_text, {"$substrBytes": [value, 10, -1]}]}),
    ]


def _text(value, _options, _key) -> Cases:
    kind = choose(
        [
            ({"$ne": [{"$arrayElemAt": ["$$this.captures", 0]}, None]}, "[email]"),
            ({"$ne": [{"$arrayElemAt": ["$$this.captures", 1]}, None]}, "[pan]"),
        ],
        "[number]",
    )
    step = {
        "text": {
            "$concat": [
                "$$value.text",
                {"$substrCP": [value, "$$value.read", {"$subtract": ["$$this.idx", "$$value.read"]}]},
                kind,
            ]
        },
        "read": {"$add": ["$$this.idx", {"$strLenCP": "$$this.match"}]},
    }
    reduced = {"$reduce": {"input": "$$found", "initialValue": {"text": "", "read": 0}, "in": step}}
    rest = {"$substrCP": [value, "$$done.read", {"$strLenCP": value}]}
    masked = _let({"done": reduced}, {"$concat": ["$$done.text", rest]})
    found = {"$regexFindAll": {"input": value, "regex": _FINDINGS}}
    replaced = choose(
        [({"$eq": ["$$found", []]}, value), ({"$gt": [{"$size": "$$found"}, _MAX_FINDINGS]}, REDACTED)], masked
    )
    # All findings hold one of these; looking for them first is cheap.
    suspect = {"$regexMatch": {"input": value, "regex": r"[@\p{Nd}]"}}
    return [(_is_text(value), {"$cond": [suspect, _let({"found": found}, replaced), value]})]


def _domain(name: str) -> dict[str, Option]:
    return {"domain": Option(str, name)}


MASKS: dict[str, Mask] = {
    mask.name: mask
    for mask in (
        Mask(
            name="keep",
            summary="Leaves the value, and everything below the path that no other rule names, as it is.",
            example="'open' -> 'open'",
            types=("any",),
            cases=_keep,
            keeps_unique=frozenset({"any"}),
            may_equal="always equals it",
            whole=True,
        ),
        Mask(
            name="email",
            summary="An address at example.com whose local part is a 64-bit pseudonym; case makes no difference.",
            example="'Asha.Rao@corp.in' -> 'p5817203948571203948@example.com'",
            types=("string",),
            cases=_email,
            options=_domain("email"),
            keeps_unique=frozenset({"string"}),
        ),
        Mask(
            name="name",
            summary="A name from a list, the same for the same name: `part` is first, last or full.",
            example="'Asha Rao' -> 'Meera Kulkarni'",
            types=("string",),
            cases=_name,
            options={"part": Option(str, "full", choices=("first", "last", "full")), **_domain("name")},
            constants=_name_constants,
        ),
        Mask(
            name="phone",
            summary="Other digits; the country code after + or 00, the format and the count of digits stay. Text that "
            "is not a phone number fails closed.",
            example="'+91 98765 43210' -> '+91 40271 86635'",
            types=("string", *_NUMBERS),
            cases=_phone,
            options=_domain("phone"),
        ),
        Mask(
            name="redact",
            summary="A constant of the same type: '[redacted]', 0, false, 1970-01-01, zero bytes of the same length, "
            "an ObjectId or UUID of zeros; a sub-document becomes {}.",
            example="'12 MG Road' -> '[redacted]'",
            types=("any",),
            cases=_redact,
            may_equal="a value that is the constant already (such as 0 or false) stays",
        ),
        Mask(
            name="null",
            summary="null in the place of any value; an array too is replaced as a whole.",
            example="'B+' -> null",
            types=("any",),
            cases=_null,
            whole=True,
        ),
        Mask(
            name="remove",
            summary="Takes the field away, whatever it holds.",
            example="{a: 1, b: 2} -> {a: 1}",
            types=("any",),
            cases=_remove,
            whole=True,
        ),
        Mask(
            name="hash",
            summary="Text becomes 32 hexadecimal characters (126 bits); an ObjectId, UUID or number becomes another of "
            "its type, not negative (an int has 31 bits, a double 53, others 63).",
            example="'ACC-1009' -> '5be1c0d3f2a94e7786b1d0c2a3f49e15'",
            types=("string", "objectId", "binData", *_NUMBERS),
            cases=_hash,
            options=_domain("hash"),
            keeps_unique=frozenset({"string", "objectId", "binData", "long", "decimal"}),
            constants=_hash_constants,
        ),
        Mask(
            name="digits",
            summary="Other digits; letters, punctuation and length stay. A number keeps its sign and count of digits. "
            "Text without a digit, or of more than 4,000 bytes, fails closed.",
            example="'4111 1111 1111 1111' -> '7203 9485 0017 3346'",
            types=("string", *_NUMBERS),
            cases=_digits,
            options=_domain("digits"),
        ),
        Mask(
            name="date_shift",
            summary="Moves a date, or the day of a text YYYY-MM-DD with or without a time, by 1 to `max_days` days "
            "back or forth; the time of day stays.",
            example="1984-03-17T00:00:00Z -> 1983-11-02T00:00:00Z",
            types=("date", "string"),
            cases=_date_shift,
            options={"max_days": Option(int, 365, minimum=1, maximum=3650), **_domain("date_shift")},
        ),
        Mask(
            name="text",
            summary="Within free text, e-mail addresses become [email], numbers of eight digits or more (seven after a "
            "plus, grouped or not) [number], Indian PANs [pan]; the rest stays. With more than 1,000 of them the whole "
            "text is redacted.",
            example="'call +91 98765 43210' -> 'call [number]'",
            types=("string",),
            cases=_text,
            may_equal="text in which nothing is found stays",
        ),
    )
}
