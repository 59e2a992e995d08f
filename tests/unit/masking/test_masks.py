"""Every mask on every type of value, by a real server."""

from __future__ import annotations

import datetime
import re
import uuid

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import MASKS, REDACTED, Key
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp

DAY = datetime.datetime(1984, 3, 17, 5, 6, 7)
EPOCH = datetime.datetime(1970, 1, 1)
ID = ObjectId("64b7f1f77bcf86cd79943901")
UUID = uuid.UUID("c0ffee00-1234-4abc-8def-000000000001")
# One value of every type that may fail closed, with what it becomes.
WRONG = {
    "bool": (True, False),
    "date": (DAY, EPOCH),
    "objectId": (ID, ObjectId("0" * 24)),
    "binary": (b"secret", b""),
    "uuid": (UUID, b""),
    "object": ({"name": "Asha"}, {}),
    "timestamp": (Timestamp(7, 7), Timestamp(0, 1)),
    "regex": (Regex("Asha"), Regex("")),
    "code": (Code("Asha"), Code("")),
    "code with scope": (Code("Asha", {"a": 1}), Code("")),
    "int": (7, 0),
    "double": (7.5, 0.0),
    "decimal": (Decimal128("7.5"), Decimal128("0")),
    "long": (Int64(2**40), Int64(0)),
    "string": ("Asha", REDACTED),
}
ALWAYS_WRONG = ("bool", "object", "binary", "timestamp", "regex", "code", "code with scope")

MASKED = [
    # rule, value, regular expression of the result or the result itself
    ("email", "Asha.Rao@corp.in", r"[np]\d{1,19}@example\.com"),
    ("email", "no address", r"[np]\d{1,19}@example\.com"),
    ("email", "ünï@exämple.in", r"[np]\d{1,19}@example\.com"),
    ("email", "$name", r"[np]\d{1,19}@example\.com"),
    ("name", "Asha Rao", r"[A-Z][a-z]+ [A-Z][a-z]+"),
    ("{mask: name, part: first}", "Asha", r"[A-Z][a-z]+"),
    ("{mask: name, part: last}", "राव", r"[A-Z][a-z]+"),
    ("phone", "+91 98765 43210", r"\+91 \d{5} \d{5}"),
    ("phone", "+919876543210", r"\+91\d{10}"),
    ("phone", "+1 (415) 555-0123", r"\+1 \(\d{3}\) \d{3}-\d{4}"),
    ("phone", "0044 20 7946 0958", r"0044 \d\d \d{4} \d{4}"),
    ("phone", "+353 1 496 0000", r"\+353 \d \d{3} \d{4}"),
    ("phone", "(022) 2345-6789 ext 12", r"\(\d{3}\) \d{4}-\d{4} ext \d\d"),
    ("phone", "९८७६५ ४३२१०", r"[0-9]{5} [0-9]{5}"),
    ("phone", "call Asha 98765 43210", REDACTED),
    ("phone", "+91", REDACTED),
    ("phone", "unknown", REDACTED),
    ("phone", 987654, 6),
    ("phone", Int64(919876543210), 12),
    ("phone", 9876543210.0, 10),
    ("redact", "Asha", REDACTED),
    ("redact", 5, 0),
    ("redact", Int64(5), Int64(0)),
    ("redact", 5.5, 0.0),
    ("redact", Decimal128("5.5"), Decimal128("0")),
    ("redact", DAY, EPOCH),
    ("redact", True, False),
    ("redact", ID, ObjectId("0" * 24)),
    ("redact", UUID, uuid.UUID(int=0)),
    ("redact", b"12345", bytes(5)),
    ("redact", b"", b""),
    ("redact", b"123456", bytes(6)),
    ("redact", b"1234", bytes(4)),
    ("redact", bytes([7]) * 261120, bytes(261120)),
    ("redact", Binary(b"0123456789abcdef", 3), bytes(16)),
    ("redact", {"a": {"b": 1}}, {}),
    ("redact", Timestamp(5, 5), Timestamp(0, 1)),
    ("redact", Regex("Asha", "i"), Regex("")),
    ("redact", Code("Asha"), Code("")),
    ("hash", "ACC-1009", r"[0-9a-f]{32}"),
    ("digits", "4111 1111 1111 1111", r"\d{4} \d{4} \d{4} \d{4}"),
    ("digits", "AB-12/x", r"AB-\d\d/x"),
    ("digits", "1" * 100, r"\d{100}"),
    ("digits", "12345678901234567890 x", r"\d{20} x"),
    ("digits", "ü1😀2", r"ü\d😀\d"),
    ("digits", "$1", r"\$\d"),
    ("digits", 0, 1),
    ("digits", 2147483647, 10),
    ("digits", Int64(10**17), 18),
    ("digits", -4242.0, 4),
    ("digits", Decimal128("123456"), 6),
    ("digits", "none", REDACTED),
    ("digits", 12.5, 0.0),
    ("digits", float("nan"), 0.0),
    ("digits", float("inf"), 0.0),
    ("digits", Int64(-(2**63)), Int64(0)),
    ("digits", Decimal128("NaN"), Decimal128("0")),
    ("digits", Decimal128("1E+100"), Decimal128("0")),
    ("date_shift", "1984-03-17", r"198[345]-\d\d-\d\d"),
    ("date_shift", "1984-03-17T05:06:07.123Z", r"198[345]-\d\d-\d\dT05:06:07\.123Z"),
    ("date_shift", "1984-03-17 05:06 +05:30", r"198[345]-\d\d-\d\d 05:06 \+05:30"),
    ("date_shift", "17/03/1984", REDACTED),
    ("date_shift", "1984-03-17 Asha", REDACTED),
    ("date_shift", "1984-13-45", REDACTED),
    ("date_shift", "9999-12-31", REDACTED),
    ("date_shift", datetime.datetime(1, 1, 1), EPOCH),
    ("text", "write to asha.rao@corp.in!", "write to [email]!"),
    ("text", "mailto:asha@host, x=y@z.in", "mailto:[email], [email]"),
    ("text", "asha@corp.in bala@corp.in", "[email] [email]"),
    ("text", "<asha@corp.in>, +91 98765-43210.", "<[email]>, [number]."),
    ("text", "card 4111 1111 1111 1111, Aadhaar 2345 6789 0123", "card [number], Aadhaar [number]"),
    ("text", "call (022) 2345-6789 or +1 555 0123", "call [number] or [number]"),
    ("text", "९८७६५४३२१० है", "[number] है"),
    ("text", "98765\u00a043210", "[number]"),
    ("text", "PAN ABCDE1234F, abcde 1234 f", "PAN [pan], [pan]"),
    ("text", "room 5, 1234567 items, 12 MG Road", "room 5, 1234567 items, 12 MG Road"),
    ("text", "😀 a@b.in 😀 12345678 😀", "😀 [email] 😀 [number] 😀"),
    ("text", "first 12345678\nthen\n123", "first [number]\nthen\n123"),
    ("text", "12345678 and 1234567890", "[number] and [number]"),
    ("'null'", "Asha", None),
    ("'null'", ["Asha", 1], None),
    ("null", {"a": 1}, None),
    ("remove", "Asha", "<missing>"),
    ("remove", None, "<missing>"),
    ("remove", ["Asha"], "<missing>"),
    ("keep", {"b": [1, None], "a": ""}, {"b": [1, None], "a": ""}),
]


@pytest.mark.parametrize(("rule", "value", "expected"), MASKED)
def test_masked_value(masking, rule, value, expected):
    masked = masking.value(rule, value)
    if isinstance(expected, str) and isinstance(value, str) and expected != REDACTED and "[" + "email" not in expected:
        assert masked == expected or re.fullmatch(expected, masked)
        assert masked != value or rule == "text"
    elif rule in ("phone", "digits") and isinstance(expected, int) and not isinstance(expected, Int64):
        assert type(masked) is type(value)
        number, original = (int(v.to_decimal() if isinstance(v, Decimal128) else v) for v in (masked, value))
        assert (len(str(abs(number))), number < 0) == (expected, original < 0)
        assert number != original
    else:
        assert masked == expected
        assert masked is None or type(masked) is type(expected)


MASKS_OF_VALUES = [name for name in MASKS if name not in ("keep", "null", "remove")]


@pytest.mark.parametrize("mask", MASKS_OF_VALUES)
def test_nothing_stays_nothing(masking, mask):
    rules = [{}, {"value": None}, {"value": ""}, {"value": []}, {"value": [None, "", []]}]
    assert masking.mask(_rule(mask), *rules) == [{"_id": number, **rule} for number, rule in enumerate(rules)]


def _wrong_kinds():
    for mask in MASKS_OF_VALUES:
        for kind in WRONG:
            accepted = {"uuid": "binData"}.get(kind, kind) in MASKS[mask].types
            if mask != "redact" and (kind in ALWAYS_WRONG or not accepted):
                yield mask, kind


@pytest.mark.parametrize(("mask", "kind"), list(_wrong_kinds()))
def test_wrong_type_fails_closed(masking, mask, kind):
    value, redacted = WRONG[kind]
    assert masking.value(mask, value) == redacted
    assert masking.audit(_rule(mask), {"value": value}) == {"value": (0, 1, 0)}


@pytest.mark.parametrize("mask", MASKS_OF_VALUES)
def test_min_and_max_key_hold_nothing(masking, mask):
    assert masking.values(mask, [MinKey(), MaxKey()]) == [MinKey(), MaxKey()]


@pytest.mark.parametrize("value", ["ACC", ID, UUID, 7, Int64(7), 7.0, 7.25, float("nan"), Decimal128("7"), -3], ids=str)
def test_hash_keeps_the_type(masking, value):
    masked = masking.value("hash", value)
    assert type(masked) is type(value)
    assert masked != value
    if isinstance(value, (int, float)):
        assert masked >= 0
    if isinstance(value, float):
        assert masked < 2**53


def test_hash_distinguishes_and_is_stable(masking):
    values = [*(f"user {number}" for number in range(1500)), *(uuid.UUID(int=number) for number in range(50))]
    values += [ObjectId(f"{number:024x}") for number in range(1500)]
    masked = masking.values("hash", values)
    assert len(set(masked)) == len(values)
    assert masking.values("hash", values) == masked
    # All hexadecimal digits occur everywhere but where the two missing bits are.
    texts = masked[:1500]
    assert all(len({text[place] for text in texts}) == 16 for place in range(32) if place not in (22, 30))


def test_email_ignores_case_and_keeps_uniqueness(masking):
    masked = masking.values("email", [f"u{number}@corp.in" for number in range(3000)])
    assert len(set(masked)) == 3000
    assert len(set(masking.values("email", ["Asha@Corp.in", "asha@corp.IN"]))) == 1


def test_pseudonyms_depend_on_key_and_domain(masking):
    assert masking.value("email", "a@b.in", bytes(32)) != masking.value("email", "a@b.in", bytes([1]) * 32)
    assert masking.value("email", "a@b.in") != masking.value("{mask: email, domain: staff}", "a@b.in")
    assert masking.value("hash", "a@b.in") == masking.value("{mask: hash, domain: hash}", "a@b.in")


@pytest.mark.parametrize("rule", ["digits", "phone"])
def test_short_numbers_never_keep_their_value(masking, rule):
    values = [str(number) for number in range(300)]
    masked = masking.values(rule, values)
    assert [len(text) for text in masked] == [len(text) for text in values]
    assert not [text for text, old in zip(masked, values) if text == old]
    numbers = masking.values(rule, list(range(300)))
    assert not [number for number, old in zip(numbers, range(300)) if number == old]


def test_names_never_keep_their_value(masking):
    from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import FIRST_NAMES, LAST_NAMES

    assert len(set(FIRST_NAMES)) == len(set(LAST_NAMES)) == 256
    spelled = [*FIRST_NAMES, *(name.upper() for name in FIRST_NAMES)]
    # With a dozen keys, a name is picked for itself for certain.
    for number in range(12):
        masked = masking.values("{mask: name, part: first}", spelled, secret=bytes([number]) * 32)
        assert not [name for name, old in zip(masked, spelled) if name.lower() == old.lower()]
        assert set(masked) <= set(FIRST_NAMES)


def test_dates_shift_by_whole_days_within_the_limit(masking):
    days = [DAY + datetime.timedelta(days=number) for number in range(800)]
    shifts = [new - old for new, old in zip(masking.values("{mask: date_shift, max_days: 3}", days), days)]
    assert {shift.total_seconds() / 86400 for shift in shifts} == {-3, -2, -1, 1, 2, 3}
    texts = [day.strftime("%Y-%m-%d") for day in days]
    moved = masking.values("{mask: date_shift, max_days: 1}", texts)
    found = {
        (datetime.datetime.fromisoformat(n) - datetime.datetime.fromisoformat(o)).days for n, o in zip(moved, texts)
    }
    assert found == {-1, 1}


def test_large_values_neither_fail_nor_leak(masking):
    plain = "x" * 4_000_000
    assert masking.value("text", f"{plain} a@b.in {'1 ' * 500}") == f"{plain} [email] {'[number]' * 9} "
    assert masking.value("text", "12345678\n" * 1001) == REDACTED
    assert masking.value("text", "7" * 70 + "x 5") == "[number][number]x 5"
    assert masking.value("text", "@" * 1_000_000 + "+" * 1_000_000 + "(" * 100_000).startswith("@")
    assert masking.value("digits", "1 " * 100_000) == REDACTED
    assert masking.value("phone", "1 " * 100_000) == REDACTED
    assert masking.value("date_shift", "1984-03-17" * 100_000) == REDACTED


def test_key_never_shows():
    key = Key(bytes(32))
    assert "0" not in repr(key) + str(key)
    with pytest.raises(ValueError, match="32 bytes"):
        Key(b"short")
    assert Key.random().secret != Key.random().secret


def test_every_mask_is_documented():
    for mask in MASKS.values():
        assert mask.summary.endswith(".")
        assert "->" in mask.example
        assert mask.types


def _rule(mask):
    from .conftest import rules_of

    return rules_of(f"_id: keep\nvalue: {mask}")
