"""A server opens where it is told to, and is no trouble to the program around it."""

import socket
import threading

import pytest

from helpers.threads import find_threads
from helpers.web.serving import (
    make_frame,
    make_tracks,
    open_streams,
    read_message,
    serve_page,
    serve_run,
)
from mvot_pipelines.serve import Page
from mvot_plugin.errors import OutputError


def test_a_port_that_is_taken_is_refused_in_a_sentence():
    with serve_run() as (_, client):
        port = client.base_url.port
        with pytest.raises(OutputError, match=f"cannot serve at port {port} of 127.0.0.1: Address"):
            Page(port)
    assert not find_threads("mvot-serve")


@pytest.mark.parametrize("host", ["no such host", "host." * 60, "192.0.2.7", "\ud800"])
def test_a_host_that_is_not_of_this_machine_is_refused_in_a_sentence(host):
    with pytest.raises(OutputError, match="cannot serve at port 0 of "):
        Page(0, host=host)


def test_nothing_is_printed_and_loggers_of_others_stay(capfd):
    import logging

    errors = logging.getLogger("uvicorn.error")
    before = errors.level, list(errors.handlers), list(errors.filters)
    with serve_run() as (_, client):
        with socket.create_connection((client.base_url.host, client.base_url.port)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            assert b"400" in connection.recv(1000)
        client.get("/", headers={"connection": "upgrade", "upgrade": "websocket"})
    assert capfd.readouterr() == ("", "")
    assert (errors.level, errors.handlers, errors.filters) == before


def test_it_runs_beside_other_threads_and_an_event_loop():
    import asyncio

    async def serve():
        with serve_run() as (sink, client):
            await asyncio.to_thread(sink.write, make_frame(), make_tracks(1))
            return (await asyncio.to_thread(client.get, "/healthz")).text

    before = threading.active_count()
    assert asyncio.run(serve()) == "running\n"
    assert threading.active_count() <= before


def test_streams_are_shown_in_the_order_that_is_given():
    with serve_page(order=["door", "yard", "gate"]) as (page, client):
        open_streams(page, "gate", "street", "door", "yard")
        shown = [one["name"] for one in read_message(client)["streams"]]
    assert shown == ["door", "yard", "gate", "street"]
