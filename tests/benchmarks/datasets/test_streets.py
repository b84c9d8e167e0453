"""`mvot-bench streets`."""

from dataclasses import replace

import numpy as np
import pytest

from mvot_benchmarks.cli import main
from mvot_benchmarks.datasets import open_sequence
from mvot_benchmarks.datasets.streets import STREETS, write_street, write_streets
from mvot_plugin.errors import OutputError

SMALL = replace(STREETS[2], frames=4, size=(320, 240), walkers=4)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A small street, and the folder it was written into."""
    return write_street(SMALL, tmp_path_factory.mktemp("streets") / "new")


def test_a_street_is_a_sequence_with_the_ground_truth_of_its_scene(written):
    sequence, scene = open_sequence(written), SMALL.scene()
    with sequence.open() as source:
        frames = list(source)
        assert (source.frame_rate, len(frames), frames[0].size) == (7.0, 4, (320, 240))
    rendered = scene.frame(3).image.astype(int)
    assert np.abs(frames[3].image - rendered).mean() < 8  # but for the encoder
    objects, rows = scene.ground_truth(3), sequence.ground_truth
    here = rows[rows.frame == 3]
    flagged = objects.visibility >= 0.25
    assert sorted(here.id[~here.ignored].tolist()) == sorted(objects.id[flagged].tolist())
    order = np.argsort(objects.id)
    assert np.allclose(here.xyxy[np.argsort(here.id)], objects.xyxy[order], atol=0.02)


def test_its_detections_are_those_of_the_noisy_detector(written):
    scene = SMALL.scene()
    detector, public = SMALL.detector(scene), open_sequence(written).detector()
    for frame in scene:
        assert np.allclose(public(frame).xyxy, detector(frame).xyxy, atol=0.02)
    rows = [row.split(",") for row in (written / "det" / "det.txt").read_text().splitlines()]
    assert all(len(row) == 10 and row[1] == "-1" for row in rows)


def test_its_files_are_the_same_bytes_on_every_run(written, tmp_path):
    again = write_street(SMALL, tmp_path)
    for name in ("gt/gt.txt", "det/det.txt", "seqinfo.ini"):
        assert (again / name).read_bytes() == (written / name).read_bytes()
        assert (again / name).stat().st_size > 50


def test_the_streets_differ_in_name_rate_density_and_camera():
    assert [one.name for one in STREETS] == [f"street-{number}" for number in range(101, 113)]
    assert {one.frame_rate for one in STREETS} >= {7, 30}
    assert len({one.walkers for one in STREETS}) > 8
    assert any(one.pan == 0 for one in STREETS)
    assert all(len(one.scene()) == one.frames for one in STREETS[:2])


def test_nothing_is_written_over_a_street_that_exists(tmp_path, capsys):
    last = tmp_path / STREETS[-1].name
    last.mkdir()
    (last / "notes.txt").write_text("mine")
    assert main(["streets", str(tmp_path)]) == 1
    assert f"{last} exists already: delete it, or name another folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [last]
    assert [one.name for one in last.iterdir()] == ["notes.txt"]


def test_an_empty_folder_of_its_name_is_used(tmp_path):
    (tmp_path / SMALL.name).mkdir()
    assert list(write_streets(tmp_path, [SMALL])) == [tmp_path / SMALL.name]


def test_a_folder_that_cannot_be_made_is_an_error_that_names_the_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write .*video\.mp4"):
        write_street(SMALL, tmp_path / "file")


def test_another_dozen_has_numbers_of_its_own(tmp_path, capsys):
    last = tmp_path / "street-212"
    last.mkdir()
    (last / "notes.txt").write_text("mine")
    assert main(["streets", str(tmp_path), "--first", "201"]) == 1
    assert f"{last} exists already" in capsys.readouterr().err
