"""`mvot-run` on several sources writes, byte for byte, what it writes of each alone."""

import json
from pathlib import Path

import numpy as np
import pytest

from helpers.pipelines.mvot_run import mvot_run, read_properties
from helpers.pipelines.shared import CLIPS
from mvot_pipelines.cli import main

OUTPUTS = ("txt", "jsonl")


def run_clips(clips, folder, *options, names=CLIPS, code=0):
    """Run the command on clips, with outputs in a folder; returns their bytes by stream, kind."""
    outputs = [f(kind) for kind in OUTPUTS for f in (option_of, lambda k: folder / f"{{name}}.{k}")]
    sources = [clips / f"{name}.avi" for name in names]
    detector = "--detector", f"{clips / 'blobs.py'}:detect"
    given = [*sources, *detector, *outputs, "--detect-every", 4, "--quiet", *options]
    assert main([*map(str, given)]) == code
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def option_of(kind):
    return f"--save-{kind}"


@pytest.fixture(scope="module")
def alone(clips, tmp_path_factory):
    """The outputs of each clip that is tracked alone, on one thread."""
    folder, found = tmp_path_factory.mktemp("alone"), {}
    for name in CLIPS:
        found |= run_clips(clips, folder, "--threads", 1, names=[name])
    assert all(len(content.splitlines()) > 20 for content in found.values())
    return found


@pytest.mark.parametrize("options", [("--threads", 1), ("--threads", 2), ("--detector-batch", 3)])
def test_text_and_json_lines_are_those_of_each_alone(clips, alone, tmp_path, options, capsys):
    found = run_clips(clips, tmp_path, *options)
    assert found.keys() == alone.keys() == {f"{n}.{k}" for n in CLIPS for k in OUTPUTS}
    for name in found:
        assert found[name] == alone[name], name
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("engine", ["kalman", "siammotion-n"])
def test_other_engines_give_the_same_bytes(clips, tmp_path, engine):
    options = ("--engine", engine, "--frames", 9)
    together = run_clips(clips, tmp_path / "together", *options)
    for name in CLIPS:
        found = run_clips(clips, tmp_path / name, *options, names=[name])
        assert found == {key: together[key] for key in found}


def test_the_packaged_detector_gives_the_same_bytes(videos, tmp_path):
    """It finds people in the street, on as many threads as it may use."""
    given = [str(videos / "street.avi"), "--frames", "6", "--detector", "packaged", "--conf", "0.1"]
    given += ["--detect-every", "2", "--quiet"]
    assert main([*given, "--save-txt", str(tmp_path / "alone.txt")]) == 0
    assert main([given[0], *given, "--save-txt", str(tmp_path / "{name}.txt")]) == 0
    assert (tmp_path / "alone.txt").stat().st_size > 100
    for name in ("street.txt", "street-2.txt"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "alone.txt").read_bytes()


def test_overlay_videos_are_those_of_each_alone(clips, tmp_path):
    for folder, names in (("all", [*CLIPS]), *((name, [name]) for name in CLIPS)):
        run_clips(
            clips, tmp_path / folder, "--save-video", tmp_path / folder / "{name}.mp4", names=names
        )
    for name, (size, count) in CLIPS.items():
        together, alone = tmp_path / "all" / f"{name}.mp4", tmp_path / name / f"{name}.mp4"
        assert read_properties(together) == (count, size, 25)
        assert together.read_bytes() == alone.read_bytes()


def test_streams_of_the_same_stem_are_numbered(clips, alone, tmp_path):
    found = run_clips(clips, tmp_path, names=["one", "one", "two", "one"])
    assert found.keys() == {f"{n}.{k}" for n in ("one", "one-2", "one-3", "two") for k in OUTPUTS}
    for kind in OUTPUTS:
        assert found[f"one.{kind}"] == found[f"one-2.{kind}"] == alone[f"one.{kind}"]


def test_with_no_output_asked_for_each_stream_has_its_own_in_the_current_folder(
    clips, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    sources = [str(clips / f"{name}.avi") for name in ("one", "two", "one")]
    detector = "--detector", f"{clips / 'blobs.py'}:detect"
    assert main([*sources, *detector, "--engine", "hold"]) == 0
    stems = ("one", "one-2", "two")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{stem}-tracks.{kind}" for stem in stems for kind in ("mp4", "txt")
    )
    out = capsys.readouterr().out
    assert out.startswith("3 streams: 65 frames in ")
    for stem in stems:
        assert f"\n{stem} " in out
        assert f"saved {stem}-tracks.mp4" in out


def test_detections_are_replayed_for_each_stream(clips, tmp_path, capsys):
    """Each line of the list has a file of detections; one stream runs the detector."""
    for name, x in (("one", 10), ("two", 30)):
        rows = [f"{n},-1,{x + 1},11,20,30,1" for n in range(1, 25, 4)]
        (tmp_path / f"{name}.det").write_text("\n".join(rows) + "\n")
    lines = [f"{clips / n}.avi --detections {tmp_path / n}.det" for n in ("one", "two")]
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join([*lines, f"{clips / 'three'}.avi"]))
    assert main(["--sources", str(listed), "--engine", "hold", "--detect-every", "4",
                 "--save-txt", str(tmp_path / "{name}.txt")]) == 0  # fmt: skip
    for name, x in (("one", 11), ("two", 31)):
        rows = np.loadtxt(tmp_path / f"{name}.txt", delimiter=",", ndmin=2)
        assert len(rows) == CLIPS[name][1]
        assert set(rows[:, 2]) == {x}


def test_published_lines_of_several_streams_are_whole_and_name_theirs(clips):
    sources = [clips / f"{name}.avi" for name in CLIPS]
    done = mvot_run(*sources, "--detector", f"{clips / 'blobs.py'}:detect", "--publish", "-")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    frames = {name: {one["frame"] for one in lines if one["stream"] == name} for name in CLIPS}
    assert {name: len(found) for name, found in frames.items()} == {
        name: count for name, (_, count) in CLIPS.items()
    }
    assert done.stderr.startswith("3 streams: ")


def test_streams_have_settings_of_their_own(clips, alone, tmp_path):
    listed = Path(tmp_path / "list.txt")
    listed.write_text(
        f"{clips / 'one.avi'} --detect-every 4\n"
        f"{clips / 'two.avi'} --frames 5 --detect-every 1 --name short\n"
        f"{clips / 'three.avi'} --start 0.4 --stride 2 --save-txt {tmp_path / 'own.txt'}\n"
    )
    given = ["--sources", listed, "--detector", f"{clips / 'blobs.py'}:detect", "--quiet"]
    assert main([*map(str, [*given, "--save-txt", tmp_path / "{name}.txt"])]) == 0
    assert (tmp_path / "one.txt").read_bytes() == alone["one.txt"]
    numbers = {
        name: {int(line.split(",")[0]) for line in (tmp_path / name).read_text().splitlines()}
        for name in ("short.txt", "own.txt")
    }
    assert numbers == {"short.txt": {*range(1, 6)}, "own.txt": {*range(11, 22, 2)}}
    assert not (tmp_path / "three.txt").exists()
