"""What comes with the client: lists, a file system, cards, work in the background."""

import pytest

from support import hf_repos
from support.hf_clients import Client
from support.http import Api

SLOW = pytest.mark.slow
KINDS = ["0.36", pytest.param("1.19", marks=SLOW), pytest.param("1.x-xet", marks=SLOW), "2.4-xet"]


@pytest.fixture(params=KINDS)
def client(request, make_client, crowd, alice) -> Client:
    return make_client(request.param, crowd.endpoint, alice.token)


def test_lists(client: Client, name: str, alice: Api, bob: Api) -> None:
    client.run("lists", *hf_repos.to_list(alice, bob, name))


def test_a_file_system(client: Client, name: str) -> None:
    client.run("filesystem", name)


def test_headers_cards_and_work_in_the_background(client: Client, name: str) -> None:
    client.run("tools", name)
