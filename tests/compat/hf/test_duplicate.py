"""`duplicate_repo` of the clients that have it for models."""

import pytest

from support.inside import adapter


@pytest.mark.parametrize("kind", ["2.4-xet", pytest.param("1.x-xet", marks=pytest.mark.slow)])
def test_a_duplicate(make_client, crowd, alice, bob, name, kind) -> None:
    source = f"bob/{name.split('/')[1]}"
    bob.publish(source, {"README.md": b"# It\n", "d/w.safetensors": adapter(1)})
    make_client(kind, crowd.endpoint, alice.token).run("duplicate", source, name)
