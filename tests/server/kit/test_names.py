import contextlib
import random
import re
import subprocess
import unicodedata

import pytest
from huggingface_hub.utils import HFValidationError, validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.kit import names
from lorahub_server.kit.names import (
    InvalidName,
    InvalidPath,
    InvalidRef,
    check_account_name,
    check_path,
    check_ref_name,
    check_repo_name,
    fold,
)

ASCII = "abcXYZ0123456789-_."


@pytest.mark.parametrize("name", ["ab", "alice", "Bob-42", "a_b-c", "x" * 39, "007", "l33t"])
def test_good_account_names(name):
    assert check_account_name(name) == name
    assert names.is_account_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 40,
        "-alice",
        "alice-",
        "_a",
        "a--b",
        "a__b",
        "a-_b",
        "a.b",
        "a b",
        "al/ice",
        "..",
        "alice\n",
        "al\x00ice",
        "\u0430lice",  # a Cyrillic letter
        "ålice",
        "😀😀",
        "\ud800abc",
        "K\u212a",  # a Kelvin sign
        "\uff11\uff12\uff13",  # full-width digits
    ],
)
def test_bad_account_names(name):
    with pytest.raises(InvalidName) as caught:
        check_account_name(name)
    assert (caught.value.status, caught.value.code) == (422, "invalid_name")
    assert not names.is_account_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "api",
        "API",
        "login",
        "l0gin",
        "Log-In",
        "adm1n",
        "a_d_m_i_n",
        "lorahub",
        "LoraHub",
        "l0rahub",
        "models",
        "datasets",
        "spaces",
        "resolve",
        "v1",
        "VL",
        "git",
        "hf",
        "well-known",
        "CON",
        "com1",
    ],
)
def test_reserved_account_names_and_their_look_alikes(name):
    with pytest.raises(InvalidName, match="reserved"):
        check_account_name(name)


def test_word_lists_are_clean():
    assert len(names.RESERVED) > 400
    assert {"robots.txt", "favicon.ico", ".well-known", "xet", "info", "static"} <= names.RESERVED
    for word in names.RESERVED | names.RESERVED_REPOS:
        assert re.fullmatch(r"[a-z0-9._-]+", word), word


@pytest.mark.parametrize(
    ("one", "other"),
    [("alice", "a1ice"), ("alice", "ALICE"), ("alice", "al-ice"), ("bob", "b0b"), ("bill", "BI1I")],
)
def test_look_alikes_fold_together(one, other):
    assert fold(one) == fold(other)


def test_different_names_stay_apart():
    assert len({fold(n) for n in ["alice", "alicia", "bob", "bobby", "carol"]}) == 5


@given(st.from_regex(r"[A-Za-z0-9]([-_]?[A-Za-z0-9])*", fullmatch=True))
def test_fold_is_stable(name):
    assert fold(fold(name)) == fold(name) == fold(name.upper()) == fold(name.swapcase())


@pytest.mark.parametrize(
    "name", ["a", "my-lora", "SDXL_v1.0", "_x_", "x" * 96, "1", "a.b.c", "gitlab", "notes.gitx"]
)
def test_good_repo_names(name):
    assert check_repo_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "x" * 97,
        ".a",
        "a.",
        "-a",
        "a-",
        "a--b",
        "a..b",
        "a b",
        "a/b",
        "a\n",
        "é",
        "a.git",
        "A.GIT",
        "n.ipynb",
        "x.lock",
        "settings",
        "Settings",
        "CON",
        "nul.txt",
        "..",
        ".",
        "\x00",
    ],
)
def test_bad_repo_names(name):
    with pytest.raises(InvalidName):
        check_repo_name(name)


@given(st.text(alphabet=ASCII, min_size=1, max_size=100))
def test_hugging_face_clients_accept_our_repo_names(name):
    try:
        check_repo_name(name)
    except InvalidName:
        return
    try:
        validate_repo_id(f"alice/{name}")
    except HFValidationError as error:
        pytest.fail(str(error))


@pytest.mark.parametrize(
    "name", ["main", "v1.0", "feature/x", "été", "a@b", "x" * 250, "deadbeef", "release-1", "a%2Fb"]
)
def test_good_ref_names(name):
    assert check_ref_name(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/a",
        "a/",
        "a//b",
        ".a",
        "a/.b",
        "a.",
        "a.lock",
        "a.lock/b",
        "a..b",
        "a b",
        "a~1",
        "a^",
        "a:b",
        "a?",
        "a*",
        "a[",
        "a\\b",
        "a@{1}",
        "@",
        "HEAD",
        "head",
        "-a",
        "refs/heads/x",
        "refs",
        "a\x7f",
        "a" * 40,
        "0" * 64,
        "x" * 251,
        "é" * 126,
        "a\nb",
        "é",
        "a\u202eb",
        "\ud800",
    ],
)
def test_bad_ref_names(name):
    with pytest.raises(InvalidRef) as caught:
        check_ref_name(name)
    assert caught.value.code == "invalid_ref"


def test_git_accepts_every_ref_name_that_we_do():
    rng = random.Random(20)
    alphabet = "ab/.@{}~^:?*[\\- \x01é-_lock"
    accepted = []
    while len(accepted) < 60:
        name = "".join(
            rng.choice([*alphabet, ".lock", "..", "@{"]) for _ in range(rng.randint(1, 7))
        )
        try:
            accepted.append(check_ref_name(name))
        except InvalidRef:
            continue
    for name in accepted:
        git = ["git", "check-ref-format", "--branch", name]
        done = subprocess.run(git, capture_output=True, check=False)
        assert done.returncode == 0, name


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "a/b/c.safetensors",
        "ümlaut/é.txt",
        "a b.txt",
        "x,y;z%20.txt",
        ".gitattributes",
        ".github/x",
        "日本/語.png",
        "a" * 255,
        "/".join("a" * 32),
        "👩\u200d💻.png",
        "console",
    ],
)
def test_good_paths(path):
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "a/../b",
        "./a",
        "a/.",
        "a\\b",
        "a\x00b",
        "a\nb",
        "a\x7f",
        ".git",
        ".git/config",
        "a/.GIT/x",
        ".Git",
        "git~1",
        ".g\u200cit",
        ".git ",
        ".git.",
        ".git::$DATA",
        "what?.txt",
        "a:b",
        'say "x".txt',
        "a/b*",
        "a|b",
        "<a>",
        "\u200b",
        "a/\u2060\u200d/b",
        "a ",
        " a",
        "a.",
        "a/b./c",
        "CON",
        "con.txt",
        "a/NUL",
        "com1.safetensors",
        "a" * 256,
        "é" * 128,
        "/".join("a" * 33),
        "/".join(["x" * 100] * 11),
        "é",
        "a\u202eb",
        "a\u2028b",
        "\ud800",
    ],
)
def test_bad_paths(path):
    with pytest.raises(InvalidPath) as caught:
        check_path(path)
    assert (caught.value.status, caught.value.code) == (422, "invalid_path")
    assert caught.value.place is not None
    assert caught.value.place.isprintable()


@given(st.text(max_size=60))
def test_any_text_is_a_path_or_refused_and_never_escapes(text):
    try:
        check_path(text)
    except InvalidPath as error:
        str(error).encode()
        return
    parts = text.split("/")
    assert unicodedata.normalize("NFC", text) == text
    assert all(p and p not in {".", ".."} and p.casefold() != ".git" for p in parts)
    assert "\\" not in text
    assert text.isprintable() or any(unicodedata.category(c)[0] in "CZ" for c in text)


@given(st.text(max_size=60), st.sampled_from([check_account_name, check_repo_name, check_ref_name]))
def test_any_text_is_a_name_or_refused(text, check):
    with contextlib.suppress(InvalidName):
        assert check(text) == text
