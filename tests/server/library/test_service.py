"""From commits and inspections to the library's rows, on both databases."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from lorahub.adapters.inspect import StreamInspector
from lorahub_server.access.errors import RepoGone, RepoNotFound
from lorahub_server.community import stars
from lorahub_server.community.tables import Star
from lorahub_server.insight import service as insight
from lorahub_server.jobs.tables import Job, State
from lorahub_server.library import queries_text, service
from lorahub_server.library.queries_text import Wanted
from lorahub_server.library.search import Query, find
from lorahub_server.library.tables import (
    AdapterFile,
    LibraryEntry,
    LibraryText,
    Listing,
    RepoTag,
    SearchKey,
)
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import RevisionNotFound
from support.inside import adapter, sha256

CARD = b"""---
license: other
license_name: flux-1-dev-non-commercial-license
base_model: meta-llama/Llama-3.2-1B
tags: [Chat, test]
instance_prompt: hello there
---
# My chat

It is **nice** to talk.
"""
CONFIG = json.dumps(
    {
        "peft_type": "LORA",
        "r": 2,
        "lora_alpha": 16,
        "base_model_name_or_path": "/home/bob/models/Qwen2-0.5B",
        "task_type": "CAUSAL_LM",
        "target_modules": ["q_proj"],
    }
).encode()


def rows(hub, name: str = "style"):
    """The repository's rows as plain facts."""
    with hub.look() as tx:
        repo = repos.get_repo(tx, "alice", name)
        entry = tx.session.get(LibraryEntry, repo.id)
        facts = {c.name: getattr(entry, c.name) for c in LibraryEntry.__table__.columns}
        tags = tx.session.scalars(
            select(RepoTag.tag).where(RepoTag.repo_id == repo.id).order_by(RepoTag.tag)
        ).all()
        files = tx.session.scalars(select(AdapterFile).where(AdapterFile.repo_id == repo.id)).all()
        files = sorted((file.path, file.sha256, file.size, str(file.config)) for file in files)
        return facts, list(tags), files


def details(hub, who: str | None = "alice", name: str = "style"):
    with hub.look(who) as tx:
        return service.details(tx, repos.get_repo(tx, "alice", name))


def inspected(hub, data: bytes) -> None:
    inspector = StreamInspector(len(data))
    inspector.feed(data)
    found = inspector.finish()
    with hub.tx() as tx:
        insight.record_inspection(tx.session, sha256(data), found)


def test_an_empty_repository_has_a_row(inside):
    inside.make_repo("my-style_2")
    facts, tags, files = rows(inside, "my-style_2")
    assert (facts["title"], facts["revision"], facts["published_at"]) == ("My style 2", None, None)
    assert (facts["health"], facts["adapters"], facts["trending"], tags, files) == (
        "none", 0, 0, [], [],
    )  # fmt: skip
    shown = details(inside, name="my-style_2")
    assert (shown.adapters, shown.primary, shown.conflict, shown.notices) == ([], None, None, [])


def test_a_commit_is_derived(inside):
    data = adapter(rank=2)
    inside.make_repo()
    made = inside.commit(
        {
            "README.md": CARD,
            "adapter_model.safetensors": inside.upload(data),
            "adapter_config.json": CONFIG,
            "z.png": b"\x89PNG\r\n\x1a\n",
            "Cover.webp": b"RIFF....WEBP",
        }
    )
    facts, tags, files = rows(inside)
    assert facts["revision"] == made.revision
    assert (facts["title"], facts["summary"]) == ("My chat", "It is nice to talk.")
    assert facts["license"] == "flux-1-dev-non-commercial-license"
    assert (facts["base_model"], facts["family_declared"]) == ("meta-llama/Llama-3.2-1B", "llama")
    assert (facts["layout"], facts["method"], facts["rank"]) == ("peft", "lora", 2)
    assert (facts["size"], facts["adapters"], facts["health"]) == (len(data), 1, "waiting")
    assert facts["trigger_words"] == ["hello there"]
    assert facts["cover"] == "Cover.webp"
    assert facts["trending"] > 0
    assert facts["published_at"] == facts["updated_at"] >= datetime(2026, 1, 1, tzinfo=UTC)
    assert tags == ["chat", "test"]
    assert [file[:3] for file in files] == [("adapter_model.safetensors", sha256(data), len(data))]
    # What the configuration names is a path on a stranger's disk: only its end is kept.
    assert "/home" not in files[0][3]


def test_details_put_header_configuration_and_inspection_together(inside):
    data = adapter()
    inside.make_repo()
    files = {"README.md": CARD, "a.safetensors": inside.upload(data), "adapter_config.json": CONFIG}
    inside.commit(files)
    before = details(inside, None)
    (item,) = before.adapters
    assert (item.state, item.health, item.hashes) == ("waiting", None, None)
    assert item.summary["alpha"] == 16
    assert item.summary["task_type"] == "CAUSAL_LM"
    assert item.summary["base_model_hint"] == "Qwen2-0.5B"
    # The names of modules fit several families; the configuration says which one it is.
    assert (item.family, item.summary["family_confidence"]) == ("qwen", "medium")
    assert before.repo.family == "qwen"
    # Llama is among what fits the weights, so nobody is wrong for sure.
    assert before.conflict is None

    inspected(inside, data)
    after = details(inside, None)
    (item,) = after.adapters
    assert (item.state, after.repo.health) == ("done", "ok")
    assert item.hashes["SHA256"] == sha256(data)
    assert item.health["nan_count"] == 0
    assert item.summary["alpha"] == 16
    assert after.notices == []


def test_the_card_decides_what_the_weights_leave_open(inside):
    inside.make_repo()
    inside.commit(
        {
            "README.md": b"---\nbase_model: google/gemma-2b\n---\n",
            "a.safetensors": inside.upload(adapter()),
        }
    )
    shown = details(inside)
    assert (shown.repo.family, shown.adapters[0].family) == ("gemma", "gemma")
    inspected(inside, adapter())
    assert rows(inside)[0]["family"] == "gemma"


def test_a_conflict_is_told(inside):
    inside.make_repo()
    inside.commit(
        {
            "README.md": b"---\nbase_model: black-forest-labs/FLUX.1-dev\nlicense: mit\n---\n",
            "a.safetensors": inside.upload(adapter()),
        }
    )
    shown = details(inside)
    assert (shown.conflict.declared, shown.conflict.detected) == ("flux1", "llama")
    assert "FLUX.1-dev" in shown.conflict.message
    assert [(n.level, n.code, n.path) for n in shown.notices] == [
        ("warning", "family_conflict", "a.safetensors")
    ]


def test_notices_name_what_to_mend(inside):
    inside.make_repo()
    inside.commit({"README.md": b"Hello\n"})
    assert [notice.code for notice in details(inside).notices] == ["no_license", "no_adapter"]


def test_only_who_can_add_a_licence_is_asked_to(inside):
    inside.make_repo()
    inside.commit({"README.md": b"Hello\n"})
    assert details(inside).notices[0].message.endswith("Add one.")
    seen = details(inside, None).notices[0]
    assert seen.code == "no_license"
    assert "ask the author" in seen.message
    assert "Add one" not in seen.message


def test_a_pack_has_one_that_stands_for_all(inside):
    small, large = adapter(1, rank=2), adapter(2, rank=4)
    inside.make_repo("pack")
    inside.commit(
        {
            "b.safetensors": inside.upload(small),
            "deep/large.safetensors": inside.upload(large),
            "deep/adapter_config.json": CONFIG,
            "a.safetensors": inside.upload(small),
        },
        "pack",
    )
    shown = details(inside, name="pack")
    assert [item.path for item in shown.adapters] == [
        "a.safetensors",
        "b.safetensors",
        "deep/large.safetensors",
    ]
    assert shown.repo.adapters == 3
    assert shown.repo.size == 2 * len(small) + len(large)
    assert [bool(item.config) for item in shown.adapters] == [False, False, True]
    assert (shown.adapters[0].summary["alpha"], shown.adapters[2].summary["alpha"]) == (None, 16)


def test_other_branches_change_nothing(inside):
    inside.make_repo()
    first = inside.commit({"README.md": CARD})
    before = rows(inside)
    inside.commit({"README.md": b"# Other\n"}, branch="draft", parent=first.revision)
    assert rows(inside) == before


def test_what_goes_from_the_head_goes_from_the_library(inside):
    inside.make_repo()
    inside.commit({"README.md": CARD, "a.safetensors": inside.upload(adapter())})
    inside.commit({"README.md": b"# New\n", "a.safetensors": None})
    facts, tags, files = rows(inside)
    assert (facts["title"], facts["license"], facts["family"], facts["health"]) == (
        "New", None, None, "none",
    )  # fmt: skip
    assert (tags, files, facts["size"]) == ([], [], 0)


def test_damage_and_failure_are_shown_on_every_repository(inside):
    good, bad = adapter(1), bytearray(adapter(2))
    bad[-4:] = b"\x00\x00\xc0\x7f"  # a NaN
    bad = bytes(bad)
    inside.upload(bad)
    for name, data in (("one", bad), ("two", bad), ("three", good)):
        inside.make_repo(name)
        inside.commit({"a.safetensors": sha256(data) if data is bad else inside.upload(data)}, name)
    inspected(inside, bad)
    with inside.tx() as tx:
        # As the runner does: the failure and the job's end are one.
        insight.record_failure(tx.session, sha256(good), "truncated", "It is cut off.")
        tx.session.execute(update(Job).values(state=State.PARKED, due_at=None))
    assert [rows(inside, name)[0]["health"] for name in ("one", "two", "three")] == [
        "damaged", "damaged", "failed",
    ]  # fmt: skip
    (notice,) = [n for n in details(inside, name="one").notices if n.level == "error"]
    assert (notice.code, notice.path) == ("nan_values", "a.safetensors")
    shown = details(inside, name="three")
    assert shown.adapters[0].error == {"code": "truncated", "message": "It is cut off."}
    assert shown.adapters[0].state == "failed"
    # A later pass that succeeds wins.
    inspected(inside, good)
    assert rows(inside, "three")[0]["health"] == "ok"


def test_recording_twice_is_recording_once(inside):
    inside.make_repo()
    inside.commit({"a.safetensors": inside.upload(adapter())})
    inspected(inside, adapter())
    first = rows(inside), details(inside)
    inspected(inside, adapter())
    assert (rows(inside), details(inside)) == first


def walks(hub) -> list:
    """All that lists and searches walk: listings, kept numbers, words, what is found by them."""
    with hub.db.read() as session:
        listed = session.execute(
            select(Listing, SearchKey).join(SearchKey, SearchKey.id == Listing.key_id)
        )
        listings = sorted(
            (row.repo_id, key.kind, key.value, key.scope, row.stars, row.updated, row.trending)
            for row, key in listed
        )
        uses = sorted((key.kind, key.value, key.uses, key.full) for key in found_keys(session))
        texts = sorted((row.repo_id, row.bucket) for row in session.scalars(select(LibraryText)))
        words = [queries_text.texts_of(session, repo_id) for repo_id, _ in texts]
        lists = [
            sorted(session.scalars(queries_text.having(session, Wanted((word,)))))
            for word in ("b", "chat")
        ]
    return [listings, uses, texts, words, lists]


def found_keys(session):
    return session.scalars(select(SearchKey).where(SearchKey.uses > 0))


def test_everything_can_be_derived_again(inside):
    data = adapter()
    for name in ("one", "two", "gone", "empty"):
        inside.make_repo(name, private=name == "two")
    inside.commit(
        {"README.md": CARD, "a.safetensors": inside.upload(data), "adapter_config.json": CONFIG},
        "one",
    )
    inside.commit({"README.md": b"# B\n\nText\n"}, "two")
    inside.commit({"README.md": b"# B\n\nMore\n"}, "two")
    inspected(inside, data)
    with inside.tx("bob") as tx:
        stars.star(tx, repos.get_repo(tx, "alice", "one"))
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "gone"))
    before = {name: rows(inside, name) for name in ("one", "two", "empty")}
    walked = walks(inside)
    assert {repo_id for repo_id, *_ in walked[0]} == {before[name][0]["repo_id"] for name in before}
    with inside.tx() as tx:
        service.rebuild_all(tx.session)
    assert {name: rows(inside, name) for name in before} == before
    assert walks(inside) == walked
    # Also from nothing, but for the counters that are recorded nowhere else.
    with inside.tx() as tx:
        queries_text.clear(tx.session)
        tx.session.execute(update(SearchKey).values(uses=99, full=0))
        for table in (Listing, RepoTag, AdapterFile, LibraryEntry):
            tx.session.execute(delete(table))
    with inside.tx() as tx:
        service.rebuild_all(tx.session)
    assert [sorted(one[:3] for one in walks(inside)[0]), *walks(inside)[1:]] == [
        sorted(one[:3] for one in walked[0]),
        *walked[1:],
    ]
    for name, (facts, tags, files) in before.items():
        again = rows(inside, name)
        assert again[1:] == (tags, files)
        lively = {"trending"} if name == "one" else set()
        assert {k: v for k, v in again[0].items() if k not in lively} == {
            k: v for k, v in facts.items() if k not in lively
        }


def test_a_wrong_star_count_is_mended(inside):
    inside.make_repo()
    with inside.tx("bob") as tx:
        repo = repos.get_repo(tx, "alice", "style")
        stars.star(tx, repo)
        tx.session.get(LibraryEntry, repo.id).stars = 40
    with inside.tx() as tx:
        service.rebuild_all(tx.session)
    assert rows(inside)[0]["stars"] == 1


def test_a_deleted_repository_leaves_nothing(inside):
    inside.make_repo()
    inside.commit({"README.md": CARD, "a.safetensors": inside.upload(adapter())})
    with inside.tx("bob") as tx:
        stars.star(tx, repos.get_repo(tx, "alice", "style"))
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))
    with inside.look() as tx:
        for table in (LibraryEntry, RepoTag, AdapterFile, Star):
            assert tx.session.scalars(select(table)).all() == []
        assert find(tx, Query()).items == []
        with pytest.raises(RepoGone):
            repos.get_repo(tx, "alice", "style")


def test_a_rename_renames_the_title_that_was_the_name(inside):
    inside.make_repo("old-name")
    with inside.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alice", "old-name"), "new-name")
    assert rows(inside, "new-name")[0]["title"] == "New name"


@pytest.mark.parametrize("who", [None, "bob"])
def test_what_is_private_stays_so(inside, who):
    inside.make_repo(private=True)
    made = inside.commit({"README.md": CARD, "a.safetensors": inside.upload(adapter())})
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
    for ask in (
        lambda tx: service.details(tx, repo),
        lambda tx: service.card_of(tx, repo, made.revision),
        lambda tx: service.card_bytes_of(tx, repo, made.revision),
        lambda tx: service.adapters_at(tx, repo, made.revision),
        lambda tx: service.at_revision(tx, repo, made.revision),
    ):
        with inside.look(who) as tx, pytest.raises(RepoNotFound):
            ask(tx)
    assert details(inside).repo.private


def test_any_revision_can_be_asked_for(inside):
    one, two = adapter(1), adapter(2)
    inside.make_repo()
    first = inside.commit(
        {"README.md": CARD, "a.safetensors": inside.upload(one), "adapter_config.json": CONFIG}
    )
    inside.commit(
        {"README.md": b"# New\n", "a.safetensors": inside.upload(two), "adapter_config.json": None}
    )
    with inside.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        then = service.at_revision(tx, repo, first.revision)
        assert then.card.title == "My chat"
        assert then.trigger_words == ["hello there"]
        assert [(item.sha256, item.family) for item in then.adapters] == [(sha256(one), "qwen")]
        assert service.card_bytes_of(tx, repo, first.revision) == CARD
        assert service.card_of(tx, repo, None).front == {}
    assert details(inside).adapters[0].sha256 == sha256(two)


def test_commit_dates_that_cannot_be_true_are_held_within_bounds(inside):
    from lorahub_server.repos.tables import CommitRow

    inside.make_repo()
    made = inside.commit({"README.md": CARD})
    with inside.tx() as tx:
        row = tx.session.scalars(select(CommitRow).where(CommitRow.oid == made.revision)).one()
        row.created_at = tx.now + timedelta(days=900)
        tx.session.flush()
        service.refresh(tx, repos.get_repo(tx, "alice", "style"))
        moment = tx.now
    facts = rows(inside)[0]
    assert facts["updated_at"] == facts["published_at"] == moment


def test_a_page_takes_few_queries(inside):
    inside.make_repo("pack")
    files = {}
    for number in range(30):
        files[f"{number}/adapter_model.safetensors"] = inside.upload(adapter(number))
        files[f"{number}/adapter_config.json"] = CONFIG
    inside.commit({"README.md": CARD, **files}, "pack")
    with inside.look() as tx:
        repo = repos.get_repo(tx, "alice", "pack")
        with inside.counted() as seen:
            assert len(service.details(tx, repo).adapters) == 30
        assert len(seen) <= 12
    with inside.tx() as tx, inside.counted() as seen:
        service.refresh_for_blob(tx.session, sha256(adapter(1)))
    assert len(seen) <= 6


def test_a_revision_that_is_not_there(small):
    small.make_repo()
    with small.look() as tx, pytest.raises(RevisionNotFound):
        service.at_revision(tx, repos.get_repo(tx, "alice", "style"), "0" * 40)
