import json
import math
import os
import signal
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.pipelines.disks import limit_files
from helpers.pipelines.masks import decode_rle
from mvot_pipelines.sinks.text import JsonLinesSink, MotTextSink
from mvot_plugin.errors import OutputError
from mvot_plugin.types import Frame, Tracks

IMAGE = np.zeros((48, 64, 3), np.uint8)
SINKS = [MotTextSink, JsonLinesSink]


def frame(index: int = 0, timestamp: float = 0.0) -> Frame:
    return Frame(image=IMAGE, index=index, timestamp=timestamp)


def tracks(*ids: int, boxes: object = None, detected: bool = True) -> Tracks:
    count = len(ids)
    default = [[i, 2 * i, i + 10, 2 * i + 20] for i in ids]
    return Tracks(
        id=np.array(ids, np.int64),
        xyxy=np.array(default if boxes is None else boxes, np.float32).reshape(count, 4),
        score=np.full(count, 0.87654321, np.float32),
        class_id=np.arange(count, dtype=np.int64),
        detected=np.full(count, detected),
    )


def test_mot_rows_count_frames_and_pixels_from_one(tmp_path):
    with MotTextSink(tmp_path / "out.txt") as sink:
        sink.write(frame(0), tracks(7, boxes=[[0, 0, 10.126, 20]]))
        sink.write(frame(1), Tracks.empty())
        sink.write(frame(2), tracks(7, boxes=[[-1.001, 4.5, 8, 9]]))
    assert (tmp_path / "out.txt").read_text() == (
        "1,7,1.00,1.00,10.13,20.00,0.8765,-1,-1,-1\n3,7,0.00,5.50,9.00,4.50,0.8765,-1,-1,-1\n"
    )


@pytest.mark.parametrize("kind", SINKS)
def test_ids_ascend_and_the_order_given_changes_no_byte(tmp_path, kind):
    some = tracks(9, 2, 5)
    for name, order in (("a", [0, 1, 2]), ("b", [2, 0, 1])):
        with kind(tmp_path / name) as sink:
            sink.write(frame(), some[order])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    if kind is JsonLinesSink:
        ids = [json.loads(line)["id"] for line in (tmp_path / "a").read_text().splitlines()]
        assert ids == [2, 5, 9]


@given(st.lists(st.floats(0, 4000, width=32), min_size=4, max_size=4))
def test_mot_rows_read_back_to_a_hundredth_of_a_pixel(tmp_path_factory, corners):
    x0, y0, width, height = corners
    path = tmp_path_factory.mktemp("mot") / "out.txt"
    with MotTextSink(path) as sink:
        sink.write(frame(), tracks(1, boxes=[[x0, y0, x0 + width, y0 + height]]))
    left, top, w, h = (float(field) for field in path.read_text().split(",")[2:6])
    np.testing.assert_allclose([left - 1, top - 1, w, h], corners, atol=0.0062)


def test_json_lines_hold_one_track_each(tmp_path):
    with JsonLinesSink(tmp_path / "out.jsonl") as sink:
        sink.write(frame(4, 0.16), tracks(3, detected=False))
    assert json.loads((tmp_path / "out.jsonl").read_text()) == {
        "frame": 4,
        "timestamp": 0.16,
        "id": 3,
        "box": [3, 6, 13, 26],
        "score": 0.8765,
        "class_id": 0,
        "state": "estimated",
        "detection_index": -1,
    }


def test_json_lines_hold_the_pixels_of_masks(tmp_path):
    masks = np.zeros((2, 2, 2), np.float32)
    masks[0, :, 0] = masks[1] = 1
    boxes = [[10.004, 4, 20.004, 9], [-5, -5, 2, 3]]
    some = replace(tracks(1, 2, boxes=boxes), masks=masks)
    with JsonLinesSink(tmp_path / "out.jsonl") as sink:
        sink.write(frame(), some[[1, 0]])
        sink.write(frame(1), tracks(1))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    expected = np.zeros((2, 48, 64), bool)
    expected[0, 4:9, 10:15] = expected[1, :3, :2] = True
    for row, pixels in zip(rows[:2], expected, strict=True):
        assert row["mask"]["size"] == [48, 64]
        np.testing.assert_array_equal(decode_rle(row["mask"]), pixels)
    assert "mask" not in rows[2]


def test_json_lines_name_the_classes_that_are_known(tmp_path):
    with JsonLinesSink(tmp_path / "out.jsonl", class_names={0: "Fußgänger"}) as sink:
        sink.write(frame(), tracks(1, 2))
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [row["class"] for row in rows] == ["Fußgänger", None]
    assert [row["state"] for row in rows] == ["detected", "detected"]


@given(
    st.floats(allow_nan=True, allow_infinity=True),
    st.floats(allow_nan=True, allow_infinity=True, width=32),
)
def test_json_is_valid_whatever_the_numbers(tmp_path_factory, timestamp, corner):
    path = tmp_path_factory.mktemp("json") / "out.jsonl"
    with JsonLinesSink(path) as sink:
        sink.write(frame(0, timestamp), tracks(1, boxes=[[corner, 0, 1, 1]]))
    row = json.loads(path.read_text(), parse_constant=pytest.fail)
    assert (row["timestamp"] is None) == (not math.isfinite(timestamp))
    assert (row["box"][0] is None) == (not math.isfinite(corner))


@pytest.mark.parametrize("kind", SINKS)
def test_folders_are_made_and_a_second_close_does_nothing(tmp_path, kind):
    path = tmp_path / "new" / "deeper" / "out"
    sink = kind(str(path))
    sink.write(frame(), tracks(1))
    assert path.read_bytes().endswith(b"\n"), "a frame is in the file as soon as it is written"
    sink.close()
    sink.close()
    assert path.stat().st_size > 0


@pytest.mark.parametrize("kind", SINKS)
def test_an_output_that_cannot_be_opened_fails_at_once(tmp_path, kind):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write .*file/out: "):
        kind(tmp_path / "file" / "out")
    with pytest.raises(OutputError, match=f"cannot write {tmp_path}: Is a directory"):
        kind(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_named(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(OutputError, match=r"out: Permission denied"):
        MotTextSink(tmp_path / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("kind", SINKS)
def test_a_full_device_is_named(kind):
    sink = kind("/dev/full")
    with pytest.raises(OutputError, match="cannot write /dev/full: No space left on device"):
        sink.write(frame(), tracks(1))
    sink.close()


@pytest.mark.parametrize("kind", SINKS)
@pytest.mark.parametrize("room", [0, 1, 30, 100])
def test_a_disk_that_fills_up_leaves_whole_frames(tmp_path, kind, room):
    path = tmp_path / "out"
    sink = kind(path)
    sink.write(frame(0), tracks(1, 2))
    complete = path.read_bytes()
    with (
        limit_files(len(complete) + room),
        pytest.raises(OutputError, match=r"cannot write .*out: File too large"),
    ):
        sink.write(frame(1), tracks(1, 2, 3, 4))
    assert path.read_bytes() == complete
    sink.write(frame(2), tracks(1))
    sink.close()
    assert path.read_bytes().startswith(complete)
    assert len(path.read_bytes().splitlines()) == 3


@pytest.mark.parametrize("kind", SINKS)
def test_the_file_before_stays_until_the_first_frame_is_whole(tmp_path, kind):
    path = tmp_path / "out"
    path.write_text("old")
    with kind(path):
        pass
    assert path.read_text() == "old"
    with kind(path) as sink, limit_files(20), pytest.raises(OutputError, match="File too large"):
        sink.write(frame(0), tracks(1))
    assert path.read_text() == "old"
    with kind(path) as sink:
        sink.write(frame(0), Tracks.empty())
        empty = {MotTextSink: "", JsonLinesSink: '{"frame": 0, "timestamp": 0.0, "tracks": 0}\n'}
        assert path.read_text() == empty[kind]
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_interrupted_process_leaves_whole_frames(tmp_path):
    script = (
        "import itertools, sys, numpy as np\n"
        "from mvot_pipelines.sinks.text import MotTextSink\n"
        "from mvot_plugin.types import Frame, Tracks\n"
        "n = 50\n"
        "some = Tracks(id=np.arange(n), xyxy=np.ones((n, 4), np.float32), "
        "score=np.ones(n, np.float32), class_id=np.zeros(n, np.int64), detected=np.ones(n, bool))\n"
        "image = np.zeros((4, 4, 3), np.uint8)\n"
        "with MotTextSink(sys.argv[1]) as sink:\n"
        "    for i in itertools.count():\n"
        "        sink.write(Frame(image=image, index=i, timestamp=0.0), some)\n"
        "        if i == 20: print('go', flush=True)\n"
    )
    out = tmp_path / "out.txt"
    command = [sys.executable, "-c", script, str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"go\n"
        run.send_signal(signal.SIGINT)
        run.wait(timeout=20)
    lines = out.read_bytes().splitlines(keepends=True)
    assert len(lines) >= 50 * 21
    assert len(lines) % 50 == 0
    assert all(line.endswith(b",-1,-1,-1\n") for line in lines)
