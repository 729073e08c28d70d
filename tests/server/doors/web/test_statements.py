"""Pages that have all there can be on them take five statements too; nothing is at hand before."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event, update

from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.tables import Render
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import kept
from lorahub_server.repos import service as repos
from support.asgi import Site
from support.galleries import add_base, hold_base, pretend, shapes_adapter
from support.inside import Inside
from support.person import Person
from support.running import run_jobs

# Who is signed in costs one more, to know who it is.
MOST = {"visitor": 5, "alice": 6}
CARD = """---
license: cc-by-4.0
base_model: some/base
trigger_words: [glasspaint]
tags: [style]
model-index:
- results:
  - dataset: {{type: a/b}}
    metrics: [{{type: accuracy, value: {value}, n: 9}}]
---
# {name}

Paints with light, version {version}.
"""
DEEP = "notes/of/the/training/words.md"


def card(name: str, value: float = 0.5, version: int = 1) -> bytes:
    return CARD.format(name=name, value=value, version=version).encode()


@pytest.fixture
def inside(each_site: Site) -> Iterator[Inside]:
    settings = each_site.hub.settings
    hub = Inside(settings.database_url, settings.store_url, settings.data, make_tables=False)
    yield hub
    hub.close()


@pytest.fixture
def hub(each_site: Site, inside: Inside) -> Inside:
    """Adapters with results, previews, versions and folders, on a base that is held."""
    hub = inside
    add_base(hub)
    hold_base(hub)
    alice = each_site.token_of("alice", "read", "write")
    for number, name in enumerate(("style", "other", "third")):
        files = {DEEP: b"Words.\n", "README.md": card(name, 0.5 + number / 10)}
        alice.publish(f"alice/{name}", {**files, "a.safetensors": shapes_adapter(number + 1)})
    alice.publish(
        "alice/style",
        {"README.md": card("style", version=2), "a.safetensors": shapes_adapter(9)},
    )
    run_jobs(each_site.hub.db, each_site.hub.store)
    pretend(hub)
    return hub


@pytest.fixture
def people(each_site: Site, hub: Inside) -> dict[str, Person]:
    del hub
    owner = Person(each_site)
    cookies = each_site.signed_in("alice").headers["Cookie"].split("; ")
    owner.cookies = dict(one.split("=", 1) for one in cookies)
    return {"visitor": Person(each_site), "alice": owner}


class Counter:
    """Visits pages as the first who does, and counts what the database is asked."""

    def __init__(self, site: Site, people: dict[str, Person]) -> None:
        self._people = people
        self._seen: list[str] = []
        event.listen(site.hub.db.engine, "before_cursor_execute", self._note)

    def _note(self, *facts: object) -> None:
        statement = str(facts[2])
        if statement.lstrip().startswith(("SELECT", "WITH", "EXPLAIN")):
            self._seen.append(statement)

    def check(self, address: str, *says: str) -> None:
        for who, person in self._people.items():
            kept.clear()
            self._seen.clear()
            page = person.visit(address)
            assert page.status == 200, page.text
            asked = len(self._seen)
            assert asked <= MOST[who], f"{who} {address}\n" + "\n\n".join(self._seen)
            for words in says:
                assert words in page.text, page.text


@pytest.fixture
def counter(each_site: Site, people: dict[str, Person]) -> Counter:
    return Counter(each_site, people)


def test_pages_that_are_full(counter, each_site, hub):
    """One after the other, as it takes longer to fill a hub than to look at it."""
    here = "/alice/style"
    counter.check(here, "More on this base", "version 2", "Accuracy", "0.6")
    counter.check(f"{here}/previews", "By strength")
    counter.check(f"{here}/previews/{_preview(hub)}", "Copy the command")
    counter.check(f"{here}/health")
    counter.check(f"{here}/blob/main/a.safetensors", "Tensors")
    counter.check(f"{here}/tree/main/{DEEP.rpartition('/')[0]}", "words.md")
    counter.check(f"{here}/blob/main/{DEEP}", "Words.")
    weights = "Little in common"
    listed = each_site.as_token(None).get("repos/alice/style/commits/main").expect(200).json()
    # Without the commit that brought the folders: each level of them is a statement more.
    first = listed["items"][-3]["revision"]
    counter.check(f"{here}/versions", weights)
    counter.check(f"{here}/versions?old={first}&new=HEAD", weights, "version 2")
    counter.check(f"{here}/commit/main", weights)
    counter.check(f"{here}/commits/main", "Update a.safetensors")
    for query in ("glasspaint", "glass", "paints with light", "zzz", "a", "style"):
        counter.check(f"/?q={query.replace(' ', '+')}")


def test_a_playground_with_a_history(each_site, counter, people):
    here = "/alice/style/playground"
    page = people["alice"].visit(here)
    made = people["alice"].send(page.form(here), prompt="a fox", with1="alice/other", seed="12")
    assert made.status == 200, made.text
    counter.check(here)
    with each_site.hub.db.write() as session:
        session.execute(update(Job).where(Job.kind == "render").values(state="done"))
    counter.check(here)


def test_while_previews_are_rendered_and_when_that_ended(each_site, counter):
    for state in ("queued", "cancelled", "parked"):
        _let_be(each_site, counter, state)


def _let_be(each_site: Site, counter: Counter, state: str) -> None:
    with each_site.hub.db.write() as session:
        session.execute(update(Render).values(state="waiting", picture=None))
        session.execute(update(Job).where(Job.kind == "render").values(state=state))
    says = "Waiting for a worker" if state == "queued" else "stopped"
    counter.check("/alice/style", "More on this base")
    counter.check("/alice/style/previews", says)


def test_before_the_weights_are_inspected(each_site, counter):
    writer = each_site.token_of("alice", "read", "write")
    writer.publish("alice/style", {"a.safetensors": shapes_adapter(33)})
    counter.check("/alice/style", "More on this base")
    counter.check("/alice/style/versions")
    counter.check("/alice/style/health")


def _preview(hub: Inside) -> int:
    with hub.look() as tx:
        repo = repos.get_repo(tx, "alice", "style")
        return previews.gallery(tx, repo).samples[0].id
