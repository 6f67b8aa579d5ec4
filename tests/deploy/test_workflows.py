"""The workflows on GitHub: well-formed, with no more rights than they need, made of what is tested here."""

import os
import re
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
from tests.deploy.helm import BUILD_SECONDS_MAX, CHART, PROGRAM, RUN_SECONDS_MAX

pytestmark = pytest.mark.timeout(BUILD_SECONDS_MAX)
WORKFLOWS = CHECKOUT / ".github" / "workflows"
FILES = sorted(WORKFLOWS.glob("*.yml"))
VERSION = "v1.7.12"
LINTER = f"actionlint-{VERSION}"
GIVEN = re.compile(r"\$\{\{ *(?:github\.(?:event|head_ref)|inputs|vars)[^}]*\}\}")
PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+")


@cache
def linter() -> Path:
    """Return the program actionlint. Skips the test where there is neither that nor a Go to build it with."""
    if not (cache_folder() / LINTER).exists() and shutil.which("go") is None:
        if found := shutil.which("actionlint"):
            return Path(found)
        pytest.skip("there is neither actionlint nor go (https://go.dev) here")

    def build(folder: Path) -> None:
        environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false", "CGO_ENABLED": "0"}
        command = ["go", "install", f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"]
        subprocess.run(
            command, env=environment, cwd=folder, check=True, capture_output=True, timeout=BUILD_SECONDS_MAX
        )

    return made_once(LINTER, build) / "actionlint"


def lint(file: Path) -> str:
    command: list[str | Path] = [linter(), "-no-color", "-shellcheck=", "-pyflakes=", file]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False, cwd=CHECKOUT
    )
    return str(done.stdout + done.stderr)


def read(file: Path) -> dict[str, Any]:
    workflow: dict[str, Any] = yaml.load(file.read_text(), yaml.BaseLoader)  # noqa: S506 - "on" stays a word
    return workflow


def jobs() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{file.stem}/{name}", job) for file in FILES for name, job in read(file)["jobs"].items()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_actionlint_finds_nothing(file: Path) -> None:
    assert lint(file) == ""


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.yml"
    wrong.write_text((WORKFLOWS / "test.yml").read_text().replace("runs-on: ubuntu-24.04", "run-on: ubuntu"))
    assert "run-on" in lint(wrong)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_what_others_wrote_is_named_by_its_commit(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    assert [each for each in used if not each.startswith("./") and not PINNED.fullmatch(each)] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_nothing_is_allowed_that_a_job_does_not_ask_for(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {}
    assert "pull_request_target" not in workflow["on"], "it would run a stranger's code with our rights"
    for job in workflow["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}


@pytest.mark.parametrize(("name", "job"), jobs(), ids=lambda value: value if isinstance(value, str) else "")
def test_each_job_ends(name: str, job: dict[str, Any]) -> None:
    assert "uses" in job or 0 < int(job["timeout-minutes"]) <= 120, name


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.name))
def test_no_text_of_a_stranger_becomes_a_command(file: Path) -> None:
    """A title or a branch's name is put into a script as it is: it has to go by the environment."""
    for name, job in read(file)["jobs"].items():
        for step in job.get("steps", []):
            outside = re.findall(
                r"\$\{\{ *(?:github\.(?:event|head_ref)|inputs|vars)[^}]*\}\}", step.get("run", "")
            )
            assert outside == [], f"{name}: {step.get('name', step['run'])}"


def test_no_key_lives_long() -> None:
    for file in FILES:
        assert "secrets." not in file.read_text(), "roles are taken by GitHub's own token"
        assert "access-key" not in file.read_text().lower()


def test_ci_is_what_runs_on_anybodys_machine() -> None:
    steps = read(WORKFLOWS / "test.yml")["jobs"]["test"]["steps"]
    assert [step["run"] for step in steps if "run" in step][-1] == ".ci/run"
    assert os.access(CHECKOUT / ".ci" / "run", os.X_OK)


def test_deploying_needs_tests_then_dev_then_an_approval() -> None:
    jobs = read(WORKFLOWS / "deploy.yml")["jobs"]
    assert (jobs["dev"]["needs"], jobs["prod"]["needs"]) == ("test", "dev")
    assert [jobs[each]["with"]["environment"] for each in ("dev", "prod")] == ["dev", "prod"]
    release = read(WORKFLOWS / "release.yml")["jobs"]
    assert all(job["environment"] == "${{ inputs.environment }}" for job in release.values())
    assert read(WORKFLOWS / "terraform.yml")["jobs"]["apply"]["environment"].startswith("infrastructure-")


def test_the_tools_are_those_that_are_tested_here() -> None:
    assert read(WORKFLOWS / "release.yml")["env"]["HELM"] == PROGRAM
    version = read(WORKFLOWS / "terraform.yml")["env"]["TERRAFORM_VERSION"]
    assert version.startswith(re.findall(r'required_version = ">= ([\d.]+)"', _versions())[0])


def test_the_files_they_name_are_there() -> None:
    text = (WORKFLOWS / "release.yml").read_text()
    for environment in ("dev", "prod"):
        assert (CHART / f"{environment}.yaml").exists()
        assert (TERRAFORM / "environments" / environment).is_dir()
    assert "helm/$ENVIRONMENT.yaml" in text
    assert (CHECKOUT / "helm/images/Dockerfile").exists()


def test_terraform_trusts_the_environments_that_the_workflows_name() -> None:
    trusted = (TERRAFORM / "modules" / "automation" / "main.tf").read_text()
    assert "environment:infrastructure-${environment}" in trusted
    delivery = (TERRAFORM / "modules" / "delivery" / "main.tf").read_text()
    assert "repo:${var.repository}:environment:${var.environment}" in delivery


def _versions() -> str:
    return (TERRAFORM / "modules" / "automation" / "versions.tf").read_text()
