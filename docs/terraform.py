"""Writes the README.md of each Terraform module from its files: `python docs/terraform.py`.

What it is for stands at the head of its main.tf; inputs and outputs are described where they are declared.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.deploy.hcl import Module, modules, plain


def readme(module: Module) -> str:
    """Return the page of a module: what it is for, how it is called, what goes in and what comes out."""
    variables, outputs = module.named("variable"), module.named("output")
    needed = [name for name, body in variables.items() if "default" not in body]
    width = max((len(name) for name in needed), default=0)
    call = "\n".join(f"  {name:<{width}} = ..." for name in needed)
    inputs = [
        f"| `{name}` | {plain_text(body['description'])} | {'' if name in needed else 'no'} |"
        for name, body in variables.items()
    ]
    given = [f"| `{name}` | {plain_text(body['description'])} |" for name, body in outputs.items()]
    return "\n".join(
        [
            f"# {module.folder.name}",
            "",
            purpose(module),
            "",
            f'```hcl\nmodule "{module.folder.name.replace("-", "_")}" {{',
            f'  source = "../modules/{module.folder.name}"\n\n{call}\n}}\n```',
            "",
            "| input | what it is | needed |",
            "|---|---|---|",
            *inputs,
            "",
            "| output | what it is |",
            "|---|---|",
            *given,
            "",
        ]
    )


def purpose(module: Module) -> str:
    """Return the comment at the head of main.tf, as one paragraph."""
    lines = []
    for line in (module.folder / "main.tf").read_text().splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(lines)


def plain_text(description: str) -> str:
    return plain(description).replace('\\"', '"').replace("|", "\\|")


def described() -> list[Module]:
    """Return the modules that others may call: all but the environments, which call them."""
    return [module for module in modules() if module.folder.parent.name == "modules"]


if __name__ == "__main__":
    for each in described():
        (each.folder / "README.md").write_text(readme(each))
