"""A library filled without commits: entries as commits would make them."""

from datetime import UTC, datetime, timedelta

from lorahub_server.community.tables import Star
from lorahub_server.library import indexing
from lorahub_server.library.card import Card
from lorahub_server.library.search import Query, find
from lorahub_server.library.tables import LibraryEntry, RepoTag
from lorahub_server.repos.tables import Repository
from support.inside import Inside

START = datetime(2026, 1, 1, tzinfo=UTC)


class Shelf:
    """Puts rows where commits would."""

    def __init__(self, hub: Inside) -> None:
        self.hub = hub
        self.count = 0

    def add(
        self, name: str, owner: str = "alice", *, private=False, deleted=False, tags=(), **facts
    ) -> int:
        account = self.hub.caller(owner).account
        self.count += 1
        moment = START + timedelta(hours=self.count)
        with self.hub.db.write() as session:
            repo = Repository(
                owner_id=account.id,
                name=name,
                name_lower=name.lower(),
                private=private,
                created_at=moment,
                updated_at=moment,
                deleted_at=moment if deleted else None,
            )
            session.add(repo)
            session.flush()
            values = {"title": name, "updated_at": moment, "published_at": moment, **facts}
            body = values.pop("body", "")
            entry = LibraryEntry(repo_id=repo.id, tags=sorted(tags), **values)
            session.add(entry)
            session.add_all([RepoTag(repo_id=repo.id, tag=tag) for tag in tags])
            session.flush()
            if not deleted:
                indexing.put(session, repo, entry, Card(body=body), [])
            return repo.id

    def star(self, repo_id: int, who: str) -> None:
        account_id = self.hub.caller(who).account_id
        with self.hub.db.write() as session:
            session.add(Star(account_id=account_id, repo_id=repo_id, created_at=START))

    def names(self, query: Query, who: str | None = None) -> list[str]:
        with self.hub.look(who) as tx:
            return [card.name for card in find(tx, query, limit=100).items]

    def turned(self, query: Query, who: str | None = None, size: int = 7) -> list[int]:
        """The ids on all pages, one after the other."""
        with self.hub.look(who) as tx:
            seen: list[int] = []
            cursor = None
            while True:
                page = find(tx, query, cursor, size)
                seen += [card.id for card in page.items]
                cursor = page.next_cursor
                if cursor is None:
                    return seen
                assert len(page.items) == size
                assert len(seen) < 10_000
