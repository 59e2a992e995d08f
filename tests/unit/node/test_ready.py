"""Waiting for a mongod of the clean room: it answers, it is still starting, or it has ended."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_node import NodeError
from ansible_collections.stagesync.aws.plugins.module_utils.mongod_service import ServiceError
from ansible_collections.stagesync.aws.plugins.modules import mongodb_ready

LOG = [
    {"s": "I", "id": 1, "msg": "Starting", "attr": {}},
    {"s": "F", "id": 20573, "msg": "Wrong mongod version", "attr": {"error": "asha@planted.example"}},
]


@pytest.fixture
def container(monkeypatch):
    """A container whose mongod does not answer; `running` can be changed."""
    facts = SimpleNamespace(running=True)

    def silent(_uri):
        raise NodeError("no answer")

    monkeypatch.setattr(mongodb_ready, "ask", silent)
    monkeypatch.setattr(mongodb_ready, "DockerService", lambda _name: SimpleNamespace(inspect=lambda: facts))
    return facts


def parameters(**changed):
    return {"container": "c1", "uri": "mongodb://%2Fs", "log_path": None, "wait_seconds": 0, **changed}


def test_one_that_answers_is_ready(monkeypatch, container):
    container.running = False
    monkeypatch.setattr(mongodb_ready, "ask", lambda _uri: {"version": "6.0.5", "databases": ["shop"]})
    result = mongodb_ready.wait(parameters())
    assert (result["ready"], result["version"], result["databases"]) == (True, "6.0.5", ["shop"])


@pytest.mark.usefixtures("container")
def test_one_that_still_starts_is_no_failure():
    assert mongodb_ready.wait(parameters())["ready"] is False


def test_one_that_has_ended_fails_at_once_and_says_why_without_the_logs_values(container, tmp_path):
    container.running = False
    log = tmp_path / "mongod.log"
    log.write_text("not json\n" + "\n".join(map(json.dumps, LOG)))
    with pytest.raises(ServiceError, match=r"c1 has ended .*Wrong mongod version \(log id 20573\)") as failure:
        mongodb_ready.wait(parameters(log_path=str(log), wait_seconds=600))
    assert "planted" not in str(failure.value)
    assert "Starting" not in str(failure.value)


def test_one_that_has_ended_without_a_log_fails_all_the_same(container):
    container.running = False
    with pytest.raises(ServiceError, match="has ended instead of serving"):
        mongodb_ready.wait(parameters(log_path="/nonexistent/mongod.log"))
