"""A relay from a chosen loopback port to another, in a thread: the mock cluster cannot choose its port."""

import asyncio
import threading
from contextlib import suppress

from detector.errors import DeploymentError

CHUNK_BYTES = 262_144


class Relay:
    """Listens on 127.0.0.1:`port` and copies every connection to 127.0.0.1:`target`, until the process ends.

    Raises DeploymentError where the port is taken.
    """

    def __init__(self, port: int, target: int) -> None:
        self._port, self._target = port, target
        self._listening = threading.Event()
        self._error: OSError | None = None
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        self._listening.wait()
        if self._error is not None:
            raise DeploymentError(
                f"the embedded broker cannot listen on 127.0.0.1:{port} ({self._error.strerror}); "
                "end what listens there or choose another port"
            )

    async def _serve(self) -> None:
        try:
            server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, limit=CHUNK_BYTES)
        except OSError as error:
            self._error = error
            return
        finally:
            self._listening.set()
        async with server:
            await server.serve_forever()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            target_reader, target_writer = await asyncio.open_connection("127.0.0.1", self._target, limit=CHUNK_BYTES)
        except OSError:  # the broker is down: the client sees a closed connection, as it would see the broker's
            writer.close()
            return
        both = [
            asyncio.create_task(_copy(reader, target_writer)),
            asyncio.create_task(_copy(target_reader, writer)),
        ]
        # Either side's end ends both: Kafka has no half-closed connections.
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        for end in (writer, target_writer):
            end.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
