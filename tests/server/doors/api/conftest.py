import pytest

from support.asgi import InProcess


@pytest.fixture
def studio(alice: InProcess) -> InProcess:
    """Alice, who has the organisation `studio`."""
    alice.post("organizations", json={"name": "studio"}).expect(201)
    return alice
