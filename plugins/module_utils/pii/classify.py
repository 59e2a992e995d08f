# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What is made of a path: personal, not personal, or for a human to decide, from its name and from its values."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.pii import vocabulary
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import DETECTORS
from ansible_collections.stagesync.aws.plugins.module_utils.pii.profile import Place, Values

MASK, KEEP, REVIEW = "mask", "keep", "review"

# Values that only look so by chance do it alone or seldom, not most of at least so many different ones.
_MANY, _MOST = 5, 0.7
_FEW_WORDS = 40
_NUMBERS = ("int", "long", "double", "decimal")

# The masks that suit a kind, best first; what the values' types and unique indexes rule out is passed over.
MASKS_OF = {
    "email": ("email",),
    "phone": ("phone",),
    "first_name": ("first_name",),
    "last_name": ("last_name",),
    "full_name": ("full_name",),
    "username": ("username",),
    "street": ("street",),
    "city": ("city",),
    "postal_code": ("postal_code",),
    "company": ("company",),
    "url": ("url",),
    "ipv4": ("ipv4",),
    "ipv6": ("ipv6",),
    "card": ("credit_card",),
    "iban": ("iban",),
    "account": ("format", "digits"),
    "aadhaar": ("aadhaar",),
    "pan": ("pan",),
    "ssn": ("ssn",),
    "national_id": ("format",),
    "birth_date": ("date_shift",),
    "age": ("age_band",),
    "geo": ("geo_fuzz",),
    "money": ("number_noise",),
    "device": ("hash",),
    "secret": ("redact",),
    "text": ("redact",),
    "special": ("redact",),
    "card_part": ("redact",),
}

# What a kind's values may be written in: another type says that the name means something else.
_TYPES_OF = {
    "email": ("string",), "first_name": ("string",), "last_name": ("string",), "full_name": ("string",),
    "street": ("string", *_NUMBERS), "city": ("string",), "company": ("string",), "username": ("string",),
    "birth_date": ("date", "string", *_NUMBERS), "phone": ("string", *_NUMBERS), "age": ("string", *_NUMBERS),
    "url": ("string",), "geo": ("string", *_NUMBERS), "money": ("string", *_NUMBERS), "card": ("string", *_NUMBERS),
    "iban": ("string",), "pan": ("string",), "name": ("string",), "text": ("string",), "ip": ("string", *_NUMBERS),
    "postal_code": ("string", *_NUMBERS), "account": ("string", *_NUMBERS), "aadhaar": ("string", *_NUMBERS),
}  # fmt: skip

_SAID = {
    "email": "an e-mail address", "phone": "a phone number", "first_name": "a first name", "last_name": "a last name",
    "full_name": "a person's name", "username": "a user's name", "street": "a street", "city": "a town",
    "postal_code": "a postal code", "company": "a company", "url": "a personal or secret address",
    "ip": "an IP address", "ipv4": "an IP address", "ipv6": "an IP address", "card": "a payment card",
    "card_part": "part of a payment card", "iban": "a bank account", "account": "an account", "aadhaar": "an Aadhaar",
    "pan": "a PAN", "ssn": "a social security number", "national_id": "an official identifier",
    "birth_date": "a birth date", "age": "an age", "geo": "a place", "money": "what somebody earns",
    "device": "a device", "secret": "a secret", "text": "free text", "special": "a sensitive attribute",
    "name": "a name",
}  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """What a detector found at a path: how many values, of how many, whether that can be no chance, and a shape."""

    detector: str
    count: int
    of: int
    certain: bool
    inside: bool
    example: str

    @property
    def share(self) -> float:
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True)
class Verdict:
    """`decision`: MASK, KEEP or REVIEW. `kind` says which masks suit. `why` is for a comment, without a value."""

    decision: str
    kind: str | None
    confidence: float
    why: str
    findings: tuple[Finding, ...] = field(default=())


def findings(values: Values | None) -> tuple[Finding, ...]:
    """Return what the values alone say, most telling first."""
    if values is None or not values.count:
        return ()
    found = []
    many = len(values.distinct) >= _MANY
    for name in {**values.strong, **values.weak}:
        strong, both = values.strong[name], values.strong[name] + values.weak[name]
        certain = both >= _MOST * values.count and many if not strong else _is_certain(name, strong, values)
        found.append(Finding(name, both, values.count, bool(certain), False, values.examples[name]))
    for name, count in values.inside.items():
        found.append(Finding(name, count, values.count, True, True, values.examples[name]))
    return tuple(sorted(found, key=lambda one: (not one.certain, one.inside, -one.count, one.detector)))


def _is_certain(name: str, strong: int, values: Values) -> bool:
    # Two names side by side are also a town, a firm or a title: only many of them tell.
    if name == "full_name":
        return strong >= 0.5 * values.count and len(values.distinct) >= _MANY
    return True


def classify(place: Place) -> Verdict:
    """Return the verdict on one path."""
    if place.is_keys:
        return _keys(place)
    node, values = place.node, place.values
    if node.points and node.points == node.objects:
        return Verdict(MASK, "geo", 0.99, "GeoJSON")
    hint = vocabulary.hint(place.path)
    if values is None or not values.count:
        return _nothing(place, hint)
    found = findings(values)
    types = {name for name in values.types if name not in ("null", "object", "array")}
    if node.pairs and types == {"double"}:
        return Verdict(MASK if hint and hint.kind == "geo" else REVIEW, "geo", 0.9, "pairs of coordinates", found)
    return (
        _by_values(values, found, hint) or _by_name(values, found, hint, types) or _by_type(place, values, found, types)
    )


def _keys(place: Place) -> Verdict:
    found = findings(place.values)
    if found and found[0].certain:
        first = found[0]
        kind = DETECTORS[first.detector].kind
        return Verdict(MASK, kind, 0.95, f"the names of this map's fields are {_many(first)}", found)
    if place.values is not None and place.values.texts:
        return Verdict(REVIEW, "text", 0.5, "the names of this map's fields are text", found)
    return Verdict(KEEP, None, 0.8, "the names of this map's fields are keys", found)


def _nothing(place: Place, hint: vocabulary.NameHint | None) -> Verdict:
    if hint and hint.sure and hint.kind in MASKS_OF and place.values is not None:
        return Verdict(MASK, hint.kind, 0.7, f"named like {_SAID[hint.kind]}; nothing but null or empty so far")
    return Verdict(MASK, "text", 0.6, "nothing but null or empty so far")


def _many(found: Finding) -> str:
    # Of a collection that grows a share says more than a count.
    said = DETECTORS[found.detector].summary.split(" (")[0]
    return f"{said} ({_percent(found.share)})"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.01 else "below 1%"


def _by_values(values: Values, found: tuple[Finding, ...], hint: vocabulary.NameHint | None) -> Verdict | None:
    """Where detectors are certain of most values, or of some: these need a human unless the name agrees."""
    certain = [one for one in found if one.certain]
    if not certain:
        return None
    first = certain[0]
    kind = DETECTORS[first.detector].kind
    agrees = hint is not None and hint.sure and _same(hint.kind, kind)
    if agrees:
        why = f"named so, and {_many(first)}" if first.share >= 0.5 else f"named like {_SAID[hint.kind]}"
        return Verdict(MASK, _finer(hint.kind, kind), 0.99, why, found)
    if first.inside or values.texts > 0.5 * values.count:
        why = ", ".join(
            f"{_percent(one.share)} with {DETECTORS[one.detector].summary.split(' (')[0]}" for one in certain[:3]
        )
        if hint is not None and hint.sure and hint.kind in MASKS_OF:
            return None
        return Verdict(REVIEW, "text", 0.8, f"free text, {why}: redact, or text where no names stand", found)
    if kind in ("first_name", "street") or first.detector == "full_name" and first.share < _MOST:
        if hint is not None and hint.sure:
            return None
        return Verdict(REVIEW, kind, 0.6, f"may be {_SAID[kind]}: {_many(first)}", found)
    if first.share >= _MOST or first.share >= 0.3 and len(certain) > 1:
        if first.share < 0.98 and len(certain) == 1 and (hint is None or not hint.sure):
            other = f"{_many(first)}; the rest is something else"
            return Verdict(REVIEW if first.share < 0.9 else MASK, kind, 0.9, other, found)
        return Verdict(MASK, kind, min(0.99, 0.7 + 0.3 * first.share), _many(first), found)
    if hint is not None and hint.sure:
        return None
    return Verdict(REVIEW, kind, 0.7, f"some values are {_many(first)}", found)


def _same(one: str, other: str) -> bool:
    """Whether a kind by name and one by value are of one family."""
    return one == other or any(one in family and other in family for family in _FAMILIES)


_FAMILIES = (
    {"first_name", "last_name", "full_name", "name", "username"},
    {"ip", "ipv4", "ipv6"},
    {"national_id", "pan", "aadhaar", "ssn"},
    {"iban", "account", "card"},
    {"email", "username"},
    {"secret", "url"},
)


def _finer(by_name: str, by_value: str) -> str:
    """The name knows which part of a person's name it is; the value knows the form of anything else."""
    if by_name in ("first_name", "last_name", "full_name", "secret"):
        return by_name
    return by_value


def _by_name(
    values: Values, found: tuple[Finding, ...], hint: vocabulary.NameHint | None, types: set[str]
) -> Verdict | None:
    if hint is None or types <= {"bool"}:
        return None
    kind = hint.kind
    allowed = _TYPES_OF.get(kind)
    if allowed is not None and not types & set(allowed):
        return None
    if kind == "ip":
        colons = values.strong["ipv6"] > values.strong["ipv4"]
        return Verdict(MASK, "ipv6" if colons else "ipv4", 0.8, "named like an IP address", found)
    if kind == "name":
        return _name(values, found)
    if kind == "text":
        return None if not types & {"string"} else _text(values, found)
    if kind == "age" and (values.high or 0) > 150:
        return None
    if kind == "geo" and values.low is not None and max(-values.low, values.high) > 180:
        return None
    if kind == "birth_date" and types <= set(_NUMBERS) and (values.high or 0) < 10_000:
        return Verdict(REVIEW, "age", 0.7, "named like a birth date, and a number: a year?", found)
    if not hint.sure:
        return Verdict(REVIEW, kind, 0.6, f"named like {_SAID[kind]}", found)
    return Verdict(MASK, kind, 0.85, f"named like {_SAID[kind]}", found)


def _name(values: Values, found: tuple[Finding, ...]) -> Verdict:
    people = sum(one.count for one in found if one.detector in ("full_name", "name"))
    share = people / values.count
    if share >= 0.5 and len(values.distinct) >= _MANY:
        two = sum(one.count for one in found if one.detector == "full_name") * 2 >= people
        kind = "full_name" if two else "first_name"
        return Verdict(MASK if two else REVIEW, kind, 0.6 + 0.3 * share, f"{_percent(share)} are people's names", found)
    return Verdict(REVIEW, "full_name", 0.5, "a name: of a person?", found)


def _text(values: Values, found: tuple[Finding, ...]) -> Verdict | None:
    if _few(values):
        return None
    return Verdict(REVIEW, "text", 0.5, "free text: redact, or text where no names stand", found)


def _few(values: Values) -> bool:
    """Whether the values are some few that come again and again, as those of a list to choose from do."""
    distinct = len(values.distinct)
    return distinct <= 2 and values.count >= 10 or distinct <= _FEW_WORDS and values.count >= 20 * distinct


def _by_type(place: Place, values: Values, found: tuple[Finding, ...], types: set[str]) -> Verdict:
    technical = vocabulary.is_technical(place.path)
    if types <= {"bool"}:
        return Verdict(KEEP, None, 0.99, "yes or no")
    if types <= {"objectId", "bool", "timestamp", "minKey", "maxKey"}:
        return Verdict(KEEP, None, 0.95, "an identifier that the database made")
    if types == {"date"}:
        return _date(place, values)
    if types <= set(_NUMBERS):
        return _number(place, values, found, technical)
    if types <= {"string", "bool", *_NUMBERS}:
        return _string(place, values, found, technical)
    if types == {"binData"}:
        return Verdict(REVIEW, "text", 0.5, "binary data: redact, hash or keep", found)
    return Verdict(REVIEW, "text", 0.5, f"values of several types or of a rare one: {', '.join(sorted(types))}", found)


def _date(place: Place, values: Values) -> Verdict:
    if values.old > 0.05 * values.count and values.old >= 3:
        return Verdict(REVIEW, "birth_date", 0.6, "dates from before 1995: birth dates?")
    if vocabulary.is_date_name(place.path):
        return Verdict(KEEP, None, 0.9, "a date of the application's own")
    return Verdict(REVIEW, "birth_date", 0.5, "a date that may tell of a person")


def _number(place: Place, values: Values, found: tuple[Finding, ...], technical: bool) -> Verdict:
    if place.path == ("_id",):
        return Verdict(KEEP, None, 0.8, "numbers that the application counts by", found)
    if found and found[0].certain:
        return Verdict(REVIEW, DETECTORS[found[0].detector].kind, 0.6, f"may be {_many(found[0])}", found)
    if technical or place.path[-1].startswith("__"):
        return Verdict(KEEP, None, 0.85, "a number of the application's own", found)
    if _few(values) and (values.high is None or abs(values.high) < 1000):
        return Verdict(KEEP, None, 0.8, "few different numbers", found)
    return Verdict(REVIEW, "money", 0.5, "a number that may tell of a person", found)


def _string(place: Place, values: Values, found: tuple[Finding, ...], technical: bool) -> Verdict:
    if values.ids == values.count and vocabulary.words_of(place.path[-1]).split(" ")[-1] in (
        "id",
        "ref",
        "uuid",
        "oid",
    ):
        return Verdict(KEEP, None, 0.8, "ObjectIds or UUIDs", found)
    people = sum(one.count for one in found if one.detector in ("full_name", "name"))
    if people >= 0.3 * values.count and len(values.distinct) >= _MANY:
        return Verdict(REVIEW, "full_name", 0.6, f"{_percent(people / values.count)} look like people's names", found)
    short = values.texts <= 0.2 * values.count
    if _few(values) and short and not found:
        return Verdict(KEEP, None, 0.9 if technical else 0.8, f"{len(values.distinct)} different values", found)
    if technical and short and not found and (len(values.distinct) < 200 or _is_slug(place)):
        return Verdict(KEEP, None, 0.75, "a value of the application's own", found)
    if not short:
        return Verdict(REVIEW, "text", 0.5, "free text: redact, or text where no names stand", found)
    return Verdict(REVIEW, "national_id", 0.5, "text that may tell of a person", found)


def _is_slug(place: Place) -> bool:
    return vocabulary.words_of(place.path[-1]).split(" ")[-1] in (
        "sku", "slug", "hash", "md5", "sha1", "sha256", "etag", "checksum", "tag", "tags", "version", "locale", "mime",
    )  # fmt: skip
