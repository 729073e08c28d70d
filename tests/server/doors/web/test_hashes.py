"""The page of a hash, and the form for many."""

from support.inside import adapter, sha256

OLD, NEW = adapter(1), adapter(2)


def test_the_page_of_a_hash_leads_to_the_newer_file(maren, publish, person):
    publish("maren/glass", glass_dot_safetensors=OLD)
    publish("maren/glass", glass_dot_safetensors=NEW)
    page = person.visit(f"/hash/{sha256(OLD).upper()}")
    assert page.status == 200
    assert page.address == f"/hash/{sha256(OLD)}"
    assert "There is a newer one" in page.text
    assert "/maren/glass" in page.links
    assert "/maren/glass/resolve/main/glass.safetensors?download=1" in page.links
    assert "The newest" in person.visit(f"/hash/{sha256(NEW)}").text


def test_what_is_not_known_or_private_is_told_alike(maren, publish, person):
    publish("maren/secret", private=True)
    hidden, absent = (person.visit(f"/hash/{sha256(adapter(n))}") for n in (1, 9))
    assert hidden.status == absent.status == 404
    assert hidden.text.replace(sha256(adapter(1)), "") == absent.text.replace(
        sha256(adapter(9)), ""
    )
    assert "No adapter here that you may see" in hidden.text
    assert person.visit("/hash/nonsense").status == 400


def test_pasted_hashes(maren, publish, person):
    publish("maren/glass", glass_dot_safetensors=OLD)
    publish("maren/glass", glass_dot_safetensors=NEW)
    lines = f"{sha256(OLD)}  old.safetensors\n{sha256(NEW)} *new.safetensors\n{'0' * 64}\n"
    page = person.send(person.visit("/hash").form("/hash"), hashes=lines)
    assert page.status == 200
    for words in ("1 newer file", "1 up to date", "1 not known here"):
        assert words in page.text
    alone = person.send(page.form("/hash"), hashes=sha256(OLD))
    assert alone.address == f"/hash/{sha256(OLD)}"
    for wrong in ("", "nothing here\nnor there"):
        page = person.send(person.visit("/hash").form("/hash"), hashes=wrong)
        assert page.status in (400, 422)
        assert "hash" in page.text
