import shutil
import time

import cv2
import numpy as np

from helpers.web.browser import open_browser
from mvot_pipelines.sinks.video import OverlayVideoSink
from mvot_plugin.types import Frame, Tracks

SIZE = WIDTH, HEIGHT = 320, 240
BANDS = np.array([[0, 0, 220], [0, 180, 0], [230, 40, 0], [200, 200, 200], [30, 30, 30]], np.uint8)
"""BGR."""
PLAY = """
async (source) => {
  const video = document.querySelector("video");
  const happened = (name) => new Promise((done, failed) => {
    video.addEventListener(name, done, { once: true });
    video.addEventListener("error", () => failed(video.error.message), { once: true });
  });
  const begun = happened("canplay");
  video.src = source;
  await begun;
  const ended = happened("ended");
  video.playbackRate = 4;
  await video.play();
  await ended;
  const played = video.currentTime, duration = video.duration;
  const sought = happened("seeked");
  video.currentTime = 0.5;
  await sought;
  return { played, duration, state: video.readyState, size: [video.videoWidth, video.videoHeight] };
}
"""


def draw(index: int) -> np.ndarray:
    """Bands of colour, and a white bar that moves down by four pixels a frame."""
    image = np.repeat(np.repeat(BANDS, WIDTH // 5, axis=0)[None], HEIGHT, axis=0)
    image[40 + 4 * index : 50 + 4 * index] = 255
    return image


def find_bar(shot: np.ndarray) -> float:
    """The middle row of the white bar."""
    return float((np.flatnonzero((shot[30:, 32] > 200).all(axis=1)) + 30).mean())


def take_shot(page, row: float) -> np.ndarray:
    """A picture of the page, once the bar is there; the browser paints a while after "seeked"."""
    end = time.monotonic() + 10
    while True:
        shot = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_COLOR)
        if abs(find_bar(shot) - row) < 5 or time.monotonic() > end:
            return shot
        time.sleep(0.05)


def test_a_browser_plays_a_video_that_is_complete_and_one_that_was_broken_off(tmp_path):
    with OverlayVideoSink(tmp_path / "whole.mp4", frame_rate=25, size=SIZE) as sink:
        for index in range(26):
            sink.write(Frame(image=draw(index), index=index, timestamp=0.0), Tracks.empty())
        shutil.copy(tmp_path / "whole.mp4", tmp_path / "part.mp4")
    page_file = tmp_path / "page.html"
    page_file.write_text("<body style='margin: 0'><video muted style='display: block'></video>")
    with open_browser() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for name, frames in (("whole.mp4", 26), ("part.mp4", 25)):
            page.goto(page_file.as_uri())
            answer = page.evaluate(PLAY, name)
            shot = take_shot(page, 44.5 + 4 * 12.5)
            assert answer["size"] == [WIDTH, HEIGHT]
            assert answer["state"] >= 2, "there is a picture"
            assert abs(answer["duration"] - frames / 25) <= 0.041
            assert abs(answer["played"] - answer["duration"]) <= 0.041, "it played to its end"
            np.testing.assert_allclose(shot[220, 32::64], BANDS, atol=16)
            assert abs(find_bar(shot) - (44.5 + 4 * 12.5)) < 5, "it shows half a second"
