"""Sign callbacks and `http` tasks with different keys."""

import base64
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from adapters.http.signature import Signature, hkdf_sha256, http_secret

SECRET = "whsec_" + "A" * 40


@pytest.mark.parametrize(
    ("key_material", "salt", "info", "output"),
    [
        (
            b"\x0b" * 22,
            bytes(range(0x0D)),
            bytes(range(0xF0, 0xFA)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8",
        ),
    ],
)
def test_keys_are_derived_as_in_appendix_a_of_rfc_5869(
    key_material: bytes, salt: bytes, info: bytes, output: str
) -> None:
    """The expected outputs are longer: HKDF of fewer bytes is a prefix of HKDF of more."""
    assert hkdf_sha256(key_material, salt=salt, info=info) == bytes.fromhex(output)[:32]


def test_the_derived_secret_has_the_form_of_standard_webhooks_and_never_changes() -> None:
    derived = http_secret(SECRET)

    assert derived == "whsec_6d1HzJSl0DEzd9GwN/PP0CitnHUV2sMuy5uaIFoUS6A="
    assert len(base64.b64decode(derived.removeprefix("whsec_"))) == 32
    assert http_secret(None) is None


def test_a_signature_by_one_key_is_refused_by_the_other() -> None:
    body, now = b'{"type": "task.completed"}', datetime.now(UTC)
    callbacks, http = Webhook(SECRET), Webhook(str(http_secret(SECRET)))
    forged = dict(Signature(http_secret(SECRET)).headers("msg_1", body, now))

    assert http.verify(body, forged)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        callbacks.verify(body, forged)
