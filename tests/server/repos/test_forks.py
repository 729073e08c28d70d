"""Forks: the same history, shared bytes, and nothing of what the caller may not have."""

import json
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from lorahub_server.access import of_account
from lorahub_server.access.errors import (
    GatedRepo,
    LoginRequired,
    NotAllowed,
    RepoGone,
    RepoNotFound,
    ScopeMissing,
)
from lorahub_server.access.tables import AccessRequest
from lorahub_server.accounts import organizations
from lorahub_server.accounts.service import get_account
from lorahub_server.blobs import service as blobs
from lorahub_server.blobs.tables import Blob, BlobRef
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.library import search
from lorahub_server.library import service as library
from lorahub_server.repos import forks, history, limits, lookup, refs
from lorahub_server.repos import service as repos
from lorahub_server.repos.errors import ForkIsPrivate, ForkTooLarge, RepoExists, RevisionNotFound
from lorahub_server.repos.tables import CommitRow, GitObject, Repository
from support.git import Git
from support.inside import Inside, adapter

CONFIG = json.dumps({"peft_type": "LORA", "r": 2}).encode()
CARD = b"---\nbase_model: some/base\ntags: [glass]\n---\n# Glass\n"


def history_of(inside: Inside, name: str = "style") -> str:
    """Alice's repository with two branches, two tags and a file that only one branch has."""
    inside.make_repo(name)
    first = inside.commit({"README.md": CARD, "w.safetensors": inside.upload(adapter(1))}, name)
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", name)
        refs.create_branch(tx, repo, "side", first.revision)
        refs.create_tag(tx, repo, "v1", first.revision, "with a message")
        refs.create_tag(tx, repo, "plain", first.revision)
    side = {"side/deep/w.safetensors": inside.upload(adapter(2)), "side/deep/x.txt": b"side"}
    inside.commit(side, name, branch="side")
    return inside.commit({"adapter_config.json": CONFIG}, name).revision


def fork(inside: Inside, who: str = "bob", name: str = "mine", **more) -> int:
    with inside.tx(who) as tx:
        source = repos.get_repo(tx, "alice", "style")
        return forks.fork(tx, source, who, name, **more).id


def count(inside: Inside, table, **where) -> int:
    with inside.db.read() as session:
        found = select(func.count()).select_from(table).filter_by(**where)
        return session.scalar(found)


def test_the_history_is_the_same(inside: Inside) -> None:
    head = history_of(inside)
    blob_rows, job_rows = count(inside, Blob), count(inside, Job, kind="inspect")
    made = fork(inside)
    with inside.look("bob") as tx:
        source, mine = repos.get_repo(tx, "alice", "style"), repos.get_repo(tx, "bob", "mine")
        assert mine.id == made
        assert refs.list_refs(tx, mine) == refs.list_refs(tx, source)
        assert refs.git_refs(tx, mine) == refs.git_refs(tx, source)
        assert refs.head(tx, mine) == head
        assert history.list_commits(tx, mine, head, limit=9) == history.list_commits(
            tx, source, head, limit=9
        )
        found = lookup.find(tx, mine, "side", "side/deep/w.safetensors")
        assert blobs.may_use(tx, found.entry.sha256 or "")
        card = library.details(tx, mine).repo
        assert (card.stars, card.downloads, card.forked_from) == (0, 0, "alice/style")
        assert (card.base_model, card.tags) == ("some/base", ["glass"])
        assert not card.private
    # The bytes are not copied, and nothing is inspected again.
    assert count(inside, Blob) == blob_rows
    assert count(inside, Job, kind="inspect") == job_rows
    assert count(inside, BlobRef, repo_id=made) == 2
    # From here on each goes its own way.
    inside.commit({"new.txt": b"new"}, "mine", "bob")
    with inside.look() as tx:
        assert refs.head(tx, repos.get_repo(tx, "alice", "style")) == head


def test_the_default_branch_alone(inside: Inside) -> None:
    history_of(inside)
    made = fork(inside, default_branch_only=True)
    with inside.look("bob") as tx:
        mine, source = repos.get_repo(tx, "bob", "mine"), repos.get_repo(tx, "alice", "style")
        assert [ref.name for ref in refs.git_refs(tx, mine)] == ["refs/heads/main"]
        other = refs.resolve(tx, source, "side")
        with pytest.raises(RevisionNotFound):
            refs.resolve(tx, mine, other)
        assert lookup.find(tx, mine, "main", "adapter_config.json").entry.size == len(CONFIG)
    # Neither commits nor files of other branches come along.
    assert count(inside, CommitRow, repo_id=made) == 2
    assert count(inside, GitObject, repo_id=made, kind="tag") == 0
    assert count(inside, BlobRef, repo_id=made) == 1
    inside.commit({"README.md": CARD + b"more"}, "mine", "bob")


def test_what_no_branch_leads_to_stays_behind(inside: Inside) -> None:
    history_of(inside)
    with inside.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        gone = refs.resolve(tx, repo, "side")
        refs.delete_branch(tx, repo, "side")
    made = fork(inside)
    with inside.look("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        with pytest.raises(RevisionNotFound):
            refs.resolve(tx, mine, gone)
        names = [ref.name for ref in refs.git_refs(tx, mine)]
        assert names == ["refs/heads/main", "refs/tags/plain", "refs/tags/v1"]
        source = repos.get_repo(tx, "alice", "style")
        kept = [ref for ref in refs.git_refs(tx, source) if not ref.name.endswith("side")]
        assert refs.git_refs(tx, mine) == kept
    assert count(inside, GitObject, repo_id=made, kind="tag") == 1
    assert count(inside, BlobRef, repo_id=made) == 1


def test_an_empty_one(small: Inside) -> None:
    small.make_repo()
    fork(small)
    fork(small, name="other", default_branch_only=True)
    small.commit({"README.md": CARD}, "mine", "bob")


def test_a_private_one_stays_private(small: Inside) -> None:
    history_of(small)
    with small.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), True)
    with pytest.raises(RepoNotFound):
        fork(small)
    with pytest.raises(ForkIsPrivate):
        fork(small, "alice", "copy", private=False)
    fork(small, "alice", "copy")
    with small.look("bob") as tx, pytest.raises(RepoNotFound):
        repos.get_repo(tx, "alice", "copy")
    with small.look() as tx:
        assert library.details(tx, repos.get_repo(tx, "alice", "copy")).repo.private


def test_where_it_came_from_is_told_to_those_who_may_see_it(small: Inside) -> None:
    history_of(small)
    fork(small)

    def told(who: str | None) -> str | None:
        with small.look(who) as tx:
            return library.details(tx, repos.get_repo(tx, "bob", "mine")).repo.forked_from

    assert told(None) == told("bob") == "alice/style"
    with small.tx() as tx:
        repos.rename_repo(tx, repos.get_repo(tx, "alice", "style"), "glass")
    assert told(None) == "alice/glass"
    with small.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "glass"), True)
    assert told("bob") is None
    assert told("alice") == "alice/glass"
    with small.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "glass"))
    assert told("alice") is None
    with small.look("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        found = lookup.find(tx, mine, "main", "w.safetensors").entry
        assert blobs.may_use(tx, found.sha256 or "")


def test_forks_are_listed_for_those_who_may_see_them(small: Inside) -> None:
    history_of(small)
    fork(small, private=True)
    fork(small, "carol", "theirs")
    with small.look() as tx:
        source = repos.get_repo(tx, "alice", "style").id

    def listed(who: str | None) -> set[str]:
        with small.look(who) as tx:
            found = search.find(tx, search.Query(forked_from=source, sort="updated"))
            return {card.full_name for card in found.items}

    assert listed(None) == listed("alice") == {"carol/theirs"}
    assert listed("bob") == {"carol/theirs", "bob/mine"}


def test_who_may_not(small: Inside) -> None:
    history_of(small)
    with pytest.raises(NotAllowed, match="under your own name"), small.tx("bob") as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "carol", "x")
    reader = replace(small.caller("bob"), scopes=frozenset({"read"}))
    with pytest.raises(ScopeMissing), small.tx("bob", caller=reader) as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "bob", "x")
    with pytest.raises(LoginRequired), small.tx(None) as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "bob", "x")
    fork(small)
    with pytest.raises(RepoExists):
        fork(small)
    assert count(small, Repository) == 2


def test_limits(small: Inside, monkeypatch) -> None:
    history_of(small)
    monkeypatch.setattr(forks, "FORK_MAX", 10)
    with pytest.raises(ForkTooLarge):
        fork(small)
    monkeypatch.setattr(forks, "FORK_MAX", limits.FORK_MAX)
    monkeypatch.setattr(forks, "FORKS_HOURLY_MAX", 2)
    fork(small, name="one")
    fork(small, name="two")
    with pytest.raises(RateLimited):
        fork(small, name="three")
    assert count(small, Repository) == 3
    with small.tx("bob", now=now() + timedelta(hours=1)) as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "bob", "three")


def test_a_gated_one_is_for_those_who_were_let_in_and_stays_hidden(small: Inside) -> None:
    history_of(small)
    with small.tx() as tx:
        source = repos.get_repo(tx, "alice", "style")
        source.gated = "manual"
        source_id = source.id
    with pytest.raises(GatedRepo):
        fork(small)
    assert count(small, Repository) == 1
    with small.tx("bob") as tx:
        let_in = {"repo_id": source_id, "account_id": tx.caller.account_id, "status": "accepted"}
        tx.session.add(AccessRequest(**let_in, fields={}, created_at=tx.now, updated_at=tx.now))
    with pytest.raises(ForkIsPrivate):
        fork(small, private=False)
    fork(small)
    with small.look("carol") as tx, pytest.raises(RepoNotFound):
        repos.get_repo(tx, "bob", "mine")
    # Nor is it opened by a second step, not even by way of a copy of the copy.
    with small.tx("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        again = forks.fork(tx, mine, "bob", "again")
        for copy in (mine, again):
            with pytest.raises(ForkIsPrivate):
                repos.set_private(tx, copy, private=False)
    # Its owner too makes a public one by a second step only.
    fork(small, "alice", "copy")
    with small.look() as tx:
        assert repos.get_repo(tx, "alice", "copy").private
    with small.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "copy"), private=False)


def test_a_long_line_of_copies_opens_nothing(small: Inside, monkeypatch) -> None:
    history_of(small)
    fork(small)
    with small.tx() as tx:
        repos.set_private(tx, repos.get_repo(tx, "alice", "style"), private=True)
    monkeypatch.setattr(repos, "_FORKS_DEEP", 1)
    with small.tx("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        again = forks.fork(tx, mine, "bob", "again", private=True)
        with pytest.raises(ForkIsPrivate):
            repos.set_private(tx, again, private=False)


def test_an_organisation_may_own_it(small: Inside) -> None:
    history_of(small)
    small.caller("bob")
    with small.db.write() as session:
        organizations.create(session, get_account(session, "bob"), "studio")
    with small.db.read() as session:
        small.know(of_account(get_account(session, "bob")))
    with small.tx("bob") as tx:
        made = forks.fork(tx, repos.get_repo(tx, "alice", "style"), "studio", "glass")
        assert made.full_name == "studio/glass"
    with pytest.raises(NotAllowed), small.tx("carol") as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "studio", "more")


def test_pull_requests_stay_behind(small: Inside) -> None:
    history_of(small)
    small.commit({"wish.txt": b"wish"}, branch="side")
    with small.tx() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        wish = refs.resolve(tx, repo, "side")
        refs.delete_branch(tx, repo, "side")
        refs.move(tx, repo, "refs/pr/1", wish)
    fork(small)
    with small.look("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        assert not [ref for ref in refs.git_refs(tx, mine) if ref.name.startswith("refs/pr/")]
        with pytest.raises(RevisionNotFound):
            refs.resolve(tx, mine, wish)


def test_a_fork_is_whole_though_its_source_ends(
    inside: Inside, tmp_path: Path, monkeypatch
) -> None:
    history_of(inside)
    inside.caller("bob")
    load = forks.pack_graph.load
    with ThreadPoolExecutor(1) as pool:

        def meanwhile(*of):
            deleting.append(pool.submit(delete))
            wait(deleting, 0.5)
            return load(*of)

        def delete() -> None:
            with inside.tx() as tx:
                repos.delete_repo(tx, repos.get_repo(tx, "alice", "style"))

        deleting: list[Future[None]] = []
        monkeypatch.setattr(forks.pack_graph, "load", meanwhile)
        made = fork(inside)
        deleting[0].result()
    Git(tmp_path / "mine").take(inside.db, made).check()
    with inside.look("bob") as tx:
        mine = repos.get_repo(tx, "bob", "mine")
        found = lookup.find(tx, mine, "main", "w.safetensors").entry
        assert blobs.may_use(tx, found.sha256 or "")
    with pytest.raises(RepoGone):
        fork(inside, name="late")


def test_two_of_one_name_at_once(inside: Inside) -> None:
    history_of(inside)
    inside.caller("bob")

    def make(_: int) -> str:
        try:
            fork(inside)
        except RepoExists as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(make, range(2))) == ["made", "repo_exists"]
