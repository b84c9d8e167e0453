"""Servers on the loopback that answer each connection as a function of a few lines tells them."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import cv2

from helpers.faults.material import draw_frame

__all__ = [
    "HEAD",
    "Answer",
    "drip",
    "encode_part",
    "play",
    "repeat",
    "reset",
    "respond",
    "send",
    "serve",
    "wait",
]

Answer = Callable[[socket.socket, int], object]
"""Gets a connection, and its number from 0; need not end."""

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
"""How the answer of a camera begins."""
_RATE = 25
_FOREVER = 1000.0


def encode_part(image: bytes | None = None, *, length: int | None = None) -> bytes:
    """An image of the stream of a camera; its length as said may be another."""
    data = cv2.imencode(".jpg", draw_frame(0))[1].tobytes() if image is None else image
    said = len(data) if length is None else length
    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {said}\r\n\r\n"
    return head.encode() + data + b"\r\n"


def respond(body: bytes = b"", *, status: str = "200 OK", head: str = "") -> bytes:
    """An HTTP answer that names its length."""
    lines = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{head}\r\n"
    return lines.encode() + body


def play(connection: socket.socket, parts: int, part: bytes | None = None) -> None:
    """Send images at the rate of a camera."""
    for _ in range(parts):
        connection.sendall(encode_part() if part is None else part)
        time.sleep(1 / _RATE)


@contextmanager
def serve(answer: Answer, scheme: str = "http") -> Iterator[str]:
    """Answer every connection in a thread of its own, and close it; yields the address."""
    server = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def handle(connection: socket.socket, number: int) -> None:
        with suppress(OSError), connection:
            connection.settimeout(60)
            answer(connection, number)

    def accept() -> None:
        with suppress(OSError):
            while True:
                open_ones.append(server.accept()[0])
                arguments = (open_ones[-1], len(open_ones) - 1)
                threading.Thread(target=handle, args=arguments, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"{scheme}://127.0.0.1:{server.getsockname()[1]}/live"
    finally:
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        server.close()
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def wait(_: socket.socket, __: int) -> None:
    """Say nothing, and keep the connection."""
    time.sleep(_FOREVER)


def send(data: bytes, *, then_wait: bool = False) -> Answer:
    """Say something, and close the connection, or keep it."""

    def answer(connection: socket.socket, number: int) -> None:
        connection.sendall(data)
        if then_wait:
            wait(connection, number)

    return answer


def repeat(head: bytes, body: bytes) -> Answer:
    """Say something, and then something else again and again."""

    def answer(connection: socket.socket, _: int) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(body)
            time.sleep(0.001)

    return answer


def drip(connection: socket.socket, _: int) -> None:
    """Send images, a byte every third of a second."""
    for place in HEAD + encode_part():
        connection.sendall(bytes([place]))
        time.sleep(0.3)


def reset(connection: socket.socket, _: int) -> None:
    """Break the connection off rather than close it."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
