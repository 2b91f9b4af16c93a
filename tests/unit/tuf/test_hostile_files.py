"""Files made to hurt whoever reads them: chained headers, bombs, nesting, keys that are not wanted."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from groundswell import InputError, TrustError, tuf
from groundswell.tuf.judge import judge_directory
from support.tuf_forge import Repository, canonical_json
from support.verdicts import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY = tuf.PrivateKey.from_seed_hex("01" * 32)


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    made = tarfile.TarInfo(name)
    made.size, made.type = size, kind
    return made.tobuf(tarfile.GNU_FORMAT)


def padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 512)


def tarball(path: Path, blocks: Iterable[bytes]) -> Path:
    path.write_bytes(gzip.compress(b"".join(blocks) + bytes(1024), mtime=0))
    return path


def keys() -> list[bytes]:
    return [header(name, len(data)) + padded(data) for name, data in tuf.entries_of(KEY, "root").items()]


def refusal(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        tuf.read_tarball(path)
    return caught.value


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g"])
@pytest.mark.parametrize("count", [5, 900, 8000])
def test_headers_that_name_no_file_do_not_chain(tmp_path: Path, kind: bytes, count: int) -> None:
    one = header("x", 20, kind) + padded(b"20 comment=xxxxxxxx\n" if kind in b"xg" else b"x" * 19 + b"\0")
    found = refusal(tarball(tmp_path / "keys.tgz", [one * count, *keys()]))
    assert found.code == "bad-tarball"


def test_a_long_name_is_read(tmp_path: Path) -> None:
    name = "tufrepo/keys/" + "deep/" * 30
    blocks = []
    for suffix, data in (("a.pub", canonical_json(KEY.public.document)), ("a.sec", canonical_json(KEY.document))):
        made = tarfile.TarInfo(name + suffix)
        made.size = len(data)
        blocks.append(made.tobuf(tarfile.PAX_FORMAT) + padded(data))
    found = tuf.read_tarball(tarball(tmp_path / "keys.tgz", blocks))
    assert found.keys[0].private is not None
    tuf.write_tarball(tmp_path / "again.tgz", found.entries)
    assert tuf.read_tarball(tmp_path / "again.tgz").entries == found.entries


def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.tgz"
    packer = zlib.compressobj(9, wbits=31)
    bomb.write_bytes(b"".join(packer.compress(bytes(1 << 20)) for _ in range(900)) + packer.flush())
    assert refusal(bomb).message.endswith("unpacks to more than 8 MiB")
    sparse = header("tufrepo/keys/a.pub", 1 << 33, tarfile.GNUTYPE_SPARSE)
    assert refusal(tarball(tmp_path / "sparse.tgz", [sparse])).code == "bad-tarball"
    assert "is larger than 1 MiB" in refusal(Path("/dev/zero")).message


def test_a_key_that_cannot_be_used_does_not_spoil_one_that_can(tmp_path: Path) -> None:
    # fioctl leaves old keys in the tarball when it makes a new one.
    rsa = json.dumps(
        {"keytype": "RSA", "keyval": {"public": "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----"}}
    )
    old = [header(f"tufrepo/keys/old.{half}", len(rsa)) + padded(rsa.encode()) for half in ("pub", "sec")]
    found = tuf.read_tarball(tarball(tmp_path / "both.tgz", [*old, *keys()]))
    assert [key.public.keyid for key in found.keys] == [KEY.public.keyid]
    assert found.signer_for([KEY.public], "root").public_key.keyid == KEY.public.keyid
    assert "tufrepo/keys/old.sec" in found.entries  # and it is kept when the tarball is written again
    alone = refusal(tarball(tmp_path / "alone.tgz", old))
    assert alone.code == "rsa-key"
    assert "allow" not in alone.hint


@pytest.mark.parametrize("depth", [70, 990, 100_000])
def test_nesting_is_bad_input(depth: int, tmp_path: Path) -> None:
    deep = b"[" * depth + b"]" * depth
    for read in (
        lambda: tuf.read_targets_file(b'{"a": ' + deep + b"}"),
        lambda: tuf.parse_document(b'{"signatures": [], "signed": ' + deep + b"}", "Root", "root"),
    ):
        with pytest.raises(InputError) as caught:
            read()
        assert caught.value.code == "broken-json"
    repository = Repository("prod-41")
    repository.files["snapshot.json"] = b'{"signatures":[],"signed":{"_type":"Snapshot","a":' + deep + b"}}"
    write(repository, tmp_path)
    with pytest.raises((InputError, TrustError)) as judged:
        judge_directory(tmp_path, now=NOW)
    assert judged.value.code in {"broken-json", "metadata-too-large"}


def write(repository: Repository, folder: Path) -> None:
    for name, data in repository.files.items():
        (folder / name).write_bytes(data)


@pytest.mark.parametrize("place", ["value", "key", "list"])
def test_a_line_break_is_refused_as_go_tuf_refuses_it(place: str, tmp_path: Path) -> None:
    # wire.md 3.5: go-tuf spells a line break raw, the others as \n; so no signature holds for all of them.
    repository = Repository("prod-41")
    document = repository.document("targets.json")
    custom = next(iter(document["signed"]["targets"].values()))["custom"]
    custom |= {"value": {"zz": "a\nb"}, "key": {"z\nz": 1}, "list": {"zz": ["a\nb"]}}[place]
    repository.files["targets.json"] = canonical_json(document).replace(b"\n", b"\\n")
    write(repository, tmp_path)
    with pytest.raises(TrustError) as caught:
        judge_directory(tmp_path, now=NOW)
    assert caught.value.code == "unsafe-metadata"
    assert "line break" in caught.value.message


def test_a_stream_of_members_is_not_read_without_end(tmp_path: Path) -> None:
    many = io.BytesIO()
    for at in range(5000):
        many.write(header(f"tufrepo/keys/{at}.txt", 0))
    assert refusal(tarball(tmp_path / "many.tgz", [many.getvalue()])).code == "bad-tarball"
