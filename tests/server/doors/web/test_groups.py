"""Files that are one adapter in several forms."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.doors.web.groups import form_of, groups


@dataclass(frozen=True)
class File:
    name: str
    summary: dict[str, Any] | None


def file(name, family="sdxl", dtype="BF16"):
    return File(name, {"family": family, "dtypes": {dtype: 3}})


@pytest.mark.parametrize(
    ("name", "title", "form"),
    [
        ("glass.safetensors", "glass", "bf16"),
        ("glass-fp16.safetensors", "glass", "fp16"),
        ("glass_BF16.safetensors", "glass", "bf16"),
        ("glass.fp8_e4m3fn.safetensors", "glass", "fp8"),
        ("wan22_HIGH.safetensors", "wan22", "high noise"),
        ("wan-low_noise_model.safetensors", "wan", "low noise"),
        ("wan_t2v_high_noise_r64.safetensors", "wan_t2v", "high noise, rank 64"),
        ("glass-000010.safetensors", "glass", "epoch 10"),
        ("glass-step00001500.safetensors", "glass", "step 1500"),
        ("glass-1500steps.safetensors", "glass", "step 1500"),
        ("glass_e20.safetensors", "glass", "epoch 20"),
        ("glass_last.safetensors", "glass", "final"),
        # A first piece is a name, whatever it says.
        ("high.safetensors", "high", "bf16"),
        ("000010.safetensors", "000010", "bf16"),
        ("cats/adapter_model.safetensors", "cats", "bf16"),
        ("adapter_model.safetensors", "adapter_model", "bf16"),
    ],
)
def test_names_are_taken_apart(name, title, form):
    found = form_of(name, file(name).summary)
    assert (found.title, found.form) == (title, form)


def test_forms_of_one_and_a_pack():
    found = groups(
        [
            file("glass-fp16.safetensors"),
            File("README.md", None),
            file("rain.safetensors"),
            file("Glass-bf16.safetensors"),
            file("glass-fp16.safetensors", family="sd1"),
        ]
    )
    assert [(one.title, [form for _, form in one.files]) for one in found] == [
        ("glass", ["fp16", "bf16"]),
        ("rain", ["bf16"]),
        ("glass", ["fp16"]),
    ]


def test_peft_checkpoints_are_told_apart_by_their_folders():
    names = ("a/adapter_model.safetensors", "b/adapter_model.safetensors")
    assert [one.title for one in groups([file(name) for name in names])] == ["a", "b"]


@given(st.text(max_size=300), st.none() | st.text(max_size=9))
def test_every_name_has_a_group(name, family):
    found = form_of(name, {"family": family, "dtypes": {}})
    assert found.key
    assert len(found.title) <= 300
