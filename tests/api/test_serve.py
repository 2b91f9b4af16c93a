"""``groundswell serve`` as a process: what it refuses, TLS, a graceful stop, and a kill."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from groundswell.api.server import parse_address
from groundswell.errors import InputError
from groundswell.factory import Factory
from support.fioctl import F, Fioctl, FioctlError
from support.wave_factories import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE = [sys.executable, "-m", "groundswell", "serve"]


@pytest.fixture
def folder(stocked_now: Path, tmp_path: Path) -> Path:
    shutil.copytree(stocked_now, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def token(folder: Path) -> str:
    with Factory.open(folder / "acme", user="alice") as factory:
        factory.users.add("bob")
        return factory.tokens.create("bob", ["admin"])[1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(
    folder: Path, *options: str, verify: ssl.SSLContext | bool = True
) -> Iterator[tuple[Fioctl, subprocess.Popen[str]]]:
    port = free_port()
    words = [*SERVE, "-C", str(folder / "acme"), "--listen", f"127.0.0.1:{port}", *options]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    scheme = "https" if "--tls-cert" in options else "http"
    try:
        with httpx2.Client(base_url=f"{scheme}://localhost:{port}", verify=verify, timeout=30, trust_env=False) as http:
            for _ in range(600):
                try:
                    http.get("/readyz")
                    break
                except httpx2.TransportError:
                    assert process.poll() is None, process.stderr.read() if process.stderr else ""
                    time.sleep(0.05)
            yield Fioctl(http, ""), process  # type: ignore[arg-type]  # the same methods
    finally:
        process.kill()
        process.communicate()


def refused(*options: str) -> tuple[int, str]:
    ran = subprocess.run([*SERVE, *options], check=False, capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stderr


def test_a_graceful_stop_finishes_what_is_in_progress(folder: Path, token: str) -> None:
    with served(folder) as (fioctl, process):
        fioctl.token = token
        assert fioctl.get(f"{F}/users/self/")["name"] == "bob"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert err.splitlines()[-1] == "stopped"
    assert token not in err
    with Factory.open(folder / "acme") as factory:
        assert factory.check().sound


def test_an_acknowledged_rollout_survives_a_kill(folder: Path, token: str) -> None:
    with served(folder) as (fioctl, process):
        fioctl.token = token
        fioctl.waves_init("w", 42, "main", folder / KEYS[0])
        acknowledged: dict[str, list[str]] = {}

        def roll_out() -> None:
            for number in range(18):
                key = f"call-{number}"
                try:
                    result = fioctl.rollout("w", limit=1, return_uuids=True, headers={"Idempotency-Key": key})
                except (httpx2.TransportError, FioctlError):
                    return
                acknowledged[key] = result["device-uuids"]

        worker = threading.Thread(target=roll_out)
        worker.start()
        while len(acknowledged) < 3 and worker.is_alive():
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
        worker.join()
    assert acknowledged
    with served(folder) as (again, _):
        again.token = token
        for key, uuids in acknowledged.items():
            result = again.rollout("w", limit=1, return_uuids=True, headers={"Idempotency-Key": key})
            assert result["device-uuids"] == uuids
        history = again.get(f"{F}/waves/w/")["rollout-history"]
        assert len(acknowledged) <= len(history) <= len(acknowledged) + 1
    with Factory.open(folder / "acme") as factory:
        assert factory.check().sound


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "server.pem", folder / "server.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


def test_tls(folder: Path, token: str) -> None:
    pem, private = certificate(folder)
    context = ssl.create_default_context(cafile=pem)
    with served(folder, "--tls-cert", str(pem), "--tls-key", str(private), verify=context) as (fioctl, _):
        fioctl.token = token
        assert fioctl.get(f"{F}/users/self/")["name"] == "bob"
    code, err = refused("-C", str(folder / "acme"), "--tls-cert", str(pem), "--tls-key", str(pem))
    assert code == 2
    assert "cannot be used" in err  # bad-certificate
    code, err = refused("-C", str(folder / "acme"), "--tls-cert", str(pem))
    assert (code, "--tls-key" in err) == (2, True)


def test_an_address_that_others_can_reach_needs_tls(folder: Path) -> None:
    code, err = refused("-C", str(folder / "acme"), "--listen", "0.0.0.0:0")
    assert code == 2
    assert "clear text" in err


def test_an_address_in_use(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        code, err = refused("-C", str(folder / "acme"), "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 6
    assert "cannot be used" in err


def test_two_factories_of_one_name(folder: Path) -> None:
    shutil.copytree(folder / "acme", folder / "copy")
    code, err = refused("-C", str(folder / "acme"), "-C", str(folder / "copy"))
    assert (code, "two directories" in err) == (2, True)


@pytest.mark.parametrize("text", ["", "8080", ":80", "host:", "host:x", "host:99999", "host:-1"])
def test_what_is_not_an_address(text: str) -> None:
    with pytest.raises(InputError) as wrong:
        parse_address(text)
    assert wrong.value.code == "bad-address"


CODES = {"bad-certificate", "insecure-address", "cannot-listen", "repeated-factory"}
"""What the processes above were refused for; their codes are not in their output."""
