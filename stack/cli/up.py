"""`./oms up`."""

from pathlib import Path
from typing import Annotated

from typer import Option

from stack import services as our_services
from stack.cli.running import output
from stack.cli.status import table
from stack.running import Stack
from stack.settings import CHECKOUT, Settings
from stack.supervision import Supervisor


def up(
    servers_only: Annotated[bool, Option("--servers-only", help="Leave our own services down.")] = False,
) -> None:
    """Start the servers and services of this checkout, and wait until they are ready.

    What runs already is left alone, so calling it twice is fine. Ports, and where the servers run, are
    settings: OMS_KAFKA_PORT=29092 OMS_SERVERS=local ./oms up

    Example: ./oms up --servers-only
    """
    stack = Stack(settings())
    stack.up([] if servers_only or not services_delivered() else services(stack.settings))
    output.print(table(stack))
    if not servers_only and services_delivered():
        output.print(signing_in(stack.settings), markup=False)
    output.print("Next: ./oms status, ./oms demo, ./oms down")


def signing_in(chosen: Settings) -> str:
    """See to it that there is a user to sign in as, and say where the password is."""
    from stack.identity import FIRST_USER, FIRST_USER_FILE, first_user

    first_user(chosen)
    kept = chosen.folder / FIRST_USER_FILE
    if not kept.exists():
        return "To sign in: see ./oms users list"
    return f"To sign in: the user {FIRST_USER}, an administrator; its password is in {kept}"


def services(chosen: Settings) -> list[str]:
    """Return the names of those to start."""
    return our_services.names(chosen)


def settings() -> Settings:
    """Of the running stack; of the environment where none runs, which may have changed since the last."""
    fresh = Settings()
    return Settings.load(fresh.folder) if Supervisor(fresh.folder).alive() else fresh


def services_delivered() -> bool:
    path: Path = CHECKOUT / "stack" / "service.py"
    return path.exists()
