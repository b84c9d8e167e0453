"""`mvot-run`: errors, damaged inputs and interrupts."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from helpers.pipelines.mvot_run import COMMAND, FRAMES, mvot_run, read_properties


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, ["no SOURCE given"]),
        (["nowhere.mp4", "--detections", "DET"], 1, ["nowhere.mp4", "no such file"]),
        (["DET", "--detections", "DET"], 1, ["det.txt", "not a video"]),
        (["VIDEO", "--detections", "nowhere.txt"], 1, ["nowhere.txt", "does not exist"]),
        (["VIDEO", "--detections", "DET", "--engine", "lkflow"], 2, ["did you mean 'lk-flow'"]),
        (["VIDEO", "--detections", "DET", "--embedder", "color"], 2, ["did you mean 'colour'"]),
        (["VIDEO", "--detections", "DET", "--embedder", "a.onnx"], 1, ["a.onnx", "no such file"]),
        (["VIDEO", "--detect-evry", "5"], 2, ["--detect-evry", "did you mean '--detect-every'"]),
        (
            ["VIDEO", "--detections", "DET", "--detect-every", "0"],
            2,
            ["--detect-every", "1 or more"],
        ),
        (["VIDEO", "--detections", "DET", "--detect-every", "x"], 2, ["--detect-every", "got 'x'"]),
        (["VIDEO", "--detector", "replai"], 2, ["did you mean 'replay'"]),
        (["VIDEO", "--detector", "yolo11n.pt", "--detections", "DET"], 2, ["exclude each other"]),
        (["VIDEO", "--detections", "DET", "--save-txt", "DET/a.txt"], 1, ["cannot write"]),
        (["VIDEO", "--detections", "DET", "--save-video", "a.xyz"], 1, [".mp4", "a.xyz"]),
        (["VIDEO", "--detections", "DET", "--precision", "fp8"], 2, ["precision", "fp16"]),
        (["VIDEO", "--detections", "DET", "--runtime", "onx"], 2, ["runtime", "mean 'onnx'"]),
        (["VIDEO", "--detections", "DET", "--threads", "0"], 2, ["--threads", "1 or more"]),
        (["--demo", "--threads", "-1"], 2, ["--threads", "1 or more"]),
        (["VIDEO", "--detections", "DET", "--config", "nowhere.yaml"], 1, ["nowhere.yaml"]),
    ],
)
def test_errors_are_one_sentence(videos, tmp_path, arguments, code, words):
    names = {"VIDEO": str(videos / "street.avi"), "DET": str(videos / "det.txt")}
    given = [names.get(part, part.replace("DET", names["DET"])) for part in arguments]
    done = mvot_run(*given, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for word in words:
        assert word.lower() in done.stderr.lower()


def test_a_bad_row_of_detections_is_named_by_its_line(videos, tmp_path):
    lines = (videos / "det.txt").read_text().splitlines()
    lines[6] = "7,-1,oops,4,5,6,1"
    (tmp_path / "det.txt").write_text("\n".join(lines))
    done = mvot_run(videos / "street.avi", "--detections", tmp_path / "det.txt")
    assert done.returncode == 1
    assert "det.txt, line 7" in done.stderr


def test_rows_out_of_order_or_repeated_are_read_once_and_reported(videos, tmp_path):
    rows = (videos / "det.txt").read_text().splitlines()
    (tmp_path / "twice.txt").write_text("\n".join([*reversed(rows), *rows]))
    for name, detections in (("a", videos / "det.txt"), ("b", tmp_path / "twice.txt")):
        done = mvot_run(
            videos / "street.avi",
            "--detections",
            detections,
            "--save-txt",
            tmp_path / f"{name}.out",
        )
        assert done.returncode == 0, done.stderr
    assert f"{len(rows)} rows of the detection file repeat another" in done.stdout
    a, b = (np.loadtxt(tmp_path / f"{name}.out", delimiter=",") for name in "ab")
    assert len(a) == len(b)
    np.testing.assert_array_equal(np.unique(a[:, [0, 2, 3]]), np.unique(b[:, [0, 2, 3]]))


def test_degenerate_detections_are_left_out_and_counted(videos, tmp_path):
    rows = (videos / "det.txt").read_text()
    bad = "1,-1,nan,4,5,6,1\n1,-1,10,10,0,6,1\n1,-1,10,10,-4,6,1\n1,-1,9000,10,5,6,1\n"
    (tmp_path / "det.txt").write_text(rows + bad)
    done = mvot_run(
        videos / "street.avi",
        "--detections",
        tmp_path / "det.txt",
        "--save-txt",
        tmp_path / "a.txt",
    )
    assert done.returncode == 0, done.stderr
    assert "4 detections had no area inside the image" in done.stdout


def test_a_truncated_video_is_tracked_as_far_as_it_goes(videos, tmp_path):
    content = (videos / "long.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(content[: len(content) // 2])
    done = mvot_run(
        tmp_path / "cut.avi", "--detections", videos / "det.txt", "--save-txt", tmp_path / "a.txt",
        *("--save-video", tmp_path / "a.mp4"),
    )  # fmt: skip
    assert done.returncode == 1
    count, _, _ = read_properties(tmp_path / "a.mp4")
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
        ["--save-video", "linked.avi"],
        ["--save-txt", "link.txt"],
        ["--save-jsonl", "run.yaml", "--config", "run.yaml"],
    ],
)
def test_no_output_overwrites_an_input_or_another_output(videos, tmp_path, outputs):
    for name in ("street.avi", "det.txt"):
        shutil.copy(videos / name, tmp_path / name)
    (tmp_path / "run.yaml").write_text("quiet: true\n")
    (tmp_path / "linked.avi").hardlink_to(tmp_path / "street.avi")
    (tmp_path / "link.txt").symlink_to("det.txt")
    done = mvot_run("street.avi", "--detections", "det.txt", *outputs, cwd=tmp_path)
    assert done.returncode == 2
    assert "would overwrite what this run reads or writes" in done.stderr
    for name in ("street.avi", "det.txt"):
        assert (tmp_path / name).read_bytes() == (videos / name).read_bytes()
    assert (tmp_path / "run.yaml").read_text() == "quiet: true\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_run_with_whole_records(videos, tmp_path):
    done = mvot_run(
        videos / "street.avi", "--detections", videos / "det.txt",
        *("--save-jsonl", "/dev/full", "--save-txt", tmp_path / "a.txt"),
    )  # fmt: skip
    assert done.returncode == 1
    assert "/dev/full" in done.stderr
    assert "No space left" in done.stderr
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",", ndmin=2)
    assert rows.shape[1] == 10
    assert (rows[:, 0] == 1).all()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_leaves_whole_records_up_to_the_last_frame(videos, tmp_path, number):
    process = subprocess.Popen(
        [COMMAND, videos / "long.avi", "--detections", videos / "det.txt", "--detect-every", "5",
         "--save-txt", tmp_path / "a.txt", "--save-video", tmp_path / "a.mp4"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if (tmp_path / "a.txt").exists() and (tmp_path / "a.txt").stat().st_size > 1000:
            break
        time.sleep(0.005)
    os.kill(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "interrupted after" in err
    assert "Traceback" not in err
    frames = int(err.split("interrupted after ")[1].split()[0])
    assert 0 < frames < 30 * FRAMES
    assert f"{frames} frames" in out
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",")
    assert rows[:, 0].max() <= frames
    assert read_properties(tmp_path / "a.mp4")[0] == frames


def test_a_misspelt_setting_names_the_nearest(videos, tmp_path):
    (tmp_path / "run.toml").write_text("[pipeline.lifecycle]\ntua = 1.0\n")
    done = mvot_run(videos / "street.avi", "--config", tmp_path / "run.toml")
    assert done.returncode == 2
    assert "run.toml" in done.stderr
    assert "did you mean 'pipeline.lifecycle.tau'" in done.stderr
