"""Which prompts show what an adapter does."""

from lorahub_server.insight.previews.prompts import (
    SAMPLES_MAX,
    CardWords,
    card_words,
    for_pictures,
    for_texts,
    of_owner,
)


def texts(family, **words):
    found = {name: tuple(value) for name, value in words.items()}
    return [one.text for one in for_pictures(family, CardWords(**found))]


def test_a_new_word_stands_where_the_noun_was():
    assert texts("shapes", triggers=["star"]) == [
        "a red star on a white background",
        "a blue star on a yellow background",
        "a large green star on a white background",
        "a purple ring on a black background",
    ]


def test_without_a_word_the_prompts_are_the_bases_own():
    assert texts("shapes")[0] == "a red circle on a white background"
    assert len(texts("sdxl")) == 4
    assert all("{" not in text for text in texts("sdxl", triggers=["glasspaint"]))
    assert all("glasspaint" in text for text in texts("sdxl", triggers=["glasspaint"])[:3])


def test_examples_of_the_card_come_first_and_know_how_the_word_is_used():
    example = "a neon red circle on a black background"
    found = texts("shapes", triggers=["neon"], examples=[example])
    assert found[0] == example
    assert found[1] == "a red circle on a white background"
    assert len(found) == 4


def test_there_are_never_too_many_and_always_a_neutral_one():
    found = texts("sdxl", examples=[f"example number {n} of many" for n in range(30)])
    assert len(found) == SAMPLES_MAX
    assert found[-1] == "a portrait of a woman in a garden"


def test_all_adapters_of_a_family_get_the_same_seeds():
    one = for_pictures("shapes", CardWords(triggers=("star",)))
    other = for_pictures("shapes", CardWords(examples=("a small house on a hill",)))
    assert [p.seed for p in one] == [p.seed for p in other]


def test_an_instance_prompt_may_be_a_word_or_a_whole_prompt():
    assert card_words([], "sks", ["sks"]) == CardWords((), ("sks",))
    found = card_words([], "a photo of sks dog", ["a photo of sks dog"])
    assert found == CardWords(("a photo of sks dog",), ())
    listed = "sks dog, on a green meadow in the sun"
    found = card_words(["x y z w"], listed, ["sks dog", "on a green meadow in the sun"])
    assert found.examples[:2] == ("x y z w", listed)
    assert found.triggers == ("sks dog",)


def test_texts_are_the_cards_examples():
    assert [p.text for p in for_texts(CardWords(examples=tuple("abcdef")))] == list("abcd")
    assert len(for_texts(CardWords())) == 3


def test_the_owners_prompts_are_taken_as_they_are():
    found = of_owner([{"prompt": "x", "negative": "y", "seed": 0}, {"prompt": "z"}])
    assert [(p.text, p.negative, p.seed) for p in found] == [("x", "y", 0), ("z", None, 23)]
