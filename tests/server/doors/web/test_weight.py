"""What a page costs on the way: HTML, styles and scripts, as they are before any packing."""

import re

from support.person import Person

# Bytes; pictures come on top, and only those that are seen.
LIBRARY_MAX = 150_000
CARD = """---
license: cc-by-4.0
base_model: stabilityai/stable-diffusion-xl-base-1.0
tags: [style, watercolour, stained-glass, {name}]
trigger_words: [glasspaint {name}, "a window with the sun behind it"]
---
# {name}: stained glass windows at noon, with lead and light

Paints whatever it is asked for as a window of coloured glass with the sun behind it.
"""


def weights(person: Person, address: str) -> dict[str, int]:
    """Return the bytes of a page and of what it loads besides pictures, by address."""
    page = person.visit(address)
    assert page.status == 200
    found = {address: len(page.answer.body)}
    for tag in re.findall(r"<(?:link|script)[^>]*>", page.html):
        loads = re.search(r'(?:href|src)="([^"]+\.(?:css|js)[^"]*)"', tag)
        if loads:
            answer = person.ask("GET", loads[1])
            assert answer.status == 200
            assert "content-encoding" not in answer.headers
            found[loads[1]] = len(answer.body)
    return found


def test_a_full_page_of_the_library_is_light(maren, publish, person):
    for number in range(40):
        name = f"glass-number-{number}"
        publish(f"maren/{name}", CARD.format(name=name))
    for who in (person, maren):
        found = weights(who, "/")
        assert sum(name.endswith(".css") or ".css?" in name for name in found) >= 4
        assert sum(found.values()) <= LIBRARY_MAX, found
