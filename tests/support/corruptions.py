"""Ways to corrupt a repository of `tuf_forge`."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS

from support import recorded
from support.tuf_forge import ONLINE_AND_OFFLINE, ROLE_OF, Repository, canonical_json, keyid, signature

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_ROOT = "5.root.json"


def relinked(change: Callable[[Repository], object]) -> Callable[[Repository], None]:
    """A change after which the hashes in the referring documents are updated."""

    def both(repository: Repository) -> None:
        change(repository)
        repository.relink()

    return both


def changed(document: Any, **changes: Any) -> Any:
    """Change the signed part, and keep the signatures."""
    return {"signatures": document["signatures"], "signed": document["signed"] | changes}


def announce(repository: Repository, name: str, below: str, **changes: Any) -> None:
    """Change what a role says about a document that it refers to; the role is signed again and relinked."""
    link = repository.document(name)["signed"]["meta"][below] | changes
    link = {member: value for member, value in link.items() if value is not None}
    repository.edit(name, [ROLE_OF[name]], meta={below: link})
    if name == "snapshot.json":
        data = repository.files[name]
        above = {"hashes": {"sha256": hashlib.sha256(data).hexdigest()}, "length": len(data), "version": 41}
        repository.edit("timestamp.json", ["timestamp"], meta={name: above})


def swap(repository: Repository, name: str, other: str) -> None:
    repository.files[name] = repository.files[other]


def drop_signature(repository: Repository, name: str, position: int = -1) -> None:
    document = repository.document(name)
    del document["signatures"][position]
    repository.put(name, document)


def repeat_signature(repository: Repository, name: str) -> None:
    document = repository.document(name)
    document["signatures"][-1] = document["signatures"][0]
    document["signatures"] = [document["signatures"][0]] * 2
    repository.put(name, document)


def rename_method(repository: Repository, name: str, method: str) -> None:
    document = repository.document(name)
    document["signatures"][0]["method"] = method
    repository.put(name, document)


def spoil_signature(repository: Repository, name: str) -> None:
    document = repository.document(name)
    sig = document["signatures"][0]["sig"]
    document["signatures"][0]["sig"] = ("B" if sig[0] == "A" else "A") + sig[1:]
    repository.put(name, document)


def pretty(repository: Repository, name: str) -> None:
    repository.files[name] = json.dumps(repository.document(name), indent=1).encode()


def reorder(repository: Repository, name: str) -> None:
    document = repository.document(name)
    document = {"signed": document["signed"], "signatures": document["signatures"]}
    repository.files[name] = json.dumps(document, separators=(",", ":")).encode()


def edit_root(repository: Repository, **changes: Any) -> None:
    repository.edit(LAST_ROOT, ["offline-root"], **changes)


def with_targets_keys(repository: Repository, threshold: int) -> None:
    roles = repository.document(LAST_ROOT)["signed"]["roles"]
    roles["targets"]["threshold"] = threshold
    edit_root(repository, roles=roles)


def under_another_id(repository: Repository) -> None:
    keys = repository.document(LAST_ROOT)["signed"]["keys"]
    roles = repository.document(LAST_ROOT)["signed"]["roles"]
    wrong = "ab" * 32
    keys[wrong] = keys.pop(keyid("snapshot"))
    roles["snapshot"]["keyids"] = [wrong]
    edit_root(repository, keys=keys, roles=roles)


def one_key_under_two_ids(repository: Repository) -> None:
    """An attack on the threshold: the online key a second time under another id, and its signature twice."""
    keys = repository.document(LAST_ROOT)["signed"]["keys"]
    roles = repository.document(LAST_ROOT)["signed"]["roles"]
    keys["cd" * 32] = keys[keyid("targets")]
    roles["targets"]["keyids"].append("cd" * 32)
    edit_root(repository, keys=keys, roles=roles)


def custom_text(repository: Repository, text: str) -> None:
    targets = repository.document("targets.json")["signed"]["targets"]
    next(iter(targets.values()))["custom"]["uri"] = text
    repository.edit("targets.json", ONLINE_AND_OFFLINE, targets=targets)
    repository.relink()


def other_targets(repository: Repository, edit: Callable[[dict[str, Any]], None]) -> None:
    targets = repository.document("targets.json")["signed"]["targets"]
    for target in targets.values():
        edit(target)
    repository.edit("targets.json", ONLINE_AND_OFFLINE, targets=targets)
    repository.relink()


def with_rsa(repository: Repository) -> None:
    """A root in which the snapshot role has an RSA key, which signs the snapshot by RSASSA-PSS."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = public.public_bytes(serialization.Encoding.PEM, form).decode()
    name = hashlib.sha256(public.public_bytes(serialization.Encoding.DER, form)).hexdigest()
    signed = repository.document(LAST_ROOT)["signed"]
    signed["keys"][name] = {"keytype": "RSA", "keyval": {"public": pem}}
    signed["roles"]["snapshot"]["keyids"] = [name]
    del signed["keys"][keyid("snapshot")]
    # In the dialect, line breaks of the PEM text are written as \n.
    data = canonical_json(signed).replace(b"\n", b"\\n")
    whole = canonical_json({"signatures": [signature("offline-root", data)], "signed": 0})
    repository.files[LAST_ROOT] = whole.replace(b'"signed":0', b'"signed":' + data)
    snapshot = canonical_json(repository.document("snapshot.json")["signed"])
    sig = base64.b64encode(private.sign(snapshot, PSS(MGF1(hashes.SHA256()), 32), hashes.SHA256())).decode()
    repository.put(
        "snapshot.json",
        {
            "signatures": [{"keyid": name, "method": "rsassa-pss-sha256", "sig": sig}],
            "signed": repository.document("snapshot.json")["signed"],
        },
    )
    link = {
        "hashes": {"sha256": hashlib.sha256(repository.files["snapshot.json"]).hexdigest()},
        "length": len(repository.files["snapshot.json"]),
        "version": 41,
    }
    repository.edit("timestamp.json", ["timestamp"], meta={"snapshot.json": link})


def ci_copy(name: str = "prod-41") -> Repository:
    """The CI repository for the recorded one: the CI root, and only the online signature."""
    repository = Repository(name)
    for number, version in (("02", 3), ("05", 4), ("16", 5)):
        repository.put(f"{version}.root.json", recorded.request(number)["ci-root"])
    repository.edit("targets.json", ["targets"])
    repository.relink()
    return repository
