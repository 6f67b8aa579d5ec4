"""The grants of the issuer, on Authlib: codes with PKCE, refresh tokens that rotate, client credentials."""

from collections.abc import Mapping
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge

from api.identity import sessions
from api.identity.models import AuthorizationCode, RefreshFamily, RefreshToken, User
from api.identity.store import Store, in_seconds, now

NONCE_CHARS_MAX = 255


class Code:
    """What a code stood for, as Authlib asks about it."""

    def __init__(self, row: AuthorizationCode) -> None:
        self.row = row
        self.code_challenge = row.code_challenge
        self.code_challenge_method = "S256"

    def get_redirect_uri(self) -> str:
        return self.row.redirect_uri

    def get_scope(self) -> str:
        return self.row.scope


class Family:
    """A session, as Authlib asks about it."""

    def __init__(self, row: RefreshFamily) -> None:
        self.row = row

    def check_client(self, client: Any) -> bool:
        return bool(client.get_client_id() == self.row.client_id)

    def get_scope(self) -> str:
        return self.row.scope


class OnlyS256(CodeChallenge):  # type: ignore[misc] # Authlib has no types of its own
    """Every code is bound to a challenge, and only by its hash."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE is required: send code_challenge and code_challenge_method=S256")
        if len(data.get("nonce", "")) > NONCE_CHARS_MAX:
            raise InvalidRequestError("The nonce is too long")
        super().validate_code_challenge(grant, redirect_uri)


class CodeGrant(AuthorizationCodeGrant):  # type: ignore[misc] # Authlib has no types of its own
    """A code for a user who has just signed in."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")

    def save_authorization_code(self, code: str, request: Any) -> None:
        store: Store = self.server.store
        with store.work() as session:
            session.add(
                AuthorizationCode(
                    hash=sessions.digest(code),
                    client_id=request.client.get_client_id(),
                    user_name=request.user.name,
                    redirect_uri=request.payload.redirect_uri,
                    scope=request.scope,
                    nonce=request.payload.data.get("nonce", ""),
                    code_challenge=request.payload.data["code_challenge"],
                    family=sessions.new_family(),
                    signed_in_at=now(),
                    expires_at=in_seconds(store.lives.code_s),
                )
            )

    def query_authorization_code(self, code: str, client: Any) -> Code | None:
        row = sessions.use_code(self.server.store, code, client.get_client_id())
        return Code(row) if row else None

    def authenticate_user(self, authorization_code: Code) -> User | None:
        return _allowed(self.server.store, authorization_code.row.user_name)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It is used up since it was looked at: kept, so that a second use is seen."""


class RotatingGrant(RefreshTokenGrant):  # type: ignore[misc] # Authlib has no types of its own
    """A refresh token is good for one use, and comes with the next one."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Family | None:
        client_id = self.request.client.get_client_id()
        row = sessions.use_refresh_token(self.server.store, refresh_token, client_id)
        return Family(row) if row else None

    def authenticate_user(self, refresh_token: Family) -> User | None:
        return _allowed(self.server.store, refresh_token.row.user_name)

    def revoke_old_credential(self, refresh_token: Family) -> None:
        """It is used up since it was looked at."""


class ItselfGrant(ClientCredentialsGrant):  # type: ignore[misc] # Authlib has no types of its own
    """A token for a client of its own."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")


class Revocable:
    """What a revocation names: a session by its refresh token, or one access token."""

    def __init__(self, client_id: str, session: str = "", token_id: str = "", expires: float = 0.0) -> None:
        self.client_id, self.session, self.token_id, self.expires = client_id, session, token_id, expires

    def check_client(self, client: Any) -> bool:
        return bool(client.get_client_id() == self.client_id)


class Revocation(RevocationEndpoint):  # type: ignore[misc] # Authlib has no types of its own
    """RFC 7009. What is no token of ours is none any more: that is what was asked for."""

    CLIENT_AUTH_METHODS = ("none", "client_secret_basic", "client_secret_post")

    def query_token(self, token_string: str, _token_type_hint: str | None) -> Revocable | None:
        store: Store = self.server.store
        with store.work() as session:
            found = session.get(RefreshToken, sessions.digest(token_string))
            if found is not None:
                return Revocable(found.family.client_id, session=found.family_id)
        return self._access_token(self.server.read_token(token_string))

    @staticmethod
    def _access_token(claims: Mapping[str, Any] | None) -> Revocable | None:
        if claims is None:
            return None
        return Revocable(str(claims["client_id"]), token_id=str(claims["jti"]), expires=float(claims["exp"]))

    def revoke_token(self, token: Revocable, _request: Any) -> None:
        store: Store = self.server.store
        with store.work() as session:
            if token.session:
                sessions.end(session, token.session, "revoked_by_client", store.lives)
            else:
                left_s = max(0.0, token.expires - now().timestamp())
                sessions.revoke(session, "token", token.token_id, left_s)


def _allowed(store: Store, name: str) -> User | None:
    with store.work() as session:
        user = session.get(User, name)
    return None if user is None or user.locked_reason else user
