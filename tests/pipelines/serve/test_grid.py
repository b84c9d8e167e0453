"""The page of several streams, in a real browser."""

from urllib.parse import quote

from helpers.web.browser import DESKTOP, PHONE, wait_for_grey, wait_until
from helpers.web.serving import TOKEN, Clock, make_frame, make_tracks, open_streams, serve_page
from mvot_pipelines.counting import Count
from mvot_pipelines.serve import tile
from mvot_plugin.errors import InputError

EVIL = '"><img src=x onerror="document.title=1">&stream=b%00\n'
COLUMNS = "new Set(Array.from(document.querySelectorAll('.tile'), (one) => one.offsetLeft)).size"
NAMES = ["north", "east", EVIL, "caf\udce9.mp4"]


def find_tile(number):
    return f".tile:nth-child({number})"


def wait_for(page, number, status):
    page.wait_for_selector(f"{find_tile(number)}[data-kind={status}]")


def test_each_tile_shows_its_stream_and_leads_to_it_and_back(page):
    count = Count(name="gate", kind="line", points=make_tracks(1).xyxy.reshape(2, 2), entered=3)
    with serve_page(token=TOKEN) as (served, _):
        sinks = open_streams(served, *NAMES)
        page.goto(f"{served.url}&stream={quote(EVIL, safe='')}")
        wait_until(page, "name => document.querySelector('#source').textContent === name", EVIL)
        assert TOKEN not in page.url
        page.click("#back")
        wait_for(page, 4, "waiting")
        for index, sink in enumerate(sinks):
            sink.write(make_frame(20 * index), make_tracks(*range(1, index + 2)), [count])
        for index in range(4):
            wait_for(page, index + 1, "running")
            wait_for_grey(page, f"{find_tile(index + 1)} img", 40 + 20 * index)
        sinks[1].write(make_frame(150), make_tracks(1, 2))
        wait_for_grey(page, f"{find_tile(2)} img", 190)
        assert page.inner_text(f"{find_tile(3)} .tracks") == "3"
        assert page.inner_text(f"{find_tile(3)} .counts") == "gate: 3 in, 0 out"
        assert page.inner_text("#status") == "4 of 4 running"
        assert page.title() == "4 of 4 running - mvot"
        assert not page.is_visible("#single")
        for number in (3, 4):
            page.click(find_tile(number))
            wait_for_grey(page, "#video", 40 + 20 * (number - 1))
            assert len(page.query_selector_all("#tracks tbody tr")) == number
            assert not page.is_visible("#grid")
            page.click("#back")
            wait_for(page, 4, "running")
            assert not page.is_visible("#back")
        assert [one.inner_text() for one in page.query_selector_all(".name")][:2] == NAMES[:2]
        assert page.evaluate("document.querySelectorAll('.name')[2].textContent") == EVIL
        page.focus(find_tile(1))
        with page.expect_navigation():
            page.keyboard.press("Enter")
        wait_for_grey(page, "#video", 40)
        assert page.url.endswith("/?stream=north")


def test_tiles_say_which_stream_has_stalled_failed_and_ended_and_keep_the_last_picture(page):
    clock = Clock()
    with serve_page(clock=clock) as (served, client):
        sinks = open_streams(served, "north", "east", "south", "west")
        page.goto(str(client.base_url))
        for index, sink in enumerate(sinks):
            sink.write(make_frame(20 * index), make_tracks(index + 1))
            wait_for_grey(page, f"{find_tile(index + 1)} img", 40 + 20 * index)
        sinks[0].write(make_frame(150), make_tracks(1, 2))
        sinks[0].close()
        sinks[1].__exit__(InputError, InputError(f"{EVIL} breaks off"), None)
        clock.now += 7
        sinks[3].write(make_frame(60), make_tracks(1))
        for number, status in enumerate(["ended", "failed", "stalled", "running"], 1):
            wait_for(page, number, status)
            assert page.inner_text(f"{find_tile(number)} .status") == status.capitalize()
        wait_for_grey(page, f"{find_tile(1)} img", 190)
        assert page.inner_text(f"{find_tile(1)} .tracks") == "2"
        assert page.evaluate("document.querySelectorAll('.tile .notice')[1].textContent") == (
            f"{EVIL} breaks off"
        )
        assert page.inner_text(f"{find_tile(3)} .notice") == "No new frame for 7 s"
        assert page.inner_text("#status") == "1 of 4 running"
        assert page.inner_text("#alerts").split() == ["1", "failed", "1", "stalled", "1", "ended"]
        page.click(find_tile(1))
        page.wait_for_selector("#status[data-kind=ended]")
        wait_for_grey(page, "#video", 190)
        assert page.inner_text("#notice") == "The stream has ended. This is its last picture."
        page.go_back()
        wait_for(page, 4, "running")
        sinks[2].write(make_frame(90), make_tracks())
        sinks[3].write(make_frame(120), make_tracks())
    for number, status in enumerate(["ended", "failed", "ended", "ended"], 1):
        wait_for(page, number, status)
    wait_for_grey(page, f"{find_tile(3)} img", 130)
    wait_for_grey(page, f"{find_tile(4)} img", 160)
    page.wait_for_timeout(100)
    assert page.inner_text("#status") == "0 of 4 running"


def test_streams_that_are_opened_later_appear_in_their_place(page):
    with serve_page(order=["north", "east", "south", "west"]) as (served, client):
        page.goto(str(client.base_url))
        wait_until(page, "document.querySelector('#status').innerText === 'No stream yet'")
        open_streams(served, "north")[0].write(make_frame(), make_tracks())
        wait_for_grey(page, "#video", 40)
        open_streams(served, "west")
        wait_for(page, 2, "waiting")
        open_streams(served, "east")
        wait_for(page, 3, "waiting")
        names = [one.inner_text() for one in page.query_selector_all(".name")]
        assert names == ["north", "east", "west"]
        assert not page.evaluate("document.querySelector('#video').hasAttribute('src')")
        page.goto(f"{client.base_url}?stream=south")
        page.wait_for_selector("#status[data-kind=missing]")
        open_streams(served, "south")[0].write(make_frame(20), make_tracks())
        wait_for_grey(page, "#video", 60)
        page.click("#back")
        wait_for(page, 3, "running")
        wait_for(page, 4, "waiting")


def test_thirty_streams_are_drawn_only_where_somebody_sees_them(page, monkeypatch):
    drawn, encode = set(), tile.encode_tile

    def note(shot, width):
        drawn.add(shot.frame.index)
        return encode(shot, width)

    monkeypatch.setattr(tile, "encode_tile", note)
    with serve_page() as (served, client):
        sinks = open_streams(served, *(f"{number} {'W' * 60}" for number in range(30)))
        for index, sink in enumerate(sinks):
            sink.write(make_frame(index), make_tracks(*range(1, 130)))
        page.goto(str(client.base_url))
        for size, columns in ((DESKTOP, 4), (PHONE, 2)):
            page.set_viewport_size(size)
            wait_for_grey(page, f"{find_tile(columns)} img", 39 + columns)
            wait_until(page, f"{COLUMNS} === {columns}")
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert 29 not in drawn
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        wait_for_grey(page, f"{find_tile(30)} img", 69)
        assert page.is_visible("#status")


def test_while_the_page_is_hidden_no_tile_is_drawn(page):
    with serve_page() as (served, client):
        sinks = open_streams(served, "north", "east")
        page.goto(str(client.base_url))
        sinks[0].write(make_frame(), make_tracks())
        wait_for_grey(page, f"{find_tile(1)} img", 40)
        for is_hidden in ("true", "false"):
            page.evaluate(
                "Object.defineProperty(document, 'hidden', {configurable: true, "
                f"value: {is_hidden}}});"
                "document.dispatchEvent(new Event('visibilitychange'))"
            )
            sinks[1].write(make_frame(50), make_tracks())
            wait_for(page, 2, "running")
            page.wait_for_timeout(100)
            shown = page.evaluate("document.querySelectorAll('.tile img:not([hidden])').length")
            assert (shown == 1) == (is_hidden == "true")
