"""Schemas of the kinds that operators bring: read from their sources, which Go fetches as modules."""

import json
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

FETCH_SECONDS_MAX = 300
SOURCES = {
    "github.com/external-secrets/external-secrets@v1.3.2": (
        "config/crds/bases/external-secrets.io_externalsecrets.yaml",
        "config/crds/bases/external-secrets.io_secretstores.yaml",
    ),
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/cert-manager/cert-manager@v1.21.2": (
        "deploy/crds/cert-manager.io_certificates.yaml",
        "deploy/crds/cert-manager.io_issuers.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
}
# Of the load balancer controller there is no module of a version that knows it: by hand, from its reference.
TARGET_GROUP_BINDING = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "apiVersion": {"const": "elbv2.k8s.aws/v1beta1"},
        "kind": {"const": "TargetGroupBinding"},
        "metadata": {},
        "spec": {
            "type": "object",
            "required": ["serviceRef", "targetGroupARN"],
            "properties": {
                "serviceRef": {
                    "type": "object",
                    "required": ["name", "port"],
                    "properties": {"name": {"type": "string"}, "port": {"type": ["string", "integer"]}},
                },
                "targetGroupARN": {"type": "string"},
                "targetType": {"enum": ["ip", "instance"]},
                "networking": {},
            },
        },
    },
}


@cache
def schemas() -> dict[str, Any]:
    """Return the schema of each kind, of the version that the chart uses. Skips the test without Go."""
    if shutil.which("go") is None:
        pytest.skip("there is no go (https://go.dev) here, by which the operators' schemas are fetched")
    definitions = [
        yaml.safe_load((_fetched(module) / path).read_text())
        for module, paths in SOURCES.items()
        for path in paths
    ]
    return {"TargetGroupBinding": TARGET_GROUP_BINDING} | {
        each["spec"]["names"]["kind"]: _schema(each) for each in definitions
    }


def _schema(definition: dict[str, Any]) -> dict[str, Any]:
    """Return the stored version's; Kubernetes itself knows what stands in ``metadata``."""
    (version,) = (each for each in definition["spec"]["versions"] if each["storage"])
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    schema["properties"]["metadata"] = {}
    schema["properties"]["apiVersion"] = {"const": f"{definition['spec']['group']}/{version['name']}"}
    return schema


def _fetched(module: str) -> Path:
    done = subprocess.run(
        ["go", "mod", "download", "-json", module],
        capture_output=True,
        text=True,
        timeout=FETCH_SECONDS_MAX,
        check=True,
    )
    return Path(json.loads(done.stdout)["Dir"])
