"""`has:`: finding what there is something to see of."""

from lorahub_server.insight.previews import uploads
from lorahub_server.insight.previews.uploads import Words
from lorahub_server.library.search import Query, find
from lorahub_server.repos.service import get_repo
from support import galleries
from support.picture_files import png

RESULT = (
    "---\nmodel-index:\n- results:\n  - dataset: {type: a/b}\n"
    "    metrics: [{type: accuracy, value: 0.5}]\n---\n"
)


def test_what_there_is_to_see(inside):
    galleries.add_base(inside)
    galleries.hold_base(inside)
    galleries.publish(inside, "rendered", galleries.shapes_adapter(1))
    galleries.publish(inside, "measured", galleries.llama_adapter(2), RESULT)
    galleries.publish(inside, "plain", galleries.llama_adapter(3))

    def names(*what: str) -> list[str]:
        with inside.look() as tx:
            return [card.name for card in find(tx, Query(has=what, sort="name")).items]

    assert names("prompts") == []
    galleries.pretend(inside)
    assert names("prompts") == ["rendered"]
    assert names("pictures") == ["rendered"]
    assert names("results") == ["measured"]
    assert names("results", "prompts") == []
    assert names("nothing") == ["measured", "plain", "rendered"]
    upload(inside, "plain", png({}))
    assert names("prompts") == ["rendered"]
    assert names("pictures") == ["plain", "rendered"]
    upload(inside, "plain", png({"parameters": "a glass window\nSteps: 4, Seed: 1"}))
    assert names("prompts") == ["plain", "rendered"]


def upload(inside, name: str, data: bytes) -> None:
    facts, words = uploads.check(data), Words()
    with inside.tx() as tx:
        repo = get_repo(tx, "alice", name)
        uploads.begin(tx, repo, facts, words)
    uploads.put(inside.store, facts, data)
    with inside.tx() as tx:
        uploads.finish(tx, get_repo(tx, "alice", name), facts, words)
