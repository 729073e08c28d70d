"""What previews a repository gets, when, and what is left of them; on both databases."""

import threading

import pytest
from sqlalchemy import select

from lorahub_server.insight.previews import jobs as owed
from lorahub_server.insight.previews import plans, rendering
from lorahub_server.insight.previews import service as previews
from lorahub_server.insight.previews.errors import PreviewsOff
from lorahub_server.jobs.tables import Job
from lorahub_server.repos import service as repos
from support import galleries
from support.galleries import add_base, hold_base, pretend, publish, render_jobs, renders
from support.inside import Inside
from support.running import run_jobs

CARD = "---\ninstance_prompt: star\n---\n\n# Stars\n"


@pytest.fixture
def hub(small: Inside) -> Inside:
    """A hub whose worker holds a base of the family `shapes`."""
    add_base(small)
    hold_base(small)
    return small


@pytest.fixture
def both(inside: Inside) -> Inside:
    """Such a hub on each database."""
    add_base(inside)
    hold_base(inside)
    return inside


def gallery(hub: Inside, name: str = "style", who: str | None = "alice"):
    with hub.look(who) as tx:
        return previews.gallery(tx, repos.get_repo(tx, "alice", name))


def change(hub: Inside, verb, *args, name="style", who="alice", **more):
    with hub.tx(who) as tx:
        return verb(tx, repos.get_repo_for_write(tx, "alice", name), *args, **more)


def work(hub: Inside) -> None:
    run_jobs(hub.db, hub.store)


def test_an_adapter_is_planned_once_it_is_inspected(both):
    sha256 = publish(both, card=CARD)
    found = gallery(both)
    assert (found.state, found.family, found.base.id) == ("planned", "shapes", "tiny")
    assert [one.prompt for one in found.samples[:2]] == [
        "a red star on a white background", "a blue star on a yellow background"]  # fmt: skip
    assert [one.strength for one in found.sweep] == [0, 0.3, 0.6, 0.9, 1.2]
    assert {one.sha256 for one in found.all} == {sha256}
    assert all(
        one.state == "waiting" and one.base.recipe["adapters"] == [] for one in found.samples
    )
    # The sweep begins where the base alone is, with the first sample's prompt and seed.
    assert found.sweep[0].made.id == found.samples[0].base.id
    assert len(renders(both)) == 4 + 4 + 4
    (job,) = render_jobs(both)
    assert (job.queue, job.lane, job.state) == ("gpu", "tiny", "queued")
    assert job.args["renders"][0] == found.samples[0].made.id
    assert sorted(job.args["renders"]) == sorted(renders(both))
    assert (found.progress.state, found.progress.pictures) == ("waiting", 0)


def test_the_same_input_plans_nothing(hub):
    publish(hub, card=CARD)
    before = [one.id for one in gallery(hub).all]
    for _ in range(2):
        with hub.tx() as tx:
            owed.owe_family(tx.session, "shapes")
        work(hub)
    assert [one.id for one in gallery(hub).all] == before
    assert len(render_jobs(hub)) == 1


def test_a_hub_without_bases_owes_nothing(small):
    publish(small)
    with small.look() as tx:
        assert not {owed.PLAN, "render"} & set(tx.session.scalars(select(Job.kind)))
    found = gallery(small)
    assert (found.state, found.code) == ("no_base", "no_base")
    assert "Shapes (demo base)" in found.message


def test_when_a_base_gets_its_first_holder_the_family_is_planned(small):
    publish(small)
    publish(small, "other", galleries.llama_adapter())
    add_base(small)
    hold_base(small)
    with small.tx() as tx:
        owed.owe_family(tx.session, "shapes")
    work(small)
    assert gallery(small).state == "planned"
    assert gallery(small, "other").state == "no_base"


def test_a_base_that_nobody_holds_any_more_leaves_what_was_rendered(hub):
    publish(hub)
    pretend(hub)
    hold_base(hub, ago_s=600)
    hub.commit({"README.md": CARD.encode()})
    work(hub)
    found = gallery(hub)
    assert found.state == "planned"
    assert len(found.pictures) == 9
    assert found.base.title
    # But not what shows a file that is gone.
    hub.commit({"a.safetensors": hub.upload(galleries.shapes_adapter(seed=5))})
    work(hub)
    found = gallery(hub)
    assert found.state == "no_base"
    assert not found.all
    assert found.cover is None


def test_a_new_card_changes_the_prompts_and_keeps_what_stays(hub):
    publish(hub)
    first = gallery(hub)
    pretend(hub)
    # The same examples as before, and one more.
    lines = "".join(f"- text: {one.prompt}\n" for one in first.samples)
    card = f"---\nwidget:\n{lines}- text: a small pink ring on a teal background\n---\n"
    hub.commit({"README.md": card.encode()})
    work(hub)
    second = gallery(hub)
    assert [one.id for one in second.samples[:4]] == [one.id for one in first.samples]
    assert [one.state for one in second.samples] == ["done"] * 4 + ["waiting"]
    assert len(render_jobs(hub, "queued")) == 1


def test_a_plan_that_changed_ends_the_rendering_of_the_old_one(both):
    publish(both)
    change(both, previews.set_prompts, [{"prompt": "a blue ring on a red background"}])
    work(both)
    states = [job.state for job in render_jobs(both)]
    assert states == ["cancelled", "queued"]
    found = gallery(both)
    assert [one.prompt for one in found.samples] == ["a blue ring on a red background"]
    assert found.prompts == [
        {"prompt": "a blue ring on a red background", "negative": None, "seed": None}
    ]
    assert gallery(both, who="bob").prompts is None
    change(both, previews.set_prompts, None)
    work(both)
    assert len(gallery(both).samples) == 4


@pytest.mark.parametrize(
    "wrong",
    [[], [{"prompt": ""}], [{"prompt": "x" * 2001}], [{"prompt": 5}], [{"prompt": "x"}] * 7,
     [{"prompt": "x", "seed": -1}], [{"prompt": "x", "seed": True}],
     [{"prompt": "x", "negative": "y" * 2001}]],
)  # fmt: skip
def test_prompts_have_limits(hub, wrong):
    hub.make_repo()
    with pytest.raises(previews.BadPreviews):
        change(hub, previews.set_prompts, wrong)


def test_two_repositories_with_the_same_file_share_the_renders(hub):
    publish(hub)
    pretend(hub)
    publish(hub, "copy")
    found = gallery(hub, "copy")
    assert len(found.pictures) == 9
    assert found.progress is None
    assert len(render_jobs(hub)) == 1
    assert found.cover is not None


def test_damaged_files_are_refused_with_a_sentence(hub):
    publish(hub, data=galleries.shapes_adapter(broken=True))
    found = gallery(hub)
    assert (found.state, found.code) == ("refused", "damaged")
    assert found.message.startswith("a.safetensors is not rendered: it is damaged")
    assert not render_jobs(hub)
    hub.commit({"a.safetensors": hub.upload(galleries.shapes_adapter(seed=2))})
    work(hub)
    assert gallery(hub).state == "planned"


def test_further_files_get_a_few_samples(hub):
    publish(hub)
    more = {
        f"epoch{n}.safetensors": hub.upload(galleries.shapes_adapter(seed=n + 5)) for n in range(6)
    }
    hub.commit(more)
    work(hub)
    found = gallery(hub)
    counts = [len([s for s in found.samples if s.path == path]) for path in dict.fromkeys(
        one.path for one in found.samples)]  # fmt: skip
    assert counts == [4, 2, 2, 2]
    assert {one.path for one in found.sweep} == {found.samples[0].path}


def test_language_models_write_what_the_card_asks(small):
    add_base(small, "llama", "llama", task="text")
    hold_base(small, "llama")
    card = "---\nwidget:\n- text: Who are you?\n- text: What is a hub?\n---\n"
    publish(small, data=galleries.llama_adapter(), card=card)
    found = gallery(small)
    assert [one.prompt for one in found.texts] == ["Who are you?", "What is a hub?"]
    assert not found.samples
    assert not found.sweep
    for one in found.texts:
        with small.tx() as tx:
            rendering.record_text(tx.session, one.made.id, f"I am {one.id}\0", {})
    assert gallery(small).texts[0].text == f"I am {found.texts[0].id}\ufffd"


def test_cancel_and_render_again(hub):
    publish(hub)
    ids = list(render_jobs(hub)[0].args["renders"])
    pretend(hub, ids[0], end=False)
    with hub.tx() as tx:
        rendering.record_failure(tx.session, ids[1], "refused", "It does not fit.")
    assert change(hub, previews.cancel) == 1
    found = gallery(hub)
    assert (found.progress.state, found.progress.error["code"]) == ("stopped", "cancelled")
    assert found.progress.pictures == 2
    change(hub, previews.render_again)
    (job,) = render_jobs(hub, "queued")
    assert set(job.args["renders"]) == set(ids[1:])
    assert gallery(hub).progress.state == "waiting"


def test_turned_off_there_are_none_and_no_work(both):
    publish(both)
    pretend(both)
    change(both, previews.turn, on=False)
    found = gallery(both)
    assert (found.state, found.all, found.cover) == ("off", [], None)
    both.commit({"README.md": CARD.encode()})
    work(both)
    assert gallery(both).state == "off"
    with pytest.raises(PreviewsOff):
        change(both, previews.render_again)
    change(both, previews.turn, on=True)
    work(both)
    assert len(gallery(both).all) == 9


def test_the_owner_chooses_among_bases(hub):
    add_base(hub, "other")
    hold_base(hub, "other", "e" * 64)
    publish(hub)
    assert gallery(hub).base.id == "tiny"
    change(hub, previews.choose_base, "other")
    work(hub)
    found = gallery(hub)
    assert found.base.id == "other"
    assert found.samples[0].recipe["base"]["digest"] == "e" * 64
    with pytest.raises(previews.BadPreviews):
        change(hub, previews.choose_base, "nowhere")


def test_a_deleted_repository_takes_its_previews_along(both):
    publish(both)
    change(both, repos.delete_repo)
    with both.look() as tx:
        assert not tx.session.scalars(select(previews.Preview)).all()
    assert [job.state for job in render_jobs(both)] == ["cancelled"]
    # What was owed finds nothing to do.
    with both.tx() as tx:
        plans.plan(tx.session, 1)
        assert rendering.wanted(tx.session, list(renders(both))) == []


def test_a_change_during_planning_is_planned_too(both, monkeypatch):
    """Whoever changes a repository while it is planned owes another planning."""
    publish(both)
    planned = plans.plan
    seen = []

    def slow(session, repo_id):
        planned(session, repo_id)
        seen.append(repo_id)
        if len(seen) == 1:
            thread = threading.Thread(target=both.commit, args=({"README.md": CARD.encode()},))
            thread.start()
            thread.join(0.5)
            assert thread.is_alive()  # it waits for the plan's transaction
            threads.append(thread)

    threads: list[threading.Thread] = []
    monkeypatch.setattr(plans, "plan", slow)
    with both.tx() as tx:
        owed.owe_plan(tx.session, 1)
    work(both)
    threads[0].join(20)
    work(both)
    assert gallery(both).samples[0].prompt == "a red star on a white background"
    assert len(seen) == 2


def test_a_gallery_takes_few_statements(hub):
    publish(hub)
    pretend(hub)
    with hub.counted() as seen:
        gallery(hub)
    few = len(seen)
    assert few <= 8
    publish(hub, "big")
    hub.commit(
        {f"e{n}.safetensors": hub.upload(galleries.shapes_adapter(seed=n + 5)) for n in range(4)},
        "big",
    )
    work(hub)
    pretend(hub)
    with hub.counted() as seen:
        gallery(hub, "big")
    assert len(seen) <= few
