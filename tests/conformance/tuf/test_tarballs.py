"""Tarballs of offline keys: those that fioctl wrote are read, and ours are laid out like them."""

from __future__ import annotations

import gzip
import json
import stat
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import tuf
from support import recorded
from support import tuf_forge as workshop

if TYPE_CHECKING:
    from pathlib import Path

ROLE = {"root": "root", "targets": "targets", "k2": "targets"}


@pytest.mark.parametrize("name", recorded.TARBALLS)
def test_a_recorded_tarball_loads_with_both_halves_of_each_key(name: str) -> None:
    tarball = tuf.read_tarball(recorded.tarball(name))
    expected = [f"offline-{name}", *(["first-root"] if name == "root" else [])]
    assert {entry.public.keyid for entry in tarball.keys} == {workshop.keyid(key) for key in expected}
    for entry in tarball.keys:
        assert entry.private is not None
        assert entry.private.public == entry.public
        assert "first-root" in entry.name or entry.name.endswith(entry.public.keyid)


@pytest.mark.parametrize("name", recorded.TARBALLS)
def test_a_recorded_tarball_written_again_is_the_same_but_for_the_order(name: str, tmp_path: Path) -> None:
    source = recorded.tarball(name)
    path = tmp_path / "again.tgz"
    tuf.write_tarball(path, tuf.read_tarball(source).entries)
    assert recorded.entries(path) == recorded.entries(source)
    assert headers(path) == sorted(headers(source), key=lambda header: header["name"])


@pytest.mark.parametrize("name", recorded.TARBALLS)
def test_a_tarball_made_from_the_key_is_spelled_as_fioctl_spells_it(name: str, tmp_path: Path) -> None:
    key = tuf.PrivateKey.from_seed_hex(workshop.SEEDS[f"offline-{name}"])
    role: Any = ROLE[name]
    path = tmp_path / "ours.tgz"
    tuf.write_tarball(path, tuf.entries_of(key, role))
    theirs = {
        entry: data for entry, data in recorded.entries(recorded.tarball(name)).items() if "first-root" not in entry
    }
    assert recorded.entries(path) == theirs
    recorded_headers = [header for header in headers(recorded.tarball(name)) if "first-root" not in header["name"]]
    assert headers(path) == recorded_headers


def test_the_first_root_key_has_its_own_name(tmp_path: Path) -> None:
    key = tuf.PrivateKey.from_seed_hex(workshop.SEEDS["first-root"])
    path = tmp_path / "ours.tgz"
    tuf.write_tarball(path, tuf.entries_of(key, "first-root"))
    ours = recorded.entries(path)
    theirs = recorded.entries(recorded.tarball("root"))
    for entry in ("tufrepo/keys/first-root.pub", "tufrepo/keys/first-root.sec"):
        assert json.loads(ours[entry]) == json.loads(theirs[entry])


def test_the_archive_ends_and_begins_as_fioctls(tmp_path: Path) -> None:
    """The raw blocks: two of zeros at the end, no padding to a larger record, ustar headers of the same fields."""
    source = recorded.tarball("targets")
    path = tmp_path / "again.tgz"
    tuf.write_tarball(path, tuf.read_tarball(source).entries)
    ours, theirs = (gzip.decompress(file.read_bytes()) for file in (path, source))
    assert len(ours) == len(theirs)
    assert ours[-1024:] == theirs[-1024:] == bytes(1024)
    # Up to the checksum: name, mode, owner, group, size, time. Behind it: the type and the magic.
    assert ours[:148] == theirs[:148]
    assert ours[156:265] == theirs[156:265]
    assert path.read_bytes()[:8] == source.read_bytes()[:8]


def test_the_file_is_its_owners_alone_and_the_same_entries_are_the_same_bytes(tmp_path: Path) -> None:
    entries = tuf.read_tarball(recorded.tarball("root")).entries
    first, second = tmp_path / "a.tgz", tmp_path / "b.tgz"
    second.write_bytes(b"an older file")
    second.chmod(0o644)
    tuf.write_tarball(first, entries)
    tuf.write_tarball(second, dict(reversed(entries.items())))
    assert first.read_bytes() == second.read_bytes()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (first, second)] == [0o600, 0o600]


def headers(path: Path) -> list[dict[str, Any]]:
    fields = ("name", "mode", "uid", "gid", "uname", "gname", "size", "mtime", "type", "linkname", "pax_headers")
    with tarfile.open(path) as archive:
        return [{field: getattr(member, field) for field in fields} for member in archive]
