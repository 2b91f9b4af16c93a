"""Edges of a factory that only programs come to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from groundswell import Factory, InputError, StateError
from support import factories

if TYPE_CHECKING:
    from pathlib import Path


def test_a_closed_factory_says_so(tmp_path: Path) -> None:
    factories.make(tmp_path)
    with Factory.open(tmp_path / "acme") as factory:
        assert len(factory.devices) == 0
    factory.close()
    for use in (lambda: len(factory.devices), lambda: factory.groups.create("x"), factory.status):
        with pytest.raises(StateError) as caught:
            use()
        assert caught.value.code == "factory-closed"
        assert "with" in caught.value.hint


def test_pruning_no_version_is_refused(tmp_path: Path) -> None:
    factories.make(tmp_path)
    with Factory.open(tmp_path / "acme") as factory, pytest.raises(InputError) as caught:
        factory.targets.prune([])
    assert caught.value.code == "no-versions"
