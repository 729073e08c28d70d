"""Publishing by plain forms, as a browser without scripts does."""

import hashlib
import json
import struct

import pytest

from lorahub_server.doors.web.forms import BadForm
from lorahub_server.doors.web.guess import wish_of
from lorahub_server.doors.web.multipart import parts
from support import bad_inputs
from support.inside import adapter
from support.person import Person, multipart

PICKLE = next(case.make() for case in bad_inputs.NOT_SAFETENSORS if case.what == "pickle")
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def kohya(title="Glass Paint") -> bytes:
    """A small adapter in the layout of kohya, with what its trainer wrote down."""
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    values = struct.pack("<3072f", *[0.5] * 3072)
    header = {
        "__metadata__": {
            "modelspec.title": title,
            "modelspec.trigger_phrase": "glasspaint, stained glass",
            "ss_output_name": "glass_paint",
            "ss_sd_model_name": "sd_xl_base_1.0.safetensors",
        },
        f"{module}.lora_down.weight": bad_inputs.tensor(0, 6144, (2, 768)),
        f"{module}.lora_up.weight": bad_inputs.tensor(6144, 12288, (768, 2)),
    }
    return bad_inputs.container(header, values)


@pytest.fixture
def nils(site):
    return Person(site).sign_up("nils")


def upload(who, *files, to=None):
    page = who.visit("/upload" + (f"?to={to}" if to else ""))
    return who.send(page.form("/upload"), {"files": list(files)})


def confirm(page):
    return next(form for form in page.forms if form.action.startswith("/upload/"))


def test_from_a_file_to_its_page(maren, person):
    content = kohya()
    page = upload(maren, ("glass_paint-000010.safetensors", content))
    assert page.address.startswith("/upload/")
    form = confirm(page)
    assert form.fields["title"] == "Glass Paint"
    assert form.fields["name"] == "glass_paint"
    assert form.fields["words"] == "glasspaint, stained glass"
    assert form.fields["base_model"] == "sd_xl_base_1.0"
    assert form.fields["license"] == ""
    assert "Verified" in page.text
    page = maren.send(
        form, license="cc-by-4.0", tags="Style, glass", description="Paints *well*.\n\n- a\n- b"
    )
    assert page.address == "/maren/glass_paint"
    for words in ("Glass Paint", "glasspaint", "CC BY 4.0", "Paints well.", "style"):
        assert words in page.text, words
    public = person.visit("/maren/glass_paint")
    download = person.ask("GET", next(a for a in public.links if "download=1" in a))
    assert download.body == content
    card = person.visit("/maren/glass_paint/blob/main/README.md").text
    assert "license: cc-by-4.0" in card
    assert "# Glass Paint" in card
    # The upload has done its work.
    assert maren.visit(form.action).status == 404


@pytest.mark.parametrize(
    ("hint", "name"),
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", "stabilityai/stable-diffusion-xl-base-1.0"),
        ("sd_xl_base_1.0.safetensors", "sd_xl_base_1.0"),
        ("stable-diffusion-xl-v1-base/lora", "stable-diffusion-xl-v1-base"),
        ("models/flux1-dev.safetensors", "flux1-dev"),
        ("sdxl_base_v1-0", "sdxl_base_v1-0"),
        ("model.safetensors", ""),
        ("a model of mine", ""),
        ("123", ""),
        (None, ""),
    ],
)
def test_the_base_model_is_suggested(hint, name):
    assert wish_of("a.safetensors", {"base_model_hint": hint}, None).base_model == name


def test_nothing_is_public_before_it_is_confirmed(maren, nils, person, site):
    page = upload(maren, ("a.safetensors", kohya()))
    assert person.visit("/").text.count("maren") == 0
    assert nils.visit(page.address).status == 404
    assert person.visit(page.address).address.startswith("/login")
    form = confirm(page)
    token = nils.visit("/upload").form("/upload").fields["csrf_token"]
    assert nils.send(form, csrf_token=token, license="mit").status == 404


def test_a_licence_must_be_chosen_and_what_was_typed_stays(maren):
    form = confirm(upload(maren, ("a.safetensors", kohya())))
    page = maren.send(form, title="Other title", description="Long <b>text</b>", private="yes")
    assert page.status == 422
    assert "Choose a licence" in page.text
    again = confirm(page)
    assert again.fields["title"] == "Other title"
    assert again.fields["private"] == "yes"
    assert "Long &lt;b&gt;text&lt;/b&gt;" in page.html
    page = maren.send(again, license="mit")
    assert page.status == 200
    assert "Private" in page.text


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("name", "a b", "letters A-Z"),
        ("name", "", "1 to 96"),
        ("name", "con", "reserved"),
        ("title", "", "say in a few words"),
        ("title", "x" * 121, "1 to 120"),
    ],
)
def test_faults_stand_at_their_fields(maren, field, value, says):
    form = confirm(upload(maren, ("a.safetensors", kohya())))
    page = maren.send(form, license="mit", **{field: value})
    assert page.status == 422
    assert says in page.text
    assert 'aria-invalid="true"' in page.html


def test_an_existing_repository_gets_a_revision_only_when_it_is_wished(maren, publish):
    publish("maren/glass", "---\nlicense: mit\nlanguage: en\n---\n# Old\n\nOld words.\n")
    form = confirm(upload(maren, ("new.safetensors", kohya())))
    page = maren.send(form, license="mit", name="glass")
    assert page.status == 409
    assert "Add to the repository maren/glass" in page.text
    assert "Old words." in maren.visit("/maren/glass").text
    page = maren.send(confirm(page), existing="yes", description="New words.")
    assert page.address == "/maren/glass"
    assert "New words." in page.text
    assert "2 adapters in this repository" in page.text
    # What the form does not know stays in the card.
    assert "language: en" in maren.visit("/maren/glass/blob/main/README.md").text


def test_from_the_page_of_a_repository_the_form_knows_its_card(maren, publish):
    publish("maren/glass", "---\nlicense: mit\ntags: [old]\n---\n# Old title\n\nOld words.\n")
    page = upload(maren, ("new.safetensors", kohya()), to="glass")
    form = confirm(page)
    assert form.fields["name"] == "glass"
    assert form.fields["license"] == "mit"
    assert form.fields["title"] == "Old title"
    assert "Old words." in page.text
    page = maren.send(form)
    assert page.address == "/maren/glass"


def test_several_files_belong_together(maren):
    config = json.dumps(
        {"peft_type": "LORA", "base_model_name_or_path": "meta-llama/Llama-3.1-8B", "r": 2}
    ).encode()
    card = b"---\nlicense: llama3.1\ntags: [law]\n---\n# Legalese\n\nSpeaks like a lawyer.\n"
    page = upload(
        maren,
        ("adapter_model.safetensors", adapter(1)),
        ("adapter_config.json", config),
        ("README.md", card),
        ("pictures.png", PNG),
    )
    form = confirm(page)
    assert form.fields["title"] == "Legalese"
    assert form.fields["license"] == "llama3.1"
    assert form.fields["base_model"] == "meta-llama/Llama-3.1-8B"
    assert form.fields["tags"] == "law"
    page = maren.send(form, name="legalese")
    assert page.status == 200
    assert "Speaks like a lawyer." in page.text
    assert any("pictures.png" in image for image in page.images)
    tree = maren.visit("/maren/legalese/tree/main")
    for name in ("adapter_model.safetensors", "adapter_config.json", "README.md", "pictures.png"):
        assert f"/maren/legalese/blob/main/{name}" in tree.links


def test_forms_and_packs_are_shown_as_such(maren):
    page = upload(
        maren,
        ("glass-fp16.safetensors", kohya()),
        ("glass-bf16.safetensors", kohya("Other")),
        ("rain.safetensors", adapter(1)),
    )
    assert "A pack of 2 adapters" in page.text
    assert "glass in 2 forms" in page.text
    # Not after one of its forms.
    assert confirm(page).fields["name"] == "glass"


def test_files_go_where_their_folders_were(maren):
    page = upload(maren, ("a.safetensors", kohya()), ("b.safetensors", adapter(1)))
    first = page.address.partition("?")[0]
    also = page.address.partition("also=")[2]
    assert len(also) == 32
    page = maren.visit(f"{first}?also={also}&at=one/a.safetensors&at=two/a.safetensors")
    page = maren.send(confirm(page), license="mit", name="pack")
    assert page.address == "/maren/pack"
    assert "2 adapters in this repository" in page.text
    for folder in ("one", "two"):
        tree = maren.visit(f"/maren/pack/tree/main/{folder}")
        assert f"/maren/pack/blob/main/{folder}/a.safetensors" in tree.links


def test_two_files_can_not_go_to_the_same_place(maren):
    page = upload(maren, ("a.safetensors", kohya()), ("a.safetensors", adapter(1)))
    assert page.status == 422
    assert "Two of the files are called a.safetensors" in page.text
    page = upload(maren, ("a.safetensors", kohya()))
    for wrong in ("../a", "/a", ".git/config"):
        assert maren.visit(f"{page.address}?at={wrong}").status == 422


def test_peft_without_its_configuration_is_warned_about(maren):
    page = upload(maren, ("adapter_model.safetensors", adapter(1)))
    assert "adapter_config.json" in page.text
    # A name that says nothing is not suggested.
    assert confirm(page).fields["name"] == ""


def test_pictures_come_with_the_form(maren):
    form = confirm(upload(maren, ("a.safetensors", kohya())))
    big = PNG + b"1" * 1_200_000
    page = maren.send(
        form, {"pictures": [("a cover.png", PNG), ("big.png", big)]}, license="mit", name="glass"
    )
    assert page.status == 200
    cover = next(image for image in page.images if "cover.png" in image)
    assert maren.ask("GET", cover).body == PNG
    assert maren.ask("GET", "/maren/glass/resolve/main/big.png").body == big


def test_what_is_no_picture_is_refused(maren):
    form = confirm(upload(maren, ("a.safetensors", kohya())))
    for name, content in (("a.png", b"<svg>"), ("a.svg", PNG), ("a.exe", PNG)):
        page = maren.send(form, {"pictures": [(name, content)]}, license="mit")
        assert page.status == 422
        assert "is no PNG, JPEG, WebP or GIF picture" in page.text


@pytest.mark.parametrize("name", ["model.ckpt", "model.safetensors", "adapter_model.bin"])
def test_pickles_are_refused_with_the_way_out(maren, name):
    page = upload(maren, (name, PICKLE))
    assert page.status == 422
    assert page.form("/upload")
    assert "safetensors" in page.text


def test_what_holds_no_adapter_is_refused(maren):
    page = upload(maren, ("README.md", b"# Hello"))
    assert page.status == 422
    assert "None of these files is an adapter" in page.text
    page = maren.send(maren.visit("/upload").form("/upload"), {"files": []})
    assert page.status == 400
    assert "No file was chosen" in page.text


@pytest.mark.parametrize("name", ["a\u202e.safetensors", " .safetensors", "con.safetensors", "..."])
def test_odd_file_names_are_refused(maren, name):
    page = upload(maren, (name, kohya()))
    assert page.status == 422
    assert "rename the file" in page.text


def test_folders_in_a_file_name_are_dropped(maren):
    page = upload(maren, ("C:\\Users\\maren\\glass.safetensors", kohya()))
    assert "maren" not in next(w for w in page.text.split() if w.endswith(".safetensors"))


def test_a_file_that_is_too_large_is_told_in_a_page(start_site):
    maren = Person(start_site(max_file_bytes=500)).sign_up("maren")
    page = upload(maren, ("a.safetensors", b"0" * 700))
    assert page.status == 413
    assert "more than this hub takes" in page.text


def test_no_file_is_taken_without_the_token(maren, person, site):
    content = [("a.safetensors", kohya())]
    form = maren.visit("/upload").form("/upload")
    assert maren.send(form, {"files": content}, csrf_token=None).status == 403
    assert maren.send(form, {"files": content}, csrf_token="0" * 96).status == 403
    # The token behind the file comes too late.
    kind, body = multipart({}, {"files": content})
    late = multipart({"csrf_token": form.fields["csrf_token"]}, {})[1]
    boundary = kind.partition("boundary=")[2].encode()
    late = late.replace(late.split(b"\r\n")[0].rstrip(b"-"), b"--" + boundary)
    body = body.removesuffix(b"--" + boundary + b"--\r\n") + late
    assert maren.ask("POST", "/upload", body, Content_Type=kind).status == 403
    assert person.ask("POST", "/upload", body, Content_Type=kind).status == 303
    evil = maren.ask("POST", "/upload", body, Content_Type=kind, Origin="https://evil.example")
    assert evil.status == 403
    assert not list(site.hub.store.list("staging/"))


def test_discarding_forgets_the_upload(maren, site):
    form = confirm(upload(maren, ("a.safetensors", kohya())))
    page = maren.send(form, act="discard")
    assert page.address == "/upload"
    assert maren.visit(form.action).status == 404


def test_the_same_bytes_can_be_published_twice(maren):
    for name in ("one", "two"):
        form = confirm(upload(maren, ("a.safetensors", kohya())))
        assert maren.send(form, license="mit", name=name).address == f"/maren/{name}"


def test_upload_needs_a_person(person, maren, site):
    assert person.visit("/upload").address == "/login?next=%2Fupload"
    # A token's caller is not a person in front of the page.
    answer = site.token_of("maren", "read", "write").get("/upload")
    assert answer.status == 403
    assert maren.ask("POST", "/upload", b"{}", Content_Type="application/json").status == 400


@pytest.mark.parametrize("size", [1, 7, 64, 4096])
def test_forms_are_read_in_pieces_of_any_size(size):
    content = bytes(range(256)) * 9 + b"\r\n--x\r\n" + b"\r\n"
    kind, body = multipart({"a": "Käse"}, {"f": [('q".bin', content), ("b", b"")]})
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    found = [
        (part.name, part.filename, hashlib.sha256(b"".join(part.data)).hexdigest())
        for part in parts(pieces, kind)
    ]
    sha = hashlib.sha256
    assert found == [
        ("a", None, sha("Käse".encode()).hexdigest()),
        ("f", "q%22.bin", sha(content).hexdigest()),
        ("f", "b", sha(b"").hexdigest()),
    ]


def test_broken_forms_are_told_apart_from_whole_ones():
    kind, body = multipart({"a": "b"}, {"f": [("x", b"12345")]})
    for cut in (b"", body[:20], body[: body.index(b"12345") + 2], body[:-6]):
        with pytest.raises(BadForm):
            [part.text() for part in parts([cut], kind)]
    for wrong in ("", "text/plain", "multipart/form-data", "multipart/form-data; boundary="):
        with pytest.raises(BadForm):
            list(parts([body], wrong))
    kind, body = multipart({"a": "x" * 100_000}, {})
    with pytest.raises(BadForm):
        [part.text() for part in parts([body], kind)]
