"""`--detector` of `mvot-bench mot` and `mvot-bench rt`."""

import json
import shutil
import time

import pytest

from helpers.benchmarks.moving_sequence import box_at, write_sequence
from helpers.plugin.onnx_graphs import table_of, write_graph
from mvot_benchmarks import detectors as detection
from mvot_benchmarks.cli import main
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.detectors import DetectorChoice, load_detectors
from mvot_benchmarks.mot import evaluate_one
from mvot_benchmarks.realtime.clock import RtConfig
from mvot_benchmarks.realtime.measurement import RealTimeBenchmark
from mvot_benchmarks.reporting.results import strip_folders
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Detections


@pytest.fixture
def sequence(tmp_path):
    return write_sequence(tmp_path / "MOVES")


@pytest.fixture
def load_calls(monkeypatch):
    """The arguments of calls of ``load_detector``, replaced by one that loads nothing."""
    calls = []

    def load(name, **options):
        calls.append((name, options["classes"], options["conf"]))
        return lambda frame: Detections.of([box_at(frame.index)])

    monkeypatch.setattr(detection, "load_detector", load)
    return calls


def test_a_model_detects_persons_by_default(load_calls):
    names = ["replay", "replay:a/det.txt", "models/best.pt", "packaged"]
    choices = load_detectors(names, conf=0.4)
    assert [one.name for one in choices] == ["replay", "replay:det.txt", "best.pt", "packaged"]
    assert [one.is_replayed for one in choices] == [True, True, False, False]
    assert load_calls == [
        ("replay:a/det.txt", None, 0.4), ("models/best.pt", "person", 0.4),
        ("packaged", "person", 0.4),
    ]  # fmt: skip
    load_calls.clear()
    load_detectors(["replay", "best.pt"], classes="car,2")
    load_detectors(["best.pt"], classes="")
    assert load_calls == [("best.pt", "car,2", None), ("best.pt", "", None)]


def test_names_and_classes_that_cannot_be_meant_are_errors(load_calls):
    with pytest.raises(UsageError, match=r"two detectors are called 'best.pt'"):
        load_detectors(["a/best.pt", "b/best.pt"])
    with pytest.raises(UsageError, match="--classes needs a --detector"):
        load_detectors(["replay", "replay:det.txt"], classes="person")
    assert not load_calls


def test_conf_applies_to_public_detections_too(sequence):
    (sequence / "det" / "det.txt").write_text("1,-1,1,11,40,40,30\n1,-1,90,11,40,40,60")
    frame = next(iter(open_sequence(sequence).open()))
    for conf, count in [(None, 2), (30.0, 2), (31.0, 1), (61.0, 0)]:
        detector = DetectorChoice(conf=conf).for_sequence(open_sequence(sequence))
        assert len(detector(frame)) == count


@pytest.mark.filterwarnings("default:MOVES")
def test_of_several_files_of_detections_the_one_taken_and_the_others_are_named(sequence, capsys):
    others = [sequence / "det" / "frcnn.txt", sequence / "det-sdp" / "det.txt"]
    for path in others:
        path.parent.mkdir(exist_ok=True)
        path.write_text("1,-1,1,11,40,40,1")
    names = " or ".join(map(str, sorted(others)))
    arguments = ["mot", str(sequence), "--detect-every", "1", "2", "--engine", "hold"]
    assert main(arguments) == 0
    taken = f"MOVES: the detections are those of {sequence / 'det' / 'det.txt'}"
    said = f"{taken}; --detector replay:FILE takes {names} instead\n"
    assert capsys.readouterr().err.count(said) == 1
    assert main([*arguments, "--detector", f"replay:{others[0]}"]) == 0
    assert "the detections are" not in capsys.readouterr().err
    (sequence / "det" / "det.txt").unlink()
    assert main(arguments) == 1
    assert f"in det/det.txt; --detector replay:FILE takes {names}\n" in capsys.readouterr().err


def test_each_detector_has_rows_of_its_own_in_tables_and_file(sequence, tmp_path, capsys):
    worse = tmp_path / "worse.txt"
    worse.write_text("1,-1,1,11,40,40,1")
    shutil.copytree(sequence, tmp_path / "OTHER")
    file = tmp_path / "mot.json"
    both = ["--detector", "replay", f"replay:{worse}", "--detect-every", "1", "--engine", "hold"]
    arguments = ["mot", str(sequence), str(tmp_path / "OTHER"), *both, "--json", str(file)]
    arguments += ["--plot", str(tmp_path / "k.png")]
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert out.count("\n| hold, replay | ") == out.count("\n| hold, replay:worse.txt | ") == 6
    assert "OTHER replay:worse.txt hold k=1: MOTA" in err
    stored = json.loads(file.read_text())
    assert [row["detector"] for row in stored["rows"]] == ["replay", "replay:worse.txt"] * 2
    assert stored["rows"][0]["scores"]["mota"] > stored["rows"][1]["scores"]["mota"] + 0.5
    assert stored["settings"]["detector"][1].startswith("replay:worse.txt (sha256 ")
    assert "replay:worse.txt" in stored["arguments"]
    assert str(tmp_path) not in file.read_text()
    assert main(arguments) == 0
    assert capsys.readouterr().err.count("(from ") == 4
    worse.write_text("1,-1,1,11,40,40,2")
    assert main(arguments) == 2
    assert "was made with another detector" in capsys.readouterr().err


def test_an_onnx_file_is_a_detector(sequence, tmp_path, capsys):
    rows = {k: [*[16.0 * (k + 1)] * 2, 8.0, 8.0, 0.9, 0.0] for k in range(3)}
    table = table_of(84, rows).transpose(0, 2, 1).copy()
    names = {"names": "{0: 'person', 1: 'dog'}", "task": "detect"}
    path = write_graph(tmp_path / "three.onnx", {"output0": table}, metadata=names)
    (choice,) = load_detectors([str(path)])
    assert len(choice.detector(next(iter(open_sequence(sequence).open())))) == 3
    arguments = ["mot", str(sequence), "--detector", str(path), "--engine", "hold"]
    assert main([*arguments, "--detect-every", "1"]) == 0
    assert "MOVES three.onnx hold k=1: MOTA" in capsys.readouterr().err


def test_a_single_detector_is_not_named_in_every_row(sequence, capsys):
    detector = f"replay:{sequence}/det/det.txt"
    for command in (["mot"], ["rt", "--engine-ms", "1", "--detector-ms", "0", "--fps", "own"]):
        options = ["--detect-every", "1", "--engine", "hold", "--detector", detector]
        assert main([command[0], str(sequence), *command[1:], *options]) == 0
        out, err = capsys.readouterr()
        assert "\n| hold | " in out
        assert "MOVES replay:det.txt hold k=1" in err


def test_a_detector_scores_as_the_same_detections_from_a_file(sequence):
    choice = DetectorChoice(
        name="mine", detector=lambda frame: Detections.of([box_at(frame.index)])
    )
    custom = evaluate_one(sequence, "hold", load_engine("hold"), 3, detector=choice)
    public = evaluate_one(sequence, "hold", load_engine("hold"), 3)
    assert (custom.detector, public.detector) == ("mine", "replay")
    assert custom.scores == public.scores


def test_in_real_time_the_warm_up_of_the_detector_does_not_count(sequence):
    calls = []

    def slow(frame):
        calls.append(frame.index)
        time.sleep(0.11)
        return Detections.of([box_at(frame.index)])

    choice = DetectorChoice(name="slow", detector=slow)
    engine = load_engine("hold")
    measured = RealTimeBenchmark(config=RtConfig(engine_ms=0.0), choice=choice)
    result = measured.evaluate(sequence, "hold", engine, 1, 10.0)
    assert calls[:4] == [0, 1, 2, 0]  # three to warm up
    assert result.detected == result.processed == len(calls) - 3 <= 6
    assert result.milliseconds >= 110
    assert result.detector == "slow"
    free = RtConfig(engine_ms=0.0, detector_ms=0.0)
    calls.clear()
    given = RealTimeBenchmark(config=free, choice=choice)
    assert given.evaluate(sequence, "hold", engine, 6, 10.0).processed == 12
    assert calls == [0, 6]


def test_command_lines_keep_the_prefix_of_a_detector():
    assert strip_folders(["replay:/a/b/det.txt", "--json=/a/x.json", "a/b/"]) == [
        "replay:det.txt", "--json=x.json", "b",
    ]  # fmt: skip
