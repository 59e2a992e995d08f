# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""What proves that a host is staging and no part of production, each as a check with a verdict.

The host's word (`node`, as mongodb_node_info returns it), EC2's word, and, where it was read, the word of production's
secondary must agree. None of them is taken from a variable.
"""

from __future__ import annotations

from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.amazon.aws.plugins.module_utils.tagging import boto3_tag_list_to_ansible_dict

from .ebs.api import FILTER_VALUES, Handler, describe_instance
from .ebs.volumes import describe_volumes

TAG_TARGET = "stagesync:target"


@Handler.common_error_handler("look for production's instances")
@AWSRetry.jittered_backoff()
def instances_at(client, addresses: list) -> list:
    """The instances that have these private addresses, as EC2 gives them."""
    found = []
    for start in range(0, len(addresses), FILTER_VALUES):
        filters = [{"Name": "private-ip-address", "Values": addresses[start : start + FILTER_VALUES]}]
        for page in client.get_paginator("describe_instances").paginate(Filters=filters):
            found += [instance for reservation in page["Reservations"] for instance in reservation["Instances"]]
    return found


def prove(client, instance_id: str, node: dict, production: list, tag: tuple) -> list:
    """All checks of the host that the inventory calls `instance_id`; raises EbsApiError.

    production   of each of production's hosts that was read: {instance_id, replica_set, storage}
    tag          name and value of the tag that staging's instance has
    Returns [{check, ok, found, remedy}].
    """
    named = node["instance_id"] or instance_id
    instance = describe_instance(client, named)
    volumes = describe_volumes(client, VolumeIds=node["storage"]["volume_ids"]) if node["storage"]["volume_ids"] else []
    checks = own_checks(instance_id, node, instance, volumes, tag)
    members = [member for host in production for member in (host["replica_set"] or {}).get("members", [])]
    if members:
        addresses = sorted({address for member in members for address in member["addresses"] if ":" not in address})
        known = instances_at(client, addresses) if addresses else []
        checks += production_checks(named, node, instance, production, members, known)
    return checks


def own_checks(instance_id: str, node: dict, instance: dict, volumes: list, tag: tuple) -> list:
    """What can be known without production."""
    name, wanted = tag
    given = boto3_tag_list_to_ansible_dict(instance.get("Tags", [])).get(name)
    container, storage = node["container"], node["storage"]
    identity = node["replica_set_identity"] or {}
    mine = [wrong for volume in volumes if (wrong := _volume_of_another(volume, instance.get("InstanceId"), tag))]
    # DescribeVolumes answers nothing at all where one of them is not there.
    unknown = sorted({*storage["volume_ids"]} - {volume["volume_id"] for volume in volumes})
    mine += [f"{volume_id} is not known to EC2" for volume_id in unknown]
    alone = len(storage["volume_ids"]) == 1 and not storage["on_root_volume"]
    other = [] if storage["on_root_volume"] else node["unsupported"]
    return [
        _check(
            "the host is the one meant",
            node["instance_id"] == instance_id,
            f"the host that is reached as {instance_id} is {node['instance_id'] or 'without instance metadata'}",
            "Connect to each host by its own instance id, as the inventory does, and let no ansible_* variable point "
            "elsewhere",
        ),
        _check(
            "the target is staging",
            given == wanted,
            f"{instance_id} has the tag {name}={'(none)' if given is None else given}",
            f"Tag the staging instance {name}={wanted}, and no other",
        ),
        _check(
            "staging is a standalone",
            node["replica_set"] is None,
            f"container {container['name']} on {instance_id} runs as a replica-set member",
            "Run staging's mongod without --replSet",
        ),
        _check(
            "staging's data belong to no replica set",
            not identity,
            f"the data of container {container['name']} on {instance_id} are those of a member of replica set "
            f"{identity.get('name')} that runs without it",
            "If this really is staging, drop its database `local` once; a member of production never is a target",
        ),
        _check(
            "data volume",
            alone,
            f"{storage['dbpath_host']} on {instance_id} lies on "
            + ("the root volume" if storage["on_root_volume"] else f"{len(storage['volume_ids'])} EBS volumes"),
            "Keep the dbPath on one EBS data volume of its own, which the swap can exchange",
        ),
        _check(
            "the data volume is staging's",
            not mine,
            "; ".join(mine),
            "Give staging a data volume of its own",
        ),
        _check(
            "staging's mongod can be replaced",
            not other and bool(container["image"]) and storage["mount_point"] != "/",
            " ".join(other) or f"container {container['name']} on {instance_id} has no named image",
            "Point stagesync_container at the container that serves staging",
        ),
    ]


def production_checks(
    instance_id: str, node: dict, instance: dict, production: list, members: list, known: list
) -> list:
    """What the members of production's replica set, and EC2's word on their instances, add."""
    own_names = _names(instance)
    shared = sorted(
        {member["host"] for member in members if {_host(member["host"]), *member["addresses"]} & own_names}
        | {found["InstanceId"] for found in known if found["InstanceId"] == instance_id}
        | {host["instance_id"] for host in production if host["instance_id"] == instance_id}
    )
    theirs = {volume for host in production for volume in host["storage"]["volume_ids"]}
    theirs |= {volume for found in known for volume in _volumes(found)}
    volumes = sorted(theirs & {*node["storage"]["volume_ids"], *_volumes(instance)})
    return [
        _check(
            "staging is no member of production's replica set",
            not shared,
            f"{instance_id} is {', '.join(shared)} in the replica set that is to be copied",
            "Point group mongodb_staging at an instance outside of production",
        ),
        _check(
            "staging's volumes are not production's",
            not volumes,
            f"{', '.join(volumes)} of {instance_id} belongs to production too",
            "Give staging a data volume of its own",
        ),
    ]


def _check(name: str, ok: bool, found: str, remedy: str) -> dict:
    return {"check": name, "ok": ok, "found": found, "remedy": remedy}


def _volume_of_another(volume: dict, instance_id: str | None, tag: tuple) -> str | None:
    tags, volume_id = volume["tags"], volume["volume_id"]
    name, wanted = tag
    if tags.get(name, wanted) != wanted:
        return f"{volume_id} has the tag {name}={tags[name]}"
    if tags.get(TAG_TARGET, instance_id) != instance_id:
        return f"{volume_id} has the tag {TAG_TARGET}={tags[TAG_TARGET]}"
    others = [entry["instance_id"] for entry in volume["attachments"] if entry["instance_id"] != instance_id]
    return f"{volume_id} is attached to {', '.join(others)} too" if others else None


def _names(instance: dict) -> set:
    """Every address and name that EC2 knows of an instance."""
    interfaces = instance.get("NetworkInterfaces", [])
    private = [address for interface in interfaces for address in interface.get("PrivateIpAddresses", [])]
    names = [instance.get(key) for key in ("PrivateIpAddress", "PublicIpAddress", "PrivateDnsName", "PublicDnsName")]
    names += [address.get(key) for address in private for key in ("PrivateIpAddress", "PrivateDnsName")]
    names += [address.get("Ipv6Address") for interface in interfaces for address in interface.get("Ipv6Addresses", [])]
    return {name.lower() for name in names if name}


def _host(place: str) -> str:
    """The host of "host:port"."""
    return place.rpartition(":")[0].strip("[]").lower()


def _volumes(instance: dict) -> list:
    return [mapping["Ebs"]["VolumeId"] for mapping in instance.get("BlockDeviceMappings", []) if "Ebs" in mapping]
