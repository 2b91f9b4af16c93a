"""``groundswell compact``: writes a checkpoint of the audit log."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from groundswell.cli.base import ExamplesCommand
from groundswell.cli.output.render import say
from groundswell.cli.output.tables import print_json
from groundswell.cli.params.factory_option import directory_option, now_option, open_factory
from groundswell.cli.params.options import json_option

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["compact"]


@click.command(cls=ExamplesCommand)
@json_option
@now_option
@directory_option
def compact(*, as_json: bool, now: datetime | None, directory: str | None) -> None:
    """Write a checkpoint, and remove the rows of older changes; the entries of the audit log stay."""
    with open_factory(directory) as factory:
        report = factory.compact(now=now)
    if as_json:
        print_json(asdict(report))
        return
    say(
        f"wrote a checkpoint; the factory is at revision {report.revision}, {report.freed_bytes} bytes were freed, and"
        f" {report.payload_bytes} bytes of rows are left"
    )
