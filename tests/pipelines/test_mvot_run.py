"""`mvot-run`: tracks, outputs and options."""

import json

import cv2
import numpy as np
import pytest

from helpers.pipelines.mvot_run import FRAMES, mvot_run, read_properties
from mvot_pipelines import loading
from mvot_pipelines.cli import main
from mvot_plugin.threads import usable_threads


def test_tracks_on_every_frame_from_a_detector_on_every_fifth(videos, tmp_path):
    done = mvot_run(
        videos / "street.avi",
        *("--detections", videos / "det.txt", "--detect-every", 5),
        *("--save-txt", tmp_path / "a.txt", "--save-jsonl", tmp_path / "a.jsonl"),
        *("--save-video", tmp_path / "a.mp4"),
    )
    assert done.returncode == 0, done.stderr
    assert f"{FRAMES} frames" in done.stdout
    assert "on 8 frames (every 5)" in done.stdout
    for stage in ("decode", "detect", "embed", "motion", "associate", "write"):
        assert stage in done.stdout
    rows = np.loadtxt(tmp_path / "a.txt", delimiter=",", ndmin=2)
    assert set(rows[:, 0]) == set(range(1, FRAMES + 1))
    assert rows[:, 1].min() == 1
    objects = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(objects) == len(rows)
    detected = {one["frame"] for one in objects if one["state"] == "detected"}
    assert detected == set(range(0, FRAMES, 5))
    assert read_properties(tmp_path / "a.mp4") == (FRAMES, (320, 240), 25)


def test_the_same_run_twice_gives_the_same_bytes(videos, tmp_path):
    for name in ("a", "b"):
        done = mvot_run(
            videos / "street.avi", "--detections", videos / "det.txt", "--quiet",
            *("--save-txt", tmp_path / f"{name}.txt", "--save-jsonl", tmp_path / f"{name}.jsonl"),
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "a.txt").read_bytes() == (tmp_path / "b.txt").read_bytes()
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_with_no_output_asked_for_text_and_overlay_land_in_the_current_folder(videos, tmp_path):
    done = mvot_run(videos / "street.avi", "--detections", videos / "det.txt", cwd=tmp_path)
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
    networks = ["siamattn", "siamfc", "siamfc-mi", "siammot-emm", "siammot-imm", "siammotion"]
    networks += ["siammotion-n", "siammt", "siammt-w"]
    others = ["hold", "imsiam", "kalman", "lk-flow", "nanotrack"]
    listed = [line.split(maxsplit=1) for line in mvot_run("--list-engines").stdout.splitlines()]
    assert [name for name, _ in listed] == [*others, *networks]
    assert all(purpose for _, purpose in listed)


def test_settings_come_from_a_file_and_the_command_line_overrides_them(videos, tmp_path):
    (tmp_path / "run.yaml").write_text(
        f"source: {videos / 'street.avi'}\ndetections: {videos / 'det.txt'}\ndetect_every: 2\n"
        "engine: hold\nembedder: none\npipeline:\n  lifecycle:\n    tau: 1\n"
    )
    shown = mvot_run("--config", tmp_path / "run.yaml", "--engine", "kalman", "--print-config")
    assert shown.returncode == 0, shown.stderr
    assert "detect_every: 2" in shown.stdout
    assert "engine: kalman" in shown.stdout
    assert "embedder: none" in shown.stdout
    assert "tau: 1.0" in shown.stdout
    done = mvot_run("--config", tmp_path / "run.yaml", "--save-txt", tmp_path / "a.txt")
    assert "(every 2)" in done.stdout


@pytest.mark.parametrize(("options", "given"), [((), None), (("--threads", "3"), 3)])
def test_threads_hold_for_engine_detector_and_opencv(videos, tmp_path, monkeypatch, options, given):
    calls = []
    expected = given or usable_threads()

    def load_detector(name, *, threads, **_):
        calls.append((threads, cv2.getNumThreads()))
        return lambda frame: np.empty((0, 4))

    def load_engine(name, *_, runtime, threads):
        calls.append((threads, cv2.getNumThreads()))
        return real_load_engine(name, runtime=runtime, threads=threads)

    real_load_engine, before = loading.load_engine, cv2.getNumThreads()
    monkeypatch.setattr(loading, "load_engine", load_engine)
    monkeypatch.setattr(loading, "load_detector", load_detector)
    main([str(videos / "street.avi"), "--save-txt", str(tmp_path / "a.txt"), "--quiet", *options])
    assert calls == [(given, expected)] * 2
    assert cv2.getNumThreads() == before
