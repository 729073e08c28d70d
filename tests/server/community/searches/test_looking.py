"""Being told of what is new: once, of what one may see, and not of one's own."""

from datetime import timedelta

import pytest

from lorahub_server.access import Tx, of_account
from lorahub_server.accounts.tables import Account
from lorahub_server.community.notifications import service as notifications
from lorahub_server.community.searches import limits, looking, service
from lorahub_server.jobs.tables import Job, State
from lorahub_server.kit.clock import now
from lorahub_server.repos import events
from lorahub_server.repos import service as repos
from support.inside import Inside, adapter
from support.running import run_jobs


@pytest.fixture
def hub(inside: Inside) -> Inside:
    events.listen(looking.WATCH)
    return inside


def save(hub: Inside, line: str, who: str = "bob", **more) -> int:
    with hub.tx(who) as tx:
        return service.create(tx, line, **{"notify": True, **more}).id


def publish(hub: Inside, name: str, tag: str = "glass", *, who="alice", seed=1, private=False):
    hub.make_repo(name, who, private=private)
    card = f"---\ntags: [{tag}]\n---\n# {name}\n".encode()
    file = hub.upload(adapter(seed), who=who)
    hub.commit({"a.safetensors": file, "README.md": card}, name, who)


def owed(hub: Inside) -> list[Job]:
    with hub.db.read() as session:
        return session.query(Job).filter_by(kind=looking.LOOK, state=State.QUEUED).all()


def look(hub: Inside, after: int = 0) -> None:
    """What the job does, a moment later."""
    with hub.db.read() as session:

        def make_tx(account: Account) -> Tx:
            moment = now() + timedelta(seconds=1)
            return Tx(session, of_account(account), hub.store, hub.settings, moment, "test")

        effect = looking.look(make_tx, session, after)
    with hub.db.write() as session:
        effect(session)


def told(hub: Inside, who: str = "bob") -> list[tuple[str, list[str]]]:
    with hub.look(who) as tx:
        found = notifications.find(tx, None, 30).items
    return [(one.row.facts["name"], [card.name for card in one.cards]) for one in found]


def unread(hub: Inside, who: str = "bob") -> int:
    with hub.db.read() as session:
        return session.get(Account, hub.caller(who).account_id).unread


def test_what_is_published_is_looked_for_soon_and_told_once(hub):
    publish(hub, "before", seed=9)
    assert owed(hub) == []  # nobody wants to know
    save(hub, "#glass", name="Glass")
    save(hub, "#water")
    publish(hub, "pane", seed=2)
    publish(hub, "sea", "water", seed=3)
    assert [job.dedup for job in owed(hub)] == ["search_look:soon", "search_look:later"]
    look(hub)
    assert sorted(told(hub)) == [("#water", ["sea"]), ("Glass", ["pane"])]
    assert unread(hub) == 2
    look(hub)
    assert len(told(hub)) == 2
    publish(hub, "cup", seed=4)
    look(hub)
    assert told(hub)[0] == ("Glass", ["cup"])
    with hub.tx("bob") as tx:
        notifications.mark_read(tx)
    assert unread(hub) == 0


def test_the_worker_does_the_job(hub):
    save(hub, "#glass")
    publish(hub, "pane")
    with hub.db.write() as session:
        for job in session.query(Job).filter_by(kind=looking.LOOK):
            job.due_at = now() - timedelta(seconds=1)
    run_jobs(hub.db, hub.store)
    assert told(hub) == [("#glass", ["pane"])]
    assert owed(hub) == []


def test_nobody_is_told_of_what_is_hidden_or_their_own(hub):
    save(hub, "#glass")
    save(hub, "#glass", "alice")
    publish(hub, "secret", private=True)
    publish(hub, "pane", seed=2)
    look(hub)
    assert told(hub) == [("#glass", ["pane"])]
    assert told(hub, "alice") == []
    with hub.tx("alice") as tx:
        repos.set_private(tx, repos.get_repo_for_write(tx, "alice", "pane"), True)
    assert told(hub) == [("#glass", [])]


def test_being_told_begins_when_it_is_asked_for(hub):
    one = save(hub, "#glass", notify=False)
    publish(hub, "pane")
    with hub.tx("bob") as tx:
        service.update(tx, service.get(tx, one), notify=True)
    look(hub)
    assert told(hub) == []
    publish(hub, "cup", seed=2)
    with hub.tx("bob") as tx:
        service.update(tx, service.get(tx, one), notify=False)
    look(hub)
    assert told(hub) == []


def test_many_searches_take_turns(hub, monkeypatch):
    monkeypatch.setattr(looking, "BATCH", 2)
    ids = [save(hub, "#glass", who) for who in ("bob", "lex", "nils")]
    publish(hub, "pane")
    look(hub)
    assert [told(hub, who) != [] for who in ("bob", "lex", "nils")] == [True, True, False]
    last = owed(hub)[-1]
    assert last.args == {"after": ids[1]}
    look(hub, last.args["after"])
    assert told(hub, "nils") == [("#glass", ["pane"])]


def test_a_deleted_search_tells_nothing_and_leaves_nothing(hub):
    one = save(hub, "#glass")
    publish(hub, "pane")
    look(hub)
    with hub.tx("bob") as tx:
        service.delete(tx, service.get(tx, one))
    assert told(hub) == [("#glass", ["pane"])]
    publish(hub, "cup", seed=2)
    look(hub)
    assert len(told(hub)) == 1


def test_there_is_an_end_to_how_many_one_keeps(hub, monkeypatch):
    monkeypatch.setattr(service, "SEARCHES_MAX", 2)
    save(hub, "a")
    save(hub, "b")
    with pytest.raises(service.TooManySearches):
        save(hub, "c")
    assert limits.SEARCHES_MAX == 50
