"""The sink that serves a page with the live picture and the numbers of a run."""

import socket
import time
from collections.abc import Callable, Mapping, Sequence

from mvot_pipelines.counting import Count
from mvot_pipelines.report import RunReport
from mvot_pipelines.serve.state import LiveState
from mvot_pipelines.sinks.base import Sink, StopRun
from mvot_plugin.errors import MvotError, OutputError
from mvot_plugin.extras import require_module
from mvot_plugin.types import Frame, Tracks

__all__ = ["ServeSink"]

_MODULES = ("uvicorn", "starlette", "prometheus_client")


class ServeSink(Sink):
    """Serves a page with the live picture, the tracks and the numbers of a run, over HTTP.

    Clients never keep the tracker waiting: they get the newest frame, which is drawn in other
    threads, and only while somebody watches. Images must stay as they are after ``write``.

    Besides the page there are ``/video.mjpeg``, ``/snapshot.jpg``, ``/events`` (server-sent events
    in JSON), ``/metrics`` (Prometheus) and ``/healthz`` (200, or 503 where no frames come).

    Args:
        port: the port to listen on; 0 takes any that is free.
        report: what else is known of the run: names, calls of the detector, dropped frames, stages.
            It may change meanwhile.
        host: the name or address to listen on. Where that can be reached from other machines, a
            token is needed to see anything but ``/healthz``.
        token: that token, 16 characters or more; None makes one where it is needed.
        class_names: the names of the classes by number, where the tracks have none.
        clock: returns seconds, as ``Frame.captured`` has them.

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
        report: RunReport,
        host: str = "127.0.0.1",
        token: str | None = None,
        class_names: Mapping[int, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
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
            self._state = LiveState(report, class_names, clock)
            self._server = ServerThread(listening, self._state, token, host)
        except BaseException:
            listening.close()
            raise

    def write(self, frame: Frame, tracks: Tracks, counts: Sequence[Count] = ()) -> None:
        """Show a frame with its tracks, and what lines and zones have counted."""
        self._state.put(frame, tracks, counts)

    def close(self) -> None:
        """Tell the clients that the run has ended, and end the server; again does nothing."""
        self._close(None)

    def __exit__(self, *raised: object) -> None:
        """Close; an error that ends the ``with`` statement is told to the clients."""
        error = raised[1]
        has_failed = isinstance(error, Exception) and not isinstance(error, StopRun)
        known = str(error) if isinstance(error, MvotError) else "an internal error"
        self._close(known if has_failed else None)

    def _close(self, error: str | None) -> None:
        if not self._state.has_ended:
            self._state.end(error)
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
