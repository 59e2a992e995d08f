"""A few cases of the campaign of faults (`make chaos`): what must hold after each is in tests/chaos/campaign.py."""

from __future__ import annotations

import sys

import pytest
from stagesync_lab.runs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "chaos"))
import campaign  # noqa: E402 - it lies beside the tests, not in a package

CASES = {
    case.name: case
    for case in campaign.cases([])
    if (case.fault, case.point)
    in {
        ("controller killed inside", campaign.COPY),
        ("power cut", campaign.SWAP),
        ("clean mongod killed", campaign.COMPARE),
    }
}


@pytest.fixture(scope="module")
def well(lab, first):
    """How the lab is after a sync that passed."""
    assert first.run.rc == 0, first.run.output
    run = lab.playbook("sync")
    assert run.rc == 0, run.output
    return campaign.baseline(lab)


def test_the_cases_are_there():
    assert len(CASES) == 3


@pytest.mark.parametrize("name", CASES)
def test_staging_serves_nothing_leaks_and_a_rerun_finishes(lab, well, name, tmp_path):
    number = list(CASES).index(name)
    assert campaign.play(lab, well, CASES[name], tmp_path, number).broken == ""
