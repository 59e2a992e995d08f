"""The campaign of faults on the lab that is up (`make chaos`); prints a row for each case and ends with a count."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

from campaign import Outcome, baseline, cases, play, points
from stagesync_lab.runs import Lab


def row(number: int, outcome: Outcome, seconds: float) -> str:
    """One line of the table."""
    again = f"{outcome.again} in {outcome.seconds_to_recover:.0f} s" if outcome.again else "-"
    verdict = "BROKEN" if outcome.broken else "holds"
    return (
        f"{number:4} | {outcome.case.name:78} | {outcome.ended:6} | {outcome.live:3} | {again:14} | {verdict} "
        f"({seconds:.0f} s)"
    )


def main() -> int:
    """Play the cases. Returns 1 when anything did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=0, help="so many, drawn by the seed, in place of all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="those whose name holds this")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(Path(folder))
        every = [case for case in cases(points(lab, Path(folder) / "rehearsal")) if chosen.only in case.name]
        if chosen.cases and chosen.cases < len(every):
            every = random.Random(chosen.seed).sample(every, chosen.cases)
        base = baseline(lab)
        print(f"{len(every)} cases\n   # | fault | run | live | started again | verdict", flush=True)
        broken = 0
        for number, case in enumerate(every, 1):
            begun = time.monotonic()
            outcome = play(lab, base, case, Path(folder), number)
            print(row(number, outcome, time.monotonic() - begun), flush=True)
            if outcome.broken:
                broken += 1
                print(f"       {outcome.broken}\n", flush=True)
    print(f"{len(every) - broken} of {len(every)} hold")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
