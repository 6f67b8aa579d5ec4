"""Helm, built once from its sources into the user's cache, and what the chart makes of each values file."""

import json
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.cache import cache_folder, made_once
from stack.settings import CHECKOUT
from tests.deploy.hcl import TERRAFORM

CHART = CHECKOUT / "helm"
VERSION = "v3.22.0"
PROGRAM = f"helm.sh/helm/v3/cmd/helm@{VERSION}"
NAME = f"helm-{VERSION}"
BUILD_SECONDS_MAX = 1_800
RUN_SECONDS_MAX = 60

Manifest = dict[str, Any]


def program() -> Path:
    """Return the program helm. Skips the test where there is neither that nor a Go to build it with."""
    if not (cache_folder() / NAME).exists() and shutil.which("go") is None:
        if found := shutil.which("helm"):
            return Path(found)
        pytest.skip("there is neither helm nor go (https://go.dev) here")
    return made_once(NAME, _build) / "helm"


def _build(folder: Path) -> None:
    """Go checks the sources against its public record of checksums."""
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
    subprocess.run(
        ["go", "install", PROGRAM],
        env=environment,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=BUILD_SECONDS_MAX,
    )


VALUES = ("dev", "prod")
AWS = Path(__file__).parent / "aws.json"
"""What Terraform would say, with names that nobody has."""
TAG = "0123abc"


def helm(*arguments: str | Path) -> str:
    """Return what helm prints. Raises ``AssertionError`` with its words if it fails."""
    done = subprocess.run(
        [program(), *arguments], capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def files(environment: str) -> list[str | Path]:
    return ["--values", CHART / f"{environment}.yaml", "--values", AWS, "--set", f"image.tag={TAG}"]


def template(environment: str, *more: str | Path) -> str:
    """Return the manifests of an environment, as they would be sent to a cluster."""
    place = ["--namespace", "oms", "--kube-version", f"{kubernetes_version()}.0"]
    return helm("template", "oms", CHART, *place, *files(environment), *more)


@cache
def manifests(environment: str, *more: str) -> list[Manifest]:
    return [manifest for manifest in yaml.safe_load_all(template(environment, *more)) if manifest]


def one(environment: str, kind: str, name: str, *more: str) -> Manifest:
    """Return the manifest of that kind and name. Raises ``ValueError`` unless there is exactly one."""
    (found,) = (each for each in of_kind(environment, kind, *more) if each["metadata"]["name"] == name)
    return found


def of_kind(environment: str, kind: str, *more: str) -> list[Manifest]:
    return [each for each in manifests(environment, *more) if each["kind"] == kind]


def kubernetes_version() -> str:
    """Return the version that Terraform builds."""
    sizes = json.loads((TERRAFORM / "environments" / "prod" / "sizes.json").read_text())
    return str(sizes["kubernetes_version"])
