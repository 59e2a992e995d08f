"""Prints recall and precision of each detector on labelled data that none was tuned on, and how fast a scan is.

python tests/bench/detectors.py [--values 500] [--documents 20000] [--seed 2026]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".cache" / "collections"))

import bson  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.pii.classify import classify, findings  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.pii.detectors import Detectors  # noqa: E402
from ansible_collections.stagesync.aws.plugins.module_utils.pii.profile import Look, Profile  # noqa: E402


def _labelled():
    spec = importlib.util.spec_from_file_location("labelled", Path(__file__).parent / "labelled.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["labelled"] = module
    spec.loader.exec_module(module)
    return module


labelled = _labelled()


def _columns(make, values: int) -> dict[str, list[str]]:
    """Values by label, personal ones and others."""
    columns = {
        label: [create(make) for _turn in range(values)] for label, (_right, create) in labelled.PERSONAL.items()
    }
    return {**columns, **{label: [make.other(label) for _turn in range(values)] for label in labelled.OTHERS}}


def by_value(seed: int, values: int) -> dict[str, tuple[float, float, float]]:
    """Detector: recall over single values, precision of all its hits, precision of its strong hits."""
    detectors, make = Detectors(), labelled.Labelled(seed)
    hits: Counter = Counter()
    strong: Counter = Counter()
    recall, right, right_strong = {}, Counter(), Counter()
    for label, column in _columns(make, values).items():
        wanted = labelled.PERSONAL.get(label, ((), None))[0]
        found_of_label = 0
        for value in column:
            found = detectors.whole(value)
            names = {hit.detector for hit in found}
            sure = {hit.detector for hit in found if hit.strong}
            hits.update(names)
            strong.update(sure)
            right.update(names & set(wanted))
            right_strong.update(sure & set(wanted))
            # A text of several lines is no whole value: it is looked into.
            inside = {span.detector for span in detectors.spans(value)} if not names else set()
            found_of_label += bool((names | inside) & set(wanted))
        if wanted:
            recall[label] = (found_of_label / len(column), wanted[0])
    return {
        label: (
            share,
            right[detector] / hits[detector] if hits[detector] else 1.0,
            right_strong[detector] / strong[detector] if strong[detector] else 1.0,
        )
        for label, (share, detector) in recall.items()
    }


def by_column(seed: int, columns: int = 20, values: int = 100) -> dict[str, tuple[float, float]]:
    """Detector: recall and precision of what a field whose name says nothing is certainly found to hold."""
    detectors, make = Detectors(), labelled.Labelled(seed)
    claimed, right, recall = Counter(), Counter(), {}
    for label in (*labelled.PERSONAL, *labelled.OTHERS):
        wanted, create = labelled.PERSONAL.get(label, ((), lambda maker, label=label: maker.other(label)))
        found = 0
        for _turn in range(columns):
            profile = Profile(Look(detectors))
            for _value in range(values):
                profile.add({"field": create(make)})
            (place,) = profile.places()
            certain = [one for one in findings(place.values) if one.certain]
            names = {certain[0].detector} if certain else set()
            claimed.update(names)
            right.update(names & set(wanted))
            found += bool(names & set(wanted))
        if wanted:
            recall[label] = (found / columns, wanted[0])
    return {
        label: (share, right[detector] / claimed[detector] if claimed[detector] else 1.0)
        for label, (share, detector) in recall.items()
    }


def in_text(seed: int, values: int) -> tuple[dict[str, float], float]:
    """Detector: recall inside a sentence; and the share of sentences without anything personal in which one is seen."""
    detectors, make = Detectors(), labelled.Labelled(seed)
    recall = {}
    for label in labelled.IN_TEXT:
        wanted, create = labelled.PERSONAL[label]
        found = 0
        for _turn in range(values):
            text = f"{make.other('sentence')} {create(make)}, {make.other('sentence')}"
            found += bool({span.detector for span in detectors.spans(text)} & set(wanted))
        recall[label] = found / values
    plain = [
        make.other(label) for label in ("sentence", "sentence with numbers", "user agent") for _turn in range(values)
    ]
    return recall, sum(bool(detectors.spans(text)) for text in plain) / len(plain)


def schema(seed: int, documents: int = 500) -> dict[str, list[str]]:
    """Paths of a labelled schema by what a draft makes of them: "leaked" are personal and would be kept."""
    profile, make = Profile(Look(Detectors())), labelled.Labelled(seed)
    for _turn in range(documents):
        made = bson.encode({"_id": bson.ObjectId(), **labelled.document(make)})
        profile.add(bson.decode(made, codec_options=EXACT))
    profile.finish()
    personal = {path: is_personal for path, is_personal, _value in labelled.SCHEMA}
    sorted_out: dict[str, list[str]] = {
        name: [] for name in ("masked", "review", "leaked", "kept", "review without need", "masked without need")
    }
    for place in profile.places():
        path = ".".join(place.path)
        if path not in personal or place.values is None:
            continue
        decision = classify(place).decision
        right = {"mask": "masked", "review": "review", "keep": "leaked"}
        wrong = {"mask": "masked without need", "review": "review without need", "keep": "kept"}
        sorted_out[(right if personal[path] else wrong)[decision]].append(path)
    return sorted_out


def speed(seed: int, documents: int) -> tuple[int, int, int]:
    """Documents a second of processor time, decoding included; their average bytes; fields of each."""
    make = labelled.Labelled(seed)
    raw = [bson.encode({"_id": bson.ObjectId(), **labelled.document(make)}) for _turn in range(min(documents, 4000))]
    profile = Profile(Look(Detectors()))
    start = time.process_time()
    for number in range(documents):
        profile.add(bson.decode(raw[number % len(raw)], codec_options=EXACT))
    taken = time.process_time() - start
    return int(documents / taken), sum(map(len, raw)) // len(raw), len(labelled.SCHEMA)


def main() -> None:
    """Print all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--values", type=int, default=500)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    single = by_value(chosen.seed, chosen.values)
    column = by_column(chosen.seed)
    text, false_alarms = in_text(chosen.seed, chosen.values)
    print("| label | one value: recall | precision | if strong | a field: recall | precision | in a text: recall |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for label, (recall, precision, strong) in single.items():
        field, field_precision = column[label]
        inside = f"{text[label]:.1%}" if label in text else ""
        single_value = f"{recall:.1%} | {precision:.1%} | {strong:.1%}"
        print(f"| {label} | {single_value} | {field:.0%} | {field_precision:.0%} | {inside} |")
    print(f"\nTexts without anything personal in which something is seen: {false_alarms:.2%}")
    for name, paths in schema(chosen.seed).items():
        print(f"{name}: {len(paths)}  {', '.join(paths)}")
    rate, size, fields = speed(chosen.seed, chosen.documents)
    print(f"\nScan, decoding included: {rate} documents/s of processor time, each of {size} bytes and {fields} fields")


if __name__ == "__main__":
    main()
