"""The engine beside OpenCV's ``TrackerNano``, which runs the published networks as they are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from onnx import ModelProto

from helpers.paths import DATA
from helpers.plugin.nanotrack_graphs import PUBLISHED, published_engine, published_networks
from mvot_benchmarks.vot import read_vot_sequence
from mvot_plugin.engines.extraction import Extraction
from mvot_plugin.engines.nanotrack.loading import FILES
from mvot_plugin.ops.boxes import iou
from mvot_plugin.runtimes.graph import Graph
from mvot_plugin.runtimes.graph_network import GraphNetwork

pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not here")


@dataclass(frozen=True, kw_only=True, eq=False)
class UnchangedNetwork(GraphNetwork):
    """The published backbone with its own gates, one image at a time, as ``TrackerNano`` has it."""

    backbones: Mapping[int, Graph]

    def run(self, function, *arrays):
        if function != "features":
            return super().run(function, *arrays)
        features = []
        for image in arrays[0]:
            side = min(len(image), 255)  # crops have a line of pixels more than NanoTrack's
            pixels = image[None, :side, :side].transpose(0, 3, 1, 2).astype(np.float32)
            features += self.backbones[side](pixels)
        return (np.concatenate(features).transpose(0, 2, 3, 1),)


def resize_input(model, side):
    """A graph of the backbone that takes images of ``side`` pixels."""
    copied = ModelProto()
    copied.CopyFrom(model)
    for value, size in ((copied.graph.input[0], side), (copied.graph.output[0], -(-side // 16))):
        for dimension in value.type.tensor_type.shape.dim[2:]:
            dimension.dim_value = size
    del copied.graph.value_info[:]
    return Graph(copied.SerializeToString(), threads=1)


@pytest.fixture(scope="module")
def unchanged():
    """The engine with the published gates."""
    engine, backbone = published_engine(), published_networks().backbone
    backbones = {side: resize_input(backbone, side) for side in (127, 255)}
    network = UnchangedNetwork(
        config=engine.network.config, graphs=engine.network.graphs, backbones=backbones
    )
    return replace(engine, network=network, extraction=Extraction(way="crops"))


def opencv_boxes(frames, box):
    """The boxes that OpenCV finds on the frames after the first; in whole pixels."""
    opencv = cv2
    parameters = opencv.TrackerNano_Params()
    parameters.backbone, parameters.neckhead = (str(PUBLISHED / name) for name in FILES)
    tracker = opencv.TrackerNano_create(parameters)
    left, top, right, bottom = (int(edge) for edge in box)
    tracker.init(frames[0].image, (left, top, right - left, bottom - top))
    rectangles = [tracker.update(frame.image)[1] for frame in frames[1:]]
    return np.array([[x, y, x + w, y + h] for x, y, w, h in rectangles], np.float32)


@pytest.mark.parametrize("name", ["TLD_car", "OTB_Crossing", "UAV_biker470"])
@pytest.mark.parametrize("gates", ["published", "constant, crops", "constant, parts"])
def test_boxes_are_those_of_opencv(name, gates, unchanged):
    """To a pixel or two: OpenCV rounds boxes and crops to whole pixels on each frame."""
    engine = unchanged
    if gates != "published":
        engine = replace(published_engine(), extraction=Extraction(way=gates.split()[-1]))
    sequence = read_vot_sequence(DATA / "train" / name, 6)
    box = sequence.ground_truth[0].round()
    expected = opencv_boxes(sequence.frames, box[0])
    targets, found = engine.enroll(sequence.frames[0], box), []
    for frame in sequence.frames[1:]:
        targets, motion = engine.track(frame, targets)
        found.append(motion.boxes[0])
    overlaps = np.diag(iou(np.array(found), expected))
    assert overlaps.min() > 0.75
    assert np.abs(np.array(found) - expected).mean() < 1.5
