"""Tarballs of offline keys: which key signs, and how bad files are told."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import GroundswellError, InputError, NotFoundError, TrustError, tuf
from support import recorded

if TYPE_CHECKING:
    from pathlib import Path

ROOT, TARGETS, OTHER, STRANGER = (tuf.PrivateKey.from_seed_hex(f"{i:064x}") for i in range(1, 5))
STEM = "tufrepo/keys/fioctl-root-x"


def tarball(tmp_path: Path, *parts: dict[str, bytes]) -> tuf.Tarball:
    path = tmp_path / "keys.tgz"
    tuf.write_tarball(path, {name: data for part in parts for name, data in part.items()})
    return tuf.read_tarball(path)


def raw(tmp_path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    path = tmp_path / "raw.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, data


def test_the_one_key_that_is_asked_for_signs(tmp_path: Path) -> None:
    keys = tarball(tmp_path, tuf.entries_of(ROOT, "root"), tuf.entries_of(TARGETS, "targets"))
    signer = keys.signer_for([TARGETS.public, OTHER.public], "targets")
    assert tuf.public_of(signer) == TARGETS.public


def refusal(keys: tuf.Tarball, *allowed: tuf.PrivateKey, **others: list[tuf.PublicKey]) -> TrustError:
    with pytest.raises(TrustError) as caught:
        keys.signer_for([key.public for key in allowed], "targets", others=others)
    return caught.value


def test_none_of_the_keys_asked_for_is_told_with_their_ids(tmp_path: Path) -> None:
    keys = tarball(tmp_path, tuf.entries_of(ROOT, "root"))
    error = refusal(keys, TARGETS, OTHER)
    assert error.code == "no-such-key"
    assert TARGETS.public.keyid in error.message
    assert OTHER.public.keyid in error.message
    assert error.fields["holds"] == [ROOT.public.keyid]
    assert "there is none yet" in refusal(keys).message


def test_a_root_key_where_a_targets_key_is_asked_is_told_as_such(tmp_path: Path) -> None:
    keys = tarball(tmp_path, tuf.entries_of(ROOT, "root"))
    error = refusal(keys, TARGETS, root=[STRANGER.public, ROOT.public])
    assert (error.code, error.fields["holds"]) == ("wrong-role-key", "root")
    assert "holds a root key where a targets key is asked for" in error.message


def test_two_active_keys_are_refused(tmp_path: Path) -> None:
    keys = tarball(tmp_path, tuf.entries_of(OTHER, "targets"), tuf.entries_of(TARGETS, "targets"))
    error = refusal(keys, TARGETS, OTHER)
    assert (error.code, set(error.fields["keyids"])) == ("two-active-keys", {TARGETS.public.keyid, OTHER.public.keyid})
    assert tuf.public_of(keys.signer_for([OTHER.public], "targets")) == OTHER.public


def test_a_public_half_alone_cannot_sign(tmp_path: Path) -> None:
    entries = {name: data for name, data in tuf.entries_of(TARGETS, "targets").items() if name.endswith(".pub")}
    assert refusal(tarball(tmp_path, entries), TARGETS).code == "no-private-key"


def test_one_key_under_two_names_is_one_key(tmp_path: Path) -> None:
    again = {name.replace("fioctl", "copy"): data for name, data in tuf.entries_of(TARGETS, "targets").items()}
    again.pop(next(name for name in again if name.endswith(".sec")))
    keys = tarball(tmp_path, tuf.entries_of(TARGETS, "targets"), again)
    assert len(keys.keys) == 2
    assert tuf.public_of(keys.signer_for([TARGETS.public], "targets")) == TARGETS.public


def test_names_of_files_do_not_matter_and_other_files_are_kept(tmp_path: Path) -> None:
    entries = {
        name.replace("tufrepo/keys/", "./anywhere/"): data for name, data in tuf.entries_of(ROOT, "root").items()
    }
    keys = tarball(tmp_path, entries, {"tufrepo/README": b"hello"})
    assert [entry.public for entry in keys.keys] == [ROOT.public]
    assert keys.entries["tufrepo/README"] == b"hello"


def test_folders_are_passed_over(tmp_path: Path) -> None:
    entries = [member(name, data) for name, data in tuf.entries_of(ROOT, "root").items()]
    path = raw(tmp_path, [member("tufrepo", kind=tarfile.DIRTYPE), *entries])
    assert len(tuf.read_tarball(path).keys) == 1


def test_no_secret_is_shown(tmp_path: Path) -> None:
    keys = tarball(tmp_path, tuf.entries_of(ROOT, "root"))
    assert ROOT.seed_hex not in repr(keys)
    assert ROOT.seed_hex not in repr(keys.keys)


def unreadable(path: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        tuf.read_tarball(path)
    assert str(path) in caught.value.message
    return caught.value


@pytest.mark.parametrize("cut", [1, 5, 20, 100, 200, 300, 440, 451])
def test_a_truncated_file_is_told_wherever_it_was_cut(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "cut.tgz"
    path.write_bytes(recorded.tarball("root").read_bytes()[:cut])
    assert unreadable(path).code == "bad-tarball"


@pytest.mark.parametrize("blocks", range(9))
@pytest.mark.parametrize("more", [0, 200])
def test_a_truncated_archive_is_told_wherever_it_was_cut(blocks: int, more: int, tmp_path: Path) -> None:
    """A whole gzip file around half an archive, as a broken copy before packing leaves it."""
    data = gzip.decompress(recorded.tarball("root").read_bytes())
    assert len(data) == 10 * 512
    path = tmp_path / "cut.tgz"
    path.write_bytes(gzip.compress(data[: blocks * 512 + more]))
    if blocks < 8 or more == 0:
        assert unreadable(path).code == "bad-tarball"


def test_a_flipped_byte_is_told(tmp_path: Path) -> None:
    data = recorded.tarball("root").read_bytes()
    path = tmp_path / "flipped.tgz"
    for at in range(10, len(data), 7):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        assert unreadable(path).code == "bad-tarball"


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "is empty"),
        (b"hello", "is not a gzip file"),
        (gzip.compress(b"hello"), "holds no tar archive"),
        (gzip.compress(b""), "holds no tar archive"),
        (gzip.compress(bytes(1024)), "holds no key"),
        (gzip.compress(bytes(9 << 20)), "unpacks to more than 8 MiB"),
        (bytes(2 << 20), "is larger than 1 MiB"),
    ],
    ids=["empty", "text", "gzip of text", "gzip of nothing", "no entries", "bomb", "large"],
)
def test_what_is_no_tarball_is_told_as_what_it_is(data: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tgz"
    path.write_bytes(data)
    error = unreadable(path)
    assert error.code == "bad-tarball"
    assert told in error.message


SEC = tuf.entries_of(ROOT, "root")
(PUB_DATA,) = (data for name, data in SEC.items() if name.endswith(".pub"))
(SEC_DATA,) = (data for name, data in SEC.items() if name.endswith(".sec"))


@pytest.mark.parametrize(
    ("members", "code", "told"),
    [
        ([member("a.sec", SEC_DATA)], "bad-tarball", "holds `a.sec` without the `.pub`"),
        ([member("a.pub", PUB_DATA), member("a.pub", PUB_DATA)], "bad-tarball", "holds `a.pub` twice"),
        (
            [member("a.pub", kind=tarfile.SYMTYPE, link="/etc/passwd")],
            "bad-tarball",
            "`a.pub`, which is not a plain file",
        ),
        ([member("a.pub", kind=tarfile.LNKTYPE, link="b.pub")], "bad-tarball", "which is not a plain file"),
        ([member("a.pub", kind=tarfile.FIFOTYPE)], "bad-tarball", "which is not a plain file"),
        ([member("a.pub", bytes(70_000))], "bad-tarball", "of 70000 bytes"),
        ([member(f"{i}.txt") for i in range(1001)], "bad-tarball", "more than 1000 entries"),
        ([member("a.txt", b"x")], "bad-tarball", "holds no key"),
        ([member("a.pub", b"{")], "broken-json", "`a.pub in "),
        ([member("a.pub", b'{"keytype":1,"keytype":2}')], "ambiguous-json", "`a.pub in "),
        ([member("a.pub", b"{}")], "bad-key", "`a.pub in "),
        ([member("a.pub", PUB_DATA), member("a.sec", b"{")], "broken-json", "`a.sec in "),
        ([member("a.pub", PUB_DATA), member("a.sec", PUB_DATA)], "bad-key", "`a.sec in "),
        ([member("a.pub", b'{"keytype":"RSA","keyval":{"public":"x"}}')], "rsa-key", "`a.pub in "),
    ],
)
def test_a_bad_entry_is_named(members: list[Any], code: str, told: str, tmp_path: Path) -> None:
    error = unreadable(raw(tmp_path, members))
    assert error.code == code
    assert told in error.message


def test_halves_that_do_not_belong_together_are_told(tmp_path: Path) -> None:
    other = canonical_sec(OTHER)
    path = raw(tmp_path, [member("a.pub", PUB_DATA), member("a.sec", other)])
    with pytest.raises(TrustError) as caught:
        tuf.read_tarball(path)
    assert caught.value.code == "key-mismatch"
    assert OTHER.seed_hex not in str(caught.value.fields)


def canonical_sec(key: tuf.PrivateKey) -> bytes:
    return next(data for name, data in tuf.entries_of(key, "root").items() if name.endswith(".sec"))


def test_nothing_is_extracted(tmp_path: Path) -> None:
    entries = [member("/tmp/../../etc/evil.pub", PUB_DATA), member("../evil.txt", b"x")]
    before = sorted(tmp_path.rglob("*"))
    path = raw(tmp_path, entries)
    assert len(tuf.read_tarball(path).keys) == 1
    assert sorted(tmp_path.rglob("*")) == [*before, path]


def test_a_file_that_is_not_there_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        tuf.read_tarball(tmp_path / "none.tgz")
    assert caught.value.code == "file-not-found"
    with pytest.raises(GroundswellError) as refused:
        tuf.read_tarball(tmp_path)
    assert refused.value.code == "is-a-folder"
