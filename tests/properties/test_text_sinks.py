"""What the text sinks write of a whole video is read back."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.pipelines.masks import decode_rle
from helpers.properties import scaled
from mvot_pipelines.sinks import JsonLinesSink, MotTextSink
from mvot_plugin.detectors import ReplayDetector
from mvot_plugin.motfile import read_mot
from mvot_plugin.types import Frame, Tracks, paste_mask

IMAGE = np.zeros((48, 64, 3), np.uint8)


@st.composite
def videos(draw):
    """Frames of increasing index with tracks, with masks or without."""
    frames, index, cells = [], -1, draw(st.integers(0, 4))
    for ids in draw(
        st.lists(st.lists(st.integers(1, 10**6), max_size=4, unique=True), min_size=1, max_size=5)
    ):
        index += draw(st.integers(1, 9))
        rng, count = np.random.default_rng(draw(st.integers(0, 2**32))), len(ids)
        low = rng.uniform(*((-40, 60) if cells else (-2000, 8000)), (count, 2))
        tracks = Tracks(
            id=np.sort(np.array(ids, np.int64)),
            xyxy=np.hstack([low, low + rng.exponential(200, (count, 2)) + 0.1]).astype(np.float32),
            score=rng.uniform(0, 1, count).astype(np.float32),
            class_id=np.zeros(count, np.int64),
            detected=rng.random(count) < 0.5,
            masks=rng.random((count, cells, cells), np.float32) if cells else None,
        )
        frames.append((Frame(image=IMAGE, index=index, timestamp=index / 25), tracks))
    return frames


def assert_masks(encoded, tracks):
    """What was read are the masks' pixels; None where the tracks have none."""
    if tracks.masks is None:
        assert encoded == [None] * len(tracks)
        return
    for one, mask, box in zip(encoded, tracks.masks, tracks.xyxy, strict=True):
        pixels, pasted = np.zeros(IMAGE.shape[:2], bool), paste_mask(mask, box, (64, 48))
        pixels[pasted.window] = pasted.pixels
        assert np.array_equal(decode_rle(one), pixels)


def write_video(sink, video):
    with sink:
        for frame, tracks in video:
            sink.write(frame, tracks)


@given(videos())
@scaled(40)
def test_mot_rows_are_read_back(tmp_path_factory, video):
    path = tmp_path_factory.mktemp("mot") / "out.txt"
    write_video(MotTextSink(path), video)
    rows, replay = read_mot(path), ReplayDetector(path)
    for frame, tracks in video:
        here = rows.frame == frame.index
        assert rows.id[here].tolist() == tracks.id.tolist()
        assert np.allclose(rows.xyxy[here], tracks.xyxy, atol=0.02, rtol=1e-6)
        assert np.allclose(rows.score[here], tracks.score, atol=1e-4)
        assert np.array_equal(replay(frame).xyxy, rows.xyxy[here])
    assert len(rows) == sum(len(tracks) for _, tracks in video)


@given(videos())
@scaled(40)
def test_json_lines_are_read_back(tmp_path_factory, video):
    path = tmp_path_factory.mktemp("json") / "out.jsonl"
    write_video(JsonLinesSink(path), video)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for frame, tracks in video:
        here = [row for row in rows if row["frame"] == frame.index and "id" in row]
        assert [row["id"] for row in here] == tracks.id.tolist()
        boxes = np.array([row["box"] for row in here]).reshape(-1, 4)
        assert np.allclose(boxes, tracks.xyxy, atol=0.02, rtol=1e-6)
        assert [row["state"] == "detected" for row in here] == tracks.detected.tolist()
        assert_masks([row.get("mask") for row in here], tracks)
    assert len(rows) == sum(max(len(tracks), 1) for _, tracks in video)
