"""Every mask: what it makes of values, what it refuses, and what it promises of itself."""

from __future__ import annotations

import copy
import datetime
import ipaddress
import itertools
import math
import pickle
import random
import re

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking import (
    free_text,
    identifiers,
    measures,
    options,
    programs,
)
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS, REDACTED, Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import to_bson
from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import LOCALES, WORDS
from bson import Binary, Decimal128, Int64, ObjectId
from bson.datetime_ms import DatetimeMS

KEY = Key(bytes(range(32)))
DAY = datetime.datetime(1984, 3, 17, 5, 6, 7)
EPOCH = DatetimeMS(0)
UUID = Binary(bytes.fromhex("c0ffee0012344abc8def000000000001"), 4)


def at(*values) -> DatetimeMS:
    return DatetimeMS(datetime.datetime(*values))


def opener(domain: str):
    """What the engine hands to a Python mask: `draw(value)`."""
    return lambda value: programs.Draw(KEY.domain(domain), programs.canonical(value))


MASKED = [
    # rule, value, regular expression of the result or the result itself
    ("email", "Asha.Rao@corp.in", r"[0-9a-f]{20}@example\.com"),
    ("email", "no address", r"[0-9a-f]{20}@example\.com"),
    ("{mask: email, keep: tld}", "Asha.Rao@corp.co.in", r"[0-9a-f]{20}@example\.in"),
    ("{mask: email, keep: domain}", " Asha.Rao@Corp.co.in ", r"[0-9a-f]{20}@corp\.co\.in"),
    ("{mask: email, keep: domain}", "ünï@exämple.in", r"[0-9a-f]{20}@exämple\.in"),
    ("first_name", "Asha", r"[A-Z][a-z]+"),
    ("last_name", "राव", r"[A-Z][a-z]+"),
    ("full_name", "Asha Rao", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ("phone", "+91 98765 43210", r"\+91 \d{5} \d{5}"),
    ("phone", "(022) 2345-6789 ext 12", r"\(\d{3}\) \d{4}-\d{4} ext \d\d"),
    ("street", "12 MG Road", r"\d{1,3}, [A-Z].+"),
    ("{mask: street, locale: de_DE}", "Ringstraße 1", r"\D+ \d{1,3}"),
    ("city", "Pune", r"[A-Z][A-Za-z ]+"),
    ("postal_code", "SW1A 1AA", r"[A-Z]{2}\d[A-Z] \d[A-Z]{2}"),
    ("postal_code", 411001, r"\d{6}"),
    ("company", "Rao Textiles", r"[A-Z].+"),
    ("username", "asha_rao84", r"[a-z]+\.[0-9a-f]{16}"),
    ("{mask: username, locale: fr_FR}", "asha_rao84", r"[a-z]+\.[0-9a-f]{16}"),
    ("url", "https://corp.in/asha?t=1", r"https://example\.com/[0-9a-f]{20}"),
    ("ipv4", "203.0.113.9", r"10(\.\d{1,3}){3}"),
    ("ipv6", "2a02:8109::1", r"2001:db8(:[0-9a-f]{4}){6}"),
    ("{mask: ipv4, keep: prefix}", "10.20.0.0/16", r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}/16"),
    ("{mask: ipv4, keep: prefix}", "::ffff:1.2.3.4", r"::ffff:(\d{1,3}\.){3}\d{1,3}"),
    ("{mask: ipv6, keep: prefix}", "2a02:8109::1", r"[0-9a-f:]+"),
    (
        "uuid",
        "C0FFEE00-1234-4ABC-8DEF-000000000001",
        r"[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}",
    ),
    ("object_id", "64b7f1f77bcf86cd79943901", r"[0-9a-f]{24}"),
    ("{mask: object_id, keep_timestamp: true}", "64b7f1f77bcf86cd79943901", r"64b7f1f7[0-9a-f]{16}"),
    ("hash", "ACC-1009", r"[0-9a-f]{32}"),
    ("digits", "ORD-2024/0017", r"ORD-\d{4}/\d{4}"),
    ("format", "AB-1009/x", r"[A-Z]{2}-\d{4}/[a-z]"),
    ("credit_card", "4929 1234 5678 9012", r"4111 11\d\d \d{4} \d{4}"),
    ("credit_card", "5412-7512-3412-3456", r"5555-55\d\d-\d{4}-\d{4}"),
    ("credit_card", "371111111111114", r"378282\d{9}"),
    ("credit_card", Int64(4929123456789012), r"411111\d{10}"),
    ("{mask: credit_card, keep_bin: true}", "4929 1234 5678 9012", r"4929 12\d\d \d{4} \d{4}"),
    ("iban", "DE89 3704 0044 0532 0130 00", r"DE\d\d( \d{4}){4} \d\d"),
    ("iban", "gb82-WEST-1234-5698-7654-32", r"GB\d\d-[A-Z]{4}(-\d{4}){3}-\d\d"),
    ("aadhaar", "2345 6789 0124", r"[01]\d{3} \d{4} \d{4}"),
    ("aadhaar", Int64(234567890124), r"1\d{11}"),
    ("pan", "ABCPE1234F", r"[A-Z]{3}P[A-Z]\d{4}[A-Z]"),
    ("pan", "abcpe 1234 f", r"[a-z]{3}p[a-z] \d{4} [a-z]"),
    ("ssn", "078-05-1120", r"9\d\d-4\d-\d{4}"),
    ("ssn", "123456789", r"9\d\d4\d{5}"),
    ("{mask: date_shift, max_days: 30}", "1984-03-17T05:06:07Z", r"1984-0[234]-\d\dT05:06:07Z"),
    ("date_truncate", DAY, at(1984, 1, 1)),
    ("{mask: date_truncate, unit: month}", DAY, at(1984, 3, 1)),
    ("{mask: date_truncate, unit: day}", DAY, at(1984, 3, 17)),
    ("date_truncate", datetime.datetime(1969, 12, 31, 23), at(1969, 1, 1)),
    ("date_truncate", "1984-03-17", "1984-01-01"),
    ("{mask: date_truncate, unit: day}", "1984-03-17T05:06:07.123+05:30", "1984-03-17T00:00:00.000+05:30"),
    ("age_band", 37, 30),
    ("age_band", 37.5, 30.0),
    ("age_band", Int64(93), Int64(90)),
    ("age_band", Decimal128("41"), Decimal128("40")),
    ("{mask: age_band, width: 5}", "37", "35-39"),
    ("age_band", "104", "90+"),
    ("{mask: age_band, width: 20}", "85", "80-89"),
    ("age_band", DAY, at(1980, 1, 1)),
    ("age_band", "1984-03-17", "1980-01-01"),
    ("number_round", 51873, 51870),
    ("{mask: number_round, to: 100}", Int64(-51873), Int64(-51900)),
    ("{mask: number_round, to: 0.05}", 3.72, 3.7),
    ("{mask: number_round, to: 0.5}", Decimal128("3.72"), Decimal128("3.5")),
    ("{mask: number_round, to: 1000000000}", 2147483647, 2000000000),
    ("text", "call +91 98765 43210", "call [phone]"),
    ("{mask: constant, value: {a: [1, x]}}", ["anything"], {"a": [1, "x"]}),
    ("{mask: constant, value: {$oid: 64b7f1f77bcf86cd79943901}}", 1, ObjectId("64b7f1f77bcf86cd79943901")),
    ("{mask: constant, value: 2024-01-01}", None, at(2024, 1, 1)),
    ("{mask: choice, values: [f, m, x]}", "f", r"[fmx]"),
    ("{mask: choice, values: [1, 2], weights: [0, 3]}", 1, 2),
    ("'null'", ["Asha", 1], None),
    ("remove", None, "MISSING"),
    ("keep", {"b": [1, None], "a": ""}, {"b": [1, None], "a": ""}),
    ("{mask: expr, expression: {$toUpper: $x}}", "computed by the server", "computed by the server"),
]


@pytest.mark.parametrize(("rule", "value", "expected"), MASKED)
def test_masked_value(masking, rule, value, expected):
    masked = masking.one(rule, value)
    if isinstance(expected, str) and expected != "MISSING":
        assert re.fullmatch(expected, str(masked)) or masked == expected
        assert type(masked) is type(value) or isinstance(value, Int64)
    else:
        assert masked == expected
        assert type(masked) is type(expected)
    name = re.search(r"mask: (\w+)|(\w+)", rule).group(1) or rule.strip("'")
    if not MASKS[name].may_equal:
        assert masked != value
    assert masking.counts().get("value", (1, 0))[1] == 0


REFUSED = [
    ("{mask: email, keep: tld}", "asha.rao@localhost", REDACTED),
    ("{mask: email, keep: tld}", "Mr. Asha Rao", REDACTED),
    ("{mask: email, keep: domain}", "home @ Asha Rao, 98765", REDACTED),
    ("{mask: email, keep: domain}", "a@b@Asha Rao.in", REDACTED),
    ("email", 5, 0),
    ("full_name", {"first": "Asha"}, {}),
    ("phone", "call Asha 98765 43210", REDACTED),
    ("{mask: ipv4, keep: prefix}", "203.0.113.999", REDACTED),
    ("{mask: ipv4, keep: prefix}", "10.0.0.0/33", REDACTED),
    ("{mask: ipv6, keep: prefix}", "fe80::1%asha", REDACTED),
    ("uuid", "asha", REDACTED),
    ("object_id", "64b7f1f7", REDACTED),
    ("credit_card", "4929 XXXX XXXX 9012", REDACTED),
    ("credit_card", "49291234", REDACTED),
    ("credit_card", 492912345678.5, 0.0),
    ("credit_card", Decimal128("1E+100"), Decimal128("0")),
    ("credit_card", float("nan"), 0.0),
    ("iban", "DE89", REDACTED),
    ("iban", "Asha Rao 98765 43210 98765", REDACTED),
    ("aadhaar", "2345 6789 012", REDACTED),
    ("aadhaar", 12345, 0),
    ("pan", "ABCP1234F", REDACTED),
    ("ssn", "078-05-112", REDACTED),
    ("date_shift", "17/03/1984", REDACTED),
    ("date_truncate", "17/03/1984", REDACTED),
    ("date_truncate", "1984-13-17", REDACTED),
    ("date_truncate", "1984-02-31", REDACTED),
    ("date_truncate", "1983-02-29T10:00:00Z", REDACTED),
    ("age_band", "1984-02-31", REDACTED),
    ("age_band", "1984-04-00", REDACTED),
    ("date_truncate", "1984-03-17 Asha", REDACTED),
    ("date_truncate", DatetimeMS(2**62), EPOCH),
    ("age_band", "about 40", REDACTED),
    ("age_band", -1, 0),
    ("number_noise", "52000", REDACTED),
    ("number_noise", float("inf"), 0.0),
    ("number_round", Decimal128("NaN"), Decimal128("0")),
    ("geo_fuzz", [200.0, 19.0], [0.0, 0.0]),
    ("geo_fuzz", {"type": "Point", "coordinates": [72.8, 19.0], "name": "home"}, {}),
    ("geo_fuzz", {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [0, 0]]]}, {}),
    ("geo_fuzz", {"lat": 1.0, "lng": 2.0, "label": "home"}, {}),
    ("geo_fuzz", "19.0, 72.8", REDACTED),
    ("{mask: choice, values: [f, m]}", {"a": 1}, {}),
    ("text", 98765, 0),
]


@pytest.mark.parametrize(("rule", "value", "expected"), REFUSED)
def test_what_a_mask_does_not_take_is_redacted_and_counted(masking, rule, value, expected):
    masked = masking.one(rule, value)
    assert masked == expected
    assert type(masked) is type(expected)
    assert masking.counts()["value"] == (0, 1)


# The options that a mask cannot do without.
NEEDED = {"choice": "values: [1, 2]", "constant": "value: x", "template": 'template: "{_id}"', "expr": "expression: $x"}


@pytest.mark.parametrize(
    "mask", [name for name in MASKS if name not in ("keep", "null", "remove", "constant", "template")]
)
def test_nothing_stays_nothing(masking, mask):
    rule = f"{{mask: {mask}, {NEEDED[mask]}}}" if mask in NEEDED else mask
    documents = [{}, {"value": None}, {"value": ""}, {"value": []}, {"value": [None, "", []]}]
    assert masking(f"value: {rule}", *copy.deepcopy(documents)) == documents


SHAPED = ("phone", "postal_code", "uuid", "digits", "format", "credit_card", "iban", "aadhaar", "pan", "ssn")


@pytest.mark.parametrize("name", [name for name in MASKS if name not in ("template", "expr")])
def test_every_example_is_true(masking, name):
    """An example's first value, where it is plain text, is taken; where the form stays, the example says so too."""
    found = re.match(r"'([^']*)' -> '([^']*)'(?: \((.*)\))?", MASKS[name].example)
    if not found:
        return
    value, promised, given = found.groups()
    masked = masking.one(f"{{mask: {name}, {given}}}" if given else name, value)
    assert masking.counts().get("value", (1, 0)) == (1, 0)
    if name in SHAPED:
        shapes = [re.sub("[0-9]", "9", text) if name != "uuid" else len(text) for text in (masked, promised, value)]
        shapes = [re.sub("[a-z]", "a", re.sub("[A-Z]", "A", str(shape))) for shape in shapes]
        assert len(set(shapes)) == 1


@pytest.mark.parametrize("name", MASKS)
def test_a_mask_says_all_that_a_reader_needs(name):
    mask = MASKS[name]
    assert mask.name == name
    assert all((mask.summary, mask.example, mask.types, mask.null_and_wrong_types))
    assert mask.keeps_unique <= {*mask.types}
    for option in mask.options.values():
        assert option.summary
        assert option.describe
        # A default passes its own check; None stands for an option left out.
        assert option.required or option.default is None or option.check(option.default) == option.default


@pytest.mark.parametrize(
    "rule", ["email", "{mask: email, keep: tld}", "username", "url", "hash", "ipv6", "uuid", "object_id"]
)
def test_different_texts_stay_different(masking, rule):
    values = {
        "uuid": lambda number: f"{number:032x}",
        "object_id": lambda number: f"{number:024x}",
    }.get(rule, lambda number: f"asha{number}@corp.in")
    documents = [{"_id": number, "value": values(number)} for number in range(1, 20_000)]
    masked = masking(f"value: {rule}", *documents)
    assert len({document["value"] for document in masked}) == len(documents)


def test_a_mask_that_keeps_text_unique_has_room_for_it():
    """2**53 pseudonyms at least, by the random parts of what is composed."""
    for name, mask in MASKS.items():
        if "string" not in mask.keeps_unique or name == "keep":
            continue
        program = mask.program({key: option.default for key, option in mask.options.items()})
        if isinstance(program, programs.Compose):
            bits = sum(4 * part.characters for part in program.parts if isinstance(part, programs.Hex))
            assert bits >= 53, name


@pytest.mark.parametrize("locale", LOCALES)
def test_words_of_a_locale(masking, locale):
    words = WORDS[locale]
    lists = (words.first_names, words.last_names, words.cities, words.streets, words.companies)
    for items in lists:
        assert len(set(items)) == len(items) >= 50
        assert all(item == item.strip() and item for item in items)
    assert masking.one(f"{{mask: first_name, locale: {locale}}}", "Asha") in words.first_names
    assert masking.one(f"{{mask: city, locale: {locale}}}", "Pune") in words.cities
    street = masking.one(f"{{mask: street, locale: {locale}}}", "12 MG Road")
    assert any(item in street for item in words.streets)


# -- the same person


def test_forms_of_one_identifier_get_one_pseudonym(masking):
    for mask, forms in {
        "credit_card": ("4929 1234 5678 9012", "4929123456789012", 4929123456789012, 4929123456789012.0),
        "phone": ("98765 43210", "98765-43210", "9876543210"),
        "ssn": ("123-45-6789", "123456789", 123456789),
        "aadhaar": ("2345 6789 0124", "2345-6789-0124"),
    }.items():
        masked = [masking.one(mask, form) for form in forms]
        assert (
            len({re.sub(r"\D", "", f"{value:.0f}" if isinstance(value, float) else str(value)) for value in masked})
            == 1
        )
    plain = masking.one("iban", "DE89370400440532013000")
    assert masking.one("iban", "DE89 3704 0044 0532 0130 00").replace(" ", "") == plain
    for rule in ("email", "{mask: email, keep: domain}"):
        assert masking.one(rule, "Asha@Corp.in ") == masking.one(rule, "asha@corp.in")
    assert (
        masking.one("uuid", "c0ffee00-1234-4abc-8def-000000000001").replace("-", "") == masking.one("uuid", UUID).hex()
    )
    local = [
        masking.one(f"{{mask: email, keep: {keep}}}", "asha@corp.in").split("@")[0]
        for keep in ("none", "tld", "domain")
    ]
    assert len(set(local)) == 1


def test_domains_part_and_join(masking):
    values = [
        masking.one(rule, "asha@corp.in")
        for rule in ("email", "{mask: email, domain: person}", "{mask: email, domain: person}")
    ]
    assert values[0] != values[1] == values[2]
    assert masking.one("email", "asha@corp.in", secret=bytes(32)) != values[0]


def test_dates_of_a_person_move_alike(masking):
    rules = """
    user: keep
    born: {mask: date_shift, person: user}
    joined: {mask: date_shift, person: user}
    """
    born, joined = datetime.datetime(1984, 3, 17), datetime.datetime(2020, 5, 1)
    for number in range(20):
        masked = masking(rules, {"_id": 1, "user": number, "born": born, "joined": joined})[0]
        assert int(masked["joined"]) - int(masked["born"]) == (joined - born).total_seconds() * 1000


def test_a_template_is_made_of_masked_fields(masking):
    rules = """
    name.first: first_name
    name.last: last_name
    title: keep
    full: {mask: template, template: "{{{title}}} {name.first} {name.last}"}
    """
    document = {"_id": 1, "name": {"first": "Asha", "last": "Rao"}, "title": "Dr", "full": "Dr Asha Rao"}
    masked = masking(rules, document)[0]
    assert masked["full"] == f"{{Dr}} {masked['name']['first']} {masked['name']['last']}"


def test_a_template_takes_the_place_of_any_value_that_is_there(masking):
    rules = 'a: keep\nb: {mask: template, template: "<{a}>"}'
    documents = [{"a": "x", "b": value} for value in (None, "", 5, [1, 2])]
    assert [document["b"] for document in masking(rules, *documents)] == [None, "", "<x>", "<x>"]
    assert masking(rules, {"a": "x"}, {"b": 1}, {"a": 7, "b": 1}) == [{"a": "x"}, {"b": "<>"}, {"a": 7, "b": "<7>"}]


def test_choice_is_as_often_as_its_weights(masking):
    rule = "{mask: choice, values: [a, b, c], weights: [1, 2, 0.5]}"
    masked = masking(f"value: {rule}", *({"_id": number, "value": number} for number in range(7000)))
    counts = [sum(document["value"] == value for document in masked) for value in "abc"]
    assert [round(count / 1000) for count in counts] == [2, 4, 1]


def test_choice_depends_on_the_document_by_default():
    chosen = {name: option.default for name, option in MASKS["choice"].options.items()}
    program = MASKS["choice"].program({**chosen, "values": ["f", "m"]})
    assert program.person == ("_id",)


# -- check digits, against published examples


def test_check_digits():
    # Luhn: ISO/IEC 7812-1; the example of Wikipedia. Verhoeff's: 236 has 3. IBAN: ECBS, examples of the registry.
    assert identifiers.luhn_digit("7992739871") == "3"
    assert identifiers.luhn_digit("411111111111111") == "1"
    assert identifiers.verhoeff_digit("236") == "3"
    assert identifiers.verhoeff_digit("8473643095483728456789") == "2"
    assert identifiers.iban_check_digits("GB", "WEST12345698765432") == "82"
    assert identifiers.iban_check_digits("DE", "370400440532013000") == "89"
    assert identifiers.iban_check_digits("NO", "86011117947") == "93"


@pytest.mark.parametrize("number", range(50))
def test_masked_identifiers_have_right_check_digits(number):
    card = identifiers.credit_card(number % 2 == 0)(f"4929 1234 5678 {number:04d}", opener("card")).replace(" ", "")
    assert sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(card)) % 10 == 0
    aadhaar = identifiers.aadhaar(f"2345 6789 {number:04d}", opener("aadhaar")).replace(" ", "")
    assert identifiers.verhoeff_digit(aadhaar[:-1]) == aadhaar[-1]
    assert aadhaar[0] in "01"
    iban = identifiers.iban(f"GB82WEST1234569876{number:04d}", opener("iban"))
    assert int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1
    ssn = identifiers.ssn(f"123-45-{number:04d}", opener("ssn"))
    # Other numbers with these areas: ITIN (groups 50 to 65, 70 to 88, 90 to 92, 94 to 99), ATIN (93), IRSN (below 40).
    assert 900 <= int(ssn[:3]) <= 999
    assert 40 <= int(ssn[4:6]) <= 49


# -- network addresses


def common_prefix(one, other) -> int:
    differing = int(one) ^ int(other)
    return one.max_prefixlen - differing.bit_length()


@pytest.mark.parametrize(("mask", "bits"), [("ipv4", 32), ("ipv6", 128)])
def test_addresses_share_as_much_as_their_originals(masking, mask, bits):
    source = random.Random(7)
    kind = ipaddress.IPv4Address if bits == 32 else ipaddress.IPv6Address
    originals = [kind(source.getrandbits(bits))]
    for _turn in range(200):
        near = int(source.choice(originals)) ^ source.getrandbits(source.randint(1, bits))
        originals.append(kind(near))
    documents = [{"_id": number, "value": str(address)} for number, address in enumerate(originals)]
    masked = [kind(document["value"]) for document in masking(f"value: {{mask: {mask}, keep: prefix}}", *documents)]
    for (one, other), (masked_one, masked_other) in zip(
        itertools.combinations(originals, 2), itertools.combinations(masked, 2)
    ):
        assert common_prefix(one, other) == common_prefix(masked_one, masked_other)


# -- dates and numbers


def test_days_and_dates_agree_with_the_calendar():
    for day in range(-800_000, 2_900_000, 997):
        date = datetime.date(1970, 1, 1).toordinal() + day
        if 1 <= date <= datetime.date.max.toordinal():
            known = datetime.date.fromordinal(date)
            assert measures._date_from(day) == (known.year, known.month, known.day)
        assert measures._days_from(*measures._date_from(day)) == day


@pytest.mark.parametrize(
    "value",
    [52000, Int64(2**40), 3.25, -17.5, 1e300, Decimal128("12.50"), Decimal128("-99999999999999999999999999.99")],
)
def test_noise_stays_within_its_share(masking, value):
    def number(given):
        return given.to_decimal() if isinstance(given, Decimal128) else given

    seen = set()
    for secret in range(40):
        masked = masking.one("{mask: number_noise, percent: 5}", value, secret=bytes([secret]) * 32)
        assert type(masked) is type(value)
        assert abs(number(masked) - number(value)) <= abs(number(value)) * type(number(value))(5) / 100 + 1
        seen.add(str(masked))
    assert len(seen) > 10


def test_noise_at_the_end_of_a_type_and_at_zero(masking):
    for value, low, high in ((2**31 - 1, 0, 2**31), (Int64(2**63 - 1), 0, 2**63), (0, 0, 1)):
        for secret in range(10):
            masked = masking.one("{mask: number_noise, percent: 100}", value, secret=bytes([secret]) * 32)
            assert type(masked) is type(value)
            assert low <= masked < high


# -- places


def distance(one, other) -> float:
    """Metres on the sphere, by the haversine formula."""
    (east, north), (east_other, north_other) = ([math.radians(degrees) for degrees in place] for place in (one, other))
    half = math.sin((north_other - north) / 2) ** 2
    half += math.cos(north) * math.cos(north_other) * math.sin((east_other - east) / 2) ** 2
    return 2 * 6_371_008.8 * math.asin(min(1, math.sqrt(half)))


PLACES = [
    [72.8777, 19.076],
    [0, 0],
    [180.0, 10.0],
    [-180.0, -10.0],
    [179.9999, 51.0],
    [12.0, 90.0],
    [0.0, -90.0],
    [5, 89.9999],
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("radius", [1, 1000, 1_000_000])
def test_places_move_within_the_radius(masking, place, radius):
    farthest = 0.0
    for secret in range(60):
        moved = masking.one(f"{{mask: geo_fuzz, radius: {radius}}}", place, secret=bytes([secret]) * 32)
        assert -180 <= moved[0] <= 180
        assert -90 <= moved[1] <= 90
        farthest = max(farthest, distance(place, moved))
        assert distance(place, moved) <= radius + 0.2  # rounded to a tenth of a metre
        assert moved != place
    # Even over the disc: of 60 places one is almost surely in the outer half of its area.
    assert farthest > 0.7 * radius


def test_places_in_their_forms(masking):
    point = [72.8777, 19.076]
    east, north = masking.one("geo_fuzz", point)
    assert masking.one("geo_fuzz", {"type": "Point", "coordinates": point}) == {
        "type": "Point",
        "coordinates": [east, north],
    }
    assert masking.one("geo_fuzz", {"lat": 19.076, "lng": 72.8777}) == {"lat": north, "lng": east}
    assert masking.one("geo_fuzz", {"Longitude": 72.8777, "Latitude": 19.076}) == {"Longitude": east, "Latitude": north}
    assert masking.one("geo_fuzz", [point, [72.8777, 19.076, 14.0]]) == [[east, north], [east, north]]
    points = {"type": "MultiPoint", "coordinates": [point, point]}
    assert masking.one("geo_fuzz", points)["coordinates"] == [[east, north], [east, north]]
    masked = masking(
        "home.coordinates: geo_fuzz\nhome.type: keep", {"_id": 1, "home": {"type": "Point", "coordinates": point}}
    )
    assert masked[0]["home"]["coordinates"] == [east, north]


# -- free text

TEXTS = [
    ("write to asha.rao@corp.in!", "write to [email]!"),
    ("mailto:asha@host, x=y@z.in", "mailto:[email], [email]"),
    ("<asha@corp.in>, +91 98765-43210.", "<[email]>, [phone]."),
    ("asha@exämple.in", "[email]"),
    ("card 4111 1111 1111 1111, no card 4111 1111 1111 1112", "card [card], no card [number]"),
    ("Aadhaar 2345 6789 0124, account 2345 6789 0123", "Aadhaar [aadhaar], account [number]"),
    ("call (022) 2345-6789 or +1 555 0123", "call [phone] or [phone]"),
    ("९८७६५४३२१० है", "[number] है"),
    ("98765\u00a043210", "[number]"),
    ("PAN ABCDE1234F, abcde 1234 f", "PAN [pan], [pan]"),
    ("IBAN DE89 3704 0044 0532 0130 00 bitte", "IBAN [iban] bitte"),
    ("DE89370400440532013000 GB82 WEST 1234 5698 7654 32", "[iban] [iban]"),
    ("DE89 3704 0044 0532 0130 00 asha@corp.in", "[iban] [email]"),
    ("AB12 abcd efgh ijkl mnop 98765 43210", "AB12 abcd efgh ijkl mnop [number]"),
    ("see https://corp.in/asha?t=1, or https://corp.in", "see [url] or https://corp.in"),
    ("http://asha:pw@corp.in", "[url]"),
    ("from 203.0.113.9 and 2a02:8109::1, at 12:30:45, a::b", "from [ip] and [ip], at 12:30:45, [ip]"),
    ("std::vector, x::abe@corp.in", "std::vector, x::[email]"),
    ("eyJhbGciOiJub25l.eyJzdWIiOiJhc2hhIn0.x AKIAIOSFODNN7EXAMPLE", "[token] [token]"),
    ("room 5, 1234567 items, 12 MG Road", "room 5, 1234567 items, 12 MG Road"),
    ("first 12345678\nthen\n123", "first [number]\nthen\n123"),
    ("1" * 200, "[number]"),
    ("9 8 7 6 5 4 3 2 1 0", "[number]"),
    ("nothing here", "nothing here"),
]


@pytest.mark.parametrize(("value", "expected"), TEXTS)
def test_text(value, expected):
    masked = free_text.text(value, None)
    assert masked == expected
    assert free_text.text(masked, None) == masked


def test_text_looks_closer_wherever_there_is_something_to_find():
    """The cheap looks that decide whether a search is made never stop one that would find something."""
    pieces = [*"ab.:@/-+(1FA°é९", "abe", "::", "12", "1234", "9876", "5432", "1.2", ".3", "ABCDE", "DE89", "GB82"]
    pieces += ["WEST", "eyJ", "x_", "://", "http", "ghp_"]
    source = random.Random(11)

    for _turn in range(3000):
        value = "".join(source.choice(pieces) + source.choice(("", "", " ")) for _piece in range(source.randint(1, 14)))
        careful = free_text._URL.sub("[url]", value)
        careful = free_text._EMAIL.sub("[email]", careful)
        careful = free_text._TOKEN.sub("[token]", careful)
        careful = free_text._IP.sub(lambda at: "[ip]" if free_text._is_ip(at.group()) else at.group(), careful)
        careful = free_text._PAN.sub("[pan]", free_text._without_accounts(careful))
        assert free_text.text(value, None) == free_text._NUMBER.sub(free_text._tag_of_number, careful)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "1",
        "@",
        "a@",
        ".",
        "1-",
        "1 ",
        "AB12",
        "a:",
        "0:",
        "::",
        "1.",
        "https://",
        "http://a@",
        "eyJa.",
        "+",
        "(",
        "-",
    ],
)
def test_text_of_a_megabyte_is_done(unit):
    """Steps that grow with the square of the length would not be done in a day."""
    assert free_text.text("@1 " + unit * (1_000_000 // len(unit)), None)


# -- keys and options


def test_a_key_is_not_shown_nor_pickled():
    key = Key.random()
    assert key.secret.hex() not in repr(key) + str(key) + f"{key}"
    assert len(key.domain("email")) == 32
    assert key.domain("email") != key.domain("phone")
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)
    for wrong in (b"short", "x" * 32, None):
        with pytest.raises(ValueError, match="32 bytes"):
            Key(wrong)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"$function": {}}, "runs JavaScript"),
        ({"$add": [1, {"$cond": [{"$where": "x"}, 1, 2]}]}, "runs JavaScript"),
        ([{"$lookup": {}}], "reads elsewhere"),
        ({"$out": "x"}, "writes"),
        ({"$rand": {}}, "depends on chance"),
        ("$$NOW", "depends on the clock"),
        ({"$year": "$$NOW.x"}, "depends on the clock"),
        ({"a": {"$oid": "asha"}}, "24 hexadecimal digits"),
    ],
)
def test_what_may_not_run_on_the_server(given, reason):
    with pytest.raises(ValueError, match=re.escape(reason)):
        options.check_server_side(given)


def test_values_of_rule_files_as_bson():
    assert to_bson({"a": [{"$numberLong": "5"}, {"$uuid": UUID.hex()[:8] + "-1234-4abc-8def-000000000001"}]}) == {
        "a": [Int64(5), UUID]
    }
    assert to_bson({"$numberDecimal": "1.50"}) == Decimal128("1.50")
    assert to_bson(datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)) == at(2024, 1, 1)


@pytest.mark.parametrize(
    ("mask", "chosen", "types"),
    [
        ("email", {}, None),
        ("null", {}, {"null"}),
        ("remove", {}, {"missing"}),
        ("template", {"template": "{a}"}, {"string"}),
        ("constant", {"value": datetime.datetime(2024, 1, 1)}, {"date"}),
        ("constant", {"value": {"$numberDecimal": "1"}}, {"decimal"}),
        ("choice", {"values": [1, 2**40, 1.5, True, None, "x"]}, {"int", "long", "double", "bool", "null", "string"}),
        ("expr", {"expression": "$x"}, {"any"}),
    ],
)
def test_types_of_results(mask, chosen, types):
    assert MASKS[mask].result_types(chosen) == types
