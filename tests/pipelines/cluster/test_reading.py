"""Pieces are read as the whole recording is: the same pixels, numbers and times."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from helpers.pipelines.videos import (
    noise_image,
    write_images,
    write_trimmed_video,
    write_variable_rate_video,
    write_video,
)
from mvot_pipelines.cluster.config import ClusterConfig
from mvot_pipelines.cluster.pieces import reading
from mvot_pipelines.cluster.pieces.cutting import cut_recording
from mvot_pipelines.cluster.pieces.key_frames import read_frame_table
from mvot_pipelines.cluster.pieces.reading import digest, read_piece
from mvot_pipelines.config import RunConfig
from mvot_pipelines.sources import open_source

FRAMES = 120
SHORT = ClusterConfig(piece=2.0, overlap=0.5)


def blurred_images(count):
    return [cv2.GaussianBlur(noise_image(seed, (96, 64)), (0, 0), 3) for seed in range(count)]


@pytest.fixture(scope="module")
def videos(tmp_path_factory, write_h264):
    tmp_path = tmp_path_factory.mktemp("pieces")
    images = blurred_images(FRAMES)
    write_images(tmp_path / "images", [f"{n:03}.png" for n in range(FRAMES)])
    ticks = np.cumsum(np.random.default_rng(0).integers(3, 14, FRAMES)).tolist()
    return {
        "h264": write_h264(tmp_path / "a.mp4", images, interval=12, rate=10),
        "one key frame": write_h264(tmp_path / "b.mp4", images, interval=1000, rate=10),
        "no b-frames": write_h264(tmp_path / "c.mkv", images, interval=30, rate=10, frames=0),
        "transport stream": write_h264(tmp_path / "d.ts", images, interval=12, rate=10),
        "mjpeg": write_video(tmp_path / "e.avi", FRAMES),
        "mpeg4": write_video(tmp_path / "f.mp4", FRAMES, codec="mp4v"),
        "mpeg4 in avi": write_video(tmp_path / "g.avi", FRAMES, codec="mp4v"),
        "trimmed": write_trimmed_video(tmp_path / "h.mp4", FRAMES, shown=60),
        "variable rate": write_variable_rate_video(tmp_path / "i.mkv", ticks),
        "images": tmp_path / "images",
    }


KINDS = ("h264", "one key frame", "no b-frames", "transport stream", "mjpeg", "mpeg4")
KINDS += ("mpeg4 in avi", "trimmed", "variable rate", "images")


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_have_the_pixels_numbers_and_times_of_the_whole(videos, kind):
    config = RunConfig(source=str(videos[kind]), detect_every=3)
    with open_source(videos[kind]) as source:
        whole = {frame.index: (frame.timestamp, frame.image.copy()) for frame in source}
        pieces = cut_recording(config, source, SHORT)
        assert len(pieces) >= 2
        seen = set()
        for piece in pieces:
            for chosen in (piece, piece.from_beginning()):
                frames = list(read_piece(source, chosen))
                stop = piece.stop or max(whole) + 1
                assert [f.index for f in frames] == [n for n in whole if piece.start <= n < stop]
                for frame in frames:
                    time, image = whole[frame.index]
                    assert frame.timestamp == time
                    assert np.array_equal(frame.image, image)
            seen |= {frame.index for frame in frames}
        assert seen == set(whole)


@pytest.mark.parametrize("kind", ["h264", "variable rate", "mpeg4", "no b-frames"])
def test_a_video_is_entered_in_its_middle_without_reading_what_is_before(videos, kind, monkeypatch):
    monkeypatch.setattr(reading, "_skip", lambda *_: pytest.fail("it was read from its beginning"))
    with open_source(videos[kind]) as source:
        piece = cut_recording(RunConfig(source=str(videos[kind])), source, SHORT)[-1]
        assert next(read_piece(source, piece)).index == piece.start > 0


def test_a_time_that_no_frame_has_is_found_by_reading_from_the_beginning(videos):
    with open_source(videos["h264"]) as source:
        piece = cut_recording(RunConfig(source=str(videos["h264"])), source, SHORT)[-1]
        frames = list(read_piece(source, replace(piece, seconds=3.1234)))
        assert [frame.index for frame in frames] == list(range(piece.start, FRAMES))


def test_a_part_of_the_frames_is_cut_as_the_unbroken_run_takes_it(videos):
    config = RunConfig(source="x", start=1.0, stride=2, frames=40, detect_every=3)
    with open_source(videos["h264"]) as source:
        wanted = [f.index for f in source.select(start=1.0, stride=2, count=40)]
        pieces = cut_recording(config, source, SHORT)
        assert len(pieces) > 2
        found = [f.index for piece in pieces for f in read_piece(source, piece, 2)]
    assert sorted(set(found)) == wanted


def test_digests_differ_where_the_images_do(videos):
    with open_source(videos["h264"]) as source:
        digests = [digest(frame) for frame in source]
    assert len(set(digests)) == FRAMES


def test_what_has_no_times_has_no_table(tmp_path):
    path = tmp_path / "broken.mp4"
    path.write_bytes(b"\0" * 1000)
    assert read_frame_table(path) is None


def test_the_table_says_when_frames_are_shown_and_which_are_key_frames(videos):
    table = read_frame_table(videos["h264"])
    assert table is not None
    assert np.allclose(table.seconds, np.arange(FRAMES) / 10)
    assert np.flatnonzero(table.is_key).tolist() == list(range(0, FRAMES, 12))
