"""`mvot-bench mot --without` and `--solver`: what each part of the merging is worth, or another."""

import json
from dataclasses import asdict, replace

import pytest

from helpers.benchmarks.moving_sequence import write_sequence
from mvot_benchmarks.cli import main
from mvot_benchmarks.merging import PARTS, build_variants
from mvot_pipelines.pipeline import PipelineConfig
from mvot_plugin.errors import UsageError

CHANGES = {
    "appearance": {"appearance.weight": 0.0},
    "memory": {"memory.seconds": 0.0},
    "camera": {"camera.enabled": False},
    "occlusion": {"appearance.covered": 1.0},
    "stages": {"confidence.sure": 0.0, "confidence.birth": 0.0},
    "course": {"affinity.course_weight": 0.0},
}


def settings(config):
    """All settings of a configuration, by section and name."""
    groups = {name: value for name, value in asdict(config).items() if isinstance(value, dict)}
    return {f"{name}.{key}": one for name, value in groups.items() for key, one in value.items()}


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_left_out_and_all_else_stays(part):
    config = PipelineConfig(on_detector_error="coast", reenroll=0.9)
    changed = PARTS[part](config)
    before, after = settings(config), settings(changed)
    assert {key: after[key] for key in after if after[key] != before[key]} == CHANGES[part]
    assert (changed.on_detector_error, changed.reenroll) == ("coast", 0.9)


def test_the_configurations_are_all_parts_and_then_each_alone_left_out():
    config = PipelineConfig()
    variants = build_variants(["memory", "course", "memory"], config)
    assert list(variants) == ["", " without memory", " without course"]
    assert variants[""] is config
    assert variants[" without course"] == PARTS["course"](config)  # with its memory
    assert list(build_variants(["course", "all"], config)) == [
        "",
        *(f" without {p}" for p in PARTS),
    ]
    assert list(build_variants([], config)) == [""]


def test_the_configurations_of_solvers():
    config = PipelineConfig(on_detector_error="coast", reenroll=0.9)
    assert list(build_variants([], config, ["siammot"])) == [" solver siammot"]
    variants = build_variants(["memory"], config, ["siammot", "affinity", "siammot"])
    assert list(variants) == ["", " without memory", " solver siammot"]
    assert variants[""] is config
    assert variants[" solver siammot"] == replace(config, solver="siammot")


def test_parts_of_a_solver_that_has_none_cannot_be_left_out():
    with pytest.raises(UsageError) as error:
        build_variants(["memory"], PipelineConfig(), ["siammot"])
    assert str(error.value) == (
        "--without memory: only the solver affinity has parts to leave out; add affinity to "
        "--solver, or leave --without out"
    )


def test_an_unknown_part_is_an_error_that_names_all():
    with pytest.raises(UsageError) as error:
        build_variants(["memory", "memroy"], PipelineConfig())
    assert str(error.value) == (
        "--without 'memroy': the parts of the merging are appearance, memory, camera, occlusion, "
        "stages, course; all leaves out one after another"
    )


def test_each_table_has_a_row_without_each_part(tmp_path, capsys):
    folders = [str(write_sequence(tmp_path / name)) for name in ("A", "B")]
    command = ["mot", *folders, "--engine", "hold", "kalman", "--detect-every", "4"]
    assert main([*command, "--without", "memory", "course"]) == 0
    blocks = [block.splitlines() for block in capsys.readouterr().out.strip().split("\n\n")]
    suffixes = ("", " without memory", " without course")
    rows = [f"{engine}{suffix}" for engine in ("hold", "kalman") for suffix in suffixes]
    assert len(blocks) == 7  # quality and counts of two sequences and both, and their mean
    for block in blocks:
        assert [line.split("|")[1].strip() for line in block[2:]] == rows


def test_without_memory_a_target_that_comes_back_is_another(returning_sequence, tmp_path):
    folder, file = returning_sequence("AWAY"), tmp_path / "rows.json"
    command = ["mot", str(folder), "--engine", "hold", "--detect-every", "1"]
    assert main([*command, "--without", "memory", "course", "--json", str(file)]) == 0
    rows = json.loads(file.read_text())["rows"]
    assert {row["engine"]: row["scores"]["switches"] for row in rows} == {
        "hold": 0,
        "hold without memory": 1,
        "hold without course": 0,
    }


def test_a_file_of_results_is_continued_with_further_parts(tmp_path, capsys):
    folder, file = write_sequence(tmp_path / "MOVES"), tmp_path / "rows.json"
    command = ["mot", str(folder), "--engine", "hold", "--detect-every", "1", "4"]
    command += ["--json", str(file)]
    assert main(command) == 0
    assert main([*command, "--without", "memory"]) == 0
    capsys.readouterr()
    assert main([*command, "--without", "memory", "camera"]) == 0
    _, err = capsys.readouterr()
    assert err.count(f"(from {file})") == 4
    assert "MOVES hold without camera k=4: MOTA" in err
    rows = json.loads(file.read_text())["rows"]
    names = ("hold", "hold without memory", "hold without camera")
    assert [(row["engine"], row["k"]) for row in rows] == [
        (one, k) for one in names for k in (1, 4)
    ]


@pytest.mark.parametrize("solvers", [[], ["affinity"], ["siammot"], ["affinity", "siammot"]])
def test_each_table_has_a_row_of_each_solver(solvers, tmp_path, capsys):
    command = ["mot", str(write_sequence(tmp_path / "MOVES")), "--engine", "hold", "lk-flow"]
    given = ["--solver", *solvers] if solvers else []
    assert main([*command, "--detect-every", "4", *given]) == 0
    labels = {"affinity": "", "siammot": " solver siammot"}
    named = solvers or ["affinity"]
    rows = [f"{engine}{labels[name]}" for engine in ("hold", "lk-flow") for name in named]
    for block in capsys.readouterr().out.strip().split("\n\n"):
        assert [line.split("|")[1].strip() for line in block.splitlines()[2:]] == rows


def test_siammots_solver_forgets_a_target_that_is_away_for_long(returning_sequence, tmp_path):
    folder, file = returning_sequence("AWAY"), tmp_path / "rows.json"
    command = ["mot", str(folder), "--engine", "hold", "--detect-every", "1", "--json", str(file)]
    assert main(command) == 0
    assert main([*command, "--solver", "affinity", "siammot"]) == 0  # goes on in the same file
    stored = json.loads(file.read_text())
    assert {row["engine"]: row["scores"]["switches"] for row in stored["rows"]} == {
        "hold": 0,
        "hold solver siammot": 1,
    }
    assert stored["arguments"][-3:] == ["--solver", "affinity", "siammot"]
    assert main(["report", str(file), "--output", str(tmp_path / "report")]) == 0
    assert "\n| hold solver siammot |" in (tmp_path / "report" / "report.md").read_text()


def test_an_unknown_solver_is_an_error_that_names_all(tmp_path, capsys):
    folder = write_sequence(tmp_path / "MOVES")
    assert main(["mot", str(folder), "--solver", "siamot"]) == 2
    error = capsys.readouterr().err
    assert "argument --solver: invalid choice: 'siamot' (choose from" in error


def test_an_unknown_part_is_reported_before_anything_is_measured(tmp_path, capsys):
    folder, file = write_sequence(tmp_path / "MOVES"), tmp_path / "rows.json"
    assert main(["mot", str(folder), "--without", "looks", "--json", str(file)]) == 2
    assert "--without 'looks': the parts of the merging are appearance," in capsys.readouterr().err
    assert not file.exists()
