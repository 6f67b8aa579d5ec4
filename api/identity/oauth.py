"""The routes of OAuth 2.0 and OpenID Connect."""

import hmac
import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from authlib.oauth2 import OAuth2Error
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.enums import MediaType
from litestar.params import RawBody

from api.authentication.addresses import TrustedProxies
from api.authentication.local_key import ALGORITHM, public_jwk
from api.authentication.scopes import OPENID_SCOPES, SCOPES
from api.identity import login_page, signing_keys
from api.identity.server import Asked, IdentityServer, pairs_of
from api.identity.sign_in import SignInError, sign_in
from api.identity.store import Store
from api.identity.threads import in_thread

COOKIE = "oms_sign_in"
PASSED_ON = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method", "response_mode", "prompt"),
)
TOLD_S = 300
"""How long others may keep the keys and the configuration."""

ApiRequest = Request[Any, Any, Any]


@dataclass(frozen=True)
class Desk:
    """What all requests share."""

    store: Store
    server: IdentityServer
    proxies: TrustedProxies


OwnDesk = NamedDependency[Desk]


@get("/.well-known/openid-configuration", operation_id="configuration", sync_to_thread=False)
def configuration(desk: OwnDesk) -> Response[dict[str, Any]]:
    """Tell where everything is (OpenID Connect Discovery, RFC 8414)."""
    issuer = desk.server.issuer
    methods = ["none", "client_secret_basic", "client_secret_post"]
    told = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "scopes_supported": [*OPENID_SCOPES, *SCOPES],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "auth_time", "nonce", "preferred_username", "roles", "accounts"],
    }
    return Response(told, headers={"Cache-Control": f"public, max-age={TOLD_S}"})


@get("/oauth/jwks", operation_id="keySet")
@in_thread
def key_set(desk: OwnDesk) -> Response[dict[str, Any]]:
    """Tell the public keys of all tokens that may still be good (RFC 7517)."""
    with desk.store.work() as session:
        keys = [public_jwk(raw) for raw in signing_keys.published(session).values()]
    return Response({"keys": keys}, headers={"Cache-Control": f"public, max-age={TOLD_S}"})


@get("/oauth/authorize", operation_id="authorize", include_in_schema=False)
@in_thread
def authorize(request: ApiRequest, desk: OwnDesk) -> Response[Any]:
    """Show the page to sign in on; a request that is not in order goes back with its error, or nowhere."""
    pairs = _pairs(request.scope["query_string"])
    asked = Asked("GET", desk.server.issuer + "/oauth/authorize", pairs, {})
    try:
        grant = desk.server.get_consent_grant(asked)
    except OAuth2Error as error:
        return _not_in_order(desk, error)
    if grant.request.payload.data.get("prompt") == "none":
        return _back(desk, grant.redirect_uri, "login_required", grant.request.payload.state)
    return _form(desk, grant, secrets.token_urlsafe(24))


@post("/oauth/authorize", operation_id="signIn", include_in_schema=False)
@in_thread
def submit(request: ApiRequest, desk: OwnDesk, body: RawBody) -> Response[Any]:
    """Take name and password; if they are right, go back to the client with a code."""
    pairs = _pairs(body)
    given = dict(pairs)
    asked = Asked(
        "POST", desk.server.issuer + "/oauth/authorize", [pair for pair in pairs if pair[0] in PASSED_ON], {}
    )
    try:
        grant = desk.server.get_consent_grant(asked)
    except OAuth2Error as error:
        return _not_in_order(desk, error)
    browser = request.cookies.get(COOKIE, "")
    expected = _form_code(desk.store, grant, browser)
    if not browser or not hmac.compare_digest(expected, given.get("form_code", "")):
        return _form(
            desk,
            grant,
            secrets.token_urlsafe(24),
            given.get("name", ""),
            "The page was too old. Sign in again.",
        )
    return _signed_in(request, desk, grant, given, browser)


def _signed_in(
    request: ApiRequest, desk: Desk, grant: Any, given: dict[str, str], browser: str
) -> Response[Any]:
    name = given.get("name", "")
    try:
        address = desk.proxies.client_of(request)
        user = sign_in(desk.store, name, given.get("password", ""), address)
    except SignInError as error:
        if error.retry_after_s:
            told = f"Too many attempts. Try again in {error.retry_after_s} s."
            page = _form(desk, grant, browser, name, told, HTTPStatus.TOO_MANY_REQUESTS)
            page.headers["Retry-After"] = str(error.retry_after_s)
            return page
        return _form(desk, grant, browser, name, "Name or password is wrong.", HTTPStatus.UNAUTHORIZED)
    answer = desk.server.create_authorization_response(grant.request, grant_user=user, grant=grant)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.delete_cookie(COOKIE, path="/oauth/authorize")
    found: Response[Any] = answer
    return found


@post("/oauth/token", operation_id="token", status_code=HTTPStatus.OK)
@in_thread
def token(request: ApiRequest, desk: OwnDesk, body: RawBody) -> Response[Any]:
    """Give tokens for a code, a refresh token, or a client's own credentials (RFC 6749)."""
    asked = Asked("POST", desk.server.issuer + "/oauth/token", _pairs(body), _headers(request))
    answer: Response[Any] = desk.server.create_token_response(asked)
    return answer


@post("/oauth/revoke", operation_id="revokeToken", status_code=HTTPStatus.OK)
@in_thread
def revoke(request: ApiRequest, desk: OwnDesk, body: RawBody) -> Response[Any]:
    """Take a token back before it expires (RFC 7009)."""
    asked = Asked("POST", desk.server.issuer + "/oauth/revoke", _pairs(body), _headers(request))
    answer: Response[Any] = desk.server.create_endpoint_response("revocation", asked)
    return answer


def _form(
    desk: Desk, grant: Any, browser: str, name: str = "", error: str = "", status: HTTPStatus = HTTPStatus.OK
) -> Response[Any]:
    """Return the page. What it carries along is bound to the browser that it was shown in."""
    fields = [(key, value) for key, value in grant.request.payload.data.items() if key in PASSED_ON]
    fields.append(("form_code", _form_code(desk.store, grant, browser)))
    client = grant.request.client.get_client_id()
    return _shown(
        login_page.form(fields, client, grant.request.scope, name, error),
        status,
        grant.redirect_uri,
        Cookie(
            COOKIE,
            path="/oauth/authorize",
            value=browser,
            httponly=True,
            samesite="strict",
            secure=desk.server.issuer.startswith("https:"),
            max_age=600,
        ),
    )


def _form_code(store: Store, grant: Any, browser: str) -> str:
    carried = grant.request.payload.data
    return store.seal.token("\n".join([browser, *(carried.get(name, "") for name in PASSED_ON)]))


def _not_in_order(desk: Desk, error: Any) -> Response[Any]:
    """Only an address that is known to be the client's is gone back to."""
    if error.redirect_uri:
        answer: Response[Any] = desk.server.handle_error_response(None, error)
        return answer
    return _shown(login_page.refusal(error.get_error_description() or error.error), HTTPStatus.BAD_REQUEST)


def _back(desk: Desk, redirect_uri: str, error: str, state: str | None) -> Response[Any]:
    answer: Response[Any] = desk.server.handle_error_response(
        None, OAuth2Error(error=error, redirect_uri=redirect_uri, state=state)
    )
    return answer


def _shown(
    page: str, status: HTTPStatus, redirect_uri: str = "", cookie: Cookie | None = None
) -> Response[Any]:
    nonce = secrets.token_urlsafe(16)
    return Response(
        page.replace(login_page.NONCE, nonce),
        status_code=status,
        media_type=MediaType.HTML,
        headers=login_page.headers(nonce, redirect_uri),
        cookies=[cookie] if cookie else None,
    )


def _pairs(encoded: bytes) -> list[tuple[str, str]]:
    try:
        return pairs_of(encoded)
    except ValueError:
        return []


def _headers(request: ApiRequest) -> dict[str, str]:
    """Return the one header that Authlib reads, by the name that it reads it by."""
    found = request.headers.get("authorization")
    return {"Authorization": found} if found else {}


ROUTES = [configuration, key_set, authorize, submit, token, revoke]
