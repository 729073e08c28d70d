"""Forks: a repository of one's own that begins with another's history.

It has the same commits under the same ids. The rows of its history are copied inside the database,
one transaction's work; of large files only the right to read them is. What a fork has is what a
clone has: all that its branches and tags lead to, and no pull requests.
"""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Protocol

from lorahub_server.access import Tx, require_files, require_login
from lorahub_server.blobs import service as blobs
from lorahub_server.kit.ratelimit import RateLimited
from lorahub_server.repos import (
    pack_graph,
    published,
    queries_forks,
    queries_pack,
    queries_refs,
    service,
)
from lorahub_server.repos.errors import ForkIsPrivate, ForkTooLarge
from lorahub_server.repos.limits import FORK_MAX, FORKS_HOURLY_MAX
from lorahub_server.repos.pack_fetch import NESTED_MAX, tag_target
from lorahub_server.repos.pack_select import Selection, Selector
from lorahub_server.repos.refs import BRANCHES, PULLS
from lorahub_server.repos.tables import Ref, Repository

_HOUR = timedelta(hours=1)


def fork(
    tx: Tx,
    source: Repository,
    owner: str,
    name: str,
    *,
    private: bool | None = None,
    default_branch_only: bool = False,
) -> Repository:
    """Make `owner/name` from a repository that the caller may read, with its files.

    Of one that not everybody may have, private or gated, the fork is private; to ask for a public
    one raises ForkIsPrivate. Otherwise `private` None makes a public one.
    """
    is_kept = _check(tx, source, private)
    made = service.create_repo(tx, owner, name, private=is_kept or bool(private))
    _check_pace(tx, made)
    # Held till the end: nobody pushes to it, hides it or deletes it while it is copied.
    service.lock_for_read(tx, source)
    if _check(tx, source, private):
        made.private = True
    if queries_forks.bytes_of(tx.session, source.id) > FORK_MAX:
        message = (
            f"The history has more than {FORK_MAX} bytes without its large files, which is too "
            "much to copy at once. Clone it with git and push what you need."
        )
        raise ForkTooLarge(message)
    made.forked_from_id = source.id
    made.default_branch = source.default_branch
    tx.session.flush()
    refs = _refs(tx, source, default_branch_only=default_branch_only)
    _copy(tx, source, made, refs)
    published.note_change(tx, made, [made.default_branch])
    return made


def must_be_private(source: Repository) -> bool:
    """Tell whether a fork of it begins as a private one, whatever its owner wishes."""
    return source.is_guarded


class Copy(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def forked_from_id(self) -> int | None: ...


def forked_from(tx: Tx, repos: Collection[Copy]) -> dict[int, str]:
    """Return what these repositories were forked from, by their ids, as far as it may be told."""
    sources = {repo.id: repo.forked_from_id for repo in repos if repo.forked_from_id is not None}
    names = queries_forks.names_of(tx.session, tx.caller, set(sources.values()))
    return {repo_id: names[source] for repo_id, source in sources.items() if source in names}


def _check(tx: Tx, source: Repository, private: bool | None) -> bool:
    """Return whether the fork must be private; raise for one who may not have the files."""
    require_login(tx.caller)
    require_files(tx, source)
    is_kept = must_be_private(source)
    if is_kept and private is False:
        raise ForkIsPrivate(source.full_name)
    return is_kept


def _check_pace(tx: Tx, made: Repository) -> None:
    since = tx.now - _HOUR
    if queries_forks.forks_since(tx.session, made.owner_id, since) >= FORKS_HOURLY_MAX:
        message = f"{made.owner.name} made {FORKS_HOURLY_MAX} forks in an hour. Wait a while."
        raise RateLimited(message, retry_after=int(_HOUR.total_seconds()))


def _refs(tx: Tx, source: Repository, *, default_branch_only: bool) -> list[Ref]:
    found = queries_refs.refs_of(tx.session, source.id, but=PULLS)
    default = BRANCHES + source.default_branch
    return [ref for ref in found if not default_branch_only or ref.name == default]


def _copy(tx: Tx, source: Repository, made: Repository, refs: Sequence[Ref]) -> None:
    graph = pack_graph.load(tx, source)
    commits = pack_graph.reachable(graph, {ref.commit_oid for ref in refs})
    if len(commits) == len(graph):
        queries_forks.copy_all(tx.session, source.id, made.id)
    else:
        selection = Selection(pack_graph.parents_first(graph, commits), _tags(tx, source, refs))
        _select(tx, source, graph, selection)
        others = [*selection.tags, *selection.trees, *selection.blobs]
        queries_forks.copy_some(
            tx.session, source.id, made.id, commits=selection.commits, others=others
        )
    queries_forks.insert_refs(tx.session, made.id, refs, tx.now)
    large = blobs.keep_all(tx, queries_forks.large_files(tx.session, made.id))
    blobs.add_refs(tx, made.id, large)


def _select(tx: Tx, source: Repository, graph: pack_graph.Graph, selection: Selection) -> None:
    facts = queries_pack.facts_of_commits(tx.session, source.id, selection.commits)
    sizes = {oid: known.files for oid, known in facts.items()}
    selector = Selector(
        lambda oids: queries_pack.objects(tx.session, source.id, oids), graph, (), sizes
    )
    for _ in selector.fill(selection):
        pass


def _tags(tx: Tx, source: Repository, refs: Sequence[Ref]) -> list[str]:
    """Return the tag objects on the way from refs to their commits."""
    found: dict[str, None] = {}
    waiting = {ref.oid for ref in refs if ref.oid != ref.commit_oid}
    for _ in range(NESTED_MAX):
        there = queries_pack.objects(tx.session, source.id, waiting)
        tags = {oid: data for oid, (kind, data) in there.items() if kind == "tag"}
        found |= dict.fromkeys(tags)
        waiting = {tag_target(data) for data in tags.values()} - set(found)
    return list(found)
