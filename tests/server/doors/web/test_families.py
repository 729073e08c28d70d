"""Every family that the library tells has a name for people."""

import pytest

from lorahub.adapters.families import family_of_words
from lorahub.adapters.families.words import _WORDS
from lorahub.adapters.remake.naming.schemes import _SCHEMES
from lorahub_server.doors.web.families import family_hue, family_label, family_makes
from support.diffusers_models import MODELS

NAMES = sorted({*MODELS, *_SCHEMES, *(name for _, name in _WORDS)})


@pytest.mark.parametrize("name", NAMES)
def test_a_family_has_a_label_a_hue_and_a_purpose(name):
    assert family_label(name) != name
    assert family_makes(name) != "unknown"
    assert family_hue(name) is not None


def test_the_demo_is_named_so():
    assert family_label("shapes") == "Shapes (demo base)"
    assert family_of_words("lorahub/shapes") == "shapes"
    assert family_of_words("shapes") == "shapes"
    assert family_of_words("someone/sdxl-shapes") == "sdxl"
    assert family_of_words("someone/many-shapes-and-lines") is None
