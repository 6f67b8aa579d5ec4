"""The verifier that goes with a bundle: its own Ed25519 is the one everybody uses."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from docs.verify_bundle import ORDER, plain_signature_holds, signature_holds

# RFC 8032, section 7.1, tests 1 and 3: public key, message, signature.
VECTORS = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_it_holds_for_the_standards_own_examples(key: str, message: str, signature: str) -> None:
    assert plain_signature_holds(bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_with_and_without_the_package_the_answer_is_the_same(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key, signature = private.public_key().public_bytes_raw(), private.sign(message)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    for holds in (signature_holds, plain_signature_holds):
        assert holds(key, signature, message)
        assert not holds(key, bytes(changed), message)
        assert not holds(key, signature, message + b"!")


def test_a_second_signature_made_of_a_first_does_not_hold() -> None:
    """Its scalar with the group's order added would prove the same; the standard forbids it."""
    private = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key, signature = private.public_key().public_bytes_raw(), private.sign(b"words")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    assert not plain_signature_holds(key, signature[:32] + scalar.to_bytes(32, "little"), b"words")


@pytest.mark.parametrize("signature", [b"", bytes(63), bytes(64), b"\xff" * 64])
def test_what_is_no_signature_does_not_hold(signature: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32)).public_key().public_bytes_raw()
    assert not plain_signature_holds(key, signature, b"words")
    assert not signature_holds(key, signature, b"words")
