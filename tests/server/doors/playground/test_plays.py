"""The playground by the API: what is asked for, who sees it, how much one may ask."""

import pytest

from lorahub_server.insight.playground import limits, service
from lorahub_server.insight.previews import rendering
from lorahub_server.jobs.tables import State
from lorahub_server.kit.clock import now
from support import playing
from support.playing import ask, png
from support.running import run_jobs

STYLE = "alice/style"


def test_from_a_wish_to_a_picture(site, guest):
    wish = {
        "prompt": "glasspaint, a boat", "seed": 5, "strength": 0.8, "steps": 12, "with_base": True,
        "stack": [{"repo": "bob/glow", "strength": -0.5}],
    }  # fmt: skip
    asked = guest.post(f"repos/{STYLE}/plays", json=wish).expect(201).json()
    assert (asked["state"], asked["ahead"], asked["picture"]) == ("waiting", 0, None)
    assert [(one["repo"], one["strength"]) for one in asked["adapters"]] == [
        (STYLE, 0.8),
        ("bob/glow", -0.5),
    ]
    assert (asked["recipe"]["steps"], asked["recipe"]["guidance"]) == (12, 5.0)
    job = playing.job_of(site, asked["id"])
    assert job is not None
    assert (job.queue, job.urgent, job.lane, len(job.args["renders"])) == (
        "gpu", True, "base-sd1", 2,
    )  # fmt: skip

    playing.set_job(site, asked["id"], state=State.RUNNING, progress={"done": 3, "total": 24})
    running = guest.get(f"plays/{asked['id']}").json()
    assert (running["state"], running["progress"]) == ("running", {"done": 3, "total": 24})

    playing.render(site, asked["id"], png((1, 2, 3)))
    done = guest.get(f"plays/{asked['id']}").json()
    assert (done["state"], done["progress"], done["kept"]) == ("done", None, False)
    for which in ("picture", "base_picture"):
        got = guest.get(done[which].removeprefix("http://hub.test")).expect(200)
        assert (got.body, got.headers["content-type"]) == (png((1, 2, 3)), "image/png")
        assert got.headers["cache-control"] == "private, no-store"
    assert guest.get(f"plays/{asked['id']}/picture?size=small").expect(200)
    assert guest.get("plays").json()["items"] == [done]
    assert guest.get(f"plays?repo={STYLE}").json()["items"] == [done]
    assert guest.get("plays?repo=bob/glow").json()["items"] == []


def test_a_language_model_s_adapter_is_told_beside_its_base(site, guest):
    play = ask(guest, "bob/poet", prompt="Write about the sea.")
    job = playing.job_of(site, play)
    assert job is not None
    assert len(job.args["renders"]) == 2
    playing.render(site, play, text="Grey water.")
    done = guest.get(f"plays/{play}").json()
    assert (done["task"], done["text"], done["base_text"]) == ("text", "Grey water.", "Grey water.")
    assert (done["picture"], done["base_picture"]) == (None, None)


def test_what_others_asked_for_looks_missing(site, guest, someone):
    play = ask(guest, STYLE)
    playing.render(site, play)
    other = someone()
    for who in (other, site.token_of("bob", "read", "write"), site.token_of("alice", "read")):
        for number in (play, 999_999_999, 2**63 - 1):
            for method, path in (
                ("GET", ""), ("GET", "/picture"), ("GET", "/base"), ("POST", "/cancel"),
                ("POST", "/keep"), ("DELETE", ""),
            ):  # fmt: skip
                answer = who.call(method, f"plays/{number}{path}")
                assert (answer.status, answer.code) == (404, "play_not_found"), (method, path)
    assert other.get("plays").json()["items"] == []
    for method, path in (("GET", f"plays/{play}"), ("GET", "plays"), ("DELETE", f"plays/{play}")):
        assert site.as_token(None).call(method, path).expect(401).code == "login_required"
    assert guest.get(f"plays/{play}").expect(200)
    assert guest.get(f"plays/{2**63}").status == 422


def test_a_token_that_only_reads(site, guest):
    play = ask(guest, STYLE)
    name = guest.get("whoami").json()["name"]
    reader = site.token_of(name, "read")
    assert reader.get(f"plays/{play}").status == 200
    wish = {"prompt": "x"}
    for method, path, body in (
        ("POST", f"repos/{STYLE}/plays", wish), ("POST", f"plays/{play}/cancel", None),
        ("POST", f"plays/{play}/keep", None), ("DELETE", f"plays/{play}", None),
    ):  # fmt: skip
        assert reader.call(method, path, json=body).expect(403).code == "scope_missing", path
    assert site.as_token(None).post(f"repos/{STYLE}/plays", json=wish).status == 401
    assert playing.job_of(site, play) is not None


def test_hidden_adapters_can_t_be_stacked(site, guest):
    told = []
    for name in ("bob/hidden", "bob/absent", "nobody/hidden"):
        wish = {"prompt": "x", "stack": [{"repo": name}]}
        refused = guest.post(f"repos/{STYLE}/plays", json=wish).expect(404).json()["error"]
        told.append((refused["code"], refused["message"].replace(name, "N"), refused["place"]))
    assert set(told) == {(told[0][0], told[0][1], "stack.0")}
    assert told[0][0] == "repo_not_found"
    gated = {"prompt": "x", "stack": [{"repo": "bob/gated"}]}
    assert guest.post(f"repos/{STYLE}/plays", json=gated).expect(403).code == "gated_repo"
    assert (
        guest.post("repos/bob/gated/plays", json={"prompt": "x"}).expect(403).code == "gated_repo"
    )
    assert guest.post("repos/bob/hidden/plays", json={"prompt": "x"}).status == 404


def test_own_private_ones_never_reach_a_gallery(site, alice):
    play = ask(alice, STYLE, stack=[{"repo": "alice/secret"}])
    playing.render(site, play)
    assert alice.post(f"plays/{play}/keep").expect(409).code == "private_stack"
    assert alice.get(f"plays/{play}").json()["kept"] is False
    own = ask(alice, "alice/secret", stack=[{"repo": STYLE}], seed=8)
    playing.render(site, own)
    assert alice.post(f"plays/{own}/keep").expect(200).json()["preview"] is not None


def test_what_became_hidden_is_named_no_more(site, guest):
    bob = site.token_of("bob", "read", "write")
    bob.publish("bob/fading", {"w.safetensors": playing.adapter(77)})
    run_jobs(site.hub.db, site.hub.store)
    stacked = ask(guest, STYLE, stack=[{"repo": "bob/fading"}])
    direct = ask(guest, "bob/fading")
    bob.patch("repos/bob/fading", json={"private": True}).expect(200)
    shown = guest.get(f"plays/{stacked}").expect(200).json()["adapters"][1]
    assert (shown["repo"], shown["path"]) == (None, None)
    assert guest.get(f"plays/{direct}").expect(404).code == "play_not_found"
    assert [one["id"] for one in guest.get("plays").json()["items"]] == [stacked]


def test_kept_in_the_gallery_or_in_one_s_list(site, alice, guest):
    mine, theirs = ask(alice, STYLE, seed=21), ask(guest, STYLE, seed=22)
    assert alice.post(f"plays/{mine}/keep").expect(409).code == "not_done"
    for play in (mine, theirs):
        playing.render(site, play)
    kept = alice.post(f"plays/{mine}/keep").expect(200).json()
    assert alice.post(f"plays/{mine}/keep").expect(200).json()["preview"] == kept["preview"]
    listed = guest.post(f"plays/{theirs}/keep").expect(200).json()
    assert (listed["kept"], listed["preview"]) == (True, None)
    shown = site.as_token(None).get(f"repos/{STYLE}/previews").expect(200).json()
    groups = [one["id"] for one in shown["items"] if one["group"] == "kept"]
    assert groups == [kept["preview"]]
    # The picture stays in the gallery when it leaves the list.
    alice.delete(f"plays/{mine}").expect(204)
    assert site.as_token(None).get(f"/{STYLE}/previews/{kept['preview']}.png").status == 200


def test_three_at_once_and_so_many_an_hour(site, guest, monkeypatch):
    plays = [ask(guest, STYLE, seed=seed) for seed in range(3)]
    wish = {"prompt": "a house by a lake", "seed": 50}
    refused = guest.post(f"repos/{STYLE}/plays", json=wish).expect(429)
    assert refused.code == "too_many_at_once"
    assert int(refused.headers["Retry-After"]) > 0
    guest.post(f"plays/{plays[0]}/cancel").expect(200)
    fourth = ask(guest, STYLE, seed=50)
    for play in (*plays[1:], fourth):
        playing.render(site, play)

    few = limits.Limit("plays", 4, 3600, "wishes at the playground")
    monkeypatch.setattr("lorahub_server.doors.plays.of_account", lambda _: few)
    refused = guest.post(f"repos/{STYLE}/plays", json={**wish, "seed": 51}).expect(429)
    assert refused.code == "rate_limited"
    # What is there already costs nothing, and is there at once.
    again = guest.post(f"repos/{STYLE}/plays", json=wish).expect(201).json()
    assert again["state"] == "done"
    assert playing.job_of(site, again["id"]) is None


def test_a_hub_without_a_playground(start_site):
    site = start_site(plays_per_hour=0)
    alice = site.add_account("alice")
    alice.publish("alice/style", {"w.safetensors": playing.adapter()})
    refused = alice.post("repos/alice/style/plays", json={"prompt": "x"}).expect(403)
    assert refused.code == "playground_off"


@pytest.mark.parametrize(
    ("repo", "change", "status", "code", "place"),
    [
        ("bob/other", {}, 409, "no_base", None),
        ("bob/broken", {}, 409, "nothing_to_play", "path"),
        ("bob/bare", {}, 409, "nothing_to_play", "path"),
        (STYLE, {"path": "README.md"}, 409, "nothing_to_play", "path"),
        (STYLE, {"stack": [{"repo": "bob/other"}]}, 422, "other_family", "stack.0"),
        (STYLE, {"stack": [{"repo": "bob/broken"}]}, 409, "nothing_to_play", "stack.0"),
        (STYLE, {"stack": [{"repo": STYLE}]}, 422, "bad_wish", "stack.0"),
        (STYLE, {"stack": [{"repo": "bob/glow"}] * 3}, 422, "invalid_request", "stack"),
        (STYLE, {"prompt": "  "}, 422, "bad_wish", "prompt"),
        (STYLE, {"prompt": "x" * 1001}, 422, "invalid_request", "prompt"),
        (STYLE, {"prompt": "a\0b"}, 422, "invalid_request", "prompt"),
        (STYLE, {"strength": 9}, 422, "invalid_request", "strength"),
        (STYLE, {"steps": 61}, 422, "invalid_request", "steps"),
        (STYLE, {"seed": 2**63}, 422, "invalid_request", "seed"),
        (STYLE, {"width": 4096}, 422, "invalid_request", "width"),
        (STYLE, {"stack": [{"repo": "x" * 201}]}, 422, "invalid_request", "stack.0.repo"),
        (STYLE, {"stack": [{"repo": "no slash"}]}, 404, "repo_not_found", "stack.0"),
    ],
)
def test_wishes_that_can_t_be(site, guest, repo, change, status, code, place):
    told = guest.post(f"repos/{repo}/plays", json={"prompt": "x", **change}).expect(status).json()
    assert (told["error"]["code"], told["error"]["place"]) == (code, place)
    assert guest.get("plays").json()["items"] == []


def test_the_refusal_names_the_family(site, guest):
    told = guest.post("repos/bob/other/plays", json={"prompt": "x"}).json()["error"]["message"]
    assert "SD 2" in told
    assert "No worker" in told


def test_cancelled_and_failed(site, guest):
    first, second = ask(guest, STYLE, seed=31), ask(guest, STYLE, seed=32)
    assert guest.get(f"plays/{second}").json()["ahead"] >= 1
    assert guest.post(f"plays/{first}/cancel").expect(200).json()["state"] == "cancelled"
    assert playing.job_of(site, first) is None
    with site.hub.db.read() as session:
        wanted = [playing.renders_of(session, play) for play in (first, second)]
        assert [len(rendering.wanted(session, ids)) for ids in wanted] == [0, 1]
    playing.fail(site, second)
    failed = guest.get(f"plays/{second}").json()
    assert (failed["state"], failed["error"]["code"]) == ("failed", "wrong_family")
    assert guest.post(f"plays/{second}/keep").expect(409).code == "not_done"
    # Asked again, it is tried again.
    assert guest.get(f"plays/{ask(guest, STYLE, seed=32)}").json()["state"] == "waiting"


def test_a_job_that_was_given_up_says_why(site, guest):
    play = ask(guest, STYLE, seed=41)
    playing.set_job(
        site, play, state=State.PARKED, due_at=None, error_code="job_crashed", error_message="Oh."
    )
    told = guest.get(f"plays/{play}").json()
    assert (told["state"], told["error"]) == ("failed", {"code": "job_crashed", "message": "Oh."})


def test_the_list_goes_on(site, guest):
    plays = []
    for seed in range(3):
        plays.append(ask(guest, STYLE, seed=60 + seed))
        playing.render(site, plays[-1])
    page = guest.get("plays?limit=2").json()
    assert [one["id"] for one in page["items"]] == plays[:0:-1]
    rest = guest.get("plays", query={"limit": 2, "cursor": page["next"]}).json()
    assert ([one["id"] for one in rest["items"]], rest["next"]) == ([plays[0]], None)
    assert guest.get("plays?cursor=nonsense").expect(400).code == "bad_cursor"
    assert guest.get("plays?repo=bob/hidden").status == 404


def test_what_nobody_kept_goes(site, guest, monkeypatch):
    plays = []
    for seed in range(3):
        plays.append(ask(guest, STYLE, seed=80 + seed))
        playing.render(site, plays[-1])
    guest.post(f"plays/{plays[0]}/keep").expect(200)
    monkeypatch.setattr(service, "PLAYS_MAX", 1)
    plays.append(ask(guest, STYLE, seed=83))
    left = [one["id"] for one in guest.get("plays").json()["items"]]
    assert left == [plays[3], plays[0]]
    monkeypatch.setattr(service, "now", lambda: now() + limits.KEPT_FOR * 2)
    with site.hub.db.write() as session:
        service.collect(session)
    assert [one["id"] for one in guest.get("plays").json()["items"]] == [plays[0]]
    monkeypatch.setattr(service, "KEPT_MAX", 1)
    again = ask(guest, STYLE, seed=82)
    assert guest.post(f"plays/{again}/keep").expect(409).code == "too_many_kept"


def test_both_databases(each_site):
    alice = each_site.add_account("alice")
    alice.publish("alice/style", {"w.safetensors": playing.adapter()})
    run_jobs(each_site.hub.db, each_site.hub.store)
    playing.hold(each_site)
    play = ask(alice, "alice/style", with_base=True)
    second = ask(alice, "alice/style", seed=8)
    assert alice.get(f"plays/{second}").json()["ahead"] == 1
    playing.render(each_site, play)
    assert alice.post(f"plays/{play}/keep").expect(200).json()["preview"] is not None
    alice.delete(f"plays/{second}").expect(204)
    assert [one["id"] for one in alice.get("plays").json()["items"]] == [play]
