import pytest

from support.asgi import InProcess, Site


@pytest.fixture
def alice(site: Site) -> InProcess:
    """Has a repository `style` with a card."""
    alice = site.add_account("alice")
    alice.publish("alice/style", {"README.md": b"# Style\n"})
    return alice


@pytest.fixture
def head(alice: InProcess) -> str:
    return str(alice.get("repos/alice/style").json()["revision"])
