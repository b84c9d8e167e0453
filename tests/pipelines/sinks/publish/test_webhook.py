"""A webhook, by a server on this machine."""

import base64
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from helpers.pipelines import blank_frames
from mvot_pipelines.sinks.publish import open_publisher, sink, webhook
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Tracks


@contextmanager
def server(*statuses):
    """A server that answers with these statuses, then 200; yields its URL and what it got."""
    answers, got = list(statuses), []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = answers.pop(0) if answers else 200
            if status == 200:
                got.append((self.path, dict(self.headers), body))
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as web:
        thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{web.server_port}", got
        finally:
            web.shutdown()
            thread.join()


def publish(url, count=5):
    publisher = open_publisher(url)
    with publisher:
        for frame in blank_frames(count):
            publisher.write(frame, Tracks.empty())
    return publisher.notes


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(sink, "_FIRST_PAUSE", 0.01)


@pytest.mark.parametrize("statuses", [(), (500, 503), (None,)], ids=["well", "broken", "hangs up"])
def test_frames_arrive_as_json_lines(statuses):
    with server(*statuses) as (address, got):
        assert publish(f"http://user:s%40cret@{address}/hook?key=1") == []
    lines = [json.loads(line) for _, _, body in got for line in body.splitlines()]
    assert [line["frame"] for line in lines] == list(range(5))
    path, headers, _ = got[0]
    assert path == "/hook?key=1"
    assert headers["Content-Type"] == "application/x-ndjson"
    login = base64.b64decode(headers["authorization"].removeprefix("Basic "))
    assert login == b"user:s@cret"


def test_what_a_server_refuses_is_a_note_without_its_secrets(monkeypatch):
    monkeypatch.setattr(sink, "_CLOSING_SECONDS", 0.2)
    with server(*[403] * 1000) as (address, _):
        (note,) = publish(f"http://user:secret@{address}/hook?key=1")
    assert note == f"5 frames were not sent to http://{address} (it answers 403)"


def test_a_server_that_is_not_there_is_told_before_the_run():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = rf"--publish http://127.0.0.1:{port} cannot be reached \(Connection refused\): check"
    with pytest.raises(OutputError, match=told):
        open_publisher(f"http://user:secret@127.0.0.1:{port}/secret")


def test_a_server_that_does_not_answer_is_told_before_the_run(monkeypatch):
    monkeypatch.setattr(webhook, "_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OutputError, match=rf"http://{address} cannot be reached \(timed out\)"):
            open_publisher(f"http://{address}/")
