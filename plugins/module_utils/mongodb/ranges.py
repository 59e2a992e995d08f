# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Splits a collection into ranges of _id that hold every document exactly once.

The bounds follow the order of the _id index over all BSON types: MinKey, null, numbers with NaN before them all,
strings (by their bytes: simple collation), ..., MaxKey. `min` and `max` of a cursor and `$expr` do; a query operator
would look at one type at a time and lose the others.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT, BSONError

try:
    from bson import decode, encode
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode = encode = None

SIMPLE = {"locale": "simple"}
BY_ID = {"_id": 1}
# Sampled _ids for every range wanted: enough for ranges of like size, few enough to sort in memory.
_SAMPLES_PER_RANGE = 20


@dataclass(frozen=True)
class Range:
    """From `low` (included) to `high` (not included); None stands for no bound and (value,) for a bound."""

    low: tuple[Any] | None = None
    high: tuple[Any] | None = None

    def match(self) -> dict:
        """Return the condition that the documents of this range fulfil; {} where there is none."""
        terms = []
        if self.low is not None:
            terms.append({"$gte": ["$_id", {"$literal": self.low[0]}]})
        if self.high is not None:
            terms.append({"$lt": ["$_id", {"$literal": self.high[0]}]})
        return {"$expr": {"$and": terms}} if terms else {}

    def bounds(self) -> tuple[dict, dict]:
        """Return a filter, and what makes a find command walk the _id index within this range."""
        if self.whole:
            return {}, {}
        if self.high is None:
            # Without `max` a cursor would leave out an _id that is MaxKey.
            return self.match(), {"hint": BY_ID}
        low = {} if self.low is None else {"min": {"_id": self.low[0]}}
        return {}, {**low, "max": {"_id": self.high[0]}, "hint": BY_ID}

    @property
    def whole(self) -> bool:
        return self.low is None and self.high is None


WHOLE = Range()


def between(bounds: list[Any]) -> list[Range]:
    """Return the ranges before, between and after the bounds, which are in index order."""
    edges = [None, *((bound,) for bound in bounds), None]
    return [Range(low, high) for low, high in zip(edges, edges[1:])]


def to_text(ranges: list[Range]) -> list[str]:
    """Return the bounds of ranges as text that `from_text` makes the same ranges of."""
    return [base64.b64encode(encode({"": within.high[0]}, codec_options=EXACT)).decode() for within in ranges[:-1]]


def from_text(bounds: list[str]) -> list[Range]:
    return between([decode(base64.b64decode(bound), codec_options=EXACT)[""] for bound in bounds])


def split(collection, ranges: int) -> list[Range]:
    """Return about `ranges` ranges of like size; the whole collection as one where that is all there is."""
    if ranges < 2:
        return [WHOLE]
    stages = [{"$sample": {"size": ranges * _SAMPLES_PER_RANGE}}, {"$project": {"_id": 1}}, {"$sort": {"_id": 1}}]
    try:
        # The server sorts: it alone knows the order over types.
        sample = list(collection.with_options(codec_options=EXACT).aggregate(stages, collation=SIMPLE))
    except BSONError:
        return [WHOLE]  # an _id that Python cannot hold is no bound
    ids = [document["_id"] for document in sample if "_id" in document]
    if len(ids) < ranges:
        return [WHOLE]
    step = len(ids) / ranges
    bounds: list[Any] = []
    for number in range(1, ranges):
        bound = ids[int(step * number)]
        # A random cursor may give a document twice, and `max` must be above `min`.
        if not bounds or encode({"": bound}) != encode({"": bounds[-1]}):
            bounds.append(bound)
    return between(bounds) if bounds else [WHOLE]
