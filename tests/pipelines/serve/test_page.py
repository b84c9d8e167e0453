"""The page, in a real browser."""

import importlib.resources
import re

from helpers.web.browser import DESKTOP, PHONE, wait_for_grey, wait_until
from helpers.web.serving import (
    TOKEN,
    Clock,
    make_frame,
    make_tracks,
    serve_page,
    serve_run,
    start_report,
)
from mvot_pipelines.counting import Count
from mvot_pipelines.serve import Page
from mvot_plugin.errors import InputError

EVIL = '<img src=x onerror="document.title=1">'


def wait_for(page, status):
    page.wait_for_selector(f"#status[data-kind={status}]")


def read_rows(page, table):
    return [row.split("\t") for row in page.inner_text(f"#{table} tbody").splitlines()]


def wait_for_rows(page, number):
    wait_until(page, "n => document.querySelectorAll('#tracks tbody tr').length === n", arg=number)


def test_it_shows_the_picture_the_numbers_and_the_tracks(page):
    names, report = {0: "person"}, start_report(dropped=1234)
    count = Count(name="gate", kind="line", points=make_tracks(1).xyxy.reshape(2, 2), entered=3)
    with serve_run(report=report, class_names=names) as (sink, client):
        page.goto(str(client.base_url))
        wait_for(page, "waiting")
        for index in (10, 110):
            sink.write(make_frame(index), make_tracks(4, 9), [count])
            wait_for_grey(page, "#video", 40 + index)
        wait_for_rows(page, 2)
        wait_for(page, "running")
        assert page.title() == "street - mvot"
        assert page.inner_text("#dropped") == "1,234"
        assert read_rows(page, "counts") == [["gate", "3 in, 0 out"]]
        first, second = read_rows(page, "tracks")
        assert first[:4] == ["4", "person", "0.75", "estimated"]
        assert second[:4] == ["9", "person", "0.75", "detected"]
        wait_until(page, "document.querySelector('#tracks td:last-child').innerText === '4.0 s'")
        sink.write(make_frame(111), make_tracks(9))
        wait_for_rows(page, 1)


def test_names_are_shown_as_they_are_and_never_run(page):
    line = Count(name=EVIL, kind="line", points=make_tracks(1).xyxy.reshape(2, 2), entered=1)
    names, report = {0: EVIL}, start_report(name=EVIL)
    with serve_run(report=report, class_names=names) as (sink, client):
        page.goto(str(client.base_url))
        sink.write(make_frame(), make_tracks(1), [line])
        wait_for_rows(page, 1)
        assert read_rows(page, "tracks")[0][1] == EVIL
        assert read_rows(page, "counts")[0][0] == EVIL
        assert page.inner_text("#source") == EVIL
        assert page.title() == f"{EVIL} - mvot"
        sink.__exit__(None, InputError(EVIL), None)
        wait_for(page, "failed")
        assert page.inner_text("#notice") == f"The run has failed: {EVIL}"
        assert page.locator("img").count() == 1


def test_it_says_when_the_stream_has_stalled_and_when_it_ended(page):
    clock = Clock()
    with serve_run(clock=clock) as (sink, client):
        page.goto(str(client.base_url))
        sink.write(make_frame(), make_tracks())
        wait_for(page, "running")
        assert not page.is_visible("#notice")
        clock.now += 7
        wait_for(page, "stalled")
        assert page.inner_text("#notice") == "No new frame for 7 s."
        sink.write(make_frame(60), make_tracks())
        wait_for(page, "running")
        wait_for_grey(page, "#video", 100)
    wait_for(page, "ended")
    wait_for_grey(page, "#video", 100)  # the last picture stays


def test_it_says_when_the_connection_is_lost_and_comes_back_by_itself(page):
    page.clock.install()
    with serve_page() as (served, client):
        sink = served.open_stream(start_report())
        page.goto(str(client.base_url))
        sink.write(make_frame(), make_tracks())
        wait_for(page, "running")
        served._server.stop()
        wait_for(page, "lost")
        assert page.inner_text("#notice") == "The connection is lost; trying again."
    with Page(client.base_url.port) as served:
        sink = served.open_stream(start_report())
        sink.write(make_frame(80), make_tracks(3))
        page.clock.fast_forward(3001)
        wait_for(page, "running")
        wait_for_grey(page, "#video", 120)


def test_the_token_leaves_the_address_and_all_of_the_page_is_let_in(page):
    with serve_page(token=TOKEN) as (served, _):
        sink = served.open_stream(start_report())
        page.goto(served.url)
        assert TOKEN not in page.url
        assert page.evaluate("document.cookie") == ""
        sink.write(make_frame(), make_tracks(1))
        wait_for(page, "running")
        wait_until(page, "video.naturalWidth === 64")


def test_it_fits_the_screen_whatever_the_names(page):
    names, report = {0: "W" * 200}, start_report(name="source" * 60)
    with serve_run(report=report, class_names=names) as (sink, client):
        page.goto(str(client.base_url))
        sink.write(make_frame(size=(640, 480)), make_tracks(*range(1, 130)))
        wait_for_rows(page, 100)
        assert page.inner_text("#more") == "and 29 more"
        wait_until(page, "video.naturalWidth === 640")
        for size in (DESKTOP, PHONE):
            page.set_viewport_size(size)
            assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
            assert page.evaluate("video.getBoundingClientRect().top") < size["height"] / 2


def test_while_the_page_is_hidden_no_picture_is_drawn(page):
    with serve_run() as (sink, client):
        page.goto(str(client.base_url))
        sink.write(make_frame(), make_tracks())
        wait_until(page, "video.naturalWidth === 64")
        for is_hidden in ("true", "false"):
            page.evaluate(
                "Object.defineProperty(document, 'hidden', {configurable: true, "
                f"value: {is_hidden}}});"
                "document.dispatchEvent(new Event('visibilitychange'))"
            )
            assert page.evaluate("video.hasAttribute('src')") == (is_hidden == "false")


def test_texts_stand_out_from_their_ground_in_light_and_in_dark():
    style = importlib.resources.files("mvot_pipelines.serve").joinpath("page/page.css").read_text()
    themes = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    assert len(themes) == 2
    for theme in themes:
        colors = dict(re.findall("--([a-z]+): #([0-9a-f]+)", theme))
        for ground in ("ground", "panel"):
            for text in ("text", "muted", "accent", "good", "warn", "bad"):
                light, dark = sorted(map(luminance, (colors[text], colors[ground])), reverse=True)
                assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


def luminance(color):
    """As WCAG defines it."""
    digits = color if len(color) == 6 else "".join(2 * digit for digit in color)
    parts = [int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
