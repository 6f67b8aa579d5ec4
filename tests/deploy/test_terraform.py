"""Terraform's files are well formed, say only what the provider knows, and refer only to what is there.

Nothing here speaks to AWS, and nothing was applied: what can be checked without an account is.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.terraform import described, readme
from tests.deploy.hcl import META, REFERENCES, TERRAFORM, Declared, Module, entries, modules, plain
from tests.deploy.provider import Block, schema

FMT_SECONDS_MAX = 60
ALL = modules()
RESOURCES = [resource for module in ALL for resource in module.resources()]
OURS = [resource for resource in RESOURCES if resource.kind.startswith(("aws_", "data.aws_"))]


@pytest.fixture(params=ALL, ids=lambda module: module.name)
def module(request: pytest.FixtureRequest) -> Module:
    found = request.param
    assert isinstance(found, Module)
    return found


@pytest.mark.skipif(shutil.which("terraform") is None, reason="there is no terraform here")
def test_it_is_written_as_terraform_writes_it() -> None:
    command = ["terraform", "fmt", "-check", "-recursive", "-diff", str(TERRAFORM)]
    environment = {**os.environ, "TF_CLI_CONFIG_FILE": os.devnull}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=FMT_SECONDS_MAX, check=False, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- Against the provider's schema ----------------------------------------------------------------------


@pytest.mark.parametrize("resource", OURS, ids=str)
def test_a_resource_says_what_the_provider_knows_and_demands(resource: Declared) -> None:
    assert list(faults(resource.body, schema(resource.kind).body, str(resource))) == []


def faults(body: dict[str, object], block: Block, where: str) -> list[str]:
    """Return what is unknown, missing, or a block where the provider wants an argument, or the other way."""
    found = []
    given = set()
    for name, value, is_block in entries(body):
        given.add(name)
        if name in META:
            continue
        if name in block.blocks and is_block:
            inner = block.blocks[name]
            for each in value if isinstance(value, list) else [value]:
                found += [] if inner is None else faults(each, inner, f"{where}.{name}")
        elif name in block.blocks or (is_block and name in block.arguments):
            found.append(f"{where}: {name} is {'an argument' if is_block else 'a block'}")
        elif name not in block.arguments:
            found.append(f"{where}: the provider knows no {name}")
    missing = block.demanded - given
    return found + [f"{where}: {name} is missing" for name in sorted(missing)]


def test_what_is_wrong_is_found() -> None:
    block = Block({"name"}, {"rule": Block({"id"}, {}, {"id"})}, {"name"})
    wrong = {"rule": [{"idd": 1, "__is_block__": True}], "nam": "x", "__is_block__": True}
    assert faults(wrong, block, "here") == [
        "here.rule: the provider knows no idd",
        "here.rule: id is missing",
        "here: the provider knows no nam",
        "here: name is missing",
    ]


# --- What refers to what ----------------------------------------------------------------------------------


def test_each_variable_is_described_used_and_declared(module: Module) -> None:
    declared = module.named("variable")
    used = set(REFERENCES["var"].findall(outside_of_validations(module)))
    assert used == set(declared), "declared, and used outside of their own validation"
    assert [name for name, body in declared.items() if not body.get("description")] == []


def outside_of_validations(module: Module) -> str:
    """A variable that only its own validation looks at is of no use to anybody."""
    return re.sub(r"(?m)^  validation \{\n(?:    .*\n|\n)*?  \}\n", "", module.text())


def test_each_local_is_used_and_there(module: Module) -> None:
    assert set(REFERENCES["local"].findall(module.text())) == module.locals()


def test_each_output_is_described(module: Module) -> None:
    outputs = module.named("output")
    assert [name for name, body in outputs.items() if not body.get("description")] == []


def test_each_resource_referred_to_is_there_and_has_what_is_read_from_it(module: Module) -> None:
    there = {(resource.kind, resource.name) for resource in module.resources()}
    wrong = []
    for prefix, kind, name, attribute in REFERENCES["resource"].findall(module.text()):
        if (prefix + kind, name) not in there:
            wrong.append(f"{prefix}{kind}.{name}")
        elif attribute and prefix != "ephemeral." and attribute not in schema(prefix + kind).readable:
            wrong.append(f"{prefix}{kind}.{name}.{attribute}")
    assert wrong == []


def test_each_module_gets_what_it_needs_and_gives_what_is_read(module: Module) -> None:
    called = {name: inside(module, plain(body["source"])) for name, body in module.named("module").items()}
    wrong = []
    for name, body in module.named("module").items():
        variables = called[name].named("variable")
        given = set(body) - {"source", "count", "for_each", "providers", "depends_on", "__is_block__"}
        given = {each for each in given if not each.startswith("__")}
        needed = {each for each, variable in variables.items() if "default" not in variable}
        wrong += [f"{name}: needs {each}" for each in sorted(needed - given)]
        wrong += [f"{name}: knows no {each}" for each in sorted(given - set(variables))]
    for name, output in REFERENCES["module"].findall(module.text()):
        if name not in called or output not in called[name].named("output"):
            wrong.append(f"module.{name}.{output}")
    assert wrong == []


def inside(module: Module, source: str) -> Module:
    assert source.startswith(("./", "../")), f"{module.name}: {source}: only modules of our own"
    return Module(Path(os.path.normpath(module.folder / source)))


def test_a_module_pins_terraform_and_the_provider(module: Module) -> None:
    text = (module.folder / "versions.tf").read_text()
    assert 'required_version = ">= 1.11"' in text
    assert re.search(r'source  = "hashicorp/aws"\n\s+version = "~> 6\.\d+"', text)


# --- What is written about it -----------------------------------------------------------------------------


@pytest.mark.parametrize("module", described(), ids=lambda module: module.name)
def test_the_page_of_a_module_is_its_files(module: Module) -> None:
    page = (module.folder / "README.md").read_text()
    assert page == readme(module), "write it anew: python docs/terraform.py"


@pytest.mark.parametrize("environment", ["small", "dev", "prod"])
def test_the_environments_differ_in_their_sizes_alone(environment: str) -> None:
    """What runs in dev is what will run in prod: the same files, but for the name."""
    for file in ("main.tf", "variables.tf", "outputs.tf", "versions.tf", "example.tfvars"):
        first, other = (
            (TERRAFORM / "environments" / name / file).read_text().replace(name, "NAME")
            for name in ("prod", environment)
        )
        assert first == other, file
