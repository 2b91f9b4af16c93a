"""The recorded repositories, built again by the signing side from the recorded keys, come to the same bytes.

Ed25519 signatures have no freedom, so a single byte that differs anywhere shows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from groundswell import tuf
from groundswell.tuf import roles
from groundswell.tuf.canonical import canonical
from support import recorded
from support import tuf_forge as workshop

T0 = datetime(2026, 11, 23, 15, 44, 0, tzinfo=UTC)
T1 = T0.replace(second=1)
ROOT_EXPIRES = datetime(2027, 11, 23, 15, 44, 1, tzinfo=UTC)
FIRST_EXPIRES = datetime(2027, 11, 23, 15, 43, 59, tzinfo=UTC)


def key(name: str) -> tuf.PrivateKey:
    return tuf.PrivateKey.from_seed_hex(workshop.SEEDS[name])


def published(signed: dict[str, Any], *names: str) -> bytes:
    data = canonical(signed)
    return tuf.assemble(data, [tuf.sign(tuf.signer_of(key(name)), data) for name in names])


def served(gateway: str, name: str) -> bytes:
    return (recorded.gateway(gateway) / name).read_bytes()


ONLINE = tuf.OnlineKeys(*(key(name).public for name in ("targets", "snapshot", "timestamp")))


def test_the_chain_from_the_first_root_to_a_second_targets_key() -> None:
    first = roles.root_first(ONLINE, key("first-root").public, expires=FIRST_EXPIRES)
    assert published(first, "first-root") == served("prod-41", "1.root.json")
    second = roles.next_root(first)
    assert published(second, "first-root") == served("prod-41", "2.root.json")
    third = roles.next_root(
        second,
        add={"root": [key("offline-root").public]},
        remove={"root": [key("first-root").public.keyid]},
        expires=ROOT_EXPIRES,
        change=tuf.Change("u1", "Rotate TUF root offline signing key", T0),
    )
    production = roles.production_of(third)
    assert published(production, "offline-root", "first-root") == served("prod-41", "3.root.json")
    assert canonical(third) == canonical(recorded.request("02")["ci-root"]["signed"])
    fourth = roles.next_root(
        third,
        add={"targets": [key("offline-targets").public]},
        change=tuf.Change("u1", "Rotate TUF targets offline signing key", T1),
    )
    assert published(roles.production_of(fourth), "offline-root") == served("prod-41", "4.root.json")
    fifth = roles.next_root(
        fourth,
        add={"targets": [key("offline-k2").public]},
        change=tuf.Change("u1", "second targets key", T1),
    )
    assert published(roles.production_of(fifth), "offline-root") == served("prod-41", "5.root.json")
    assert canonical(fifth) == canonical(recorded.request("16")["ci-root"]["signed"])


@pytest.mark.parametrize(("gateway", "version", "wave"), [("prod-41", 41, "07"), ("wave-42", 42, "13")])
def test_what_is_served_below_the_roots(gateway: str, version: int, wave: str) -> None:
    sent = recorded.request(wave)["targets"]
    signed = recorded.signed_as_sent(recorded.request_bytes(wave), "targets")
    online = tuf.sign(tuf.signer_of(key("targets")), signed)
    targets = tuf.assemble(signed, [online, *sent["signatures"]])
    assert targets == served(gateway, "targets.json")
    expires = datetime.fromisoformat(sent["signed"]["expires"])
    snapshot = published(roles.snapshot(targets, version, version=version, expires=expires), "snapshot")
    assert snapshot == served(gateway, "snapshot.json")
    timestamp = roles.timestamp(
        snapshot, version, version=version * 1000, expires=datetime(2036, 11, 20, 15, 44, 2, tzinfo=UTC)
    )
    assert published(timestamp, "timestamp") == served(gateway, "timestamp.json")


def test_the_wave_signed_part_from_its_targets() -> None:
    sent = recorded.request("07")["targets"]["signed"]
    file = tuf.read_targets_file(json.dumps(sent).encode(), "the wave")
    documents = {target.name: tuf.retagged(target, "production").document for target in file.targets}
    signed = roles.targets(documents, version=41, expires=ROOT_EXPIRES)
    assert canonical(signed) == recorded.signed_as_sent(recorded.request_bytes("07"), "targets")
