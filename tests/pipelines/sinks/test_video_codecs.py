from pathlib import Path

import av
import numpy as np
import pytest

from mvot_pipelines.sinks.encoder import VideoEncoder
from mvot_pipelines.sinks.files import OutputFile
from mvot_pipelines.sinks.formats import FallbackCodec

SIZE = (160, 120)
BANDS = np.array([[0, 0, 220], [0, 180, 0], [230, 40, 0], [200, 200, 200], [30, 30, 30]], np.uint8)
"""BGR."""


def write(path: Path, images: np.ndarray, ending: str = ".mp4") -> Path:
    encoder = VideoEncoder(OutputFile(path), ending, frame_rate=25, size=SIZE)
    for image in images:
        encoder.write(image)
    encoder.close()
    return path


def noise(frames: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, 120, 160, 3), np.uint8)


def test_mp4_is_what_browsers_play(tmp_path):
    path = write(tmp_path / "a.mp4", noise(3))
    with av.open(path) as container:
        codec = container.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt, codec.profile) == ("h264", "yuv420p", "High")
        colors = codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range
        assert colors == (1, 1, 1, 1), "BT.709, 16 to 235"


@pytest.mark.parametrize("ending", [".mp4", ".avi"])
def test_colors_are_kept(tmp_path, ending):
    image = np.repeat(np.repeat(BANDS, 32, axis=0)[None], 120, axis=0)
    path = write(tmp_path / f"a{ending}", [image])
    with av.open(path) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="bgr24")
    np.testing.assert_allclose(frame[60, 16::32], BANDS, atol=12)


def test_each_frame_leaves_the_encoder_at_once(tmp_path):
    path = tmp_path / "a.mp4"
    encoder = VideoEncoder(OutputFile(path), ".mp4", frame_rate=25, size=SIZE)
    for count, image in enumerate(noise(4)):
        encoder.write(image)
        if count:
            with av.open(path) as container:
                assert len(list(container.decode(video=0))) == count
    encoder.close()


def test_the_same_images_give_the_same_bytes(tmp_path):
    first, second = write(tmp_path / "a.mp4", noise(30)), write(tmp_path / "b.mp4", noise(30))
    assert first.read_bytes() == second.read_bytes()


def test_where_there_is_no_h264_encoder_mpeg_4_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(av, "codecs_available", frozenset({"mpeg4", "mjpeg"}))
    with pytest.warns(FallbackCodec, match=r"a\.mp4 is written as MPEG-4 video, which browsers"):
        path = write(tmp_path / "a.mp4", noise(3))
    with av.open(path) as container:
        assert container.streams.video[0].codec_context.name == "mpeg4"
        assert len(list(container.decode(video=0))) == 3
    write(tmp_path / "a.avi", noise(3), ".avi")  # warns of nothing
