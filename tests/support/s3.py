"""An S3 server in this process (moto), with buckets for the asking."""

import http.client
import os
from itertools import count

from moto.server import ThreadedMotoServer

KEYS = {"LORAHUB_S3_ACCESS_KEY": "test-key", "LORAHUB_S3_SECRET_KEY": "test-secret"}
_names = count(1)


class S3Server:
    def __init__(self) -> None:
        # moto signs calls to its own storage, under the names that Amazon's tools use.
        os.environ.setdefault("AWS_ACCESS_KEY_ID", "test-key")
        os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test-secret")
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.host, self.port = self._server.get_host_and_port()
        self.endpoint = f"http://{self.host}:{self.port}"

    def store_url(self) -> str:
        """Make a bucket; return the address of a store in it (its keys are KEYS)."""
        bucket = f"hub-{next(_names)}"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=10)
        connection.request("PUT", f"/{bucket}")
        assert connection.getresponse().status == 200
        connection.close()
        return f"s3://{bucket}/objects?endpoint={self.endpoint}"

    def close(self) -> None:
        self._server.stop()
