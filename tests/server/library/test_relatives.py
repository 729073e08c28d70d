"""What comes of what, as far as the caller may see it."""

import pytest

from lorahub_server.library import relatives
from lorahub_server.library import service as library
from lorahub_server.repos import forks
from lorahub_server.repos import service as repos
from support.inside import adapter

BASE = "Some/Base-XL"


@pytest.fixture
def family(inside):
    """alice/style on a base; two siblings, a merge, an adapter of it, and a hidden one."""

    def put(name: str, front: str, seed: int = 0, *, private: bool = False) -> None:
        inside.make_repo(name, private=private)
        files = {"README.md": f"---\n{front}\n---\n# {name}\n".encode()}
        if seed:
            files["a.safetensors"] = inside.upload(adapter(seed), "a.safetensors")
        inside.commit(files, name)

    put("style", f"base_model: {BASE}\nlicense: mit", 1)
    put("sibling", f"base_model: {BASE.lower()}", 2)
    put("other", "base_model: another/base", 3)
    put("hidden", f"base_model: {BASE}", 4, private=True)
    put("sum", "base_model: [alice/STYLE, alice/other]\nbase_model_relation: merge", 5)
    put("next", "base_model: alice/style\nbase_model_relation: finetune", 6)
    return inside


def of(hub, name: str, who: str | None = None) -> relatives.Relatives:
    with hub.look(who) as tx:
        repo = repos.get_repo(tx, "alice", name)
        card = library.card_of(tx, repo, library.details(tx, repo).repo.revision)
        with hub.counted() as seen:
            found = relatives.of(tx, repo, card.base_models)
        assert len(seen) == 1
        return found


def names(found: list[relatives.Relative]) -> list[str]:
    return [one.name for one in found]


def test_everything_in_its_place(family):
    with family.tx("bob") as tx:
        forks.fork(tx, repos.get_repo(tx, "alice", "style"), "bob", "copy")
    found = of(family, "style")
    assert [(base.name, base.here) for base in found.bases] == [(BASE, None)]
    assert names(found.siblings) == ["sibling"]
    assert names(found.forks) == ["copy"]
    assert names(found.merges) == ["sum"]
    assert [(one.name, one.relation) for one in found.derived] == [("next", "finetune")]


def test_the_hidden_are_shown_to_who_may_see_them(family):
    assert set(names(of(family, "style", "alice").siblings)) == {"sibling", "hidden"}
    assert names(of(family, "style", "bob").siblings) == ["sibling"]


def test_a_base_on_this_hub_tells_its_licence(family):
    found = of(family, "sum")
    assert [base.here and base.here.full_name for base in found.bases] == [
        "alice/style",
        "alice/other",
    ]
    assert found.base_license == "mit"


def test_one_without_a_base_has_only_what_came_of_it(family):
    family.make_repo("bare")
    family.commit({"README.md": b"# Bare\n"}, "bare")
    assert of(family, "bare") == relatives.Relatives()


@pytest.mark.parametrize("name", ["a", "/", "a/", "/b", "a/b/c", "a\0/b", "\u017f/\u00df", "'/\""])
def test_any_base_may_be_named(family, name):
    with family.look(None) as tx:
        found = relatives.of(tx, repos.get_repo(tx, "alice", "style"), [name.replace("\0", "")])
    assert found.bases[0].here is None
