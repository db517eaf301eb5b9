"""Something that listens where the gateway would: answers as it is told, and keeps what it has taken."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """`answers`: (status, headers, body) for the next requests, then 200; nothing is answered until `open` is set."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[tuple[int, dict[str, str], bytes]] = []
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.taken: list[dict[str, Any]] = []
        self.open = threading.Event()
        self.open.set()

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        """What to answer to this."""
        self.open.wait(60)
        self.requests.append((path, headers, body))
        answer = self.answers.pop(0) if self.answers else (200, {}, b"{}")
        if answer[0] == 200:
            self.taken += json.loads(body)
        return answer

    @property
    def ids(self) -> list[str]:
        """Of the events that were taken."""
        return [event["id"] for event in self.taken]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Listens on loopback until the end of the block."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, headers, said = receiver.take(self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(said)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.open.set()
        server.shutdown()
        thread.join()
        server.server_close()
