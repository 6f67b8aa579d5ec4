"""`./oms users`: a group of commands."""

from typing import Annotated

from typer import Argument, Option, Typer

from stack.cli.identity_desk import AsJson, PasswordFile, desk, operator, password_from, told, told_list

users = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
Name = Annotated[str, Argument(help="The user's name, such as ann.")]
Roles = Annotated[
    list[str] | None,
    Option("--role", help="trader, analyst, auditor, operator, risk or admin; may be repeated."),
]
Accounts = Annotated[
    list[str] | None, Option("--account", help="An account they may trade for; may be repeated.")
]
COLUMNS = ("name", "roles", "accounts", "locked", "last_login_at")
LISTED_MAX = 10_000


@users.callback()
def group() -> None:
    """Users: who may sign in, with which roles, for which accounts.

    Example: ./oms users add ann --role trader --account alice
    """


@users.command()
def add(
    name: Name,
    role: Roles = None,
    account: Accounts = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a user. Without --password-file a password is thought of, and told once.

    Example: ./oms users add ann --role trader --account alice
    """
    from api.identity import users as store_users
    from api.identity.views import user_view

    password, made_here = password_from(password_file)
    with desk() as store:
        user = store_users.create(store, operator(), name, password, role or ["trader"], account or [])
    view = {**_fields(user_view(user)), **({"password": password} if made_here else {})}
    told(view, as_json=as_json)


@users.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List all users.

    Example: ./oms users list --json
    """
    from api.identity import users as store_users
    from api.identity.views import user_view

    with desk() as store:
        found = [user_view(user) for user in store_users.listed(store, "", LISTED_MAX)]
    told_list("users", found, COLUMNS, as_json=as_json)


@users.command()
def lock(
    name: Name, reason: Annotated[str, Option(help="Why; it stays on record.")], as_json: AsJson = False
) -> None:
    """Let a user in no more: their sessions and API keys end within seconds.

    Example: ./oms users lock ann --reason "left the firm"
    """
    from api.identity import users as store_users
    from api.identity.views import user_view

    with desk() as store:
        told(user_view(store_users.lock(store, operator(), name, reason)), as_json=as_json)


@users.command()
def unlock(name: Name, as_json: AsJson = False) -> None:
    """Let a user in again, also one who is held up by too many wrong passwords.

    Example: ./oms users unlock ann
    """
    from api.identity import users as store_users
    from api.identity.views import user_view

    with desk() as store:
        told(user_view(store_users.unlock(store, operator(), name)), as_json=as_json)


@users.command()
def password(name: Name, password_file: PasswordFile = None, as_json: AsJson = False) -> None:
    """Replace a user's password; their sessions end. Without --password-file one is thought of, told once.

    Example: ./oms users password ann
    """
    from api.identity import users as store_users

    new, made_here = password_from(password_file)
    with desk() as store:
        store_users.set_password(store, operator(), name, new)
    told({"name": name, "password": new if made_here else "as given"}, as_json=as_json)


@users.command()
def roles(name: Name, role: Roles = None, account: Accounts = None, as_json: AsJson = False) -> None:
    """Give a user these roles and accounts in place of the old ones; their sessions end.

    Example: ./oms users roles ann --role trader --role analyst --account alice
    """
    from api.identity import users as store_users
    from api.identity.views import user_view

    with desk() as store:
        user = store_users.set_roles(store, operator(), name, role or [], account or [])
    told(user_view(user), as_json=as_json)


def _fields(view: object) -> dict[str, object]:
    import msgspec

    fields: dict[str, object] = msgspec.to_builtins(view)
    return fields
