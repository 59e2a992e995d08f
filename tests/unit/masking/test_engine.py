"""The native engine: what it writes is right, and whatever it reads, it neither crashes nor lets anything through."""

from __future__ import annotations

import ctypes
import datetime
import mmap
import os
import random
import struct
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking import engine, programs
from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Comparer, EngineError, Masker, Rests
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.words import WORDS
from bson.datetime_ms import DatetimeMS

from .conftest import SECRET, documents_in, rules_of

KEY = Key(SECRET)
REDACTED = "[redacted]"
ROOT = Path(__file__).resolve().parents[3]
OID = bson.ObjectId("65f1c0ffee65f1c0ffee65f1")
MOMENT = DatetimeMS(449_800_000_000)


def raw(*elements: tuple[int, str, bytes]) -> bytes:
    """A BSON document of (type, name, value bytes), also of types and bytes that no driver writes."""
    body = b"".join(bytes([kind]) + name.encode() + b"\0" + value for kind, name, value in elements)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def text(value: bytes) -> bytes:
    return struct.pack("<i", len(value) + 1) + value + b"\0"


class TestKeyedStream:
    """The engine's BLAKE2b stream is Python's (hashlib), so that masks of both kinds agree."""

    @pytest.mark.parametrize("length", [1, 2, 63, 64, 126, 127, 128, 129, 255, 256, 1000, 5000])
    def test_any_length(self, masking, length):
        value = "v" * length
        draw = programs.Draw(KEY.domain("hash"), b"s" + value.encode())
        assert masking.one("hash", value) == draw.bytes(16).hex()

    def test_another_key_and_another_domain_give_others(self, masking):
        made = {
            masking.one("hash", "Asha"),
            masking.one("hash", "Asha", secret=bytes(32)),
            masking.one("{mask: hash, domain: other}", "Asha"),
        }
        assert len(made) == 3

    def test_more_than_one_block_is_drawn_without_repeats(self, masking):
        made = masking.one("format", "a" * 4000)
        assert len(made) == 4000
        assert len({made[at : at + 16] for at in range(0, 4000, 16)}) == 250

    @pytest.mark.parametrize("length", [65, 100_000])
    def test_many_blocks_are_those_of_python(self, masking, length):
        value = bytes(number % 251 for number in range(length))
        draw = programs.Draw(KEY.domain("hash"), programs.canonical(value))
        assert masking.one("hash", value) == draw.bytes(length)

    def test_a_value_of_megabytes(self, masking):
        """Hashed once and not for every block, which would take half an hour."""
        assert len(masking.one("hash", bytes(10_000_000))) == 10_000_000

    @pytest.mark.parametrize(
        "value",
        [5, -5, 0, 2**40, 5.0, -7.0, 2.5, True, MOMENT, OID, b"\1\2\3", bson.Decimal128("1.5"), bson.Int64(7)],
        ids=repr,
    )
    def test_values_that_are_no_text_are_written_alike(self, masking, value):
        """A Python mask hashes the decoded value, the native one its bytes: the shift of a person must be one."""
        canonical = programs.canonical(value)
        made = masking(
            "person: keep\nborn: {mask: date_shift, person: person, max_days: 3650}",
            {"person": value, "born": MOMENT},
        )[0]["born"]
        drawn = programs.Draw(KEY.domain("date_shift"), canonical).below(2 * 3650) - 3650
        assert int(made) - int(MOMENT) == (drawn + (drawn >= 0)) * 86_400_000


class TestTree:
    def test_order_and_what_is_kept_stay(self, masking):
        document = {"_id": 1, "z": 1, "a": {"y": [1, {"x": 2}], "b": "Asha"}, "m": "x"}
        made = masking("z: keep\na.b: first_name\na.y: keep\nm: keep", document)[0]
        assert list(made) == ["_id", "z", "a", "m"]
        assert list(made["a"]) == ["y", "b"]
        assert made["a"]["y"] == [1, {"x": 2}]
        assert made["a"]["b"] != "Asha"

    def test_arrays_of_any_depth(self, masking):
        made = masking("a.b: email", {"a": [[{"b": ["x@y.in", ["z@y.in"]]}], {"b": "x@y.in"}]})[0]
        inner = made["a"][0][0]["b"]
        assert inner[0] == made["a"][1]["b"] != "x@y.in"
        assert inner[1][0].endswith("@example.com")

    def test_the_more_specific_rule_wins(self, masking):
        made = masking(
            "a: keep\na.b: email\nm.*: redact\nm.open: keep",
            {"a": {"b": "x@y.in", "c": "x@y.in"}, "m": {"open": 7, "p": 7}},
        )
        assert made[0]["a"]["c"] == "x@y.in"
        assert made[0]["a"]["b"] != "x@y.in"
        assert made[0]["m"] == {"open": 7, "p": 0}

    def test_a_star_at_the_top_does_not_take_the_id(self, masking):
        assert masking('"*": redact', {"_id": 9, "a": 9})[0] == {"_id": 9, "a": 0}

    def test_unlisted_fields_do_not_pass_and_are_counted_by_document(self, masking):
        made = masking("a.b: keep", {"a": [{"b": 1, "c": 2}, {"c": 3}], "d": 4}, {"a": {"c": 1}}, {"a": {"b": 1}})
        assert made == [{"a": [{"b": 1}, {}]}, {"a": {}}, {"a": {"b": 1}}]
        assert masking.masker.unlisted() == {"a.c": 2, "d": 1}

    def test_unlisted_fields_pass_where_the_rules_keep_them(self, masking):
        made = masking("a.b: redact", {"_id": 5, "a": {"b": 1, "c": 2}, "d": 4}, unlisted="keep")
        assert made == [{"_id": 5, "a": {"b": 0, "c": 2}, "d": 4}]
        assert masking.masker.unlisted() == {}

    def test_a_value_where_the_rules_name_fields_below_fails_closed(self, masking):
        made = masking("a.b: email", {"a": "x@y.in"}, {"a": ["x@y.in", None]}, {"a": None})
        assert made == [{"a": REDACTED}, {"a": [REDACTED, None]}, {"a": None}]
        assert masking.counts() == {"a.b": (0, 2)}
        assert masking("a.b: email", {"a": "open"}, unlisted="keep") == [{"a": "open"}]

    def test_keys_of_a_map_agree_with_the_field(self, masking):
        made = masking(
            'email: email\n"seen.<key>": email\n"seen.*": keep',
            {"email": "X@y.in", "seen": {"x@Y.in": 3, "z@y.in": {"n": 1}}},
        )[0]
        assert list(made["seen"].values()) == [3, {"n": 1}]
        assert list(made["seen"])[0] == made["email"]
        assert "y.in" not in str(made)

    def test_keys_and_values_are_masked_below_each_other(self, masking):
        made = masking('"m.<key>": email\n"m.*.<key>": email\n"m.*.*": email', {"m": {"a@b.in": {"c@d.in": "a@b.in"}}})[
            0
        ]
        ((outer, below),) = made["m"].items()
        ((inner, value),) = below.items()
        assert outer == value != inner
        assert ".in" not in str(made)

    def test_rules_that_met_nothing_are_known(self, masking):
        masking("a: keep\nb: email\nc.*: keep", {"a": None, "c": {}})
        assert {rule.text: masking.masker.found(rule) for rule in rules_of("a: keep\nb: email\nc.*: keep").fields} == {
            "_id": False,
            "a": True,
            "b": False,
            "c.*": False,
        }


class TestWholeValues:
    def test_null_missing_and_empty_stay(self, masking):
        made = masking("a: email\nb: email\nc: email\nd: email", {"a": None, "b": "", "c": []})
        assert made == [{"a": None, "b": "", "c": []}]
        assert masking.counts()["a"] == (0, 0)

    def test_remove_null_and_constant_take_arrays_whole(self, masking):
        made = masking(
            "a: remove\nb: null\nc: {mask: constant, value: x}\nd: keep", {"a": [1], "b": [1, 2], "c": {"k": 1}, "d": 1}
        )
        assert made == [{"b": None, "c": "x", "d": 1}]

    def test_redaction_of_every_type(self, masking):
        values = {
            "double": 1.5,
            "string": "x",
            "object": {"a": 1},
            "array": [1, "x", [True]],
            "binary": bson.Binary(b"abc", 128),
            "oid": OID,
            "bool": True,
            "date": MOMENT,
            "regex": bson.Regex("x", "i"),
            "code": bson.Code("f()"),
            "scoped": bson.Code("f()", {"a": 1}),
            "int": 7,
            "timestamp": bson.Timestamp(7, 7),
            "long": bson.Int64(7),
            "decimal": bson.Decimal128("7.5"),
            "min": bson.MinKey(),
            "max": bson.MaxKey(),
        }
        made = masking("\n".join(f"{name}: redact" for name in values), values)[0]
        assert made == {
            "double": 0.0,
            "string": REDACTED,
            "object": {},
            "array": [0, REDACTED, [False]],
            "binary": bson.Binary(bytes(3), 128),
            "oid": bson.ObjectId(bytes(12)),
            "bool": False,
            "date": DatetimeMS(0),
            "regex": bson.Regex("", ""),
            "code": bson.Code(""),
            "scoped": bson.Code("", {}),
            "int": 0,
            "timestamp": bson.Timestamp(0, 1),
            "long": 0,
            "decimal": bson.Decimal128("0"),
            "min": bson.MinKey(),
            "max": bson.MaxKey(),
        }
        assert [type(made[name]) for name in values] == [type(value) for value in values.values()]

    def test_a_type_that_the_mask_does_not_take_fails_closed(self, masking):
        made = masking("a: email", {"a": 5}, {"a": {"b": "x"}}, {"a": [True, "x@y.in"]})
        assert [entry["a"] for entry in made[:2]] == [0, {}]
        assert made[2]["a"][0] is False
        assert masking.counts() == {"a": (1, 3)}

    def test_deprecated_types(self):
        masker = Masker(rules_of("u: email\ns: email\np: redact\nk: keep"), KEY)
        document = raw(
            (0x06, "u", b""),
            (0x0E, "s", text(b"secret")),
            (0x0C, "p", text(b"db.c") + OID.binary),
            (0x0E, "k", text(b"open")),
        )
        made = masker.mask(document)
        assert made == raw(
            (0x06, "u", b""),
            (0x0E, "s", text(REDACTED.encode())),
            (0x0C, "p", text(b"") + bytes(12)),
            (0x0E, "k", text(b"open")),
        )

    def test_invalid_utf_8_is_masked_and_kept_as_bytes(self):
        masker = Masker(rules_of("a: hash\nb: keep\nc: format\nd: text"), KEY)
        bad = text(b"\xff\xfesecret\xc3")
        made = masker.mask(raw(*[(0x02, name, bad) for name in "abcd"]))
        assert made.count(b"secret") == 1
        assert bad in made
        assert b"[redacted]" in made

    def test_repeated_fields_are_all_masked(self):
        made = Masker(rules_of("a: email"), KEY).mask(raw((2, "a", text(b"x@y.in")), (2, "a", text(b"x@y.in"))))
        assert b"y.in" not in made
        assert made.count(b"example.com") == 2


class TestNative:
    """Programs that run in the engine."""

    def test_equal_people_are_equal_whatever_the_case(self, masking):
        made = masking("a: email\nb: email", {"a": "Asha.Rao@Corp.IN", "b": " asha.rao@corp.in"})[0]
        assert made["a"] == made["b"]

    def test_phone_keeps_country_code_and_form(self, masking):
        assert masking.one("phone", "+91 98765-43210").startswith("+91 ")
        made = masking.one("phone", "(0044) 20 7946 0000")
        assert made.startswith("(0044) ")
        assert len(made) == 19
        assert made != "(0044) 20 7946 0000"
        assert masking.one("phone", "call me") == REDACTED
        assert masking.one("phone", "+91") == REDACTED

    def test_digits_of_every_script(self, masking):
        made = masking.one("digits", "९८७६५-43210")
        assert made[5] == "-"
        assert made != "९८७६५-43210"
        assert all("०" <= c <= "९" for c in made[:5])
        assert made[6:].isascii()
        assert made[6:].isdigit()

    @pytest.mark.parametrize(
        "value",
        [7, -1234, 2_147_483_647, bson.Int64(9_223_372_036_854_775_807), 98765.0, bson.Decimal128("-123.45")],
        ids=repr,
    )
    def test_numbers_keep_type_sign_and_count_of_digits(self, masking, value):
        made = masking.one("digits", value)
        shown, original = str(made), str(value)
        assert type(made) is type(value)
        assert made != value
        assert len(shown) == len(original)
        assert (shown[0] == "-") == (original[0] == "-")

    def test_one_digit_becomes_another(self, masking):
        assert all(masking.one("digits", str(digit)) != str(digit) for digit in range(10))

    @pytest.mark.parametrize("mask", ["digits", "phone", "postal_code"])
    def test_a_number_and_its_text_get_the_same_digits(self, masking, mask):
        made = masking(f"a: {mask}\nb: {mask}\nc: {mask}", {"a": "9876543210", "b": 9876543210, "c": 9876543210.0})[0]
        assert int(made["a"]) == made["b"] == made["c"] != 9876543210

    def test_a_masked_name_is_not_the_same_in_another_case(self, masking):
        names = [{"a": f" {name.lower()}"} for name in WORDS["en_IN"].first_names]
        for secret in range(20):
            made = masking("a: first_name", *names, secret=bytes([secret]) * 32)
            assert all(one["a"].lower() != other["a"].strip() for one, other in zip(made, names))

    def test_format(self, masking):
        made = masking.one("format", "AbC-09é!")
        assert made != "AbC-09é!"
        assert made[0].isupper()
        assert made[1].islower()
        assert made[3] == "-"
        assert made[7] == "!"
        assert made[4:6].isdigit()
        assert made[6].isascii()
        assert made[6].islower()

    def test_identifiers_join_in_both_forms(self, masking):
        made = masking("a: object_id\nb: object_id\nc: object_id", {"a": OID, "b": str(OID), "c": str(OID).upper()})[0]
        assert str(made["a"]) == made["b"] == made["c"].lower() != str(OID)
        value = UUID("6e8bc430-9c3a-11d9-9669-0800200c9a66")
        made = masking("a: uuid\nb: uuid", {"a": bson.Binary.from_uuid(value), "b": str(value)})[0]
        assert made["a"].as_uuid() == UUID(made["b"]) != value
        assert UUID(made["b"]).version == 4

    def test_object_id_keeps_its_time_when_asked(self, masking):
        made = masking.one("{mask: object_id, keep_timestamp: true}", OID)
        assert made.generation_time == OID.generation_time
        assert made != OID
        assert masking.one("object_id", OID).binary[:4] != OID.binary[:4]

    def test_hash_of_a_number_keeps_its_type(self, masking):
        for value in (5, bson.Int64(5), 5.0, bson.Decimal128("5"), OID, bson.Binary(b"12345678", 5)):
            made = masking.one("hash", value)
            assert type(made) is type(value)
            assert made != value
        assert masking.one("hash", bson.Binary(bytes(range(200)), 5)).subtype == 5

    @pytest.mark.parametrize("day", ["2024-02-29", "1970-01-01", "0012-01-01", "1999-12-31T23:59:59.999+05:30"])
    def test_dates_as_text_move_like_dates(self, masking, day):
        made = masking(
            "p: keep\na: {mask: date_shift, person: p}\nb: {mask: date_shift, person: p}",
            {
                "p": "Asha",
                "a": day,
                "b": datetime.datetime.fromisoformat(day[:10]),
            },
        )[0]
        moved = (datetime.datetime(1970, 1, 1) + datetime.timedelta(milliseconds=int(made["b"]))).date().isoformat()
        assert made["a"] == moved + day[10:] != day

    @pytest.mark.parametrize(
        ("day", "moment"),
        [
            ("1984-03-17", "1984-03-17T00:00:00"),
            ("1984-03-17T05:06:07.123Z", "1984-03-17T05:06:07.123000"),
            ("1984-03-17 05:06:07,1239", "1984-03-17T05:06:07.123000"),
            ("1984-03-17T05:06:07.5+05:30", "1984-03-16T23:36:07.500000"),
            ("1984-03-17T20:00-0530", "1984-03-18T01:30:00"),
            ("0012-01-01", "0012-01-01T00:00:00"),
        ],
    )
    def test_a_moment_moves_alike_as_date_and_as_text(self, masking, day, moment):
        moment = datetime.datetime.fromisoformat(moment)
        made = masking("a: date_shift\nb: date_shift", {"a": day, "b": moment})[0]
        by = datetime.date.fromisoformat(made["a"][:10]) - datetime.date.fromisoformat(day[:10])
        before = (moment - datetime.datetime(1970, 1, 1)) // datetime.timedelta(milliseconds=1)
        assert int(made["b"]) - before == by.days * 86_400_000
        assert made["a"][10:] == day[10:]

    @pytest.mark.parametrize(
        "value", ["2024-13-01", "yesterday", "2024-01-01 at Asha's", "20240101", DatetimeMS(2**62)]
    )
    def test_what_is_no_date_fails_closed(self, masking, value):
        made = masking.one("date_shift", value)
        assert made == REDACTED or made == DatetimeMS(0)

    def test_a_template_is_made_of_masked_fields(self, masking):
        made = masking(
            'show: {mask: template, template: "{name.first} ({n})"}\nname.first: first_name\nn: keep',
            {"show": "Asha Rao", "name": {"first": "Asha"}, "n": 7},
            {"show": "Asha", "n": -8},
        )
        assert made[0]["show"] == made[0]["name"]["first"] + " (7)"
        assert made[1]["show"] == " (-8)"
        assert masking.counts()["name.first"] == (1, 0)

    def test_masked_values_never_equal_their_original(self, masking):
        """Few words: without the second draw one in some of them would."""
        names = [{"a": name} for name in WORDS["en_IN"].first_names]
        made = masking("a: first_name", *names)
        assert all(one["a"] != other["a"] for one, other in zip(made, names))


class TestFaults:
    def test_a_document_that_grows_over_16_mb(self):
        masker = Masker(rules_of("a: email\nb: keep"), KEY)
        big = bson.encode({"b": "x" * (16 * 2**20 - 40), "a": "x@y.in"})
        with pytest.raises(EngineError, match="document 2 of a batch: the document is larger than 16 MB after masking"):
            masker.mask(bson.encode({"a": "x@y.in"}) + big)

    def test_a_document_of_16_mb(self):
        batch = bson.encode({"b": "x" * (16 * 2**20 - 100), "a": "x@y.in"}) * 3
        assert len(Masker(rules_of("a: redact\nb: keep"), KEY).mask(batch)) > 3 * 16_000_000

    def test_a_batch_that_is_too_long(self, monkeypatch):
        """ctypes would read what is left of the length in 32 bits."""
        long = bytes(2**31)
        for use in (
            lambda: Masker(rules_of("a: email"), KEY).mask(long),
            lambda: Masker(rules_of("a: email"), KEY).scan(long),
            lambda: Comparer(None, "keep").pairs(b"", long),
            lambda: Comparer(None, "keep").rests(long, Rests(), bytes(16), bytes(32), True, False),
        ):
            with pytest.raises(EngineError, match="^a batch of 2147483648 bytes is too long: hand over fewer"):
                use()
        # What it makes of a batch may be longer than that.
        monkeypatch.setattr(engine, "_MOST_BYTES", 70)
        with pytest.raises(EngineError, match="^a batch of 85 bytes is too long"):
            Masker(rules_of("a: hash\nb: hash"), KEY).mask(bson.encode({"a": "x", "b": "x"}))

    def test_nested_too_deep(self):
        value = raw()
        for _level in range(400):
            value = raw((0x04, "0", value))
        with pytest.raises(EngineError, match="nested more than 250 deep"):
            Masker(rules_of("a: email"), KEY).mask(raw((0x04, "a", value)))

    def test_a_mask_that_fails_says_so_without_the_value(self):
        masker = Masker(rules_of("a: iban"), KEY)

        def broken(value, _draw):
            raise ZeroDivisionError(value)

        masker._tree.calls.functions[1] = (broken, b"k" * 32)
        with pytest.raises(EngineError, match=r"^a mask failed on a value \(ZeroDivisionError\)") as caught:
            masker.mask(bson.encode({"a": "secret"}))
        assert "secret" not in str(caught.value)

    def test_a_missing_library_is_said(self, monkeypatch):
        monkeypatch.setattr(engine, "_library", None)
        monkeypatch.setattr(engine, "LIBRARY", "/nowhere/masker.so")
        with pytest.raises(EngineError, match="/nowhere/masker.so is not there: .*make tools"):
            Masker(rules_of("a: email"), KEY)

    @pytest.mark.parametrize(
        "document",
        [
            b"\5\0\0\0",
            b"\4\0\0\0\0",
            b"\x7f\0\0\0\0",
            raw((0x02, "a", b"\xff\xff\xff\xff")),
            raw((0x55, "a", b"")),
            raw((0x03, "a", b"\5\0\0\0\1")),
            raw((0x05, "a", b"\xff\xff\xff\x7f\0")),
            raw((0x0B, "a", b"x")),
            b"\x0b\0\0\0\x02abcd\0\0",
        ],
        ids=range(9),
    )
    def test_malformed_documents_are_refused(self, document):
        with pytest.raises(EngineError, match="is not valid BSON"):
            Masker(rules_of("a: email"), KEY).mask(document)

    def test_mutated_documents_neither_crash_nor_leak(self):
        """Each lies against a page that cannot be read: one byte too far ends the process."""
        script = "from tests.unit.masking.test_engine import mutate; print(mutate())"
        path = f"{ROOT}:{ROOT / '.cache' / 'collections'}"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert int(done.stdout) > 1000

    def test_memory_is_given_back(self):
        batch = bson.encode({"a": "x@y.in" * 100, "b": ["z@y.in"] * 100}) * 200
        for _round in range(3):
            Masker(rules_of("a: email\nb: email"), KEY).mask(batch)
        before = resident()
        for _round in range(100):
            masker = Masker(rules_of("a: email\nb: email"), KEY)
            masker.mask(batch)
            del masker
        assert resident() - before < 20_000_000


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


class TestComparer:
    FIELDS = "a: email\nb.c: first_name\nn: digits\nr: redact\nt: text\nx: remove\nz: null\nk: keep"
    DOCUMENT = {
        "_id": 1,
        "a": "x@y.in",
        "b": [{"c": "Asha"}, {"c": None}],
        "n": 12345,
        "r": 0,
        "t": "fine",
        "x": 1,
        "z": 5,
        "k": 7,
    }

    def both(self, *documents):
        source = b"".join(bson.encode(document) for document in documents)
        return source, Masker(rules_of(self.FIELDS), KEY).mask(source)

    def test_a_right_copy_passes_whole(self):
        source, clean = self.both(*[{**self.DOCUMENT, "_id": number} for number in range(100)])
        comparer = Comparer(rules_of(self.FIELDS), "fail")
        stop = comparer.pairs(source, clean)
        assert (stop.reason, stop.compared, stop.one, stop.other) == ("end", 100, len(source), len(clean))
        counts = {rule.text: count for rule, count in comparer.counts().items()}
        assert counts == {
            "a": (100, 0),
            "b.c": (100, 0),
            "n": (100, 0),
            "r": (0, 100),
            "t": (0, 100),
            "x": (100, 0),
            "z": (100, 0),
        }

    @pytest.mark.parametrize(
        "change",
        [
            {"a": "x@y.in"},
            {"k": 8},
            {"k": 7.0},
            {"z": 5},
            {"x": 1},
            {"new": 1},
            {"n": "12345"},
            {"b": [{"c": "Asha"}, {"c": None}]},
            {"b": [{"c": "Ravi"}]},
            {"b": [{"c": "Ravi"}, {"c": "Ravi"}]},
            {"b": {"c": "Ravi"}},
            {"a": None},
        ],
        ids=str,
    )
    def test_any_tampering_is_left_to_be_judged(self, change):
        source, clean = self.both(self.DOCUMENT)
        tampered = bson.encode({**documents_in(clean)[0], **change})
        comparer = Comparer(rules_of(self.FIELDS), "fail")
        assert comparer.pairs(source, tampered).reason == "suspicious"
        assert not any(any(count) for count in comparer.counts().values())

    def test_order_and_missing_fields(self):
        source, clean = self.both(self.DOCUMENT)
        entries = list(documents_in(clean)[0].items())
        for other in (
            dict(reversed(entries)),
            dict(entries[:-1]),
            dict([entries[0], entries[2], entries[1], *entries[3:]]),
        ):
            assert Comparer(rules_of(self.FIELDS), "fail").pairs(source, bson.encode(other)).reason == "suspicious"

    def test_it_stops_at_another_id_and_goes_on(self):
        source, clean = self.both(*[{**self.DOCUMENT, "_id": number} for number in (1, 2, 3)])
        size = len(clean) // 3
        comparer = Comparer(rules_of(self.FIELDS), "fail")
        stop = comparer.pairs(source, clean[:size] + clean[2 * size :])
        assert (stop.reason, stop.compared, stop.other) == ("id", 1, size)
        after = comparer.pairs(source, clean[:size] + clean[2 * size :], (2 * stop.one, stop.other))
        assert (after.reason, after.compared) == ("end", 1)

    @pytest.mark.parametrize("wrong", ["x", 1.0, "F", ["f", "x"]], ids=repr)
    def test_what_a_choice_cannot_have_made(self, wrong):
        rules = rules_of("a: {mask: choice, values: [f, 1, null, {$oid: 65f1c0ffee65f1c0ffee65f1}]}")
        one = ["p", "q"] if isinstance(wrong, list) else "p"
        comparer = Comparer(rules, "fail")
        for value in ("f", 1, None, OID, REDACTED):
            made = ["f", value] if isinstance(wrong, list) else value
            assert comparer.pairs(bson.encode({"_id": 1, "a": one}), bson.encode({"_id": 1, "a": made})).reason == "end"
        stop = comparer.pairs(bson.encode({"_id": 1, "a": one}), bson.encode({"_id": 1, "a": wrong}))
        assert stop.reason == "suspicious"

    def test_kept_collections_are_compared_whole(self):
        document = bson.encode({"_id": 1, "a": [1, {"b": 2}]})
        assert Comparer(None, "keep").pairs(document, document).compared == 1
        assert (
            Comparer(None, "keep").pairs(document, bson.encode({"_id": 1, "a": [1, {"b": 3}]})).reason == "suspicious"
        )


class TestReviewed:
    """What a review of the engine found, each once wrong."""

    @pytest.mark.parametrize("kind", [bson.Int64, lambda number: bson.Decimal128(str(number))], ids=["long", "decimal"])
    def test_long_numbers_do_not_fall_together(self, masking, kind):
        made = masking("v: digits", *[{"v": kind(10**18 + step * 444_444_444_444_444)} for step in range(2000)])
        assert len({str(document["v"]) for document in made}) == 2000

    @pytest.mark.parametrize(
        "value",
        [
            "1984-03-17 1990-05-20",
            "1984-03-17 +91 98765 43210",
            "1984-03-17T4111111111111111",
            "1984-03-17 9876543210",
            "1984-02-31",
        ],
    )
    def test_nothing_passes_behind_a_date(self, masking, value):
        assert masking.one("date_shift", value) == REDACTED

    def test_a_date_at_the_limit_stays_within_it(self, masking):
        for domain in range(20):
            made = masking.one(f"{{mask: date_shift, domain: d{domain}}}", DatetimeMS(8_640_000_000_000_000))
            assert int(made) <= 8_640_000_000_000_000

    @pytest.mark.parametrize("mask", ["hash", "redact", "email"])
    def test_the_inner_length_of_old_binary_data_is_not_copied(self, mask):
        masker = Masker(rules_of(f"a: {mask}"), KEY)
        assert b"ASHA" not in masker.mask(raw((5, "a", struct.pack("<iB", 8, 2) + b"ASHARAO1")))
        assert b"1234" not in masker.mask(raw((5, "a", struct.pack("<iB", 4, 2) + b"1234")))

    @pytest.mark.parametrize(
        ("rule", "one", "other"),
        [
            ("redact", "Asha", "Asha"),
            ("redact", {"n": "Asha", "g": 3}, {"n": "Asha"}),
            ("email", {"n": "Asha", "g": 3}, {"n": "Asha"}),
            ("{mask: constant, value: unknown}", "Asha", "Asha"),
            ("{mask: constant, value: unknown}", "Asha", "other"),
            ("{mask: choice, values: [f, m]}", ["f", "f"], ["f"]),
            ('{mask: template, template: "{_id}"}', "x", {"secret": 1}),
        ],
    )
    def test_the_comparer_leaves_doubt_to_be_judged(self, rule, one, other):
        comparer = Comparer(rules_of(f"a: {rule}"), "fail")
        assert (
            comparer.pairs(bson.encode({"_id": 1, "a": one}), bson.encode({"_id": 1, "a": other})).reason
            == "suspicious"
        )

    @pytest.mark.parametrize("interrupted", ["mask", "unlisted"])
    def test_an_interrupt_passes(self, interrupted):
        masker = Masker(rules_of("a: iban"), KEY)

        def interrupt(*_arguments):
            raise KeyboardInterrupt

        if interrupted == "mask":
            masker._tree.calls.functions[1] = (interrupt, b"k" * 32)
        else:
            masker._tree.calls.seen = type("Names", (dict,), {"setdefault": interrupt})()
        with pytest.raises(KeyboardInterrupt):
            masker.mask(bson.encode({"a": "x", "z": 1}))

    def test_a_fault_below_a_template_is_told(self):
        masker = Masker(rules_of('t: {mask: template, template: "{i}!"}\ni: iban'), KEY)
        masker._tree.calls.functions[2] = (lambda *_arguments: 1 / 0, b"k" * 32)
        with pytest.raises(EngineError, match="ZeroDivisionError"):
            masker.mask(bson.encode({"t": "x", "i": "secret"}))

    def test_a_template_cannot_make_much_of_little(self):
        masker = Masker(rules_of('b: keep\no.t: {mask: template, template: "{b}"}'), KEY)
        with pytest.raises(EngineError, match="larger than 16 MB"):
            masker.mask(bson.encode({"b": "x" * 200_000, "o": [{"t": "x"}] * 5000}))

    def test_many_dates_of_one_person_behind_many_fields(self):
        masker = Masker(rules_of("d: {mask: date_shift, person: p}\np: keep\n'*': keep"), KEY)
        fields = {f"x{number}": 0 for number in range(400_000)}
        # Looked up for every date, this would take an hour.
        assert masker.mask(bson.encode({"d": [MOMENT] * 400_000, **fields, "p": "Asha"}))

    def test_values_in_the_place_of_kept_fields_are_counted(self, masking):
        assert masking("a.b: keep\na.c: email", {"a": "text"}, {"a": ""}) == [{"a": REDACTED}, {"a": ""}]
        assert masking.counts() == {"a.b": (0, 1), "a.c": (0, 0)}

    @pytest.mark.parametrize("identity", [{"a": 1}, None, bson.Timestamp(1, 2)], ids=repr)
    def test_a_choice_for_any_id(self, masking, identity):
        assert masking("g: {mask: choice, values: [f, m]}", {"_id": identity, "g": "f"})[0]["g"] in ("f", "m")

    def test_a_masked_key_is_not_reported_as_a_name(self):
        masker = Masker(rules_of('"m.<key>": email', "drop"), KEY)
        masker.mask(bson.encode({"m": {"asha.rao@corp.in": 1}}))
        assert masker.unlisted() == {"m.*": 1}

    def test_names_that_no_rule_names_do_not_fill_the_memory(self):
        masker = Masker(rules_of("a: keep", "drop"), KEY)
        masker.mask(bson.encode({f"x{number}": 1 for number in range(30_000)}))
        found = masker.unlisted()
        assert len(found) == 10_001
        assert found["*"] == 1

    def test_keys_that_fail_closed_are_told_apart(self, masking):
        assert masking('"m.<key>": uuid\n"m.*": keep', {"m": {"a": 1, "b": 2}}) == [
            {"m": {"[redacted]0": 1, "[redacted]1": 2}}
        ]

    @pytest.mark.parametrize("value", ["+0198765432", "Tex 5551234567"])
    def test_what_is_no_phone_number(self, masking, value):
        assert masking.one("phone", value) == REDACTED

    def test_a_phone_number_with_an_extension(self, masking):
        assert " x" in masking.one("phone", "+1 212 555 0100 x12")

    @pytest.mark.parametrize("zeros", [50, 5000])
    def test_a_long_network_length(self, masking, zeros):
        assert masking.one("{mask: ipv4, keep: prefix}", "10.0.0.1/" + "0" * zeros) == REDACTED


# ---- a process of its own for what might crash

LEAK = b"PLANTED"


def mutate() -> int:
    """Mask mutated documents at the end of readable memory; the number that the engine did not refuse."""
    page, size = mmap.PAGESIZE, 4 * mmap.PAGESIZE
    memory = mmap.mmap(-1, size)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    ctypes.CDLL(None).mprotect(ctypes.c_void_p(start + size - page), page, 0)
    chance = random.Random(7)
    planted = LEAK.decode()
    document = bson.encode(
        {
            "_id": 1,
            "a": planted,
            "b": [{"c": planted}, planted],
            "d": bson.Binary(LEAK, 2),
            "e": bson.Code(planted, {"s": planted}),
            "f": bson.Regex(planted),
            "g": bson.DBRef(planted, 1),
            "h": {"i": {"j": planted}},
            "k": bson.Decimal128("5"),
            "l": bson.Int64(9),
            "m": {planted: planted},
            "t": "call x@y.in",
            "o": OID,
            "s": "1984-03-17T05:06:07.123+05:30",
        }
    )
    rules = rules_of(
        "a: email\nb.c: first_name\nd: hash\ne: redact\nf: redact\ng: redact\nh.*.j: format\nk: digits\nl: hash\n"
        'm.<key>: hash\n"m.*": phone\nt: iban\no: object_id\n'
        "s: date_shift",
        "drop",
    )
    native, passed = engine.library(), 0
    for _round in range(20_000):
        mutated = bytearray(document)
        for _change in range(chance.randint(1, 3)):
            mutated[chance.randrange(len(mutated))] = chance.choice(
                [0, 1, 2, 3, 4, 5, 0x7F, 0x80, 0xFF, chance.randrange(256)]
            )
        place = start + size - page - len(mutated)
        ctypes.memmove(place, bytes(mutated), len(mutated))
        if _round % 200 == 0:
            tree, other = Masker(rules, KEY)._tree, Comparer(rules, "drop")._tree
            for name in ("masker_mask", "masker_rests", "masker_compare"):
                function = getattr(native, name)
                function.argtypes = [function.argtypes[0], ctypes.c_void_p, *function.argtypes[2:]]
        look(native, other.handle, place, len(mutated), document, ordered=_round % 2 == 0)
        result = native.masker_mask(tree.handle, place, len(mutated))
        if result >= 0:
            passed += 1
            made = ctypes.string_at(native.masker_out(tree.handle), native.masker_size(tree.handle))
            # A changed byte may make a field's name another one, whose value is kept under no rule: it is dropped.
            assert LEAK not in made, made
        elif tree.calls.error:
            raise tree.calls.error
    return passed


def look(native, handle: int, place: int, size: int, document: bytes, ordered: bool) -> None:
    """Compare what lies there with the document that it was, and add up what is not masked of it."""
    at, other_at, compared = ctypes.c_size_t(0), ctypes.c_size_t(0), ctypes.c_uint64(0)
    changes = (ctypes.c_uint64 * 40)()
    native.masker_compare(handle, place, size, at, document, len(document), other_at, changes, compared)
    native.masker_rests(handle, place, size, bytes(32), ordered, False, b"\xff" * 16, (ctypes.c_uint64 * 2)())
