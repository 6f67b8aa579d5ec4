"""`./oms COMMAND`: finds the command's module, and imports no other."""

import sys
from importlib import import_module

from stack.cli import COMMANDS, Command


def main() -> int:
    """Run one command and return its exit code."""
    name, arguments = (sys.argv[1], sys.argv[2:]) if len(sys.argv) > 1 else ("--help", [])
    command = next((known for known in COMMANDS if known.name == name), None)
    if name in {"--help", "-h", "help"}:
        print(overview())
        return 0
    if command is None:
        print(f"./oms has no command {name!r}.\n\n{overview()}", file=sys.stderr)
        return 2
    return run(command, arguments)


def run(command: Command, arguments: list[str]) -> int:
    """Hand over to typer, which reads the options and prints a command's own help."""
    from stack.cli.running import run_command

    return run_command(command, getattr(import_module(command.module), command.function), arguments)


def overview() -> str:
    """List the commands; plain text, so that it takes no time."""
    width = max(len(command.name) for command in COMMANDS)
    lines = [f"  {command.name:<{width}}  {command.what}" for command in COMMANDS]
    return "\n".join(
        [
            "Crypto OMS: an event-sourced order management system.",
            "",
            "Usage: ./oms COMMAND [OPTIONS]        ./oms COMMAND --help tells more, with an example.",
            "",
            *lines,
            "",
            "Start with: ./oms up",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
