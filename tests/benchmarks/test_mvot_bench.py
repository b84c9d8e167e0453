import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from helpers.missing import HEAVY, run_without
from helpers.synthetic import render
from mvot_synthetic import NoisyDetector, street

BIN = Path(sys.executable).parent


def run(name, *arguments):
    return subprocess.run(
        [BIN / name, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )


def rows(boxes, ids, frame):
    for (x0, y0, x1, y1), number in zip(boxes.tolist(), ids, strict=True):
        yield f"{frame + 1},{number},{x0 + 1:.2f},{y0 + 1:.2f},{x1 - x0:.2f},{y1 - y0:.2f},1"


@pytest.fixture(scope="module")
def sequence(tmp_path_factory):
    """A MOT folder of 20 frames, with perfect detections of one class."""
    folder = tmp_path_factory.mktemp("mot") / "STREET-01"
    for part in ("img1", "det", "gt"):
        (folder / part).mkdir(parents=True)
    scene = street(seed=2, size=(320, 240), frames=20, walkers=3, vehicles=0, cyclists=0)
    detector = NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0, min_visibility=0.0)
    found, ground_truth = [], []
    for frame in render(scene):
        cv2.imwrite(str(folder / "img1" / f"{frame.index + 1:06d}.jpg"), frame.image)
        here, objects = detector(frame), scene.ground_truth(frame.index)
        found += rows(here.xyxy, [-1] * len(here), frame.index)
        ground_truth += rows(objects.xyxy, objects.id.tolist(), frame.index)
    (folder / "det" / "det.txt").write_text("\n".join(found))
    (folder / "gt" / "gt.txt").write_text("\n".join(ground_truth))
    (folder / "seqinfo.ini").write_text(
        "[Sequence]\nname=STREET-01\nimDir=img1\nframeRate=25\nseqLength=20\nimExt=.jpg\n"
    )
    return folder


def test_mot_prints_a_table_of_engines_by_k_and_plots_it(sequence, tmp_path):
    done = run(
        "mvot-bench", "mot", sequence,
        *("--engine", "hold", "lk-flow", "--detect-every", 1, 4, "--plot", tmp_path / "k.png"),
    )  # fmt: skip
    assert cv2.imread(str(tmp_path / "k.png")).shape[1] > 500
    assert done.returncode == 0, done.stderr
    first, counts = (block.splitlines() for block in done.stdout.split("\n\n"))
    assert first[0] == "| STREET-01: MOTA / IDF1 / HOTA | k = 1 | k = 4 | ms/frame |"
    table = {line.split("|")[1].strip(): line.split("|")[2:-1] for line in first[2:]}
    assert set(table) == {"hold", "lk-flow"}
    mota, idf1, hota = map(float, table["lk-flow"][0].split("/"))
    assert mota > 90
    assert idf1 > 90
    assert hota > 80
    assert counts[0].startswith("| STREET-01 | k | MOTA | IDF1 | HOTA | IDs |")
    assert [line.split(" | ")[:2] for line in counts[2:]] == [
        [f"| {engine}", k] for engine in ("hold", "lk-flow") for k in "14"
    ]


def test_several_sequences_are_scored_together_too(sequence, tmp_path):
    shutil.copytree(sequence, tmp_path / "STREET-02")
    both = [str(sequence), str(tmp_path / "STREET-02")]
    done = run("mvot-bench", "mot", *both, "--engine", "hold", "--detect-every", 4)
    assert done.returncode == 0, done.stderr
    blocks = done.stdout.strip().split("\n\n")
    one, _, _, _, together, counts, mean = (block.splitlines()[-1] for block in blocks)
    assert blocks[4].startswith("| all together: MOTA / IDF1 / HOTA | k = 4 |")
    assert one.split("|")[2] == together.split("|")[2]  # twice the same has the same shares
    fp, alone = (int(row.split("|")[8]) for row in (counts, blocks[1].splitlines()[-1]))
    assert fp == 2 * alone > 0
    assert blocks[6].startswith("| mean of 2 sequences ± spread: MOTA / IDF1 / HOTA | k = 4 |")
    shares = [f"{share.strip()}±0.0" for share in one.split("|")[2].split("/")]
    assert [share.strip() for share in mean.split("|")[2].split("/")] == shares


def test_a_sequence_without_annotations_is_an_error_that_names_it(sequence, tmp_path):
    done = run("mvot-bench", "mot", tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path} is no sequence of a known layout" in done.stderr
    lacking = tmp_path / "STREET-02"
    shutil.copytree(sequence, lacking, ignore=shutil.ignore_patterns("det"))
    done = run("mvot-bench", "mot", lacking)
    assert done.returncode == 1
    assert "STREET-02 has no public detections" in done.stderr
    assert run("mvot-bench", "mto").returncode == 2


def test_overhead_is_measured_for_each_number_of_targets_without_and_with_an_embedder():
    done = run("mvot-bench", "overhead", "--targets", 5, 20, "--detect-every", 2)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")] for line in done.stdout.splitlines()[2:]]
    assert [row[1] for row in rows] == ["5", "5", "20", "20"]
    assert [row[3] for row in rows] == ["none", "colour"] * 2


def test_the_demo_needs_no_extra_tracks_a_street_and_writes_the_files_that_it_prints(tmp_path):
    code = "from mvot_pipelines.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run_without(HEAVY, code, "--demo", tmp_path / "new" / "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"saved {tmp_path}/new/demo/street.mp4" in done.stdout
    table = (tmp_path / "new" / "demo" / "table.md").read_text()
    assert table.strip() in done.stdout
    hota = {
        (cells[0], cells[1]): float(cells[2])
        for cells in ([c.strip() for c in row.split("|")[1:-1]] for row in table.splitlines()[2:])
    }
    assert hota["lk-flow", "every frame"] > 75
    for when in ("every 5th", "every 10th"):
        assert hota["lk-flow", when] > hota["hold", when] + 10
    capture = cv2.VideoCapture(str(tmp_path / "new" / "demo" / "street.mp4"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (250, 25)
    capture.release()
