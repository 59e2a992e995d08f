"""The AWS endpoint of the lab: moto's server in this process, with real block storage behind EC2.

    python -m stagesync_lab.control_plane [--port N] [--controller-only]

It listens on 127.0.0.1 for the controller and on the gateway's address in the lab's network namespace for the hosts,
where it also serves the instance metadata. Besides AWS it answers:

    GET  /lab/ready                      {"ready": true, "pid": ...}
    GET  /lab/stats                      {"sessions": n, "s3_puts": n, "calls": {"ec2:DescribeVolumes": n, ...}}
    POST /lab/stats/reset                sets the counts to nothing
    POST /lab/instances/<role>/state     {"state": "running"|"stopped"}: what the API says of the instance
    POST /lab/policies                   {"policies": [names in docs/iam], "without": Sid}: the controller's from now on
    /lab/faults                          see faults.py
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import fcntl
import io
import json
import logging
import os
import re
import signal
import socket
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from stagesync_lab import config, ebs, faults, iam, metadata

# moto reads its settings as it is imported.
os.environ.update(MOTO_EC2_LOAD_DEFAULT_AMIS="false", MOTO_PORT=str(config.API_PORT))
os.environ.pop("MOTO_ACCOUNT_ID", None)  # it would have precedence over each request's own account
from moto.core.request import Request  # noqa: E402
from moto.core.routing import get_service_router  # noqa: E402
from moto.ec2.models import ec2_backends  # noqa: E402
from moto.iam.models import iam_backends  # noqa: E402
from moto.kms.models import kms_backends  # noqa: E402
from moto.moto_server.werkzeug_app import (  # noqa: E402
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.s3.models import s3_backends  # noqa: E402
from moto.ssm import urls as ssm_urls  # noqa: E402
from moto.ssm.models import ssm_backends  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from stagesync_lab import ec2, ssm  # noqa: E402
from stagesync_lab.persistence import Store  # noqa: E402

log = logging.getLogger("stagesync_lab")

CLONE_NEWNET = 0x40000000
TICK_SECONDS = 0.1
READ_ONLY = ("Describe", "Get", "List", "Head")
VPC_RANGE = "10.77.0.0/16"
SUBNET_RANGE = "10.77.0.0/24"


@dataclass
class Call:
    """One AWS API request, as far as the lab needs to know it."""

    service: str
    operation: str
    protocol: str
    parameters: dict[str, list[str]]
    credential: iam.Credential
    asked: dict[str, Any]  # the parameters in the form that iam.py reads

    @property
    def name(self) -> str:
        return f"{self.service}:{self.operation}"

    @property
    def changes(self) -> bool:
        return not self.operation.startswith(READ_ONLY)

    @staticmethod
    def read(environ: dict[str, Any]) -> Call:
        """Understand the request; its body stays readable."""
        body = b""
        if environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            environ["wsgi.input"] = io.BytesIO(body)
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        credential = iam.Credential.read(environ)
        service = credential.service or "s3"
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if target:
            asked = _json_object(body)
            return Call(service, target.rpartition(".")[2], "json", _json_parameters(asked), credential, asked)
        if service == "s3":
            return _s3_call(environ, query, credential)
        form = query if "Action" in query else parse_qs(body.decode(errors="replace"), keep_blank_values=True)
        operation = form.get("Action", [""])[0] or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        protocol = "ec2" if service == "ec2" else "query"
        return Call(service, operation, protocol, _folded(form), credential, iam.nested(form))


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _json_parameters(asked: dict[str, Any]) -> dict[str, list[str]]:
    found = {}
    for name, entry in asked.items():
        entries = entry if isinstance(entry, list) else [entry]
        found[name] = [item if isinstance(item, str) else json.dumps(item) for item in entries]
    return found


def _folded(form: dict[str, list[str]]) -> dict[str, list[str]]:
    """SnapshotId.1, SnapshotId.2 are two values of SnapshotId, too."""
    found = {name: list(values) for name, values in form.items()}
    for name, values in form.items():
        plain = re.sub(r"\.\d+(?=\.|$)", "", name)
        if plain != name:
            found.setdefault(plain, []).extend(values)
    return found


def _s3_call(environ: dict[str, Any], query: dict[str, list[str]], credential: iam.Credential) -> Call:
    bucket, _slash, key = environ.get("PATH_INFO", "").lstrip("/").partition("/")
    parameters = {**query, "Bucket": [bucket], "Key": [key]}
    # The router reads the path only; the body stays for moto.
    probe = {name: value for name, value in environ.items() if name != "wsgi.input"}
    try:
        operation = get_service_router("s3").match(Request({**probe, "wsgi.input": io.BytesIO()}))[0].name
    except Exception:  # whatever moto cannot name is logged by its method and answered by moto
        operation = environ["REQUEST_METHOD"]
    return Call("s3", operation, "s3", parameters, credential, {"Bucket": bucket, "Key": key})


class Inventory:
    """What moto holds, as far as a permission may depend on it."""

    def __init__(self, region: str) -> None:
        self.region = region or config.REGION

    def _find(self, name: str, region: str | None = None) -> Any:
        backend = ec2_backends[config.ACCOUNT][region or self.region]
        if name.startswith("i-"):
            return backend.get_instance_by_id(name)
        return backend.volumes.get(name) or backend.usable_snapshots().get(name)

    def tags(self, resource_id: str) -> dict[str, str] | None:
        """See iam.Resources."""
        found = self._find(resource_id)
        return None if found is None else {tag["key"]: tag["value"] for tag in found.get_tags()}

    def volumes(self, instance_id: str) -> dict[str, bool]:
        """See iam.Resources."""
        instance = self._find(instance_id)
        mappings = instance.get_block_device_mapping if instance else ()
        return {mapping.volume_id: device == instance.root_device_name for device, mapping in mappings}

    def key(self, resource_id: str, region: str | None = None) -> str | None:
        """See iam.Resources. AWS's own keys are for everybody in the account to use."""
        if resource_id.startswith(("vol-", "snap-")):
            key = getattr(self._find(resource_id, region), "kms_key_id", None)
            return None if key == ec2_backends[config.ACCOUNT][region or self.region].default_kms_key_id else key
        if resource_id.startswith("/"):
            versions = ssm_backends[config.ACCOUNT][self.region]._parameters.get(resource_id)
            key = versions[-1].keyid if versions else None
        else:
            bucket = s3_backends[config.ACCOUNT]["aws"].buckets.get(resource_id)
            rule = ((bucket.encryption if bucket else None) or {}).get("Rule", {})
            key = rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
        return key if key and key.startswith("arn:") else None


class ControlPlane:
    """The WSGI application, and all state behind it."""

    def __init__(self, store: Store, principals: iam.Principals) -> None:
        self.principals = principals
        self.lock = threading.RLock()  # moto is not made for threads: one call at a time
        self.store = store
        self.faults = faults.Faults()
        self.calls: Counter[str] = Counter()
        self.succeeded: Counter[str] = Counter()
        self._moto = DomainDispatcherApplication(create_backend_app)
        ec2.is_stuck = self.faults.holds

    # AWS

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        if environ.get("PATH_INFO", "").startswith("/lab/"):
            return self._lab(environ, start_response)
        began = time.monotonic()
        call = Call.read(environ)
        status, headers, body = self._serve(call, environ)
        code = int(status.split()[0])
        self._count(call, code)
        milliseconds = (time.monotonic() - began) * 1000
        problem = f" {_error_code(headers, body)}" if code >= 400 else ""
        source = environ.get("REMOTE_ADDR", "-")
        log.info("%s %s %s %d%s %.0f ms", source, call.service, call.operation, code, problem, milliseconds)
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _serve(self, call: Call, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        fault = self.faults.take(call.name, call.parameters)
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.error:
            return self._refuse(call, fault.error, fault.message, fault.status)
        mark = faults.current.set(fault)
        try:
            with self.lock:
                refusal = self._refusal(call, environ)
                if refusal:
                    return self._refuse(call, *refusal)
                answer = self._ask_moto(environ)
                if call.changes:
                    self.store.save(call.service)
                return answer
        except NotImplementedError as error:
            log.warning("%s is not implemented: %s", call.name, error)
            if call.protocol == "json":
                return self._refuse(call, "UnknownOperationException", f"The lab does not know {call.name}.")
            return self._refuse(
                call, "InvalidAction", f"The action {call.operation} is not valid for this web service."
            )
        except Exception:  # a client must get an AWS error, whatever went wrong in here
            log.exception("%s failed", call.name)
            return self._refuse(call, "InternalError", "An internal error has occurred; see the lab's log.", 500)
        finally:
            faults.current.reset(mark)
            iam.current.set(None)

    def _refusal(self, call: Call, environ: dict[str, Any]) -> tuple[str, str, int] | None:
        """Code, message and status for who may not ask this, and for who only asks whether they may."""
        principal = self.principals.of_key(call.credential.access_key)
        if principal is None:
            return iam.not_known(call.protocol, call.credential.access_key)
        region = call.credential.region
        needed = iam.checks(
            call.service, call.operation, call.asked, Inventory(region), region, self.principals.of_session
        )
        sentence = principal.refusal(needed)
        if sentence:
            return iam.not_allowed(call.protocol, sentence)
        if call.protocol == "ec2" and call.asked.get("DryRun", "").lower() == "true":
            return "DryRunOperation", "Request would have succeeded, but DryRun flag is set.", 412
        iam.current.set(principal)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = principal.account
        return None

    def _ask_moto(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        answer: list = []

        def start_response(status: str, headers: list[tuple[str, str]], _info: object = None) -> None:
            answer[:] = [status, headers]

        chunks = self._moto(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return answer[0], answer[1], body

    @staticmethod
    def _refuse(
        call: Call, code: str, message: str, status: int | None = None
    ) -> tuple[str, list[tuple[str, str]], bytes]:
        request_id = str(uuid.uuid4())
        kind, text = faults.body(call.protocol, code, message, request_id)
        data = text.encode()
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(data))),
            ("x-amzn-requestid", request_id),
            ("x-amzn-errortype", code),
        ]
        return f"{status or faults.status_of(code)} Error", headers, data

    def _count(self, call: Call, code: int) -> None:
        with self.lock:
            self.calls[call.name] += 1
            if code < 400:
                self.succeeded[call.name] += 1

    # the lab's own

    def _lab(self, environ: dict[str, Any], start_response: Callable) -> list[bytes]:
        size = int(environ.get("CONTENT_LENGTH") or 0)
        parts = environ["PATH_INFO"].strip("/").split("/")[1:]
        try:
            sent = json.loads(environ["wsgi.input"].read(size)) if size else None
            status, answer = "200 OK", self._answer(environ["REQUEST_METHOD"], parts, sent)
            if answer is None:
                status, answer = "404 Not Found", {"error": f"there is no {environ['PATH_INFO']} here"}
        except ValueError as error:
            status, answer = "400 Bad Request", {"error": str(error)}
        data = json.dumps(answer).encode()
        start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
        return [data]

    def _answer(self, method: str, parts: list[str], sent: Any) -> dict | None:
        if (method, parts) == ("GET", ["ready"]):
            return {"ready": True, "pid": os.getpid()}
        if parts[:1] == ["stats"]:
            return self._stats(method, parts[1:])
        if parts[:1] == ["faults"]:
            return self._faults(method, parts[1:], sent)
        if (method, parts) == ("POST", ["policies"]):
            self.principals.grant(sent.get("policies", iam.BASIC), sent.get("without", ""))
            return {}
        if method == "POST" and len(parts) == 3 and parts[0] == "instances" and parts[2] == "state":
            return self._instance_state(parts[1], sent)
        return None

    def _stats(self, method: str, parts: list[str]) -> dict | None:
        with self.lock:
            if (method, parts) == ("POST", ["reset"]):
                self.calls.clear()
                self.succeeded.clear()
            elif (method, parts) != ("GET", []):
                return None
            return {
                "sessions": self.succeeded["ssm:StartSession"],
                "s3_puts": self.succeeded["s3:PutObject"] + self.succeeded["s3:CompleteMultipartUpload"],
                "calls": dict(sorted(self.calls.items())),
            }

    def _faults(self, method: str, parts: list[str], sent: Any) -> dict | None:
        if (method, parts) == ("GET", []):
            return {"faults": self.faults.list()}
        if (method, parts) == ("POST", []):
            return self.faults.add(sent)
        if method == "DELETE" and len(parts) <= 1:
            found = self.faults.clear(*parts)
            return {"cleared": found} if found or not parts else None
        return None

    def _instance_state(self, role: str, sent: Any) -> dict:
        if role not in config.HOSTS:
            raise ValueError(f"there is no host {role!r}; there are {', '.join(config.HOSTS)}")
        state = sent.get("state") if isinstance(sent, dict) else None
        if state not in ("running", "stopped"):
            raise ValueError('the state must be {"state": "running"} or {"state": "stopped"}')
        with self.lock:
            ec2_backends[config.ACCOUNT][config.REGION].set_state(config.HOSTS[role].instance_id, state)
            self.store.save("ec2")
        return {"role": role, "state": state}

    # time

    def tick(self) -> None:
        """Let every state end whose time has come."""
        with self.lock:
            changed = [backend.settle() for _account, _region, backend in ec2_backends.iter_backends()]
            if any(changed):
                self.store.save("ec2")


def _error_code(headers: list[tuple[str, str]], body: bytes) -> str:
    named = next((value for name, value in headers if name.lower() == "x-amzn-errortype"), "")
    found = re.search(rb'<Code>([\w.]+)</Code>|"__type": ?"([\w.#]+)"', body[:2000])
    return named or (next(group for group in found.groups() if group).decode() if found else "")


# --- what is there from the start -----------------------------------------------------------------------------------


def recover() -> None:
    """Make API, block storage and hosts agree after an unclean end."""
    backends = [backend for _account, _region, backend in ec2_backends.iter_backends()]
    volumes = {volume_id: volume for backend in backends for volume_id, volume in backend.volumes.items()}
    for volume_id in ebs.attachments():
        if volume_id not in volumes or volumes[volume_id].attachment is None:
            ebs.detach(volume_id, force=True)
    snapshots = {snapshot_id for backend in backends for snapshot_id in backend.snapshots}
    for name in ebs.collect(set(volumes), snapshots):
        log.warning("%s was never finished; its bytes are deleted", name)
    for backend in backends:
        backend.recover()


def bootstrap() -> None:
    """The network, the hosts' instances with their role, and the bucket; what is there already stays."""
    identities = iam_backends[config.ACCOUNT]["aws"]
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    for role in config.INSTANCE_ROLES:
        if role not in identities.instance_profiles:
            policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
            identities.create_role(role, policy, "/", None, "The lab's hosts", [], None)
            identities.create_instance_profile(role, "/", [role])
    if config.CONTROLLER not in identities.users:  # for sts:GetCallerIdentity; what it may do is in iam.py
        identities.create_user(config.REGION, config.CONTROLLER).id = config.CONTROLLER_ID
        identities.create_access_key(config.CONTROLLER).access_key_id = config.CONTROLLER_KEY
    keys = kms_backends[config.ACCOUNT][config.REGION]
    for arn in (config.PRODUCTION_KEY, config.STAGING_KEY, config.BUCKET_KEY):
        name = arn.rpartition("/")[2]
        if name not in keys.keys:
            key = keys.keys.pop(keys.create_key(None, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "The lab's", None).id)
            key.id, key.arn, keys.keys[name] = name, arn, key
    backend = ec2_backends[config.ACCOUNT][config.REGION]
    known = {instance.id for reservation in backend.reservations.values() for instance in reservation.instances}
    missing = [host for host in config.HOSTS.values() if host.instance_id not in known]
    if missing:
        vpc = backend.create_vpc(VPC_RANGE)
        vpc.add_tags({"Name": "stagesync-lab"})
        subnet = backend.create_subnet(vpc.id, SUBNET_RANGE, availability_zone=config.ZONE)
        for host in missing:
            backend.launch(host, subnet.id)
    s3 = s3_backends[config.ACCOUNT]["aws"]
    if config.BUCKET not in s3.buckets:
        s3.create_bucket(config.BUCKET, config.REGION)
        encryption = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": config.BUCKET_KEY}
        rule = {"ApplyServerSideEncryptionByDefault": encryption, "BucketKeyEnabled": "false"}
        s3.put_bucket_encryption(config.BUCKET, {"Rule": rule})
        rule = {"ID": "one-day", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": "1"}}
        s3.put_bucket_lifecycle_configuration(config.BUCKET, [rule])


def install() -> None:
    """Put the lab's classes in the place of moto's; before anything else touches them."""
    ec2.install()
    ssm_backends.backend = ssm.LabSSMBackend
    ssm_urls.url_paths["{0}/$"] = ssm.LabSSMResponse.dispatch


# --- the process ----------------------------------------------------------------------------------------------------


def _listen(address: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        raise RuntimeError(f"cannot listen on {address}:{port}: {error.strerror}") from error
    listener.listen(128)
    return listener


def _listen_in_namespace(ports: Iterable[int]) -> list[socket.socket]:
    """Sockets of the lab's network namespace; a thread goes there, so that this process stays where it is."""
    made: list[socket.socket] = []
    problems: list[Exception] = []

    def enter() -> None:
        try:
            handle = os.open(f"/run/netns/{config.NETWORK_NAMESPACE}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if ctypes.CDLL(None, use_errno=True).setns(handle, CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            finally:
                os.close(handle)
            made.extend(_listen(config.GATEWAY, port) for port in ports)
        except (OSError, RuntimeError) as error:
            problems.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if problems:
        raise RuntimeError(f"the network namespace {config.NETWORK_NAMESPACE} is not usable: {problems[0]}")
    return made


class _Handler(MotoRequestHandler):
    """Requests are logged by the application, with what they mean."""

    def log_request(self, *_args: object) -> None:
        return


def _serve(listener: socket.socket, application: Callable) -> None:
    host, port = listener.getsockname()
    server = make_server(host, port, application, threaded=True, request_handler=_Handler, fd=listener.fileno())
    threading.Thread(target=server.serve_forever, daemon=True).start()


def _open_log() -> None:
    config.LOGS.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(config.LOGS / "control-plane.log")
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False


@contextlib.contextmanager
def _only_one() -> Any:
    """The pid file, and a lock that ends with the process however it ends."""
    config.RUNTIME.mkdir(parents=True, exist_ok=True)
    path: Path = config.RUNTIME / "control-plane.pid"
    handle = os.open(config.RUNTIME / "control-plane.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        pid = path.read_text().strip() if path.exists() else "unknown"
        raise RuntimeError(f"a control plane is already running, pid {pid}") from error
    try:
        path.write_text(str(os.getpid()))
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def run(port: int, controller_only: bool) -> None:
    """Serve until told to end."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with _only_one():
        _open_log()
        controller = _listen("127.0.0.1", port)
        hosts = [] if controller_only else _listen_in_namespace((port, config.METADATA_PORT))
        ebs.ensure_pool()
        install()
        store = Store(config.STATE / "control-plane")
        store.load()
        recover()
        bootstrap()
        store.save("ec2")
        store.save("s3")
        principals = iam.Principals()
        plane = ControlPlane(store, principals)
        _serve(controller, plane)
        if hosts:
            _serve(hosts[0], plane)
            _serve(hosts[1], metadata.Metadata(config.HOSTS.values(), given_out=principals.add_instance))
        log.info("ready on port %d", port)
        while not stop.wait(TICK_SECONDS):
            try:
                plane.tick()
            except Exception:  # a volume that makes trouble must not stop the others
                log.exception("a state could not end")
        with plane.lock:  # no call is half written when the process ends
            log.info("ends")


def main() -> int:
    parser = argparse.ArgumentParser(description="The AWS endpoint of the lab.")
    parser.add_argument("--port", type=int, default=config.API_PORT)
    parser.add_argument("--controller-only", action="store_true", help="serve 127.0.0.1 alone, without the hosts")
    arguments = parser.parse_args()
    try:
        run(arguments.port, arguments.controller_only)
    except (RuntimeError, ebs.StorageError, iam.PolicyError) as error:
        print(f"control plane: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # requests still waiting in threads do not hold the end up
