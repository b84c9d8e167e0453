"""`mvot-bench ablation`: the variant of each row of its table, and its errors."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from helpers.engine_runs import APART, follow, overlapping_boxes
from helpers.small_siammotion import random_network
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


def save_random_weights(path, **changes):
    network = random_network(**changes)
    save_weights(path, network, "siammotion", network.config, {})
    return str(path)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    return {parts: save_random_weights(folder / f"B{parts}", **off) for parts, off in OFF.items()}


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
        objects = scene.ground_truth(frame.index)
        for number, (x0, y0, x1, y1) in zip(
            objects.id.tolist(), objects.xyxy.tolist(), strict=True
        ):
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
    variants = build_engines(engines)
    assert set(variants) == set(ROWS.values())
    assert len(variants) == 10
    for parts, engine in variants.items():
        config, penalties = engine.network.config, engine.penalisation
        network = engine.network.module.network
        assert config.pyramid == hasattr(network.neck, "lateral") == ("F" in parts)
        assert config.rpn == hasattr(network.head, "regress") == ("R" in parts)
        assert config.attention == (network.attention is not None) == ("A" in parts)
        assert penalties.erosion == (penalties.distractor > 0) == ("P" in parts)
        assert (engine.stand_in == "velocity") == ("I" in parts)


@pytest.mark.parametrize("part", "FRAP")
def test_a_part_left_out_finds_other_boxes(part, engines, moving_frames):
    variants = build_engines(engines)
    rows = "all parts", f"without {part}"
    outcomes = [
        follow(variants[ROWS[row]], moving_frames, overlapping_boxes())[0].boxes for row in rows
    ]
    assert not np.allclose(outcomes[0], outcomes[1], atol=0.5)


def test_without_inertia_the_last_box_is_kept(engines, moving_frames):
    variants = build_engines(engines)
    for row, rests in (("all parts", False), ("without I", True)):
        engine = variants[ROWS[row]]
        targets, _ = follow(replace(engine, confidence=0.0), moving_frames[:4], APART)
        unsure, observation = replace(engine, confidence=2.0), engine.observe(moving_frames[4])
        boxes = unsure.track(observation, targets)[1].boxes
        assert np.allclose(boxes, targets.boxes, atol=1e-3) == rests


def test_the_table_has_the_scores_of_vot_and_their_losses(files, sequence, capsys):
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
    complete, bare = (
        evaluate(load_engine("siammotion", files[parts], *EXACT), sequence)
        for parts in ("FRA", "FR")
    )
    for column, name in ((0, "accuracy"), (2, "robustness"), (4, "mean_iou")):
        mine, full = getattr(bare, name), getattr(complete, name)
        assert cells["all parts"][column : column + 2] == [f"{full:.3f}", ""]
        assert cells["without A"][column : column + 2] == [f"{mine:.3f}", f"{mine - full:+.3f}"]
    assert err.count("one-pass mean IoU") == 10
    assert "STREET B+R+A+P+I: accuracy" in err


def test_rows_without_weights_are_left_out_with_a_message(files, sequence, capsys):
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
    ("changes", "message"),
    [
        ({}, "have the same parts; give one of them"),
        ({"pyramid": False, "inertia": False}, "has penalties or inertia off"),
        ({"pyramid": False, "penalties": False}, "has penalties or inertia off"),
        ({"pyramid": False, "width": 24}, "its width is 24, but that of .* is 16"),
    ],
)
def test_unsuitable_weights_files_are_named(changes, message, files, tmp_path):
    other = save_random_weights(tmp_path / "other", **changes)
    with pytest.raises(UsageError, match=rf"{other}.*{message}"):
        load_variants([files["FRA"], other], *EXACT)


def test_errors_in_files_are_one_sentence(files, sequence, tmp_path, capsys):
    foreign, text = tmp_path / "foreign", tmp_path / "text"
    save_weights(foreign, random_network().backbone, "backbone", {}, {})
    text.write_text("nonsense")
    for names, message in (
        ([files["RA"], files["FR"]], "--weights: none of"),
        ([files["FRA"], foreign], "foreign: holds weights of 'backbone', but 'siammotion' needs"),
        ([text], "text: not a readable safetensors file"),
        (["nowhere"], "nowhere: there is no such weights file"),
    ):
        assert main(["ablation", sequence, "--weights", *map(str, names)]) in (1, 2)
        assert message in capsys.readouterr().err


def test_random_weights_are_refused():
    message = "--weights random: an ablation needs files of trained weights"
    with pytest.warns(UntrainedWeights), pytest.raises(UsageError, match=message):
        load_variants(["random"], *EXACT)
