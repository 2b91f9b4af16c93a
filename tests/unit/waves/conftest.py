"""Factories that are ready for waves; each test changes a copy of its own."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from groundswell.factory import Factory
from support import wave_factories
from support.factories import AT
from support.wave_factories import Release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def stocked(folder: Path, needed: int) -> Path:
    wave_factories.make(folder, needed=needed)
    with Factory.open(folder / "acme", user="alice") as factory:
        factory.devices.import_(wave_factories.small_fleet(), now=AT)
    return folder


@pytest.fixture(scope="session")
def stocked_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed factory with the small fleet, whose waves need two signatures."""
    return stocked(tmp_path_factory.mktemp("stocked"), 2)


@pytest.fixture(scope="session")
def strict_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, whose waves need three."""
    return stocked(tmp_path_factory.mktemp("strict"), 3)


def opened(original: Path, folder: Path) -> Iterator[Release]:
    shutil.copytree(original, folder, dirs_exist_ok=True)
    made = Release(Factory.open(folder / "acme", user="alice"), folder)
    yield made
    made.factory.close()


@pytest.fixture
def release(stocked_folder: Path, tmp_path: Path) -> Iterator[Release]:
    """A factory without waves."""
    yield from opened(stocked_folder, tmp_path)


@pytest.fixture
def strict(strict_folder: Path, tmp_path: Path) -> Iterator[Release]:
    """One whose waves need three signatures."""
    yield from opened(strict_folder, tmp_path)


@pytest.fixture
def wave(release: Release) -> Release:
    """A factory with the wave ``w``, which brings version 42 to ``main``."""
    release.init()
    return release
