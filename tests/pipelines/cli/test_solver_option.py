"""`mvot-run --solver`, and `pipeline.solver` in a file of settings."""

import pytest

from helpers.pipelines.mvot_run import mvot_run
from mvot_pipelines.cli import main


def shown_solver(capsys, *arguments):
    assert main([*map(str, arguments), "--print-config"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    return [line for line in lines if line.startswith("solver: ")]


def test_the_option_overrides_the_file_and_the_file_the_default(tmp_path, capsys):
    file = tmp_path / "run.yaml"
    file.write_text("pipeline:\n  solver: siammot\n  siammot:\n    tau: 2.5\n")
    assert shown_solver(capsys, "video.mp4") == ["solver: affinity"]
    assert shown_solver(capsys, "--solver", "siammot") == ["solver: siammot"]
    assert shown_solver(capsys, "--config", file) == ["solver: siammot"]
    assert shown_solver(capsys, "--config", file, "--solver", "affinity") == ["solver: affinity"]
    assert main(["--config", str(file), "--solver", "siammot", "--print-config"]) == 0
    assert "tau: 2.5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (["--solver", "siamot"], None, "argument --solver: invalid choice: 'siamot' (choose from"),
        ([], "pipeline: {solver: siamot}", "did you mean 'siammot'?"),
        (["--solver", "siammot"], "pipeline: 3", "setting 'pipeline' must be settings, got 3"),
        ([], "pipeline: {siammot: {alpha: 2}}", "'pipeline.siammot.alpha' must be 1 or less"),
        ([], "pipeline: {siammot: {gamma: 2}}", "unknown setting 'pipeline.siammot.gamma'"),
    ],
)
def test_a_wrong_solver_is_one_sentence(arguments, settings, sentence, tmp_path, capsys):
    if settings is not None:
        file = tmp_path / "run.yaml"
        file.write_text(settings)
        arguments = [*arguments, "--config", str(file)]
    assert main(["video.mp4", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_a_run_is_tracked_by_the_solver_that_is_named(videos, tmp_path):
    written = {}
    for name, solver in (("own", "affinity"), ("paper", "siammot"), ("again", "siammot")):
        done = mvot_run(
            videos / "street.avi",
            *("--detections", videos / "det.txt", "--detect-every", 5),
            *("--solver", solver, "--save-txt", tmp_path / name),
        )
        assert (done.returncode, done.stderr) == (0, "")
        written[name] = (tmp_path / name).read_bytes()
    assert written["paper"] == written["again"] != written["own"]
    assert len(written["paper"].splitlines()) > 40
