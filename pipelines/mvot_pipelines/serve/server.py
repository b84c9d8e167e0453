"""The server, in a thread of its own."""

import asyncio
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mvot_pipelines.serve.access import Access
from mvot_pipelines.serve.pages import Pages
from mvot_pipelines.serve.streams import LiveStreams

__all__ = ["ServerThread"]

_MOST_CONNECTIONS = 128
_PATIENCE_MS = 10_000
"""After which a connection is lost whose client takes nothing, where the system can do that."""
_GRACE = 0.8
"""Seconds in which clients may take the last message."""
_LAST_PICTURES = 0.3
"""Seconds in which those who see several streams may ask for the last picture of each."""


class ServerThread:
    """Serves what is known of streams, until it is stopped; it takes no signals and is quiet.

    Args:
        listening: a bound socket; it is closed at the end.
        streams: what is known of each.
        executor: where pictures are drawn; it is shut down at the end.
        token: what clients must know, if anything.
        host: the name that the socket was bound to.
    """

    def __init__(
        self,
        listening: socket.socket,
        streams: LiveStreams,
        executor: Executor,
        token: str | None,
        host: str,
    ) -> None:
        self._listening, self._executor, self._stopped = listening, executor, asyncio.Event()
        self._pages = Pages(streams, self._stopped)
        self._config = uvicorn.Config(
            Access(self._pages.router, token, host, listening.getsockname()[1]),
            http=_Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level=None,
            proxy_headers=False,
            server_header=False,
        )
        self._loop: Future[asyncio.AbstractEventLoop] = Future()
        self._thread = threading.Thread(target=self._run, name="mvot-serve", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send the last messages, and end, within a second or so; a second call does nothing."""
        if self._thread.is_alive():
            self._loop.result().call_soon_threadsafe(self._stopped.set)
            self._thread.join()

    def _run(self) -> None:
        with self._executor, _silence_log():
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop.set_result(asyncio.get_running_loop())
        server = uvicorn.Server(self._config)
        serving = asyncio.ensure_future(server.serve(sockets=[self._listening]))
        await self._stopped.wait()
        if self._pages.has_grid_open:
            await asyncio.sleep(_LAST_PICTURES)
        server.should_exit = True
        await asyncio.wait([serving], timeout=_GRACE)
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        await serving


class _Connection(H11Protocol):
    """A connection; one too many is cut, and one on which no request comes is closed."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > _MOST_CONNECTIONS:
            transport.abort()
            return
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _PATIENCE_MS)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )


@contextmanager
def _silence_log() -> Iterator[None]:
    """Keep uvicorn from logging in this thread, but for errors that nobody expected.

    Elsewhere it may serve somebody else.
    """
    thread = threading.get_ident()

    def is_needed(record: logging.LogRecord) -> bool:
        is_bug = record.exc_info is not None and isinstance(record.exc_info[1], Exception)
        return is_bug or record.thread != thread

    loggers = [logging.getLogger(f"uvicorn.{name}") for name in ("error", "access", "asgi")]
    for logger in loggers:
        logger.addFilter(is_needed)
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeFilter(is_needed)
