"""``groundswell serve``: the API of one or more factories."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import say
from groundswell.cli.params.factory_option import user_of, waiting
from groundswell.cli.params.texts import DIRECTORY, FILE, TEXT
from groundswell.errors import InputError

__all__ = ["serve"]

_LISTEN: Final = "127.0.0.1:8080"


@click.command(cls=ExamplesCommand)
@click.option(
    "-C", "directories", metavar="DIR", multiple=True, type=DIRECTORY,
    help="A factory; repeat the option for several (default: GROUNDSWELL_FACTORY, else the working directory).",
)  # fmt: skip
@click.option("--listen", default=_LISTEN, show_default=True, type=TEXT, help="The address, HOST:PORT.")
@click.option("--tls-cert", type=FILE, help="A PEM file with the server's certificate and its chain.")
@click.option("--tls-key", type=FILE, help="A PEM file with the private key of the certificate.")
@click.option("--insecure-http", is_flag=True, help="Allow plain HTTP on an address that other machines can reach.")
def serve(
    *, directories: tuple[str, ...], listen: str, tls_cert: str | None, tls_key: str | None, insecure_http: bool
) -> None:
    """Serve the API of one or more factories, which fioctl can drive.

    It runs until you stop it. Meanwhile it owns the factories: other commands wait for them.
    """
    from groundswell.api.server import parse_address
    from groundswell.api.server import serve as run
    from groundswell.factory import Factory

    address = parse_address(listen)
    if (tls_cert is None) != (tls_key is None):
        raise InputError("bad-option", "--tls-cert and --tls-key belong together", hint="give both of them, or neither")
    with contextlib.ExitStack() as opened:
        factories: dict[str, Factory] = {}
        for directory in directories or (None,):
            factory = waiting(
                directory, lambda path, wait: Factory.open(path, user=user_of(), wait=wait, owner="groundswell serve")
            )
            opened.enter_context(factory)
            if factory.name in factories:
                raise InputError(
                    "repeated-factory",
                    f"two directories have a factory named `{factory.name}`",
                    hint="serve them on different addresses",
                    fields={"factory": factory.name},
                )
            factories[factory.name] = factory
        say(f"serving {', '.join(factories)} on {'https' if tls_cert else 'http'}://{listen}; stop with Ctrl-C")
        run(
            factories,
            address,
            certificate=None if tls_cert is None else Path(tls_cert),
            key=None if tls_key is None else Path(tls_key),
            insecure_http=insecure_http,
        )
    say("stopped")
