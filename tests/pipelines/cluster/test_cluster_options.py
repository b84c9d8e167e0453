"""What `mvot-cluster` takes, and what it refuses."""

import sys

import pytest

from mvot_pipelines.cluster.cli import main


@pytest.mark.parametrize(
    "option",
    ["--show", "--save-video=a.mp4", "--serve=0", "--publish=-", "--zone=z", "--threads=2"],
)
def test_what_needs_images_or_one_machine_is_refused_with_what_to_do(option, capsys):
    assert main(["video.mp4", option]) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert option.partition("=")[0] in shown


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "no SOURCE given"),
        (("a.mp4", "--workers", "0"), "--workers must be 1 or more"),
        (("a.mp4", "--piece", "3", "--overlap", "5"), "--overlap 5 is longer than --piece 3"),
        (("a.mp4", "--overlap", "0"), "--overlap must be 0.2 or more"),
        (("a.mp4", "--gpus", "-1"), "--gpus must be 0 or more"),
        (("a.mp4", "--device", "cuda"), "--device cuda needs a share of a GPU"),
        (("missing.mp4",), "missing.mp4: no such file"),
        (("a.mp4", "--worker", "2"), "did you mean '--workers'"),
    ],
)
def test_wrong_usage_is_one_sentence(options, said, capsys):
    assert main(list(options)) in (1, 2)
    shown = capsys.readouterr().err
    assert said in shown
    assert shown.count("\n") == 1


def test_help_shows_the_cluster_and_not_what_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for word in ("--address", "--workers", "--gpus", "--piece", "--overlap", "--detect-every"):
        assert word in shown
    for word in ("--save-video", "--show", "--serve", "--count-line", "mvot-run [SOURCE"):
        assert word not in shown


def test_without_ray_the_extra_is_named(street, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    run = (street / "long.mp4", "--detections", street / "det.txt", "--save-txt", tmp_path / "a")
    assert main([*map(str, run)]) == 2
    assert "pip install 'mvot-plugin[ray]'" in capsys.readouterr().err


def test_recordings_and_live_streams_do_not_mix(street, capsys):
    assert main([str(street / "long.mp4"), "rtsp://127.0.0.1:1/x"]) == 2
    assert "commands of their own" in capsys.readouterr().err


def test_an_output_of_two_recordings_needs_their_names(street, tmp_path, capsys):
    sources = (street / "long.mp4", street / "street.avi")
    assert main([*map(str, sources), "--save-txt", str(tmp_path / "a.txt")]) == 2
    assert "{name}" in capsys.readouterr().err
