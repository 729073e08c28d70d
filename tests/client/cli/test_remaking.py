"""`lorahub convert`, `resize`, `merge`, `diff`, `compare` as a person calls them."""

import errno
import json
import warnings

import numpy as np
import pytest
from safetensors.numpy import load_file

from lorahub.cli import main
from support import loras
from support.weights import save

NAMES = [
    ("lora_unet_blocks_3_self_attn_q", 40, 1536, ()),
    ("lora_unet_blocks_3_ffn_0", 24, 1536, ()),
]


@pytest.fixture
def call(capsys):
    def run(*words, code=0):
        found = main([str(word) for word in words])
        out, err = capsys.readouterr()
        assert found == code, err
        return out, err

    return run


@pytest.fixture
def style(tmp_path):
    loras.kohya_file(tmp_path / "style.safetensors", "wan-1.3b", names=NAMES)
    return tmp_path / "style.safetensors"


def test_convert(call, style):
    out, err = call("convert", style, "--to", "diffusers", "--dtype", "fp16")
    made = style.with_name("style-diffusers-fp16.safetensors")
    assert made.is_file()
    assert str(made) in out
    assert "F16" in out
    assert "largest difference" in out
    assert "note:" in err
    assert (
        "already there" in call("convert", style, "--to", "diffusers", "--dtype", "fp16", code=1)[1]
    )
    call("convert", style, "--to", "diffusers", "--dtype", "fp16", "--force")


def test_convert_to_a_folder_and_quietly(call, style, tmp_path):
    out, err = call("convert", style, "--to", "peft", "-o", tmp_path / "p", "-q")
    assert out.split() == [
        str(tmp_path / "p" / name) for name in ("adapter_config.json", "adapter_model.safetensors")
    ]
    assert err == ""


def test_json(call, style, tmp_path):
    report = json.loads(
        call("convert", style, "--to", "kohya", "-o", tmp_path / "k", "--json", "-q")[0]
    )
    assert (report["error"], report["lossy"], report["count"]) == (0.0, False, 2)
    error = json.loads(
        call("convert", style, "--to", "kohya", "-o", tmp_path / "k", "--json", "-q", code=1)[0]
    )
    assert error["error"]["code"] == "already_there"


def test_refusals(call, style, tmp_path):
    assert "--to LAYOUT" in call("convert", style, code=2)[1]
    assert "--rank" in call("resize", style, code=2)[1]
    assert "two adapters" in call("merge", style, "-o", "x", code=2)[1]
    assert "-o OUT" in call("merge", style, style, code=2)[1]
    assert "not there" in call("convert", tmp_path / "none", "--dtype", "fp16", code=3)[1]
    (tmp_path / "text.safetensors").write_text("hello")
    call("convert", tmp_path / "text.safetensors", "--dtype", "fp16", code=1)
    call("resize", style, "--rank", "0", code=1)
    call("resize", style, "--energy", "much", code=2)


def test_resize(call, style):
    out, _ = call("resize", style, "--energy", "80%", "--rank", "3", "--modules")
    assert style.with_name("style-r3-e80.safetensors").is_file()
    assert "% kept" in out
    assert "4 -> " in out


def test_merge_diff_and_compare(call, style, tmp_path):
    other = tmp_path / "other.safetensors"
    loras.kohya_file(other, "wan-1.3b", names=NAMES, seed=1, metadata={"modelspec.title": "Two"})
    both = tmp_path / "both.safetensors"
    call("merge", f"{style}:0.7", f"{other}:0.5", "-o", both)
    out, _ = call("compare", style, both)
    assert "cosine" in out
    assert "changed" in out
    assert "the same effect" in call("compare", style, style)[0]
    assert json.loads(call("compare", style, other, "--json")[0])["counts"] == {"changed": 2}
    out, _ = call("diff", style, other, code=1)
    assert "+ modelspec.title: Two" in out
    assert "other numbers in 4 tensors" in out
    assert "same tensors" in call("diff", style, style)[0]


def test_a_layout_that_is_there_already_is_a_copy(call, tmp_path):
    """Also of methods that no other layout has a place for."""
    at = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.hada_w"
    arrays = {
        f"{at}{end}": np.ones(shape, "f4")
        for end, shape in {
            "1_a": (64, 4), "1_b": (4, 768), "2_a": (64, 4), "2_b": (4, 768),
        }.items()
    }  # fmt: skip
    path = save(tmp_path / "a.safetensors", arrays)
    _, err = call("convert", path, "--to", "kohya", "-o", tmp_path / "b")
    assert "The layout is kohya already: every name stays." in err
    assert load_file(tmp_path / "b").keys() == arrays.keys()
    call("convert", path, "--to", "kohya", "--dtype", "fp16", "-o", tmp_path / "c")
    assert {tensor.dtype for tensor in load_file(tmp_path / "c").values()} == {np.dtype("f2")}
    assert "loha" in call("convert", path, "--to", "diffusers", "-o", tmp_path / "d", code=1)[1]


def test_errors_of_writing_name_the_place_that_was_asked_for(call, style, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    closed = tmp_path / "closed"
    closed.mkdir()
    out = closed / "out.safetensors"
    monkeypatch.setattr("os.fsync", full)
    for words in (["--to", "diffusers"], ["--dtype", "fp16"]):
        _, err = call("convert", style, *words, "-o", out, code=1)
        assert f"{out}: No space left on device" in err
    monkeypatch.undo()
    monkeypatch.setattr("pathlib.Path.mkdir", lambda self, **_: (self / "none").touch())
    _, err = call("convert", style, "--to", "diffusers", "-o", out, code=3)
    assert str(out) in err
    assert ".making" not in err
    assert list(closed.iterdir()) == []


@pytest.mark.parametrize("weight", ["1e300", "-1e300", "1e7"])
@pytest.mark.parametrize("method", ["concat", "ties"])
def test_absurd_weights_are_refused_without_a_warning(call, style, tmp_path, weight, method):
    words = ("merge", f"{style}:{weight}", style, "--method", method, "-o", tmp_path / "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _, err = call(*words, code=1)
    assert "no number between" in err
