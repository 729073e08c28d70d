"""Files by their hashes: who has them, who had them, and what came after, on both databases."""

import pytest

from lorahub.adapters.inspect import StreamInspector
from lorahub_server.insight import service as insight
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library import past, service
from lorahub_server.library.tables import PublishedFile
from lorahub_server.repos import service as repos
from support.inside import adapter, sha256

OLD, NEW, OTHER = adapter(1), adapter(2), adapter(3)


def inspect(hub, data: bytes) -> dict[str, str]:
    inspector = StreamInspector(len(data))
    inspector.feed(data)
    found = inspector.finish()
    with hub.tx() as tx:
        insight.record_inspection(tx.session, sha256(data), found)
    return found.hashes


def told(hub, *values: str, who: str | None = None) -> list[past.Answer]:
    with hub.look(who) as tx:
        return past.look_up(tx, values)


def one(hub, value: str, who: str | None = None) -> past.Holding:
    (answer,) = told(hub, value, who=who)
    (holding,) = answer.holdings
    return holding


def publish(hub, files: dict[str, bytes | None], name: str = "style", who: str = "alice") -> str:
    shas = {
        path: data if data is None else hub.upload(data, path.rpartition("/")[2], who)
        for path, data in files.items()
    }
    return hub.commit(shas, name, who).revision


def test_any_hash_leads_to_the_file_and_to_what_replaced_it(inside):
    inside.make_repo()
    first = publish(inside, {"w.safetensors": OLD})
    hashes = inspect(inside, OLD)
    for kind, value in hashes.items():
        if not value.startswith("e3b0c442"):
            found = one(inside, value.upper())
            assert (found.kind, found.state, found.revision) == (kind, "current", first)
    second = publish(inside, {"w.safetensors": NEW})
    found = one(inside, hashes["AutoV2"])
    assert (found.state, found.sha256, found.revision) == ("replaced", sha256(OLD), first)
    assert found.now == past.Now("w.safetensors", sha256(NEW), len(NEW))
    assert one(inside, sha256(NEW)).revision == second


def test_a_version_in_the_name_is_no_other_file(inside):
    inside.make_repo()
    publish(inside, {"glass-v1.safetensors": OLD, "rain_v1.safetensors": OTHER})
    publish(inside, {"glass-v1.safetensors": None, "glass-v2.1.safetensors": NEW})
    found = one(inside, sha256(OLD))
    assert (found.state, found.now and found.now.path) == ("replaced", "glass-v2.1.safetensors")
    publish(inside, {"glass-v2.1.safetensors": None, "a.safetensors": NEW})
    assert one(inside, sha256(OLD)).state == "removed"
    # Moved to another path, it is still the same file.
    found = one(inside, sha256(NEW))
    assert (found.state, found.path) == ("current", "a.safetensors")


def test_what_lay_between_two_heads_is_known(inside):
    inside.make_repo()
    publish(inside, {"w.safetensors": OLD})
    middle = publish(inside, {"w.safetensors": NEW})
    publish(inside, {"w.safetensors": OTHER})
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        tx.session.query(PublishedFile).delete()
        service.rebuild_all(tx.session)
    assert told(inside, sha256(NEW))[0].holdings == []
    with inside.tx() as tx:
        # As after one push of three commits to an empty branch.
        repo = repos.get_repo(tx, "alice", "style")
        entry = service.queries.entry_of(tx.session, repo.id)
        entry.revision = None
        service.refresh(tx, repo)
    assert one(inside, sha256(NEW)).revision == middle
    assert one(inside, sha256(OLD)).state == "replaced"


def test_only_what_the_caller_may_see_and_the_first_one_first(inside):
    inside.make_repo("secret", "alice", private=True)
    publish(inside, {"w.safetensors": OLD}, "secret")
    for who in ("bob", "carol"):
        inside.caller(who)
        inside.make_repo("copy", who)
        publish(inside, {"w.safetensors": OLD}, "copy", who)
    (answer,) = told(inside, sha256(OLD))
    assert [h.repo.full_name for h in answer.holdings] == ["bob/copy", "carol/copy"]
    (answer,) = told(inside, sha256(OLD), who="alice")
    assert answer.holdings[0].repo.full_name == "alice/secret"


def test_many_at_once_in_few_statements(inside):
    inside.make_repo()
    publish(inside, {f"{n}.safetensors": adapter(n) for n in range(1, 6)})
    values = [sha256(adapter(n)) for n in range(1, 6)] + [f"{n:064x}" for n in range(400)]
    with inside.counted() as statements:
        answers = told(inside, *values)
    assert [len(answer.holdings) for answer in answers] == [1] * 5 + [0] * 400
    assert len(statements) <= 4
    with pytest.raises(BadRequest):
        told(inside, *(f"{n:064x}" for n in range(501)))


@pytest.mark.parametrize("value", ["", "abc", "g" * 64, "0" * 65, "'; --", "0x1234567"])
def test_what_is_no_hash_is_refused(small, value):
    with pytest.raises(past.BadHash):
        told(small, value)


def test_hashes_as_people_write_them(small):
    assert past.normal("  SHA256:ABCDEF12 ") == "abcdef12"
    assert past.normal("0xABCDEF12") == "abcdef12"
