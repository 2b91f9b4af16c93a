"""Signers: what a signer of securesystemslib has to bring, and what is said where one cannot be had."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from groundswell import InputError, tuf


def test_any_signer_of_the_library_will_do_and_is_called_by_the_keyid_of_the_dialect() -> None:
    signer = CryptoSigner.generate_ed25519()
    public = tuf.public_of(signer)
    signature = tuf.sign(signer, b"{}")
    assert signature["keyid"] == public.keyid != signer.public_key.keyid
    assert tuf.verify_bytes(b"{}", [signature], {public.keyid: public}, [public.keyid], 1).verified


def test_a_key_that_the_dialect_does_not_have_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        tuf.public_of(CryptoSigner.generate_ecdsa())
    assert caught.value.code == "bad-key"


def test_a_token_without_the_extra_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name in {"PyKCS11", "groundswell.tuf.pkcs11"}:
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError) as caught:
        tuf.pkcs11_signer(Path("lib.so"), token="t", label="l", pin="1")
    assert (caught.value.code, caught.value.fields["extra"]) == ("missing-extra", "hsm")
