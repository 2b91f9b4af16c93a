"""``groundswell devices mappings``: list, show and delete the mappings that imports saved."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from groundswell.cli.base import ExamplesGroup
from groundswell.cli.output.render import count, say
from groundswell.cli.output.tables import facts, instant_text, print_json, print_lines, table
from groundswell.cli.params.factory_option import directory_option, open_factory
from groundswell.cli.params.options import json_option
from groundswell.cli.params.texts import NAME

if TYPE_CHECKING:
    from groundswell.factory import SavedMapping

__all__ = ["delete", "list_mappings", "mappings", "show"]


@click.group(cls=ExamplesGroup)
def mappings() -> None:
    """List, show and delete saved column mappings."""


@mappings.command("list")
@json_option
@directory_option
def list_mappings(*, as_json: bool, directory: str | None) -> None:
    """List all saved mappings, by name."""
    with open_factory(directory) as factory:
        found = factory.devices.mappings.list()
    if as_json:
        print_json({"mappings": [_data(mapping) for mapping in found]})
        return
    header = ["mapping", "columns", "rows at", "saved", "by"]
    rows = [
        [one.name, ", ".join(one.columns) or None, one.rows_at, instant_text(one.saved_at), one.saved_by]
        for one in found
    ]
    print_lines(table(header, rows))
    say(count(len(found), "mapping"))


@mappings.command()
@click.argument("name", type=NAME)
@json_option
@directory_option
def show(name: str, *, as_json: bool, directory: str | None) -> None:
    """Show a saved mapping, as the options that it replaces."""
    with open_factory(directory) as factory:
        found = factory.devices.mappings.find(name)
    if as_json:
        print_json(_data(found))
        return
    pairs: list[tuple[str, object]] = [("mapping", found.name)]
    pairs += [("--column", f"{column}={source}") for column, source in found.columns.items()]
    pairs += [("--rows-at", found.rows_at), ("--uuid5", found.uuid5)]
    pairs += [("saved", instant_text(found.saved_at)), ("by", found.saved_by)]
    print_lines(facts(pairs))


@mappings.command()
@click.argument("name", type=NAME)
@directory_option
def delete(name: str, *, directory: str | None) -> None:
    """Delete a saved mapping. Devices are not changed."""
    with open_factory(directory) as factory:
        factory.devices.mappings.delete(name)
    say(f"deleted the mapping {name}")


def _data(mapping: SavedMapping) -> dict[str, Any]:
    return asdict(mapping) | {"saved_at": instant_text(mapping.saved_at)}
