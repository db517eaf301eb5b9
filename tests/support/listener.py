"""An HTTP server on loopback, in place of a gateway, that keeps what it was sent."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple


class Posted(NamedTuple):
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes


class Listener:
    """`address` to send to; `answer`: the status, headers and body of every answer."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.posted: list[Posted] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b'{"accepted":1}')


@contextmanager
def listening() -> Iterator[Listener]:
    """A listener while the context lasts."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.posted.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            status, headers, answer = listener.answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        listener = Listener(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield listener
        finally:
            server.shutdown()
            thread.join()
