"""Nobody gains anything by knowing a hash.

Bob knows the SHA-256 and size of a file of Alice's that he may not have. Each door by which a hash
can be named answers him word for word as it does for a hash that nobody ever had.
"""

import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select

from lorahub_server.access import Tx, of_account
from lorahub_server.accounts.service import get_account
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs.tables import BlobRef, Upload
from lorahub_server.kit.clock import now
from lorahub_server.repos.objects import pointer_object
from lorahub_server.repos.tables import Repository
from support import hf, packs, xet
from support.asgi import InProcess, Site
from support.http import Answer
from support.inside import adapter, sha256

MINE, OPEN = "bob/mine", "alice/open"
UNKNOWN = adapter(9)
Ask = Callable[[InProcess, bytes], Answer]


def send(caller: InProcess, repo: str, data: bytes) -> None:
    caller.publish(repo, {"README.md": b"# It\n"})
    caller.put(f"repos/{repo}/raw/main/w.safetensors", body=data).expect(201)


def in_private(alice: InProcess, data: bytes) -> None:
    send(alice, "alice/secret", data)
    alice.patch("repos/alice/secret", json={"private": True}).expect(200)


def in_gated(alice: InProcess, data: bytes) -> None:
    send(alice, "alice/gated", data)
    alice.put(hf.model("alice/gated", "settings"), json={"gated": "manual"}).expect(200)


def in_deleted(alice: InProcess, data: bytes) -> None:
    send(alice, "alice/gone", data)
    alice.delete("repos/alice/gone").expect(204)


def uploaded(alice: InProcess, data: bytes) -> None:
    made = alice.post("uploads", json={"name": "w.safetensors", "size": len(data)}).expect(201)
    path = f"uploads/{made.json()['id']}"
    alice.patch(path, body=data, headers={"Upload-Offset": "0"}).expect(200)
    alice.post(f"{path}/complete").expect(200)


def by_xet(alice: InProcess, data: bytes) -> None:
    """Alice sent it in chunks, which lie there still, into a private repository."""
    alice.publish("alice/chunks", {"README.md": b"# It\n"}, private=True)
    xorb = xet.Xorb([data])
    cas(alice, "POST", f"/v1/xorbs/default/{xorb.name}", xorb.body, "alice/chunks").expect(200)
    body = xet.shard([xet.file([xorb.run()])], [xorb])
    cas(alice, "POST", "/v1/shards", body, "alice/chunks").expect(200)
    hf.commit(alice, "alice/chunks", hf.large("w.safetensors", sha256(data))).expect(200)


def batch(operation: str, repo: str, transfer: str = "basic", more: int = 0) -> Ask:
    def ask(bob: InProcess, data: bytes) -> Answer:
        item = {"oid": sha256(data), "size": len(data) + more}
        body = {"operation": operation, "transfers": [transfer], "objects": [item]}
        path = f"/{repo}.git/info/lfs/objects/batch"
        return bob.post(path, body=json.dumps(body).encode(), headers=hf.LFS)

    return ask


def wrong_bytes(bob: InProcess, data: bytes) -> Answer:
    (told,) = batch("upload", MINE)(bob, data).json()["objects"]
    path = hf.path_of(told["actions"]["upload"]["href"])
    return bob.put(path, body=bytes(len(data)))


def verify(bob: InProcess, data: bytes) -> Answer:
    body = {"oid": sha256(data), "size": len(data)}
    return bob.post(f"/{MINE}.git/info/lfs/verify", json=body)


def fetch(bob: InProcess, data: bytes) -> Answer:
    return bob.get(f"/{MINE}.git/info/lfs/objects/{sha256(data)}")


def preupload(bob: InProcess, data: bytes) -> Answer:
    file = {"path": "w.safetensors", "size": len(data), "sha256": sha256(data)}
    return bob.post(f"repos/{MINE}/preupload/main", json={"files": [file]})


def upload(more: int = 0) -> Ask:
    def ask(bob: InProcess, data: bytes) -> Answer:
        wish = {"name": "w.safetensors", "size": len(data) + more, "sha256": sha256(data)}
        made = bob.post("uploads", json=wish)
        bob.delete(f"uploads/{made.json()['id']}").expect(204)
        return made

    return ask


def upload_of_wrong_bytes(bob: InProcess, data: bytes) -> Answer:
    wish = {"name": "w.safetensors", "size": len(data), "sha256": sha256(data)}
    path = f"uploads/{bob.post('uploads', json=wish).expect(201).json()['id']}"
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    bob.patch(path, body=wrong, headers={"Upload-Offset": "0"}).expect(200)
    return bob.post(f"{path}/complete")


def own_commit(bob: InProcess, data: bytes) -> Answer:
    operation = {"op": "add", "path": "w.safetensors", "sha256": sha256(data)}
    body = {"message": "x", "operations": [operation]}
    return bob.post(f"repos/{MINE}/commits/main", json=body)


def hf_commit(repo: str = MINE, query: dict | None = None, **more: int) -> Ask:
    def ask(bob: InProcess, data: bytes) -> Answer:
        line = hf.large("w.safetensors", sha256(data), **more)
        return hf.commit(bob, repo, line, query=query)

    return ask


def cas(caller: InProcess, method: str, rest: str, body: bytes = b"", repo: str = MINE) -> Answer:
    told = caller.get(hf.model(repo, "xet-write-token", "main")).expect(200).json()
    headers = {"Authorization": f"Bearer {told['accessToken']}"}
    path = told["casUrl"].removeprefix("http://hub.test")
    return caller.call(method, path + rest, body=body, headers=headers)


def chunk_probe(bob: InProcess, data: bytes) -> Answer:
    name = xet.hashes.to_text(xet.hashes.chunk_hash(data))
    return cas(bob, "GET", f"/v1/chunks/default/{name}")


def xorb_grant(bob: InProcess, data: bytes) -> Answer:
    return cas(bob, "POST", f"/v1/xorb-grants/default/{xet.Xorb([data]).name}", b"{}")


def shard(path: str) -> Ask:
    def ask(bob: InProcess, data: bytes) -> Answer:
        """A list of chunks that only Alice has sent."""
        return cas(bob, "POST", path, xet.shard([xet.file([xet.Xorb([data]).run()])]))

    return ask


def shard_that_lies(bob: InProcess, data: bytes) -> Answer:
    """Bob's own chunks under the hash of what he wants."""
    own = xet.Xorb([adapter(55)])
    cas(bob, "POST", f"/v1/xorbs/default/{own.name}", own.body).expect(200)
    body = xet.shard([xet.file([own.run()], sha256=sha256(data))], [own])
    return cas(bob, "POST", "/v1/shards", body)


def git_push(repo: str, ref: str) -> Ask:
    def ask(bob: InProcess, data: bytes) -> Answer:
        head = bob.get(f"repos/{repo}").expect(200).json()["revision"]
        made = packs.Made()
        pointer = pointer_object(sha256(data), len(data)).data
        attributes = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
        new = made.files({".gitattributes": attributes, "w.safetensors": pointer}, head)
        old = head if ref == "refs/heads/main" else packs.ZERO
        kind = {"Content-Type": "application/x-git-receive-pack-request"}
        body = packs.push_body([(old, new, ref)], made.pack())
        answer = bob.post(f"/{repo}/git-receive-pack", body=body, headers=kind)
        said = b"" if answer.status >= 400 else packs.bands(answer.body)[2]
        assert answer.status >= 400 or b"error" in said
        return Answer(answer.status, answer.headers, answer.body.replace(new.encode(), b"C"))

    return ask


ASKS: dict[str, Ask] = {
    "batch": batch("upload", MINE),
    "batch-multipart": batch("upload", MINE, "multipart"),
    "batch-wrong-size": batch("upload", MINE, more=1),
    "batch-download": batch("download", MINE),
    "batch-download-elsewhere": batch("download", OPEN),
    "lfs-wrong-bytes": wrong_bytes,
    "lfs-verify": verify,
    "lfs-object": fetch,
    "preupload": preupload,
    "upload": upload(),
    "upload-wrong-size": upload(1),
    "upload-wrong-bytes": upload_of_wrong_bytes,
    "commit": own_commit,
    "hf-commit": hf_commit(),
    "hf-commit-with-size": hf_commit(size=len(UNKNOWN)),
    "hf-commit-to-a-pull-request": hf_commit(OPEN, {"create_pr": "1"}),
    "xet-chunk": chunk_probe,
    "xet-grant": xorb_grant,
    "xet-shard": shard("/v1/shards"),
    "xet-shard-2": shard("/v2/shards"),
    "xet-lie": shard_that_lies,
    "git": git_push(MINE, "refs/heads/main"),
    "git-branch": git_push(MINE, "refs/heads/new"),
    "git-pull-request": git_push(OPEN, "refs/pr/1"),
}  # fmt: skip


def told(answer: Answer, data: bytes) -> tuple[int, dict[str, str], str]:
    """What is the same for two hashes, unless something is told about one of them."""
    digest = sha256(data)
    names = {digest: "H", digest[:10]: "h", xet.hashes.to_text(xet.Xorb([data]).hash): "X"}
    text = answer.body.decode(errors="replace")
    headers = {name.lower(): value for name, value in answer.headers.items()}
    for name, short in names.items():
        text = text.replace(name, short)
        headers = {key: value.replace(name, short) for key, value in headers.items()}
    for changing in ("x-request-id", "content-length"):
        headers.pop(changing, None)
    text = re.sub(r'("request_id": ?|"id": ?)"\w+"', r"\1R", text)
    text = re.sub(r"/(objects|parts)/[^\"/]+", r"/\1/T", text)
    return answer.status, headers, re.sub(r"\b[0-9a-f]{10,64}\b", "O", text)


@pytest.fixture
def bob(site: Site, alice: InProcess) -> InProcess:
    alice.publish(OPEN, {"README.md": b"# Open\n"})
    caller = site.add_account("bob")
    caller.publish(MINE, {"README.md": b"# Mine\n"})
    return caller


def may_use(site: Site, name: str, data: bytes) -> bool:
    with site.hub.db.read() as session:
        caller = of_account(get_account(session, name))
        tx = Tx(session, caller, site.hub.store, site.hub.settings, now(), "test")
        return blobs.may_use(tx, sha256(data)) is not None


def test_each_door_answers_as_for_an_unknown_hash(site, alice, bob) -> None:
    ways = [in_private, in_gated, in_deleted, uploaded, by_xet]
    hidden = {hide.__name__: adapter(number) for number, hide in enumerate(ways, 1)}
    for hide in ways:
        hide(alice, hidden[hide.__name__])
    assert {len(data) for data in hidden.values()} == {len(UNKNOWN)}
    for name, ask in ASKS.items():
        expected = told(ask(bob, UNKNOWN), UNKNOWN)
        assert expected[0] < 500, name
        for way, data in hidden.items():
            assert told(ask(bob, data), data) == expected, (name, way)
    assert not [way for way, data in hidden.items() if may_use(site, "bob", data)]
    with site.hub.db.read() as session:
        own = select(Repository.id).where(Repository.name.in_(["mine", "open"]))
        found = set(session.scalars(select(BlobRef.sha256).where(BlobRef.repo_id.in_(own))))
        mine = get_account(session, "bob").id
        found |= set(session.scalars(select(Upload.blob_sha256).where(Upload.account_id == mine)))
    assert not {sha256(data) for data in hidden.values()} & found
    bob.head(f"/{MINE}/resolve/main/w.safetensors").expect(404)


def test_the_same_questions_tell_whom_they_may(site, alice, bob) -> None:
    """Alice is answered otherwise, or the test above would prove nothing."""
    in_private(alice, hidden := adapter(1))
    assert may_use(site, "alice", hidden)
    alice.publish("alice/mine", {"README.md": b"# Mine\n"})
    for ask, status in ((preupload, 200), (own_commit, 201)):
        body = ask(_As(alice), hidden).expect(status).body
        assert body != ask(_As(alice), UNKNOWN).body


class _As:
    """Alice, who asks the same of a repository of her own."""

    def __init__(self, alice: InProcess) -> None:
        self._alice = alice

    def post(self, path: str, **more) -> Answer:
        return self._alice.post(path.replace(MINE, "alice/mine"), **more)


def test_bytes_never_get_a_name_that_was_not_computed(site, alice, bob) -> None:
    """Whoever sends the very bytes gets them, and no copy of what others sent under the name."""
    in_private(alice, hidden := adapter(1))
    for lie in (wrong_bytes, upload_of_wrong_bytes, shard_that_lies):
        assert 400 <= lie(bob, hidden).status < 500
    secret = "/alice/secret/resolve/main/w.safetensors"
    assert alice.get(secret).expect(200).body == hidden
    bob.put(f"repos/{MINE}/raw/main/w.safetensors", body=hidden).expect(201)
    assert bob.get(f"/{MINE}/resolve/main/w.safetensors").body == hidden
    assert alice.get(secret).expect(200).body == hidden
