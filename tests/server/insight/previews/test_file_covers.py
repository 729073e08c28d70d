"""Small copies of the files that stand for repositories; on both databases."""

import io

import pytest
from PIL import Image
from sqlalchemy import select, update

from lorahub_server.insight.previews import collect, file_covers
from lorahub_server.insight.previews.errors import PictureNotFound
from lorahub_server.insight.previews.limits import UNUSED_KEPT
from lorahub_server.insight.previews.tables import Picture
from lorahub_server.jobs.runner import Outcome
from lorahub_server.jobs.tables import Job
from lorahub_server.kit.clock import now
from lorahub_server.library import search
from lorahub_server.library.service import rebuild_all
from lorahub_server.library.tables import LibraryEntry
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import PICTURES, SMALL, WIDTHS, copy_key
from support.inside import Inside, sha256
from support.picture_files import png
from support.running import run_jobs


def encoded(kind: str, size=(600, 300), turned: bool = False) -> bytes:
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    out = io.BytesIO()
    picture.save(out, kind, exif=exif.tobytes()) if turned else picture.save(out, kind)
    return out.getvalue()


def card(hub: Inside, name: str = "style"):
    with hub.look() as tx:
        return search.find(tx, search.Query(text=name)).items[0]


def owed(hub: Inside) -> int:
    with hub.look() as tx:
        wanted = select(Job).where(Job.kind == "cover", Job.state == "queued")
        return len(tx.session.scalars(wanted).all())


def facts(hub: Inside, picture: str, name: str = "style"):
    with hub.look() as tx:
        return file_covers.of_repo(tx, repos.get_repo(tx, "alice", name), picture)


def test_a_cover_gets_copies(inside):
    data = png({}, size=(1200, 900))
    inside.make_repo()
    inside.commit({"cover.png": data, "README.md": b"# Style"})
    assert (card(inside).cover, card(inside).cover_size) == ("cover.png", len(data))
    assert card(inside).cover_picture is None
    run_jobs(inside.db, inside.store)
    assert card(inside).cover_picture == sha256(data)
    found = facts(inside, sha256(data))
    assert (found.width, found.height, found.media_type) == (1200, 900, "image/png")
    assert sorted(found.copies) == list(WIDTHS)
    with Image.open(io.BytesIO(inside.store.read(copy_key(sha256(data), 960)))) as opened:
        assert (opened.format, opened.size) == ("WEBP", (960, 720))
    # Another commit with the same cover owes nothing, one with another does.
    inside.commit({"README.md": b"# Another title"})
    assert owed(inside) == 0
    assert card(inside).cover_picture == sha256(data)
    inside.commit({"cover.png": png({}, size=(20, 10))})
    assert owed(inside) == 1
    assert card(inside).cover_picture is None
    run_jobs(inside.db, inside.store)
    assert sorted(facts(inside, card(inside).cover_picture).copies) == [SMALL]
    with pytest.raises(PictureNotFound):
        facts(inside, sha256(data))
    inside.commit({"cover.png": None})
    assert (card(inside).cover, card(inside).cover_size) == (None, None)
    assert owed(inside) == 0


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "GIF"])
def test_covers_of_other_kinds_and_large_ones(small, kind):
    data = encoded(kind)
    small.make_repo()
    small.commit({f"cover.{kind.lower()}": small.upload(data, f"cover.{kind.lower()}")})
    run_jobs(small.db, small.store)
    found = facts(small, sha256(data))
    assert (found.media_type, found.width) == (f"image/{kind.lower()}", 600)
    assert sorted(found.copies) == [240, 480, 960]


def test_a_picture_that_lay_on_its_side_stands_up(small):
    data = encoded("JPEG", (600, 300), turned=True)
    small.make_repo()
    small.commit({"cover.jpg": data})
    run_jobs(small.db, small.store)
    found = facts(small, sha256(data))
    assert (found.width, found.height) == (300, 600)
    with Image.open(io.BytesIO(small.store.read(copy_key(found.sha256, SMALL)))) as opened:
        assert opened.size == (300, 600)


def test_what_is_no_picture_stays_as_it_is(small):
    small.make_repo()
    small.commit({"cover.png": b"\x89PNG\r\n\x1a\n" + b"0" * 50})
    assert run_jobs(small.db, small.store) == [Outcome.DONE]
    assert card(small).cover_picture is None


def test_a_cover_that_changes_while_its_copies_are_made_is_owed_again(small):
    small.make_repo()
    small.commit({"cover.png": png({}, size=(30, 30))})
    with small.look() as tx:
        entry = tx.session.scalars(select(LibraryEntry)).one()
        old, repo_id = entry.cover_oid, entry.repo_id
    run_jobs(small.db, small.store)
    small.commit({"cover.png": png({}, size=(40, 40))})
    with small.tx() as tx:
        file_covers.record(tx.session, repo_id, old, "0" * 64)
    assert card(small).cover_picture is None


def test_rebuilding_owes_what_was_never_made(small):
    data = png({}, size=(300, 300))
    small.make_repo()
    small.commit({"cover.png": data})
    with small.tx() as tx:
        values = {"cover_oid": None, "cover_size": None, "cover_picture": None}
        tx.session.execute(update(LibraryEntry).values(**values))
        tx.session.execute(update(Job).values(state="done", dedup=None))
    with small.db.write() as session:
        rebuild_all(session)
    run_jobs(small.db, small.store)
    assert card(small).cover_picture == sha256(data)
    # And where only the copies are wanting.
    with small.tx() as tx:
        tx.session.execute(update(LibraryEntry).values(cover_picture=None))
    with small.db.write() as session:
        rebuild_all(session)
    assert owed(small) == 1


def test_copies_are_cleared_away_with_the_last_cover(small):
    data = png({}, size=(300, 300))
    for name in ("one", "two"):
        small.make_repo(name)
        small.commit({"cover.png": data}, name)
    run_jobs(small.db, small.store)
    later = now() + UNUSED_KEPT * 2
    small.commit({"cover.png": None}, "one")
    assert collect.collect(small.db, small.store, later, lambda _: None) == 0
    small.commit({"cover.png": None}, "two")
    assert collect.collect(small.db, small.store, later, lambda _: None) == 1
    assert not list(small.store.list(PICTURES))
    with small.look() as tx:
        assert tx.session.scalars(select(Picture)).all() == []
