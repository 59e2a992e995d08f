"""What moto's SSM lacks and the connection needs: sessions, and which instances answer."""

from __future__ import annotations

import secrets
from collections import defaultdict
from datetime import datetime, timezone
from typing import Any

from moto.core.exceptions import ServiceException
from moto.core.responses import ActionResult
from moto.ssm.models import SimpleSystemManagerBackend
from moto.ssm.responses import SimpleSystemManagerResponse

from stagesync_lab import config, ebs, iam


class LabSSMBackend(SimpleSystemManagerBackend):
    """moto's, able to be stored: its dictionaries with unnamed factories are stored as plain ones."""

    @property
    def _url_module(self) -> Any:
        from moto.ssm import urls

        return urls

    def __reduce__(self) -> tuple:
        state = {name: dict(v) if isinstance(v, defaultdict) else v for name, v in self.__dict__.items()}
        return LabSSMBackend, (self.region_name, self.account_id), state

    def __setstate__(self, state: dict) -> None:
        for name, value in state.items():
            made = self.__dict__.get(name)
            if isinstance(made, defaultdict):
                made.update(value)
            else:
                self.__dict__[name] = value


class TargetNotConnected(ServiceException):
    """The host is down, or there is no such host."""

    code = "TargetNotConnected"


class LabSSMResponse(SimpleSystemManagerResponse):
    """Sessions with hosts that are up."""

    def start_session(self) -> ActionResult:
        target = self._get_param("Target")
        host = next((host for host in config.HOSTS.values() if host.instance_id == target), None)
        if host is None or ebs.leader_pid(host.role) is None:
            raise TargetNotConnected(f"{target} is not connected.")
        asking = iam.current.get()
        session = f"{asking.session_name if asking else 'lab'}-{secrets.token_hex(9)[:17]}"
        url = f"wss://ssmmessages.{self.region}.amazonaws.com/v1/data-channel/{session}?role=publish_subscribe"
        return ActionResult({"SessionId": session, "StreamUrl": url, "TokenValue": secrets.token_urlsafe(32)})

    def terminate_session(self) -> ActionResult:
        return ActionResult({"SessionId": self._get_param("SessionId")})

    def describe_instance_information(self) -> ActionResult:
        wanted = {
            value
            for condition in self._get_param("Filters", [])
            if condition.get("Key") == "InstanceIds"
            for value in condition.get("Values", [])
        }
        for condition in self._get_param("InstanceInformationFilterList", []):
            if condition.get("key") == "InstanceIds":
                wanted.update(condition.get("valueSet", []))
        hosts = [host for host in config.HOSTS.values() if not wanted or host.instance_id in wanted]
        return ActionResult({"InstanceInformationList": [self._information(host) for host in hosts]})

    def _information(self, host: config.Host) -> dict[str, Any]:
        return {
            "InstanceId": host.instance_id,
            "PingStatus": "Online" if ebs.leader_pid(host.role) is not None else "ConnectionLost",
            "LastPingDateTime": datetime.now(timezone.utc),
            "AgentVersion": "3.3.0.0",
            "IsLatestVersion": True,
            "PlatformType": "Linux",
            "PlatformName": "Debian GNU/Linux",
            "PlatformVersion": "12",
            "ResourceType": "EC2Instance",
            "IPAddress": host.address,
            "ComputerName": host.name,
        }
