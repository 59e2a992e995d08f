"""Rules of one collection, and the engine under them."""

from __future__ import annotations

import struct
import textwrap

import bson
import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.engine import Masker
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules
from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT

SECRET = bytes(range(32))


def rules_of(fields: str, unlisted: str = "fail"):
    """The rules of one collection, given its fields as YAML; `_id` is kept."""
    text = f"""
version: 1
unlisted: {unlisted}
databases:
  shop:
    collections:
      users:
        fields:
          _id: keep
"""
    return load_rules(text + textwrap.indent(textwrap.dedent(fields).strip("\n"), " " * 10)).collection("shop", "users")


def documents_in(batch: bytes) -> list[dict]:
    """The documents of a batch, decoded so that every BSON type can be told."""
    found = []
    while batch:
        size = struct.unpack_from("<i", batch)[0]
        found.append(bson.decode(batch[:size], codec_options=EXACT))
        batch = batch[size:]
    return found


class Masking:
    """Masks documents by rules given as YAML; keeps the last Masker for its counts."""

    masker: Masker

    def __call__(self, fields: str, *documents: dict, unlisted: str = "fail", secret: bytes = SECRET) -> list[dict]:
        self.masker = Masker(rules_of(fields, unlisted), Key(secret))
        return documents_in(self.masker.mask(b"".join(bson.encode(document) for document in documents)))

    def one(self, mask: str, value, **options):
        """One value under one mask."""
        return self(f"value: {mask}", {"value": value}, **options)[0].get("value", "MISSING")

    def counts(self) -> dict[str, tuple[int, int]]:
        return {rule.text: (found.values, found.unexpected) for rule, found in self.masker.counts().items()}


@pytest.fixture
def masking() -> Masking:
    return Masking()
