"""`./oms keys`: a group of commands."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, cast

from typer import Argument, BadParameter, Option, Typer

from stack.cli.identity_desk import AsJson, desk, operator, told, told_list

keys = Typer(
    add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True
)
COLUMNS = ("id", "owner", "label", "scheme", "scopes", "accounts", "expires_at", "revoked_at", "last_used_at")
LISTED_MAX = 10_000
SCHEMES = ("hmac-sha256", "ed25519")


@keys.callback()
def group() -> None:
    """API keys: with them a program signs its requests (docs/identity.md says how).

    Example: ./oms keys create --owner ann --scope read --scope trade
    """


@keys.command()
def create(
    owner: Annotated[str, Option(help="The user whose key it is.")],
    scope: Annotated[
        list[str] | None, Option(help="read, trade, withdraw or admin; may be repeated. Without: read.")
    ] = None,
    account: Annotated[
        list[str] | None, Option(help="An account it may act for; may be repeated. Without: all the owner's.")
    ] = None,
    network: Annotated[
        list[str] | None, Option(help="From where it may be used: 203.0.113.0/24; may be repeated.")
    ] = None,
    scheme: Annotated[str, Option(help="hmac-sha256, or ed25519.")] = "hmac-sha256",
    public_key: Annotated[
        Path | None, Option(help="For ed25519: a file with your public key (PEM). Without: a pair is made.")
    ] = None,
    days: Annotated[int, Option(min=0, max=3_650, help="How long it is good; 0: until revoked.")] = 90,
    label: Annotated[str, Option(help="What it is for.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make an API key. Its secret is told now, and never again.

    Example: ./oms keys create --owner ann --scope read --scope trade --label "market maker"
    """
    from api.authentication.signed import Scheme
    from api.identity import api_keys
    from api.identity.views import key_view

    if scheme not in SCHEMES:
        raise BadParameter(f"no scheme {scheme}; there are {', '.join(SCHEMES)}")
    wish = api_keys.Wish(
        owner,
        label,
        cast("Scheme", scheme),
        scope or ["read"],
        None,
        account,
        network or [],
        datetime.now(UTC) + timedelta(days=days) if days else None,
        public_key.read_text() if public_key else "",
    )
    with desk() as store:
        made = api_keys.create(store, operator(), wish)
    view = key_view(made.key)
    told({"id": view.id, "secret": made.secret, "key": view}, as_json=as_json)


@keys.command("list")
def list_keys(
    owner: Annotated[str | None, Option(help="Only this user's.")] = None, as_json: AsJson = False
) -> None:
    """List API keys, without their secrets.

    Example: ./oms keys list --owner ann --json
    """
    from api.identity import api_keys
    from api.identity.views import key_view

    with desk() as store:
        found = [key_view(key) for key in api_keys.listed(store, owner, "", LISTED_MAX)]
    told_list("keys", found, COLUMNS, as_json=as_json)


@keys.command()
def revoke(
    key_id: Annotated[str, Argument(help="Such as key_0a1b...; ./oms keys list tells them.")],
    as_json: AsJson = False,
) -> None:
    """Revoke an API key, for ever: it opens nothing any more within seconds.

    Example: ./oms keys revoke key_0a1b2c3d4e5f60718293a1b2c3d4e5f6
    """
    from api.identity import api_keys
    from api.identity.views import key_view

    with desk() as store:
        told(key_view(api_keys.revoke(store, operator(), key_id)), as_json=as_json)
