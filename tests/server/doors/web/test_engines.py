"""The pages on both databases, and what they cost."""

import pytest
from sqlalchemy import event

from support.inside import adapter, sha256
from support.person import Person
from support.running import run_jobs

# Statements of a person who is signed in; a visitor costs one less, and five at most.
PAGES = {
    "/": 5,
    "/?q=glass&family=llama&tag=style": 6,
    "/?q=-%23water&sort=stars&period=7d": 5,
    "/search-help": 1,
    "/searches": 2,
    "/notifications": 2,
    "/feed.atom?q=%23style": 4,
    "/tags": 2,
    "/tags/style": 4,
    "/stars": 3,
    "/bases": 4,
    "/bases/llama": 5,
    "/bases/some/base": 5,
    f"/hash/{sha256(adapter(1))}": 5,
    "/sitemap.xml": 2,
    "/sitemaps/adapters-1.xml": 2,
    "/maren": 6,
    "/maren?tab=collections": 4,
    "/maren?tab=activity": 4,
    "/maren/glass": 6,
    "/maren/glass/tree/main": 5,
    "/maren/glass/blob/main/README.md": 5,
    "/maren/glass/blob/main/glass.safetensors": 6,
    "/maren/glass/commits/main": 4,
    "/maren/glass/commits/main/README.md": 5,
    "/maren/glass/commit/main": 5,
    "/maren/glass/versions": 6,
    "/maren/glass/health": 7,
    "/maren/glass/discussions": 5,
    "/maren/pack": 6,
    "/maren/glass/settings": 3,
    "/maren/glass/card": 5,
    "/settings": 4,
    "/settings/tokens": 3,
    "/upload": 2,
}
CARD = b"---\nlicense: mit\nbase_model: some/base\ntags: [style]\n---\n# Glass\n\nText.\n"


def test_every_page_on_both_engines(each_site):
    maren = Person(each_site).sign_up("maren")
    files = {"glass.safetensors": adapter(1), "README.md": CARD}
    writer = each_site.token_of("maren", "read", "write")
    writer.publish("maren/glass", files)
    writer.publish("maren/pack", {"a.safetensors": adapter(2), "b.safetensors": adapter(3)})
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        seen.append(statement)

    event.listen(each_site.hub.db.engine, "before_cursor_execute", note)
    for address, most in PAGES.items():
        seen.clear()
        page = maren.visit(address)
        assert page.status == 200, f"{address}: {page.text}"
        statements = [s for s in seen if not s.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "SET"))]
        assert len(statements) <= most, f"{address}\n" + "\n\n".join(statements)


def test_a_visitor_sees_an_inspected_adapter_in_five(each_site):
    Person(each_site).sign_up("maren")
    files = {"glass.safetensors": adapter(1), "README.md": CARD}
    each_site.token_of("maren", "read", "write").publish("maren/glass", files)
    run_jobs(each_site.hub.db, each_site.hub.store)
    seen: list[str] = []
    engine = each_site.hub.db.engine
    event.listen(engine, "before_cursor_execute", lambda *facts: seen.append(facts[2]))
    for address in ("", "/health", "/blob/main/glass.safetensors"):
        seen.clear()
        page = Person(each_site).visit(f"/maren/glass{address}")
        assert page.status == 200
        assert len([text for text in seen if text.startswith(("SELECT", "WITH"))]) <= 5, address


@pytest.mark.parametrize("count", [3, 24])
def test_a_list_costs_the_same_however_long_it_is(site, count):
    maren = Person(site).sign_up("maren")
    api = site.token_of("maren", "read", "write")
    for number in range(count):
        api.post("repos", json={"name": f"a{number}"}).expect(201)
    seen: list[str] = []
    event.listen(site.hub.db.engine, "before_cursor_execute", lambda *facts: seen.append(facts[2]))
    maren.visit("/")
    assert len(seen) <= PAGES["/"]


@pytest.mark.parametrize("count", [1, 8])
def test_an_adapter_costs_the_same_however_many_relatives_it_has(site, count):
    """With results that are compared: two statements more than a page without."""
    maren = Person(site).sign_up("maren")
    api = site.token_of("maren", "read", "write")
    front = (
        "---\nbase_model: some/base\nmodel-index:\n- results:\n  - dataset: {type: a/b}\n"
        "    metrics: [{type: accuracy, value: 0.5, n: 9}]\n---\n# Glass\n"
    )
    for number in range(count + 1):
        api.publish(f"maren/a{number}", {"README.md": front.encode(), "a.safetensors": adapter(1)})
    seen: list[str] = []
    event.listen(site.hub.db.engine, "before_cursor_execute", lambda *facts: seen.append(facts[2]))
    page = maren.visit("/maren/a0")
    assert "More on this base" in page.text
    assert len([text for text in seen if not text.startswith("BEGIN")]) <= PAGES["/maren/glass"] + 2
