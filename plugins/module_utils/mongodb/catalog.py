# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a server holds: databases, collections, their options and their indexes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.stagesync.aws.plugins.module_utils.mongodb.client import EXACT

SYSTEM_DATABASES = frozenset({"admin", "config", "local"})

# Of the system collections only the stored functions are the user's own data; the rest the server makes itself.
_USER_SYSTEM = frozenset({"system.js"})

# Legacy options that listCollections still shows and create no longer takes.
_OBSOLETE_OPTIONS = frozenset({"flags", "temp", "recordPreImages"})


@dataclass(frozen=True)
class Collection:
    """A collection, time series or view as the server describes it."""

    database: str
    name: str
    type: str  # collection, timeseries or view
    options: dict = field(default_factory=dict)
    indexes: tuple[dict, ...] = ()
    id_index: dict | None = None
    uuid: str = field(default="", compare=False)  # what tells this collection from another of the same name

    @property
    def namespace(self) -> str:
        return f"{self.database}.{self.name}"

    @property
    def capped(self) -> bool:
        return bool(self.options.get("capped"))

    @property
    def kind(self) -> str:
        """The type, with capped and clustered collections told apart."""
        if self.type == "collection" and self.capped:
            return "capped"
        if self.type == "collection" and self.options.get("clusteredIndex"):
            return "clustered"
        return self.type


def database_names(client) -> list[str]:
    """Return the user databases in order."""
    return sorted(name for name in client.list_database_names() if name not in SYSTEM_DATABASES)


def read(client) -> list[Collection]:
    """Return every user collection, time series and view, ordered by namespace."""
    return [found for database in database_names(client) for found in read_database(client, database)]


def read_database(client, name: str) -> list[Collection]:
    database = client.get_database(name, codec_options=EXACT)
    found = []
    # listCollections by command keeps what the helper would decode by the client's own options.
    for entry in _cursor(database, {"listCollections": 1}):
        if entry["name"].startswith("system.") and entry["name"] not in _USER_SYSTEM:
            continue
        kind = entry.get("type", "collection")
        options = {key: value for key, value in entry.get("options", {}).items() if key not in _OBSOLETE_OPTIONS}
        indexes = () if kind == "view" else _indexes(database, entry["name"])
        uuid = bytes(entry.get("info", {}).get("uuid", b"")).hex()
        found.append(Collection(name, entry["name"], kind, options, indexes, entry.get("idIndex"), uuid))
    return sorted(found, key=lambda collection: collection.name)


def _indexes(database, name: str) -> tuple[dict, ...]:
    """Return the indexes other than the one on _id that comes with the collection, ordered by name."""
    indexes = [
        {key: value for key, value in index.items() if key != "ns"}
        for index in _cursor(database, {"listIndexes": name})
        if list(index["key"]) != ["_id"] or index["key"]["_id"] == "hashed"
    ]
    return tuple(sorted(indexes, key=lambda index: index["name"]))


def uuids(client, database: str, names: list[str]) -> dict[str, str]:
    """Return the collections that are there, each with its UUID; views have none."""
    command = {"listCollections": 1, "filter": {"name": {"$in": names}}}
    found = _cursor(client.get_database(database, codec_options=EXACT), command)
    return {entry["name"]: bytes(entry.get("info", {}).get("uuid", b"")).hex() for entry in found}


def _cursor(database, command: dict) -> list[dict]:
    answer = database.command(command, codec_options=EXACT)
    batch, cursor = list(answer["cursor"]["firstBatch"]), answer["cursor"]["id"]
    collection = answer["cursor"]["ns"].split(".", 1)[1]
    while cursor:
        answer = database.command({"getMore": cursor, "collection": collection}, codec_options=EXACT)
        batch.extend(answer["cursor"]["nextBatch"])
        cursor = answer["cursor"]["id"]
    return batch


def view_order(views: list[Collection]) -> list[Collection]:
    """Return the views so that each comes after the one that it reads."""
    by_namespace = {view.namespace: view for view in views}
    ordered: dict[str, Collection] = {}

    def place(view: Collection, above: tuple[str, ...]) -> None:
        base = by_namespace.get(f"{view.database}.{view.options.get('viewOn')}")
        if base and base.namespace not in above:
            place(base, (*above, view.namespace))
        ordered.setdefault(view.namespace, view)

    for view in sorted(views, key=lambda view: view.namespace):
        place(view, (view.namespace,))
    return list(ordered.values())


def size(client, collection: Collection) -> tuple[int, int]:
    """Return documents and bytes as the server estimates them, both of which a crash may have left wrong."""
    if collection.type == "view":
        return 0, 0
    database = client[collection.database]
    if collection.type == "timeseries":
        stats = database.command("collStats", collection.name)
        return database[collection.name].count_documents({}), int(stats.get("size", 0))
    # A tenth of the cost of collStats, which reads the storage engine's statistics.
    found = database.command({"dataSize": collection.namespace, "estimate": True})
    return int(found["numObjects"]), int(found["size"])
