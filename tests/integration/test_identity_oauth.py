"""The issuer of tokens: who signs in gets in, once, and nobody else."""

from collections.abc import Iterator

import httpx
import jwt
import pytest

from api.identity import clients, signing_keys
from stack.running import Stack, running_stack
from stack.settings import Settings
from stack.waiting import wait_until
from tests.integration.identity_service import (
    NOTICED_MS_MAX,
    PASSWORD,
    REDIRECT,
    Browser,
    Service,
    identity_service,
    led_to,
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings.with_free_ports(tmp_path_factory.mktemp("stores"))
    with running_stack(settings, servers=("postgres", "redis")) as stack:
        yield stack


@pytest.fixture(scope="module")
def service(stores: Stack) -> Iterator[Service]:
    with identity_service(stores) as running:
        yield running


def test_who_signs_in_gets_tokens_that_say_who_it_is(service: Service) -> None:
    name = service.user(roles=("trader", "analyst"), accounts=("alice",))
    tokens = service.session(name)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert (claims["sub"], claims["roles"], claims["accounts"]) == (name, ["analyst", "trader"], ["alice"])
    assert (claims["client_id"], claims["scope"]) == ("dashboard", "openid profile read trade")
    assert 600 <= claims["exp"] - claims["iat"] <= 900
    assert claims["jti"]
    assert jwt.get_unverified_header(tokens["access_token"])["alg"] == "EdDSA"
    told = service.get("/v1/identity/me", tokens["access_token"]).json()
    assert (told["subject"], told["client"], told["scopes"]) == (name, "dashboard", ["read", "trade"])


def test_any_client_library_can_verify_the_id_token(service: Service) -> None:
    name = service.user()
    told = service.http.get(f"{service.address}/.well-known/openid-configuration").json()
    tokens = service.session(name)
    key = jwt.PyJWKClient(told["jwks_uri"]).get_signing_key_from_jwt(tokens["id_token"])
    claims = jwt.decode(tokens["id_token"], key, ["EdDSA"], audience="dashboard", issuer=told["issuer"])
    assert (claims["sub"], claims["nonce"]) == (name, "n-1")


def test_an_id_token_opens_no_api(service: Service) -> None:
    assert service.me(service.session(service.user())["id_token"]) == 401


def test_tokens_and_the_page_are_kept_in_no_cache(service: Service) -> None:
    browser = Browser(service)
    page = browser.page()
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    answer = service.exchange(browser.code(service.user()))
    assert answer.headers["cache-control"] == "no-store"


def test_the_state_comes_back_as_it_was(service: Service) -> None:
    answer = Browser(service).sign_in(service.user(), state='a&b="c"')
    assert led_to(answer)["state"] == 'a&b="c"'


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_request_that_is_not_in_order_goes_back_with_its_error(
    service: Service, changed: dict[str, str], error: str
) -> None:
    answer = Browser(service).page(**changed)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(REDIRECT)
    assert (led_to(answer)["error"], led_to(answer)["state"]) == (error, "somewhere")


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "https://evil.example/"},
        {"redirect_uri": REDIRECT + "/more"},
        {"redirect_uri": ""},
        {"client_id": "nobody"},
        {"client_id": ""},
    ],
)
def test_nobody_is_sent_to_an_address_that_is_not_the_clients(
    service: Service, changed: dict[str, str]
) -> None:
    answer = Browser(service).page(**changed)
    assert (answer.status_code, "location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": ""}, "invalid_request"),
        ({"code_verifier": "w" * 64}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "http://127.0.0.1:8080/"}, "invalid_grant"),
        ({"code": "made-up"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
    ],
)
def test_a_code_is_worth_nothing_without_what_it_is_bound_to(
    service: Service, changed: dict[str, str], error: str
) -> None:
    code = Browser(service).code(service.user())
    answer = service.exchange(**{"code": code, **changed})
    assert answer.status_code in {400, 401}
    assert answer.json()["error"] == error
    if changed.keys() & {"code_verifier", "redirect_uri"}:
        assert service.exchange(code).status_code == 400, "a wrong try uses the code up"


def test_a_code_used_twice_ends_the_session_of_the_first_use(service: Service) -> None:
    code = Browser(service).code(service.user())
    tokens = service.exchange(code).json()
    assert service.exchange(code).json()["error"] == "invalid_grant"
    assert service.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    wait_until(lambda: service.me(tokens["access_token"]) == 401, NOTICED_MS_MAX, "the session has ended")


def test_a_form_of_another_browser_signs_nobody_in(service: Service) -> None:
    name, mine, theirs = service.user(), Browser(service), Browser(service)
    theirs.page()
    answer = theirs.submit(mine.page(), name, PASSWORD)
    assert (answer.status_code, "location" in answer.headers) == (200, False)


def test_a_form_leads_only_to_where_it_was_shown_for(service: Service) -> None:
    browser = Browser(service)
    answer = browser.submit(browser.page(), service.user(), PASSWORD, scope="openid admin")
    assert "location" not in answer.headers


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"name": "nobody-at-all"}])
def test_a_wrong_name_looks_like_a_wrong_password(service: Service, wrong: dict[str, str]) -> None:
    browser = Browser(service)
    given = {"name": service.user(), "password": PASSWORD} | wrong
    answer = browser.submit(browser.page(), given["name"], given["password"])
    assert answer.status_code == 401
    assert "Name or password is wrong." in answer.text
    assert PASSWORD not in answer.text


def test_the_page_shows_what_was_typed_as_text(service: Service) -> None:
    browser = Browser(service)
    answer = browser.submit(browser.page(), '"><script>alert(1)</script>', "wrong")
    assert "<script>" not in answer.text


# --- Refresh tokens -------------------------------------------------------------------------------------


def test_a_session_goes_on_by_its_refresh_tokens(service: Service) -> None:
    tokens = service.session(service.user())
    for _ in range(3):
        fresh = service.refresh(tokens["refresh_token"]).json()
        assert fresh["refresh_token"] != tokens["refresh_token"]
        assert service.me(fresh["access_token"]) == 200
        tokens = fresh


def test_a_refresh_token_used_twice_ends_the_whole_session(service: Service) -> None:
    first = service.session(service.user())
    second = service.refresh(first["refresh_token"]).json()
    assert service.refresh(first["refresh_token"]).json()["error"] == "invalid_grant"
    assert service.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    wait_until(lambda: service.me(second["access_token"]) == 401, NOTICED_MS_MAX, "the session has ended")


def test_a_refresh_token_gives_no_more_than_was_granted(service: Service) -> None:
    tokens = service.session(service.user(), scope="openid read")
    answer = service.refresh(tokens["refresh_token"], scope="read withdraw")
    assert answer.json()["error"] == "invalid_scope"


def test_a_refresh_token_is_its_clients_alone(service: Service) -> None:
    clients.create_public(service.store, "test", "other-page", ["http://127.0.0.1:9000/"])
    tokens = service.session(service.user())
    assert service.refresh(tokens["refresh_token"], client_id="other-page").status_code == 400


def test_a_session_ends_when_nobody_goes_on_with_it(stores: Stack) -> None:
    with identity_service(stores, refresh_idle_s=0) as service:
        tokens = service.session(service.user())
        assert service.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


# --- Revocation, rotation -------------------------------------------------------------------------------


def test_a_revoked_refresh_token_takes_the_session_with_it(service: Service) -> None:
    tokens = service.session(service.user())
    revoked = service.post("/oauth/revoke", {"client_id": "dashboard", "token": tokens["refresh_token"]})
    assert revoked.status_code == 200
    assert service.refresh(tokens["refresh_token"]).status_code == 400
    wait_until(lambda: service.me(tokens["access_token"]) == 401, NOTICED_MS_MAX, "the token is revoked")


def test_a_revoked_access_token_opens_nothing_and_its_session_goes_on(service: Service) -> None:
    tokens = service.session(service.user())
    assert service.me(tokens["access_token"]) == 200
    service.post("/oauth/revoke", {"client_id": "dashboard", "token": tokens["access_token"]})
    wait_until(lambda: service.me(tokens["access_token"]) == 401, NOTICED_MS_MAX, "the token is revoked")
    assert service.me(service.refresh(tokens["refresh_token"]).json()["access_token"]) == 200


def test_revoking_what_is_no_token_is_done_already(service: Service) -> None:
    answer = service.post("/oauth/revoke", {"client_id": "dashboard", "token": "made-up"})
    assert answer.status_code == 200


def test_tokens_of_the_old_key_stay_good_after_a_rotation(service: Service) -> None:
    name = service.user()
    before = service.session(name)["access_token"]
    made = signing_keys.rotate(service.store, "test")
    after = service.session(name)["access_token"]
    kids = {key["kid"] for key in service.http.get(f"{service.address}/oauth/jwks").json()["keys"]}
    assert jwt.get_unverified_header(after)["kid"] == made
    assert {jwt.get_unverified_header(token)["kid"] for token in (before, after)} <= kids
    assert (service.me(before), service.me(after)) == (200, 200)


def test_a_key_is_published_until_its_last_token_has_expired(stores: Stack) -> None:
    with identity_service(stores, access_token_s=-60) as service:
        old = signing_keys.current(service.store).kid
        new = signing_keys.rotate(service.store, "test")
        with service.store.work() as session:
            published = signing_keys.published(session)
        assert (old in published, new in published) == (False, True)


# --- Clients of their own -------------------------------------------------------------------------------


def test_a_client_with_a_secret_asks_for_itself(service: Service) -> None:
    made, secret = clients.create_confidential(service.store, "test", "reports", ["read"], ["analyst"], [])
    answer = service.post("/oauth/token", {"grant_type": "client_credentials"}, auth=(made.id, secret))
    told = service.get("/v1/identity/me", answer.json()["access_token"]).json()
    assert (told["subject"], told["roles"], told["scopes"]) == ("client:reports", ["analyst"], ["read"])
    assert "refresh_token" not in answer.json()


def test_a_client_without_its_secret_gets_nothing(service: Service) -> None:
    made, _ = clients.create_confidential(service.store, "test", "billing", ["read"], ["analyst"], [])
    form = {"grant_type": "client_credentials"}
    answers: list[httpx.Response] = [
        service.post("/oauth/token", form, auth=(made.id, "wrong")),
        service.post("/oauth/token", form | {"client_id": made.id}),
        service.post("/oauth/token", form | {"client_id": "dashboard"}),
    ]
    assert {answer.json()["error"] for answer in answers} == {"invalid_client"}


def test_a_page_of_the_dashboard_may_fetch_tokens_and_others_not(service: Service) -> None:
    def allowed(origin: str) -> str | None:
        answer = service.post("/oauth/token", {"grant_type": "none"}, headers={"Origin": origin})
        found: str | None = answer.headers.get("access-control-allow-origin")
        return found

    assert allowed("http://127.0.0.1:8080") == "http://127.0.0.1:8080"
    assert allowed("https://evil.example") is None
