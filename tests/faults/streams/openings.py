"""Servers that never send a frame."""

from collections.abc import Iterator
from random import Random

from helpers.faults.case import Case
from helpers.faults.inputs import stream_case
from helpers.faults.media import BOMBS
from helpers.faults.servers import HEAD, Answer, drip, encode_part, repeat, respond, send, wait


def cases(random: Random) -> Iterator[Case]:
    """All of them."""

    def case(name: str, answer: Answer, **fields: object) -> Case:
        return stream_case(name, answer, expect="refused", **fields)

    yield case("no answer", wait, quick=True)
    yield case("a connection that is closed", lambda connection, _: None)
    yield case("headers and nothing else", send(HEAD, then_wait=True))
    yield case("half a header", send(HEAD[:20], then_wait=True))
    yield case(
        "a header without end", repeat(b"HTTP/1.1 200 OK\r\n", b"X: " + b"a" * 999 + b"\r\n")
    )
    yield case("a line without end", repeat(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 1000))
    yield case("a byte every 0.3 s", drip)
    yield case(
        "redirections to itself", send(respond(status="302 Found", head="Location: /live\r\n"))
    )
    for target in ("file:///etc/passwd", "/../../etc/passwd", "tcp://127.0.0.1:9", "x" * 10_000):
        head = f"Location: {target}\r\n"
        yield case(f"a redirection to {target[:30]}", send(respond(status="302 Found", head=head)))
    for status in (
        "401 Unauthorized",
        "404 Not Found",
        "500 Error",
        "204 No Content",
        "999 x",
        "x",
    ):
        yield case(f"the status {status}", send(respond(status=status)))
    yield case("an empty answer", send(respond()))
    yield case("a page", send(respond(b"<html><body>Sign in</body></html>" * 50)))
    yield case("zeros", repeat(HEAD, bytes(10_000)))
    yield case("garbage", repeat(HEAD, random.randbytes(10_000)))
    yield case("garbage of no kind", repeat(respond()[:17] + b"\r\n", random.randbytes(10_000)))
    yield case("a part without an end", send(HEAD + encode_part(length=2**60), then_wait=True))
    yield case("parts of nothing", repeat(HEAD, encode_part(b"")))
    yield case("an image of gigapixels", repeat(HEAD, encode_part(BOMBS["bomb.jpg"]())))
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield case("a chunk without an end", send(chunked + b"fffffffffffffff\r\n", then_wait=True))
    yield case("chunks that are none", repeat(chunked, b"zz\r\n\r\n"))
    for scheme in ("rtsp", "rtsps", "rtmp", "https"):
        yield case(f"{scheme}, no answer", wait, scheme=scheme)
        yield case(f"{scheme}, garbage", send(b"\0\xff" * 500), scheme=scheme)
