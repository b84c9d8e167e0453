"""What the tables of docs/coming-from.md say is to be written, runs."""

import re

import numpy as np
import pytest
import supervision as sv
from ultralytics.engine.results import Results

from helpers.paths import ROOT
from helpers.pipelines import BOX, OTHER, blank_frames
from mvot_pipelines import MotPipeline, MultiPipeline, PipelineConfig
from mvot_pipelines.cli.options import build_parser
from mvot_pipelines.sinks.overlay import Painter
from mvot_plugin.association.affinity import AffinityConfig
from mvot_plugin.association.lifecycle import LifecycleConfig
from mvot_plugin.association.memory import MemoryConfig
from mvot_plugin.types import Frame, as_frame

TEXT = (ROOT / "docs" / "coming-from.md").read_text(encoding="utf-8")
TABLES = {part.partition("\n")[0]: part for part in TEXT.split("\n## ")[1:] if "\n| " in part}
BOXES = np.array([BOX, OTHER], np.float32)


def read_cells(table, column):
    """The code in a column, in order; of each table of a section, the first two rows are heads."""
    found = re.findall(r"(?:^\|.*\n)+", f"{TABLES[table]}\n", re.MULTILINE)
    rows = [line.split(" | ") for one in found for line in one.splitlines()[2:]]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row[column])]


class Model:
    """Stands for a YOLO."""

    names = {0: "person"}  # noqa: RUF012

    def __call__(self, image, verbose=True):
        rows = np.column_stack([BOXES, [0.9, 0.8], [0, 0]])
        return [Results(np.asarray(image), path="", names=self.names, boxes=rows)]


def detect(image: np.ndarray):
    """Stands for the same, as a detector."""
    return Model()(image)


def names_of(table):
    """What a reader has before the first row."""
    image = blank_frames(1)[0].image.copy()
    scores, classes = np.array([0.9, 0.8], np.float32), np.array([0, 0])
    own = {"image": image, "frames": [image] * 3, "np": np, "sv": sv, "as_frame": as_frame}
    own |= {
        "boxes": BOXES,
        "scores": scores,
        "classes": classes,
        "names": np.array(["a", "b"]),
        "Painter": Painter,
    }
    own |= {"dets": np.column_stack([BOXES, scores, classes]), "MotPipeline": MotPipeline}
    own |= {"PipelineConfig": PipelineConfig, "AffinityConfig": AffinityConfig}
    own |= {"LifecycleConfig": LifecycleConfig, "MemoryConfig": MemoryConfig, "Frame": Frame}
    if table in ("ultralytics", "DeepStream"):
        own["model"] = detect
    return own | {"MultiPipeline": MultiPipeline, "other": image}


@pytest.mark.parametrize("table", TABLES)
def test_each_line_on_the_right_runs(table):
    cells, names = read_cells(table, -1), names_of(table)
    assert len(cells) >= 8
    for code in cells:
        if code.startswith("mvot-run"):
            build_parser().parse_args(code.split()[1:])
            continue
        if "model(image" in code:
            names["model"] = Model()
        exec(code, names)
    assert len(names["tracks"]) == 2


@pytest.mark.parametrize("table", ["supervision", "norfair"])
@pytest.mark.filterwarnings("ignore")
def test_each_line_on_the_left_runs(table):
    pytest.importorskip(table)
    names = names_of(table)
    for code in read_cells(table, 0):
        if code != "sv.ByteTrack":  # of earlier versions
            exec(code, names)
    assert len(names["detections" if table == "supervision" else "found"]) == 2


@pytest.mark.parametrize(("other", "count"), [(0.0, 2), (0.2, 1)])
def test_classes_are_kept_apart_where_asked(other, count):
    config = PipelineConfig(affinity=AffinityConfig(other_class=other))
    tracker, ids = MotPipeline(engine="hold", config=config), set()
    for frame in blank_frames(12):
        ids |= set(tracker.update(frame, ([BOX], [0.9], [frame.index // 6])).id.tolist())
    assert len(ids) == count
