"""The leak search finds planted values in whatever form they lie; a search that cannot be made is no clean one."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import struct
import subprocess
import time
from urllib.parse import quote

import pytest
from bson import Decimal128, Int64
from stagesync_lab import leaks, seed

PLANTED = seed.planted_values(1)
NEEDLES = leaks.needles(PLANTED)
EMAIL = PLANTED["email"][3]
PHONE, GROUPED_PHONE = PLANTED["phone"][:2]
AADHAAR = PLANTED["aadhaar"][0]
NAME = PLANTED["name"][0]
FOREIGN_NAME = next(name for name in PLANTED["name"] if not name.isascii())


@pytest.fixture(scope="module")
def server(mongod):
    server = mongod.start(
        "--setParameter=ttlMonitorEnabled=false",
        "--wiredTigerCollectionBlockCompressor=none",
        "--wiredTigerJournalCompressor=none",
    )
    seed.seed(server.client(), scale=0.01, seed=1)
    yield server
    server.stop()


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("email", EMAIL.encode()),
        ("email", EMAIL.upper().encode()),
        ("email", EMAIL.encode("utf-16-le")),
        ("email", EMAIL.upper().encode("utf-16-be")),
        ("email", quote(EMAIL, safe="").encode()),
        ("phone", PHONE.encode()),
        ("phone", PHONE[1:].encode()),
        ("phone", GROUPED_PHONE.encode()),
        ("phone", GROUPED_PHONE.replace(" ", "+").replace("+", "%2B", 1).encode()),
        ("card", PLANTED["card"][1].encode("utf-16-be")),
        ("aadhaar", struct.pack("<q", int(AADHAAR))),
        ("aadhaar", struct.pack("<d", int(AADHAAR))),
        ("aadhaar", Decimal128(AADHAAR).bid),
        ("pan", PLANTED["pan"][0].encode()),
        ("account", PLANTED["account"][0].lower().encode()),
        ("name", NAME.encode()),
        ("name", NAME.upper().encode("utf-16-le")),
        ("name", FOREIGN_NAME.encode()),
        ("name", FOREIGN_NAME.encode("utf-16-be")),
        ("name", json.dumps(FOREIGN_NAME).encode()),
        ("surname", PLANTED["surname"][0].encode()),
    ],
)
def test_finds_each_form_once(kind, data):
    noise = b"\x00999 zqv \xff +99 zq"
    assert leaks.search_bytes(noise + data + noise, NEEDLES) == [(kind, 1)]


def test_every_planted_value_is_found():
    for kind, texts in PLANTED.items():
        for text in texts:
            assert leaks.search_bytes(f"<{text}>".encode(), NEEDLES) == [(kind, 1)]


def test_clean_data_has_no_hits():
    masked = b'{"email": "u83af.99971@example.com", "phone": "+999 12345 67890", "card": "9997411111111111"}' * 1000
    assert leaks.search_bytes(masked + os.urandom(1 << 20), NEEDLES) == []


def test_any_values_can_be_searched_for_not_the_seeds_only():
    assert leaks.search_bytes(b"ask Jane ROE or jane@roe.test", {"name": ["Jane Roe"], "email": ["JANE@roe.test"]}) == [
        ("email", 1),
        ("name", 1),
    ]


@pytest.mark.parametrize("shift", [1, 10, len(EMAIL) - 1, len(EMAIL)])
def test_value_across_the_edge_of_a_chunk_counts_once(tmp_path, shift):
    place = tmp_path / "log"
    place.write_bytes(b"x" * (leaks.CHUNK - shift) + EMAIL.encode() + b"x" * leaks.CHUNK)
    assert leaks.search_file(place, NEEDLES) == [("email", 1)]


def test_holes_are_skipped(tmp_path):
    place = tmp_path / "volume.img"
    with open(place, "wb") as image:
        image.truncate(200 << 30)
        for position in (5, 100 << 30, (200 << 30) - 100):
            image.seek(position)
            image.write(EMAIL.encode())
    start = time.monotonic()
    assert leaks.search_file(place, NEEDLES) == [("email", 3)]
    assert time.monotonic() - start < 5


def test_block_device(tmp_path):
    if os.geteuid() != 0 or not shutil.which("losetup"):
        pytest.skip("needs root and losetup")
    image = tmp_path / "volume.img"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
        file.seek(40 << 20)
        file.write(EMAIL.encode())
    made = subprocess.run(["losetup", "--find", "--show", image], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip("no loop device to be had")
    device = made.stdout.strip()
    try:
        assert leaks.search_file(device, NEEDLES) == [("email", 1)]
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)


def test_gzip_is_unpacked(tmp_path):
    place = tmp_path / "mongod.log.1.gz"
    place.write_bytes(gzip.compress(f"a line about {NAME}\n".encode() * 3))
    assert leaks.search_file(place, NEEDLES) == [("name", 3)]


@pytest.mark.parametrize(
    "content",
    [gzip.compress(os.urandom(10_000))[:5000], gzip.compress(b"x" * 99)[:-9] + b"\0" * 9, b"LPKSHHRH" + b"\xff" * 500],
)
def test_what_cannot_be_unpacked_is_an_error_not_a_clean_result(tmp_path, content):
    place = tmp_path / "damaged"
    place.write_bytes(content)
    with pytest.raises(leaks.LeakSearchError, match="damaged"):
        leaks.search_file(place, NEEDLES)


@pytest.mark.parametrize(("ends_with", "outcome"), [(0, [("email", 1)]), (1, None)])
def test_journal_is_unpacked_by_journalctl(tmp_path, monkeypatch, ends_with, outcome):
    program = tmp_path / "bin" / "journalctl"
    program.parent.mkdir()
    program.write_text(
        f'#!/bin/sh\n[ "$2" = "{tmp_path}/system.journal" ] && echo "MESSAGE={EMAIL}"\nexit {ends_with}\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    place = tmp_path / "system.journal"
    place.write_bytes(b"LPKSHHRH" + bytes(500))
    if outcome is None:
        with pytest.raises(leaks.LeakSearchError, match="journal"):
            leaks.search_file(place, NEEDLES)
    else:
        assert leaks.search_file(place, NEEDLES) == outcome


def test_directory_is_searched_with_its_names_and_names_are_not_told(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / f"{NAME}.txt").write_text("nothing")
    (tmp_path / "report.json").write_text(json.dumps({"to": EMAIL}))
    (tmp_path / "link").symlink_to(tmp_path / "report.json")
    os.mkfifo(tmp_path / "pipe")
    hits = leaks.search_path(tmp_path, NEEDLES)
    assert [(hit.kind, hit.count) for hit in hits] == [("email", 1), ("name", 1)]
    assert hits[0].place == str(tmp_path / "report.json")
    assert hits[1].place.endswith("(name)")
    assert "zqv" not in str(hits).lower()


def test_command_tells_kinds_and_counts_by_its_exit_code(tmp_path, capsys):
    (tmp_path / "a.log").write_text(f"{EMAIL} {EMAIL} {PHONE}")
    assert leaks.main(["--seed", "1", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [f"{tmp_path}/a.log: email: 2", f"{tmp_path}/a.log: phone: 1"]
    assert leaks.main(["--seed", "2", str(tmp_path)]) == 0
    assert leaks.main(["--seed", "1", str(tmp_path / "absent")]) == 2
    assert "absent" in capsys.readouterr().err


def test_command_takes_the_seed_number_of_the_lab(tmp_path, monkeypatch):
    monkeypatch.setattr(leaks, "STATE", tmp_path)
    (tmp_path / "log").write_text(seed.planted_values(7)["email"][0])
    assert leaks.main([str(tmp_path / "log")]) == 0
    (tmp_path / "seed.json").write_text('{"seed": 7, "scale": 1}')
    assert leaks.main([str(tmp_path / "log")]) == 1
    (tmp_path / "seed.json").write_text("{")
    assert leaks.main([str(tmp_path / "log")]) == 2


def test_database_search_reaches_numbers_keys_views_and_indexes(server):
    client = server.client()
    database = client["places"]
    database["c"].insert_many(
        [
            {"n": Int64(AADHAAR), "deep": [{"x": [float(AADHAAR), Decimal128(AADHAAR)]}]},
            {"map": {EMAIL: 1}, "user1": {"name": NAME}},
        ]
    )
    database["c"].create_index("n", name="by_n", partialFilterExpression={"n": PHONE})
    database.create_collection("v", viewOn="c", pipeline=[{"$match": {"name": NAME}}])
    hits = {(hit.place, hit.kind): hit.count for hit in leaks.search_database(client, NEEDLES) if "places" in hit.place}
    client.drop_database("places")
    assert hits == {
        ("places.c: n", "aadhaar"): 1,
        ("places.c: deep.x", "aadhaar"): 2,
        ("places.c: map.* (key)", "email"): 1,
        ("places.c: *.name", "name"): 1,
        ("places.c (index): partialFilterExpression.n", "phone"): 1,
        ("places.v (definition): options.pipeline.$match.name", "name"): 1,
    }


def test_database_without_planted_values_is_clean(server):
    client = server.client()
    assert leaks.search_database(client, PLANTED)
    assert leaks.search_database(client, seed.planted_values(2)) == []


def test_raw_files_of_a_real_server_hold_every_kind(server):
    """The positive control: a search that finds nothing here would prove nothing elsewhere."""
    server.client().admin.command("fsync")
    found = {hit.kind for hit in leaks.search_path(server.dbpath, NEEDLES)}
    assert found == set(PLANTED)
    assert leaks.search_path(server.dbpath, seed.planted_values(2)) == []
    # The journal alone holds them too.
    assert leaks.search_path(server.dbpath / "journal", NEEDLES)
