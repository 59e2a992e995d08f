"""Not one planted value in the bytes and documents of staging; test_8_audit.py searches everything else."""

from __future__ import annotations

import pytest
from stagesync_lab import ebs, hosts, leaks, mongodb


@pytest.fixture(scope="module", autouse=True)
def written_out(second):
    """Everything on its disk, so that a search of the bytes sees it."""
    assert second.rc == 0, second.output
    for role in ("staging", "secondary"):
        with mongodb.client(role) as client:
            client.admin.command("fsync")
        hosts.run(role, "sync")


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
