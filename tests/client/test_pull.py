"""`lorahub pull` as a process: what it fetches, places, says, and how it ends."""

import hashlib
import json
import os

import pytest

import lorahub
from lorahub.errors import LorahubError, NotFound, VerificationFailed

MB = 1024 * 1024
WEIGHTS = os.urandom(9 * MB + 12345)  # more than one piece
FILES = {
    "README.md": b"# Style\n",
    "adapter.safetensors": WEIGHTS,
    "sub/notes.txt": b"hello",
    "empty.txt": b"",
    "ä ö#%.txt": b"odd name",
}


@pytest.fixture
def hub(fake):
    return fake(FILES)


def test_all_files_of_a_repository(client, hub):
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style")
    assert client.files("style") == FILES
    assert sorted(done.stdout.splitlines()) == sorted(f"style/{path}" for path in FILES)
    assert "5 files" in done.stderr
    assert hub.sent["adapter.safetensors"] == len(WEIGHTS)


def test_python_interface(own_place, hub):
    pulled = lorahub.pull("alice/style", endpoint=hub.endpoint, to="out", files="*.txt")
    assert pulled.repo == "alice/style"
    assert {file.path: file.state for file in pulled.files} == {
        path: "fetched" for path in FILES if path.endswith(".txt")
    }
    assert (own_place / "out" / "sub" / "notes.txt").read_bytes() == b"hello"
    with lorahub.Hub(hub.endpoint) as one:
        again = one.pull("alice/style", to="out", files=["*.txt"])
    assert {file.state for file in again.files} == {"there"}
    assert again.bytes_fetched == 0
    with pytest.raises(NotFound):
        lorahub.pull("alice/other", endpoint=hub.endpoint + "/nowhere")


def test_the_second_time_nothing_is_fetched(client, hub):
    client.use(hub.endpoint).ends(0, "pull", "alice/style")
    before = hub.sent.total()
    done = client.ends(0, "pull", "alice/style")
    assert "all there already" in done.stderr
    done = client.ends(0, "pull", "alice/style", "--to", "elsewhere")
    assert "from the cache" in done.stderr
    assert client.files("elsewhere") == FILES
    assert hub.sent.total() == before


def test_quiet_says_nothing(client, hub):
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style", "-q")
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == len(FILES)


def test_json_for_scripts(client, hub):
    hub.trigger_words = ["glasspaint"]
    told = client.use(hub.endpoint).json("pull", "alice/style")
    assert told["trigger_words"] == ["glasspaint"]
    assert told["dry_run"] is False
    assert told["bytes_fetched"] == sum(len(data) for data in FILES.values())
    for file in told["files"]:
        data = FILES[file["path"]]
        assert file["sha256"] == hashlib.sha256(data).hexdigest()
        assert file["size"] == len(data)
        assert (client.here / file["place"]).read_bytes() == data
    again = client.json("pull", "alice/style")
    assert {file["state"] for file in again["files"]} == {"there"}


def test_errors_are_json_too(client, hub):
    told = client.use(hub.endpoint).json("pull", "alice/style", "--file", "nope", code=3)
    assert told["error"]["code"] == "not_found"


def test_dry_run_does_nothing(client, hub):
    told = client.use(hub.endpoint).json("pull", "alice/style", "--dry-run")
    assert {file["state"] for file in told["files"]} == {"missing"}
    done = client.ends(0, "pull", "alice/style", "--dry-run")
    assert "missing" in done.stdout
    assert client.files() == {}
    assert not client.cache.exists()
    assert hub.paths("/resolve/") == []


def test_no_second_copy(client, hub):
    client.use(hub.endpoint).ends(0, "pull", "alice/style", "--no-cache")
    assert client.files("style") == FILES
    assert [path for path in (client.cache / "blobs").rglob("*") if path.is_file()] == []


def test_the_same_bytes_are_fetched_once(client, fake):
    hub = fake({"a.bin.txt": b"same" * 1000, "b/c.txt": b"same" * 1000})
    for more in ([], ["--no-cache", "--to", "x"]):
        client.use(hub.endpoint).ends(0, "pull", "alice/style", *more)
    assert client.files("style") == client.files("x") == hub.files
    client.ends(0, "pull", "alice/style", "--to", "y")
    assert hub.sent.total() == 2 * 4000


def test_what_was_changed_is_not_lost(client, hub):
    client.use(hub.endpoint).ends(0, "pull", "alice/style")
    card = client.here / "style" / "README.md"
    card.write_text("mine")
    done = client.ends(1, "pull", "alice/style")
    assert "--force" in done.stderr
    assert "README.md" in done.stderr
    assert card.read_text() == "mine"
    client.ends(0, "pull", "alice/style", "--force")
    assert card.read_bytes() == FILES["README.md"]


def test_a_new_version_replaces_the_old_one(client, hub):
    client.use(hub.endpoint).ends(0, "pull", "alice/style")
    hub.files["README.md"] = b"# Style 2\n"
    hub.files["adapter.safetensors"] = WEIGHTS + b"more"
    client.ends(0, "pull", "alice/style")
    assert client.files("style") == hub.files


def test_nothing_is_lost_to_another_repository(client, fake):
    one = fake({"README.md": b"one"})
    two = fake({"README.md": b"two"}, repo="bob/style")
    client.use(one.endpoint).ends(0, "pull", "alice/style")
    client.use(two.endpoint).ends(1, "pull", "bob/style")
    assert client.files("style") == one.files


def test_wrong_bytes_are_refused_and_nothing_is_placed(client, hub):
    wrong = bytearray(WEIGHTS)
    wrong[-1] ^= 1
    hub.bytes_of["adapter.safetensors"] = bytes(wrong)
    done = client.use(hub.endpoint).ends(5, "pull", "alice/style")
    assert "adapter.safetensors" in done.stderr
    assert "SHA-256" in done.stderr
    assert client.files() == {}
    # It is not kept for the next time either.
    hub.bytes_of.clear()
    client.ends(0, "pull", "alice/style")
    assert client.files("style") == FILES


@pytest.mark.parametrize("change", [-1, 1])
def test_another_length_is_refused(client, hub, change):
    data = FILES["README.md"]
    hub.bytes_of["README.md"] = data[:-1] if change < 0 else data + b"x"
    client.use(hub.endpoint).ends(5, "pull", "alice/style")
    assert client.files() == {}


def test_a_damaged_cache_is_noticed(client, hub):
    client.use(hub.endpoint).ends(0, "pull", "alice/style")
    sha256 = hashlib.sha256(WEIGHTS).hexdigest()
    blob = client.cache / "blobs" / sha256[:2] / sha256
    blob.unlink()
    blob.write_bytes(bytes(len(WEIGHTS)))
    client.ends(0, "pull", "alice/style", "--to", "elsewhere")
    assert client.files("elsewhere") == FILES


@pytest.mark.parametrize(("knows_ranges", "connections"), [(False, 4), (True, 1), (True, 9)])
def test_all_ways_lead_to_the_same_bytes(client, hub, knows_ranges, connections):
    hub.knows_ranges = knows_ranges
    client.use(hub.endpoint).ends(0, "pull", "alice/style", LORAHUB_CONNECTIONS=str(connections))
    assert client.files("style") == FILES


def test_a_server_that_sends_another_range_is_refused(client, hub):
    hub.wrong_range = True
    done = client.use(hub.endpoint).ends(5, "pull", "alice/style")
    assert "other bytes" in done.stderr


def test_connections_that_break_are_gone_on_with(client, hub):
    hub.cut_after = [300_000, 700_000, 5 * MB, 0]
    client.use(hub.endpoint).ends(0, "pull", "alice/style", "--file", "adapter.safetensors")
    assert client.files("style")["adapter.safetensors"] == WEIGHTS
    # What had arrived was not fetched again, but for what was on its way.
    assert hub.sent["adapter.safetensors"] < len(WEIGHTS) + MB


def test_it_gives_up_in_the_end_and_keeps_what_arrived(client, hub):
    hub.cut_after = [500_000] + [0] * 100
    client.use(hub.endpoint).ends(
        6, "pull", "alice/style", "--file", "*.safetensors", LORAHUB_RETRIES="0"
    )
    assert client.files() == {}
    hub.cut_after = []
    hub.sent.clear()
    client.ends(0, "pull", "alice/style", "--file", "*.safetensors")
    assert hub.sent["adapter.safetensors"] < len(WEIGHTS) - 200_000


@pytest.mark.parametrize("connections", ["1", "4"])
def test_bytes_that_were_hashed_are_not_written_again(client, hub, connections):
    """A store that sends another beginning the second time changes nothing that was verified."""
    hub.cut_after = [5 * MB] + [0] * 20
    words = ("pull", "alice/style", "--file", "adapter.safetensors")
    client.use(hub.endpoint).ends(6, *words, LORAHUB_RETRIES="0", LORAHUB_CONNECTIONS="1")
    hub.cut_after = []
    hub.knows_ranges = False
    hub.bytes_of["adapter.safetensors"] = bytes(MB) + WEIGHTS[MB:]
    client.ends(0, *words, LORAHUB_CONNECTIONS=connections)
    assert client.files("style") == {"adapter.safetensors": WEIGHTS}


def test_a_redirect_to_a_store_gets_no_token(client, hub, fake):
    store = fake(FILES)
    hub.redirect = store.endpoint
    client.use(hub.endpoint, "lh_secret").ends(0, "pull", "alice/style")
    assert client.files("style") == FILES
    assert {headers.get("Authorization") for _, _, headers in hub.asked} == {"Bearer lh_secret"}
    assert {headers.get("Authorization") for _, _, headers in store.asked} == {None}
    assert any("Range" in headers for _, _, headers in store.asked)


def test_a_store_whose_signature_expired_is_asked_by_a_new_one(client, hub, fake):
    store = fake(FILES)
    store.refusals = [(403, {})]
    hub.redirect = store.endpoint
    client.use(hub.endpoint).ends(0, "pull", "alice/style")
    assert client.files("style") == FILES


def test_a_busy_hub_is_waited_for(client, hub):
    hub.refusals = [(503, {"Retry-After": "0"}), (429, {"Retry-After": "0"})]
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style")
    assert "503" in done.stderr


def test_exit_codes(client, hub):
    client.use(hub.endpoint)
    client.ends(2, "pull")
    client.ends(2, "pull", "no-slash")
    client.ends(2, "pull", "alice/style", "--no-such-option")
    client.ends(2, "pull", "alice/style", "--to", "comfyui")
    client.ends(3, "pull", "alice/style", "--file", "nope.txt")
    client.use(hub.endpoint + "/nowhere").ends(3, "pull", "a/b", "--file", "x")
    hub.refusals = [(403, {})]
    client.use(hub.endpoint).ends(4, "pull", "alice/style")
    hub.refusals = [(401, {})]
    client.ends(4, "pull", "alice/style")
    hub.refusals = [(500, {})]
    client.ends(1, "pull", "alice/style")
    client.use("http://127.0.0.1:9").ends(6, "pull", "alice/style", LORAHUB_RETRIES="0")


def test_a_disk_that_is_too_small_is_said_first(own_place, hub, monkeypatch):
    class Full:
        f_bavail, f_frsize = 1, 4096

    monkeypatch.setattr("os.statvfs", lambda _: Full)
    with pytest.raises(LorahubError, match=r"4.1 kB free"):
        lorahub.pull("alice/style", endpoint=hub.endpoint)
    assert hub.paths("/resolve/") == []


def test_a_cache_that_can_not_be_written(client, hub):
    (client.here / "file").write_text("")
    client.use(hub.endpoint)
    done = client.ends(1, "pull", "alice/style", LORAHUB_CACHE=str(client.here / "file"))
    assert "LORAHUB_CACHE" in done.stderr


def test_tools_get_what_they_read(client, fake):
    hub = fake({"x.safetensors": WEIGHTS, "README.md": b"#", "cover.png": b"\x89PNG"})
    hub.adapters = [{"path": "x.safetensors", "family": "sdxl", "layout": "kohya"}]
    hub.trigger_words = ["glasspaint"]
    (client.here / "ui" / "models" / "Lora").mkdir(parents=True)
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style", "--to", "a1111", "--root", "ui")
    found = client.files("ui/models/Lora")
    assert set(found) == {"style.safetensors", "style.json", "style.png"}
    assert found["style.safetensors"] == WEIGHTS
    assert json.loads(found["style.json"])["activation text"] == "glasspaint"
    assert "trigger words: glasspaint" in done.stderr
    # What was not wanted was not fetched.
    assert hub.sent["README.md"] == 0


def test_peft_is_told_what_is_missing(client, fake):
    hub = fake({"adapter_model.safetensors": b"x"})
    done = client.use(hub.endpoint).ends(0, "pull", "alice/style", "--to", "peft")
    assert "adapter_config.json" in done.stderr
    hub.files["adapter_config.json"] = b"{}"
    done = client.ends(0, "pull", "alice/style", "--to", "peft")
    assert "adapter_config.json" not in done.stderr


def test_side_files_that_the_person_edited_stay(client, fake):
    hub = fake({"x.safetensors": WEIGHTS})
    (client.here / "ui" / "models").mkdir(parents=True)
    words = ("pull", "alice/style", "--to", "forge", "--root", "ui")
    client.use(hub.endpoint).ends(0, *words)
    settings = client.here / "ui" / "models" / "Lora" / "style.json"
    settings.write_text("mine")
    done = client.ends(0, *words)
    assert "kept as you changed it" in done.stderr
    assert settings.read_text() == "mine"
    client.ends(0, *words, "--force")
    assert settings.read_text() != "mine"


def test_an_adapter_of_that_name_is_not_overwritten(client, fake):
    hub = fake({"x.safetensors": WEIGHTS})
    loras = client.here / "models" / "loras"
    loras.mkdir(parents=True)
    (loras / "style.safetensors").write_bytes(b"somebody else's")
    done = client.use(hub.endpoint).ends(1, "pull", "alice/style", "--to", "comfyui")
    assert "--as" in done.stderr
    assert hub.sent.total() == 0
    client.ends(0, "pull", "alice/style", "--to", "comfyui", "--as", "other")
    assert set(client.files("models/loras")) == {"style.safetensors", "other.safetensors"}


def test_a_page_address_names_the_hub(client, hub):
    client.ends(0, "pull", f"{hub.endpoint}/alice/style", "--file", "README.md")
    assert client.files("style") == {"README.md": FILES["README.md"]}


def test_verification_failed_is_what_python_raises(own_place, hub):
    hub.bytes_of["README.md"] = b"# style\n"
    with pytest.raises(VerificationFailed) as caught:
        lorahub.pull("alice/style", endpoint=hub.endpoint)
    assert caught.value.exit_code == 5
