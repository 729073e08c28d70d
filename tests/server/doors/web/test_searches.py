"""The pages of saved searches and notifications."""

from lorahub_server.accounts.service import get_account
from lorahub_server.community.notifications import service as notifications
from lorahub_server.kit.clock import now
from lorahub_server.repos.tables import Repository


def test_a_search_is_saved_from_its_list(maren, publish, person):
    publish("maren/glass")
    page = maren.visit("/?q=glass+-%23anime&sort=stars")
    save = next(a for a in page.links if a.startswith("/searches?"))
    form = maren.visit(save).form("/searches")
    assert form.fields["line"] == "glass -#anime sort:stars"
    page = maren.send(form, name="Glass, the best")
    assert "The search is saved" in page.text
    assert "Glass, the best" in page.text
    assert "/?q=glass+-%23anime+sort%3Astars" in page.links
    (one,) = [form for form in page.forms if form.action.startswith("/searches/")]
    assert "You will not be told" in maren.send(one, act="off").text
    assert "You will be told" in maren.send(one, act="on").text
    assert "No searches yet" in maren.send(one, act="delete").text
    assert maren.send(one, act="delete").status == 404
    assert person.visit("/searches").address.startswith("/login")


def test_what_is_wrong_is_said_where_it_is(maren):
    form = maren.visit("/searches").form("/searches")
    page = maren.send(form, line="rank:x")
    assert page.status == 422
    assert "a rank is written" in page.text
    assert page.form("/searches").fields["line"] == "rank:x"


def test_notifications_are_counted_on_every_page_until_they_are_read(maren, site, publish, person):
    publish("maren/glass")
    assert "Nothing new" in maren.visit("/notifications").text
    with site.hub.db.write() as session:
        who = get_account(session, "maren").id
        repo = session.query(Repository).one().id
        facts = {"name": "<b>Glass</b>", "line": "glass", "count": 3, "repos": [repo, 999]}
        notifications.tell(session, who, "search", facts, now())
    assert "1 to read" in maren.visit("/tags").text
    page = maren.visit("/notifications")
    assert "3 new adapters for <b>Glass</b>" in page.text
    assert "<b>Glass" not in page.html
    assert "/maren/glass" in page.links
    page = maren.send(page.form("/notifications"))
    assert "marked as read" in page.text
    assert "1 to read" not in page.text
    assert person.visit("/notifications").address.startswith("/login")
