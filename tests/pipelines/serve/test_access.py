"""Who may see the page."""

import re
import socket

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.web.serving import TOKEN, make_frame, make_tracks, serve_page, serve_run, start_report
from mvot_pipelines.serve.access import Access, choose_token
from mvot_plugin.errors import UsageError

PATHS = ("/", "/page.js", "/video.mjpeg", "/snapshot.jpg", "/events", "/metrics", "/nothing")
FREE = "/healthz"


@pytest.fixture(scope="module")
def guarded():
    with serve_page(host="0.0.0.0") as (page, client):
        page.open_stream(start_report()).write(make_frame(), make_tracks(1))
        yield client, re.findall("token=(.+)", page.url)[0]


@pytest.fixture(scope="module")
def local():
    with serve_run() as (sink, client):
        sink.write(make_frame(), make_tracks(1))
        yield client


def test_a_token_is_made_where_others_can_reach_the_page(guarded):
    client, token = guarded
    assert len(token) > 40
    for path in PATHS:
        assert client.get(path).status_code == 401
        assert client.get(path, params={"token": token + "x"}).status_code == 401
        assert client.get(path, headers={"authorization": "Bearer x"}).status_code == 401
    assert client.get(FREE).text == "running\n"


def test_a_token_is_taken_from_the_address_and_the_header(guarded):
    client, token = guarded
    assert client.get("/metrics", params={"token": token}).status_code == 200
    bearer = {"authorization": f"Bearer {token}"}
    assert client.get("/snapshot.jpg", headers=bearer).headers["content-type"] == "image/jpeg"
    assert "set-cookie" not in client.get("/", headers=bearer).headers


def test_the_page_turns_the_token_into_a_cookie_for_its_own_requests(guarded):
    client, token = guarded
    with httpx.Client(base_url=client.base_url) as browser:
        answer = browser.get("/", params={"token": token})
        assert (answer.status_code, answer.headers["location"]) == (303, "./")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert token not in cookie
        assert browser.get("/").text.startswith("<!doctype html>")
        assert browser.get("/metrics").status_code == 200
    name = cookie.split("=")[0]
    assert client.get("/", headers={"cookie": f"{name}={token}"}).status_code == 401


def test_a_host_that_the_client_made_up_opens_no_path(guarded):
    client, _ = guarded
    for host in ("x/healthz?", "x/healthz#", "healthz", "[", "a@b", "x:y"):
        assert client.get("/metrics", headers={"host": host}).status_code == 401


def test_a_token_may_be_given_and_is_then_needed_on_this_machine_too():
    with serve_page(token=TOKEN) as (page, client):
        assert page.url.endswith(f"/?token={TOKEN}")
        assert client.get("/").status_code == 401
        assert client.get("/metrics", params={"token": TOKEN}).status_code == 200
        elsewhere = {"host": "proxy.example"}
        assert client.get("/page.js", params={"token": TOKEN}, headers=elsewhere).is_success


@pytest.mark.parametrize("token", ["", "short", "with spaces in between", "ü" * 20, "a" * 300])
def test_a_token_that_is_no_good_is_refused(token):
    with pytest.raises(UsageError, match="--serve-token must have 16 to 256"):
        choose_token(token, "127.0.0.1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "LOCALHOST", "[::1]"])
def test_without_a_token_the_host_is_this_machine(local, host):
    for header in (host, f"{host}:8000"):
        assert local.get("/", headers={"host": header}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "8.8.8.8", "", "[", "[x]",
     "user@evil.example", "localhost@evil.example", "evil.example/localhost", "0.0.0.0"],
)  # fmt: skip
def test_without_a_token_another_host_is_refused(local, host):
    for path in PATHS:
        answer = local.get(path, headers={"host": host})
        assert answer.status_code == 421
        assert "nosniff" in answer.headers["x-content-type-options"]
    assert local.get(FREE, headers={"host": host}).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "ODD"])
def test_only_reading_is_allowed(local, method):
    for path in ("/", FREE, "/nothing"):
        answer = local.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_browsers_are_told_to_load_nothing_else_and_keep_nothing(local):
    for path in ("/", "/page.js", "/snapshot.jpg", "/metrics", FREE, "/nothing"):
        headers = local.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "server" not in headers


@pytest.mark.parametrize(
    "path", ["//", "/metrics/", "/..%2fmetrics", "/%2e%2e/page.js", "/page/page.js", "/%00", "/%ff"]
)
def test_other_paths_lead_nowhere(local, path):
    assert local.get(f"http://{local.base_url.netloc.decode()}{path}").status_code == 404


@settings(max_examples=30)
@given(junk=st.binary(max_size=120))
def test_bytes_that_are_no_request_do_no_harm(local, junk):
    with socket.create_connection((local.base_url.host, local.base_url.port)) as connection:
        connection.sendall(junk + b"\r\n\r\n")
    assert local.get(FREE).status_code == 200


def make_scope(**parts):
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    return scope | parts


header = st.binary(max_size=60)


@settings(max_examples=60)
@given(host=header, query=header, authorization=header, cookie=header, path=st.text(max_size=20))
def test_no_request_gets_in_by_chance(host, query, authorization, cookie, path):
    import asyncio

    answers = []

    async def inner(scope, receive, send):
        answers.append(scope["path"])

    async def send(message):
        answers.append(message.get("status"))

    headers = {b"host": host, b"authorization": authorization, b"cookie": cookie}
    scope = make_scope(path=path, query_string=query, headers=[*headers.items()])
    for token in (TOKEN, None):
        asyncio.run(Access(inner, token, "127.0.0.1", 80)(scope, None, send))
    assert answers == [path] * 2 if path == FREE else {401, 421} >= {*answers} - {None}
