import yaml

from support.person import Person

CARD = """---
license: mit
authors: [Maren Holm]
---
# Glass

After arXiv:2106.09685v2, [arXiv:1706.03762](https://example.org) and https://a.example/arXiv:1.
"""


def test_an_adapter_is_cited(maren, publish, person):
    publish("maren/glass", CARD)
    page = person.visit("/maren/glass")
    assert "@misc{maren-glass-" in page.text
    assert "https://arxiv.org/abs/2106.09685v2" in page.links
    assert "https://arxiv.org/abs/2106.09685" in page.links
    answer = person.ask("GET", "/maren/glass/citation.bib")
    assert answer.headers["content-disposition"] == 'attachment; filename="citation.bib"'
    assert "author = {Maren Holm}" in answer.text
    assert "{http://hub.test/maren/glass}" in answer.text
    answer = person.ask("GET", "/maren/glass/CITATION.cff")
    assert yaml.safe_load(answer.text)["title"] == "Glass"


def test_a_private_one_is_cited_by_its_owner_only(maren, publish, person, site):
    publish("maren/glass", private=True)
    other = Person(site).sign_up("nils")
    for file in ("citation.bib", "CITATION.cff"):
        answer = maren.ask("GET", f"/maren/glass/{file}")
        assert answer.status == 200
        assert answer.headers["cache-control"] == "private, no-store"
        assert person.ask("GET", f"/maren/glass/{file}").status == 404
        assert other.ask("GET", f"/maren/glass/{file}").status == 404
