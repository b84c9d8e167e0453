"""`--embedder` of the commands of `mvot-bench` that track with our pipeline."""

import json

import numpy as np
import pytest

from helpers.benchmarks.moving_sequence import IMAGE, write_sequence
from helpers.plugin.onnx_graphs import write_graph
from mvot_benchmarks.ceiling.measurement import CeilingBenchmark
from mvot_benchmarks.cli import main
from mvot_benchmarks.detectors import DetectorChoice
from mvot_benchmarks.mot import evaluate_one, measure_milliseconds
from mvot_benchmarks.overhead import measure_overhead
from mvot_benchmarks.realtime.clock import RtConfig
from mvot_benchmarks.realtime.measurement import RealTimeBenchmark
from mvot_benchmarks.reporting.results import name_with_hash
from mvot_pipelines.pipeline import MotPipeline
from mvot_plugin.engines import load_engine
from mvot_plugin.types import Detections

FREE = ("--fps", "own", "--detector-ms", "0", "--engine-ms", "0")
COMMANDS = {"mot": (), "rt": FREE, "peers": (), "ceiling": ()}


class CountingEmbedder:
    """The same embedding for every box; ``frames`` are those it was called on."""

    def __init__(self):
        self.frames = []

    def __call__(self, frame, boxes):
        self.frames.append(frame.index)
        return np.ones((len(boxes), 4), np.float32)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_embedder_describes_detections_and_is_a_setting_of_the_file(
    command, returning_sequence, tmp_path, capsys
):
    folder, switches = returning_sequence("AWAY"), {}
    common = [command, str(folder), "--engine", "hold", "--detect-every", "1", *COMMANDS[command]]
    for name in ("colour", "none"):
        file = tmp_path / f"{name}.json"
        given = () if name == "colour" else ("--embedder", name)
        assert main([*common, *given, "--json", str(file)]) == 0
        stored = json.loads(file.read_text())
        assert stored["settings"]["embedder"] == name
        (row,) = (one for one in stored["rows"] if one["engine"] == "hold")
        switches[name] = row["scores"]["switches"]
    assert switches == {"colour": 0, "none": 1}  # only by its looks it is the same after 3.5 s
    capsys.readouterr()
    assert main([*common, "--embedder", "none", "--json", str(tmp_path / "colour.json")]) == 2
    assert "another embedder (colour, now none)" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_embedder_is_an_error_that_names_the_nearest(command, tmp_path, capsys):
    folder = write_sequence(tmp_path / "MOVES")
    assert main([command, str(folder), "--engine", "hold", "--embedder", "color"]) == 2
    assert "unknown embedder 'color': did you mean 'colour'?" in capsys.readouterr().err


def test_a_file_of_earlier_versions_without_the_setting_is_shown(tmp_path):
    folder, file = write_sequence(tmp_path / "MOVES"), tmp_path / "mot.json"
    arguments = ["mot", str(folder), "--engine", "hold", "--detect-every", "3"]
    assert main([*arguments, "--json", str(file)]) == 0
    stored = json.loads(file.read_text())
    del stored["settings"]["embedder"]
    file.write_text(json.dumps(stored))
    assert main(["report", str(file), "--output", str(tmp_path / "report")]) == 0
    assert "\n| hold |" in (tmp_path / "report" / "report.md").read_text()


def test_every_measurement_calls_the_embedder_on_frames_with_detections(tmp_path):
    folder, engine = write_sequence(tmp_path / "MOVES"), load_engine("hold")
    embedder = CountingEmbedder()
    evaluate_one(folder, "hold", engine, 5, embedder=embedder)
    assert embedder.frames == [0, 5, 10]
    costs = RtConfig(detector_ms=0.0, engine_ms=0.0)
    timed = RealTimeBenchmark(config=costs, embedder=embedder)
    timed.evaluate(folder, "hold", engine, 6, 10.0)
    assert embedder.frames[3:] == [0, 6]
    CeilingBenchmark(folder, DetectorChoice(), embedder).evaluate("hold", engine, 11)
    assert embedder.frames[5:] == [0, 11] * 4  # with and without true motion and detector
    measure_overhead(3, 10, "counting", embedder, frames=20)
    assert embedder.frames[13:] == [0, 10]


def test_the_time_of_the_embedder_counts_as_ours_and_that_of_the_detector_does_not():
    pipeline = MotPipeline(lambda frame: Detections.empty(), "hold", 1)
    for _ in range(4):
        pipeline.step(IMAGE)
    pipeline.timer.seconds = {"motion": 1.0, "detect": 50.0, "embed": 2.0, "associate": 3.0}
    assert measure_milliseconds(pipeline) == pytest.approx(1500)


def test_overhead_tells_embedders_apart_and_those_of_earlier_files_were_none(tmp_path, capsys):
    file = tmp_path / "overhead.json"
    command = ["overhead", "--targets", "2", "--detect-every", "4", "--json", str(file)]
    assert main([*command, "--embedder", "none"]) == 0
    stored = json.loads(file.read_text())
    assert [row.pop("embedder") for row in stored["rows"]] == ["none"]
    file.write_text(json.dumps(stored))
    capsys.readouterr()
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "| targets | k | embedder | median, ms/frame | 95th percentile |"
    assert [line.split(" | ")[:3] for line in lines[2:]] == [
        ["| 2", "4", "none"],
        ["| 2", "4", "colour"],
    ]
    rows = json.loads(file.read_text())["rows"]
    assert rows[0] == {"embedder": "none", **stored["rows"][0]}  # not measured again
    assert [row["embedder"] for row in rows] == ["none", "colour"]


def test_a_file_is_stored_by_its_name_and_hash(returning_sequence, tmp_path):
    one_vector = {"vectors": np.ones((1, 4), np.float32)}
    network = write_graph(tmp_path / "looks.onnx", one_vector, shape=(1, 3, 16, 8))
    common = "--embedder", str(network), "--json"
    sequence, file = str(returning_sequence("AWAY")), tmp_path / "mot.json"
    mot = "mot", sequence, "--engine", "hold", "--detect-every", "1"
    assert main([*mot, *common, str(file)]) == 0
    stored = json.loads(file.read_text())
    name = stored["settings"]["embedder"]
    assert name == name_with_hash(str(network)) != str(network)
    assert stored["rows"][0]["scores"]["switches"] == 0
    costs = tmp_path / "overhead.json"
    overhead = "overhead", "--targets", "2", "--detect-every", "50"
    assert main([*overhead, *common, str(costs)]) == 0
    assert [row["embedder"] for row in json.loads(costs.read_text())["rows"]] == [name]
