"""The routes of users, keys and clients: administrators see to all, everybody to their own keys."""

from http import HTTPStatus
from typing import Annotated, Any

from litestar import Request, delete, get, post, put
from litestar.params import JSONBody, PathParameter, QueryParameter

from api.auth import Identity
from api.authentication.scopes import SCOPES
from api.identity import api_keys, clients, journal, passwords, signing_keys, users, views
from api.identity.errors import not_allowed, refused
from api.identity.oauth import OwnDesk
from api.identity.threads import in_thread
from api.problems import Problem

PAGE_MAX = 1_000
Limit = Annotated[int, QueryParameter(ge=1, le=PAGE_MAX)]
After = Annotated[str, QueryParameter(max_length=64)]
AfterNumber = Annotated[int, QueryParameter(ge=0, le=2**62)]
ApiRequest = Request[Identity, Any, Any]
NameInPath = Annotated[str, PathParameter(max_length=64)]
KeyInPath = Annotated[str, PathParameter(max_length=64)]


@get("/v1/identity/me", operation_id="whoAmI", sync_to_thread=False)
def who_am_i(request: ApiRequest) -> views.MeView:
    """Tell who the token or the signature stands for, and what for."""
    me = request.user
    scopes = None if me.scopes is None else sorted(me.scopes)
    return views.MeView(me.subject, sorted(me.roles), sorted(me.accounts), scopes, me.client, me.key_id)


@get("/oauth/userinfo", operation_id="userInfo", sync_to_thread=False)
def user_info(request: ApiRequest) -> dict[str, Any]:
    """Tell who signed in (OpenID Connect Core 5.3)."""
    me = request.user
    return {
        "sub": me.subject,
        "preferred_username": me.subject,
        "roles": sorted(me.roles),
        "accounts": sorted(me.accounts),
    }


# --- Users ----------------------------------------------------------------------------------------------


@get("/v1/identity/users", operation_id="listUsers")
@in_thread
def list_users(desk: OwnDesk, after: After = "", limit: Limit = 100) -> list[views.UserView]:
    """List users by name; ``after``: the last name of the page before."""
    return [views.user_view(user) for user in users.listed(desk.store, after, limit)]


@post("/v1/identity/users", operation_id="createUser", raises=[Problem])
@in_thread
def create_user(request: ApiRequest, desk: OwnDesk, data: JSONBody[views.NewUser]) -> views.UserView:
    """Make a user; the name stays theirs for ever."""
    made = users.create(desk.store, request.user.subject, data.name, data.password, data.roles, data.accounts)
    return views.user_view(made)


@get("/v1/identity/users/{name:str}", operation_id="getUser")
@in_thread
def get_user(desk: OwnDesk, name: NameInPath) -> views.UserView:
    """Tell about one user."""
    return views.user_view(users.get(desk.store, name))


@put("/v1/identity/users/{name:str}/roles", operation_id="setRoles")
@in_thread
def set_roles(
    request: ApiRequest, desk: OwnDesk, name: NameInPath, data: JSONBody[views.NewRoles]
) -> views.UserView:
    """Give these roles and accounts in place of the old ones; the user's sessions end."""
    actor = request.user.subject
    return views.user_view(users.set_roles(desk.store, actor, name, data.roles, data.accounts))


@post(
    "/v1/identity/users/{name:str}/lock",
    operation_id="lockUser",
    status_code=HTTPStatus.OK,
)
@in_thread
def lock_user(
    request: ApiRequest, desk: OwnDesk, name: NameInPath, data: JSONBody[views.Locking]
) -> views.UserView:
    """Let the user in no more; sessions and keys end with it."""
    if name == request.user.subject:
        raise refused("you would lock yourself out: have another administrator do it")
    return views.user_view(users.lock(desk.store, request.user.subject, name, data.reason))


@post(
    "/v1/identity/users/{name:str}/unlock",
    operation_id="unlockUser",
    status_code=HTTPStatus.OK,
)
@in_thread
def unlock_user(request: ApiRequest, desk: OwnDesk, name: NameInPath) -> views.UserView:
    """Let the user in again, also after too many wrong passwords."""
    return views.user_view(users.unlock(desk.store, request.user.subject, name))


@put(
    "/v1/identity/users/{name:str}/password",
    operation_id="setPassword",
    status_code=HTTPStatus.OK,
)
@in_thread
def set_password(
    request: ApiRequest, desk: OwnDesk, name: NameInPath, data: JSONBody[views.NewPassword]
) -> views.UserView:
    """Replace a password: one's own by giving the old one, anybody's as an administrator."""
    me = request.user
    if "admin" not in me.roles:
        user = users.get(desk.store, name) if name == me.subject else None
        if user is None or not passwords.verifies(user.password_hash, data.current):
            raise not_allowed("this is not your password, or the current one is wrong")
    return views.user_view(users.set_password(desk.store, me.subject, name, data.password))


# --- Keys -----------------------------------------------------------------------------------------------


@get("/v1/identity/keys", operation_id="listKeys")
@in_thread
def list_keys(
    request: ApiRequest, desk: OwnDesk, after: After = "", limit: Limit = 100
) -> list[views.KeyView]:
    """List API keys: an administrator everybody's, others their own."""
    owner = None if "admin" in request.user.roles else request.user.subject
    return [views.key_view(key) for key in api_keys.listed(desk.store, owner, after, limit)]


@post("/v1/identity/keys", operation_id="createKey", raises=[Problem])
@in_thread
def create_key(request: ApiRequest, desk: OwnDesk, data: JSONBody[views.NewKey]) -> views.NewKeyView:
    """Make an API key; its secret is told once, here."""
    me = request.user
    if me.key_id:
        raise not_allowed("a key makes no keys, which could do more than itself: sign in")
    owner = data.owner or me.subject
    if owner != me.subject and "admin" not in me.roles:
        raise not_allowed(f"{me.subject} may not make keys for {owner}")
    if me.scopes is not None and (beyond := set(data.scopes) - me.scopes):
        raise not_allowed(f"a token without the scope {', '.join(sorted(beyond))} makes no key with it")
    wish = api_keys.Wish(
        owner,
        data.label,
        data.scheme,
        data.scopes,
        data.roles,
        data.accounts,
        data.networks,
        data.expires_at,
        data.public_key,
    )
    made = api_keys.create(desk.store, me.subject, wish)
    return views.NewKeyView(views.key_view(made.key), made.secret)


@delete("/v1/identity/keys/{key_id:str}", operation_id="revokeKey", status_code=HTTPStatus.OK)
@in_thread
def revoke_key(request: ApiRequest, desk: OwnDesk, key_id: KeyInPath) -> views.KeyView:
    """Revoke a key: an administrator anybody's, others their own. It opens nothing within seconds."""
    owner = None if "admin" in request.user.roles else request.user.subject
    return views.key_view(api_keys.revoke(desk.store, request.user.subject, key_id, owner=owner))


# --- Clients, signing keys, events ----------------------------------------------------------------------


@get("/v1/identity/clients", operation_id="listClients")
@in_thread
def list_clients(desk: OwnDesk, limit: Limit = 100) -> list[views.ClientView]:
    """List the programs that may ask for tokens."""
    return [views.client_view(client) for client in clients.listed(desk.store, limit)]


@post("/v1/identity/clients", operation_id="createClient", raises=[Problem])
@in_thread
def create_client(request: ApiRequest, desk: OwnDesk, data: JSONBody[views.NewClient]) -> views.NewClientView:
    """Let a program ask for tokens: for users who sign in, or for itself with a secret that is told once."""
    actor = request.user.subject
    if data.redirect_uris:
        made = clients.create_public(desk.store, actor, data.id, data.redirect_uris)
        return views.NewClientView(views.client_view(made), "")
    made, secret = clients.create_confidential(
        desk.store, actor, data.id, data.scopes or SCOPES[:1], data.roles, data.accounts
    )
    return views.NewClientView(views.client_view(made), secret)


@post(
    "/v1/identity/signing-keys/rotate",
    operation_id="rotateSigningKey",
    status_code=HTTPStatus.OK,
)
@in_thread
def rotate(request: ApiRequest, desk: OwnDesk) -> dict[str, str]:
    """Sign tokens with a new key from now on; those signed before stay good until they expire."""
    return {"kid": signing_keys.rotate(desk.store, request.user.subject)}


@get(
    "/v1/identity/events",
    operation_id="identityEvents",
)
@in_thread
def events(desk: OwnDesk, after: AfterNumber = 0, limit: Limit = 100) -> list[views.EventView]:
    """Tell what was done to users, clients and keys, in order; ``after``: the last number one has seen."""
    with desk.store.work() as session:
        return [views.event_view(event) for event in journal.read(session, after, limit)]


ROUTES = [
    *(who_am_i, user_info),
    *(list_users, create_user, get_user, set_roles, lock_user, unlock_user, set_password),
    *(list_keys, create_key, revoke_key, list_clients, create_client, rotate, events),
]
