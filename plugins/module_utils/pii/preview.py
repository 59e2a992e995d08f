# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Some documents of every collection before and after, masked on the fly; nothing is written anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import EngineError, Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.notation import STAR, path_text
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import CollectionRules, RuleSet
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb import catalog, server_side
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import (
    EXACT,
    BSONError,
    MongodbError,
    PyMongoError,
    Server,
    explain,
)
from ansible_collections.stagesync.aws.plugins.module_utils.pii.products import Products
from ansible_collections.stagesync.aws.plugins.module_utils.pii.shape import shape, type_word, value_shape
from ansible_collections.stagesync.aws.plugins.module_utils.progress import Progress

try:
    from bson import decode_all
    from bson.codec_options import CodecOptions
    from bson.raw_bson import RawBSONDocument

    _RAW = CodecOptions(document_class=RawBSONDocument)
    _LENIENT = EXACT.with_options(unicode_decode_error_handler="replace")
except ImportError:
    # client.PYMONGO_IMPORT_ERROR tells the module.
    decode_all = _RAW = _LENIENT = None

_ELEMENTS = 3  # of an array
_LONGEST = 60
_MISSING = object()


@dataclass
class Row:
    """One value of a document; `before` is a form where originals are not asked for."""

    path: str
    mask: str
    before: str
    after: str


@dataclass
class Sample:
    """What became of some documents of one collection; `note` where nothing is masked."""

    namespace: str
    documents: int
    note: str = ""
    rows: list[list[Row]] = field(default_factory=list)
    unlisted: dict[str, int] = field(default_factory=dict)


def preview(server: Server, rules: RuleSet, key: Key, documents: int, show_originals: bool = False) -> list[Sample]:
    """Return one sample a collection; raises MongodbError where the server cannot be read or nothing can mask."""
    client, progress = server.open(), Progress()
    try:
        collections = [collection for collection in catalog.read(client) if collection.type != "view"]
        samples = []
        for collection in collections:
            progress.tell("masking documents", len(samples), len(collections), "collections")
            samples.append(_sample(client, collection, rules, key, documents, show_originals))
        return samples
    except PyMongoError as error:
        raise explain(error, f"the {server.label} server") from error
    finally:
        client.close()


def _sample(
    client, collection: catalog.Collection, rules: RuleSet, key: Key, documents: int, show_originals: bool
) -> Sample:
    found = rules.collection(collection.database, collection.name)
    sample = Sample(collection.namespace, catalog.size(client, collection)[0])
    if found is None:
        database = rules.database(collection.database)
        unlisted = database.unlisted if database else rules.unlisted
        sample.note = f"no rule names it: {_UNLISTED[unlisted]}"
        return sample
    if found.action != "mask":
        sample.note = _ACTIONS[found.action]
        return sample
    try:
        masker = Masker(found, key)
        drawn, original = _read(client, collection, found, documents)
        before, after = decode_all(drawn, codec_options=_LENIENT), []
        if original:
            after = decode_all(masker.mask(original), codec_options=_LENIENT)
        sample.unlisted = masker.unlisted()
    except EngineError as error:
        raise MongodbError(f"{collection.namespace}: {error}") from error
    except (PyMongoError, BSONError) as error:
        raise explain(error, f"{collection.namespace} of the source server") from error
    pairs = _Pairs(found, show_originals)
    sample.rows = [list(pairs.rows(one, other)) for one, other in zip(before, after)]
    return sample


_UNLISTED = {"fail": "the copy would stop", "drop": "it would be left behind", "keep": "it would be copied as it is"}
_ACTIONS = {"keep": "copied as it is", "drop": "left behind", "empty": "its structure only"}


def _read(client, collection: catalog.Collection, rules: CollectionRules, size: int) -> tuple[bytes, bytes]:
    """Return random documents as they are, and as the engine gets them: with what the server computes."""
    chosen = server_side.chosen(rules)
    stages: list[dict] = [*([{"$match": chosen}] if chosen else []), {"$sample": {"size": size}}]
    drawing = client.get_database(collection.database, codec_options=_RAW)[collection.name].aggregate
    expressions = server_side.computed(rules)
    if not expressions:
        drawn = b"".join(document.raw for document in drawing(stages))
        return drawn, drawn
    # Both from one draw.
    both = {"before": [{"$match": {}}], "after": [server_side.expression_stage(expressions)]}
    drawn = next(iter(drawing([*stages, {"$facet": both}])))
    return tuple(b"".join(document.raw for document in drawn[side]) for side in both)


class _Pairs:
    """Walks a document and its masked one side by side."""

    def __init__(self, rules: CollectionRules, show_originals: bool) -> None:
        self._rules = Products(rules)
        self._show = show_originals

    def rows(self, before: Any, after: Any, path: tuple[str, ...] = (), place: str = "") -> Iterator[Row]:
        if isinstance(before, dict) and before and isinstance(after, dict) and after:
            yield from self._object(before, after, path, place)
        elif isinstance(before, list) and before and isinstance(after, list) and len(before) == len(after):
            for number, (one, other) in enumerate(zip(before, after)):
                if number == _ELEMENTS:
                    yield Row(place, "", f"… {len(before) - _ELEMENTS} more elements", "")
                    return
                yield from self.rows(one, other, path, f"{place}[{number}]")
        else:
            yield self._row(before, after, path, place)

    def _object(self, before: dict, after: dict, path: tuple[str, ...], place: str) -> Iterator[Row]:
        renamed = [name for name in after if name not in before]
        names = iter(renamed if len(renamed) == len([name for name in before if name not in after]) else ())
        for name, value in before.items():
            new = name if name in after else next(names, None)
            inside = (*path, name)
            shown = path_text((new if new is not None and new != name else self._name(inside),))
            yield from self.rows(
                value, _MISSING if new is None else after[new], inside, f"{place}.{shown}" if place else shown
            )

    def _name(self, path: tuple[str, ...]) -> str:
        """The last name of a path; a map's keys are data."""
        rule = self._rules.rule(path)
        data = rule is not None and rule.path[len(path) - 1 : len(path)] == (STAR,)
        return shape(path[-1]) if data and not self._show else path[-1]

    def _row(self, before: Any, after: Any, path: tuple[str, ...], place: str) -> Row:
        rule = self._rules.rule(path)
        mask = rule.mask if rule is not None else ""
        shown = display(before) if self._show else value_shape(before)
        if after is _MISSING:
            return Row(place, mask, shown, "(left out)" if rule is not None else "(left out: no rule names it)")
        # What is not masked is the original on both sides.
        if rule is None or mask == "keep" or type(before) is type(after) and before == after:
            return Row(place, mask, shown, "(the same)")
        return Row(place, mask, shown, display(after))


def display(value: Any) -> str:
    """Write a decoded value for a terminal; at most 60 characters."""
    if isinstance(value, (str, bool, int, float)) or value is None:
        text = json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{name}: {display(item)}" for name, item in value.items()) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(display(item) for item in value) + "]"
    elif isinstance(value, bytes):
        text = f"({len(value)} bytes)"
    elif type_word(value) == "date":
        try:
            text = value.as_datetime().strftime("%Y-%m-%dT%H:%M:%SZ")
        except (ValueError, OverflowError):
            text = f"date {int(value)}"
    else:
        text = str(value)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def lines(sample: Sample) -> list[str]:
    """Write a sample as the lines of a terminal."""
    if sample.note:
        return [f"{sample.namespace} (about {sample.documents} documents): {sample.note}"]
    written = [f"{sample.namespace} ({len(sample.rows)} of about {sample.documents} documents)"]
    for path, count in sorted(sample.unlisted.items()):
        written.append(f"  no rule names {path} (in {count} of these)")
    every = [row for rows in sample.rows for row in rows]
    wide = min(max((len(row.path) for row in every), default=0), 40)
    middle = min(max((len(row.before) for row in every), default=0), 44)
    for number, rows in enumerate(sample.rows, 1):
        written.append(f"  document {number}")
        for row in rows:
            arrow = "->" if row.after else "  "
            mask = f"  [{row.mask}]" if row.mask and row.mask != "keep" else ""
            written.append(f"    {row.path:{wide}}  {row.before:{middle}}  {arrow}  {row.after}{mask}".rstrip())
    return written
