"""`./oms token`."""

from typing import Annotated, get_args

from typer import BadParameter, Option

from api.auth import Role, mint_token
from stack.settings import TOKEN_SECRET_FILE, Settings

ROLES: tuple[Role, ...] = get_args(Role)


def token(
    role: Annotated[list[str] | None, Option(help=f"One of {', '.join(ROLES)}; may be repeated.")] = None,
    account: Annotated[list[str] | None, Option(help="An account it may trade for; may be repeated.")] = None,
    subject: Annotated[str, Option(help="Who it stands for; each event names it as its actor.")] = "me",
    minutes: Annotated[int, Option(min=1, max=1_440, help="How long it is valid.")] = 60,
) -> None:
    """Print a bearer token for the APIs of the local stack.

    Example: curl -H "Authorization: Bearer $(./oms token --role trader --account alice)" ...
    """
    roles = [known for known in ROLES if known in (role or ["trader"])]
    if unknown := set(role or []) - set(ROLES):
        raise BadParameter(f"no role {', '.join(sorted(unknown))}; there are {', '.join(ROLES)}")
    settings = Settings.load()
    if not (settings.folder / TOKEN_SECRET_FILE).exists() and "token_secret" not in settings.model_fields_set:
        raise RuntimeError(f"no stack was ever brought up in {settings.folder}. Next: ./oms up")
    print(mint_token(settings.token_secret, subject, roles, account, valid_s=minutes * 60))
