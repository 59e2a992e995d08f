"""One real collection, and masks applied to it by the server."""

from __future__ import annotations

import textwrap

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.masking.compiler import COLLATION, compile_collection
from ansible_collections.stagesync.aws.plugins.module_utils.masking.masks import Key
from ansible_collections.stagesync.aws.plugins.module_utils.masking.rules import load_rules

SECRET = bytes(range(32))


def rules_of(fields: str, unlisted: str = "fail"):
    """The rules of one collection, given its fields as YAML."""
    text = f"""
version: 1
unlisted: {unlisted}
databases:
  shop:
    collections:
      users:
        fields:
"""
    return load_rules(text + textwrap.indent(textwrap.dedent(fields).strip("\n"), " " * 10)).collection("shop", "users")


class Masking:
    """Runs rules over documents in a real server."""

    def __init__(self, collection):
        self.collection = collection

    def fill(self, *documents: dict) -> None:
        """Make these the collection's documents, each with an `_id` unless it has one."""
        self.collection.drop()
        self.collection.insert_many([{"_id": number, **document} for number, document in enumerate(documents)])

    def run(self, pipeline: list) -> list:
        """What a pipeline gives."""
        return list(self.collection.aggregate(pipeline, collation=COLLATION))

    def mask(self, rules, *documents: dict, secret: bytes = SECRET) -> list:
        """The documents, masked."""
        self.fill(*documents)
        return self.run(compile_collection(rules, Key(secret)).pipeline)

    def value(self, rule: str, value, secret: bytes = SECRET):
        """One value, masked by one rule as it stands in YAML."""
        return self.values(rule, [value], secret)[0]

    def values(self, rule: str, values: list, secret: bytes = SECRET) -> list:
        """Values of one field, masked by one rule, each in a document of its own."""
        masked = self.mask(
            rules_of(f"_id: keep\nvalue: {rule}"), *({"value": value} for value in values), secret=secret
        )
        return [document.get("value", "<missing>") for document in masked]

    def audit(self, rules, *documents: dict) -> dict:
        """{path: (values, unexpected, equal)} of documents."""
        self.fill(*documents)
        compiled = compile_collection(rules, Key(SECRET))
        counts = compiled.audit_result(self.run(compiled.audit_pipeline(equal=True))[0])
        return {rule.text: (count.values, count.unexpected, count.equal) for rule, count in counts.items()}


@pytest.fixture(scope="session")
def masking(mongod):
    """A Masking on a collection of the shared server."""
    return Masking(mongod.shared.client(uuidRepresentation="standard").masking.users)
