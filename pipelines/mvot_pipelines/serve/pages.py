"""What is served at which path."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib.resources import files

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from mvot_pipelines.serve.metrics import RunMetrics
from mvot_pipelines.serve.picture import LivePicture
from mvot_pipelines.serve.state import LiveState

__all__ = ["Pages"]

MOST_CLIENTS = 16
"""That watch the picture at once, and as many that follow the numbers."""
_PERIOD = 0.5
"""Seconds between two messages with numbers."""
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_NEXT_PART = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"


class Pages:
    """The page, the picture and the numbers of a run.

    Args:
        state: what is known of the run.
        picture: draws it.
        ended: set when the run has ended: what streams ends by itself then.
    """

    def __init__(self, state: LiveState, picture: LivePicture, ended: asyncio.Event) -> None:
        self._state, self._picture, self._ended = state, picture, ended
        self._metrics = RunMetrics(state)
        self._watching: list[StreamingResponse] = []
        self._following: list[StreamingResponse] = []
        folder = files("mvot_pipelines.serve") / "page"
        self._files = {
            path: ((folder / name).read_bytes(), kind) for path, (name, kind) in _FILES.items()
        }
        own = {
            "/video.mjpeg": self.video,
            "/snapshot.jpg": self.snapshot,
            "/events": self.events,
            "/metrics": self.metrics,
            "/healthz": self.health,
        }
        routes = [Route(path, self.file) for path in self._files]
        routes += [Route(path, endpoint) for path, endpoint in own.items()]
        self.router = Router(routes, redirect_slashes=False)

    async def file(self, request: Request) -> Response:
        """A part of the page."""
        content, kind = self._files[request.scope["path"]]
        return Response(content, media_type=kind)

    async def video(self, request: Request) -> Response:
        """The live picture as motion JPEG."""
        kind = "multipart/x-mixed-replace; boundary=frame"
        return _stream(request, self._send_pictures(), kind, self._watching)

    async def _send_pictures(self) -> AsyncIterator[bytes]:
        """The parts; each is followed by the head of the next one: browsers show it only then."""
        yield _NEXT_PART
        number = 0
        while (picture := await self._picture.next(number)) is not None:
            number, jpeg = picture
            yield jpeg + b"\r\n" + _NEXT_PART

    async def snapshot(self, request: Request) -> Response:
        """The newest picture."""
        if self._state.latest is None or (picture := await self._picture.next()) is None:
            return _answer_busy("There is no picture yet.\n")
        return Response(picture[1], media_type="image/jpeg")

    async def events(self, request: Request) -> Response:
        """All that is known of the run but the picture, again and again: server-sent events."""
        return _stream(request, self._send_states(), "text/event-stream", self._following)

    async def _send_states(self) -> AsyncIterator[bytes]:
        while True:
            has_ended = self._ended.is_set()
            yield f"data: {json.dumps(self._state.describe(), allow_nan=False)}\n\n".encode()
            if has_ended:
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _PERIOD)

    async def metrics(self, request: Request) -> Response:
        """The numbers for Prometheus."""
        return Response(self._metrics.render(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def health(self, request: Request) -> Response:
        """Whether frames come."""
        status = self._state.status
        return PlainTextResponse(f"{status}\n", 200 if status in ("waiting", "running") else 503)


class _Counted(StreamingResponse):
    """A stream that is in a list while it lasts."""

    def __init__(
        self, parts: AsyncIterator[bytes], kind: str, clients: list[StreamingResponse]
    ) -> None:
        super().__init__(parts, media_type=kind)
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._clients.append(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._clients.remove(self)


def _stream(
    request: Request, parts: AsyncIterator[bytes], kind: str, clients: list[StreamingResponse]
) -> Response:
    """Answer with a stream, unless there are too many; one that is only asked about is empty."""
    if request.method == "HEAD":
        return Response(media_type=kind)
    if len(clients) >= MOST_CLIENTS:
        return _answer_busy(f"{MOST_CLIENTS} others are watching already.\n")
    return _Counted(parts, kind, clients)


def _answer_busy(text: str) -> Response:
    return PlainTextResponse(text, 503, {"retry-after": "5"})
