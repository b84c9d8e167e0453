"""Serving a run: what is served, and that nobody who watches is in its way."""

import gc
import json
import socket
import time
from contextlib import ExitStack

import httpx
import numpy as np
import pytest

from helpers.threads import find_threads
from helpers.web.serving import (
    Clock,
    decode,
    make_frame,
    make_tracks,
    read_metrics,
    serve_page,
    serve_run,
    start_report,
)
from mvot_pipelines.counting import Count
from mvot_pipelines.serve import Page, picture
from mvot_pipelines.serve.pages import MOST_CLIENTS
from mvot_pipelines.sinks import Sink
from mvot_pipelines.sinks.base import StopRun
from mvot_plugin.errors import InputError

POINTS = np.zeros((2, 2), np.float32)
LINE = Count(name="gate", kind="line", points=POINTS, entered=3, left=1)
ZONE = Count(name="yard", kind="zone", points=POINTS, entered=3, inside=2)


def read_states(client):
    """The states of the only stream, as they come."""
    with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line:
                yield json.loads(line.removeprefix("data: "))["stream"]


def read_pictures(client):
    """The JPEG files of the motion JPEG, as they come."""
    with client.stream("GET", "/video.mjpeg") as answer:
        received = b""
        for chunk in answer.iter_raw():
            received += chunk
            while (end := received.find(b"\r\n--frame\r\n")) >= 0:
                part, received = received[:end], received[end + 11 :]
                yield part[part.index(b"\xff\xd8") :]


@pytest.fixture
def encoded(monkeypatch):
    """The numbers of the frames that are encoded."""
    numbers, encode = [], picture.encode

    def count(painter, shot):
        numbers.append(shot.number)
        return encode(painter, shot)

    monkeypatch.setattr(picture, "encode", count)
    return numbers


def test_it_is_a_sink():
    with serve_run() as (sink, _):
        assert isinstance(sink, Sink)


def test_the_state_tells_how_the_run_goes():
    clock, report = Clock(), start_report(dropped=4, detector_calls=9)
    names = {0: "person"}
    with serve_run(clock=clock, report=report, class_names=names) as (sink, client):
        for index in range(60):
            clock.now = 1000.0 + index / 20
            sink.write(
                make_frame(index, captured=clock.now - 0.125), make_tracks(1, 2), [LINE, ZONE]
            )
        state = next(read_states(client))
    assert (state["name"], state["status"], state["age"]) == ("street", "running", 0)
    assert (state["frames"], state["dropped"], state["detector_calls"]) == (60, 4, 9)
    assert (state["fps"], state["fps_history"]) == (20, [20])
    assert (state["latency_ms"], state["latency_history"]) == (125, [125])
    assert (state["tracks_now"], state["tracks_total"]) == (2, 2)
    first = state["tracks"][0]
    assert (first["id"], first["class"], first["score"]) == (1, "person", 0.75)
    assert (first["detected"], first["seconds"]) == (True, 2.4)
    assert state["counts"] == [LINE.to_dict(), ZONE.to_dict()]


def test_what_is_not_known_of_a_run_is_null():
    with serve_run() as (sink, client):
        state = next(read_states(client))
        assert (state["status"], state["fps"], state["tracks"]) == ("waiting", None, [])
        sink.write(make_frame(), make_tracks(7))
        state = next(read_states(client))
    assert (state["latency_ms"], state["latency_history"]) == (None, [])
    assert state["tracks"][0]["class"] == "0"


def test_metrics_have_the_numbers_of_the_run():
    report = start_report(dropped=4, detector_calls=9)
    report.timer.add("motion", 1.5)
    clock = Clock()
    with serve_run(report=report, clock=clock) as (sink, client):
        assert read_metrics(client, "street")["frames_total",] == 0
        for index in range(3):
            frame = make_frame(index, captured=clock.now - 0.03)
            sink.write(frame, make_tracks(1, 5), [LINE, ZONE])
        assert client.get("/metrics").headers["content-type"].startswith("text/plain; version=")
        metrics = read_metrics(client, "street")
    expected = {
        ("frames_total",): 3, ("dropped_frames_total",): 4, ("tracks_now",): 2,
        ("detector_calls_total",): 9, ("detector_failures_total",): 2, ("tracks_total",): 5,
        ("stage_seconds_total", "motion"): 1.5, ("frame_age_seconds",): 0,
        ("latency_seconds_bucket", "0.025"): 0, ("latency_seconds_bucket", "0.05"): 3,
        ("latency_seconds_count",): 3, ("frames_per_second",): 0,
        ("stream_status", "running"): 1, ("stream_status", "stalled"): 0,
        ("line_crossings_total", "gate", "out"): 1, ("zone_inside", "yard"): 2,
    }  # fmt: skip
    assert expected.items() <= metrics.items()


def test_the_health_is_bad_where_nothing_comes():
    clock = Clock()
    with serve_run(clock=clock) as (sink, client):
        assert client.get("/healthz").text == "waiting\n"
        clock.now += 6
        assert client.get("/healthz").status_code == 503
        sink.write(make_frame(), make_tracks())
        assert (client.get("/healthz").status_code, client.get("/healthz").text) == (
            200,
            "running\n",
        )
        clock.now += 6
        assert (client.get("/healthz").status_code, client.get("/healthz").text) == (
            503,
            "stalled\n",
        )


def test_pictures_are_drawn_once_for_all_and_only_while_somebody_watches(encoded):
    with serve_run() as (sink, client):
        for index in range(5):
            sink.write(make_frame(index), make_tracks(1))
        assert client.head("/video.mjpeg").headers["content-type"].startswith("multipart/")
        assert encoded == []
        viewers = [read_pictures(client) for _ in range(3)]
        assert len({next(viewer) for viewer in viewers}) == 1
        assert client.get("/snapshot.jpg").content == client.get("/snapshot.jpg").content
        assert encoded == [5]
        sink.write(make_frame(5), make_tracks(1))
        image = decode({next(viewer) for viewer in viewers}.pop())
        assert image.shape == (48, 64, 3)
        assert image.std() > 3  # something is drawn on the grey
        assert encoded == [5, 6]


def test_large_pictures_are_shrunk_and_there_is_none_before_the_first_frame():
    with serve_run() as (sink, client):
        assert client.get("/snapshot.jpg").status_code == 503
        sink.write(make_frame(size=(2560, 720)), make_tracks(1))
        answer = client.get("/snapshot.jpg")
        assert decode(answer.content).shape == (360, 1280, 3)


def test_there_is_room_for_so_many_clients_and_no_more():
    with serve_run() as (sink, client), ExitStack() as stack:
        sink.write(make_frame(), make_tracks())
        for _ in range(MOST_CLIENTS):
            stack.enter_context(client.stream("GET", "/events"))
        assert client.get("/events").status_code == 503
        assert client.get("/healthz").status_code == 200
        stack.close()
        deadline = time.monotonic() + 10
        while client.head("/healthz").is_success and time.monotonic() < deadline:
            with client.stream("GET", "/events") as answer:
                if answer.status_code == 200:
                    break
        assert answer.status_code == 200


def connect_and_read_nothing(client, stack):
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect((client.base_url.host, client.base_url.port))
    connection.sendall(b"GET /video.mjpeg HTTP/1.1\r\nHost: localhost\r\n\r\n")


def test_who_does_not_read_keeps_nobody_waiting_and_the_end_comes_soon():
    image = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
    with ExitStack() as stack:
        with serve_page() as (page, client):
            sink = page.open_stream(start_report())
            connect_and_read_nothing(client, stack)
            connect_and_read_nothing(client, stack)
            viewer = read_pictures(client)
            for index in range(12):
                sink.write(make_frame(index, size=(1280, 720)), make_tracks(1))
                object.__setattr__(sink._state.latest.frame, "image", image)
                assert decode(next(viewer)).shape == image.shape
            start = time.monotonic()
            page.close()
            assert time.monotonic() - start < 10
        assert not find_threads("mvot-serve")
        gc.collect()


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (None, "ended", None),
        (StopRun(), "ended", None),
        (InputError("a.mp4 breaks off"), "failed", "a.mp4 breaks off"),
        (ValueError("secret"), "failed", "an internal error"),
    ],
)
def test_clients_are_told_how_the_run_ended(error, status, text):
    with httpx.Client() as client:
        page = Page(0)
        sink = page.open_stream(start_report())
        client.base_url = page.url
        sink.write(make_frame(), make_tracks())
        states, pictures = read_states(client), read_pictures(client)
        assert next(states)["status"] == "running"
        assert next(pictures)
        sink.__exit__(type(error), error, None)
        sink.close()
        page.close()
        last = [*states][-1]
        assert (last["status"], last["error"]) == (status, text)
        assert [*pictures] == []
        with pytest.raises(httpx.ConnectError):
            client.get("/")
