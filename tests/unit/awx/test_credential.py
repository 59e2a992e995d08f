# Copyright: (c) 2026, stagesync contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)

"""The credential type, rendered as AWX renders it, makes boto3 the controller's role."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.parsing.dataloader import DataLoader
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from moto.server import ThreadedMotoServer

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::123456789012:role/stagesync-controller"
ASK = "import boto3; print(boto3.client('sts', region_name='ap-south-1').get_caller_identity()['Arn'])"
pytestmark = pytest.mark.real


def test_boto3_takes_the_role(tmp_path):
    (kind,) = DataLoader().load_from_file(str(ROOT / "awx" / "objects.yml"))["awx_credential_types"]
    values = {"access_key": "AKIAIOSFODNN7EXAMPLE", "secret_key": "example", "role_arn": ROLE}
    assert {field["id"] for field in kind["inputs"]["fields"]} == set(kind["inputs"]["required"]) == set(values)
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    config = tmp_path / "config"
    config.write_text(environment.from_string(kind["injectors"]["file"]["template.config"]).render(**values))
    tower = SimpleNamespace(filename=SimpleNamespace(config=str(config)))
    injected = {
        name: environment.from_string(text).render(tower=tower) for name, text in kind["injectors"]["env"].items()
    }
    service = ThreadedMotoServer(port=0, verbose=False)
    service.start()
    host, port = service.get_host_and_port()
    try:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        said = subprocess.run(
            [sys.executable, "-c", ASK],
            env={**own, **injected, "AWS_ENDPOINT_URL": f"http://{host}:{port}", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout
    finally:
        service.stop()
    assert said.strip() == "arn:aws:sts::123456789012:assumed-role/stagesync-controller/awx"
