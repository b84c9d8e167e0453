"""What is served at which path."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib.resources import files

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from mvot_pipelines.serve.access import MAY_SEE
from mvot_pipelines.serve.metrics import StreamMetrics
from mvot_pipelines.serve.picture import LONGEST_SIDE, LivePicture
from mvot_pipelines.serve.streams import LiveStreams, read_key

__all__ = ["Pages"]

MOST_CLIENTS = 16
"""That watch pictures at once, and as many that follow the numbers."""
_PERIOD = 0.5
"""Seconds between two messages with numbers."""
_FILES = {
    "/": ("page.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/texts.js": ("texts.js", "text/javascript"),
    "/single.js": ("single.js", "text/javascript"),
    "/grid.js": ("grid.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
_NEXT_PART = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n"
_WIDTH = re.compile("[0-9]{1,4}")
_SMALLEST = 16


class Pages:
    """The page, the pictures and the numbers of streams.

    Args:
        streams: what is known of each, and its pictures.
        ended: set when the page ends: what goes on by itself ends then.
    """

    def __init__(self, streams: LiveStreams, ended: asyncio.Event) -> None:
        self._streams, self._ended = streams, ended
        self._metrics = StreamMetrics(streams)
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

    @property
    def has_grid_open(self) -> bool:
        """Whether somebody may be looking at several streams."""
        return bool(self._following) and len(self._streams.states()) > 1

    async def file(self, request: Request) -> Response:
        """A part of the page."""
        content, kind = self._files[request.scope["path"]]
        return Response(content, media_type=kind)

    async def video(self, request: Request) -> Response:
        """The live picture of a stream as motion JPEG."""
        if (stream := self._streams.find(_read_key(request))) is None:
            return _answer_no_stream(request)
        kind = "multipart/x-mixed-replace; boundary=frame"
        return _stream(request, _send_pictures(stream.picture), kind, self._watching)

    async def snapshot(self, request: Request) -> Response:
        """The newest picture of a stream, in the width that is asked for."""
        if (stream := self._streams.find(_read_key(request))) is None:
            return _answer_no_stream(request)
        if (text := request.query_params.get("width")) is None:
            width = None
        elif not (_WIDTH.fullmatch(text) and _SMALLEST <= (width := int(text)) <= LONGEST_SIDE):
            sentence = f"width must be a whole number from {_SMALLEST} to {LONGEST_SIDE}.\n"
            return PlainTextResponse(sentence, 400)
        if stream.state.latest is None:
            return _answer_busy("There is no picture yet.\n")
        if width is not None:
            return Response(await stream.tile.read(width), media_type="image/jpeg")
        picture = await stream.picture.next()
        return Response(picture[1] if picture else b"", media_type="image/jpeg")

    async def events(self, request: Request) -> Response:
        """All that is known of streams but the pictures, again and again: server-sent events."""
        states = self._send_states(_read_key(request))
        return _stream(request, states, "text/event-stream", self._following)

    async def _send_states(self, key: str | None) -> AsyncIterator[bytes]:
        while True:
            message = {"has_ended": self._ended.is_set(), **self._describe(key)}
            yield f"data: {json.dumps(message, allow_nan=False)}\n\n".encode()
            if message["has_ended"]:
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._ended.wait(), _PERIOD)

    def _describe(self, key: str | None) -> dict[str, object]:
        """All streams in short, and the one that is asked for, or the only one, in full."""
        streams = list(self._streams)
        chosen = self._streams.find(key) if key is not None or len(streams) == 1 else None
        return {
            "streams": [stream.state.summarize() for stream in streams],
            "stream": chosen.state.describe() if chosen else None,
        }

    async def metrics(self, request: Request) -> Response:
        """The numbers for Prometheus."""
        return Response(self._metrics.render(), headers={"content-type": CONTENT_TYPE_LATEST})

    async def health(self, request: Request) -> Response:
        """Whether frames come to all streams that have not ended.

        The names of several are only for those who may see the page.
        """
        found = [(state.name, state.status) for state in self._streams.states()]
        statuses = [status for _, status in found]
        going = [status for status in statuses if status not in ("ended", "failed")]
        is_well = not found or (bool(going) and "stalled" not in going)
        if len(found) < 2:
            text = "".join(statuses) or "waiting"
        elif request.scope[MAY_SEE]:
            text = "\n".join(f"{name}: {status}" for name, status in found)
        else:
            text = f"{statuses.count('running')} of {len(found)} running"
        return PlainTextResponse(f"{text}\n", 200 if is_well else 503)


class _Counted(StreamingResponse):
    """A response that is in a list while it lasts."""

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
    """Answer part by part, unless there are too many; what is only asked about is empty."""
    if request.method == "HEAD":
        return Response(media_type=kind)
    if len(clients) >= MOST_CLIENTS:
        return _answer_busy(f"{MOST_CLIENTS} others are watching already.\n")
    return _Counted(parts, kind, clients)


async def _send_pictures(picture: LivePicture) -> AsyncIterator[bytes]:
    """The parts; each is followed by the head of the next one: browsers show it only then."""
    yield _NEXT_PART
    number = 0
    while (found := await picture.next(number)) is not None:
        number, jpeg = found
        yield jpeg + b"\r\n" + _NEXT_PART


def _read_key(request: Request) -> str | None:
    return read_key(request.scope["query_string"])


def _answer_no_stream(request: Request) -> Response:
    if _read_key(request) is None:
        return _answer_busy("There is no stream yet.\n")
    return PlainTextResponse("There is no stream of this name.\n", 404)


def _answer_busy(text: str) -> Response:
    return PlainTextResponse(text, 503, {"retry-after": "5"})
