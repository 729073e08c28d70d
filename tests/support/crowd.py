"""A hub with as many repositories as asked for, written straight into the tables.

The data are like those of real hubs: few tags are on many repositories (Zipf), few repositories
have many downloads, cards are long, some repositories are private. The same seed and number make
the same hub.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import create_engine, insert, text
from sqlalchemy.orm import Session

from lorahub_server.accounts.tables import Account
from lorahub_server.kit.db import Database
from lorahub_server.library import keys, permissions, queries_text, words
from lorahub_server.library.tables import (
    LibraryEntry,
    LibraryText,
    Listing,
    RepoTag,
    SearchKey,
    SearchWord,
)
from lorahub_server.library.tables_search import FTS
from lorahub_server.repos.tables import Repository

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TAGS, VOCABULARY, BASES = 5000, 30_000, 400
_CHUNK = 5000
_FAMILIES = (
    ("sdxl", "image", 0.42), ("flux1", "image", 0.2), ("sd1", "image", 0.16), ("wan-14b", "video", 0.06),
    ("qwen-image", "image", 0.05), ("llama", "text", 0.05), ("qwen", "text", 0.03), ("ltx2", "video", 0.02),
    ("whisper", "audio", 0.007), ("vit", "vision", 0.003),
)  # fmt: skip
_LICENSES = (
    ("openrail++", 0.3), ("other", 0.2), ("apache-2.0", 0.15), ("mit", 0.12), (None, 0.1), ("cc-by-nc-4.0", 0.06),
    ("flux-1-dev-non-commercial-license", 0.05), ("cc0-1.0", 0.02),
)  # fmt: skip
_PRIVATE = 0.03


@dataclass
class Crowd:
    """What is in a crowd, for asking: tags and words by their rank, the commonest first."""

    number: int
    tags: list[str]
    words: list[str]
    families: list[str]
    bases: list[str]


def fill(db: Database, number: int, seed: int = 1) -> Crowd:
    """Fill empty tables."""
    maker = _Maker(number, np.random.default_rng(seed))
    loader = _Sqlite(db) if db.is_sqlite else _Postgres(db)
    loader.load(maker)
    return Crowd(number, maker.tags, maker.words, [one[0] for one in _FAMILIES], maker.bases)


def known(number: int) -> Crowd:
    """What a crowd of this number has, without making it."""
    maker = _Maker(number, np.random.default_rng(1))
    return Crowd(number, maker.tags, maker.words, [one[0] for one in _FAMILIES], maker.bases)


class _Maker:
    def __init__(self, number: int, dice: np.random.Generator) -> None:
        self.number = number
        self.dice = dice
        self.owners = max(number // 8, 3)
        self.tags = [f"tag{_name(rank)}" for rank in range(TAGS)]
        self.words = [_name(rank) for rank in range(VOCABULARY)]
        self.bases = [f"{_name(rank)}/base-{rank}" for rank in range(BASES)]
        self.keys: dict[tuple[int, str, str], list[int]] = {}

    def accounts(self) -> Iterator[dict[str, Any]]:
        for at in range(1, self.owners + 1):
            name = f"user{at}"
            yield {
                "id": at, "name": name, "name_lower": name, "name_key": name, "kind": "user", "display_name": "",
                "bio": "", "website": "", "is_admin": False, "org_roles": {}, "created_at": NOW, "updated_at": NOW,
            }  # fmt: skip

    def rows(self) -> Iterator[tuple[dict, dict, list[dict], list[dict], dict]]:
        """Yield repository, entry, tags, listings and text of each."""
        for start in range(1, self.number + 1, _CHUNK):
            size = min(_CHUNK, self.number + 1 - start)
            yield from self._chunk(start, size)

    def _chunk(self, start: int, size: int) -> Iterator[Any]:
        dice = self.dice
        owners = 1 + _zipf(dice, self.owners, size, 0.7)
        downloads = np.floor(np.exp(dice.normal(2.0, 2.4, size))).astype(np.int64)
        stars = np.floor(downloads * dice.random(size) * 0.1).astype(np.int64)
        ages = dice.exponential(200.0, size)
        tag_numbers = dice.poisson(4.8, size)
        tags = np.split(_zipf(dice, TAGS, int(tag_numbers.sum()), 1.0), np.cumsum(tag_numbers)[:-1])
        lengths = np.clip(dice.lognormal(4.6, 0.7, size), 10, 1500).astype(int)
        bodies = np.split(_zipf(dice, VOCABULARY, int(lengths.sum()), 1.0), np.cumsum(lengths)[:-1])
        families = _choice(dice, [one[2] for one in _FAMILIES], size)
        licenses = _choice(dice, [one[1] for one in _LICENSES], size)
        bases = _zipf(dice, BASES, size, 1.1)
        named = _zipf(dice, VOCABULARY, 2 * size, 0.6)
        chances = dice.random((size, 6))
        for at in range(size):
            repo_id, body = start + at, bodies[at]
            family, task, _ = _FAMILIES[families[at]]
            license_id = _LICENSES[licenses[at]][0]
            moment = NOW - timedelta(days=float(ages[at]), microseconds=repo_id)
            name = f"{self.words[named[2 * at]]}-{self.words[named[2 * at + 1]]}-{repo_id}"
            entry = {
                "repo_id": repo_id, "revision": "0" * 40, "title": name.replace("-", " "),
                "summary": " ".join(self.words[one] for one in body[:30]),
                "license": license_id, "permits": permissions.bits(permissions.of(license_id)),
                "base_model": self.bases[bases[at]], "base_key": self.bases[bases[at]], "family": family,
                "family_declared": family, "task": task, "layout": "kohya" if chances[at, 0] < 0.7 else "peft",
                "method": "lora" if chances[at, 1] < 0.9 else "dora", "rank": int(2 ** (2 + 5 * chances[at, 2])),
                "size": int(10 ** (6 + 3 * chances[at, 3])), "adapters": int(chances[at, 4] < 0.97),
                "trigger_words": [self.words[one] for one in body[:2]], "health": "ok",
                "maturity": 2 if chances[at, 5] < 0.05 else 0,
                "tags": sorted({self.tags[one] for one in tags[at]}),
                "stars": int(stars[at]), "downloads": int(downloads[at]),
                "trending": float(np.log2(downloads[at] + 4) + 300 - ages[at] / 7),
                "published_at": moment, "updated_at": moment + timedelta(days=float(ages[at] * chances[at, 0])),
            }  # fmt: skip
            private = bool(dice.random() < _PRIVATE)
            yield self._row(entry, int(owners[at]), name, private, body)

    def _row(self, facts: dict, owner: int, name: str, private: bool, body: Any) -> Any:
        entry = _Entry(facts)
        repo = {
            "id": facts["repo_id"], "owner_id": owner, "name": name, "name_lower": name, "private": private,
            "default_branch": "main", "created_at": facts["published_at"], "updated_at": facts["updated_at"],
        }  # fmt: skip
        tags = [{"repo_id": facts["repo_id"], "tag": tag} for tag in facts["tags"]]
        orders = keys.orders(entry)
        listings = []
        for kind, value in keys.of_entry(entry, facts["tags"]):
            key = self.keys.setdefault(
                (owner if private else 0, kind, value), [len(self.keys) + 1, 0, 0]
            )
            key[1] += 1
            key[2] += facts["adapters"]
            listings.append({"repo_id": facts["repo_id"], "key_id": key[0], **orders})
        listings.sort(key=lambda one: one["key_id"])
        card = " ".join(dict.fromkeys(self.words[one] for one in body))
        names = f"{name.replace('-', ' ')} user{owner}"
        told = {
            "repo_id": facts["repo_id"], "bucket": words.bucket(facts["downloads"]), "names": names,
            "words": words.joined([*facts["tags"], *facts["trigger_words"], facts["base_key"]]),
            "facts": words.joined([facts["family"], facts["method"]]), "body": card,
        }  # fmt: skip
        return repo, facts, tags, listings, told

    def key_rows(self) -> Iterator[dict[str, Any]]:
        for (scope, kind, value), (number, uses, full) in self.keys.items():
            yield {
                "id": number,
                "scope": scope,
                "kind": kind,
                "value": value,
                "uses": uses,
                "full": full,
            }

    def word_rows(self) -> list[dict[str, str]]:
        return [
            {"form": form, "word": word} for word in self.words[:5000] for form in words.forms(word)
        ]


class _Entry:
    """What library.keys reads of an entry."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.__dict__ = facts


class _Sqlite:
    """Indexes are made at the end; the file is not kept safe meanwhile."""

    def __init__(self, db: Database) -> None:
        self.db = db

    def load(self, maker: _Maker) -> None:
        # An engine of its own, as the hub's checks every reference.
        engine = create_engine(self.db.engine.url)
        with Session(engine) as session:
            connection = session.connection()
            session.execute(text("PRAGMA synchronous = OFF"))
            indexes = list(Listing.__table__.indexes)
            for index in indexes:
                index.drop(connection)
            for accounts in _batches(maker.accounts()):
                session.execute(insert(Account), accounts)
            for batch in _batches(maker.rows()):
                self._put(session, batch)
            session.execute(insert(SearchKey), list(maker.key_rows()))
            for batch in _batches(iter(maker.word_rows())):
                session.execute(insert(SearchWord).prefix_with("OR IGNORE"), batch)
            for index in indexes:
                index.create(connection)
            session.commit()
        engine.dispose()

    def _put(self, session: Session, batch: list[Any]) -> None:
        repos, entries, tags, listings, texts = zip(*batch, strict=True)
        session.execute(insert(Repository), list(repos))
        session.execute(insert(LibraryEntry), list(entries))
        raw = session.connection().connection.driver_connection
        raw.executemany(
            "INSERT INTO repo_tags (repo_id, tag) VALUES (:repo_id, :tag)",
            [one for each in tags for one in each],
        )
        raw.executemany(
            "INSERT INTO listings (repo_id, key_id, trending, downloads, stars, published, updated, size) VALUES "
            "(:repo_id, :key_id, :trending, :downloads, :stars, :published, :updated, :size)",
            [one for each in listings for one in each],
        )
        raw.executemany(
            "INSERT INTO library_texts (repo_id, bucket, names, words, facts, body) VALUES "
            "(:repo_id, :bucket, :names, :words, :facts, :body)",
            texts,
        )
        raw.executemany(
            f"INSERT INTO {FTS} (rowid, names, words, facts, body) VALUES "
            "(:rowid, :names, :words, :facts, :body)",
            [{**one, "rowid": queries_text.row_id(one["bucket"], one["repo_id"])} for one in texts],
        )


class _Postgres:
    def __init__(self, db: Database) -> None:
        self.db = db

    def load(self, maker: _Maker) -> None:
        with self.db.write() as session:
            connection = session.connection()
            session.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
            indexes = [*Listing.__table__.indexes, *LibraryText.__table__.indexes]
            for index in indexes:
                index.drop(connection)
            for name in ("fk_listings_repo_id_repositories", "fk_listings_key_id_search_keys"):
                session.execute(text(f"ALTER TABLE listings DROP CONSTRAINT {name}"))
            for accounts in _batches(maker.accounts()):
                session.execute(insert(Account), accounts)
            for batch in _batches(maker.rows()):
                self._put(session, batch)
            session.execute(insert(SearchKey), list(maker.key_rows()))
            for batch in _batches(iter(maker.word_rows())):
                session.execute(
                    text("INSERT INTO search_words VALUES (:form, :word) ON CONFLICT DO NOTHING"),
                    batch,
                )
            for index in indexes:
                index.create(connection)
        with self.db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text("ALTER TABLE library_texts ALTER COLUMN document SET STATISTICS 1000")
            )
            connection.execute(text("VACUUM ANALYZE"))

    def _put(self, session: Session, batch: list[Any]) -> None:
        repos, entries, tags, listings, texts = zip(*batch, strict=True)
        session.execute(insert(Repository), list(repos))
        session.execute(insert(LibraryEntry), list(entries))
        raw = session.connection().connection.driver_connection
        _copy(raw, "repo_tags", RepoTag, [one for each in tags for one in each])
        _copy(raw, "listings", Listing, [one for each in listings for one in each])
        raw.execute("CREATE TEMP TABLE IF NOT EXISTS told (LIKE library_texts)")
        raw.execute("TRUNCATE told")
        _copy(raw, "told", LibraryText, texts)
        raw.execute(
            "INSERT INTO library_texts (repo_id, bucket, names, words, facts, body, document) "
            "SELECT repo_id, bucket, names, words, facts, body, array_to_tsvector(string_to_array("
            "concat_ws(' ', names, words, facts, body, '^' || bucket / 4), ' ')) FROM told"
        )


def _copy(raw: Any, name: str, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    columns = [one.name for one in table.__table__.columns if one.name != "document"]
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {name} ({', '.join(columns)}) FROM STDIN") as copy,
    ):
        for row in rows:
            copy.write_row([row[column] for column in columns])


def _batches(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while batch := list(islice(rows, _CHUNK)):
        yield batch


def _zipf(dice: np.random.Generator, number: int, size: int, power: float) -> Any:
    """Ranks, of which the first is the commonest."""
    weights = np.cumsum(1.0 / np.arange(1, number + 1) ** power)
    return np.searchsorted(weights, dice.random(size) * weights[-1])


def _choice(dice: np.random.Generator, chances: list[float], size: int) -> Any:
    limits = np.cumsum(chances) / sum(chances)
    return np.minimum(np.searchsorted(limits, dice.random(size)), len(chances) - 1)


def _name(rank: int) -> str:
    """A word that can be said, another one for each rank."""
    first, second = "bdfgklmnprstvz", "aeiou"
    found, rest = "", rank + 700
    while rest:
        rest, place = divmod(rest, len(first) * len(second))
        found += first[place % len(first)] + second[place // len(first)]
    return found
