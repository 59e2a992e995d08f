"""One case of the campaign of faults (`make chaos`): what must hold after it is in tests/chaos/campaign.py."""

from __future__ import annotations

import sys

import pytest
from stagesync_lab.runs import ROOT

sys.path.insert(0, str(ROOT / "tests" / "chaos"))
import campaign  # noqa: E402 - it lies beside the tests, not in a package

(CUT,) = [case for case in campaign.cases([]) if (case.fault, case.point) == ("power cut", campaign.SWAP)]


@pytest.fixture(scope="module")
def well(lab, first):
    """How the lab is after a sync that passed."""
    assert first.run.rc == 0, first.run.output
    run = lab.playbook("sync")
    assert run.rc == 0, run.output
    return campaign.baseline(lab)


def test_staging_serves_nothing_leaks_and_a_rerun_finishes(lab, well, tmp_path):
    assert campaign.play(lab, well, CUT, tmp_path, 1).broken == ""
