import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from mvot_plugin.synthetic import NoisyDetector, street

COMMAND = Path(sys.executable).with_name("mvot-run")
FRAMES = 40


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A short film of a street, what a perfect detector finds in it, and a longer film."""
    folder = tmp_path_factory.mktemp("films")
    scene = street(seed=1, size=(320, 240), frames=FRAMES, walkers=4, vehicles=1, cyclists=0)
    detector = NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)
    images = [frame.image for frame in scene]
    write_film(folder / "street.avi", images)
    write_film(folder / "long.avi", images * 30)
    rows = []
    for frame in scene:
        for x0, y0, x1, y1 in detector(frame).xyxy:
            left, top = x0 + 1, y0 + 1
            rows.append(f"{frame.index + 1},-1,{left:.2f},{top:.2f},{x1 - x0:.2f},{y1 - y0:.2f},1")
    (folder / "det.txt").write_text("\n".join(rows) + "\n")
    return folder


def write_film(path, images):
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (width, height))
    for image in images:
        writer.write(image)
    writer.release()


def mvot_run(*arguments, cwd=None):
    return subprocess.run(
        [COMMAND, *map(str, arguments)], capture_output=True, text=True, timeout=120, cwd=cwd
    )


def frames_of(path):
    capture = cv2.VideoCapture(str(path))
    count = 0
    while capture.read()[0]:
        count += 1
    size = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    rate = capture.get(cv2.CAP_PROP_FPS)
    capture.release()
    return count, size, rate


def test_tracks_on_every_frame_from_a_detector_on_every_fifth(films, tmp_path):
    done = mvot_run(
        films / "street.avi",
        *("--detections", films / "det.txt", "--detect-every", 5),
        *("--save-txt", tmp_path / "a.txt", "--save-jsonl", tmp_path / "a.jsonl"),
        *("--save-video", tmp_path / "a.mp4"),
    )
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} frames" in done.stdout
    assert "on 8 frames (every 5)" in done.stdout
    for stage in ("decode", "detect", "motion", "associate", "write"):
        assert stage in done.stdout
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",", ndmin=2)
    assert set(rows[:, 0]) == set(range(1, FRAMES + 1))
    assert rows[:, 1].min() == 1
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(objects) == len(rows)
    detected = {one["frame"] for one in objects if one["state"] == "detected"}
    assert detected == set(range(0, FRAMES, 5))
    assert frames_of(tmp_path / "a.mp4") == (FRAMES, (320, 240), 25)


def test_the_same_run_twice_gives_the_same_bytes(films, tmp_path):
    for name in ("a", "b"):
        done = mvot_run(
            films / "street.avi", "--detections", films / "det.txt", "--quiet",
            *("--save-txt", tmp_path / f"{name}.txt", "--save-jsonl", tmp_path / f"{name}.jsonl"),
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_with_no_output_asked_for_text_and_overlay_land_in_the_current_folder(films, tmp_path):
    done = mvot_run(films / "street.avi", "--detections", films / "det.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "street-tracks.mp4",
        "street-tracks.txt",
    ]
    assert "saved street-tracks.mp4" in done.stdout


def test_help_version_and_engines():
    shown = mvot_run("--help")
    assert shown.returncode == 0
    for word in ("--detect-every", "--detections", "--demo", "examples:", "Exit codes"):
        assert word in shown.stdout
    assert mvot_run("--version").stdout.startswith("mvot-run 0.")
    networks = ["siamfc", "siamfc-mi", "siammotion", "siammotion-n", "siammt", "siammt-w"]
    assert mvot_run("--list-engines").stdout.split() == ["hold", "kalman", "lk-flow", *networks]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, ["no SOURCE given"]),
        (["nowhere.mp4", "--detections", "DET"], 1, ["nowhere.mp4", "no such file"]),
        (["DET", "--detections", "DET"], 1, ["det.txt", "not a video"]),
        (["FILM", "--detections", "nowhere.txt"], 1, ["nowhere.txt", "does not exist"]),
        (["FILM", "--detections", "DET", "--engine", "lkflow"], 2, ["did you mean 'lk-flow'"]),
        (["FILM", "--detect-evry", "5"], 2, ["--detect-evry", "did you mean '--detect-every'"]),
        (
            ["FILM", "--detections", "DET", "--detect-every", "0"],
            2,
            ["--detect-every", "1 or more"],
        ),
        (["FILM", "--detections", "DET", "--detect-every", "x"], 2, ["--detect-every", "'x'"]),
        (["FILM", "--detector", "replai"], 2, ["did you mean 'replay'"]),
        (["FILM", "--detector", "yolo11n.pt", "--detections", "DET"], 2, ["exclude each other"]),
        (["FILM", "--detections", "DET", "--save-txt", "DET/a.txt"], 1, ["cannot write"]),
        (["FILM", "--detections", "DET", "--save-video", "a.xyz"], 1, [".mp4", "a.xyz"]),
        (["FILM", "--detections", "DET", "--precision", "fp8"], 2, ["precision", "fp16"]),
        (["FILM", "--detections", "DET", "--config", "nowhere.yaml"], 1, ["nowhere.yaml"]),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(films, tmp_path, arguments, code, words):
    names = {"FILM": str(films / "street.avi"), "DET": str(films / "det.txt")}
    given = [names.get(part, part.replace("DET", names["DET"])) for part in arguments]
    done = mvot_run(*given, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower()


def test_a_bad_row_of_detections_is_named_by_its_line(films, tmp_path):
    lines = (films / "det.txt").read_text().splitlines()
    lines[6] = "7,-1,oops,4,5,6,1"
    (tmp_path / "det.txt").write_text("\n".join(lines))
    done = mvot_run(films / "street.avi", "--detections", tmp_path / "det.txt")
    assert done.returncode == 1
    assert "det.txt, line 7" in done.stderr


def test_rows_out_of_order_or_twice_are_read_once_and_said(films, tmp_path):
    rows = (films / "det.txt").read_text().splitlines()
    (tmp_path / "twice.txt").write_text("\n".join([*reversed(rows), *rows]))
    for name, detections in (("a", films / "det.txt"), ("b", tmp_path / "twice.txt")):
        done = mvot_run(
            films / "street.avi", "--detections", detections, "--save-txt", tmp_path / f"{name}.out"
        )
        assert done.returncode == 0, done.stderr
    assert f"{len(rows)} rows of the detection file repeat another" in done.stdout
    a, b = (np.loadtxt(tmp_path / f"{name}.out", delimiter=",") for name in "ab")
    assert len(a) == len(b)
    np.testing.assert_array_equal(np.unique(a[:, [0, 2, 3]]), np.unique(b[:, [0, 2, 3]]))


def test_degenerate_detections_are_left_out_and_counted(films, tmp_path):
    rows = (films / "det.txt").read_text()
    bad = "1,-1,nan,4,5,6,1\n1,-1,10,10,0,6,1\n1,-1,10,10,-4,6,1\n1,-1,9000,10,5,6,1\n"
    (tmp_path / "det.txt").write_text(rows + bad)
    done = mvot_run(
        films / "street.avi", "--detections", tmp_path / "det.txt", "--save-txt", tmp_path / "a.txt"
    )
    assert done.returncode == 0, done.stderr
    assert "4 detections had no area inside the image" in done.stdout


def test_a_truncated_video_is_tracked_as_far_as_it_goes(films, tmp_path):
    whole = (films / "long.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    done = mvot_run(
        tmp_path / "cut.avi", "--detections", films / "det.txt", "--save-txt", tmp_path / "a.txt",
        *("--save-video", tmp_path / "a.mp4"),
    )  # fmt: skip
    assert done.returncode == 1
    count, _, _ = frames_of(tmp_path / "a.mp4")
    assert 0.4 * 30 * FRAMES < count < 0.6 * 30 * FRAMES
    assert "cut.avi" in done.stderr
    assert str(count) in done.stderr
    assert f"{count} frames" in done.stdout


@pytest.mark.parametrize(
    "outputs",
    [
        ["--save-video", "street.avi"],
        ["--save-txt", "./det.txt"],
        ["--save-jsonl", "same", "--save-txt", "same"],
    ],
)
def test_no_output_overwrites_an_input_or_another_output(films, tmp_path, outputs):
    for name in ("street.avi", "det.txt"):
        shutil.copy(films / name, tmp_path / name)
    done = mvot_run("street.avi", "--detections", "det.txt", *outputs, cwd=tmp_path)
    assert done.returncode == 2
    assert "would overwrite what this run reads or writes" in done.stderr
    for name in ("street.avi", "det.txt"):
        assert (tmp_path / name).read_bytes() == (films / name).read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_run_with_whole_records(films, tmp_path):
    done = mvot_run(
        films / "street.avi", "--detections", films / "det.txt",
        *("--save-jsonl", tmp_path / "a.jsonl", "--save-txt", "/dev/full"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "/dev/full" in done.stderr
    assert "No space left" in done.stderr
    for line in (tmp_path / "a.jsonl").read_text().splitlines():
        json.loads(line)


def test_an_interrupt_leaves_whole_records_up_to_the_last_frame(films, tmp_path):
    process = subprocess.Popen(
        [COMMAND, films / "long.avi", "--detections", films / "det.txt", "--detect-every", "5",
         "--save-txt", tmp_path / "a.txt", "--save-video", tmp_path / "a.mp4"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (tmp_path / "a.txt").exists() and (tmp_path / "a.txt").stat().st_size > 1000:
            break
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "interrupted after" in err
    assert "Traceback" not in err
    frames = int(err.split("interrupted after ")[1].split()[0])
    assert 0 < frames < 30 * FRAMES
    assert f"{frames} frames" in out
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",")
    assert rows[:, 0].max() <= frames
    assert frames_of(tmp_path / "a.mp4")[0] == frames


def test_settings_come_from_a_file_and_the_command_line_overrides_them(films, tmp_path):
    (tmp_path / "run.yaml").write_text(
        f"source: {films / 'street.avi'}\ndetections: {films / 'det.txt'}\ndetect_every: 2\n"
        "engine: hold\npipeline:\n  lifecycle:\n    tau: 1\n"
    )
    shown = mvot_run("--config", tmp_path / "run.yaml", "--engine", "kalman", "--print-config")
    assert shown.returncode == 0, shown.stderr
    assert "detect_every: 2" in shown.stdout
    assert "engine: kalman" in shown.stdout
    assert "tau: 1.0" in shown.stdout
    done = mvot_run("--config", tmp_path / "run.yaml", "--save-txt", tmp_path / "a.txt")
    assert "(every 2)" in done.stdout


def test_a_misspelt_setting_names_the_nearest(films, tmp_path):
    (tmp_path / "run.toml").write_text("[pipeline.lifecycle]\ntua = 1.0\n")
    done = mvot_run(films / "street.avi", "--config", tmp_path / "run.toml")
    assert done.returncode == 2
    assert "run.toml" in done.stderr
    assert "did you mean 'pipeline.lifecycle.tau'" in done.stderr
