"""The instance metadata service (IMDSv2) of the lab's hosts, which are told apart by the address they ask from."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from stagesync_lab import config

CREDENTIAL_HOURS = 6
MAX_TOKEN_SECONDS = 21600


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


class Metadata:
    """A WSGI application."""

    def __init__(
        self,
        hosts: Iterable[config.Host],
        now: Callable[[], float] = time.time,
        given_out: Callable[[str, config.Host], None] = lambda _access_key, _host: None,
    ) -> None:
        self._hosts = {host.address: host for host in hosts}
        self._now = now
        self._given_out = given_out
        self._lock = threading.Lock()
        self._tokens: dict[str, tuple[str, float]] = {}
        self._credentials: dict[str, dict[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> list[bytes]:
        status, body, headers = self._answer(environ)
        data = body.encode()
        kind = ("Content-Type", "text/plain")
        start_response(status, [kind, ("Content-Length", str(len(data))), ("Server", "EC2ws"), *headers])
        return [data]

    def _answer(self, environ: dict[str, Any]) -> tuple[str, str, list[tuple[str, str]]]:
        address = environ.get("REMOTE_ADDR", "")
        host = self._hosts.get(address)
        path = environ.get("PATH_INFO", "").rstrip("/")
        if host is None:
            return "404 Not Found", f"no instance has the address {address}", []
        if environ.get("HTTP_X_FORWARDED_FOR"):
            return "403 Forbidden", "", []
        if environ["REQUEST_METHOD"] == "PUT" and path == "/latest/api/token":
            return self._token(address, environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN_TTL_SECONDS", ""))
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return "405 Method Not Allowed", "", []
        if not self._known(address, environ.get("HTTP_X_AWS_EC2_METADATA_TOKEN", "")):
            return "401 Unauthorized", "", []
        value = self._values(host).get(path)
        return ("404 Not Found", "", []) if value is None else ("200 OK", value, [])

    def _token(self, address: str, seconds: str) -> tuple[str, str, list[tuple[str, str]]]:
        if not seconds.isdigit() or not 1 <= int(seconds) <= MAX_TOKEN_SECONDS:
            return "400 Bad Request", "", []
        token = secrets.token_urlsafe(40)
        with self._lock:
            now = self._now()
            self._tokens = {name: entry for name, entry in self._tokens.items() if entry[1] > now}
            self._tokens[token] = (address, now + int(seconds))
        return "200 OK", token, [("X-aws-ec2-metadata-token-ttl-seconds", seconds)]

    def _known(self, address: str, token: str) -> bool:
        with self._lock:
            owner, until = self._tokens.get(token, ("", 0.0))
        return owner == address and until > self._now()

    def _role_credentials(self, host: config.Host) -> str:
        now = datetime.fromtimestamp(self._now(), timezone.utc)
        with self._lock:
            known = self._credentials.get(host.role)
            # As on EC2, new ones come well before the old ones end.
            if known is None or known["Expiration"] < _time(now + timedelta(minutes=15)):
                known = self._credentials[host.role] = {
                    "Code": "Success",
                    "LastUpdated": _time(now),
                    "Type": "AWS-HMAC",
                    "AccessKeyId": "ASIA" + secrets.token_hex(8).upper(),
                    "SecretAccessKey": secrets.token_urlsafe(30),
                    "Token": secrets.token_urlsafe(120),
                    "Expiration": _time(now + timedelta(hours=CREDENTIAL_HOURS)),
                }
                self._given_out(known["AccessKeyId"], host)
        return json.dumps(known, indent=2)

    def _values(self, host: config.Host) -> dict[str, str]:
        name = f"ip-{host.address.replace('.', '-')}.{config.REGION}.compute.internal"
        arn = f"arn:aws:iam::{config.ACCOUNT}:instance-profile/{host.instance_role}"
        document = {
            "accountId": config.ACCOUNT,
            "architecture": "x86_64",
            "availabilityZone": config.ZONE,
            "instanceId": host.instance_id,
            "instanceType": "m6i.large",
            "privateIp": host.address,
            "region": config.REGION,
            "version": "2017-09-30",
        }
        values = {
            "/latest/dynamic/instance-identity/document": json.dumps(document, indent=2),
            "/latest/meta-data/hostname": name,
            "/latest/meta-data/iam/info": json.dumps({"Code": "Success", "InstanceProfileArn": arn}),
            "/latest/meta-data/iam/security-credentials": host.instance_role,
            f"/latest/meta-data/iam/security-credentials/{host.instance_role}": self._role_credentials(host),
            "/latest/meta-data/instance-id": host.instance_id,
            "/latest/meta-data/instance-type": "m6i.large",
            "/latest/meta-data/local-hostname": name,
            "/latest/meta-data/local-ipv4": host.address,
            "/latest/meta-data/placement/availability-zone": config.ZONE,
            "/latest/meta-data/placement/region": config.REGION,
        }
        # Folders answer with what is in them.
        for folder in ("/latest/meta-data", "/latest/meta-data/iam", "/latest/meta-data/placement"):
            below = {path[len(folder) + 1 :] for path in values if path.startswith(f"{folder}/")}
            names = {entry.split("/")[0] + ("/" if "/" in entry else "") for entry in below}
            values[folder] = "\n".join(sorted(names))
        return values
