"""What two licences permit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lorahub_server.library import base_licences, effective, licences

STRICT = {"no": 0, "ask": 1, "yes": 2}
IDS = [one.id for one in licences.choices()]


def answers(found: effective.Effective) -> dict[str, str]:
    return {right.id: right.answer for right in found.rights}


def test_the_stricter_counts_and_the_clash_is_said():
    found = effective.combine("mit", "black-forest-labs/FLUX.1-dev", "flux1")
    assert answers(found) == {
        "outputs": "yes", "services": "no", "changes": "yes", "relicense": "no", "uncredited": "no",
    }  # fmt: skip
    assert found.sentence == (
        "You may sell what it makes and share merges and changes, but not offer it as a paid "
        "service or give changes other terms; name the author."
    )
    assert found.conflict == (
        "MIT lets people offer it as a paid service, which FLUX.1 [dev] Non-Commercial, the "
        "licence of its base black-forest-labs/FLUX.1-dev, does not. The stricter one counts."
    )
    assert {right.id: right.limits for right in found.rights}["services"] == "base"


def test_a_stricter_author_is_no_clash():
    found = effective.combine("cc-by-nc-nd-4.0", "black-forest-labs/FLUX.1-schnell", "flux1")
    assert found.conflict == ""
    assert answers(found)["outputs"] == "no"
    assert answers(found)["changes"] == "no"
    assert found.sentence.startswith("You may use it, but not sell what it makes")


def test_what_nobody_says_is_to_be_asked():
    found = effective.combine(None, None, None)
    assert set(answers(found).values()) == {"ask"}
    assert "ask the author" in found.sentence
    only_base = effective.combine(None, "black-forest-labs/FLUX.1-dev", "flux1")
    assert answers(only_base)["services"] == "no"
    assert answers(only_base)["changes"] == "ask"
    unheard_of = effective.combine("my-own-terms", None, "sdxl")
    assert set(answers(unheard_of).values()) == {"ask"}


def test_a_family_speaks_only_where_no_base_is_named():
    assert effective.combine("mit", None, "sd1").is_presumed
    named = effective.combine("mit", "somebody/own-finetune", "sd1")
    assert not named.is_presumed
    assert named.base_licence is None
    here = effective.combine("mit", "somebody/own-finetune", "sd1", "cc-by-nc-4.0")
    assert answers(here)["services"] == "no"
    assert "somebody/own-finetune" in here.conflict


@given(st.sampled_from([*IDS, None]), st.sampled_from([*IDS, None]))
def test_no_pair_grants_more_than_either(own, base):
    both = effective.combine(own, "a/b", None, base)
    for one in (own, base):
        alone = effective.combine(one, "a/b", None, one)
        for right in both.rights:
            assert STRICT[right.answer] <= STRICT[answers(alone)[right.id]]
    assert both.sentence.endswith(".")


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("stabilityai/stable-diffusion-xl-base-1.0", "openrail++"),
        ("stable-diffusion-v1-5/stable-diffusion-v1-5", "creativeml-openrail-m"),
        ("stabilityai/stable-diffusion-3.5-large", "stabilityai-ai-community"),
        ("meta-llama/Llama-3.2-1B-Instruct", "llama3.2"),
        ("Qwen/Qwen2.5-7B", "apache-2.0"),
        ("Qwen/Qwen2.5-3B-Instruct", "qwen-research"),
        ("OnomaAIResearch/Illustrious-xl-early-release-v0", "faipl-1.0-sd"),
        ("somebody/thing", None),
        ("", None),
    ],
)
def test_licences_of_well_known_bases(name, licence):
    assert base_licences.of_model(name) == licence
    assert licence is None or licences.is_known(licence)


def test_an_unknown_base_leaves_the_word_to_the_licence_of_the_adapter():
    found = effective.combine("cc-by-4.0", "somebody/thing", None)
    assert set(answers(found).values()) == {"ask", "no"}
    assert found.sentence == (
        "By its own licence you may sell what it makes, offer it as a paid service, share merges "
        "and changes and give changes other terms; name the author. The licence of its base "
        "somebody/thing is not known here; read that licence as well."
    )
