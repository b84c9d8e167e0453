"""`mvot-run` on several sources: names, outputs, damaged inputs and interrupts."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers.pipelines.mvot_run import COMMAND, read_properties
from helpers.pipelines.shared import CLIPS, wait_for
from mvot_pipelines.cli import main

HOLD = ("--engine", "hold", "--detect-every", "4")


@pytest.fixture
def folder(clips, tmp_path, monkeypatch):
    """A copy of the clips, as the current folder."""
    for path in clips.iterdir():
        if path.is_file():
            shutil.copy(path, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments, detector="blobs.py:detect"):
    return main(["--detector", detector, *HOLD, *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--save-txt", "a.txt"], 2, ["--save-txt a.txt", "several streams", "{name}"]),
        (["--save-txt", "{name}.x", "--save-jsonl", "-"], 2, ["--save-jsonl -", "{name}"]),
        (["--save-txt", "{name}.x", "--save-jsonl", "{name}.x"], 2, ["overwrite", "itself"]),
        (["--save-txt", "{name}.avi", "--overwrite"], 2, ["would overwrite"]),
        (["--save-txt", "{name}.avi"], 2, ["would overwrite"]),
        (["missing.mp4"], 1, ["missing.mp4", "no such file", "spelling"]),
        (["blobs.py"], 1, ["blobs.py", "not a video"]),
        (["--name", "x"], 2, ["--name", "--sources FILE"]),
        (["--show"], 2, ["--show", "--serve PORT"]),
        (["--engine", "lk-flaw"], 2, ["did you mean 'lk-flow'"]),
        (["--async"], 2, ["is a recording", "--live"]),
        (["--detector-batch", "0"], 2, ["--detector-batch", "1 or more"]),
        (["--serve", "99999"], 2, ["--serve"]),
        (["--count-line", "1,2,3"], 2, ["1,2,3"]),
        (["--zone", "none.yaml"], 1, ["none.yaml"]),
        (["--detections", "none.txt"], 2, ["exclude each other"]),
    ],
)
def test_what_is_wrong_is_one_sentence_before_anything_starts(
    folder, capsys, arguments, code, words
):
    before = sorted(Path().iterdir())
    assert run("one.avi", "two.avi", *arguments) == code
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1), err
    for word in words:
        assert word in err
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize("output", ["two.avi", "linked.avi", "./../{here}/two.avi"])
def test_no_output_overwrites_the_source_of_another_stream(folder, capsys, output):
    os.link("two.avi", "linked.avi")
    content = (folder / "two.avi").read_bytes()
    (folder / "list.txt").write_text(
        f"one.avi --save-txt {output.format(here=folder.name)}\ntwo.avi --save-txt two.txt\n"
    )
    assert run("--sources", "list.txt", "--overwrite") == 2
    assert "would overwrite what another stream reads" in capsys.readouterr().err
    assert (folder / "two.avi").read_bytes() == content


def test_no_output_overwrites_the_detections_of_another_stream(folder, capsys):
    (folder / "two.det").write_text("1,-1,9,9,22,32,1\n")
    (folder / "list.txt").write_text(
        "one.avi --save-txt two.det\ntwo.avi --detections two.det --save-txt two.txt\n"
    )
    assert main(["--sources", "list.txt", "--overwrite", *HOLD]) == 2
    assert "two.det" in capsys.readouterr().err
    assert (folder / "two.det").read_text() == "1,-1,9,9,22,32,1\n"


def test_one_stream_may_write_to_the_standard_output(folder, capfd):
    (folder / "list.txt").write_text("one.avi --save-txt -\ntwo.avi --save-txt two.txt\n")
    assert run("--sources", "list.txt", "--quiet") == 0
    out, err = capfd.readouterr()
    assert out
    assert err == ""
    assert all(len(line.split(",")) == 10 for line in out.splitlines())


def test_lines_that_are_published_are_not_mixed_with_another_streams_text(folder, capsys):
    (folder / "list.txt").write_text("one.avi --publish -\ntwo.avi --save-txt -\n")
    assert run("--sources", "list.txt") == 2
    assert "--save-txt - would be written by several streams" in capsys.readouterr().err


def test_several_streams_may_write_to_nowhere(folder):
    assert run("one.avi", "two.avi", "--save-txt", os.devnull, "--quiet") == 0


def test_a_name_with_line_breaks_is_one_line(folder, capsys):
    (folder / "one.avi").rename("a\nb\x1b.avi")
    assert run("a\nb\x1b.avi", "two.avi", "--save-txt", "{name}.txt") == 0
    assert (folder / "a_b_.txt").exists()
    rows = capsys.readouterr().out.splitlines()
    assert [row[:24].strip() for row in rows[3:6]] == ["stream", "a\\nb\\x1b", "two"]


def test_outputs_that_exist_are_kept_unless_they_may_be_replaced(folder, capsys):
    (folder / "two.txt").write_text("mine\n")
    assert run("one.avi", "two.avi", "--save-txt", "{name}.txt") == 2
    assert "--save-txt two.txt exists: add --overwrite" in capsys.readouterr().err
    assert (folder / "two.txt").read_text() == "mine\n"
    assert not (folder / "one.txt").exists()
    assert run("one.avi", "two.avi", "--save-txt", "{name}.txt", "--overwrite") == 0


def test_a_truncated_video_ends_its_stream_and_no_other(folder, capsys):
    content = (folder / "three.avi").read_bytes()
    (folder / "three.avi").write_bytes(content[: len(content) // 2])
    sources = [f"{name}.avi" for name in CLIPS]
    assert run(*sources, "--save-txt", "{name}.txt", "--save-video", "{name}.mp4") == 1
    out, err = capsys.readouterr()
    for name in ("one", "two"):
        assert read_properties(f"{name}.mp4")[0] == CLIPS[name][1]
        assert (
            int((folder / f"{name}.txt").read_text().splitlines()[-1].split(",")[0])
            == (CLIPS[name][1])
        )
    assert 0 < read_properties("three.mp4")[0] < CLIPS["three"][1]
    lines = err.splitlines()
    assert lines[0].startswith("mvot-run: three: three.avi")
    assert lines[0].endswith("; the others go on")
    assert lines[1:] == [lines[0].removesuffix("; the others go on")]
    assert "saved three.txt" in out


@pytest.mark.parametrize("error", ["ConnectionError('gone')", "SystemExit(0)"])
def test_a_detector_that_fails_on_one_stream_ends_that_one(folder, capsys, error):
    code = (folder / "blobs.py").read_text().replace("ConnectionError('gone')", error)
    (folder / "blobs.py").write_text(code.replace('ConnectionError("gone")', error))
    sources = [f"{name}.avi" for name in CLIPS]
    done = run(*sources, "--save-txt", "{name}.txt", detector="blobs.py:fail_on_wide")
    assert done == 1
    assert "two: the detector failed on frame 0" in capsys.readouterr().err
    assert not (folder / "two.txt").exists()
    for name in ("one", "three"):
        assert (
            (folder / f"{name}.txt").read_text().splitlines()[-1].startswith(f"{CLIPS[name][1]},")
        )


def test_a_detector_that_raises_the_interrupt_itself_is_no_success(folder, capsys):
    code = (folder / "blobs.py").read_text().replace('ConnectionError("gone")', "KeyboardInterrupt")
    (folder / "blobs.py").write_text(code)
    sources = [f"{name}.avi" for name in CLIPS]
    assert run(*sources, "--save-txt", "{name}.txt", detector="blobs.py:fail_on_wide") == 1
    assert (folder / "one.txt").exists()


def test_a_folder_for_outputs_is_made_by_the_name(folder):
    assert run("one.avi", "two.avi", "--save-txt", "out/{name}/tracks.txt", "--quiet") == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == ["one", "two"]


def test_quiet_prints_nothing_and_errors_still(folder, capsys):
    assert run("one.avi", "two.avi", "--save-txt", "{name}.txt", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    (folder / "two.avi").write_bytes((folder / "two.avi").read_bytes()[:20000])
    assert run("one.avi", "two.avi", "--save-txt", "{name}.txt", "--quiet", "--overwrite") == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("mvot-run: two: two.avi")
    assert err.count("\n") == 1


def test_the_settings_of_each_stream_are_shown(folder, capsys):
    (folder / "list.txt").write_text("two.avi --detect-every 7 --name yard\n")
    assert run("one.avi", "--sources", "list.txt", "--print-config") == 0
    first, second = capsys.readouterr().out.split("\n---\n")
    assert "source: one.avi" in first
    assert "detect_every: 4" in first
    assert "source: two.avi" in second
    assert "detect_every: 7" in second
    assert "name: yard" in second


@pytest.mark.parametrize("live", [(), ("--live",)])
def test_an_interrupt_ends_all_outputs_after_a_whole_frame(folder, videos, live):
    for name in ("a", "b", "c"):
        shutil.copy(videos / "long.avi", f"{name}.avi")
    given = ["a.avi", "b.avi", "c.avi", *live, "--detector", "blobs.py:detect", *HOLD]
    given += ["--save-jsonl", "{name}.jsonl", "--save-video", "{name}.mp4"]
    process = subprocess.Popen([COMMAND, *given], stderr=subprocess.PIPE, text=True)
    paths = [folder / f"{name}.jsonl" for name in ("a", "b", "c")]
    wait_for(lambda: all(path.exists() and path.stat().st_size for path in paths))
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.splitlines()[-1].startswith("mvot-run: interrupted after ")
    total = int(err.split()[-2])
    counts = []
    for path in paths:
        frames = [json.loads(line)["frame"] for line in path.read_text().splitlines()]
        if not live:
            assert sorted({*frames}) == [*range(max(frames) + 1)]
            assert max(frames) + 1 < 1200
        counts.append(len({*frames}))
        assert read_properties(path.with_suffix(".mp4"))[0] >= counts[-1]
    assert sum(counts) == total
