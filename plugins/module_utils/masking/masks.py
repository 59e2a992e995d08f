# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The masks that rules name: what each takes, promises and needs, and the program that the engine runs for it.

docs/masks.md and docs/rules.schema.json are generated from MASKS (tests/generate_docs.py).
"""

from __future__ import annotations

import bisect
import itertools
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking import (
    addresses,
    free_text,
    identifiers,
    measures,
    options,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking import programs as run
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import (
    parse_plain_path,
    parse_template,
    to_bson,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.options import Option
from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import LOCALES, WORDS, Words

REDACTED = "[redacted]"
DEFAULT_LOCALE = "en_IN"

SAME = "same"
# The result's type is what the options say: see Mask.result_types.
BY_OPTIONS = "by options"

_NUMBERS = ("int", "long", "double", "decimal")
# Types of which a value can open a stream.
_VALUES = ("string", *_NUMBERS, "bool", "date", "objectId", "binData")
_STAYS = (
    "Missing stays missing, null and '' stay. A value of another type or form is redacted and counted as unexpected."
)
_ANY = "Missing stays missing, null and '' stay. It takes every type."


class Key:
    """The secret that pseudonyms are made with; nothing that prints or pickles shows it."""

    __slots__ = ("secret",)

    def __init__(self, secret: bytes):
        if not isinstance(secret, bytes) or len(secret) != 32:
            raise ValueError("The masking key must be 32 bytes.")
        self.secret = secret

    @classmethod
    def random(cls) -> Key:
        """A new key of 256 random bits."""
        return cls(secrets.token_bytes(32))

    def domain(self, name: str) -> bytes:
        """The 32-byte key of one domain: fields of one domain give one original the same pseudonym."""
        return run.domain_key(self.secret, name)

    def __repr__(self) -> str:
        return "Key(…)"

    def __reduce__(self):
        raise TypeError("A masking key is not pickled: pass its bytes on deliberately.")


@dataclass(frozen=True)
class Mask:
    """One way to change a value.

    keeps_unique    BSON types on which different values stay different: the pseudonyms number 2**53 or more
    may_equal       None, or when a masked value may be its original
    gives           SAME (the original's type), BSON types of the result, or BY_OPTIONS
    whole           takes an array as one value instead of element by element
    """

    name: str
    summary: str
    example: str
    types: tuple[str, ...]
    program: Callable[[Mapping[str, Any]], run.Program]
    options: Mapping[str, Option] = field(default_factory=dict)
    keeps_unique: frozenset = frozenset()
    may_equal: str | None = None
    gives: Any = SAME
    whole: bool = False
    null_and_wrong_types: str = _STAYS
    # What else a reader should know: limits, sources.
    note: str = ""
    check: Callable[[Mapping[str, Any]], None] = lambda _options: None

    def unique(self, chosen: Mapping[str, Any]) -> frozenset:
        """`keeps_unique` under these options."""
        # One to one by the address and not by its spelling: "::1" and "0:0:0:0:0:0:0:1" become the same text.
        if chosen.get("keep") == "prefix":
            return frozenset()
        return self.keeps_unique

    def result_types(self, chosen: Mapping[str, Any]) -> frozenset | None:
        """BSON types of what the mask makes of a value that it takes; None for that of the original."""
        if self.gives == SAME:
            return None
        if self.gives != BY_OPTIONS:
            return frozenset(self.gives)
        given = chosen["values"] if "values" in chosen else [chosen["value"]] if "value" in chosen else []
        # Nothing is known of an expression's result.
        return frozenset(options.bson_type(value) for value in given) or frozenset({"any"})


def _words(chosen: Mapping[str, Any]) -> Words:
    return WORDS[chosen["locale"]]


def _ascii(word: str) -> str:
    """In lower case, without accents, letters only."""
    plain = unicodedata.normalize("NFKD", word.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return "".join(character for character in plain if character.isalpha())


# -- programs


def _email(chosen: Mapping[str, Any]) -> run.Program:
    if chosen["keep"] != "none":
        return run.PythonMask(addresses.email(chosen["keep"]), frozenset({"string"}))
    return run.Compose((run.Hex(addresses.LOCAL_PART), run.Literal("@example.com")), fold=True)


def _pick(name: str) -> Callable[[Mapping[str, Any]], run.Program]:
    return lambda chosen: run.Compose((run.Pick(getattr(_words(chosen), name)),), fold=True)


def _full_name(chosen: Mapping[str, Any]) -> run.Program:
    words = _words(chosen)
    return run.Compose((run.Pick(words.first_names), run.Literal(" "), run.Pick(words.last_names)), fold=True)


def _street(chosen: Mapping[str, Any]) -> run.Program:
    words = _words(chosen)
    before, after, street_first = words.house_number
    number = (run.Literal(before), run.Between(1, 199), run.Literal(after))
    street = (run.Pick(words.streets),)
    parts = street + number if street_first else number + street
    return run.Compose(tuple(part for part in parts if part != run.Literal("")), fold=True)


def _username(chosen: Mapping[str, Any]) -> run.Program:
    names = tuple(sorted({_ascii(name) for name in _words(chosen).first_names}))
    return run.Compose((run.Pick(names), run.Literal("."), run.Hex(16)))


def _ipv4(chosen: Mapping[str, Any]) -> run.Program:
    if chosen["keep"] == "prefix":
        return run.PythonMask(addresses.ip, frozenset({"string"}))
    numbers = [part for _byte in range(3) for part in (run.Literal("."), run.Between(0, 255))]
    return run.Compose((run.Literal("10"), *numbers))


def _ipv6(chosen: Mapping[str, Any]) -> run.Program:
    if chosen["keep"] == "prefix":
        return run.PythonMask(addresses.ip, frozenset({"string"}))
    groups = [part for _group in range(6) for part in (run.Literal(":"), run.Hex(4))]
    return run.Compose((run.Literal("2001:db8"), *groups))


def _date_shift(chosen: Mapping[str, Any]) -> run.Program:
    return run.DateShift(chosen["max_days"], _person(chosen))


def _person(chosen: Mapping[str, Any]) -> tuple[str, ...] | None:
    return None if chosen["person"] is None else parse_plain_path(chosen["person"])


def _choice(chosen: Mapping[str, Any]) -> run.Program:
    values = [to_bson(value) for value in chosen["values"]]
    weights = chosen["weights"] or [1] * len(values)
    limits = list(itertools.accumulate(round(weight * 1_000_000) for weight in weights))

    def function(value: Any, draw: identifiers.Opener) -> Any:
        return values[bisect.bisect_right(limits, draw(value).below(limits[-1]))]

    return run.PythonMask(function, frozenset(_VALUES), _person(chosen))


def _check_choice(chosen: Mapping[str, Any]) -> None:
    weights = chosen["weights"]
    if weights is not None and len(weights) != len(chosen["values"]):
        raise ValueError(f"has {len(chosen['values'])} values but {len(weights)} weights: give one weight a value")


def _python(function: Callable, *types: str) -> run.Program:
    return run.PythonMask(function, frozenset(types))


# -- the list


def _domain(name: str) -> dict[str, Option]:
    return {"domain": options.domain(name)}


def _locale() -> dict[str, Option]:
    return {"locale": options.choice(*LOCALES, default=DEFAULT_LOCALE, summary="whose words are taken")}


def _word_mask(name: str, summary: str, example: str, program: Callable, **more: Any) -> Mask:
    return Mask(
        name=name,
        summary=summary,
        example=example,
        types=("string",),
        program=program,
        options={**_locale(), **_domain(name)},
        **more,
    )


def _fixed(name: str, summary: str, example: str, program: run.Program, types: tuple[str, ...], **more: Any) -> Mask:
    return Mask(
        name=name,
        summary=summary,
        example=example,
        types=types,
        program=lambda _chosen: program,
        options=_domain(name),
        **more,
    )


_STRING = frozenset({"string"})
_FOLDED = "Case and surrounding spaces make no difference: 'Asha' and ' asha' become the same."

_LIST = (
    Mask(
        name="keep",
        summary="Leaves the value, and everything below the path that no other rule names, as it is.",
        example="'open' -> 'open'",
        types=("any",),
        program=lambda _chosen: run.Keep(),
        options={
            "personal": options.boolean(
                False, "what is personal here stays by a human's decision, and the scan after masking lets it pass"
            )
        },
        keeps_unique=frozenset({"any"}),
        may_equal="always equals it",
        whole=True,
        null_and_wrong_types="Everything stays.",
    ),
    Mask(
        name="email",
        summary="An address whose local part is a pseudonym of 80 bits; the domain is example.com, or what `keep` "
        "says.",
        example="'Asha.Rao@corp.in' -> '5be1c0d3f2a94e7786b1@example.com'",
        types=("string",),
        program=_email,
        options={
            "keep": options.choice(
                "none", "tld", "domain", default="none", summary="what stays: `tld` gives …@example.in"
            ),
            **_domain("email"),
        },
        keeps_unique=_STRING,
        note=f"{_FOLDED} Addresses that differ in nothing else are no longer different. With `keep`, text that is no "
        "address is redacted. A kept domain can name a person or a small company.",
    ),
    _word_mask("first_name", "A first name from a list.", "'Asha' -> 'Meera'", _pick("first_names"), note=_FOLDED),
    _word_mask("last_name", "A family name from a list.", "'Rao' -> 'Kulkarni'", _pick("last_names"), note=_FOLDED),
    _word_mask(
        "full_name",
        "A first name and a family name from lists.",
        "'Asha Rao' -> 'Meera Kulkarni'",
        _full_name,
        note=f"{_FOLDED} To make it agree with masked first and family names, take `template`.",
    ),
    _fixed(
        "phone",
        "Other digits; the country code after + or 00, the format and the count of digits stay.",
        "'+91 98765 43210' -> '+91 40271 86635'",
        run.Characters("phone"),
        ("string", *_NUMBERS),
        note="Text that is no phone number is redacted. The digits alone pick the pseudonym, in any format.",
    ),
    _word_mask(
        "street",
        "A house number and a street from a list.",
        "'12 MG Road' -> '87, Sengupta Marg'",
        _street,
        note=_FOLDED,
    ),
    _word_mask("city", "A town from a list.", "'Pune' -> 'Bhopal'", _pick("cities"), note=_FOLDED),
    _fixed(
        "postal_code",
        "Other letters and digits in the same places; a number keeps its count of digits.",
        "'SW1A 1AA' -> 'KD4T 7QW'",
        run.Characters("format"),
        ("string", *_NUMBERS),
    ),
    _word_mask(
        "company",
        "A company's name from a list.",
        "'Rao Textiles' -> 'Gupta, Mitter and Mander'",
        _pick("companies"),
        note=_FOLDED,
    ),
    _word_mask(
        "username",
        "A first name and a pseudonym of 64 bits.",
        "'asha_rao84' -> 'meera.9c1f04b2a7d3e856'",
        _username,
        keeps_unique=_STRING,
    ),
    _fixed(
        "url",
        "An address at example.com whose path is a pseudonym of 80 bits.",
        "'https://corp.in/asha?t=1' -> 'https://example.com/5be1c0d3f2a94e7786b1'",
        run.Compose((run.Literal("https://example.com/"), run.Hex(20))),
        ("string",),
        keeps_unique=_STRING,
    ),
    Mask(
        name="ipv4",
        summary="An address in the private range 10.0.0.0/8; with `keep: prefix`, any address of the original's "
        "family.",
        example="'203.0.113.9' -> '10.84.201.17'",
        types=("string",),
        program=_ipv4,
        options={
            "keep": options.choice(
                "none", "prefix", default="none", summary="`prefix`: who shared a network still does"
            ),
            **_domain("ipv4"),
        },
        note="`keep: prefix` is the construction of Crypto-PAn (Xu, Fan, Ammar, Moon, ICNP 2002): two addresses share "
        "as many leading bits after masking as before. It takes IPv4, IPv6 and networks (10.0.0.0/8), and redacts "
        "all else. Two spellings of one address become the same text, so that a unique index is refused. Who knows "
        "some originals learns something of their neighbours.",
    ),
    Mask(
        name="ipv6",
        summary="An address in the documentation range 2001:db8::/32; with `keep: prefix`, any address of the "
        "original's family.",
        example="'2a02:8109::1' -> '2001:db8:5be1:c0d3:f2a9:4e77:86b1:d0c2'",
        types=("string",),
        program=_ipv6,
        options={
            "keep": options.choice(
                "none", "prefix", default="none", summary="`prefix`: who shared a network still does"
            ),
            **_domain("ipv6"),
        },
        keeps_unique=_STRING,
        note="`keep: prefix` is that of ipv4, and does not stay unique.",
    ),
    _fixed(
        "uuid",
        "Another random UUID (version 4), in the original's form.",
        "'c0ffee00-1234-4abc-8def-000000000001' -> '5be1c0d3-f2a9-4e77-86b1-d0c2a3f49e15'",
        run.Uuid(),
        ("string", "binData"),
        keeps_unique=frozenset({"string", "binData"}),
        note="Its binary and its text form get the same pseudonym.",
    ),
    Mask(
        name="object_id",
        summary="Another ObjectId, or its 24 hexadecimal digits as text.",
        example="64b7f1f77bcf86cd79943901 -> 5be1c0d3f2a94e7786b1d0c2",
        types=("objectId", "string"),
        program=lambda chosen: run.ObjectIdentifier(chosen["keep_timestamp"]),
        options={
            "keep_timestamp": options.boolean(False, "whether the seconds of its creation stay"),
            **_domain("object_id"),
        },
        keeps_unique=frozenset({"objectId", "string"}),
        note="Its two forms get the same pseudonym.",
    ),
    _fixed(
        "hash",
        "Text becomes 32 hexadecimal digits (128 bits); an ObjectId, binary data or a number another of its type and "
        "length, not negative (an int has 31 bits, a double 53, a long and a decimal 63).",
        "'ACC-1009' -> '5be1c0d3f2a94e7786b1d0c2a3f49e15'",
        run.Pseudonym(),
        ("string", "objectId", "binData", *_NUMBERS),
        keeps_unique=frozenset({"string", "objectId", "binData", "long", "decimal"}),
        note="Binary data of fewer than eight bytes does not stay unique.",
    ),
    _fixed(
        "digits",
        "Other digits; letters, punctuation and length stay. A number keeps its sign and count of digits.",
        "'ORD-2024/0017' -> 'ORD-7203/9485'",
        run.Characters("digits"),
        ("string", *_NUMBERS),
        note="Text without a digit is redacted. Letters get out as they are: take `format` where they say anything.",
    ),
    _fixed(
        "format",
        "Each letter becomes another letter, each digit another digit; case, punctuation and length stay.",
        "'AB-1009/x' -> 'QK-7203/m'",
        run.Characters("format"),
        ("string", *_NUMBERS),
    ),
    Mask(
        name="credit_card",
        summary="A card number of 12 to 19 digits with a right check digit (Luhn), beginning as the test numbers of "
        "its network do.",
        example="'4929 1234 5678 9012' -> '4111 1172 0394 8506'",
        types=("string", *_NUMBERS),
        program=lambda chosen: _python(identifiers.credit_card(chosen["keep_bin"]), "string", *_NUMBERS),
        options={
            "keep_bin": options.boolean(False, "whether the first six digits, the issuer's, stay"),
            **_domain("credit_card"),
        },
        note="Separators stay. Beginnings: the test cards that Stripe and Adyen publish. Spaced or not, text or "
        "number, a card gets the same pseudonym.",
    ),
    _fixed(
        "iban",
        "Another account number of the same country and form whose check digits are right.",
        "'DE89 3704 0044 0532 0130 00' -> 'DE37 7203 9485 0017 3346 81'",
        _python(identifiers.iban, "string"),
        ("string",),
        note="National check digits inside the account are not made right.",
    ),
    _fixed(
        "aadhaar",
        "Twelve digits with a right check digit (Verhoeff) that begin with 0 or 1, which UIDAI never issues.",
        "'2345 6789 0124' -> '1072 0394 8506'",
        _python(identifiers.aadhaar, "string", *_NUMBERS),
        ("string", *_NUMBERS),
        note="A number begins with 1. Any twelve digits are taken; their own check digit need not be right.",
    ),
    _fixed(
        "pan",
        "Another Indian PAN of the same form; the fourth letter, the kind of holder, stays.",
        "'ABCPE1234F' -> 'QKWPM7203T'",
        _python(identifiers.pan, "string"),
        ("string",),
        note="There are too few pseudonyms to stay unique: take `hash` under a unique index.",
    ),
    _fixed(
        "ssn",
        "A United States social security number from area 900 to 999 with a group from 40 to 49.",
        "'078-05-1120' -> '953-47-4081'",
        _python(identifiers.ssn, "string", *_NUMBERS),
        ("string", *_NUMBERS),
        note="The Social Security Administration never assigns areas 900 to 999 (SSA POMS RM 10201.035); the tax "
        "office's numbers there (ITIN, ATIN, IRSN) have other groups.",
    ),
    Mask(
        name="date_shift",
        summary="Moves a date, or the day of a text YYYY-MM-DD with or without a time, by 1 to `max_days` days back or "
        "forth; the time of day stays.",
        example="1984-03-17T00:00:00Z -> 1983-11-02T00:00:00Z",
        types=("date", "string"),
        program=_date_shift,
        options={
            "max_days": options.whole(1, 3650, 365, "how far at most"),
            "person": options.path("the field whose value picks the shift, so that all dates of a person move alike"),
            **_domain("date_shift"),
        },
        note="Without `person`, the moment itself picks the shift, as date or as text (UTC, or the zone it names): "
        "equal moments move alike, spans do not stay. With it, a date whose document lacks that field is redacted.",
    ),
    Mask(
        name="date_truncate",
        summary="The first day of the year or month, or midnight (UTC) of the day, of a date or a text YYYY-MM-DD.",
        example="1984-03-17T05:06:07Z -> 1984-01-01T00:00:00Z",
        types=("date", "string"),
        program=lambda chosen: _python(measures.date_truncate(chosen["unit"]), "date", "string"),
        options={"unit": options.choice(*measures.UNITS, default="year", summary="what stays of the date")},
        may_equal="a date that begins its unit already",
    ),
    Mask(
        name="age_band",
        summary="An age becomes the beginning of its band (as text, the band), a birth date the first day of its band "
        "of years.",
        example="37 -> 30, '37' -> '30-39', 1984-03-17 -> 1980-01-01",
        types=(*_NUMBERS, "string", "date"),
        program=lambda chosen: _python(measures.age_band(chosen["width"], chosen["top"]), "string", "date", *_NUMBERS),
        options={
            "width": options.whole(2, 50, 10, "years in a band"),
            "top": options.whole(10, 150, 90, "ages from here on are one band"),
        },
        may_equal="an age or a birth date that begins its band already",
        note="`top` is 90 as in the HIPAA safe harbor (45 CFR 164.514); it does not apply to birth dates.",
    ),
    Mask(
        name="number_noise",
        summary="Multiplies by something between 1 - `percent`/100 and 1 + `percent`/100; the type stays.",
        example="52000 -> 49871",
        types=_NUMBERS,
        program=lambda chosen: _python(measures.number_noise(chosen["percent"]), *_NUMBERS),
        options={
            "percent": options.number(0.01, 100, 10, "the most that is added or taken"),
            **_domain("number_noise"),
        },
        may_equal="zero, and numbers so small that the noise rounds to nothing",
        note="The same number gets the same noise, so that averages over repetitions tell nothing more.",
    ),
    Mask(
        name="number_round",
        summary="The nearest multiple of `to`; the type stays.",
        example="51873 -> 51900 (to: 100)",
        types=_NUMBERS,
        program=lambda chosen: _python(measures.number_round(chosen["to"]), *_NUMBERS),
        options={"to": options.number(0.000001, 1_000_000_000, 10, "the step")},
        may_equal="a multiple already",
    ),
    Mask(
        name="geo_fuzz",
        summary="Moves a place to another within `radius` metres: GeoJSON Point or MultiPoint, [longitude, latitude], "
        "{lat, lng}, arrays of these, or the coordinates of a Point.",
        example="[72.8777, 19.076] -> [72.871904, 19.079211]",
        types=("object", "array"),
        program=lambda chosen: _python(measures.geo_fuzz(chosen["radius"]), "object", "array"),
        options={"radius": options.number(1, 1_000_000, 1000, "metres"), **_domain("geo_fuzz")},
        may_equal="an array without a place",
        whole=True,
        note="Even over the disc. The result is a valid place at the poles and on both sides of the date line too. "
        "The same place moves the same way each time. Other fields beside the coordinates make it redacted; a height "
        "is left out.",
    ),
    Mask(
        name="text",
        summary="Within free text, e-mail addresses, phone and other long numbers (eight digits or more, seven after a "
        "plus), cards, Aadhaar, PAN, IBAN, URLs with a path, IP addresses and access tokens become tags; the rest "
        "stays.",
        example="'call +91 98765 43210' -> 'call [phone]'",
        types=("string",),
        program=lambda _chosen: _python(free_text.text, "string"),
        may_equal="text in which nothing is found",
        note="It finds no names: take `redact` where names may stand. Tags: [email] [phone] [number] [card] [aadhaar] "
        "[pan] [iban] [url] [ip] [token].",
    ),
    Mask(
        name="constant",
        summary="One value in the place of any other; an array too is replaced as a whole.",
        example="'B+' -> 'unknown' (value: unknown)",
        types=("any",),
        program=lambda chosen: run.Constant(to_bson(chosen["value"])),
        options={"value": options.value("the value; a mapping or a list too")},
        may_equal="a value that is the constant already",
        gives=BY_OPTIONS,
        whole=True,
        null_and_wrong_types="Missing stays missing; null and every type are replaced.",
    ),
    Mask(
        name="null",
        summary="null in the place of any value; an array too is replaced as a whole.",
        example="'B+' -> null",
        types=("any",),
        program=lambda _chosen: run.Null(),
        gives=("null",),
        whole=True,
        null_and_wrong_types="Missing stays missing; every type is replaced.",
    ),
    Mask(
        name="remove",
        summary="Takes the field away, whatever it holds.",
        example="{a: 1, b: 2} -> {a: 1}",
        types=("any",),
        program=lambda _chosen: run.Remove(),
        gives=("missing",),
        whole=True,
        null_and_wrong_types="null and every type are taken away.",
    ),
    Mask(
        name="redact",
        summary="A constant of the same type: '[redacted]', 0, false, 1970-01-01, zero bytes of the same length, an "
        "ObjectId of zeros; a sub-document becomes {}.",
        example="'12 MG Road' -> '[redacted]'",
        types=("any",),
        program=lambda _chosen: run.Redact(),
        may_equal="a value that is the constant already (such as 0 or false)",
        null_and_wrong_types=_ANY,
    ),
    Mask(
        name="choice",
        summary="One of `values`, as often as `weights` say.",
        example="'f' -> 'x' (values: [f, m, x])",
        types=_VALUES,
        program=_choice,
        options={
            "values": options.values("what is chosen from"),
            "weights": options.weights("how often each value is taken, one a value; all alike by default"),
            "person": options.path("the field that the choice depends on, with the value", "_id"),
            **_domain("choice"),
        },
        may_equal="the value may be chosen by chance, else it would be known to be another",
        gives=BY_OPTIONS,
        check=_check_choice,
    ),
    Mask(
        name="template",
        summary="Text with the masked values of other fields of the document: {path} stands for one, {{ and }} for "
        "braces.",
        example="'Asha Rao' -> 'Meera Kulkarni' (template: '{name.first} {name.last}')",
        types=("any",),
        program=lambda chosen: run.Template(parse_template(chosen["template"])),
        options={"template": options.template("the text")},
        may_equal="where the fields that it is made of are kept",
        gives=("string",),
        whole=True,
        null_and_wrong_types="Missing stays missing, null and '' stay; every type is replaced. A field that is "
        "missing or null gives no text.",
        note="The fields must have rules of their own, be no templates, and not lie in an array or below `*`.",
    ),
    Mask(
        name="expr",
        summary="Your own aggregation expression, computed by the source server from the original document.",
        example="{first: 'Asha', age: 37} -> 30 (expression: {$subtract: [$age, {$mod: [$age, 10]}]})",
        types=("any",),
        program=lambda _chosen: run.Keep(),
        options={"expression": options.expression("an aggregation expression")},
        may_equal="whatever the expression gives",
        gives=BY_OPTIONS,
        whole=True,
        null_and_wrong_types="Missing stays missing; all else is what the expression makes of it.",
        note="Nothing checks that the result hides anything. It cannot run JavaScript, read other collections, or "
        "depend on chance or the clock; the path may not hold `*`, and names with a dot or a dollar.",
    ),
)

MASKS: dict[str, Mask] = {mask.name: mask for mask in _LIST}
