"""Runs the app until it is told to stop."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from groundswell.errors import InputError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import uvicorn
    from fastapi import FastAPI

    from groundswell.factory import Factory

__all__ = ["Address", "is_loopback", "parse_address", "serve"]

_GRACE: Final = 30
"""Seconds that requests in progress have when the server stops."""
_WORKERS: Final = 16
_IDLE: Final = 30
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


def parse_address(text: str) -> Address:
    """Read ``HOST:PORT``; an IPv6 host is in brackets.

    Raises:
        InputError: ``bad-address``.

    >>> parse_address("127.0.0.1:8080"), parse_address("[::1]:80").host
    (Address(host='127.0.0.1', port=8080), '::1')
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isascii() or not port.isdecimal() or int(port[:6]) > _MAX_PORT:
        raise InputError(
            "bad-address",
            f"`{text[:80]}` is not an address to listen on",
            hint="give HOST:PORT, such as 127.0.0.1:8080",
            fields={"address": text[:80]},
        )
    return Address(host, int(port))


def is_loopback(address: Address) -> bool:
    """Whether only programs of this machine can connect.

    >>> is_loopback(Address("127.0.0.1", 80)), is_loopback(Address("0.0.0.0", 80))
    (True, False)
    """
    if address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return False


def serve(
    factories: Mapping[str, Factory],
    address: Address,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    insecure_http: bool = False,
) -> None:
    """Serve open factories until SIGINT or SIGTERM; requests in progress are finished within 30 s.

    Args:
        factories: the factories, by name.
        address: where to listen.
        certificate: a PEM file with the server's certificate and its chain; None for plain HTTP.
        key: a PEM file with its private key.
        insecure_http: allow plain HTTP on an address that other machines can reach.

    Raises:
        InputError: ``insecure-address``, ``bad-certificate``.
        StorageError: ``cannot-listen``.
    """
    import uvicorn

    from groundswell.api.app import create_app

    if certificate is None and not insecure_http and not is_loopback(address):
        raise InputError(
            "insecure-address",
            f"`{address.host}` can be reached by other machines, and tokens would travel as clear text",
            hint="give a certificate and its key, or put a proxy with TLS in front of a loopback address",
            fields={"host": address.host},
        )
    if certificate is not None:
        _check_certificate(certificate, key)
    app = create_app(factories)
    config = uvicorn.Config(
        _with_workers(app),
        host=address.host,
        port=address.port,
        ssl_certfile=None if certificate is None else str(certificate),
        ssl_keyfile=None if key is None else str(key),
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=_IDLE,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    server = _server(config)
    try:
        server.run()
    except SystemExit as error:  # uvicorn's word for an address that is in use
        raise StorageError(
            "cannot-listen",
            f"the address `{address.host}:{address.port}` cannot be used",
            hint="look which program listens there, or choose another port",
            fields={"host": address.host, "port": address.port},
        ) from error


def _server(config: uvicorn.Config) -> uvicorn.Server:
    """A server that stops on SIGINT and SIGTERM, and lets the caller go on afterwards."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            # uvicorn's own version raises the signal again at the end, before the factories are closed.
            stops = (signal.SIGINT, signal.SIGTERM)
            before = {one: signal.signal(one, self.handle_exit) for one in stops}
            try:
                yield
            finally:
                for one, handler in before.items():
                    signal.signal(one, handler)

    return Server(config)


def _check_certificate(certificate: Path, key: Path | None) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            "bad-certificate",
            f"the certificate `{certificate}` and its key cannot be used: {error.strerror or error}",
            hint="give PEM files: the certificate with its chain, and its private key without a password",
            fields={"certificate": str(certificate), "key": None if key is None else str(key)},
        ) from error


def _with_workers(app: FastAPI) -> FastAPI:
    """Let 16 threads work on requests; further ones wait."""

    async def limit() -> None:
        import anyio.to_thread

        anyio.to_thread.current_default_thread_limiter().total_tokens = _WORKERS

    app.router.on_startup.append(limit)
    return app
