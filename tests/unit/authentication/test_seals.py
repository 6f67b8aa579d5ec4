"""What a seal keeps; where a request comes from."""

from typing import Any

import pytest
from litestar.connection import ASGIConnection

from api.authentication.addresses import TrustedProxies
from api.authentication.sealing import Seal, SealBrokenError

SEAL = Seal("ab" * 32)


def test_what_is_sealed_is_opened_for_what_it_belongs_to_alone() -> None:
    sealed = SEAL.close(b"secret", "key_1")
    assert b"secret" not in sealed
    assert SEAL.open(sealed, "key_1") == b"secret"
    for broken, name, seal in [
        (sealed, "key_2", SEAL),
        (sealed, "key_1", Seal("cd" * 32)),
        (sealed[:-1], "key_1", SEAL),
        (b"", "key_1", SEAL),
    ]:
        with pytest.raises(SealBrokenError):
            seal.open(broken, name)


@pytest.mark.parametrize("key", ["", "ab", "zz" * 32, "ab" * 33])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="openssl rand -hex 32"):
        Seal(key)


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        ((), "1.2.3.4", "10.0.0.9"),
        (("10.0.0.0/8",), "1.2.3.4", "1.2.3.4"),
        (("10.0.0.0/8",), "6.6.6.6, 1.2.3.4, 10.0.0.1", "1.2.3.4"),
        (("10.0.0.0/8",), "1.2.3.4, nonsense", "10.0.0.9"),
        (("10.0.0.0/8",), "", "10.0.0.9"),
        (("192.168.0.0/16",), "1.2.3.4", "10.0.0.9"),
    ],
)
def test_only_a_trusted_proxy_says_where_a_request_comes_from(
    trusted: tuple[str, ...], forwarded: str, expected: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    scope: Any = {"type": "http", "headers": headers, "client": ("10.0.0.9", 1)}
    assert TrustedProxies(trusted).client_of(ASGIConnection(scope)) == expected
