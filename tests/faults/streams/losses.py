"""Streams that begin well, and go away or come back."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from itertools import pairwise
from random import Random

import cv2
import numpy as np

from helpers.faults.case import Case, Outcome, Trial
from helpers.faults.inputs import stream_case
from helpers.faults.material import draw_frame
from helpers.faults.media import BOMBS
from helpers.faults.servers import (
    HEAD,
    Answer,
    drip,
    encode_part,
    play,
    repeat,
    reset,
    send,
    serve,
    wait,
)
from mvot_pipelines import MotPipeline
from mvot_pipelines.sources import LiveSource
from mvot_plugin.types import Detections

_ENDLESS = 100_000
_OTHER = cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes()
_GREY = cv2.imencode(".jpg", draw_frame(0)[..., 0])[1].tobytes()
_CUT = cv2.imencode(".jpg", draw_frame(0))[1].tobytes()[:900]


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    yield from _go_away(random)
    yield from _come_back()
    for jump in (-100.0, 1e9, float("nan")):
        yield Case(
            name=f"a clock that jumps by {jump:g} s",
            prepare=lambda trial, j=jump: [trial.stack.enter_context(serve(_play(()))), j],
            run=track_by_clock,
            expect="refused" if jump != jump else "done",
            quick=jump == -100,
        )


def _go_away(random: Random) -> Iterator[Case]:
    def case(name: str, then: Answer, **fields: object) -> Case:
        def answer(connection: socket.socket, number: int) -> None:
            if number == 0:
                connection.sendall(HEAD)
                play(connection, 40)
                then(connection, number)
            else:
                wait(connection, number)

        return stream_case(name, answer, expect="refused", check=_check_output, **fields)

    yield case("a stream that falls silent", wait, quick=True)
    yield case("a stream that breaks off", lambda connection, _: None)
    yield case("a stream that is reset", reset)
    yield case("a stream that stops within an image", send(encode_part()[:500], then_wait=True))
    yield case("garbage after images", repeat(b"", random.randbytes(10_000)))
    yield case("an image of gigapixels after others", repeat(b"", encode_part(BOMBS["bomb.jpg"]())))
    yield case("a byte every 0.3 s after images", drip)


def _come_back() -> Iterator[Case]:
    """Streams that go on, until the run is interrupted."""

    def case(name: str, answer: Answer, **fields: object) -> Case:
        return stream_case(
            name, answer, during=_interrupt, check=_check_output, expect="refused", **fields
        )

    yield case("a pause of half a second", _play((0.5,) * 9))
    yield case("a pause of two seconds", _play((2.0,) * 9), quick=True)
    yield case("an image a connection", lambda c, _: c.sendall(HEAD + encode_part()))
    below = repeat(HEAD, encode_part(length=-5))
    yield stream_case("lengths below zero", below, during=_interrupt)
    yield case("another size in mid-stream", _play((), then=_OTHER))
    yield case("a grey image in mid-stream", _play((), then=_GREY))
    yield case("images that are cut", _play((), then=_CUT))
    yield case("images of gigapixels", _play((), then=BOMBS["bomb.jpg"]()))

    def answer(connection: socket.socket, number: int) -> None:
        connection.sendall(HEAD)
        play(connection, 15 if number == 0 else _ENDLESS, encode_part(_OTHER) if number else None)

    yield stream_case("an image every two seconds", _play((2.0,) * 99, images=1), during=_interrupt)
    yield stream_case("it comes back with another size", answer, expect="refused", quick=True)


def _play(pauses: tuple[float, ...], *, images: int = 15, then: bytes | None = None) -> Answer:
    """Play some images, and pause, again and again; then go on, with another image or the same."""

    def answer(connection: socket.socket, _: int) -> None:
        connection.sendall(HEAD)
        for pause in (*pauses, 0.0):
            play(connection, images)
            time.sleep(pause)
        play(connection, _ENDLESS, encode_part(then))

    return answer


def _interrupt(_: Trial, process: int) -> None:
    time.sleep(4)
    os.kill(process, signal.SIGINT)


def _check_output(trial: Trial, _: Outcome) -> str:
    """Whether the frames before the loss are there."""
    output = trial.folder / "out.txt"
    return (
        "" if output.exists() and output.read_text().count("\n") > 3 else "no tracks were written"
    )


def track_by_clock(url: str, jump: float) -> None:
    """Track a live stream by a clock that is set after ten frames."""
    offset, times = 0.0, []
    detections = Detections.of([[10.0, 10.0, 50.0, 50.0]])
    with (
        LiveSource(url, clock=lambda: offset + time.monotonic()) as source,
        MotPipeline(lambda frame: detections, "lk-flow", 5) as pipeline,
    ):
        for frame in source:
            tracks = pipeline.step(frame)
            times.append(frame.timestamp)
            assert np.isfinite(tracks.xyxy).all()
            if len(times) == 10:
                offset = jump
            if len(times) == 30:
                break
    assert all(before < after for before, after in pairwise(times))
