"""`./oms identity`: a group of commands."""

from typing import Annotated

from typer import Argument, Exit, Option, Typer

from stack.cli.identity_desk import AsJson, desk, operator, told, told_list

identity = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
COLUMNS = ("id", "at", "actor", "what", "which")


@identity.callback()
def group() -> None:
    """The issuer of tokens: its signing keys, its clients, and the record of what was done.

    Example: ./oms identity rotate-key
    """


@identity.command("rotate-key")
def rotate_key(as_json: AsJson = False) -> None:
    """Sign tokens with a new key from now on; tokens of the old one stay good until they expire.

    Example: ./oms identity rotate-key
    """
    from api.identity import signing_keys

    with desk() as store:
        told({"kid": signing_keys.rotate(store, operator())}, as_json=as_json)


@identity.command()
def client(
    name: Annotated[str, Argument(help="The client's id, such as reporting.")],
    scope: Annotated[
        list[str] | None, Option(help="read, trade, withdraw or admin; may be repeated.")
    ] = None,
    role: Annotated[list[str] | None, Option(help="A role it has; may be repeated.")] = None,
    account: Annotated[list[str] | None, Option(help="An account it may act for; may be repeated.")] = None,
    redirect: Annotated[
        list[str] | None, Option(help="For users who sign in: where to go back to; may be repeated.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a program ask for tokens: for itself with a secret that is told once, or with --redirect for users.

    Example: ./oms identity client reporting --scope read --role analyst
    """
    from api.identity import clients
    from api.identity.views import client_view

    with desk() as store:
        if redirect:
            made, secret = clients.create_public(store, operator(), name, redirect), ""
        else:
            made, secret = clients.create_confidential(
                store, operator(), name, scope or ["read"], role or [], account or []
            )
    told({"id": made.id, "secret": secret, "client": client_view(made)}, as_json=as_json)


@identity.command()
def events(
    after: Annotated[int, Option(help="Only those after this number.", min=0)] = 0,
    limit: Annotated[int, Option(help="At most so many.", min=1, max=100_000)] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List what was done to users, clients and keys: who, when, how it was before and after.

    Example: ./oms identity events --json
    """
    from api.identity import journal
    from api.identity.views import event_view

    with desk() as store, store.work() as session:
        found = [event_view(event) for event in journal.read(session, after, limit)]
    told_list("events", found, COLUMNS, as_json=as_json)


@identity.command()
def verify(as_json: AsJson = False) -> None:
    """Check that no event of identity is missing or was changed. Exit code 0 only if so.

    Example: ./oms identity verify
    """
    from api.identity import journal

    with desk() as store, store.work() as session:
        events_there, broken = journal.verify(session)
    told({"events": events_there, "sound": broken is None, "problem": broken or ""}, as_json=as_json)
    if broken:
        raise Exit(1)
