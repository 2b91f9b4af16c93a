"""The parsers, each with its seeds and, where bytes alone would not get far, a way to make cases of its structure."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import shutil
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fuzz.mutate import changed_tree, dumped, mutated
from support import cli_factory, factories

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

UUIDS = [f"00000000-0000-4000-8000-{number:012d}" for number in range(6)]
ROWS: list[dict[str, Any]] = [
    {
        "uuid": uuid,
        "name": f"gw-{at}",
        "group": ("canary", None)[at % 2],
        "tag": "main",
        "production": bool(at % 3),
        "last_seen": ("2026-11-18T11:00:00Z", 1_795_000_000, None)[at % 3],
        "target_version": (41, None)[at % 2],
        "hardware_id": "pi",
    }
    for at, uuid in enumerate(UUIDS)
]
KEPT = Path(__file__).parents[1] / "data/fuzz"


@dataclass(frozen=True)
class Parser:
    """How one parser is fuzzed.

    Args:
        prepare: called once in a worker with an empty folder; returns what feeds a case to the parser.
        seeds: cases to begin with, made in that folder, too.
        make: a case from a source of chance and the seeds.
    """

    prepare: Callable[[Path], Callable[[bytes], object]]
    seeds: Callable[[Path], Sequence[bytes]]
    make: Callable[[Random, Sequence[bytes]], bytes] = mutated


def _tree_or_bytes(random: Random, seeds: Sequence[bytes]) -> bytes:
    """Changes of a JSON document, as a tree or as bytes."""
    if random.random() < 0.4:
        return mutated(random, seeds)
    try:
        tree = json.loads(random.choice(seeds))
    except ValueError:
        return mutated(random, seeds)
    return dumped(changed_tree(random, tree))


# --- lists, limits, fleets -----------------------------------------------------------------------------------------


def _uuid_lists(folder: Path) -> Callable[[bytes], object]:
    from groundswell import UuidList

    path = folder / "list"

    def feed(data: bytes) -> object:
        path.write_bytes(data)
        check = UuidList.check(path)
        return check.accept(skip_bad=True).text()

    return feed


def _uuid_seeds(_: Path) -> Sequence[bytes]:
    text = "\n".join(UUIDS)
    return [
        text.encode(),
        ("uuid\r\n" + text.replace("\n", "\r\n")).encode("utf-8-sig"),
        ("uuid\n" + text).encode("utf-16"),
        json.dumps(UUIDS).encode(),
        ",".join('"{' + uuid + '}"' for uuid in UUIDS).encode(),
        " | ".join(f"urn:uuid:{uuid.upper()}" for uuid in UUIDS).encode(),
        b"".join(bytes.fromhex(uuid.replace("-", "")) for uuid in UUIDS),
    ]


def _limits(_: Path) -> Callable[[bytes], object]:
    from groundswell import Fleet

    fleet = Fleet.read(_table(), now=factories.AT)

    def feed(data: bytes) -> object:
        return len(fleet.select(data.decode("utf-8", "surrogateescape"), include_test=True, now=factories.AT))

    return feed


def _limit_seeds(_: Path) -> Sequence[bytes]:
    return [b"1", b"50%", b"0.001%", b"12.5 %", b"100%", b" 7 ", b"1e3", b"0", b"99999999999999999999", "٣".encode()]


def _table() -> Any:
    import pyarrow as pa

    rows = [row | {"last_seen": None} for row in ROWS]
    return pa.table(
        {name: pa.array([row[name] for row in rows], pa.int64() if name == "last_seen" else None) for name in rows[0]}
    )


def _fleets(ending: str) -> Callable[[Path], Callable[[bytes], object]]:
    def prepare(folder: Path) -> Callable[[bytes], object]:
        from groundswell import Fleet

        path, rejects = folder / f"fleet{ending}", folder / "rejects.csv"

        def feed(data: bytes) -> object:
            from groundswell.errors import GroundswellError

            path.write_bytes(data)
            try:
                Fleet.read(path, now=factories.AT)
            except GroundswellError as error:
                if error.code != "bad-rows":
                    raise
            return Fleet.read(path, now=factories.AT, rejects=rejects).to_arrow().to_pylist()[:10]

        return feed

    return prepare


def _csv_seeds(_: Path) -> Sequence[bytes]:
    lines = [",".join(ROWS[0])]
    lines += [",".join("" if v is None else str(v).lower() for v in row.values()) for row in ROWS]
    text = "\n".join(lines) + "\n"
    return [
        text.encode(),
        text.replace(",", ";").replace("\n", "\r\n").encode("utf-8-sig"),
        text.replace(",", "\t").encode("utf-16"),
        text.replace("gw-1", '"gw, ""1"""').encode(),
        gzip.compress(text.encode(), mtime=0),
        cli_factory.FLEET.encode(),
        b"uuid\n" + "\n".join(UUIDS).encode(),
        b'#TYPE System.Object\n"uuid"\n"' + UUIDS[0].encode() + b'"\n',
    ]


def _json_seeds(_: Path) -> Sequence[bytes]:
    nested = [{"id": row["uuid"], "attributes": [{"name": "tag", "value": row["tag"]}], "tags": [None]} for row in ROWS]
    return [
        json.dumps(ROWS).encode(),
        json.dumps(ROWS, indent=1).encode("utf-8-sig"),
        json.dumps({"devices": ROWS, "total": 6}).encode(),
        json.dumps(nested).encode(),
        json.dumps([row | {"group": {"name": "canary"}, "tags": ["main"]} for row in ROWS]).encode(),
        gzip.compress(json.dumps(ROWS).encode(), mtime=0),
        json.dumps(ROWS).encode("utf-16"),
        *([json.dumps([{f"k{at}-{n}": n for n in range(9)} for at in range(300)]).encode()]),
    ]


def _ndjson_seeds(_: Path) -> Sequence[bytes]:
    text = "\n".join(json.dumps(row) for row in ROWS) + "\n"
    return [text.encode(), text.replace("\n", "\r\n").encode("utf-8-sig"), gzip.compress(text.encode(), mtime=0)]


def _lines_or_bytes(random: Random, seeds: Sequence[bytes]) -> bytes:
    if random.random() < 0.5:
        return mutated(random, seeds)
    lines = random.choice(seeds[:1]).split(b"\n")
    for _ in range(random.choice((1, 1, 3))):
        at = random.randrange(len(lines))
        lines[at] = dumped(changed_tree(random, json.loads(lines[at] or b"{}")))
    return b"\n".join(lines)


def _parquet_seeds(_: Path) -> Sequence[bytes]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _table()
    seeds = []
    for one, options in (
        (table, {"compression": "none"}),
        (table, {"compression": "snappy", "data_page_version": "2.0"}),
        (table.set_column(0, "uuid", pa.array([bytes.fromhex(u.replace("-", "")) for u in UUIDS], pa.binary(16))), {}),
        (table.select(["uuid", "name"]), {"use_dictionary": False, "compression": "none"}),
    ):
        out = io.BytesIO()
        pq.write_table(one, out, **options)
        seeds.append(out.getvalue())
    return seeds


def _arrow_seeds(_: Path) -> Sequence[bytes]:
    import pyarrow as pa

    table = _table()
    dictionary = table.set_column(2, "group", table.column("group").dictionary_encode())
    lists = table.append_column("tags", pa.array([["main"], [None], [], None, ["a"], ["b"]], pa.list_(pa.string())))
    seeds = []
    for one in (table, dictionary, lists, table.select(["uuid"])):
        for new in (pa.ipc.new_file, pa.ipc.new_stream):
            out = io.BytesIO()
            with new(out, one.schema) as writer:
                writer.write_table(one)
            seeds.append(out.getvalue())
    return seeds


# --- targets, tarballs, metadata -----------------------------------------------------------------------------------


def _targets(_: Path) -> Callable[[bytes], object]:
    from groundswell.cli.commands import targets as command
    from groundswell.tuf import read_targets_file

    def feed(data: bytes) -> object:
        from groundswell.errors import GroundswellError

        with contextlib.suppress(GroundswellError):
            command._object(data.decode("utf-8", "surrogateescape"))
        return read_targets_file(data)

    return feed


def _target_seeds(_: Path) -> Sequence[bytes]:
    targets = json.loads(
        factories.plain(
            factories.target(41, "imx"),
            factories.target(42, "pi", docker_compose_apps={"a": {"uri": "hub/a@sha256:" + "0" * 64}}),
        )
    )
    signed = {"_type": "Targets", "expires": "2027-01-01T00:00:00Z", "targets": targets, "version": 3}
    return [
        dumped(targets),
        dumped({"targets": targets}),
        dumped(signed),
        dumped({"signatures": [{"keyid": "0" * 64, "method": "ed25519", "sig": "AA=="}], "signed": signed}),
        b'{"lmp-ver": "4.0.20"}',
    ]


def _tarballs(folder: Path) -> Callable[[bytes], object]:
    from groundswell.tuf import read_tarball, write_tarball

    path = folder / "keys.tgz"

    def feed(data: bytes) -> object:
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        found = read_tarball(path)
        path.unlink()
        write_tarball(path, found.entries)
        return found

    return feed


def _tarball_seeds(folder: Path) -> Sequence[bytes]:
    from groundswell.tuf import PrivateKey, entries_of, write_tarball

    entries = entries_of(PrivateKey.from_seed_hex("01" * 32), "root") | entries_of(
        PrivateKey.from_seed_hex("02" * 32), "targets"
    )
    write_tarball(folder / "seed.tgz", entries)
    return [(folder / "seed.tgz").read_bytes()]


_KINDS = [b"0", b"\0", b"1", b"2", b"3", b"5", b"6", b"x", b"g", b"L", b"K", b"S", b"V", b"M", b"7", b"Z"]


def _tarball(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A tarball made of headers of every kind; the checksums are right, so that a reader goes on."""
    if random.random() < 0.15:
        return mutated(random, seeds)
    members = dict(_members(seeds[0]))
    blocks = []
    kinds = [random.choice(_KINDS)] if random.random() < 0.2 else _KINDS
    for _ in range(random.choice((1, 3, 3, 10, 900))):
        name, content = random.choice(list(members.items()))
        header = tarfile.TarInfo(random.choice((name, name, name + "x", "../../x", "x" * 99, "")))
        header.size = len(content)
        kind = random.choice(kinds if len(kinds) == 1 or random.random() < 0.5 else [b"0", b"L", b"x"])
        if kind in b"LK":
            content = (name + "y" * random.choice((0, 100, 600))).encode() + b"\0"
        elif kind in b"xg":
            record = random.choice(
                (
                    b"path=" + name.encode(),
                    b"size=99999999",
                    b"GNU.sparse.major=1",
                    b"GNU.sparse.realsize=1e9",
                    b"GNU.sparse.map=0,1,2",
                    b"hdrcharset=BINARY",
                    b"uid=-1",
                    b"path=\xff",
                )
            )
            content = b"%d %s\n" % (len(record) + 4, record)
        header.type = kind
        if random.random() < 0.1:
            header.linkname = "/etc/passwd"
        try:
            raw = bytearray(header.tobuf(tarfile.GNU_FORMAT))
        except ValueError:
            continue
        size = random.choice((len(content), len(content), len(content), 0, 1 << 33, 8 << 30, 10**6))
        raw[124:136] = b"%011o\0" % size if size < 8**11 else b"\x80" + size.to_bytes(11, "big")
        if random.random() < 0.1:
            raw[random.randrange(500)] = random.randrange(256)
        raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + sum(raw[156:512]) + 8 * 32)
        blocks.append(bytes(raw[:512]) + content + bytes(-len(content) % 512))
    return gzip.compress(b"".join(blocks) + bytes(1024) * random.choice((0, 1, 1, 1)), compresslevel=1, mtime=0)


def _members(data: bytes) -> list[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [(one.name, archive.extractfile(one).read()) for one in archive]  # type: ignore[union-attr]


def _metadata(folder: Path) -> Callable[[bytes], object]:
    from groundswell.tuf import parse_document, read_root
    from groundswell.tuf.judge import judge_directory

    repository = folder / "repository"
    _make_repository(folder, repository)
    names = sorted(path.name for path in repository.iterdir())
    originals = {name: (repository / name).read_bytes() for name in names}

    def feed(data: bytes) -> object:
        """The first byte says which file the rest takes the place of."""
        from groundswell.errors import GroundswellError

        if not data:
            return None
        name = names[data[0] % len(names)]
        with contextlib.suppress(GroundswellError):
            read_root(parse_document(data[1:], "Root", name), name, allow_rsa=True)
        (repository / name).write_bytes(data[1:])
        try:
            return judge_directory(repository, now=factories.AT, allow_rsa=True)
        finally:
            (repository / name).write_bytes(originals[name])

    return feed


def _make_repository(folder: Path, into: Path) -> None:
    from groundswell import Factory

    cli_factory.make(folder)
    with Factory.open(folder / "acme") as factory:
        factory.metadata.export("lab-1", into, now=factories.AT)


def _metadata_seeds(folder: Path) -> Sequence[bytes]:
    repository = folder / "repository"
    return [bytes([at]) + path.read_bytes() for at, path in enumerate(sorted(repository.iterdir()))]


def _document(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A document changed as a tree, spelled canonically, so that a reader goes on."""
    seed = random.choice(seeds)
    if random.random() < 0.3:
        return bytes([random.randrange(8)]) + mutated(random, [seed[1:]])
    tree = changed_tree(random, json.loads(seed[1:]))
    return seed[:1] + json.dumps(
        tree, sort_keys=True, separators=(",", ":"), ensure_ascii=random.random() < 0.5
    ).encode("utf-8", "surrogatepass")


# --- plans, audit lines, backups -----------------------------------------------------------------------------------


def _plans(_: Path) -> Callable[[bytes], object]:
    from groundswell.waves.plan import Plan

    return lambda data: Plan.loads(data).dumps()


def _plan_seeds(folder: Path) -> Sequence[bytes]:
    from groundswell import Factory

    if not (folder / "acme").exists():
        cli_factory.make(folder)
    with Factory.open(folder / "acme") as factory:
        factory.waves.init("w", 42, "production", keys=folder / "targets.tgz", now=factories.AT)
        rollouts = [
            factory.waves.rollout("w", "50%", dry_run=True, now=factories.AT, at=factories.AT, seed=1),
            factory.waves.rollout(
                "w", group="canary", whole_group=True, dry_run=True, now=factories.AT, at=factories.AT
            ),
            factory.waves.rollout(
                "w", uuids=UUIDS[1:3], skip_mismatched=True, dry_run=True, now=factories.AT, at=factories.AT
            ),
        ]
    return [rollout.plan.dumps().encode() for rollout in rollouts]


def _plan(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A plan with its seal mended, so that what it says is looked at."""
    if random.random() < 0.2:
        return mutated(random, seeds)
    tree = changed_tree(random, json.loads(random.choice(seeds)))
    if isinstance(tree, dict) and random.random() < 0.9:
        rest = {key: value for key, value in tree.items() if key not in {"seal", "groundswell-plan"}}
        tree["seal"] = hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return dumped(tree)


def _audit(folder: Path) -> Callable[[bytes], object]:
    cli_factory.make(folder)
    (folder / "original.log").write_bytes((folder / "acme/audit.log").read_bytes())

    def feed(data: bytes) -> object:
        """The case is the log of a factory; its store is there, or must be rebuilt from the log."""
        from groundswell import Factory
        from groundswell.errors import GroundswellError

        work = folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(folder / "acme", work)
        (work / "audit.log").write_bytes(data)
        with contextlib.suppress(GroundswellError), Factory.open(work) as factory:
            factory.check(now=factories.AT)
        Factory.repair(work)
        with Factory.open(work) as factory:
            return factory.status(now=factories.AT)

    return feed


def _audit_seeds(folder: Path) -> Sequence[bytes]:
    return [(folder / "original.log").read_bytes()]


def _audit_log(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A log with lines changed as trees, and its chain of digests mended."""
    if random.random() < 0.15:
        return mutated(random, seeds)
    lines = [json.loads(line) for line in seeds[0].splitlines()]
    at = random.randrange(len(lines))
    lines[at] = changed_tree(random, lines[at])
    if random.random() < 0.2:
        lines.insert(random.randrange(len(lines)), random.choice(lines))
    previous, out = "0" * 64, []
    for line in lines:
        if isinstance(line, dict):
            line.pop("sha256", None)
            if random.random() < 0.95 and "previous" in line:
                line["previous"] = previous
        said = json.dumps(line, separators=(",", ":")).encode()[:-1]
        sealed = said + b',"sha256":"' + hashlib.sha256(said).hexdigest().encode() + b'"}\n'
        previous = hashlib.sha256(sealed).hexdigest()
        out.append(sealed)
    return b"".join(out)


def _backups(folder: Path) -> Callable[[bytes], object]:
    from groundswell import Factory

    def feed(data: bytes) -> object:
        target, path = folder / "restored", folder / "case.tar"
        shutil.rmtree(target, ignore_errors=True)
        path.write_bytes(data)
        try:
            return Factory.restore(path, target, now=factories.AT)
        finally:
            left = [one.name for one in folder.iterdir() if one.name.startswith(".restored")]
            assert not left, f"a restore left {left}"

    return feed


def _backup_seeds(folder: Path) -> Sequence[bytes]:
    from groundswell import Factory

    with Factory.create(folder / "small", name="small", now=factories.AT) as factory:
        factory.backup(folder / "backup", now=factories.AT)
    return [(folder / "backup").read_bytes()]


def _backup(random: Random, seeds: Sequence[bytes]) -> bytes:
    """A backup with its manifest changed as a tree."""
    if random.random() < 0.3:
        return mutated(random, seeds)
    data = seeds[0]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        first = archive.next()
        assert first is not None
        manifest = json.loads(data[first.offset_data : first.offset_data + first.size])
        rest = data[first.offset_data + -(-first.size // 512) * 512 :]
    content = dumped(changed_tree(random, manifest))
    header = tarfile.TarInfo("manifest.json")
    header.size = len(content)
    return header.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512) + rest


PARSERS = {
    "arrow": Parser(_fleets(".arrow"), _arrow_seeds),
    "audit": Parser(_audit, _audit_seeds, _audit_log),
    "backup": Parser(_backups, _backup_seeds, _backup),
    "csv": Parser(_fleets(".csv"), _csv_seeds),
    "json": Parser(_fleets(".json"), _json_seeds, _tree_or_bytes),
    "limits": Parser(_limits, _limit_seeds),
    "metadata": Parser(_metadata, _metadata_seeds, _document),
    "ndjson": Parser(_fleets(".ndjson"), _ndjson_seeds, _lines_or_bytes),
    "parquet": Parser(_fleets(".parquet"), _parquet_seeds),
    "plans": Parser(_plans, _plan_seeds, _plan),
    "tarballs": Parser(_tarballs, _tarball_seeds, _tarball),
    "targets": Parser(_targets, _target_seeds, _tree_or_bytes),
    "uuids": Parser(_uuid_lists, _uuid_seeds),
}


def kept_cases(name: str) -> list[Path]:
    """Cases that once were findings."""
    folder = KEPT / name
    return sorted(folder.iterdir()) if folder.is_dir() else []


def now() -> datetime:
    """The clock, for reports of a campaign."""
    return datetime.now(UTC)
