"""Pictures of people, covers, ratings, and clearing away what nothing shows; on SQLite."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from lorahub_server.insight.previews import collect, rendering, uploads
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.errors import NotRemovable, PreviewNotFound, TooManyPreviews
from lorahub_server.insight.previews.limits import UNUSED_KEPT
from lorahub_server.insight.previews.tables import Picture
from lorahub_server.insight.previews.uploads import Words
from lorahub_server.kit.clock import now
from lorahub_server.library import search
from lorahub_server.repos import service as repos
from lorahub_server.storage.keys import PICTURES, SMALL, copy_key, picture_key
from support.galleries import add_base, hold_base, pretend, publish, renders
from support.inside import Inside
from support.picture_files import picture, png, raw_png
from support.running import run_jobs

LATER = now() + timedelta(days=40)


@pytest.fixture
def hub(small: Inside) -> Inside:
    add_base(small)
    hold_base(small)
    return small


@pytest.fixture
def shown(hub: Inside) -> Inside:
    """A hub with a repository whose previews are rendered."""
    publish(hub)
    pretend(hub)
    return hub


def gallery(hub: Inside, name: str = "style"):
    with hub.look() as tx:
        return previews.gallery(tx, repos.get_repo(tx, "alice", name))


def change(hub: Inside, verb, *args, name="style", **more):
    with hub.tx() as tx:
        return verb(tx, repos.get_repo_for_write(tx, "alice", name), *args, **more)


def upload(hub: Inside, data: bytes, words: Words | None = None, name: str = "style") -> int:
    words = words or Words()
    facts = uploads.check(data)
    change(hub, uploads.begin, facts, words, name=name)
    uploads.put(hub.store, facts, data)
    return change(hub, uploads.finish, facts, words, name=name).id


def card(hub: Inside, name: str = "style"):
    with hub.look() as tx:
        return search.find(tx, search.Query(text=name)).items[0]


def stored(hub: Inside) -> set[str]:
    return {found.key for found in hub.store.list(PICTURES)}


def clear(hub: Inside, at=LATER) -> int:
    return collect.collect(hub.db, hub.store, at, lambda _: None)


def test_an_uploaded_picture_keeps_its_bytes_and_gets_a_small_copy(hub):
    hub.make_repo()
    data = png({"parameters": "a cat\nSteps: 7, Seed: 3"}, size=(1200, 900))
    kept = upload(hub, data, Words("  My\ncat ", "soft"))
    run_jobs(hub.db, hub.store)
    (one,) = gallery(hub).uploaded
    assert (one.id, one.caption, one.maturity, one.rated_by) == (kept, "My cat", "soft", "owner")
    assert (one.prompt, one.seed, one.account) == ("a cat", 3, "alice")
    assert hub.store.read(picture_key(one.picture.sha256)) == data
    assert one.picture.has_small
    assert one.picture.has_all_copies
    for width, size in ((240, (240, 180)), (480, (480, 360)), (960, (960, 720))):
        copy = hub.store.read(copy_key(one.picture.sha256, width))
        assert one.picture.copies[width] == len(copy)
        with Image.open(io.BytesIO(copy)) as opened:
            assert (opened.format, opened.size) == ("WEBP", size)
    assert upload(hub, data) == kept
    assert card(hub).cover_preview == kept


def test_a_picture_that_pillow_can_not_read_stays_without_a_copy(hub):
    hub.make_repo()
    upload(hub, raw_png(size=(64, 64)))
    run_jobs(hub.db, hub.store)
    (one,) = gallery(hub).uploaded
    assert not one.picture.has_small


def test_there_is_room_for_so_many(hub, monkeypatch):
    hub.make_repo()
    monkeypatch.setattr(uploads, "UPLOADS_MAX", 2)
    for seed in range(2):
        upload(hub, picture(seed=seed))
    with pytest.raises(TooManyPreviews):
        upload(hub, picture(seed=3))


@pytest.mark.parametrize("words", [Words("x" * 301), Words("", "wild")])
def test_words_about_pictures_have_limits(hub, words):
    hub.make_repo()
    with pytest.raises(previews.BadPreviews):
        upload(hub, picture(), words)
    assert stored(hub) == set()


def test_the_first_sample_is_the_cover_until_the_owner_chooses(shown):
    first = gallery(shown).samples[0].id
    assert card(shown).cover_preview == first
    sweep = gallery(shown).sweep[3].id
    change(shown, previews.choose_cover, sweep)
    assert card(shown).cover_preview == sweep
    assert gallery(shown).cover.id == sweep
    change(shown, previews.choose_cover, None)
    assert card(shown).cover_preview == first
    with pytest.raises(PreviewNotFound):
        change(shown, previews.choose_cover, 999)


def test_a_picture_in_the_files_comes_before_what_nobody_chose(shown):
    shown.commit({"cover.png": picture()})
    assert (card(shown).cover, card(shown).cover_preview) == ("cover.png", None)
    chosen = gallery(shown).samples[1].id
    change(shown, previews.choose_cover, chosen)
    assert card(shown).cover_preview == chosen
    shown.commit({"cover.png": None})
    change(shown, previews.choose_cover, None)
    assert card(shown).cover_preview == gallery(shown).samples[0].id


def test_what_is_not_for_all_stands_for_nothing(shown):
    found = gallery(shown).samples
    change(shown, previews.rate, found[0].id, "explicit")
    assert card(shown).cover_preview == found[1].id
    assert gallery(shown).samples[0].rated_by == "owner"
    with pytest.raises(previews.BadPreviews):
        change(shown, previews.rate, found[0].id, "wild")
    with pytest.raises(previews.BadPreviews):
        change(shown, previews.choose_cover, found[0].id)
    # Nor if it was chosen before.
    change(shown, previews.choose_cover, found[2].id)
    change(shown, previews.rate, found[2].id, "mature")
    assert card(shown).cover_preview == found[1].id


def test_a_workers_rating_counts_until_somebody_says_otherwise(hub):
    publish(hub)
    first = gallery(hub).samples[0]
    change(hub, previews.rate, gallery(hub).samples[1].id, "none")
    pretend(hub, rating={"label": "x", "score": 0.9, "maturity": "mature"})
    found = gallery(hub)
    assert [one.maturity for one in found.samples] == ["mature", "none", "mature", "mature"]
    assert found.samples[0].id == first.id
    assert found.samples[0].rated_by == "worker"
    assert card(hub).cover_preview == found.samples[1].id
    # A repository that shows the same later has the rating from the start.
    publish(hub, "copy")
    assert {one.maturity for one in gallery(hub, "copy").samples} == {"mature"}


def test_rendered_ones_are_not_removed_one_by_one(shown):
    with pytest.raises(NotRemovable):
        change(shown, previews.remove, gallery(shown).samples[0].id)
    added = upload(shown, picture(seed=9))
    change(shown, previews.choose_cover, added)
    change(shown, previews.remove, added)
    assert gallery(shown).cover.id == gallery(shown).samples[0].id


def test_a_render_is_recorded_once(shown):
    one = gallery(shown).samples[0].made
    with shown.tx() as tx:
        facts = uploads.check(picture(seed=77))
        rendering.begin_picture(tx.session, facts, tx.now)
        assert not rendering.record_picture(tx.session, one.id, facts, {})
        rendering.record_failure(tx.session, one.id, "late", "It came too late.")
    assert gallery(shown).samples[0].made == one


def test_what_is_shown_is_never_cleared_away(shown):
    upload(shown, picture(seed=9))
    before = stored(shown)
    assert clear(shown) == 0
    assert stored(shown) == before


def test_what_nothing_shows_goes_after_a_while(shown):
    kept = upload(shown, picture(seed=9))
    change(shown, previews.turn, on=False)
    assert clear(shown, now() + UNUSED_KEPT / 2) == 0
    change(shown, previews.remove, kept)
    assert clear(shown) == 12 + 12 + 1  # renders, their pictures, the upload
    assert stored(shown) == set()
    assert renders(shown) == {}
    with shown.look() as tx:
        assert tx.session.scalars(select(Picture)).all() == []


def test_a_deleted_repository_leaves_nothing_behind_but_what_others_show(shown):
    publish(shown, "copy")
    change(shown, repos.delete_repo)
    assert clear(shown) == 0
    assert len(gallery(shown, "copy").pictures) == 9
    change(shown, repos.delete_repo, name="copy")
    clear(shown)
    assert stored(shown) == set()


def test_bytes_without_a_row_go(hub):
    hub.store.put(picture_key("a" * 64), [b"x"])
    hub.store.put(copy_key("a" * 64, SMALL), [b"x"])
    assert clear(hub, now()) == 0
    assert clear(hub) == 2


def test_a_picture_that_is_put_again_is_not_cleared_away_meanwhile(hub):
    hub.make_repo()
    data = picture(seed=4)
    added = upload(hub, data)
    change(hub, previews.remove, added)
    at = now() + UNUSED_KEPT * 2
    # Somebody is between `begin` and `finish` when the collection comes.
    facts = uploads.check(data)
    with hub.tx(now=at) as tx:
        repo = repos.get_repo_for_write(tx, "alice", "style")
        uploads.begin(tx, repo, facts, Words())
    uploads.put(hub.store, facts, data)
    assert clear(hub, at) == 0
    change(hub, uploads.finish, facts, Words())
    assert hub.store.read(picture_key(facts.sha256)) == data


def test_kept_ones_from_the_playground(shown):
    made = gallery(shown).sweep[2].made
    with shown.tx() as tx:
        repo = repos.get_repo_for_write(tx, "alice", "style")
        row = previews.keep(tx, repo, made.id, caption="Half")
        assert previews.keep(tx, repo, made.id).id == row.id
        with pytest.raises(previews.NothingToRender):
            previews.keep(tx, repo, "f" * 64)
    (one,) = gallery(shown).kept
    assert (one.made.id, one.caption, one.account) == (made.id, "Half", "alice")
