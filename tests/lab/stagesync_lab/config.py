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
OTHER_ACCOUNT = "210987654321"  # where production may be; it has no hosts here
OTHER_REGION = "eu-west-1"
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
SNAPSHOT_SET = "sync-system-mongo-weekly"  # stagesync_set_name of inventories/lab

# Who asks: labctl and the tests as the administrator, Ansible as the controller (see iam.py).
CONTROLLER = "stagesync-controller"
CONTROLLER_ID = "AIDALAB0CONTROLLER00"
CONTROLLER_KEY = "AKIALAB0LAB0LAB0LAB0"
ADMINISTRATOR_KEY = "AKIALAB0ADMINISTRATO"
OTHER_ADMINISTRATOR_KEY = "AKIALAB0OTHERACCOUNT"
# No signature is checked. Long, because Ansible blots the secret out of every result that holds it.
SECRET_KEY = "not-a-secret-but-the-dummy-of-the-lab-000"
# Instance role -> its policy in docs/iam.
INSTANCE_ROLES = {"stagesync-lab-production": "production-instance", "stagesync-lab-staging": "staging-instance"}
# Keys of the customer's own: for what is production's, what is staging's, the bucket; and one of the other account's.
_KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/"
PRODUCTION_KEY = f"{_KEYS}0aaaaaaa-0000-4000-8000-00000000000a"
STAGING_KEY = f"{_KEYS}0ccccccc-0000-4000-8000-00000000000c"
BUCKET_KEY = f"{_KEYS}0bbbbbbb-0000-4000-8000-00000000000b"
OTHER_KEY = f"arn:aws:kms:{REGION}:{OTHER_ACCOUNT}:key/0ddddddd-0000-4000-8000-00000000000d"


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

    @property
    def instance_role(self) -> str:
        """The role, and the instance profile of the same name."""
        return f"stagesync-lab-{self.environment}"


HOSTS = {
    host.role: host
    for host in (
        Host("primary", "i-0a00000000000000a", "10.77.0.11", "production"),
        Host("secondary", "i-0b00000000000000b", "10.77.0.12", "production"),
        Host("staging", "i-0c00000000000000c", "10.77.0.13", "staging"),
    )
}
