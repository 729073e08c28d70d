"""The page about an adapter: what it says, and that nobody's text can spoil the terminal."""

import io
import re

import numpy as np
import pytest

from lorahub.adapters import inspect_file
from lorahub.cli.page import Ink, page
from support.weights import kohya, save, sdxl_shapes

RNG = np.random.default_rng(23)
BLOCK = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_{}_attn1_to_q"


class Screen(io.StringIO):
    encoding = "utf-8"

    def __init__(self, *, terminal=False):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.fixture
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    return monkeypatch


def report_of(arrays, tmp_path, metadata=None):
    path = save(tmp_path / "style.safetensors", arrays, metadata)
    return {"file": path.name, **inspect_file(path)}


def test_a_page(adapters, wide):
    told = page({"file": "glass.safetensors", **inspect_file(adapters.kohya)}, Ink(Screen()))
    for expected in (
        "glass.safetensors\nLoRA for sd1 · kohya layout · rank 4 · alpha 4 · F32 · ",
        "trigger words  glasspaint style, glasspaint (20 of 20)",
        "1000 steps · 10 epochs · learning rate 0.0001",
        "text encoder (8 modules), U-Net (32 modules)",
        "    mid         ████",
        "  rank 2     keeps  ",
        "  ComfyUI       yes",
        "  PEFT          no      It reads its own layout only.",
        "Health  no complaints",
        "AutoV3 ",
    ):
        assert expected in told
    assert "AutoV1" not in told  # of a file below a megabyte it is the hash of nothing
    assert "\x1b" not in told


def test_colours_only_for_someone_who_looks(adapters, wide):
    report = {"file": "a", **inspect_file(adapters.kohya)}
    assert "\x1b[" in page(report, Ink(Screen(terminal=True)))
    plain = page(report, Ink(Screen()))
    assert re.sub(r"\x1b\[[0-9;]*m", "", page(report, Ink(Screen(terminal=True)))) == plain
    wide.setenv("NO_COLOR", "1")
    assert page(report, Ink(Screen(terminal=True))) == plain
    wide.delenv("NO_COLOR")
    wide.setenv("TERM", "dumb")
    assert page(report, Ink(Screen(terminal=True))) == plain


def test_nothing_but_ascii_where_nothing_else_can_be_shown(tmp_path, wide):
    screen = Screen()
    screen.encoding = "ascii"
    report = report_of(kohya([(BLOCK.format(0), 64, 64)], 4, RNG), tmp_path)
    body = page(report, Ink(screen)).split("\n", 3)[3]
    assert "####" in body
    assert body.isascii()


@pytest.mark.parametrize("columns", [20, 60, 200])
def test_lines_fit(adapters, wide, columns):
    wide.setenv("COLUMNS", str(columns))
    told = page(
        {"file": "a", **inspect_file(adapters.both / "pytorch_lora_weights.safetensors")},
        Ink(Screen()),
    )
    most = max(len(line) for line in told.splitlines() if "SHA256" not in line)
    assert most <= max(columns, 90 if columns < 90 else 100)


def test_many_blocks_are_one_line_a_stretch(tmp_path, wide):
    shapes = [(f"lora_unet_double_blocks_{n}_img_attn_proj", 3072, 64) for n in range(19)]
    shapes += [(f"lora_unet_single_blocks_{n}_linear2", 64, 3072) for n in range(38)]
    told = page(report_of(kohya(shapes, 2, RNG), tmp_path), Ink(Screen()))
    assert re.search(r"    double      [▁▂▃▄▅▆▇█]{19}\n    single      [▁▂▃▄▅▆▇█]{38}\n", told)


def test_what_is_wrong_is_said_in_words(tmp_path, wide):
    arrays = kohya([(BLOCK.format(n), 32, 32) for n in range(3)], 4, RNG)
    arrays[f"{BLOCK.format(0)}.lora_up.weight"][0, 0] = np.nan
    arrays[f"{BLOCK.format(1)}.lora_up.weight"][:] = 0
    told = page(report_of(arrays, tmp_path), Ink(Screen()))
    assert "! 1 module holds NaN, which is no number: pictures or text come out broken." in told
    assert "! 1 module changes nothing" in told
    assert BLOCK.format(0) in told
    assert "no complaints" not in told


def test_strangers_texts_do_nothing(tmp_path, wide):
    evil = "\x1b[31mred\x07\r\n\u202etxt"
    metadata = {
        "modelspec.title": evil, "modelspec.trigger_phrase": evil, "ss_sd_model_name": evil,
        "modelspec.author": evil,
    }  # fmt: skip
    report = report_of(kohya([(BLOCK.format(0), 32, 32)], 4, RNG), tmp_path, metadata)
    report["file"] = f"{evil}.safetensors"
    told = page(report, Ink(Screen()))
    assert all(char.isprintable() or char == "\n" for char in told)
    assert "\u202e" not in told


def test_all_modules_of_sdxl_have_a_name_and_a_place():
    shapes = list(sdxl_shapes())
    assert len(shapes) == len({name for name, _, _ in shapes}) == 986


def test_an_effective_rank_is_set_against_the_rank(tmp_path, wide):
    one = kohya([(BLOCK.format(0), 64, 64)], 4, RNG)
    told = page(report_of(one, tmp_path), Ink(Screen()))
    assert re.search(r"effective rank [\d.]+ of 4\n", told)
    mixed = one | kohya([(BLOCK.format(1), 64, 64)], 16, RNG)
    told = page(report_of(mixed, tmp_path), Ink(Screen()))
    assert re.search(r"effective rank [\d.]+ of 4 to 16 on average\n", told)
