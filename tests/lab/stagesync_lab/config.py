"""Names, places and addresses of the lab; everything else in the package takes them from here."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(os.environ.get("STAGESYNC_LAB_ROOT", "/"))  # tests put the whole lab under a temporary directory
CACHE = ROOT / "var/cache/stagesync-lab"  # slow to build, kept by `down`
STATE = ROOT / "var/lib/stagesync-lab"  # the lab itself, removed by `down`
RUNTIME = ROOT / "run/stagesync-lab"  # pids, sockets and locks, gone with a reboot
POOL = STATE / "pool"  # mount point of the reflink-capable XFS
LOGS = STATE / "logs"

REGION = "ap-south-1"
ZONE = "ap-south-1a"
ACCOUNT = "123456789012"
BUCKET = "stagesync-lab-transfer"
API_PORT = 5577
METADATA_PORT = 5578
ENDPOINT = f"http://127.0.0.1:{API_PORT}"  # the same URL on the controller and, through a proxy unit, on every host

NETWORK_NAMESPACE = "stagesync-lab"
BRIDGE = "lab0"
GATEWAY = "10.77.0.1"
PREFIX_LENGTH = 24

DATA_MOUNT = "/data/mongodb"
DATA_VOLUME_GIB = 10
CONTAINER = "mongo"
MONGODB_VERSION = "6.0.5"
IMAGE = f"mongo:{MONGODB_VERSION}"
REPLICA_SET = "rs0"
DATABASES = ("shop", "support", "analytics")  # what `seed` fills


@dataclass(frozen=True)
class Host:
    """One machine of the lab and its EC2 identity."""

    role: str
    instance_id: str
    address: str
    environment: str

    @property
    def name(self) -> str:
        """The EC2 Name tag."""
        return f"lab-mongo-{self.role}"


HOSTS = {
    host.role: host
    for host in (
        Host("primary", "i-0a00000000000000a", "10.77.0.11", "production"),
        Host("secondary", "i-0b00000000000000b", "10.77.0.12", "production"),
        Host("staging", "i-0c00000000000000c", "10.77.0.13", "staging"),
    )
}
