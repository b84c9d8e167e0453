"""`mvot-bench ablation`: what each row of its table runs, and what it refuses."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from helpers.engine_runs import APART, crowd, follow
from helpers.small_siammotion import some_network
from mvot_benchmarks.ablation import ROWS, build_engines, describe_missing_rows, load_variants
from mvot_benchmarks.cli import main
from mvot_benchmarks.vot import evaluate
from mvot_plugin.engines import load_engine
from mvot_plugin.errors import UntrainedWeights, UsageError
from mvot_plugin.weights import save_weights
from mvot_synthetic import street

OFF = {
    "FRA": {},
    "RA": {"pyramid": False},
    "FA": {"rpn": False},
    "FR": {"attention": False},
    "F": {"rpn": False, "attention": False},
    "": {"pyramid": False, "rpn": False, "attention": False},
}
EXACT = "cpu", "fp32"


def saved(path, **changes):
    network = some_network(**changes)
    save_weights(path, network, "siammotion", network.config, {})
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {parts: saved(folder / f"B{parts}", **off) for parts, off in OFF.items()}


@pytest.fixture(scope="module")
def engines(files):
    return load_variants(list(files.values()), *EXACT)


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    """A MOT folder of eight frames of a street."""
    folder = tmp_path_factory.mktemp("mot") / "STREET"
    for part in ("img1", "gt"):
        (folder / part).mkdir(parents=True)
    scene, rows = street(2, size=(320, 240), frames=8, walkers=3, vehicles=0, cyclists=0), []
    for frame in scene:
        cv2.imwrite(str(folder / "img1" / f"{frame.index + 1:06d}.png"), frame.image)
        truth = scene.ground_truth(frame.index)
        for number, (x0, y0, x1, y1) in zip(truth.id.tolist(), truth.xyxy.tolist(), strict=True):
            box = f"{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f}"
            rows.append(f"{frame.index + 1},{number},{box},1,1,1")
    (folder / "gt" / "gt.txt").write_text("\n".join(rows))
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=STREET\nimDir=img1\nseqLength=8\n")
    return str(folder)


def test_rows_are_the_papers_and_one_for_each_part_left_out():
    assert next(iter(ROWS)) == "all parts"
    assert [ROWS[f"without {part}"] for part in "FRAPI"] == ["RAPI", "FAPI", "FRPI", "FRAI", "FRAP"]
    assert list(ROWS)[6:] == [
        *("B", "B+F", "B+F+R", "B+F+R+A", "B+F+R+A+P", "B+F+R+A+P+I"),
    ]
    assert list(ROWS.values())[6:] == ["", "F", "FR", "FRA", "FRAP", "FRAPI"]


def test_every_row_runs_the_parts_that_it_names(engines):
    made = build_engines(engines)
    assert set(made) == set(ROWS.values())
    assert len(made) == 10
    for parts, engine in made.items():
        config, penalties = engine.network.config, engine.penalisation
        assert config.pyramid == hasattr(engine.network.neck, "lateral") == ("F" in parts)
        assert config.rpn == hasattr(engine.network.head, "regress") == ("R" in parts)
        assert config.attention == (engine.network.attention is not None) == ("A" in parts)
        assert penalties.erosion == (penalties.distractor > 0) == ("P" in parts)
        assert (engine.stand_in == "velocity") == ("I" in parts)


@pytest.mark.parametrize("part", "FRAP")
def test_a_part_left_out_finds_other_boxes(part, engines, moving_frames):
    made = build_engines(engines)
    rows = "all parts", f"without {part}"
    outcomes = [follow(made[ROWS[row]], moving_frames, crowd())[0].boxes for row in rows]
    assert not np.allclose(outcomes[0], outcomes[1], atol=0.5)


def test_without_inertia_the_last_box_stands_in(engines, moving_frames):
    made = build_engines(engines)
    for row, rests in (("all parts", False), ("without I", True)):
        engine = made[ROWS[row]]
        targets, _ = follow(replace(engine, confidence=0.0), moving_frames[:4], APART)
        unsure, observation = replace(engine, confidence=2.0), engine.observe(moving_frames[4])
        boxes = unsure.track(observation, targets)[1].boxes
        assert np.allclose(boxes, targets.boxes, atol=1e-3) == rests


def test_the_table_is_what_vot_finds_and_how_much_less_that_is(files, sequence, capsys):
    arguments = ["--device", "cpu", "--precision", "fp32", "--weights", *files.values()]
    assert main(["ablation", sequence, *arguments]) == 0
    out, err = capsys.readouterr()
    head, line, *rows = [[c.strip() for c in row.split("|")[1:-1]] for row in out.splitlines()]
    assert head == ["network", "accuracy", "", "robustness", "", "mean IoU", ""]
    assert line == ["---"] * 7
    assert [row[0] for row in rows] == list(ROWS)
    cells = {name: row for name, *row in rows}
    assert cells["B+F+R+A+P"] == cells["without I"]
    assert cells["B+F+R+A+P+I"] == cells["all parts"]
    whole, bare = (
        evaluate(load_engine("siammotion", files[parts], *EXACT), sequence)
        for parts in ("FRA", "FR")
    )
    for column, name in ((0, "accuracy"), (2, "robustness"), (4, "mean_iou")):
        mine, full = getattr(bare, name), getattr(whole, name)
        assert cells["all parts"][column : column + 2] == [f"{full:.3f}", ""]
        assert cells["without A"][column : column + 2] == [f"{mine:.3f}", f"{mine - full:+.3f}"]
    assert err.count("one-pass mean IoU") == 10
    assert "STREET B+R+A+P+I: accuracy" in err


def test_rows_without_weights_are_left_out_with_a_word(files, sequence, capsys):
    assert main(["ablation", sequence, "--weights", files["FRA"], files["FR"]]) == 0
    out, err = capsys.readouterr()
    assert [row.split("|")[1].strip() for row in out.splitlines()[2:]] == [
        *("all parts", "without A", "without P", "without I"),
        *("B+F+R", "B+F+R+A", "B+F+R+A+P", "B+F+R+A+P+I"),
    ]
    assert "no row 'without F': it needs weights trained with network: {pyramid: false}" in err
    assert "no row 'B+F': it needs weights trained with network: {rpn: false, attention" in err
    assert "'without A'" not in err


def test_nothing_is_left_out_where_all_weights_are_there(engines):
    assert describe_missing_rows(engines) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "have the same parts; give one of them"),
        ({"pyramid": False, "inertia": False}, "has penalties or inertia off"),
        ({"pyramid": False, "penalties": False}, "has penalties or inertia off"),
        ({"pyramid": False, "width": 24}, "its width is 24, but that of .* is 16"),
    ],
)
def test_files_that_make_no_ablation_are_named(changes, said, files, tmp_path):
    other = saved(tmp_path / "other", **changes)
    with pytest.raises(UsageError, match=rf"{other}.*{said}"):
        load_variants([files["FRA"], other], *EXACT)


def test_what_is_wrong_with_the_files_is_one_sentence(files, sequence, tmp_path, capsys):
    foreign, text = tmp_path / "foreign", tmp_path / "text"
    save_weights(foreign, some_network().backbone, "backbone", {}, {})
    text.write_text("nonsense")
    for names, said in (
        ([files["RA"], files["FR"]], "--weights: none of"),
        ([files["FRA"], foreign], "foreign: holds weights of 'backbone', but 'siammotion' needs"),
        ([text], "text: not a readable safetensors file"),
        (["nowhere"], "nowhere: there is no such weights file"),
    ):
        assert main(["ablation", sequence, "--weights", *map(str, names)]) in (1, 2)
        assert said in capsys.readouterr().err


def test_random_weights_make_no_ablation():
    said = "--weights random: an ablation needs files of trained weights"
    with pytest.warns(UntrainedWeights), pytest.raises(UsageError, match=said):
        load_variants(["random"], *EXACT)
