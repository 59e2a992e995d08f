# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Splits a collection into ranges of _id that hold every document exactly once.

The bounds are compared by `$expr`, which follows the order of the _id index over all BSON types: MinKey, null, numbers
with NaN before them all, strings (by their bytes: simple collation), ..., MaxKey. A query operator would look at one
type at a time and lose the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.compiler import COLLATION
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT, BSONError

# Sampled _ids for every range wanted: enough for ranges of like size, few enough to sort in memory.
_SAMPLES_PER_RANGE = 20


@dataclass(frozen=True)
class Range:
    """From `low` (included) to `high` (not included); None stands for no bound and (value,) for a bound."""

    low: tuple[Any] | None = None
    high: tuple[Any] | None = None

    def match(self) -> list[dict]:
        """Return the stages that let through the documents of this range."""
        terms = []
        if self.low is not None:
            terms.append({"$gte": ["$_id", {"$literal": self.low[0]}]})
        if self.high is not None:
            terms.append({"$lt": ["$_id", {"$literal": self.high[0]}]})
        return [{"$match": {"$expr": {"$and": terms}}}] if terms else []

    @property
    def whole(self) -> bool:
        return self.low is None and self.high is None


WHOLE = Range()


def between(bounds: list[Any]) -> list[Range]:
    """Return the ranges before, between and after the bounds, which are in index order."""
    edges = [None, *((bound,) for bound in bounds), None]
    return [Range(low, high) for low, high in zip(edges, edges[1:])]


def split(collection, ranges: int) -> list[Range]:
    """Return about `ranges` ranges of like size; the whole collection as one where that is all there is."""
    if ranges < 2:
        return [WHOLE]
    stages = [{"$sample": {"size": ranges * _SAMPLES_PER_RANGE}}, {"$project": {"_id": 1}}, {"$sort": {"_id": 1}}]
    try:
        # The server sorts: it alone knows the order over types.
        sample = list(collection.with_options(codec_options=EXACT).aggregate(stages, collation=COLLATION))
    except BSONError:
        return [WHOLE]  # an _id that Python cannot hold is no bound
    ids = [document["_id"] for document in sample if "_id" in document]
    if len(ids) < ranges:
        return [WHOLE]
    step = len(ids) / ranges
    return between([ids[int(step * number)] for number in range(1, ranges)])
