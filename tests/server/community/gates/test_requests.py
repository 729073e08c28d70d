"""Asking for the files of a gated repository, and answering, on both databases."""

import threading

import pytest

from lorahub_server.access import can_read_files, require_files
from lorahub_server.access.errors import (
    GatedRepo,
    GatedRepoLogin,
    LoginRequired,
    NotAllowed,
    ScopeMissing,
)
from lorahub_server.access.gates import files_visible
from lorahub_server.blobs.service import may_use
from lorahub_server.community.gates import form as forms
from lorahub_server.community.gates import service
from lorahub_server.community.gates.errors import (
    BadAnswer,
    HasAccess,
    NotGated,
    RequestNotFound,
    RequestRejected,
)
from lorahub_server.kit.errors import BadRequest
from lorahub_server.library import card as cards
from lorahub_server.repos import service as repos
from lorahub_server.repos.tables import Repository
from support.inside import Inside, adapter

CARD = b"""---
extra_gated_heading: Ask first
extra_gated_fields:
  Company: text
  I agree: checkbox
  Born: date_picker
  Use:
    type: select
    options: [Research, 7.5, {label: Shop, value: shop}, {other: 1}, null]
  Country: country
  Odd: {type: nonsense}
---
# Style
"""
ANSWERS = {
    "Company": " The  Glass Works ",
    "I agree": True,
    "Born": "1990-02-03",
    "Use": "shop",
    "Country": "Norway",
}


@pytest.fixture
def gated(inside):
    inside.make_repo()
    inside.commit({"README.md": CARD})
    set_gate(inside, "manual")
    return inside


@pytest.fixture
def simple(small):
    small.make_repo()
    small.commit({"README.md": b"# Style\n"})
    set_gate(small, "manual")
    return small


def set_gate(hub: Inside, gated: str | None) -> None:
    with hub.tx() as tx:
        repos.set_gated(tx, repos.get_repo(tx, "alice", "style"), gated)


def repo(tx):
    return repos.get_repo(tx, "alice", "style")


def ask(hub: Inside, who: str, **answers):
    with hub.tx(who) as tx:
        return service.ask(tx, repo(tx), answers).status


def has_files(hub: Inside, who: str | None) -> bool:
    """By every way that the rules can be asked, which must agree."""
    with hub.look(who) as tx:
        found = repo(tx)
        alone = can_read_files(tx, found)
        listed = tx.session.query(Repository.id).filter(
            files_visible(
                tx.caller,
                repo_id=Repository.id,
                owner_id=Repository.owner_id,
                private=Repository.private,
                deleted_at=Repository.deleted_at,
                gated=Repository.gated,
            )
        )
        assert bool(listed.all()) is alone
        try:
            require_files(tx, found)
        except GatedRepo:
            assert not alone
        else:
            assert alone
        return alone


def handle(hub: Inside, who: str, status: str, reason: str = "", *, by: str = "alice"):
    with hub.tx(by) as tx:
        whose = hub.caller(who).account
        return service.handle(tx, repo(tx), whose, status, reason).status


def test_the_form_of_a_card_is_asked_and_kept(gated):
    with gated.look("bob") as tx:
        form = service.form_of(tx, repo(tx))
    assert form.heading == "Ask first"
    assert [(one.label, one.kind, one.options) for one in form.fields] == [
        ("Company", "text", ()),
        ("I agree", "checkbox", ()),
        ("Born", "date", ()),
        ("Use", "select", ("Research", "7.5", "shop")),
        ("Country", "text", ()),
    ]
    assert ask(gated, "bob", **ANSWERS) == "pending"
    with gated.look() as tx:
        (request,) = service.requests_of(tx, repo(tx), "pending", None, 10).items
    assert request.account.name == "bob"
    assert request.fields == {**ANSWERS, "Company": "The Glass Works"}


WRONG = [
    ({"Company": "  "}, "Company"),
    ({"Company": None}, "Company"),
    ({"Company": "x" * 1001}, "Company"),
    ({"Company": ["x"]}, "Company"),
    ({"I agree": False}, "I agree"),
    ({"I agree": "yes"}, "I agree"),
    ({"Born": "yesterday"}, "Born"),
    ({"Use": "Fun"}, "Use"),
    ({"More": "x"}, "More"),
]


def test_wrong_answers_name_the_field():
    form = forms.of_card(cards.parse(CARD).front)
    assert forms.checked(form, ANSWERS)["Company"] == "The Glass Works"
    for changes, place in WRONG:
        with pytest.raises(BadAnswer) as caught:
            forms.checked(form, {**ANSWERS, **changes})
        assert caught.value.place == place


def test_the_way_of_a_request(gated):
    assert not has_files(gated, "bob")
    ask(gated, "bob", **ANSWERS)
    assert not has_files(gated, "bob")
    assert handle(gated, "bob", "accepted") == "accepted"
    assert has_files(gated, "bob")
    assert not has_files(gated, "carol")
    assert not has_files(gated, None)
    handle(gated, "bob", "pending")
    assert not has_files(gated, "bob")
    handle(gated, "bob", "rejected", "Not this time.")
    assert not has_files(gated, "bob")
    with pytest.raises(RequestRejected, match=r"Not this time\."):
        ask(gated, "bob", **ANSWERS)
    with gated.tx("bob") as tx, pytest.raises(RequestRejected):
        service.withdraw(tx, repo(tx))
    handle(gated, "bob", "accepted")
    assert has_files(gated, "bob")
    with gated.tx("bob") as tx:
        service.withdraw(tx, repo(tx))
    assert not has_files(gated, "bob")


def test_auto_accepts_at_once_also_who_waited(gated):
    ask(gated, "bob", **ANSWERS)
    set_gate(gated, "auto")
    assert not has_files(gated, "bob")
    assert ask(gated, "bob", **ANSWERS) == "accepted"
    assert ask(gated, "carol", **ANSWERS) == "accepted"
    assert has_files(gated, "bob")
    assert has_files(gated, "carol")


def test_who_passes_without_asking(gated):
    assert has_files(gated, "alice")
    assert not has_files(gated, "boss")
    with gated.db.write() as session:
        session.merge(gated.caller("boss").account).is_admin = True
    gated.caller("boss").account.is_admin = True
    assert has_files(gated, "boss")
    set_gate(gated, None)
    assert has_files(gated, None)


def test_the_file_of_a_gated_repository_is_no_reason_to_use_it(gated):
    data = adapter(seed=9)
    sha = gated.upload(data)
    gated.commit({"w.safetensors": sha})
    ask(gated, "bob", **ANSWERS)
    for who, allowed in (("alice", True), ("bob", False), ("carol", False), (None, False)):
        with gated.look(who) as tx:
            assert (may_use(tx, sha) is not None) is allowed, who
    handle(gated, "bob", "accepted")
    with gated.look("bob") as tx:
        assert may_use(tx, sha) is not None
    # Whoever has the same bytes from somewhere open may use them.
    gated.make_repo("open", who="dave")
    gated.upload(data, who="dave")
    gated.commit({"w.safetensors": sha}, name="open", who="dave")
    with gated.look("carol") as tx:
        assert may_use(tx, sha) is not None


def test_a_grant_needs_no_request(gated):
    for name in ("bob", "carol"):
        gated.caller(name)
    with gated.tx() as tx:
        service.grant(tx, repo(tx), gated.caller("bob").account)
    assert has_files(gated, "bob")
    with gated.tx() as tx, pytest.raises(HasAccess):
        service.grant(tx, repo(tx), gated.caller("bob").account)
    with gated.tx() as tx, pytest.raises(HasAccess):
        service.grant(tx, repo(tx), gated.caller("alice").account)
    ask(gated, "carol", **ANSWERS)
    handle(gated, "carol", "rejected")
    with gated.tx() as tx:
        service.grant(tx, repo(tx), gated.caller("carol").account)
    assert has_files(gated, "carol")


def test_the_same_answer_twice_and_answers_to_nobody(simple):
    simple.caller("bob")
    with pytest.raises(RequestNotFound, match="grant"):
        handle(simple, "bob", "accepted")
    ask(simple, "bob")
    with pytest.raises(RequestNotFound, match="pending already"):
        handle(simple, "bob", "pending")
    with pytest.raises(BadRequest):
        handle(simple, "bob", "accepted", "because")
    with pytest.raises(BadRequest):
        handle(simple, "bob", "rejected", "x" * 1001)


def test_only_writers_answer_and_list(simple):
    ask(simple, "bob")
    for act in (
        lambda tx: service.handle(tx, repo(tx), tx.caller.account, "accepted"),
        lambda tx: service.grant(tx, repo(tx), tx.caller.account),
        lambda tx: service.requests_of(tx, repo(tx), None, None, 10),
        lambda tx: service.counts(tx, repo(tx)),
        lambda tx: service.account_of(tx, repo(tx), 1),
        lambda tx: service.named(tx, repo(tx), "alice"),
        lambda tx: repos.set_gated(tx, repo(tx), None),
    ):
        with simple.tx("bob") as tx, pytest.raises(NotAllowed):
            act(tx)
        with simple.tx(None) as tx, pytest.raises(LoginRequired):
            act(tx)
    assert not has_files(simple, "bob")


def test_a_reading_token_asks_for_nothing(simple):
    from dataclasses import replace

    reader = replace(simple.caller("bob"), scopes=frozenset({"read"}), via="token")
    with simple.tx(caller=reader) as tx, pytest.raises(ScopeMissing):
        service.ask(tx, repo(tx), {})
    with simple.tx(None) as tx, pytest.raises(LoginRequired):
        service.ask(tx, repo(tx), {})
    with simple.look(None) as tx, pytest.raises(GatedRepoLogin):
        require_files(tx, repo(tx))


def test_what_is_not_gated_is_not_asked_for(simple):
    with simple.tx() as tx, pytest.raises(HasAccess):
        service.ask(tx, repo(tx), {})
    set_gate(simple, None)
    with simple.tx("bob") as tx, pytest.raises(NotGated):
        service.ask(tx, repo(tx), {})
    with simple.tx() as tx, pytest.raises(NotGated):
        service.grant(tx, repo(tx), simple.caller("bob").account)
    with simple.tx() as tx, pytest.raises(BadRequest):
        repos.set_gated(tx, repo(tx), "sometimes")


def test_asking_twice_at_once_is_one_request(gated):
    errors = []

    def go():
        try:
            ask(gated, "bob", **ANSWERS)
        except Exception as error:
            errors.append(error)

    gated.caller("bob")
    threads = [threading.Thread(target=go) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with gated.look() as tx:
        assert service.counts(tx, repo(tx)) == {"pending": 1, "accepted": 0, "rejected": 0}


def test_lists_have_pages(simple):
    names = [f"user{number}" for number in range(5)]
    for name in names:
        ask(simple, name)
    handle(simple, "user2", "accepted")
    seen, cursor = [], None
    while True:
        with simple.look() as tx:
            page = service.requests_of(tx, repo(tx), None, cursor, 2)
        assert len(page.items) <= 2
        seen += [one.account.name for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == names
    with simple.look() as tx:
        accepted = service.requests_of(tx, repo(tx), "accepted", None, 10).items
    assert [one.account.name for one in accepted] == ["user2"]


ODD = [
    "extra_gated_fields: 5",
    "extra_gated_fields: [a, b]",
    "extra_gated_fields: {1: text, '': text, x: {type: select}, y: {type: select, options: 5}}",
    "extra_gated_heading: {a: b}\nextra_gated_prompt: [1, 2]",
    "extra_gated_fields: {" + ", ".join(f"f{n}: checkbox" for n in range(100)) + "}",
]


def test_odd_cards_make_a_form_all_the_same(simple):
    set_gate(simple, "auto")
    for number, front in enumerate(ODD):
        simple.commit({"README.md": f"---\n{front}\n---\n# x\n".encode()})
        with simple.look(None) as tx:
            form = service.form_of(tx, repo(tx))
        assert len(form.fields) <= 30
        answers = {one.label: True if one.kind == "checkbox" else "x" for one in form.fields}
        assert ask(simple, f"user{number}", **answers) == "accepted"
