import pytest
from ansible_collections.stagesync.aws.plugins.callback.progress import CallbackModule, progress_of

SNAPSHOTS = {"set": {"run_id": "r1", "progress": 43, "age_seconds": 80, "state": "pending"}}


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (SNAPSHOTS, "snapshot set r1: 43 % after 80 s (pending)"),
        ({"ready": False, "waited_seconds": 40.2}, "the restored server is still starting, 40 s in this try"),
        ({"ready": True, "waited_seconds": 0.1}, None),
        ({"set": None, "msg": "throttled"}, None),
        ({"msg": "something else"}, None),
    ],
)
def test_a_retry_tells_how_far_the_wait_is(result, line):
    assert progress_of(result) == line


def test_a_line_is_shown_only_where_there_is_progress(monkeypatch):
    class Result:
        def __init__(self, result):
            self.result = result

    shown = []
    callback = CallbackModule()
    monkeypatch.setattr(callback._display, "display", shown.append)
    callback.v2_runner_retry(Result(SNAPSHOTS))
    callback.v2_runner_retry(Result({"msg": "something else"}))
    assert shown == ["  snapshot set r1: 43 % after 80 s (pending)"]
