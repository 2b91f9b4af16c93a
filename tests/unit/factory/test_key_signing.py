"""Changes of keys in three steps: the factory accepts from the holders of keys only what it would have composed."""

from __future__ import annotations

import copy
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from groundswell import tuf
from groundswell.errors import GroundswellError
from groundswell.factory import Factory
from support.device_clients import DeviceClients
from support.factories import AT, Keyed, device, later, populate, put_production
from support.served import publications

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from groundswell.tuf import PrivateKey, PublicKey, SigningRequest

TEST_DEVICE, PRODUCTION_DEVICE = device(1), device(2)


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(GroundswellError) as caught:
        act()
    return caught.value.code


def private(path: Path) -> PrivateKey:
    return next(entry.private for entry in tuf.read_tarball(path).keys if entry.private)


def signed(requests: Sequence[SigningRequest], *keys: PrivateKey) -> dict[str, bytes]:
    """The documents, each signed by those of the keys that may."""
    documents = {}
    for request in requests:
        for key in keys:
            if key.public.keyid in request.keyids:
                request = tuf.sign_request(request, tuf.signer_of(key))  # noqa: PLW2901
        documents[request.name] = request.document
    return documents


def resigned(document: bytes, edit: Callable[[dict[str, Any]], object], *keys: PrivateKey) -> bytes:
    """The document after an edit, signed by these keys."""
    said = copy.deepcopy(json.loads(document)["signed"])
    edit(said)
    data = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return tuf.assemble(data, [tuf.sign(tuf.signer_of(key), data) for key in keys])


def fresh() -> PrivateKey:
    return tuf.PrivateKey.generate()


# --- the same as the commands -------------------------------------------------------------------------------------


def test_a_root_is_taken_offline_in_three_steps(factory: Factory, tmp_path: Path) -> None:
    populate(factory)
    root, targets = fresh(), fresh()
    onlookers = DeviceClients(tmp_path, TEST_DEVICE, PRODUCTION_DEVICE)
    onlookers.look(factory, AT)
    requests = factory.keys.compose_init(root_key=root.public, targets_key=targets.public, now=AT)
    assert [request.name for request in requests] == [
        "ci-root-3", "production-root-3", "ci-root-4", "production-root-4",
    ]  # fmt: skip
    assert {(request.keyids, request.needed) for request in requests} == {((root.public.keyid,), 1)}
    assert {request.expires for request in requests} == {later(days=365)}
    view = factory.keys.accept(signed(requests, root), now=AT)
    assert (view.role_version, view.ready) == (4, True)
    verdicts = onlookers.look(factory, AT)
    assert {verdict.root_version for verdict in verdicts.values()} == {4}
    assert factory.check(now=AT).sound


def links(factory: Factory) -> list[bytes]:
    roots = factory._internals.roots
    return [*roots.chain("ci"), *roots.chain("production")]


def test_the_commands_make_the_roots_of_the_three_steps(keyed: Keyed) -> None:
    """With the same keys; signatures of Ed25519 are deterministic."""
    root, new = private(keyed.root_keys), fresh()
    tarball = keyed.root_keys.with_name("new.tgz")
    tuf.write_tarball(tarball, tuf.entries_of(new, "targets"))
    requests = keyed.factory.keys.compose_add_targets(new.public, now=AT)
    composed = signed(requests, root)
    keyed.factory.keys.add_targets(root_keys=keyed.root_keys, targets_keys=tarball, now=AT)
    chains = keyed.factory._internals.roots
    assert composed == {"ci-root-5": chains.chain("ci")[-1], "production-root-5": chains.chain("production")[-1]}


def test_an_offline_targets_key_is_added_and_replaced(keyed: Keyed, tmp_path: Path) -> None:
    populate(keyed.factory)
    put_production(keyed)
    keyed.factory.waves.init("w", 42, "main", keys=keyed.targets_keys, now=AT)
    onlookers = DeviceClients(tmp_path / "devices", TEST_DEVICE, PRODUCTION_DEVICE)
    onlookers.look(keyed.factory, AT)
    root, old, new = private(keyed.root_keys), private(keyed.targets_keys), fresh()
    requests = keyed.factory.keys.compose_rotate_targets(old.public.keyid, new.public, now=AT)
    assert {request.name: request.keyids for request in requests} == {
        "ci-root-5": (root.public.keyid,),
        "production-root-5": (root.public.keyid,),
        "targets-main": (new.public.keyid,),
        "wave-w": (new.public.keyid,),
    }
    keyed.factory.keys.accept(signed(requests, root, new), now=AT)
    assert {verdict.root_version for verdict in onlookers.look(keyed.factory, AT).values()} == {5}
    assert new.public.keyid in keyed.factory.waves.show("w").signed_by
    assert old.public.keyid not in keyed.factory.waves.show("w").signed_by
    assert keyed.factory.check(now=AT).sound


def test_a_root_key_is_replaced_when_both_have_signed(keyed: Keyed) -> None:
    old, new = private(keyed.root_keys), fresh()
    requests = keyed.factory.keys.compose_rotate_root(old.public.keyid, new.public, now=AT)
    assert {request.needed for request in requests} == {2}
    assert code_of(lambda: keyed.factory.keys.accept(signed(requests, old), now=AT)) == "root-not-signed-by-new"
    assert code_of(lambda: keyed.factory.keys.accept(signed(requests, new), now=AT)) == "root-not-signed-by-old"
    assert code_of(lambda: keyed.factory.keys.accept(signed(requests), now=AT)) == "no-such-key"
    assert keyed.factory.keys.show().role_version == 4
    assert keyed.factory.keys.accept(signed(requests, new, old), now=AT).role_version == 5


@pytest.mark.parametrize("roles", [("targets", "snapshot", "timestamp"), ("timestamp", "targets"), ("snapshot",)])
def test_online_keys_wait_for_their_root_also_in_a_closed_factory(keyed: Keyed, roles: Any) -> None:
    populate(keyed.factory)
    before = {key.keyid for key in keyed.factory.keys.show().keys if key.online}
    requests = keyed.factory.keys.compose_rotate_online(roles=roles, now=AT)
    documents = signed(requests, private(keyed.root_keys))
    assert {key.keyid for key in keyed.factory.keys.show().keys if key.online} == before
    keyed.factory.close()
    with Factory.open(keyed.factory.path, user="bob") as again:
        again.keys.accept(documents, now=AT)
        after = {key.keyid for key in again.keys.show().keys if key.online}
        assert len(after - before) == len(roles)
        assert again._internals.keyring.held() == after, "the replaced keys and the waiting ones are gone"
        assert sorted(path.suffix for path in again._internals.keyring.folder.iterdir()) == [".sec"] * 3
        assert again.check(now=AT).sound
        # Who composed is named in the root, who accepted in the audit log.
        assert json.loads(again.keys.show().root)["signed"]["x-changelog"]["polis-id"] == "alice"
        *_, record = again._context.store.records()
        assert (record.entry.by, record.entry.action) == ("bob", "keys rotate online")


def test_online_keys_of_a_root_that_was_overtaken_are_removed(keyed: Keyed) -> None:
    keyed.factory.keys.compose_rotate_online(now=AT)
    folder = keyed.factory._internals.keyring.folder
    assert sum(path.suffix == ".new" for path in folder.iterdir()) == 3
    keyed.factory.keys.rotate_root(root_keys=keyed.root_keys, now=AT)
    assert sum(path.suffix == ".new" for path in folder.iterdir()) == 0


# --- what is refused ----------------------------------------------------------------------------------------------


def adding(keyed: Keyed, new: PublicKey | None = None) -> dict[str, bytes]:
    requests = keyed.factory.keys.compose_add_targets(new or fresh().public, now=AT)
    return signed(requests, private(keyed.root_keys))


def test_a_replay_and_a_stale_root_are_refused(keyed: Keyed) -> None:
    first, second = adding(keyed), adding(keyed)
    keyed.factory.keys.accept(first, now=AT)
    for documents in (first, second):
        assert code_of(lambda documents=documents: keyed.factory.keys.accept(documents, now=AT)) == "root-version"  # type: ignore[misc]
    assert keyed.factory.keys.show().role_version == 5


def test_a_key_of_nobody_is_refused(keyed: Keyed) -> None:
    requests = keyed.factory.keys.compose_add_targets(fresh().public, now=AT)
    stranger = fresh()
    documents = {one.name: resigned(one.document, lambda _: None, stranger) for one in requests}
    assert code_of(lambda: keyed.factory.keys.accept(documents, now=AT)) == "no-such-key"
    documents = {one.name: resigned(one.document, lambda _: None, private(keyed.targets_keys)) for one in requests}
    assert code_of(lambda: keyed.factory.keys.accept(documents, now=AT)) == "no-such-key"


def edits() -> list[tuple[str, Callable[[dict[str, Any]], object], str]]:
    key = fresh().public

    def one_more_key(said: dict[str, Any]) -> None:
        said["keys"][key.keyid] = key.document
        said["roles"]["snapshot"]["keyids"].append(key.keyid)

    return [
        ("a longer life", lambda said: said.update(expires="2030-01-01T00:00:00Z"), "not-composed"),
        ("a member", lambda said: said.update(spec_version="1.0"), "not-composed"),
        ("consistent snapshots", lambda said: said.update(consistent_snapshot=True), "not-composed"),
        ("a threshold", lambda said: said["roles"]["snapshot"].update(threshold=2), "not-composed"),
        ("one more key", one_more_key, "not-composed"),
        ("the order", lambda said: said["roles"]["targets"]["keyids"].reverse(), "not-composed"),
        ("no changelog", lambda said: said.pop("x-changelog"), "not-composed"),
        ("another message", lambda said: said["x-changelog"].update(message="x"), "not-composed"),
        ("a strange user", lambda said: said["x-changelog"].update({"polis-id": "<x>"}), "not-composed"),
        ("another user", lambda said: said["x-changelog"].update({"polis-id": "mallory"}), "not-composed"),
        ("a number for the changelog", lambda said: said.update({"x-changelog": 7}), "not-composed"),
        ("no owners", lambda said: said.pop("x-key-owners"), "not-composed"),
        ("the next but one", lambda said: said.update(version=6), "not-composed"),
        ("no keys", lambda said: said.update(keys=[]), "bad-metadata"),
        ("no roles", lambda said: said.update(roles={}), "bad-metadata"),
        ("another role", lambda said: said.update(_type="Targets"), "wrong-role"),
    ]


@pytest.mark.parametrize(("what", "edit", "code"), edits(), ids=[what for what, *_ in edits()])
@pytest.mark.parametrize("which", ["ci-root-5", "production-root-5", "both"])
def test_a_root_that_the_factory_would_not_have_composed_is_refused(
    keyed: Keyed, what: str, edit: Callable[[dict[str, Any]], object], code: str, which: str
) -> None:
    """Even if the root key has signed it."""
    documents, root = adding(keyed), private(keyed.root_keys)
    for name in documents:
        if which in (name, "both"):
            documents[name] = resigned(documents[name], edit, root)
    found = code_of(lambda: keyed.factory.keys.accept(documents, now=AT))
    assert found in {code, "not-composed"}, what
    assert keyed.factory.keys.show().role_version == 4


def test_a_key_has_one_role_and_is_not_used_again(keyed: Keyed) -> None:
    keys, new = keyed.factory.keys, fresh()
    old = private(keyed.targets_keys)
    requests = keys.compose_rotate_targets(old.public.keyid, new.public, now=AT)
    keys.accept(signed(requests, private(keyed.root_keys), new), now=AT)
    for used in (old, new, private(keyed.root_keys)):
        assert code_of(lambda used=used: keys.compose_add_targets(used.public, now=AT)) == "key-already-in-role"  # type: ignore[misc]
    online = next(key.keyid for key in keys.show().keys if key.online and key.role == "targets")
    assert code_of(lambda: keys.compose_rotate_targets(online, fresh().public, now=AT)) == "key-not-in-role"
    assert code_of(lambda: keys.compose_rotate_root("0" * 64, fresh().public, now=AT)) == "key-not-in-role"
    assert code_of(lambda: keys.compose_init(root_key=fresh().public, targets_key=fresh().public)) == "keys-initialised"


def test_one_key_cannot_take_both_roles_offline(factory: Factory) -> None:
    key = fresh().public
    assert code_of(lambda: factory.keys.compose_init(root_key=key, targets_key=key, now=AT)) == "key-already-in-role"
    assert code_of(lambda: factory.keys.compose_add_targets(key, now=AT)) == "keys-not-initialised"


def test_all_documents_are_needed_and_no_other(keyed: Keyed) -> None:
    documents = adding(keyed)
    alone = {"ci-root-5": documents["ci-root-5"]}
    more = documents | {"targets-main": documents["ci-root-5"]}
    renamed = {"production-root-5": documents["ci-root-5"], "ci-root-5": documents["production-root-5"]}
    for wrong, code in (
        (alone, "not-composed"),
        (more, "not-composed"),
        (renamed, "not-composed"),
        ({}, "root-version"),
    ):
        assert code_of(lambda wrong=wrong: keyed.factory.keys.accept(wrong, now=AT)) == code  # type: ignore[misc]
    assert code_of(lambda: keyed.factory.keys.accept({"ci-root-5": "text"}, now=AT)) == "bad-argument"  # type: ignore[dict-item]
    assert code_of(lambda: keyed.factory.keys.accept({"ci-root-5": b"{"}, now=AT)) == "broken-json"


def test_a_wave_that_came_in_between_must_be_signed_too(keyed: Keyed) -> None:
    populate(keyed.factory)
    root, old, new = private(keyed.root_keys), private(keyed.targets_keys), fresh()
    documents = signed(keyed.factory.keys.compose_rotate_targets(old.public.keyid, new.public, now=AT), root, new)
    keyed.factory.waves.init("w", 42, "main", keys=keyed.targets_keys, now=AT)
    assert code_of(lambda: keyed.factory.keys.accept(documents, now=AT)) == "not-composed"
    assert old.public.keyid in keyed.factory.waves.show("w").signed_by


def test_what_was_composed_for_another_factory_is_refused(keyed: Keyed, tmp_path: Path) -> None:
    with Factory.create(tmp_path / "other", name="other", user="alice", now=AT) as other:
        other.keys.init(root_keys=tmp_path / "r.tgz", targets_keys=tmp_path / "t.tgz", now=AT)
        requests = other.keys.compose_add_targets(fresh().public, now=AT)
    documents = signed(requests, private(tmp_path / "r.tgz"))
    assert code_of(lambda: keyed.factory.keys.accept(documents, now=AT)) == "not-composed"


def test_a_root_expires_while_it_waits(keyed: Keyed) -> None:
    documents = adding(keyed)
    assert code_of(lambda: keyed.factory.keys.accept(documents, now=later(days=365))) == "root-expired"
    assert keyed.factory.keys.accept(documents, now=later(days=364)).role_version == 5


def test_the_signature_holds_over_the_canonical_form_alone(keyed: Keyed) -> None:
    root = private(keyed.root_keys)
    documents = adding(keyed)
    said = json.loads(documents["ci-root-5"])
    loose = json.dumps(said["signed"], indent=1).encode()
    over_loose = tuf.sign(tuf.signer_of(root), loose)
    wrong = b'{"signatures":' + json.dumps([over_loose]).encode() + b',"signed":' + loose + b"}"
    assert code_of(lambda: keyed.factory.keys.accept(documents | {"ci-root-5": wrong}, now=AT)) == "bad-signature"
    sent = json.dumps(said, indent=2).encode()
    keyed.factory.keys.accept(documents | {"ci-root-5": sent}, now=AT)
    assert keyed.factory._internals.roots.chain("ci")[-1] == documents["ci-root-5"], "what is kept is canonical"


def test_a_signature_given_twice_is_kept_once(keyed: Keyed) -> None:
    documents = adding(keyed)
    said = json.loads(documents["ci-root-5"])
    twice = json.dumps(said | {"signatures": said["signatures"] * 2}).encode()
    keyed.factory.keys.accept(documents | {"ci-root-5": twice}, now=AT)
    assert keyed.factory._internals.roots.chain("ci")[-1] == documents["ci-root-5"]


def test_while_a_root_waits_the_factory_goes_on(keyed: Keyed) -> None:
    """The root key is asked with no lock held: another thread commits and reads meanwhile."""
    populate(keyed.factory)
    asked, go_on, done = threading.Event(), threading.Event(), list[int]()

    def holder() -> None:
        requests = keyed.factory.keys.compose_add_targets(fresh().public, now=AT)
        asked.set()
        assert go_on.wait(60)
        done.append(keyed.factory.keys.accept(signed(requests, private(keyed.root_keys)), now=AT).role_version)

    thread = threading.Thread(target=holder)
    thread.start()
    try:
        assert asked.wait(60)
        keyed.factory.groups.create("meanwhile", now=AT)
        assert publications(keyed.factory, "ci")
    finally:
        go_on.set()
        thread.join(60)
    assert done == [5]
