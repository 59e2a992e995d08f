# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""Whether a restored mongod holds what its manifest promises, and whether a sample of its collections is sound.

differences(manifest, found, tolerance)     pure: what is missing or emptied, or has too few or too many documents
counted(client, found, suspects)            `found` with the documents of these collections counted one by one
validate(client, found, limit, seconds)     the server's own check, smallest collections first, until the time is up
"""

from __future__ import annotations

import time
from typing import Callable

from ansible_collections.stagesync.aws.plugins.module_utils import mongod_node as node

try:
    from pymongo.errors import ExecutionTimeout
except ImportError:
    ExecutionTimeout = type("ExecutionTimeout", (Exception,), {})  # the module reports the missing package

# Writes go on between the look at the node and its snapshot: of fewer documents than this, a share says nothing.
_FEW = 1000


def digest(manifest: dict) -> str:
    """The digest of a manifest as node.manifest makes it; raises NodeError where it is none."""
    try:
        server = {
            "version": manifest["mongodb_version"],
            "fcv": manifest["fcv"],
            "storage_engine": manifest["storage_engine"],
            "options": manifest["options"],
        }
        return node.manifest(server, manifest["databases"])["sha256"]
    except (LookupError, TypeError) as error:
        raise node.NodeError("The manifest is no manifest of this collection: give the one of the snapshot.") from error


def flat(catalog: dict) -> dict:
    """{database: {collection: facts}} as {"database.collection": facts}."""
    return {f"{database}.{name}": facts for database, found in catalog.items() for name, facts in found.items()}


def differences(manifest: dict, found: dict, tolerance: float) -> list:
    """[{namespace, expected, found}]: what is missing (found None), emptied, or off by more than `tolerance` percent.

    A collection counts as one of 1000 documents at least; but only a tolerance of 100 allows one to be empty.
    """
    wrong = []
    for namespace, facts in sorted(flat(manifest["databases"]).items()):
        expected, here = facts.get("documents"), found.get(namespace)
        if here is None:
            wrong.append({"namespace": namespace, "expected": expected, "found": None})
        elif expected is not None and here["documents"] is not None:
            allowed = max(expected, _FEW) * tolerance / 100
            emptied = expected > 0 and here["documents"] == 0 and tolerance < 100
            if emptied or abs(here["documents"] - expected) > allowed:
                wrong.append({"namespace": namespace, "expected": expected, "found": here["documents"]})
    return wrong


def counted(client, found: dict, suspects: list) -> dict:
    """The facts with the suspects' documents counted: a recovered server has its statistics of the last checkpoint."""
    exact = dict(found)
    for namespace in (one["namespace"] for one in suspects if one["found"] is not None):
        database, _dot, name = namespace.partition(".")
        exact[namespace] = {**found[namespace], "documents": client[database][name].count_documents({})}
    return exact


def validate(client, found: dict, limit: int, seconds: float, clock: Callable = time.monotonic) -> tuple:
    """(validated, invalid) namespaces; `limit` is the most bytes of a collection that is looked into."""
    small = sorted(
        (facts["storage_size"], namespace)
        for namespace, facts in found.items()
        if facts["type"] == "collection" and facts["storage_size"] is not None and facts["storage_size"] <= limit
    )
    deadline = clock() + seconds
    validated, invalid = [], []
    for _size, namespace in small:
        left = deadline - clock()
        if left <= 0:
            break
        database, _dot, name = namespace.partition(".")
        try:
            answer = client[database].command("validate", name, maxTimeMS=max(1, int(left * 1000)))
        except ExecutionTimeout:
            break
        (validated if answer.get("valid") else invalid).append(namespace)
    return validated, invalid


def verdict(wrong: list, invalid: list) -> str:
    """One sentence for what is not as it should be; empty where all is."""
    said = []
    if wrong:
        first = wrong[0]
        here = "is missing" if first["found"] is None else f"has {first['found']} documents"
        more = f", and {len(wrong) - 1} more differ" if len(wrong) > 1 else ""
        said.append(f"{first['namespace']} {here} where the manifest says {first['expected']}{more}")
    if invalid:
        said.append(f"{', '.join(invalid[:5])} did not pass the server's own validation")
    return "; ".join(said)
