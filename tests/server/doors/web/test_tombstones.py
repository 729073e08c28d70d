"""The page where a repository stood."""

from support.inside import adapter, sha256

BAD = "<script>alert(1)</script>"


def test_deleted_with_a_reason(maren, publish, person):
    publish("maren/glass")
    settings = maren.visit("/maren/glass/settings")
    form = settings.form("/maren/glass/settings/delete")
    refused = maren.send(form, confirm="glass", reason="x" * 501)
    assert refused.status == 400
    assert "Shorten it" in refused.text
    maren.send(form, confirm="glass", reason=f"Replaced {BAD}")
    for address in ("/maren/glass", "/maren/glass/tree/main"):
        page = person.visit(address)
        assert page.status == 410
        for words in ("The glass", "Deleted by its owner", "glasspaint", "CC BY 4.0", "Replaced"):
            assert words in page.text, words
        assert BAD not in page.html
        assert sha256(adapter(1)) in page.text
        assert f"/hash/{sha256(adapter(1))}" in page.links
    assert "Where it was" in person.visit(f"/hash/{sha256(adapter(1))}").text


def test_taken_down(site, maren, publish, person):
    publish("maren/glass")
    with site.hub.db.write() as session:
        from lorahub_server.accounts.service import insert_account

        insert_account(session, "admin1", None, is_admin=True)
    admin = site.token_of("admin1", "read", "write")
    address = "repos/maren/glass?for_cause=true&reason=Not+theirs"
    assert site.token_of("maren", "read", "write").delete(address).status == 403
    assert admin.delete("repos/maren/glass").status == 403
    admin.delete(address).expect(204)
    page = person.visit("/maren/glass")
    assert page.status == 410
    assert "Taken down by the hub's administrators" in page.text
    assert "Not theirs" in page.text
    assert "glasspaint" not in page.html
    assert person.visit(f"/hash/{sha256(adapter(1))}").status == 404
    told = person.ask("GET", "/api/hub/v1/repos/maren/glass").json()["error"]
    assert told["tombstone"]["reason"] == "Not theirs"
