"""Opening a page: where it listens, and the streams on it."""

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from mvot_pipelines.report import RunReport
from mvot_pipelines.serve.sink import ServeSink, describe_end
from mvot_pipelines.serve.streams import LiveStreams
from mvot_plugin.errors import OutputError, UsageError
from mvot_plugin.extras import require_module

__all__ = ["Page"]

_MODULES = ("uvicorn", "starlette", "prometheus_client")


class Page:
    """Serves a page with the live pictures, the tracks and the numbers of streams, over HTTP.

    A context manager. ``/`` shows the stream, or a tile for each where there are several, and
    ``/?stream=NAME`` one of them. Besides there are ``/video.mjpeg`` and ``/snapshot.jpg`` (of the
    first stream; of another with ``?stream=NAME``; a small one with ``?width=480``), ``/events``
    (server-sent events in JSON), ``/metrics`` (Prometheus) and ``/healthz`` (200, or 503 where a
    stream that has not ended has stalled, or all have ended).

    Args:
        port: the port to listen on; 0 takes any that is free.
        host: the name or address to listen on. Where that can be reached from other machines, a
            token is needed to see anything but ``/healthz``.
        token: that token, 16 characters or more; None makes one where it is needed.
        clock: returns seconds, as ``Frame.captured`` has them.
        order: names of streams in the order in which they are shown; others come after them.

    Attributes:
        url: the page's address, with the token if there is one; keep it from others then.

    Raises:
        OutputError: where the server cannot listen there.
        UsageError: for a token that is no good, or where the extra "serve" is not installed.
    """

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        token: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        order: Sequence[str] = (),
    ) -> None:
        for module in _MODULES:
            require_module(module, "--serve", "serve")
        from mvot_pipelines.serve.access import choose_token
        from mvot_pipelines.serve.server import ServerThread

        listening = _listen(host, port)
        try:
            address, port = listening.getsockname()[:2]
            token = choose_token(token, address)
            self.url = _format_url(address, port, token)
            executor = ThreadPoolExecutor(1, "mvot-serve-picture")
            self._streams = LiveStreams(executor, clock, order)
            self._server = ServerThread(listening, self._streams, executor, token, host)
        except BaseException:
            listening.close()
            raise
        self._lock, self._is_closed = threading.Lock(), False

    def open_stream(
        self, report: RunReport, class_names: Mapping[int, str] | None = None
    ) -> ServeSink:
        """Add a stream; at any time, from any thread.

        Of the streams that have ended, the last 32 or so stay on the page.

        Args:
            report: what is known of the stream: its name, calls of the detector, dropped frames,
                stages. It may change meanwhile.
            class_names: the names of the classes by number, where the tracks have none.

        Returns:
            The sink that shows frames in it.

        Raises:
            UsageError: where the page has a stream of this name, or is closed.
        """
        with self._lock:
            if self._is_closed:
                raise UsageError("the page is closed; open its streams before that")
            state = self._streams.open(report, class_names)
        return ServeSink(state)

    def close(self) -> None:
        """Tell the clients that all streams have ended, and end; again does nothing."""
        self._close(None)

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *raised: object) -> None:
        """Close; streams that have not ended fail of an error that ends the ``with`` statement."""
        self._close(describe_end(raised[1]))

    def _close(self, error: str | None) -> None:
        with self._lock:
            self._is_closed = True
            for state in self._streams.states():
                state.end(error)
            self._server.stop()


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises ``OutputError`` where it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = found[0]
        has_both = family == socket.AF_INET6 and socket.has_dualstack_ipv6()
        return socket.create_server(address[:2], family=family, dualstack_ipv6=has_both)
    except (OSError, UnicodeError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such host"
        raise OutputError(
            f"cannot serve at port {port} of {host}: {reason}; choose another --serve port or "
            "--serve-host"
        ) from error


def _format_url(address: str, port: int, token: str | None) -> str:
    """The page's address; where all of this machine's are listened on, one of them."""
    if address in ("0.0.0.0", "::"):
        address = _find_own_address()
    name = f"[{address}]" if ":" in address else address
    return f"http://{name}:{port}/" + (f"?token={token}" if token else "")


def _find_own_address() -> str:
    """The address under which others probably reach this machine; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that documentation uses, routed as any
        except OSError:
            return socket.gethostname()
        return str(probe.getsockname()[0])
