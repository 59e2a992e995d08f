"""What single values and texts are; recall and precision over labelled data have floors."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import Detectors
from ansible_collections.stagesync.aws.plugins.module_utils.pii.shape import shape, value_shape

DETECTORS = Detectors()


@pytest.mark.parametrize(
    ("value", "strong", "weak"),
    [
        ("asha.rao@corp.in", {"email"}, set()),
        ("Müller@bücher.example", {"email"}, set()),
        (" asha@corp.in ", {"email"}, set()),
        ("asha@okicici", {"upi"}, set()),
        ("+91 98765 43210", {"phone"}, set()),
        ("0049 30 901820", {"phone"}, set()),
        ("98765 43210", set(), {"phone"}),
        ("(212) 555-2368", set(), {"phone"}),
        ("9876543210", set(), set()),
        ("4111 1111 1111 1111", {"card"}, set()),
        ("4111111111111111", set(), {"card"}),
        ("4111111111111112", set(), set()),
        ("DE89 3704 0044 0532 0130 00", {"iban"}, set()),
        ("DE88370400440532013000", set(), set()),
        ("2341 2341 2346", {"aadhaar"}, set()),
        (234123412346, set(), {"aadhaar"}),
        ("2341 2341 2345", set(), {"phone"}),  # some country has numbers like it
        ("ABCPE1234F", {"pan"}, set()),
        ("536-90-4399", {"ssn"}, set()),
        ("953-27-4081", set(), {"phone"}),
        ("RSSMRA85T10A562S", {"codice_fiscale"}, set()),
        ("203.0.113.7", {"ipv4"}, set()),
        ("10.4.2.3", set(), {"ipv4"}),
        ("1.2.3.4", set(), set()),
        ("2001:db8::1", {"ipv6"}, set()),
        ("12:30:45", set(), set()),
        ("00:1a:2b:3c:4d:5e", {"mac"}, set()),
        ("https://x.example/a?lang=en&reset_token=abcdefgh", {"url_token"}, set()),
        ("https://x.example/a?lang=en", set(), set()),
        ("mongodb://app:hunter22@db.example/shop", {"url_token"}, set()),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", {"jwt"}, set()),
        ("AKIAIOSFODNN7EXAMPLE", {"api_key"}, set()),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", {"private_key"}, set()),
        ("$2b$12$abcdefghijklmnopqrstuvwxyz", {"password_hash"}, set()),
        ("Asha Gupta", {"full_name"}, set()),
        ("Madison", set(), {"name"}),
        ("12 MG Road", set(), {"street"}),
        ("Hauptstraße 5", set(), {"street"}),
        ("12.97161,-77.59460", {"geo"}, set()),
        ("2024-01-01", set(), set()),
        ("2024-01-01 10:00", set(), set()),
        ("ORD-1-000000001", set(), set()),
        ("550e8400-e29b-41d4-a716-446655440000", set(), set()),
        ("Wireless Mouse", set(), set()),
        (1700000000000, set(), set()),
        ("١٢٣٤٥٦٧٨٩٠١", set(), set()),
        (True, set(), set()),
        (None, set(), set()),
    ],
)
def test_a_whole_value(value, strong, weak):
    hits = DETECTORS.whole(value)
    assert {hit.detector for hit in hits if hit.strong} == strong
    assert {hit.detector for hit in hits if not hit.strong} == weak


def test_what_stands_in_a_text():
    text = (
        "Call +91 98765 43210 or mail a.b@c.de. Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, "
        "PAN ABCPE1234F from 203.0.113.7; key AKIAIOSFODNN7EXAMPLE on 2024-01-02 10:22:11, order 123456789, "
        "https://a.example/c?token=abcdefghijk (call 9876543210), SSN 536-90-4399"
    )
    found = [(span.detector, text[span.start : span.end]) for span in DETECTORS.spans(text)]
    assert found == [
        ("phone", "+91 98765 43210"),
        ("email", "a.b@c.de"),
        ("card", "4111 1111 1111 1111"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("pan", "ABCPE1234F"),
        ("ipv4", "203.0.113.7"),
        ("api_key", "AKIAIOSFODNN7EXAMPLE"),
        ("url_token", "https://a.example/c?token=abcdefghijk"),
        ("phone", "9876543210"),
        ("ssn", "536-90-4399"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "[email] or [phone], paid with [card]",
        "Mozilla/5.0 (X11; Linux x86_64; rv:1.9.5.20) Gecko/2013-08-07 05:15:57 Firefox/3.6.17 Chrome/49.0.802.0",
        "Batch 17 of 20 left on 2024-02-02 at 10:30:00, order 123456789, 12.50 EUR",
        "x" * 100_000,
        "1" * 100_000,
        "a@" * 50_000,
        ":" * 50_000,
    ],
)
def test_nothing_in_a_text_and_no_long_look(text):
    assert DETECTORS.spans(text) == []


@pytest.mark.parametrize(
    ("value", "form"),
    [
        ("asha.Rao7@corp.in", "xxxx.Xxx9@xxxx.xx"),
        ("पुणे 411001", "xुxे 999999"),
        ("a\x1b[31mb", "x [99xx"),
        ("y" * 50, "x" * 39 + "…"),
    ],
)
def test_a_form_shows_no_value(value, form):
    assert shape(value) == form


def test_forms_of_other_types():
    assert [value_shape(value) for value in (None, True, 4711, {"a": 1}, [1, 2], b"abc")] == [
        "null", "(bool)", "9999", "(1 fields)", "(2 elements)", "(binData)",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def bench():
    """tests/bench/detectors.py as a module."""
    path = Path(__file__).parents[2] / "bench" / "detectors.py"
    spec = importlib.util.spec_from_file_location("bench_detectors", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_detectors"] = module
    spec.loader.exec_module(module)
    return module


def test_recall_and_precision_on_labelled_data(bench):
    single = bench.by_value(seed=99, values=60)
    for label, (recall, _precision, strong) in single.items():
        # Names of people and streets of unknown places are told by the fields' names, if at all.
        if label not in ("full_name", "name", "street"):
            assert recall >= 0.85, label
        assert strong >= 0.95, label
    recall, false_alarms = bench.in_text(seed=99, values=60)
    for label in ("email", "iban", "pan", "ssn", "ipv4", "ipv6", "jwt", "private_key", "password_hash"):
        assert recall[label] >= 0.98, label
    assert recall["phone (any country, with its code)"] >= 0.95
    assert false_alarms <= 0.01


def test_nothing_personal_of_an_unknown_schema_is_kept(bench):
    found = bench.schema(seed=99, documents=150)
    assert found["leaked"] == []
    assert found["masked without need"] == []
    assert len(found["masked"]) >= 22
    assert len(found["review without need"]) <= 3
