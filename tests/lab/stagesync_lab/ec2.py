"""moto's EC2 with real volumes, states that take time, and the refusals of the real EC2 that moto does not know."""

from __future__ import annotations

import base64
import binascii
import copy
import logging
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotIdError
from moto.ec2.models import EC2Backend, elastic_block_store
from moto.ec2.models.block_device import BlockDeviceType
from moto.ec2.responses import EC2Response
from moto.ec2.utils import generic_filter, random_snapshot_id

from stagesync_lab import config, ebs, faults

log = logging.getLogger("stagesync_lab")

STATE_SECONDS = float(os.environ.get("STAGESYNC_LAB_STATE_SECONDS", "2"))
BUSY_SECONDS = 0.5  # how often a detach looks again whether the host has let go
ROOT_DEVICE = "/dev/xvda"
PENDING_SNAPSHOTS = 5  # EC2's limit for one volume

is_stuck: Callable[[str | None], bool] = lambda _fault: False  # noqa: E731 - the control plane puts its faults here


class Waiting:
    """A state that ends at a moment, unless a fault holds it."""

    due: float = 0
    since: float = 0
    fault: str | None = None
    end: str | None = None

    def wait(self, seconds: float | None = None) -> None:
        fault = faults.current.get()
        self.since = time.time()
        self.due = self.since + (STATE_SECONDS if seconds is None else seconds)
        self.fault = fault.id if fault and fault.stuck else None
        self.end = fault.end if fault else None

    @property
    def over(self) -> bool:
        return not is_stuck(self.fault) and time.time() >= self.due

    @property
    def part(self) -> float:
        if is_stuck(self.fault):
            return 0.0
        return min(1.0, (time.time() - self.since) / max(self.due - self.since, 0.001))


class LabAttachment(Waiting, elastic_block_store.VolumeAttachment):
    """An attachment that is `attaching`, `attached`, `detaching` or `busy`."""

    delete_on_termination = False
    force = False

    def change(self, status: str) -> None:
        self.status = status
        mapping = self.instance.block_device_mapping.get(self.device)
        if mapping is not None:
            mapping.status = status


class LabVolume(Waiting, elastic_block_store.Volume):
    """A volume that is `creating` for a while and then has real bytes to attach."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.snapshot_id = self.snapshot_id or ""
        self.multi_attach_enabled = bool(self.multi_attach_enabled)
        if self.volume_type == "gp3":
            self.throughput = self.throughput or 125
        self.own_state = "creating"
        self.wait()

    @property
    def status(self) -> str:
        return "in-use" if self.attachment else self.own_state


class LabSnapshot(Waiting, elastic_block_store.Snapshot):
    """A snapshot that is `pending` for a while; size and origin stay as they were when it was taken."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.status = "pending"
        self.state_message = ""
        self.size = self.volume.size
        self.completion_time: datetime | None = None
        self.wait()

    @property
    def volume_size(self) -> int:
        return self.size

    @property
    def progress(self) -> str:
        if self.status == "error":
            return ""
        return "100%" if self.status == "completed" else f"{min(99, int(self.part * 100))}%"

    @property
    def full_snapshot_size_in_bytes(self) -> int | None:
        return ebs.snapshot_bytes(self.id) if self.status == "completed" else None

    def get_filter_value(self, filter_name: str, method_name: str | None = None) -> Any:
        if filter_name == "start-time":
            return f"{self.start_time:%Y-%m-%dT%H:%M:%S}.{self.start_time.microsecond // 1000:03d}Z"
        if filter_name == "volume-size":
            return str(self.size)
        if filter_name == "progress":
            return self.progress
        return super().get_filter_value(filter_name, method_name)

    def seen_from(self, backend: LabEC2Backend) -> LabSnapshot:
        """As another account sees it, whose backend this is: tags stay with the owner."""
        seen = copy.copy(self)
        seen.ec2_backend = backend
        return seen


def _error(code: str, message: str) -> EC2ClientError:
    return EC2ClientError(code, message)


def _role(instance_id: str) -> str | None:
    return next((host.role for host in config.HOSTS.values() if host.instance_id == instance_id), None)


class LabEC2Backend(EC2Backend):
    """moto's backend, acting on the lab's block storage."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.client_tokens: dict[str, str] = {}

    @property
    def _url_module(self) -> Any:
        from moto.ec2 import urls

        return urls

    # volumes

    def describe_volumes(self, volume_ids: list[str] | None = None, filters: Any = None) -> list:
        for volume_id in volume_ids or []:
            self.get_volume(volume_id)
        return super().describe_volumes(volume_ids, filters)

    def create_volume(self, size: int, zone_name: str, snapshot_id: str | None = None, **kwargs: Any) -> LabVolume:
        if self.get_zone_by_name(zone_name) is None:
            raise _error("InvalidZone.NotFound", f"The zone '{zone_name}' does not exist.")
        if snapshot_id:
            snapshot = self.get_snapshot(snapshot_id)
            if snapshot.status != "completed":
                raise _error("IncorrectState", f"Snapshot is in invalid state - {snapshot.status}")
            if snapshot.encrypted:
                kwargs.update(encrypted=True, kms_key_id=kwargs.get("kms_key_id") or snapshot.kms_key_id)
            size = size or snapshot.volume_size
            if size < snapshot.volume_size:
                raise _error(
                    "InvalidParameterValue",
                    f"Volume of size {size}GB is smaller than snapshot '{snapshot_id}', "
                    f"expect size >= {snapshot.volume_size}GB",
                )
        volume = super().create_volume(size, zone_name, snapshot_id=snapshot_id, **kwargs)
        try:
            ebs.create_volume(volume.id, volume.size, snapshot_id)
        except BaseException:
            self.volumes.pop(volume.id)
            raise
        return volume

    def modify_volume(self, volume_id: str, target_size: int | None = None, *args: Any, **kwargs: Any) -> LabVolume:
        volume = self.get_volume(volume_id)
        if target_size and target_size < volume.size:
            raise _error("InvalidParameterValue", "New size cannot be smaller than existing size")
        super().modify_volume(volume_id, target_size, *args, **kwargs)
        if target_size:
            ebs.grow_volume(volume_id, target_size)
        return volume

    def delete_volume(self, volume_id: str) -> LabVolume:
        volume = super().delete_volume(volume_id)
        ebs.delete_volume(volume_id)
        return volume

    def attach_volume(
        self, volume_id: str, instance_id: str, device_path: str, delete_on_termination: bool = False
    ) -> LabAttachment:
        volume = self.get_volume(volume_id)
        instance = self.get_instance(instance_id)
        if not device_path:
            raise _error("MissingParameter", "The request must contain the parameter device")
        if instance.state not in ("running", "stopped"):
            raise _error("IncorrectState", f"Instance '{instance_id}' is not 'running'.")
        if volume.attachment:
            raise _error("VolumeInUse", f"{volume_id} is already attached to an instance")
        if volume.status != "available":
            raise _error("IncorrectState", f"{volume_id} is not 'available'.")
        if volume.availability_zone != instance.availability_zone:
            raise _error(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'",
            )
        if device_path in instance.block_device_mapping:
            raise _error(
                "InvalidParameterValue",
                f"Invalid value '{device_path}' for unixDevice. Attachment point {device_path} is already in use",
            )
        attachment = LabAttachment(volume, instance, device_path, "attaching")
        attachment.delete_on_termination = delete_on_termination
        attachment.wait()
        volume.attachment = attachment
        instance.block_device_mapping[device_path] = BlockDeviceType(
            volume_id=volume_id,
            status="attaching",
            size=volume.size,
            attach_time=attachment.attach_time,
            delete_on_termination=delete_on_termination,
        )
        return attachment

    def detach_volume(
        self, volume_id: str, instance_id: str | None = None, device_path: str | None = None, force: bool = False
    ) -> LabAttachment:
        volume = self.get_volume(volume_id)
        attachment = volume.attachment
        if attachment is None:
            raise _error("IncorrectState", f"Volume '{volume_id}' is in the '{volume.status}' state.")
        if instance_id:
            self.get_instance(instance_id)
        if instance_id not in (None, "", attachment.instance.id) or device_path not in (None, "", attachment.device):
            raise _error(
                "InvalidAttachment.NotFound",
                f"The volume '{volume_id}' is not attached to instance '{instance_id or attachment.instance.id}' "
                f"as device '{device_path or attachment.device}'.",
            )
        if attachment.device == attachment.instance.root_device_name and attachment.instance.state == "running":
            raise _error(
                "OperationNotPermitted",
                f"Unable to detach root volume '{attachment.device}' from instance '{attachment.instance.id}'",
            )
        attachment.force = force
        if attachment.status not in ("detaching", "busy"):
            attachment.wait()
        elif force:
            attachment.wait(0)
        attachment.change("detaching")
        return attachment

    # snapshots

    def get_snapshot(self, snapshot_id: str) -> LabSnapshot:
        try:
            return super().get_snapshot(snapshot_id)
        except InvalidSnapshotIdError as error:
            raise _error("InvalidSnapshot.NotFound", f"The snapshot '{snapshot_id}' does not exist.") from error

    def usable_snapshots(self) -> dict[str, LabSnapshot]:
        """The account's own in this region, and those that others share with it."""
        from moto.ec2.models import ec2_backends

        shared = [
            snapshot.seen_from(self)
            for account, region, backend in ec2_backends.iter_backends()
            if account != self.account_id and region == self.region_name
            for snapshot in backend.snapshots.values()
            if self.account_id in snapshot.create_volume_permission_userids
        ]
        return {**self.snapshots, **{snapshot.id: snapshot for snapshot in shared}}

    def _usable(self, snapshot_id: str) -> LabSnapshot:
        found = self.usable_snapshots().get(snapshot_id)
        return found or self.get_snapshot(snapshot_id)  # which refuses it

    def describe_snapshots(self, snapshot_ids: list[str] | None = None, filters: Any = None) -> list:
        found = [self._usable(name) for name in snapshot_ids] if snapshot_ids else [*self.usable_snapshots().values()]
        return generic_filter(filters, found) if filters else found

    def add_create_volume_permission(self, snapshot_id: str, user_ids: list[str], groups: list[str]) -> None:
        key = self.get_snapshot(snapshot_id).kms_key_id
        if key and key == self.default_kms_key_id:
            raise _error("OperationNotPermitted", "Encrypted snapshots with EBS default key cannot be shared")
        super().add_create_volume_permission(snapshot_id, user_ids, groups)

    def _create_default_encryption_key(self) -> str:
        from moto.kms.models import kms_backends

        arn = super()._create_default_encryption_key()
        kms_backends[self.account_id][self.region_name].describe_key(arn).key_manager = "AWS"
        return arn

    def create_snapshot(self, volume_id: str, description: str, **kwargs: Any) -> LabSnapshot:
        return self._take([volume_id], description, **kwargs)[0]

    def create_snapshots(self, instance_spec: dict[str, Any], description: str, tags: dict[str, str]) -> list:
        instance = self.get_instance(instance_spec["InstanceId"])
        excluded = set(instance_spec.get("ExcludeDataVolumeIds") or [])
        volumes = {device: mapping.volume_id for device, mapping in instance.get_block_device_mapping}
        unknown = excluded - {v for device, v in volumes.items() if device != instance.root_device_name}
        if unknown:
            raise _error(
                "InvalidParameterValue",
                f"The volumes {', '.join(sorted(unknown))} are not data volumes of instance '{instance.id}'",
            )
        if str(instance_spec.get("ExcludeBootVolume", False)).lower() == "true":
            excluded.add(volumes.get(instance.root_device_name))
        chosen = [volume_id for volume_id in volumes.values() if volume_id not in excluded]
        if not chosen:
            raise _error("InvalidParameterValue", f"All volumes of instance '{instance.id}' are excluded")
        return self._take(chosen, description, _role(instance.id), tags)

    def _take(
        self,
        volume_ids: list[str],
        description: str,
        role: str | None = None,
        tags: dict[str, str] | None = None,
        **kwargs: Any,
    ) -> list[LabSnapshot]:
        for volume_id in volume_ids:
            volume = self.get_volume(volume_id)
            if volume.status not in ("available", "in-use"):
                raise _error("IncorrectState", f"Volume '{volume_id}' is in the '{volume.status}' state.")
            pending = [s for s in self.snapshots.values() if s.volume_id == volume_id and s.status == "pending"]
            if len(pending) >= PENDING_SNAPSHOTS:
                raise _error(
                    "ConcurrentSnapshotLimitExceeded",
                    "Maximum allowed in-progress snapshots for a single volume exceeded.",
                )
        pairs = {volume_id: random_snapshot_id() for volume_id in volume_ids}
        ebs.create_snapshots(pairs, role)
        taken = []
        for volume_id, snapshot_id in pairs.items():
            volume = self.get_volume(volume_id)
            snapshot = LabSnapshot(
                self, snapshot_id, volume, description, volume.encrypted, volume.kms_key_id, **kwargs
            )
            self.snapshots[snapshot_id] = snapshot
            snapshot.add_tags(tags or {})
            taken.append(snapshot)
        return taken

    def copy_snapshot(
        self, source_snapshot_id: str, source_region: str, description: str, kms_key_id: str | None
    ) -> LabSnapshot:
        from moto.ec2.models import ec2_backends

        (source,) = ec2_backends[self.account_id][source_region].describe_snapshots([source_snapshot_id])
        if source.status != "completed":
            raise _error("IncorrectState", f"Snapshot is in invalid state - {source.status}")
        snapshot = LabSnapshot(self, random_snapshot_id(), source.volume, description)
        snapshot.size = source.size
        if source.encrypted or kms_key_id:
            self.encrypt(snapshot, kms_key_id)
        self.snapshots[snapshot.id] = snapshot
        ebs.copy_snapshot(source_snapshot_id, snapshot.id)
        return snapshot

    def encrypt(self, snapshot: LabSnapshot, kms_key_id: str | None) -> None:
        """With this key, or the account's default one; a copy does not inherit its original's."""
        snapshot.encrypted = True
        snapshot.kms_key_id = kms_key_id or self.default_kms_key_id or self._create_default_encryption_key()

    def delete_snapshot(self, snapshot_id: str) -> LabSnapshot:
        self.get_snapshot(snapshot_id)
        snapshot = super().delete_snapshot(snapshot_id)
        ebs.delete_snapshot(snapshot_id)
        return snapshot

    # the passing of time

    def settle(self) -> bool:
        """Let every state end whose time has come; tell whether any did."""
        changed = False
        for snapshot in self.snapshots.values():
            if snapshot.status == "pending" and snapshot.over:
                snapshot.status = snapshot.end or "completed"
                if snapshot.end:
                    snapshot.state_message = "Injected by the lab."
                else:
                    snapshot.completion_time = utcnow()
                changed = True
        for volume in self.volumes.values():
            if volume.own_state == "creating" and volume.over:
                volume.own_state = volume.end or "available"
                changed = True
            attachment = volume.attachment
            if attachment and attachment.status != "attached" and attachment.over:
                changed |= self._move(volume, attachment)
        return changed

    def _move(self, volume: LabVolume, attachment: LabAttachment) -> bool:
        """Attach or detach the real device."""
        before = attachment.status
        role = _role(attachment.instance.id)
        try:
            if before == "attaching":
                if role:
                    ebs.attach(volume.id, role, attachment.device)
                attachment.change("attached")
            else:
                ebs.detach(volume.id, attachment.force)
                attachment.instance.block_device_mapping.pop(attachment.device, None)
                volume.attachment = None
                return True
        except ebs.Busy:
            attachment.due = time.time() + BUSY_SECONDS
            if before != "attaching":
                attachment.change("busy")
        except (OSError, ebs.StorageError) as error:
            attachment.due = time.time() + 1
            log.warning("%s of %s: %s", before, volume.id, error)
        return attachment.status != before

    def recover(self) -> None:
        """After an unclean end: make records and bytes agree again."""
        for volume_id in [v for v in self.volumes if not ebs.volume_file(v).exists()]:
            log.warning("the bytes of %s are gone; it counts as deleted", volume_id)
            attachment = self.volumes.pop(volume_id).attachment
            if attachment:
                attachment.instance.block_device_mapping.pop(attachment.device, None)
        for snapshot_id in [s for s in self.snapshots if not ebs.snapshot_file(s).exists()]:
            log.warning("the bytes of %s are gone; it counts as deleted", snapshot_id)
            self.snapshots.pop(snapshot_id)
        for volume in self.volumes.values():
            attachment = volume.attachment
            role = _role(attachment.instance.id) if attachment else None
            if attachment and role and attachment.status == "attached" and attachment.device != ROOT_DEVICE:
                ebs.attach(volume.id, role, attachment.device)

    # the lab's own instances

    def launch(self, host: config.Host, subnet_id: str) -> None:
        """The instance of one host, with a root volume, as if it had been started long ago."""
        reservation = self.run_instances(
            "ami-0debian12lab00000",
            1,
            None,
            ["default"],
            instance_type="m6i.large",
            is_instance_type_default=False,
            region_name=self.region_name,
            subnet_id=subnet_id,
            private_ip=host.address,
            associate_public_ip=False,
            disable_api_termination=True,
            block_device_mappings=[],
            tags={},
        )
        instance = reservation.instances[0]
        instance.id = host.instance_id
        instance.root_device_name = ROOT_DEVICE
        instance.architecture = "x86_64"
        instance.virtualization_type = "hvm"
        instance.add_tags(
            {"Name": host.name, "Environment": host.environment, "stagesync:role": host.role},
        )
        self.associate_iam_instance_profile(instance.id, iam_instance_profile_name=host.instance_role)
        volume = self.create_volume(8, config.ZONE, volume_type="gp3")
        volume.own_state = "available"
        volume.add_tags({"Name": f"{host.name}-root"})
        self.attach_volume(volume.id, instance.id, ROOT_DEVICE, True).change("attached")

    def set_state(self, instance_id: str, name: str) -> None:
        """Say that an instance is running or stopped, without asking it."""
        state = self.get_instance(instance_id)._state
        state.name, state.code = name, {"running": 16, "stopped": 80}[name]


def _page(items: list, identity: Callable[[Any], str], token: str | None, size: int | None) -> tuple[list, str | None]:
    """One page of what a call would answer, and the token for the next."""
    if size is not None and not 5 <= size <= 1000:
        raise _error(
            "InvalidParameterValue",
            f"Value ( {size} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.",
        )
    start = 0
    if token:
        try:
            last = base64.urlsafe_b64decode(token.encode()).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise _error("InvalidParameterValue", "Invalid value for nextToken") from error
        start = next((i + 1 for i, item in enumerate(items) if identity(item) == last), len(items))
    page = items[start : start + (size or 1000)]
    more = start + len(page) < len(items)
    return page, base64.urlsafe_b64encode(identity(page[-1]).encode()).decode() if more and page else None


class LabEC2Response(EC2Response):
    """The parameters that moto does not look at."""

    def create_volume(self) -> ActionResult:
        tokens = self.ec2_backend.client_tokens
        token = self._get_param("ClientToken")
        if token in tokens:
            return ActionResult(self.ec2_backend.get_volume(tokens[token]))
        answer = super().create_volume()
        if token:
            tokens[token] = answer.result.id
        return answer

    def create_snapshots(self) -> ActionResult:
        answer = super().create_snapshots()
        if self._get_param("CopyTagsFromSource") == "volume":
            for snapshot in answer.result["Snapshots"]:
                own = {tag["key"]: tag["value"] for tag in snapshot.get_tags()}
                copied = {tag["key"]: tag["value"] for tag in snapshot.volume.get_tags()}
                snapshot.add_tags({**copied, **own})
        return answer

    def copy_snapshot(self) -> ActionResult:
        answer = super().copy_snapshot()
        copied = self.ec2_backend.get_snapshot(answer.result["SnapshotId"])
        if self._get_bool_param("Encrypted", False) and not copied.encrypted:
            self.ec2_backend.encrypt(copied, None)
        return answer

    def detach_volume(self) -> ActionResult:
        self.error_on_dryrun()
        attachment = self.ec2_backend.detach_volume(
            self._get_param("VolumeId"),
            self._get_param("InstanceId"),
            self._get_param("Device"),
            self._get_bool_param("Force", False),
        )
        return ActionResult(
            {
                "VolumeId": attachment.volume_id,
                "InstanceId": attachment.instance_id,
                "Device": attachment.device,
                "State": attachment.status,
                "AttachTime": attachment.attach_time,
            }
        )

    def describe_snapshots(self) -> ActionResult:
        ids = self._get_param("SnapshotIds", [])
        found: Iterable = self.ec2_backend.describe_snapshots(ids, self._filters_from_querystring())
        owners = {self.current_account if o == "self" else o for o in self._get_param("OwnerIds", [])}
        found = [snapshot for snapshot in found if not owners or snapshot.owner_id in owners]
        return self._paged("Snapshots", "snapshotSet", ids, found)

    def describe_volumes(self) -> ActionResult:
        ids = self._get_param("VolumeIds", [])
        found = self.ec2_backend.describe_volumes(ids, self._filters_from_querystring())
        return self._paged("Volumes", "volumesSet", ids, found)

    def _paged(self, key: str, parameter: str, ids: list[str], found: list) -> ActionResult:
        size = self._get_int_param("MaxResults")
        if ids and size is not None:
            raise _error(
                "InvalidParameterCombination",
                f"The parameter {parameter} cannot be used with the parameter maxResults",
            )
        page, token = _page(found, lambda item: item.id, self._get_param("NextToken"), size)
        return ActionResult({key: page, "NextToken": token})


def install() -> None:
    """Put the lab's classes in the place of moto's; before the first request."""
    from moto.ec2 import urls
    from moto.ec2.models import ec2_backends

    elastic_block_store.Volume = LabVolume
    elastic_block_store.Snapshot = LabSnapshot
    elastic_block_store.VolumeAttachment = LabAttachment
    ec2_backends.backend = LabEC2Backend
    urls.url_paths["{0}/"] = LabEC2Response.dispatch
