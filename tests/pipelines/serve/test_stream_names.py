"""Names of streams, whatever their characters, and who may know them."""

from urllib.parse import quote

import pytest

from helpers.web.serving import (
    TOKEN,
    make_frame,
    make_tracks,
    open_streams,
    read_message,
    read_metrics,
    serve_page,
)
from mvot_pipelines.serve.streams import read_key
from mvot_plugin.errors import UsageError

HOSTILE = [
    '"><script>alert(1)</script>', "a&stream=b", "50% + 1#x?", "two\nlines", "nul\0tab\t", "Türe 3",
    "caf\udce9.mp4", "\ud800", "", "..", "\u202egnp.exe", "\\", "a\\", 'q"',
]  # fmt: skip


def test_streams_of_one_name_are_refused_and_so_is_a_stream_of_a_page_that_is_closed():
    with serve_page() as (page, _):
        open_streams(page, "two\nlines")[0].close()
        for name in ("two\nlines", "two\\nlines"):
            with pytest.raises(UsageError, match="has a stream 'two"):
                open_streams(page, name)
        page.close()
        page.close()
        with pytest.raises(UsageError, match="the page is closed"):
            open_streams(page, "late")


def test_names_of_any_characters_are_found_again():
    with serve_page() as (page, client):
        for index, sink in enumerate(open_streams(page, *HOSTILE)):
            sink.write(make_frame(10 * index), make_tracks(1))
        streams = read_message(client)["streams"]
        assert [one["name"] for one in streams] == HOSTILE
        pictures = [client.get(f"/snapshot.jpg?stream={one['key']}&t=1").content for one in streams]
        assert len({*pictures}) == len(HOSTILE)
        for name in HOSTILE[:6]:
            assert client.get("/snapshot.jpg", params={"stream": name}).content in pictures
        lines = client.get("/healthz").text.splitlines()
        assert [line.endswith(": running") for line in lines] == [True] * len(HOSTILE)
        for name in (HOSTILE[0], HOSTILE[2], *HOSTILE[-3:]):
            assert read_metrics(client, name)["frames_total",] == 1


def test_a_key_is_read_from_a_query_whatever_its_bytes():
    assert read_key(b"") is None
    assert read_key(b"t=1&streams=2") is None
    assert read_key(b"stream") == read_key(b"stream=") == ""
    assert read_key(b"t=1&stream=a+b%2f&stream=c") == "a%20b%2F"
    assert read_key(b"stream=%e9\xff%zz") == "%E9%FF%25zz"


def test_the_health_tells_names_only_to_those_who_may_see_the_page():
    with serve_page(token=TOKEN) as (page, client):
        first, *_ = open_streams(page, "first", "second")
        first.write(make_frame(), make_tracks())
        assert client.get("/healthz").text == "1 of 2 running\n"
        assert client.get("/healthz", params={"token": "x" + TOKEN}).text == "1 of 2 running\n"
        answer = client.get("/healthz", params={"token": TOKEN})
        assert answer.text == "first: running\nsecond: waiting\n"
    with serve_page() as (page, client):
        open_streams(page, "first", "second")
        answer = client.get("/healthz", headers={"host": "evil.example"})
        assert (answer.status_code, answer.text) == (200, "0 of 2 running\n")


def test_a_link_to_a_stream_may_bring_the_token():
    with serve_page(token=TOKEN) as (page, client):
        open_streams(page, *HOSTILE)
        for name in HOSTILE:
            key = quote(name.encode("utf-8", "surrogatepass"), safe="")
            for query in (f"stream={key}&token={TOKEN}", f"token={TOKEN}&stream={key}"):
                client.cookies.clear()
                answer = client.get(f"/?{query}")
                assert (answer.status_code, answer.headers["location"]) == (303, f"./?stream={key}")
                assert client.get(answer.headers["location"]).text.startswith("<!doctype html>")
            client.cookies.clear()
            assert client.get(f"/?stream={key}&token=x{TOKEN}").status_code == 401
