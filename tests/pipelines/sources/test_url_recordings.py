"""Video files at a URL."""

import numpy as np
import pytest

from helpers.pipelines.streams import serve_file
from helpers.pipelines.videos import write_video
from mvot_pipelines.sources import TruncatedError, open_source
from mvot_plugin.errors import InputError


@pytest.mark.parametrize(("suffix", "codec"), [("mp4", "mp4v"), ("avi", "MJPG")])
def test_a_file_at_a_url_is_read_like_the_file_itself(tmp_path, suffix, codec):
    path = write_video(tmp_path / f"clip.{suffix}", codec=codec)
    with serve_file(path) as url, open_source(url) as source, open_source(path) as local:
        assert (source.name, source.length, source.is_live) == (url, 12, False)
        assert (source.size, source.frame_rate) == (local.size, local.frame_rate)
        for _ in range(2):
            frames = list(source)
            for frame, expected in zip(frames, local, strict=True):
                np.testing.assert_array_equal(frame.image, expected.image)
                assert (frame.index, frame.timestamp) == (expected.index, expected.timestamp)


def test_a_file_at_a_url_that_breaks_off_is_truncated(tmp_path):
    path = write_video(tmp_path / "clip.mkv", frames=40)
    with (
        serve_file(path, cut=path.stat().st_size // 2) as url,
        open_source(f"{url}?token=abc") as source,
    ):
        indices = []
        with pytest.raises(TruncatedError) as caught:
            indices.extend(frame.index for frame in source)
    assert indices == list(range(len(indices)))
    assert 10 < len(indices) < 30
    assert str(caught.value).startswith(f"{url} is damaged or cut short: only {len(indices)} of 40")


def test_a_url_of_no_video_is_one_sentence(tmp_path):
    (tmp_path / "page.html").write_text("<html>hello</html>")
    with (
        serve_file(tmp_path / "page.html") as url,
        pytest.raises(InputError, match=r"page\.html cannot be opened"),
    ):
        open_source(url)
