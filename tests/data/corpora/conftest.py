"""A web server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer

import pytest
from local_server import Server, handler


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    web = ThreadingHTTPServer(("127.0.0.1", 0), handler(server))
    server.address = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    web.shutdown()
    thread.join()
    web.server_close()
