"""Not one planted value, and no password, outside of production."""

from __future__ import annotations

from pathlib import Path

import pytest
from stagesync_lab import config, ebs, hosts, leaks, mongodb


@pytest.fixture(scope="module")
def secrets():
    """The search for production's and staging's passwords."""
    return leaks.needles({name: [value] for name, value in mongodb.credentials().items()})


@pytest.fixture(scope="module", autouse=True)
def written_out(second):
    """Everything on its disk, so that a search of the bytes sees it."""
    assert second.rc == 0, second.output
    for role in ("staging", "secondary"):
        with mongodb.client(role) as client:
            client.admin.command("fsync")
        hosts.run(role, "sync")


def staging_files() -> list[Path]:
    """What staging wrote outside of its data volumes: its root file system, Docker's data, what is in its memory."""
    inside = Path(f"/proc/{hosts.leader('staging')}/root")
    find = ("find", "/run", "/tmp", "/dev/shm", "-fstype", "tmpfs", "-type", "f")
    in_memory = [inside / name.lstrip("/") for name in hosts.run("staging", *find).stdout.splitlines()]
    return [hosts.directory("staging"), *(path for path in in_memory if path.exists())]


def test_the_search_finds_them_in_production(data_volume, planted):
    found = dict(leaks.search_file(ebs.volume_file(data_volume), planted))
    assert set(found) >= {"email", "phone", "card", "aadhaar", "pan", "surname"}, found


def test_none_in_the_bytes_of_staging_s_volumes(lab, planted):
    volumes = lab.of_kind("live") + lab.of_kind("parked")
    assert len(volumes) == 2
    for volume_id in volumes:
        assert leaks.search_file(ebs.volume_file(volume_id), planted) == []


def test_the_bytes_that_were_searched_are_those_of_staging_s_documents(lab):
    """Staging's volumes are not compressed, so what a query finds is found in the bytes."""
    with mongodb.client("staging") as client:
        email = client.shop.users.find_one({}, {"email": 1})["email"]
    found = leaks.search_file(ebs.volume_file(lab.live_volume()), leaks.needles({"masked": [email]}))
    assert found[0][1] >= 1


def test_none_in_staging_s_documents(planted):
    with mongodb.client("staging") as client:
        assert leaks.search_database(client, planted) == []


@pytest.mark.parametrize("what", ["planted", "secrets"])
def test_none_on_staging_s_host_and_in_its_logs(what, request):
    search = request.getfixturevalue(what)
    assert [hit for place in staging_files() for hit in leaks.search_path(place, search)] == []


def test_the_host_s_logs_are_among_what_was_searched():
    places = [str(path) for path in leaks._files(hosts.directory("staging"))]
    assert any("/var/log/journal/" in place for place in places)
    assert any(place.endswith("-json.log") for place in places)


@pytest.mark.parametrize("what", ["planted", "secrets"])
def test_none_in_the_bucket(lab, what, request):
    search = request.getfixturevalue(what)
    hits = []
    for page in lab.s3.get_paginator("list_object_versions").paginate(Bucket=config.BUCKET):
        for version in page.get("Versions", []):
            body = lab.s3.get_object(Bucket=config.BUCKET, Key=version["Key"], VersionId=version["VersionId"])["Body"]
            hits += leaks.search_bytes(version["Key"].encode() + b"\0" + body.read(), search)
    assert hits == []


@pytest.mark.parametrize("what", ["planted", "secrets"])
def test_none_in_the_reports(first, second, what, request):
    search = request.getfixturevalue(what)
    for run in (first.run, second):
        assert leaks.search_path(run.reports, search) == []


@pytest.mark.parametrize("what", ["planted", "secrets"])
def test_none_in_the_output_at_its_most_talkative(second, what, request):
    assert "module_args" in second.output
    assert leaks.search_bytes(second.output.encode(), request.getfixturevalue(what)) == []
