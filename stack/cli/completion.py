"""`./oms completion`: what a shell completes, written down once, so that completing starts no Python."""

from collections.abc import Iterator
from importlib import import_module
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer import Argument
from typer.main import get_command

from stack.cli import COMMANDS, Command

Shell = Literal["bash", "zsh", "fish"]

HOW = {
    "bash": "source <(./oms completion bash)    # or, for good: ./oms completion bash >> ~/.bashrc",
    "zsh": "source <(./oms completion zsh)     # after: autoload -U compinit && compinit",
    "fish": "./oms completion fish | source",
}


def completion(shell: Annotated[Shell, Argument(help="Which shell is to complete.")]) -> None:
    """Print what teaches your shell to complete ./oms: its commands, theirs, and all options.

    Example: source <(./oms completion bash)
    """
    print(f"# {HOW[shell]}")
    print(WRITERS[shell](dict(words())))


def words() -> Iterator[tuple[str, list[str]]]:
    """Yield what may follow: "" is followed by the commands, "orders" by its own, "book" by options."""
    yield "", [command.name for command in COMMANDS]
    for command in COMMANDS:
        yield from _of(command.name, _click_command(command))


def _click_command(command: Command) -> Any:
    function = getattr(import_module(command.module), command.function)
    if isinstance(function, typer.Typer):
        return get_command(function)
    app = typer.Typer(add_completion=False)
    app.command()(function)
    return get_command(app)


def _of(path: str, command: Any) -> Iterator[tuple[str, list[str]]]:
    options = [
        name
        for each in command.params
        for name in (*each.opts, *each.secondary_opts)
        if name.startswith("--")
    ]
    choices = [name for each in command.params for name in _choices(each)]
    inner = getattr(command, "commands", {})
    yield path, [*inner, *choices, *options, "--help"]
    for name, each in inner.items():
        yield from _of(f"{path} {name}", each)


def _choices(parameter: Any) -> tuple[str, ...]:
    """Return the words an argument is one of, if they are few and known."""
    words_only = (
        parameter.param_type_name == "argument"
        and get_origin(parameter.type_descriptor.annotation) is Literal
    )
    return get_args(parameter.type_descriptor.annotation) if words_only else ()


# `$path` gathers the words before the cursor that are no options, as long as something is known to follow.
BASH = """\
_oms() {{
  local path="" word cur="${{COMP_WORDS[COMP_CWORD]}}"
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "${{path:+$path }}$word" in
      {paths}) path="${{path:+$path }}$word" ;;
    esac
  done
  case "$path" in
{cases}
  esac
}}
complete -o default -F _oms oms ./oms"""

ZSH = """\
#compdef oms
_oms() {{
  local path_="" word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "${{path_:+$path_ }}$word" in
      {paths}) path_="${{path_:+$path_ }}$word" ;;
    esac
  done
  case "$path_" in
{cases}
  esac
}}
compdef _oms oms ./oms"""

FISH = """\
function __oms_path
  set -l path ""
  for word in (commandline -opc)[2..-1]
    switch (string trim "$path $word")
      case {paths}
        set path (string trim "$path $word")
    end
  end
  echo $path
end
complete -c oms -f
{cases}"""


def _bash(known: dict[str, list[str]]) -> str:
    cases = [
        f'    "{path}") COMPREPLY=($(compgen -W "{" ".join(known[path])}" -- "$cur")) ;;' for path in known
    ]
    return BASH.format(paths=_alternatives(known), cases="\n".join(cases))


def _zsh(known: dict[str, list[str]]) -> str:
    cases = [f'    "{path}") compadd -- {" ".join(known[path])} ;;' for path in known]
    return ZSH.format(paths=_alternatives(known), cases="\n".join(cases))


def _fish(known: dict[str, list[str]]) -> str:
    cases = [
        f"complete -c oms -n 'test (__oms_path) = \"{path}\"' -a '{' '.join(known[path])}'" for path in known
    ]
    paths = " ".join(f'"{path}"' for path in known if path)
    return FISH.format(paths=paths, cases="\n".join(cases))


def _alternatives(known: dict[str, list[str]]) -> str:
    return " | ".join(f'"{path}"' for path in known if path)


WRITERS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
