from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pytest

from lorahub_server.blobs import service
from lorahub_server.blobs.xet import spaces
from lorahub_server.blobs.xet.build import Builder
from lorahub_server.blobs.xet.receive import receive_xorb
from lorahub_server.blobs.xet.shard import read_shard
from lorahub_server.blobs.xet.spaces import Sender
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import blob_key
from support import xet
from support.inside import Inside


@dataclass
class Sending:
    """What a client does in one space of a hub."""

    inside: Inside
    sender: Sender
    settings: object = None

    @classmethod
    def start(
        cls, inside: Inside, who: str = "alice", repo: str = "alice/style", **more
    ) -> "Sending":
        owner, name = repo.split("/")
        changes = {key: more.pop(key) for key in ("now", "settings") if key in more}
        with inside.tx(who, **changes) as tx:
            given = spaces.open_space(tx, repos.get_repo(tx, owner, name), **more)
            sender = spaces.admit(tx.session, inside.settings, given.space_id, given.token, tx.now)
        return cls(inside, sender, changes.get("settings", inside.settings))

    @property
    def space(self) -> str:
        return self.sender.space_id

    def send(self, *xorbs: xet.Xorb) -> list[bool]:
        return [self.receive(xorb.name, [xorb.body]) for xorb in xorbs]

    def receive(self, name: str, pieces: Iterable[bytes]) -> bool:
        hub = self.inside
        return receive_xorb(hub.db, hub.store, self.settings, self.sender, name, pieces)

    def build(
        self, files: Sequence[bytes], report: Callable[[int], object] = lambda _: None
    ) -> bool:
        return self.build_shard(xet.shard(files), report)

    def build_shard(self, shard: bytes, report: Callable[[int], object] = lambda _: None) -> bool:
        hub = self.inside
        builder = Builder(hub.db, hub.store, self.settings, self.sender)
        return builder.build(read_shard([shard]), report)

    def usable(self, sha256: str, who: str = "alice") -> bytes | None:
        """The bytes, if the account may commit them."""
        with self.inside.look(who) as tx:
            blob = service.may_use(tx, sha256)
        return None if blob is None else self.inside.store.read(blob_key(sha256))


@pytest.fixture
def sending(inside: Inside) -> Sending:
    """Alice sends to her repository, on each database."""
    inside.make_repo()
    return Sending.start(inside)


@pytest.fixture
def here(small: Inside) -> Sending:
    """Alice sends to her repository, on SQLite."""
    small.make_repo()
    return Sending.start(small)


@pytest.fixture
def start() -> Callable[..., Sending]:
    return Sending.start
