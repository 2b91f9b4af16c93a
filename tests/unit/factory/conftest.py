"""Factories that each test may change: copies of ones that are made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import factories

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from groundswell.factory import Factory
    from support.factories import Keyed


@pytest.fixture(scope="session")
def bare_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed factory in it, just made."""
    return factories.make(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def keyed_folder(bare_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a closed factory and its offline keys."""
    return factories.make_keyed(bare_folder, tmp_path_factory.mktemp("keyed"))


@pytest.fixture
def factory(bare_folder: Path, tmp_path: Path) -> Iterator[Factory]:
    """An open factory, just made; its offline keys are still to be made."""
    with factories.opened(bare_folder, tmp_path) as made:
        yield made


@pytest.fixture
def keyed(keyed_folder: Path, tmp_path: Path) -> Iterator[Keyed]:
    """An open factory with its offline keys."""
    with factories.keyed_copy(keyed_folder, tmp_path) as made:
        yield made
