# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What a running mongod says of itself: version, options, replica set, collections; and the users it shall have."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import traceback
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import PurePosixPath

from ansible_collections.stagesync.aws.plugins.module_utils.ebs import devices

try:
    from pymongo import MongoClient
    from pymongo.errors import ConfigurationError, ConnectionFailure, InvalidURI, OperationFailure, PyMongoError

    PYMONGO_IMPORT_ERROR = None
except ImportError:
    PYMONGO_IMPORT_ERROR = traceback.format_exc()

METADATA_ENDPOINT = "http://169.254.169.254"
_UNAUTHORIZED = 13
_AUTHENTICATION_FAILED = 18
_OWN_DATABASES = ("admin", "config", "local")


class NodeError(Exception):
    """One sentence: which server, what is wrong, what to do. Never holds a password."""


class AuthenticationError(NodeError):
    """The server refused the user name or password."""


@contextlib.contextmanager
def connect(place, username=None, password=None, database="admin", timeout=5.0):
    """Yield a client of one mongod that has answered a ping; `place` is a mongodb:// URI or (host, port)."""
    shown = place if isinstance(place, str) else f"{place[0]}:{place[1]}"
    options = {
        "appname": "stagesync",
        "connectTimeoutMS": int(timeout * 1000),
        "directConnection": True,
        "serverSelectionTimeoutMS": int(timeout * 1000),
    }
    if username is not None:
        options.update(username=username, password=password, authSource=database)
    try:
        client = MongoClient(place, **options) if isinstance(place, str) else MongoClient(*place, **options)
    except (ConfigurationError, InvalidURI, ValueError) as error:
        raise NodeError(f"{shown} is no MongoDB address that can be used: {error}.") from error
    with client:
        with translated(shown):
            client.admin.command("ping")
        with translated(shown):
            yield client


@contextlib.contextmanager
def translated(shown: str):
    """Turn pymongo's errors into NodeError sentences about the server `shown`."""
    try:
        yield
    except OperationFailure as error:
        if error.code == _AUTHENTICATION_FAILED:
            raise AuthenticationError(
                f"The mongod at {shown} refused the user name or password: "
                "check that the SSM parameters named for it hold the present ones."
            ) from error
        if error.code == _UNAUTHORIZED:
            action = (error.details or {}).get("errmsg", "").partition("{")[0].strip() or "a command"
            raise NodeError(
                f"The mongod at {shown} does not let this user do what is needed ({action}): "
                "grant the user the roles clusterMonitor and readAnyDatabase."
            ) from error
        raise NodeError(f"The mongod at {shown} refused a command (code {error.code}): {_brief(error)}.") from error
    except ConnectionFailure as error:
        raise NodeError(
            f"The mongod at {shown} cannot be reached ({type(error).__name__}): check that it runs and that address "
            "and port are right."
        ) from error
    except PyMongoError as error:
        raise NodeError(f"The mongod at {shown} failed ({type(error).__name__}): {_brief(error)}.") from error


def server_facts(client) -> dict:
    """Return version, FCV, storage engine and the start options that matter when the files are opened elsewhere."""
    admin = client.admin
    version = admin.command("buildInfo")["version"]
    fcv = admin.command("getParameter", 1, featureCompatibilityVersion=1)["featureCompatibilityVersion"]
    parsed = admin.command("getCmdLineOpts").get("parsed", {})
    # What is left out here is large and holds samples of the workload.
    status = admin.command("serverStatus", metrics=0, wiredTiger=0, locks=0, network=0, opcounters=0)
    return {
        "version": version,
        "fcv": fcv.get("version"),
        "storage_engine": status["storageEngine"]["name"],
        "uptime_seconds": int(status["uptime"]),
        "dbpath": _dig(parsed, "storage.dbPath"),
        "options": _options(parsed),
        "cluster_role": _dig(parsed, "sharding.clusterRole"),
        "authorization": _dig(parsed, "security.authorization") == "enabled"
        or _dig(parsed, "security.keyFile") is not None
        or _dig(parsed, "security.clusterAuthMode") is not None,
    }


def unsupported(server: dict) -> list[str]:
    """Return one sentence for everything that stands against opening a copy of this server's files elsewhere."""
    reasons = []
    if server["storage_engine"] != "wiredTiger":
        reasons.append(
            f"The storage engine is {server['storage_engine']}, but only wiredTiger's files can be restored by this "
            "collection."
        )
    if server["options"]["encryption_at_rest"]:
        reasons.append(
            "The files are encrypted at rest by MongoDB itself, so that a restored copy cannot be opened without its "
            "key: use EBS encryption instead or take another node."
        )
    if server["cluster_role"]:
        reasons.append(
            f"This mongod is part of a sharded cluster (role {server['cluster_role']}): one node's files are not the "
            "whole data."
        )
    return reasons


def _options(parsed: dict) -> dict:
    engine = "storage.wiredTiger"
    return {
        "directory_per_db": bool(_dig(parsed, "storage.directoryPerDB", default=False)),
        "directory_for_indexes": bool(_dig(parsed, f"{engine}.engineConfig.directoryForIndexes", default=False)),
        "collection_block_compressor": _dig(parsed, f"{engine}.collectionConfig.blockCompressor", default="snappy"),
        "journal_compressor": _dig(parsed, f"{engine}.engineConfig.journalCompressor", default="snappy"),
        "index_prefix_compression": bool(_dig(parsed, f"{engine}.indexConfig.prefixCompression", default=True)),
        "encryption_at_rest": bool(
            _dig(parsed, "security.enableEncryption", default=False) or _dig(parsed, "security.vault") is not None
        ),
    }


def _dig(data: dict, path: str, default=None):
    for step in path.split("."):
        if not isinstance(data, dict) or step not in data:
            return default
        data = data[step]
    return data


def replica_set_facts(client) -> dict | None:
    """Return what this member and its set say; None for a standalone."""
    admin = client.admin
    hello = admin.command("hello")
    if hello.get("isreplicaset"):
        raise NodeError(
            "This mongod was started for a replica set but belongs to none (not initiated, or removed): "
            "initiate or add it, or take another node."
        )
    if "setName" not in hello:
        return None
    status = admin.command("replSetGetStatus")
    config = admin.command("replSetGetConfig")["config"]
    return replica_set_from(status, config)


def replica_set_from(status: dict, config: dict) -> dict:
    """Join replSetGetStatus and replSetGetConfig; lag is counted in the primary's optimes as this member knows them."""
    settings = {member["_id"]: member for member in config["members"]}
    primary = next((m for m in status["members"] if m["stateStr"] == "PRIMARY"), None)
    members = []
    for member in status["members"]:
        setting = settings.get(member["_id"], {})
        members.append(
            {
                "host": member["name"],
                "addresses": _addresses(member["name"]),
                "state": member["stateStr"],
                "self": bool(member.get("self", False)),
                "healthy": bool(member.get("health", 0)),
                "hidden": bool(setting.get("hidden", False)),
                "votes": int(setting.get("votes", 1)),
                "priority": float(setting.get("priority", 1)),
                "delay_seconds": int(setting.get("secondaryDelaySecs", setting.get("slaveDelay", 0))),
                "lag_seconds": _lag(primary, member),
            }
        )
    own = next((m for m in members if m["self"]), None)
    if own is None:
        raise NodeError(
            f"This mongod is not among the members of its replica set {status['set']} (state removed): "
            "add it again or take another node."
        )
    return {
        "name": status["set"],
        "id": str(_dig(config, "settings.replicaSetId", default="")),
        **{key: own[key] for key in ("state", "hidden", "votes", "priority", "delay_seconds", "lag_seconds")},
        "member": own["host"],
        "primary": primary["name"] if primary else None,
        "members": members,
    }


def replica_set_identity(client) -> dict | None:
    """Return {name, id, members} of the set that this server's files belong to, also where it runs without it."""
    config = client.local["system.replset"].find_one()
    if config is None:
        return None
    return {
        "name": config["_id"],
        "id": str(_dig(config, "settings.replicaSetId", default="")),
        "members": [member["host"] for member in config.get("members", [])],
    }


def _addresses(place: str) -> list[str]:
    """The addresses of "host:port" as this host resolves it, but for those that mean every host itself."""
    host = place.rpartition(":")[0].strip("[]")
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return []
    return sorted(address for address in found if not address.startswith("127.") and address != "::1")


def _lag(primary: dict | None, member: dict) -> float | None:
    if primary is None or member["stateStr"] not in ("PRIMARY", "SECONDARY", "RECOVERING", "STARTUP2"):
        return None
    if "optimeDate" not in primary or "optimeDate" not in member:
        return None
    return max(0.0, (primary["optimeDate"] - member["optimeDate"]).total_seconds())


def catalog(client) -> dict:
    """Return {database: {collection: {type, documents, size, storage_size, index_size, indexes}}}, in name order."""
    names = sorted(entry["name"] for entry in client.admin.command("listDatabases", nameOnly=True)["databases"])
    return {
        name: {
            collection["name"]: _collection_facts(client[name], collection)
            for collection in sorted(client[name].list_collections(), key=lambda c: c["name"])
            if not collection["name"].startswith("system.buckets.") and collection["name"] != "system.views"
        }
        for name in names
        if name not in _OWN_DATABASES
    }


def _collection_facts(database, collection: dict) -> dict:
    facts = {
        "type": collection.get("type", "collection"),
        "documents": None,
        "size": None,
        "storage_size": None,
        "index_size": None,
        "indexes": None,
    }
    if facts["type"] == "view":
        return facts
    stages = [{"$collStats": {"storageStats": {}}}]
    try:
        stats = [entry["storageStats"] for entry in database[collection["name"]].aggregate(stages)]
    except OperationFailure as error:
        if error.code == _UNAUTHORIZED:
            raise
        # A collection that was dropped since it was listed is no reason to give up.
        return facts
    facts.update(
        # A time series counts buckets, not documents.
        documents=None if facts["type"] == "timeseries" else sum(s.get("count", 0) for s in stats),
        size=sum(s.get("size", 0) for s in stats),
        storage_size=sum(s.get("storageSize", 0) for s in stats),
        index_size=sum(s.get("totalIndexSize", 0) for s in stats),
        indexes=max((s.get("nindexes", 0) for s in stats), default=0),
    )
    return facts


def manifest(server: dict, databases: dict) -> dict:
    """Return what a snapshot's reader must know to open and check its files, with the digest of all that."""
    content = {
        "mongodb_version": server["version"],
        "fcv": server["fcv"],
        "storage_engine": server["storage_engine"],
        "options": server["options"],
        "databases": databases,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return {**content, "sha256": hashlib.sha256(text.encode("ascii")).hexdigest()}


def instance_id(endpoint: str = METADATA_ENDPOINT, timeout: float = 2.0) -> str | None:
    """Return this EC2 instance's id from its metadata service (IMDSv2); None where there is none."""
    # A proxy that is set for the host must not be asked for a link-local address.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    lifetime = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    try:
        request = urllib.request.Request(f"{endpoint}/latest/api/token", method="PUT", headers=lifetime)
        with opener.open(request, timeout=timeout) as answer:
            token = answer.read().decode("ascii")
        request = urllib.request.Request(
            f"{endpoint}/latest/meta-data/instance-id", headers={"X-aws-ec2-metadata-token": token}
        )
        with opener.open(request, timeout=timeout) as answer:
            return answer.read().decode("ascii").strip() or None
    except (OSError, ValueError, urllib.error.URLError):
        return None


def ensure_users(client, place, users: list[dict], check_mode: bool = False) -> list[dict]:
    """Make every user exist with its password and roles; `users` have name, password, database, roles and label.

    Returns [{label, database, state: created|updated|unchanged, changes}]; no name or password is in it.
    """
    return [_ensure_user(client, place, user, check_mode) for user in users]


def _ensure_user(client, place, user: dict, check_mode: bool) -> dict:
    database = client[user["database"]]
    found = database.command("usersInfo", {"user": user["name"], "db": user["database"]})["users"]
    wanted = _roles(user["roles"], user["database"])
    result = {"username_parameter": user["label"], "database": user["database"], "state": "unchanged", "changes": []}
    if not found:
        result.update(state="created", changes=["password", "roles"])
        command = "createUser"
    else:
        if _roles(found[0]["roles"], user["database"]) != wanted:
            result["changes"].append("roles")
        if not _password_fits(place, user):
            result["changes"].append("password")
        if not result["changes"]:
            return result
        result["state"] = "updated"
        command = "updateUser"
    if not check_mode:
        values = {"roles": [{"role": role, "db": db} for db, role in sorted(wanted)]}
        if "password" in result["changes"]:
            values["pwd"] = user["password"]
        database.command(command, user["name"], **values)
    return result


def _roles(roles: list, database: str) -> set[tuple[str, str]]:
    return {(role.get("db", database), role["role"]) if isinstance(role, dict) else (database, role) for role in roles}


def _password_fits(place, user: dict) -> bool:
    try:
        with connect(place, user["name"], user["password"], user["database"]):
            return True
    except AuthenticationError:
        return False


def _brief(error: Exception) -> str:
    details = getattr(error, "details", None) or {}
    text = str(details.get("errmsg") or error)
    return text.splitlines()[0].split(", full error:")[0].rstrip(". ")[:300]


def storage_facts(service_facts, dbpath: str) -> dict:
    """Return where a dbPath of a container lies on the host and on which EBS volumes; raises DeviceError."""
    on_host = service_facts.host_path(dbpath)
    if on_host is None:
        raise NodeError(
            f"The dbPath {dbpath} of container {service_facts.container} lies in the container itself, not on a mount "
            "of the host: bind a directory of an EBS volume there."
        )
    main = devices.locate(on_host)
    # The journal or single databases may lie on volumes of their own; a copy without them is worthless.
    parts = [_part(".", main), *_parts_elsewhere(service_facts.mounts, dbpath, on_host)]
    volume_ids = {volume_id for part in parts for volume_id in part["volume_ids"]}
    return {
        "dbpath": dbpath,
        "dbpath_host": on_host,
        "owner_uid": os.stat(on_host).st_uid,
        "owner_gid": os.stat(on_host).st_gid,
        "mount_point": main["mount_point"],
        "relative_path": main["relative_path"],
        "device": main["device"],
        "filesystem": main["filesystem"],
        "volume_id": main["volume_id"],
        "volume_ids": sorted(volume_ids),
        "parts": parts,
        "on_root_volume": main["on_root_volume"],
    }


def storage_unsupported(storage: dict) -> list[str]:
    """Return one sentence for everything about the volumes that stands against opening a copy of them elsewhere."""
    reasons = []
    for part in storage["parts"]:
        where = f"The part {part['place']} of the dbPath {storage['dbpath_host']}"
        if len(part["volume_ids"]) > 1:
            reasons.append(
                f"{where} lies on a file system over {len(part['volume_ids'])} EBS volumes (LVM or RAID), which a "
                "restore cannot put together again: move it to one volume."
            )
        if part["symlink"]:
            reasons.append(f"{where} is a symbolic link, which leads nowhere in a copy: mount its volume there.")
    held = [volume_id for part in storage["parts"] for volume_id in part["volume_ids"]]
    shared = sorted({volume_id for volume_id in held if held.count(volume_id) > 1})
    if shared:
        reasons.append(
            f"Several mounts of the dbPath {storage['dbpath_host']} lie on volume {', '.join(shared)}: "
            "give each mount a volume of its own, or keep all in one directory."
        )
    return reasons


def _part(place: str, found: dict, symlink: bool = False) -> dict:
    return {
        "place": place,
        "relative_path": found["relative_path"],
        "volume_ids": found["volume_ids"],
        "symlink": symlink,
    }


def _parts_elsewhere(mounts: list[dict], dbpath: str, on_host: str) -> list[dict]:
    """Every part below the dbPath that a copy of its own directory would lack: mounts and symbolic links."""
    real = os.path.realpath(on_host)
    links = {place: os.path.realpath(os.path.join(real, place)) for place in _links(real)}
    paths = {
        place: target for place, target in links.items() if PurePosixPath(real) not in PurePosixPath(target).parents
    }
    for mount in devices.mounts():
        if PurePosixPath(real) in PurePosixPath(mount.mount_point).parents:
            paths[os.path.relpath(mount.mount_point, real)] = mount.mount_point
    for mount in mounts:
        if mount["source"] and PurePosixPath(dbpath) in PurePosixPath(mount["destination"]).parents:
            place = os.path.relpath(mount["destination"], dbpath)
            # What the container mounts where it lies already is no other part.
            if os.path.realpath(mount["source"]) != os.path.join(real, place):
                paths[place] = mount["source"]
    return [_part(place, devices.locate(path), place in links) for place, path in sorted(paths.items())]


def _links(real: str) -> Iterator[str]:
    """Symbolic links to directories, relative; two levels, for a database's own index directory is the deepest."""
    for top, names, _files in os.walk(real):
        below = os.path.relpath(top, real)
        yield from (os.path.normpath(os.path.join(below, name)) for name in names if os.path.islink(f"{top}/{name}"))
        if below != ".":
            names.clear()
