"""The state of moto's backends on disk, so that the lab survives the death of its control plane.

One pickle for each service, written in whole and renamed into place before the call that changed it is answered.
"""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

from moto.backends import get_backend
from moto.core.base_backend import BackendDict

log = logging.getLogger("stagesync_lab")


class Store:
    """Where the backends' state is kept."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, bytes] = {}
        self._unable: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True)

    def save(self, service: str) -> None:
        """Write what a call to the service may have changed: all backends in use; S3's objects only when it was S3."""
        for backends in list(BackendDict._instances):
            name = backends.service_name
            if name == "s3" and service != "s3":
                continue
            state = {
                "backends": {account: dict(regions) for account, regions in backends.items()},
                "buckets": getattr(backends, "bucket_accounts", None),
            }
            try:
                data = pickle.dumps(state, protocol=5)
            except Exception as error:  # any of moto's many services may hold something unpicklable
                if name not in self._unable:
                    log.warning("the state of %s cannot be kept: %s", name, error)
                    self._unable.add(name)
                continue
            if self._written.get(name) != data:
                draft = self._directory / f"{name}.draft"
                draft.write_bytes(data)
                draft.rename(self._directory / f"{name}.pickle")
                self._written[name] = data

    def load(self) -> None:
        """Put what was kept in the place of moto's empty backends."""
        for path in sorted(self._directory.glob("*.pickle")):
            try:
                state = pickle.loads(path.read_bytes())
                backends = get_backend(path.stem)  # type: ignore[call-overload]
            except Exception as error:
                raise RuntimeError(
                    f"{path} cannot be read ({error}); another version wrote it: remove the lab and make it anew"
                ) from error
            for account, regions in state["backends"].items():
                for region, backend in regions.items():
                    dict.__setitem__(backends[account], region, backend)
            if state["buckets"] is not None:
                backends.bucket_accounts = state["buckets"]
