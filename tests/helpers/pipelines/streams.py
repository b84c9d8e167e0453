"""Servers: a camera (MJPEG) that may fall silent or be killed, and files that may break off."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np

__all__ = ["MjpegServer", "draw_number", "read_number", "serve_file"]

WIDTH, HEIGHT, BITS = 64, 48, 16


def draw_number(number: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    """An image of two rows of eight blocks, black or white by the bits of the number."""
    bits = np.unpackbits(np.array([number], ">u2").view(np.uint8)).reshape(2, 8)
    image = cv2.resize(bits * 255, size, interpolation=cv2.INTER_NEAREST)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def read_number(image: np.ndarray) -> int:
    """The number that ``draw_number`` has drawn."""
    bits = cv2.resize(image[..., 0], (8, 2), interpolation=cv2.INTER_AREA) > 127
    return int(np.packbits(bits).view(">u2")[0])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    rate: float
    size: tuple[int, int]
    silent: threading.Event
    connections: list[socket.socket]
    sent: dict[int, float]

    def handle_error(self, *_: object) -> None:
        """A client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.connections.append(self.connection)
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        start = time.monotonic()
        for number in range(1 << BITS):
            time.sleep(max(0.0, start + number / self.server.rate - time.monotonic()))
            if not self.server.silent.is_set():
                self.send_image(number)

    def send_image(self, number: int) -> None:
        data = cv2.imencode(".jpg", draw_number(number, self.server.size))[1].tobytes()
        head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        self.server.sent[number] = time.monotonic()
        self.wfile.write(b"--frame\r\n" + head.encode() + data + b"\r\n")

    def log_message(self, *_: object) -> None:
        """Requests are not logged."""


class MjpegServer:
    """Serves numbered images at a rate, from 0 for every client, on a port that it keeps."""

    def __init__(self, rate: float = 50.0) -> None:
        self.rate, self.size, self.silent = rate, (WIDTH, HEIGHT), threading.Event()
        self.sent: dict[int, float] = {}
        """When each number was sent last, by ``time.monotonic``."""
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/live"

    def start(self) -> None:
        """Serve, again on the same port after ``kill``."""
        server = _Server(("127.0.0.1", self._port), _Handler)
        server.rate, server.size, server.silent = self.rate, self.size, self.silent
        server.connections, server.sent = [], self.sent
        self._server, self._port = server, server.server_address[1]
        self._thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def kill(self) -> None:
        """Stop serving, and cut all connections; a second call does nothing."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._server.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def __enter__(self) -> "MjpegServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()


@contextmanager
def serve_file(path: Path, *, cut: int | None = None) -> Iterator[str]:
    """Serve one file; yields its URL. Connections break off after byte ``cut`` of the file."""
    content = path.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            first = int(re.findall("[0-9]+", self.headers.get("Range", "bytes=0-"))[0])
            self.send_response(206)
            self.send_header("Content-Length", str(len(content) - first))
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
            self.end_headers()
            self.wfile.write(content[first:cut])

        def log_message(self, *_: object) -> None:
            """Requests are not logged."""

    class Server(ThreadingHTTPServer):
        daemon_threads, block_on_close = True, False

        def handle_error(self, *_: object) -> None:
            """A client that goes away is no error."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/{path.name}"
        server.shutdown()
        thread.join()
