"""Results of ultralytics and supervision as detections, made with the real libraries."""

from types import SimpleNamespace

import numpy as np
import pytest
import supervision as sv
import torch
from ultralytics.engine.results import Results
from ultralytics.utils.ops import scale_masks

from mvot_plugin.detectors import as_detections, from_supervision, from_ultralytics
from mvot_plugin.errors import InputError
from mvot_plugin.types import crop_masks

IMAGE = np.zeros((48, 64, 3), np.uint8)
ROWS = [[1, 2, 33, 34, 0.5, 7], [5, 6, 27, 28, 0.25, 0]]
BOXES = np.array(ROWS, np.float32)[:, :4]
NAMES = {0: "person", 7: "truck"}


def results(rows=ROWS, dtype=torch.float32, image=IMAGE, **columns):
    boxes = torch.tensor(rows, dtype=dtype).reshape(-1, 6)
    return Results(orig_img=image, path="", names=NAMES, boxes=boxes, **columns)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_ultralytics_results_are_taken(dtype):
    answer = results(dtype=dtype)
    for shape in (answer, [answer], (answer,), answer.numpy() if dtype.itemsize > 2 else answer):
        found = as_detections(shape)
        assert found.xyxy.tolist() == BOXES.tolist()
        assert found.confidence.tolist() == [0.5, 0.25]
        assert found.class_id.tolist() == [7, 0]
        assert found.class_id.dtype == np.int64
        assert found.class_names == NAMES
        assert (found.masks, found.keypoints, dict(found.data)) == (None, None, {})
    assert len(from_ultralytics(results([]))) == 0


def test_results_that_need_a_gradient_are_taken():
    boxes = SimpleNamespace(
        xyxy=torch.ones(1, 4, requires_grad=True), conf=torch.ones(1), cls=torch.zeros(1)
    )
    assert len(as_detections(SimpleNamespace(boxes=boxes))) == 1


@pytest.mark.parametrize("size", [(48, 64), (50, 81), (27, 48), (90, 40)], ids=str)
@pytest.mark.parametrize("letterbox", [(64, 64), (96, 128), (640, 640)], ids=str)
def test_masks_are_cropped_where_ultralytics_scales_them_to(size, letterbox):
    image = np.zeros((*size, 3), np.uint8)
    rng = np.random.default_rng(0)
    coarse = torch.tensor(rng.random((1, 2, 8, 8)) > 0.5).float()
    masks = torch.nn.functional.interpolate(coarse, letterbox, mode="nearest")[0]
    found = as_detections(results(image=image, masks=masks))
    scaled = scale_masks(masks[None], size)[0].numpy()
    expected = crop_masks(scaled, BOXES)
    assert np.abs(found.masks - expected).mean() < 0.05
    moved = crop_masks(scaled, BOXES + np.float32(2))
    assert np.abs(found.masks - moved).mean() > np.abs(found.masks - expected).mean()


def test_retina_masks_have_the_size_of_the_frame():
    masks = torch.zeros(2, 48, 64, dtype=torch.uint8)
    masks[0, 2:18, 1:33] = 1
    found = as_detections(results(masks=masks))
    assert found.masks[0, :32].min() == 1
    assert found.masks[0, 32:].max() == 0
    assert not found.masks[1].any()


def test_keypoints_have_confidences_or_one():
    full = torch.tensor([[[3, 4, 0.5]] * 17, [[5, 6, 0.25]] * 17])
    assert as_detections(results(keypoints=full)).keypoints[:, 9].tolist() == [
        [3, 4, 0.5],
        [5, 6, 0.25],
    ]
    assert as_detections(results(keypoints=full[..., :2])).keypoints[1, 2].tolist() == [5, 6, 1]
    assert as_detections(results([], keypoints=full[:0])).keypoints.shape == (0, 17, 3)


def test_oriented_boxes_are_enclosed_and_kept():
    turned = torch.tensor([[30, 20, 20, 10, np.pi / 2, 0.5, 7]])
    for obb in (turned, turned[:0]):
        answer = Results(orig_img=IMAGE, path="", names=NAMES, obb=obb)
        for given in (answer, [answer], answer.numpy()):
            found = as_detections(given)
            assert found.data["xyxyxyxy"].shape == (len(obb), 4, 2)
            boxes = np.array([[25, 10, 35, 30]])[: len(obb)]
            np.testing.assert_allclose(found.xyxy, boxes, atol=1e-4)
            assert found.confidence.tolist() == [0.5] * len(obb)
            assert found.class_id.tolist() == [7] * len(obb)
    corners = as_detections(Results(IMAGE, "", NAMES, obb=turned)).data["xyxyxyxy"][0]
    assert corners.min(0).tolist() == pytest.approx([25, 10])
    assert corners.max(0).tolist() == pytest.approx([35, 30])


def test_ids_of_trackers_are_data():
    boxes = torch.tensor([[1, 2, 33, 34, 5, 0.5, 7.0]])
    found = as_detections(Results(IMAGE, "", NAMES, boxes=boxes))
    assert found.data["tracker_id"].tolist() == [5]
    marked = sv.Detections(xyxy=BOXES, tracker_id=np.array([4, 9]))
    assert as_detections(marked).data["tracker_id"].tolist() == [4, 9]


def test_results_without_boxes_are_refused():
    scene = Results(orig_img=IMAGE, path="", names={}, probs=torch.ones(3))
    with pytest.raises(InputError, match="gives no boxes; use a detection"):
        as_detections(scene)
    with pytest.raises(InputError, match="of one frame, got 2"):
        from_ultralytics([scene, scene])
    with pytest.raises(InputError, match=r"got list of 2 \(Results, Results\)$"):
        as_detections([results([]), results([])])


def test_supervision_detections_are_taken():
    full = sv.Detections(xyxy=BOXES, confidence=np.array([0.5, 0.25]), class_id=np.array([3, 1]))
    for given in (full, [full]):
        found = as_detections(given)
        assert (found.xyxy.tolist(), found.confidence.tolist()) == (BOXES.tolist(), [0.5, 0.25])
        assert found.class_id.tolist() == [3, 1]
        assert found.class_names is None
    bare = from_supervision(sv.Detections(xyxy=BOXES))
    assert (bare.confidence.tolist(), bare.class_id.tolist()) == ([1, 1], [0, 0])
    assert len(as_detections(sv.Detections.empty())) == 0


def test_data_of_supervision_is_kept_and_names_classes():
    data = {
        "class_name": np.array(["truck", "person"]),
        "xyxyxyxy": np.zeros((2, 4, 2)),
        "note": ["a", "b"],
    }
    found = as_detections(sv.Detections(xyxy=BOXES, class_id=np.array([7, 0]), data=data))
    assert found.class_names == NAMES
    assert sorted(found.data) == ["class_name", "note", "xyxyxyxy"]
    assert found.data["xyxyxyxy"].shape == (2, 4, 2)
    without = as_detections(sv.Detections(xyxy=BOXES, data=data))
    assert without.class_names is None
    taken = as_detections(sv.Detections.from_ultralytics(results()))
    assert taken.class_names == NAMES


def test_masks_of_supervision_are_cropped_compact_or_not():
    dense = np.zeros((2, 48, 64), bool)
    dense[0, 2:18, 1:33] = True
    compact = sv.CompactMask.from_dense(dense, BOXES, (48, 64))
    for mask in (dense, compact):
        found = as_detections(sv.Detections(xyxy=BOXES, mask=mask))
        assert found.masks.shape == (2, 64, 64)
        assert (found.masks[0, :32].min(), found.masks[0, 32:].max()) == (1, 0)


def test_columns_of_odd_shape_are_refused():
    odd = SimpleNamespace(xyxy=np.zeros((4, 5)), confidence=None, class_id=None)
    with pytest.raises(InputError, match=r"boxes must have shape \(N, 4\), got \(4, 5\)"):
        as_detections(odd)
    uneven = SimpleNamespace(xyxy=np.ones((2, 4)), confidence=np.ones(1), class_id=np.ones(2))
    with pytest.raises(InputError, match="2 boxes with 1, 2"):
        as_detections(uneven)
