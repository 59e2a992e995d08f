"""Who may do what in the lab: the policies of docs/iam with the lab's values, evaluated as IAM does.

A request becomes the checks that the service authorization reference lists for its action: the action itself on every
resource it touches, and what depends on it (CreateTags while something is made, the keys of what is encrypted). Every
check needs an Allow and no Deny. What is not known here is checked on the resource `*`, which few statements allow.
"""

from __future__ import annotations

import contextvars
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import translate
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs

from stagesync_lab import config

TEMPLATES = Path(__file__).resolve().parents[3] / "docs/iam"
# The values of the templates' placeholders.
VALUES = {
    "region": config.REGION,
    "account": config.ACCOUNT,
    "bucket": config.BUCKET,
    "set": config.SNAPSHOT_SET,
    "secondary-instance": config.HOSTS["secondary"].instance_id,
    "staging-instance": config.HOSTS["staging"].instance_id,
    "production-key": config.PRODUCTION_KEY,
    "staging-key": config.STAGING_KEY,
    "bucket-key": config.BUCKET_KEY,
    "other-account": config.OTHER_ACCOUNT,
    "source-region": config.OTHER_REGION,
    "source-key": config.OTHER_KEY,
}
SHELL_DOCUMENT = "SSM-SessionManagerRunShell"
# Nobody needs a permission for it.
FREE = {"sts:GetCallerIdentity"}


class PolicyError(Exception):
    """A policy that cannot be evaluated as it is written; one sentence for people."""


# --- policies -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Check:
    """One thing that must be allowed. Condition keys are in lower case, as IAM does not tell case apart in them."""

    action: str
    resource: str = "*"
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def _pattern(text: str) -> re.Pattern[str]:
    # IAM knows `*` and `?` only; a bracket is itself.
    return re.compile(translate(text.replace("[", "[[]")), re.DOTALL)


def _like(value: str, pattern: str) -> bool:
    return _pattern(pattern).match(value) is not None


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda value, wanted: value == wanted,
    "StringNotEquals": lambda value, wanted: value != wanted,
    "StringLike": _like,
    "ArnLike": _like,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
}


@dataclass(frozen=True)
class Condition:
    """One operator with one key."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: str
    if_exists: bool

    @staticmethod
    def read(operator: str, key: str, values: Any) -> Condition:
        quantifier, _colon, name = operator.rpartition(":")
        plain = name.removesuffix("IfExists")
        if plain not in _OPERATORS or quantifier not in ("", "ForAllValues", "ForAnyValue"):
            raise PolicyError(f"the lab does not know the condition operator {operator}: add it to iam.py")
        return Condition(plain, key.lower(), tuple(_listed(values)), quantifier, plain != name)

    def holds(self, context: Mapping[str, tuple[str, ...]]) -> bool:
        if self.key not in context:
            return self.if_exists or self.quantifier == "ForAllValues" or self.operator == "StringNotEquals"
        wanted = [value for value in (_filled(text, context) for text in self.values) if value is not None]
        compare = _OPERATORS[self.operator]
        # A negated operator must hold against every value of the policy.
        of_policy = all if self.operator == "StringNotEquals" else any
        matches = (of_policy(compare(value, want) for want in wanted) for value in context[self.key])
        return any(matches) if self.quantifier == "ForAnyValue" else all(matches)


def _filled(text: str, context: Mapping[str, tuple[str, ...]]) -> str | None:
    """The text with its policy variables; None where one has no value, which matches nothing."""
    for name in re.findall(r"\$\{([^}]+)\}", text):
        values = context.get(name.lower(), ())
        if len(values) != 1:
            return None
        text = text.replace(f"${{{name}}}", values[0])
    return text


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    all_but: bool
    conditions: tuple[Condition, ...]

    @staticmethod
    def read(raw: dict[str, Any]) -> Statement:
        unknown = set(raw) - {"Sid", "Effect", "Action", "Resource", "NotResource", "Condition"}
        if unknown or raw.get("Effect") not in ("Allow", "Deny") or ("Resource" in raw) == ("NotResource" in raw):
            raise PolicyError(
                f"the lab cannot evaluate the statement {raw.get('Sid', '(no Sid)')}: "
                f"{', '.join(sorted(unknown)) or 'it needs Effect, and Resource or NotResource'}"
            )
        conditions = tuple(
            Condition.read(operator, key, values)
            for operator, keys in raw.get("Condition", {}).items()
            for key, values in keys.items()
        )
        resources = tuple(_listed(raw.get("Resource", raw.get("NotResource"))))
        actions = tuple(text.lower() for text in _listed(raw["Action"]))
        return Statement(
            raw.get("Sid", ""), raw["Effect"] == "Allow", actions, resources, "NotResource" in raw, conditions
        )

    def applies(self, check: Check) -> bool:
        if not any(_like(check.action.lower(), action) for action in self.actions):
            return False
        wanted = (_filled(text, check.context) for text in self.resources)
        named = any(_like(check.resource, text) for text in wanted if text is not None)
        return named != self.all_but and all(condition.holds(check.context) for condition in self.conditions)


def parse(document: dict[str, Any]) -> tuple[Statement, ...]:
    """The statements of a policy document. Raises PolicyError for what would not be evaluated."""
    return tuple(Statement.read(raw) for raw in document["Statement"])


def render(name: str, values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """A template of docs/iam with its placeholders filled, by default with the lab's values."""
    values = VALUES if values is None else values
    text = (TEMPLATES / f"{name}.json").read_text()
    missing = set(re.findall(r"<([a-z-]+)>", text)) - set(values)
    if missing:
        raise PolicyError(f"docs/iam/{name}.json has placeholders without a value: {', '.join(sorted(missing))}")
    return json.loads(re.sub(r"<([a-z-]+)>", lambda found: values[found.group(1)], text))


# --- principals -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Principal:
    """Who asks. An administrator has no statements and may do everything."""

    arn: str
    user_id: str
    session_name: str
    statements: tuple[Statement, ...] | None

    @property
    def account(self) -> str:
        return self.arn.split(":")[4]

    def refusal(self, checks: Iterable[Check]) -> str | None:
        """AWS's sentence for the first check that is not allowed, or None."""
        if self.statements is None:
            return None
        own = {"aws:userid": (self.user_id,), "aws:principalarn": (self.arn,)}
        if ":user/" in self.arn:
            own["aws:username"] = (self.session_name,)
        for bare in checks:
            check = Check(bare.action, bare.resource, {**own, **bare.context})
            applying = [statement for statement in self.statements if statement.applies(check)]
            if check.action not in FREE and not all(statement.allows for statement in applying):
                return self._sentence(check, "with an explicit deny in an identity-based policy")
            if check.action not in FREE and not applying:
                return self._sentence(check, f"because no identity-based policy allows the {check.action} action")
        return None

    def _sentence(self, check: Check, reason: str) -> str:
        place = f" on resource: {check.resource}" if check.resource != "*" else ""
        return f"User: {self.arn} is not authorized to perform: {check.action}{place} {reason}"


def _user(name: str, user_id: str, policies: Iterable[str] | None, account: str = config.ACCOUNT) -> Principal:
    statements = None if policies is None else tuple(s for policy in policies for s in parse(render(policy)))
    return Principal(f"arn:aws:iam::{account}:user/{name}", user_id, name, statements)


# What every sync needs, in docs/iam.
BASIC = ("controller", "controller-connection")
# The principal whose request this thread is serving.
current: contextvars.ContextVar[Principal | None] = contextvars.ContextVar("principal", default=None)


class Principals:
    """All principals, by access key id."""

    def __init__(self) -> None:
        self._by_key = {
            config.ADMINISTRATOR_KEY: _user("stagesync-lab-administrator", "AIDALAB0ADMINISTRATO", None),
            config.OTHER_ADMINISTRATOR_KEY: _user("other", "AIDALAB0OTHERACCOUNT", None, config.OTHER_ACCOUNT),
        }
        self.grant(BASIC)
        # The policies are read now, so that a bad one stops the start.
        self._roles = {role: parse(render(policy)) for role, policy in config.INSTANCE_ROLES.items()}

    def grant(self, policies: Iterable[str], without: str = "") -> None:
        """Let the controller do what these policies say, but for one statement. ValueError where none is called so."""
        whole = _user(config.CONTROLLER, config.CONTROLLER_ID, policies)
        left = tuple(statement for statement in whole.statements or () if statement.sid != without)
        if without and len(left) == len(whole.statements or ()):
            raise ValueError(f"no statement is called {without}")
        self._by_key[config.CONTROLLER_KEY] = replace(whole, statements=left)

    def add_instance(self, access_key: str, host: config.Host) -> None:
        """A host's instance role, by a key that the metadata service has given out."""
        arn = f"arn:aws:sts::{config.ACCOUNT}:assumed-role/{host.instance_role}/{host.instance_id}"
        user_id = f"AROALAB0{host.environment.upper():X<12.12}:{host.instance_id}"
        self._by_key[access_key] = Principal(arn, user_id, host.instance_id, self._roles[host.instance_role])

    def of_key(self, access_key: str) -> Principal | None:
        return self._by_key.get(access_key)

    def of_session(self, session_id: str) -> Principal | None:
        """Who started a session: its id begins with the name, as AWS's does."""
        name = session_id.rpartition("-")[0]
        return next((principal for principal in self._by_key.values() if principal.session_name == name), None)


@dataclass(frozen=True)
class Credential:
    """What the signature of a request says; all empty for a request without one."""

    access_key: str = ""
    region: str = ""
    service: str = ""

    @staticmethod
    def read(environ: dict[str, Any]) -> Credential:
        scope = re.search(r"Credential=([^/]*)/[^/]*/([^/]*)/([^/]*)/", environ.get("HTTP_AUTHORIZATION", ""))
        if scope is None:  # a presigned URL
            query = parse_qs(environ.get("QUERY_STRING", ""))
            text = (query.get("X-Amz-Credential") or [""])[0]
            scope = re.match(r"([^/]*)/[^/]*/([^/]*)/([^/]*)/", text)
        return Credential(scope[1], scope[2], scope[3].lower()) if scope else Credential()


# How each protocol refuses: (code, message, HTTP status).
_NO_KEY = {
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "json": ("UnrecognizedClientException", "The security token included in the request is invalid.", 400),
    "query": ("InvalidClientTokenId", "The security token included in the request is invalid.", 403),
    "s3": ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403),
}
_NO_SIGNATURE = {
    "ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
    "json": ("MissingAuthenticationTokenException", "Request is missing Authentication Token", 400),
    "query": ("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
    "s3": ("AccessDenied", "Access Denied", 403),
}


def not_known(protocol: str, access_key: str) -> tuple[str, str, int]:
    """The error for a request without a signature, or with a key that nobody has."""
    return (_NO_KEY if access_key else _NO_SIGNATURE)[protocol]


def not_allowed(protocol: str, sentence: str) -> tuple[str, str, int]:
    """The error for a request that the policies do not allow."""
    if protocol == "ec2":
        return "UnauthorizedOperation", f"You are not authorized to perform this operation. {sentence}", 403
    return ("AccessDeniedException", sentence, 400) if protocol == "json" else ("AccessDenied", sentence, 403)


# --- requests -------------------------------------------------------------------------------------------------------


class Resources(Protocol):
    """What a request may touch."""

    def tags(self, resource_id: str) -> dict[str, str] | None:
        """The tags of an instance, volume or snapshot; None where there is none of this id."""

    def volumes(self, instance_id: str) -> dict[str, bool]:
        """The volumes of an instance, and whether each is its root."""

    def key(self, resource_id: str, region: str | None = None) -> str | None:
        """The customer's key of a volume, snapshot, parameter (its name) or bucket (its name), there or here."""


def nested(form: Mapping[str, list[str]]) -> dict[str, Any]:
    """EC2's `TagSpecification.1.Tag.2.Key=x` as nested dicts."""
    tree: dict[str, Any] = {}
    for name, values in form.items():
        *path, last = name.split(".")
        place = tree
        for part in path:
            place = place.setdefault(part, {})
            if not isinstance(place, dict):
                break
        else:
            place.setdefault(last, values[0] if values else "")
    return tree


def _members(tree: Mapping[str, Any], name: str) -> list[Any]:
    """A list parameter, in its order."""
    found = tree.get(name, {})
    return [found[number] for number in sorted(found, key=int)] if isinstance(found, dict) else [found]


def _tags(entries: Iterable[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """The condition keys of tags in a request."""
    tags = {entry["Key"]: entry.get("Value", "") for entry in entries}
    if not tags:
        return {}
    return {
        **{f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()},
        "aws:tagkeys": tuple(tags),
    }


def checks(
    service: str, operation: str, parameters: Mapping[str, Any], resources: Resources, region: str,
    session_owner: Callable[[str], Principal | None] = lambda _id: None,
) -> list[Check]:  # fmt: skip
    """All that a request needs. `parameters`: the nested form of EC2, the JSON of SSM, Bucket and Key of S3."""
    request = _Request(operation, parameters, resources, region, session_owner)
    known = {"ec2": request.ec2, "kms": request.kms, "s3": request.s3, "ssm": request.ssm}
    made = known[service]() if service in known else None
    found = made if made is not None else [Check(f"{service}:{operation}")]
    return [Check(check.action, check.resource, {"aws:requestedregion": (region,), **check.context}) for check in found]


_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}
_PARAMETER_ACTIONS = {
    "DeleteParameter", "DeleteParameters", "GetParameter", "GetParameterHistory", "GetParameters",
    "GetParametersByPath", "PutParameter",
}  # fmt: skip


@dataclass(frozen=True)
class _Request:
    operation: str
    parameters: Mapping[str, Any]
    resources: Resources
    region: str
    session_owner: Callable[[str], Principal | None]

    # EC2

    def ec2(self) -> list[Check] | None:
        method = getattr(self, f"_{re.sub('(?<!^)(?=[A-Z])', '_', self.operation).lower()}", None)
        return method() if method else None

    def _arn(self, resource_id: str) -> str:
        kind = {"i": "instance", "snap": "snapshot", "vol": "volume"}.get(resource_id.split("-")[0], "unknown")
        account = "" if kind == "snapshot" else config.ACCOUNT
        return f"arn:aws:ec2:{self.region}:{account}:{kind}/{resource_id}"

    def _made(self, kind: str) -> str:
        return self._arn({"snapshot": "snap-", "volume": "vol-"}[kind]).rpartition("/")[0] + "/*"

    def _on(self, resource_id: str, context: Mapping[str, tuple[str, ...]] | None = None) -> list[Check]:
        """The operation on something that is there. What is not there is left to EC2, which says that it is not."""
        tags = self.resources.tags(resource_id) if resource_id else None
        if tags is None:
            return []
        own = {f"{prefix}:resourcetag/{k.lower()}": (v,) for prefix in ("aws", "ec2") for k, v in tags.items()}
        return [Check(f"ec2:{self.operation}", self._arn(resource_id), {**own, **(context or {})})]

    def _make(self, kind: str, context: Mapping[str, tuple[str, ...]] | None = None) -> list[Check]:
        """The operation on what it makes, and CreateTags where that is made with tags."""
        entries = [
            tag
            for entry in _members(self.parameters, "TagSpecification")
            if entry.get("ResourceType") == kind
            for tag in _members(entry, "Tag")
        ]
        tags = _tags(entries)
        found = [Check(f"ec2:{self.operation}", self._made(kind), {**tags, **(context or {})})]
        if tags:
            found.append(Check("ec2:CreateTags", self._made(kind), {**tags, "ec2:createaction": (self.operation,)}))
        return found

    def _with_key(self, key: str | None, *actions: str, region: str | None = None) -> list[Check]:
        via = {
            "kms:viaservice": (f"ec2.{region or self.region}.amazonaws.com",),
            "kms:grantisforawsresource": ("true",),
        }
        return [Check(f"kms:{action}", key, via) for action in actions] if key else []

    def _create_snapshots(self) -> list[Check]:
        spec = self.parameters.get("InstanceSpecification", {})
        instance = spec.get("InstanceId", "")
        excluded = set(_members(spec, "ExcludeDataVolumeId"))
        no_root = str(spec.get("ExcludeBootVolume", "")).lower() == "true"
        taken = [
            volume
            for volume, root in self.resources.volumes(instance).items()
            if volume not in excluded and not (root and no_root)
        ]
        on_volumes = [check for volume in taken for check in self._on(volume)]
        return [*self._on(instance), *on_volumes, *self._make("snapshot")]

    def _create_snapshot(self) -> list[Check]:
        return [*self._on(self.parameters.get("VolumeId", "")), *self._make("snapshot")]

    def _copy_snapshot(self) -> list[Check]:
        source = self.parameters.get("SourceSnapshotId", "")
        region = self.parameters.get("SourceRegion", self.region)
        key = self.parameters.get("KmsKeyId")
        keys = self._with_key(key, "CreateGrant", "DescribeKey", "GenerateDataKeyWithoutPlaintext")
        origin = self.resources.key(source, region)
        keys += self._with_key(origin, "CreateGrant", "Decrypt", "DescribeKey", "ReEncryptFrom", region=region)
        keys += self._with_key(key if origin else None, "ReEncryptTo")
        return [Check("ec2:CopySnapshot", f"arn:aws:ec2:{region}::snapshot/{source}"), *self._make("snapshot"), *keys]

    def _delete_snapshot(self) -> list[Check]:
        return self._on(self.parameters.get("SnapshotId", ""))

    _describe_snapshot_attribute = _delete_snapshot

    def _modify_snapshot_attribute(self) -> list[Check]:
        changes = self.parameters.get("CreateVolumePermission", {})
        added = [entry.get("UserId") or entry.get("Group", "") for entry in _members(changes, "Add")]
        added += _members(self.parameters, "UserId") if self.parameters.get("OperationType") == "add" else []
        context = {"ec2:add/userid": tuple(added)} if added else {}
        return self._on(self.parameters.get("SnapshotId", ""), context)

    def _create_volume(self) -> list[Check]:
        snapshot = self.parameters.get("SnapshotId", "")
        key = self.parameters.get("KmsKeyId") or (self.resources.key(snapshot) if snapshot else None)
        encrypted = str(self.parameters.get("Encrypted", "")).lower() == "true" or bool(key)
        found = [*self._on(snapshot), *self._make("volume", {"ec2:encrypted": (str(encrypted).lower(),)})]
        found += self._with_key(key, "CreateGrant", "DescribeKey", "GenerateDataKeyWithoutPlaintext")
        if snapshot:
            found += self._with_key(self.resources.key(snapshot), "Decrypt", "ReEncryptFrom")
            found += self._with_key(key if self.resources.key(snapshot) else None, "ReEncryptTo")
        return found

    def _attach_volume(self) -> list[Check]:
        volume = self.parameters.get("VolumeId", "")
        keys = self._with_key(self.resources.key(volume), "CreateGrant", "Decrypt")
        return [*self._on(self.parameters.get("InstanceId", "")), *self._on(volume), *keys]

    def _detach_volume(self) -> list[Check]:
        return [*self._on(self.parameters.get("InstanceId", "")), *self._on(self.parameters.get("VolumeId", ""))]

    def _delete_volume(self) -> list[Check]:
        return self._on(self.parameters.get("VolumeId", ""))

    def _create_tags(self) -> list[Check]:
        tags = _tags(_members(self.parameters, "Tag"))
        return [check for name in _members(self.parameters, "ResourceId") for check in self._on(name, tags)]

    _delete_tags = _create_tags

    # KMS

    def kms(self) -> list[Check]:
        key = str(self.parameters.get("KeyId", ""))
        return [Check(f"kms:{self.operation}", key if key.startswith("arn:") else "*")]

    # SSM

    def ssm(self) -> list[Check] | None:
        if self.operation == "StartSession":
            target = self.parameters.get("Target", "")
            tags = self.resources.tags(target) or {}
            own = {f"{prefix}:resourcetag/{k.lower()}": (v,) for prefix in ("aws", "ssm") for k, v in tags.items()}
            document = self.parameters.get("DocumentName") or SHELL_DOCUMENT
            return [
                Check("ssm:StartSession", self._arn(target), own),
                Check("ssm:StartSession", self._ssm_arn(f"document/{document}")),
            ]
        if self.operation in ("TerminateSession", "ResumeSession"):
            session = self.parameters.get("SessionId", "")
            owner = self.session_owner(session)
            tag = {"ssm:resourcetag/aws:ssmmessages:session-id": (owner.user_id,)} if owner else {}
            return [Check(f"ssm:{self.operation}", self._ssm_arn(f"session/{session}"), tag)]
        if self.operation in _PARAMETER_ACTIONS:
            return self._parameters()
        return None

    def _ssm_arn(self, rest: str) -> str:
        return f"arn:aws:ssm:{self.region}:{config.ACCOUNT}:{rest}"

    def _parameters(self) -> list[Check]:
        names = [self.parameters.get("Name") or self.parameters.get("Path") or "", *self.parameters.get("Names", [])]
        found = []
        for name in filter(None, names):
            arn = name if name.startswith("arn:") else self._ssm_arn(f"parameter/{name.lstrip('/')}")
            found.append(Check(f"ssm:{self.operation}", arn))
            key = self.resources.key(name)
            if key and self.parameters.get("WithDecryption"):
                via = f"ssm.{self.region}.amazonaws.com"
                context = {"kms:viaservice": (via,), "kms:encryptioncontext:parameter_arn": (arn,)}
                found.append(Check("kms:Decrypt", key, context))
        return found

    # S3

    def s3(self) -> list[Check]:
        action = _S3_ACTIONS.get(self.operation, self.operation)
        bucket, name = self.parameters["Bucket"], self.parameters["Key"]
        if not bucket:
            return [Check(f"s3:{action}")]
        found = [Check(f"s3:{action}", f"arn:aws:s3:::{bucket}{'/' if name else ''}{name}")]
        key = self.resources.key(bucket) if name else None
        actions = {"PutObject": ["GenerateDataKey"], "GetObject": ["Decrypt"]}.get(action, [])
        if self.operation in ("CompleteMultipartUpload", "UploadPart"):
            actions = ["Decrypt"]  # of the parts
        via = {"kms:viaservice": (f"s3.{self.region}.amazonaws.com",)}
        return found + [Check(f"kms:{action}", key, via) for action in actions if key]
