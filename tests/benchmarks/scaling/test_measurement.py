"""`mvot-bench scaling`: the command, and the engines it measures against each other."""

import json
import warnings

import cv2
import pytest

from helpers.engine_runs import contract_engine, follow, narrow_correlation, narrow_engine
from mvot_benchmarks import cli
from mvot_benchmarks.scaling.measurement import ScalingBenchmark, read_frames
from mvot_plugin.engines import torch_loading
from mvot_plugin.errors import InputError
from mvot_plugin.models.siamfc.config import PRESETS as CORRELATION_PRESETS
from mvot_plugin.models.siammotion_config import PRESETS, SiamMotionConfig
from mvot_plugin.timing import StageTimer

SIZE = 160, 128
SIAMMOTION = "crop-and-resize", "backbone", "head", "decode"
CORRELATION = "crop-and-resize", "backbone", "similarity", "update"
SMALL = ["--size", "160x128", "--frames", "1", "--device", "cpu", "--precision", "fp32"]


@pytest.fixture
def tiny_siammotion(monkeypatch):
    """SiamMOTION from ``load_engine``, untrained and with 16 channels."""
    monkeypatch.setitem(PRESETS, "siammotion", SiamMotionConfig(width=16, backbone_width=16))
    monkeypatch.setattr(torch_loading, "shipped_weights", lambda name: None)


@pytest.fixture
def photos(tmp_path, render_view):
    """A folder of eight consecutive frames, 320x240."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(8):
        cv2.imwrite(str(folder / f"{i}.png"), render_view(dx=1.5 * i))
    return folder


def run(*arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return cli.main(["scaling", *map(str, arguments)])


@pytest.mark.parametrize("name", ["siammotion", "siammotion-n"])
def test_the_time_of_every_stage_is_positive_and_below_the_total(name):
    engine = narrow_engine(name=name)
    row = ScalingBenchmark({name: engine}).measure(read_frames(None, SIZE, 2), 3)[name]
    assert tuple(row.stages) == SIAMMOTION
    assert all(cost > 0 for cost in row.stages.values())
    assert sum(row.stages.values()) < row.track
    assert (row.engine, row.size, row.targets) == (name, SIZE, 3)
    assert row.enroll > 0


@pytest.mark.parametrize("name", list(CORRELATION_PRESETS))
def test_the_stages_of_siammts_figure_10_cost_something(name):
    engine = narrow_correlation(name)
    row = ScalingBenchmark({name: engine}).measure(read_frames(None, SIZE, 2), 3)[name]
    assert tuple(row.stages) == CORRELATION
    assert all(cost > 0 for cost in row.stages.values())
    assert sum(row.stages.values()) < row.observe + row.track


def test_measuring_leaves_the_engine_as_it_was():
    engine = narrow_engine()
    before = dict(vars(engine.network))
    ScalingBenchmark({"siammotion": engine}).measure(read_frames(None, SIZE, 1), 2)
    assert vars(engine.network) == before


@pytest.mark.parametrize("name", ["siammotion-n", "siamfc", "siammt"])
def test_an_engine_tracks_as_well_while_its_stages_are_timed(name, moving_frames, is_identical):
    engine, timer = contract_engine(name), StageTimer()
    plain = follow(engine, moving_frames[:3])
    with timer.activate():
        timed = follow(engine, moving_frames[:3])
    assert is_identical(plain, timed)
    assert set(timer.seconds) == set(engine.stages)


class RecordingEngine:
    """An engine that records its calls.

    Its targets are the number of the last frame, in a list that empties when they are tracked: they
    can be tracked only once, as those of OpenCV's trackers.
    """

    def __init__(self, name, log):
        self.name, self.log = name, log

    def observe(self, frame):
        return frame

    def enroll(self, frame, boxes):
        self.log.append((self.name, "enroll", frame.index, boxes.tobytes()))
        return [frame.index]

    def track(self, frame, targets):
        self.log.append((self.name, "track", targets.pop(), frame.index))
        return [frame.index], None


def test_engines_take_turns_on_the_same_consecutive_frames_with_the_same_boxes():
    log = []
    contest = ScalingBenchmark({name: RecordingEngine(name, log) for name in "ab"})
    frames = read_frames(None, SIZE, 3)
    contest.measure(frames, 4)
    by_engine = [[event[1:] for event in log if event[0] == name] for name in "ab"]
    assert by_engine[0] == by_engine[1]
    assert len({event[2] for event in by_engine[0] if event[0] == "enroll"}) == 1
    steps = [event[1:] for event in by_engine[0] if event[0] == "track"]
    assert all(now == before + 1 for before, now in steps)
    assert [now for _, now in steps] == 2 * list(range(4, len(frames)))
    turns = "".join(event[0] for event in log if event[1] == "track")
    assert turns == "abbaabbaab" * 2


@pytest.mark.usefixtures("tiny_siammotion")
def test_the_command_measures_engines_with_and_without_stages(capsys):
    engines = ["--engine", "hold", "kalman", "lk-flow", "siammotion"]
    assert run(*engines, "--targets", 2, 1, 2, *SMALL) == 0
    out, err = capsys.readouterr()
    speed, plain, staged = (
        [row.split("|")[1:-1] for row in t.splitlines()] for t in split_tables(out)
    )
    assert [cell.strip() for cell in speed[0][:3]] == ["fps at 160x128", "N = 1", "N = 2"]
    assert [row[0].strip() for row in speed[2:]] == ["hold", "kalman", "lk-flow", "siammotion"]
    assert len(plain) == 2 + 3 * 2
    assert len(staged) == 2 + 1 * 2
    assert len(staged[0]) == len(plain[0]) + len(SIAMMOTION)
    assert err.count("fps, ") == 4 * 2


def split_tables(text):
    return text.strip().split("\n\n")


def test_real_frames_are_resized_to_each_size(photos, tmp_path):
    frames = read_frames(photos, (160, 200), 2)
    assert [frame.size for frame in frames] == [(160, 200)] * 8
    assert not (frames[0].image == frames[-1].image).all()
    file = tmp_path / "a.json"
    sizes = ["--size", "160x200", "400x300", "--frames", "2", "--targets", "3"]
    assert run(photos, "--engine", "lk-flow", *sizes, "--json", file) == 0
    stored = json.loads(file.read_text())
    assert [row["size"] for row in stored["rows"]] == [[160, 200], [400, 300]]
    assert stored["settings"]["video"] == "photos"
    assert str(tmp_path) not in file.read_text()


def test_a_video_that_is_too_short_is_named(photos):
    with pytest.raises(InputError, match="photos has 8 frames, and timing 3 takes 9: lower --fra"):
        read_frames(photos, SIZE, 3)


def test_a_video_that_is_not_there_is_named(tmp_path, capsys):
    assert run(tmp_path / "nowhere.mp4", "--engine", "hold", *SMALL) == 1
    assert "nowhere.mp4: no such file" in capsys.readouterr().err


def test_an_interrupted_run_is_continued(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    grid = ["--engine", "hold", "kalman", "--targets", 1, 3, *SMALL, "--json", file]
    measure = ScalingBenchmark.measure

    def interrupted(contest, frames, targets):
        if targets == 3:
            raise KeyboardInterrupt
        return measure(contest, frames, targets)

    monkeypatch.setattr(ScalingBenchmark, "measure", interrupted)
    assert run(*grid) == 1
    before = json.loads(file.read_text())["rows"]
    assert [(row["engine"], row["targets"]) for row in before] == [("hold", 1), ("kalman", 1)]
    counts = []
    monkeypatch.setattr(
        ScalingBenchmark,
        "measure",
        lambda *arguments: counts.append(arguments[2]) or measure(*arguments),
    )
    assert run(*grid) == 0
    after = json.loads(file.read_text())
    assert after["complete"]
    assert counts == [3]
    assert after["rows"][:2] == before
    assert [row["targets"] for row in after["rows"]] == [1, 1, 3, 3]


def test_a_run_is_not_continued_with_other_engines(tmp_path, capsys):
    grid = ["--targets", 1, *SMALL, "--json", tmp_path / "a.json"]
    assert run("--engine", "hold", *grid) == 0
    assert run("--engine", "hold", "kalman", *grid) == 2
    assert "was made with another engine (['hold'], now " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "lk-flwo"], "unknown engine 'lk-flwo': did you mean 'lk-flow'?"),
        (["--size", "640"], "--size '640': a size is WIDTHxHEIGHT"),
        (["--size", "640x"], "--size '640x': a size is WIDTHxHEIGHT"),
        (["--size", "0x480"], "--size '0x480': a size is WIDTHxHEIGHT"),
        (["--size", "320x240", "axb"], "--size 'axb': a size is WIDTHxHEIGHT"),
        (["--size", "100x100"], "--size '100x100': targets are up to 60x120 pixels"),
        (["--targets", "5", "0"], "--targets 0: must be 1 or more"),
        (["--targets", "-3"], "--targets -3: must be 1 or more"),
        (["--frames", "0"], "--frames 0: must be 1 or more"),
    ],
)
def test_errors_are_one_sentence(arguments, message, capsys):
    assert run(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
