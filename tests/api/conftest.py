"""A served factory: the small fleet, offline keys and targets, made at the present."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from starlette.testclient import TestClient

from groundswell.api.app import create_app
from groundswell.factory import Factory
from support import factories, wave_factories
from support.fioctl import Fioctl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Acme:
    """The factory, a client without a token, and the tarballs."""

    factory: Factory
    http: TestClient
    folder: Path

    @property
    def keys(self) -> Path:
        """The tarball of the first targets key."""
        return self.folder / wave_factories.KEYS[0]

    @property
    def second_keys(self) -> Path:
        """The tarball of the second targets key."""
        return self.folder / wave_factories.KEYS[1]

    def user(self, *scopes: str, name: str = "bob", groups: list[str] | None = None) -> Fioctl:
        """fioctl with a new token."""
        if all(user.name != name for user in self.factory.users.list()):
            self.factory.users.add(name)
        return Fioctl(self.http, self.factory.tokens.create(name, scopes or ("admin",), groups=groups)[1])


@pytest.fixture(scope="session")
def stocked_now(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed factory that was made now."""
    folder = tmp_path_factory.mktemp("served")
    with Factory.create(folder / "acme", name="acme", user="alice") as factory:
        factory.keys.init(root_keys=folder / "root.tgz", targets_keys=folder / wave_factories.KEYS[0])
        factory.keys.add_targets(root_keys=folder / "root.tgz", targets_keys=folder / wave_factories.KEYS[1])
        targets = [factories.target(version, wave_factories.HARDWARE) for version in wave_factories.VERSIONS]
        factory.targets.import_(factories.plain(*targets))
        fleet = wave_factories.small_fleet()
        moved = int(time.time()) - factories.NOW - 60
        seen = pa.array([one + moved for one in fleet.column("last_seen").to_pylist()])
        factory.devices.import_(fleet.set_column(fleet.schema.get_field_index("last_seen"), "last_seen", seen))
    return folder


@pytest.fixture
def acme(stocked_now: Path, tmp_path: Path) -> Iterator[Acme]:
    """A copy of it, open and served."""
    shutil.copytree(stocked_now, tmp_path, dirs_exist_ok=True)
    with (
        Factory.open(tmp_path / "acme", user="alice") as factory,
        TestClient(create_app({"acme": factory}), raise_server_exceptions=False) as http,
    ):
        yield Acme(factory, http, tmp_path)


@pytest.fixture
def fioctl(acme: Acme) -> Fioctl:
    """fioctl with a token for everything."""
    return acme.user()
