"""Faults that the lab injects into AWS API calls.

A rule is a JSON object:

    operation   "ec2:CreateSnapshot", "ssm:StartSession", "s3:PutObject"; "*" matches any run of characters
    match       optional, {"VolumeId": "vol-0abc*"}: every named request parameter must match; a list parameter matches
                with any of its elements; S3 has "Bucket" and "Key"
    skip        let the first n matching calls pass (0)
    count       then apply to n calls (null: to all until cleared)
    delay       seconds to wait before the call goes on or fails (0)
    error       the AWS error code to answer with; the call then never takes place
    message     its message ("Injected by the lab.")
    status      its HTTP status (what AWS uses for the code)
    stuck       true: what the call makes never leaves its first state (pending, creating, attaching, detaching), until
                the rule is cleared
    end         "error": the snapshot or volume that the call makes ends in the state `error`

A rule needs at least one of delay, error, stuck and end. Over HTTP, on the control plane's own address:

    POST   /lab/faults        a rule -> {"id": "f1", ...the rule..., "applied": 0}
    GET    /lab/faults        -> {"faults": [...]}
    DELETE /lab/faults        clears all; DELETE /lab/faults/f1 clears one

Rules are gone when the control plane ends.
"""

from __future__ import annotations

import contextvars
import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from xml.sax.saxutils import escape

_STATUS = {
    "AccessDenied": 403,
    "DryRunOperation": 412,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "SlowDown": 503,
    "UnauthorizedOperation": 403,
    "Unavailable": 503,
}

# The rule that applies to the call that this thread is serving; what the call makes remembers it.
current: contextvars.ContextVar[Fault | None] = contextvars.ContextVar("fault", default=None)


@dataclass
class Fault:
    """One rule and how often it has applied."""

    operation: str
    match: dict[str, str] = field(default_factory=dict)
    skip: int = 0
    count: int | None = None
    delay: float = 0
    error: str | None = None
    message: str = "Injected by the lab."
    status: int | None = None
    stuck: bool = False
    end: str | None = None
    id: str = ""
    applied: int = 0

    def matches(self, operation: str, parameters: Mapping[str, Iterable[str]]) -> bool:
        return fnmatchcase(operation.lower(), self.operation.lower()) and all(
            any(fnmatchcase(value, pattern) for value in parameters.get(name, ()))
            for name, pattern in self.match.items()
        )


def parse(rule: object) -> Fault:
    """The rule as a Fault. Raises ValueError with one sentence for people."""
    if not isinstance(rule, dict):
        raise ValueError("a fault is a JSON object; see the documentation of faults.py")
    kinds = {
        "operation": str, "match": dict, "skip": int, "count": (int, type(None)), "delay": (int, float), "error": str,
        "message": str, "status": int, "stuck": bool, "end": str,
    }  # fmt: skip
    for name, value in rule.items():
        if name not in kinds:
            raise ValueError(f"unknown key {name!r} in the fault; known are {', '.join(kinds)}")
        if not isinstance(value, kinds[name]):
            raise ValueError(f"the fault's {name} cannot be {value!r}")
        if isinstance(value, (int, float)) and value < 0:
            raise ValueError(f"the fault's {name} cannot be negative")
    if ":" not in rule.get("operation", ""):
        raise ValueError('the fault needs an operation such as "ec2:CreateSnapshot"')
    if not any(rule.get(name) for name in ("delay", "error", "stuck", "end")):
        raise ValueError("the fault does nothing: give it at least one of delay, error, stuck, end")
    if rule.get("end") not in (None, "error"):
        raise ValueError(f'a resource can end in "error", not in {rule["end"]!r}')
    return Fault(**rule)


class Faults:
    """All rules."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rules: dict[str, Fault] = {}
        self._made = 0

    def add(self, rule: object) -> dict:
        fault = parse(rule)
        with self._lock:
            self._made += 1
            fault.id = f"f{self._made}"
            self._rules[fault.id] = fault
        return asdict(fault)

    def list(self) -> list[dict]:
        with self._lock:
            return [asdict(fault) for fault in self._rules.values()]

    def clear(self, fault_id: str | None = None) -> bool:
        """Clear one rule or all; tell whether there was any to clear."""
        with self._lock:
            if fault_id is not None:
                return self._rules.pop(fault_id, None) is not None
            found = bool(self._rules)
            self._rules.clear()
            return found

    def holds(self, fault_id: str | None) -> bool:
        """Whether the rule still stands: what it made stuck stays so until then."""
        return fault_id is not None and fault_id in self._rules

    def take(self, operation: str, parameters: Mapping[str, Iterable[str]]) -> Fault | None:
        """The rule that applies to this call, counted."""
        with self._lock:
            for fault in self._rules.values():
                if not fault.matches(operation, parameters):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                elif fault.count is None or fault.applied < fault.count:
                    fault.applied += 1
                    return fault
        return None


def status_of(code: str) -> int:
    """The HTTP status that AWS uses with an error code."""
    return _STATUS.get(code, 400)


def body(protocol: str, code: str, message: str, request_id: str) -> tuple[str, str]:
    """The content type and the body of an AWS error in the protocol (ec2, query, s3, json)."""
    if protocol == "json":
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message})
    code, message = escape(code), escape(message)
    inner = f"<Code>{code}</Code><Message>{message}</Message>"
    if protocol == "ec2":
        document = f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    elif protocol == "s3":
        document = f"<Error>{inner}<RequestId>{request_id}</RequestId></Error>"
    else:
        error = f"<Error><Type>Sender</Type>{inner}</Error>"
        document = f"<ErrorResponse>{error}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return "text/xml;charset=UTF-8", f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'
