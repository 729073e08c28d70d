import http.client
import os
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from lorahub_server.storage import ObjectStore, open_store

KEYS = {"LORAHUB_S3_ACCESS_KEY": "test-key", "LORAHUB_S3_SECRET_KEY": "test-secret"}


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    # moto talks to its own storage with the AWS names.
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test-key")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test-secret")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    connection = http.client.HTTPConnection(host, port, timeout=10)
    connection.request("PUT", "/hub", headers={"Host": f"{host}:{port}"})
    assert connection.getresponse().status == 200
    connection.close()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["local", "s3", "s3-prefix"])
def store(request: pytest.FixtureRequest, tmp_path) -> ObjectStore:
    if request.param == "local":
        return open_store(f"file://{tmp_path}/objects")
    endpoint = request.getfixturevalue("s3_endpoint")
    prefix = f"{tmp_path.name}/nested/" if request.param == "s3-prefix" else tmp_path.name
    return open_store(f"s3://hub/{prefix}?endpoint={endpoint}", KEYS)
