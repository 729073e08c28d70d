"""What clients of other hubs are told of a repository, kept beside its entry."""

import pytest

from lorahub_server.library import heads, search, vocabulary
from lorahub_server.library import service as library
from lorahub_server.library.card import parse
from lorahub_server.library.model import AdapterDetails
from lorahub_server.library.tables import AdapterFile, RepoHead, RepoTerm
from lorahub_server.repos import refs
from lorahub_server.repos import service as repos
from support.inside import Inside, adapter

CARD = (
    b"---\nlicense: mit\ntags: [Style]\nbase_model: Some/Base\ndatasets: [x/y, 5]\n---\n# Glass\n"
)


def facts(hub: Inside, revision: str | None = None, **more) -> heads.RepoFacts:
    with hub.look(None) as tx:
        repo = repos.get_repo(tx, "alice", "style")
        place = None if revision is None else refs.locate(tx, repo, revision)
        return heads.facts(tx, repo, place, **more)


def found(hub: Inside, *terms: str, who: str | None = None) -> list[str]:
    with hub.look(who) as tx:
        page = search.find(tx, search.Query(terms=terms))
        return sorted(card.name for card in page.items)


def test_the_head_is_kept_at_each_commit(inside):
    inside.make_repo()
    empty = facts(inside)
    assert (empty.revision, empty.files, empty.head.terms) == (None, [], [])
    first = inside.commit({"README.md": CARD, "w.safetensors": inside.upload(adapter())}).revision
    now = facts(inside)
    assert now.revision == first
    assert [file.path for file in now.files] == [".gitattributes", "README.md", "w.safetensors"]
    assert now.files[0].sha256 is None
    assert now.files[2].size == len(adapter())
    assert now.head.weights == {"parameters": {"F32": 32}, "total": 32}
    second = inside.commit({"README.md": b"# Other", "w.safetensors": None}).revision
    later = facts(inside)
    assert (later.revision, later.head.terms, later.head.weights) == (second, [], None)
    heads.clear()
    assert facts(inside, first).head == now.head
    assert facts(inside, first).files == now.files
    assert facts(inside, second).files == facts(inside, "main").files == later.files


def test_terms_find_what_they_name(inside):
    inside.make_repo()
    inside.make_repo("hidden", private=True)
    for name in ("style", "hidden"):
        inside.commit({"README.md": CARD, "w.safetensors": inside.upload(adapter())}, name)
    assert found(inside, "base_model:adapter:some/base") == ["style"]
    assert found(inside, "BASE_MODEL:Some/Base", "license:mit", "lora") == ["style"]
    assert found(inside, "dataset:x/y", who="alice") == ["hidden", "style"]
    assert found(inside, "license:apache-2.0") == []
    assert found(inside, "lora\0") == []
    inside.commit({"README.md": b"# Nothing"})
    assert found(inside, "license:mit") == []
    with inside.tx() as tx:
        repos.delete_repo(tx, repos.get_repo(tx, "alice", "hidden"))
        assert tx.session.query(RepoTerm).filter(RepoTerm.term == "license:mit").count() == 0
        assert tx.session.query(RepoHead).count() == 1


def test_all_of_it_can_be_made_again(inside):
    inside.make_repo()
    inside.commit({"README.md": CARD, "w.safetensors": inside.upload(adapter())})
    before = facts(inside)
    with inside.tx() as tx:
        tx.session.query(RepoTerm).delete()
        tx.session.query(RepoHead).delete()
    heads.clear()
    assert facts(inside) == before, "without its row it is read from the objects"
    with inside.look(None) as tx:
        (card,) = search.find(tx, search.Query()).items
        assert heads.of_cards(tx, [card], with_files=True)[0].files == []
    with inside.tx() as tx:
        library.rebuild_all(tx.session)
    assert facts(inside) == before
    assert found(inside, "license:mit") == ["style"]


def test_files_are_read_only_when_asked_for(inside):
    inside.make_repo()
    inside.commit({"a.txt": b"1"})
    with inside.counted() as seen:
        assert facts(inside, with_files=False).files == []
    assert not any("repo_heads.files" in statement for statement in seen)


def described(
    card: str, summary: dict | None = None, config: dict | None = None
) -> vocabulary.Head:
    file = AdapterFile(repo_id=1, path="w.safetensors", sha256="0" * 64, size=1, config=config)
    item = AdapterDetails("w.safetensors", "0" * 64, 1, summary or {}, config=config)
    return vocabulary.describe(parse(card.encode()), [file], [item], ["w.safetensors"])


@pytest.mark.parametrize(
    ("head", "library_name"),
    [
        (described("x", {"family": "sdxl", "layout": "kohya"}), "diffusers"),
        (described("x", {"family": "llama"}, {"task_type": "CAUSAL_LM"}), "peft"),
        (described("---\nlibrary_name: mine\n---\n", {"family": "sdxl"}), "mine"),
        (described("x", {}), None),
    ],
)
def test_the_library(head, library_name):
    assert head.library == library_name
    assert (library_name in head.terms) is (library_name is not None)


def test_terms_of_a_card():
    head = described(
        "---\nlicense: other\nlicense_name: flux-1-dev-non-commercial-license\n"
        "base_model: [a/b, c/d]\nbase_model_relation: merge\nlanguage: en\n"
        "pipeline_tag: text-to-image\ntags: [A, a]\n---\n",
        {"method": "loha"},
    )
    assert head.terms == [
        "safetensors", "loha", "a", "text-to-image", "en", "base_model:a/b",
        "base_model:merge:a/b", "base_model:c/d", "base_model:merge:c/d",
        "license:flux-1-dev-non-commercial-license",
    ]  # fmt: skip


def test_the_base_model_of_a_configuration():
    head = described("x", {}, {"base_model_name_or_path": "x/y", "task_type": "CAUSAL_LM"})
    assert "base_model:adapter:x/y" in head.terms
    assert head.config == {"peft": {"base_model_name_or_path": "x/y", "task_type": "CAUSAL_LM"}}
