"""Several streams on one page: what is served of each, and of all."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.web.serving import (
    Clock,
    decode,
    make_frame,
    make_tracks,
    open_streams,
    read_message,
    read_metrics,
    serve_page,
    start_report,
)
from mvot_pipelines.serve import ServeSink, tile
from mvot_plugin.errors import InputError


@pytest.fixture
def drawn(monkeypatch):
    """The widths of the small pictures that are drawn."""
    widths, encode = [], tile.encode_tile

    def count(shot, width):
        widths.append(width)
        return encode(shot, width)

    monkeypatch.setattr(tile, "encode_tile", count)
    return widths


def read_statuses(client):
    return {one["name"]: one["status"] for one in read_message(client)["streams"]}


def test_four_threads_write_and_each_stream_ends_by_itself():
    clock = Clock()
    with serve_page(clock=clock) as (page, client):
        barrier = threading.Barrier(4)

        def write(name, frames):
            sink = page.open_stream(start_report(name=name))
            assert isinstance(sink, ServeSink)
            barrier.wait(10)
            for index in range(frames):
                sink.write(make_frame(index), make_tracks(*range(1, 3 + index % 3)))
            return sink

        with ThreadPoolExecutor(4) as executor:
            names = ["north", "east", "south", "west"]
            north, east, _, west = executor.map(write, names, [40, 50, 60, 70])
        frames = {one["name"]: one["frames"] for one in read_message(client)["streams"]}
        assert frames == {"north": 40, "east": 50, "south": 60, "west": 70}
        north.close()
        north.close()
        east.__exit__(InputError, InputError("east.mp4 breaks off"), None)
        clock.now += 6
        west.write(make_frame(), make_tracks(5))
        north.write(make_frame(), make_tracks(5))
        statuses = {"north": "ended", "east": "failed", "south": "stalled", "west": "running"}
        assert read_statuses(client) == statuses
        streams = {one["name"]: one for one in read_message(client)["streams"]}
        assert streams["east"]["error"] == "east.mp4 breaks off"
        assert (streams["north"]["frames"], streams["north"]["tracks_now"]) == (40, 2)
        for name in statuses:
            assert client.get("/snapshot.jpg", params={"stream": name}).is_success


def test_the_numbers_of_a_stream_stand_still_when_it_has_ended():
    clock = Clock()
    with serve_page(clock=clock) as (page, client):
        first, second = open_streams(page, "first", "second")
        for index in range(60):
            clock.now = 1000 + index / 20
            first.write(make_frame(index, captured=clock.now - 0.1), make_tracks(1))
        first.close()
        before = read_message(client, "first")["stream"]
        clock.now += 100
        second.write(make_frame(), make_tracks(1))
        after = read_message(client, "first")["stream"]
        assert after == before | {"status": "ended"}
        assert (after["fps"], after["latency_ms"], after["tracks_now"]) == (20, 100, 1)
        metrics = read_metrics(client, "first")
        assert metrics["frames_total",] == 60
        assert metrics["stream_status", "ended"] == 1
        assert not {("tracks_now",), ("frames_per_second",), ("frame_age_seconds",)} & {*metrics}


def test_only_the_stream_that_is_asked_for_is_told_in_full():
    with serve_page() as (page, client):
        assert read_message(client) == {"has_ended": False, "streams": [], "stream": None}
        open_streams(page, "first")
        assert read_message(client)["stream"]["name"] == "first"
        open_streams(page, "second")
        assert read_message(client)["stream"] is None
        assert "tracks" not in read_message(client)["streams"][0]
        assert read_message(client, "second")["stream"]["tracks"] == []
        assert read_message(client, "third")["stream"] is None


def test_pictures_are_of_the_stream_that_is_asked_for_or_the_first(drawn):
    with serve_page() as (page, client):
        assert client.get("/snapshot.jpg").status_code == 503
        assert client.get("/video.mjpeg").text == "There is no stream yet.\n"
        sinks = open_streams(page, "first", "second")
        for index, sink in enumerate(sinks):
            sink.write(make_frame(10 * index), make_tracks(1))
        first, second, same = (
            client.get("/snapshot.jpg", params=query).content
            for query in ({"stream": "first"}, {"stream": "second"}, {})
        )
        assert first == same != second
        for path in ("/snapshot.jpg", "/snapshot.jpg?width=480", "/video.mjpeg"):
            answer = client.get(path, params={"stream": "third", "width": "480"})
            assert (answer.status_code, answer.text) == (404, "There is no stream of this name.\n")
        assert drawn == []


def test_small_pictures_are_drawn_small_once_for_all_who_ask(drawn):
    with serve_page() as (page, client):
        (sink,) = open_streams(page, "first")
        assert client.get("/snapshot.jpg?width=480").status_code == 503
        sink.write(make_frame(size=(2560, 720)), make_tracks(1))
        answers = [client.get("/snapshot.jpg", params={"width": 480}) for _ in range(3)]
        assert len({answer.content for answer in answers}) == 1
        assert decode(answers[0].content).shape == (135, 480, 3)
        assert decode(answers[0].content).std() > 1  # a box is drawn on the grey
        assert drawn == [480]
        sink.write(make_frame(100, size=(64, 48)), make_tracks(1))
        assert decode(client.get("/snapshot.jpg?width=480").content).shape == (48, 64, 3)
        for width in range(16, 26):
            assert client.get(f"/snapshot.jpg?width={width}").is_success
        assert len(page._streams.find(None).tile._drawn) == 4


def test_a_width_that_is_no_good_is_refused_in_a_sentence():
    with serve_page() as (page, client):
        open_streams(page, "first")[0].write(make_frame(), make_tracks())
        for width in ("", "0", "15", "1281", "-5", "1e3", "99999999999", "٤٨٠"):
            answer = client.get("/snapshot.jpg", params={"width": width})
            sentence = "width must be a whole number from 16 to 1280.\n"
            assert (answer.status_code, answer.text) == (400, sentence)


def test_of_very_many_streams_those_that_ended_first_are_forgotten():
    with serve_page() as (page, client):
        open_streams(page, "lasting")
        for number in range(50):
            open_streams(page, f"short {number}")[0].close()
        names = [*read_statuses(client)]
        assert (names[0], names[-1]) == ("lasting", "short 49")
        assert len(names) < 40


def test_the_health_is_that_of_all_streams_that_have_not_ended():
    clock = Clock()
    with serve_page(clock=clock) as (page, client):
        assert (client.get("/healthz").status_code, client.get("/healthz").text) == (
            200,
            "waiting\n",
        )
        first, second, third = open_streams(page, "first", "second", "third")
        for sink in (first, second):
            sink.write(make_frame(), make_tracks())
        first.close()
        answer = client.get("/healthz")
        text = "first: ended\nsecond: running\nthird: waiting\n"
        assert (answer.status_code, answer.text) == (200, text)
        clock.now += 6
        third.write(make_frame(), make_tracks())
        answer = client.get("/healthz")
        text = "first: ended\nsecond: stalled\nthird: running\n"
        assert (answer.status_code, answer.text) == (503, text)
        second.__exit__(InputError, InputError("gone"), None)
        assert client.get("/healthz").is_success
        third.close()
        assert client.get("/healthz").status_code == 503


def test_all_who_follow_are_told_when_the_page_ends():
    with serve_page() as (page, client):
        sinks = open_streams(page, "first", "second", "third")
        sinks[0].write(make_frame(), make_tracks(1))
        sinks[1].close()
        with client.stream("GET", "/events") as answer:
            lines = (line for line in answer.iter_lines() if line)
            assert not json.loads(next(lines).removeprefix("data: "))["has_ended"]
            page.__exit__(InputError, InputError("no more"), None)
            last = json.loads([*lines][-1].removeprefix("data: "))
        assert last["has_ended"]
        ends = [(one["status"], one["error"]) for one in last["streams"]]
        assert ends == [("failed", "no more"), ("ended", None), ("failed", "no more")]
        sinks[0].write(make_frame(), make_tracks(1))  # does no harm


def test_streams_may_be_written_while_the_page_closes():
    stop = threading.Event()

    def write(sink):
        index = 0
        while not stop.is_set():
            index += 1
            sink.write(make_frame(index), make_tracks(1))
            time.sleep(0.002)

    with ThreadPoolExecutor(2) as executor:
        with serve_page() as (page, client):
            writers = [executor.submit(write, one) for one in open_streams(page, "a", "b")]
            with client.stream("GET", "/video.mjpeg?stream=b") as answer:
                next(answer.iter_raw())
                page.close()
        stop.set()
        assert [writer.result(10) for writer in writers] == [None, None]
