"""What a header tells before its file is sent."""

import pytest

from lorahub.adapters.limits import MAX_HEADER_BYTES
from support import bad_inputs
from support.inside import adapter
from support.person import Person

WEIGHTS = adapter(1)
SIZE = len(WEIGHTS)
HEADER = WEIGHTS[: 8 + int.from_bytes(WEIGHTS[:8], "little")]


@pytest.fixture
def ask(maren):
    token = maren.visit("/upload").form("/upload").fields["csrf_token"]

    def do(body=HEADER, name="style-bf16.safetensors", size=SIZE, who=maren, **headers):
        headers = {"X_CSRF_Token": token, "Content_Type": "application/octet-stream", **headers}
        return who.ask("POST", f"/upload/header?name={name}&size={size}", body, **headers)

    return do


def test_the_header_alone_tells_what_the_file_is(ask):
    answer = ask()
    assert answer.status == 200
    assert answer.headers["cache-control"] == "private, no-store"
    found = answer.json()["adapter"]
    assert (found["title"], found["form"]) == ("style", "bf16")
    assert "PEFT" in found["short"]
    assert ["Rank", "2"] in found["facts"]


def test_what_is_no_adapter_file_tells_nothing(ask):
    assert ask(b"# Hello", "README.md", 7).json() == {"adapter": None}


@pytest.mark.parametrize("case", bad_inputs.NOT_SAFETENSORS, ids=lambda case: case.what)
def test_what_would_be_refused_later_is_refused_now(ask, case):
    data = case.make()
    answer = ask(data[:4096], case.filename or "style.safetensors", len(data))
    assert answer.status == 422
    assert answer.json()["error"]["message"]


def test_sizes_have_limits(ask):
    assert ask(size=10).status == 422
    assert ask(HEADER[:-20]).status == 422
    assert ask(b"x" * (MAX_HEADER_BYTES + 9), "a.txt").status == 413
    assert ask(name="a" * 5000).status == 422
    assert ask(size=2**63).status == 422
    assert ask(name="..%2Fa.safetensors").status == 422


def test_only_a_person_on_the_page_may_ask(ask, person, site):
    assert ask(X_CSRF_Token="0" * 96).status == 403
    assert ask(who=person).status in (401, 403)
    assert ask(Origin="https://evil.example").status == 403
    nils = Person(site).sign_up("nils")
    assert ask(who=nils).status == 403
