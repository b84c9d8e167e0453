import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mvot_plugin.detectors.onnx.preparation import Colors, Letterbox, to_array

sides = st.integers(2, 400)


@given(
    height=sides,
    width=sides,
    fit=st.sampled_from(["center", "corner", "stretch"]),
    size=st.sampled_from([None, (64, 64), (96, 32)]),
    seed=st.integers(0, 99),
)
def test_boxes_return_to_where_they_were(height, width, fit, size, seed):
    image = np.zeros((height, width, 3), np.uint8)
    scaled, placement = Letterbox(size=size, fit=fit, longest=64)(image)
    if size is not None:
        assert scaled.shape[:2] == size
    elif fit == "stretch":
        assert scaled.shape == image.shape
    else:
        assert max(scaled.shape[:2]) == 64
        assert all(side % 32 == 0 for side in scaled.shape[:2])
    corners = np.random.default_rng(seed).uniform(0, 1, (5, 4)) * [width, height, width, height]
    inside = corners * np.tile(placement.scale, 2) + np.tile(placement.offset, 2)
    assert placement.to_image(inside, (height, width)) == pytest.approx(corners, abs=1e-2)


@pytest.mark.parametrize(
    ("fit", "rows"), [("center", (16, 48)), ("corner", (0, 32)), ("stretch", (0, 64))]
)
def test_the_image_lies_where_the_fit_says(fit, rows):
    image = np.full((60, 120, 3), (10, 20, 30), np.uint8)
    scaled, placement = Letterbox(size=(64, 64), fit=fit, pad=114)(image)
    first, end = rows
    assert (scaled[first:end] == [10, 20, 30]).all()
    assert (np.delete(scaled, np.s_[first:end], axis=0) == 114).all()
    assert placement.offset == (0, first)


def test_an_image_that_fits_is_not_copied():
    image = np.zeros((64, 64, 3), np.uint8)
    assert Letterbox(size=(64, 64))(image)[0] is image


@pytest.mark.parametrize("channels_last", [False, True])
def test_colours_are_ordered_and_normalized(channels_last):
    image = np.array([[[10, 20, 30], [40, 50, 60]]], np.uint8)
    colors = Colors(mean=(10.0, 0.0, 0.0), deviation=(2.0, 1.0, 4.0))

    def convert(colors, dtype):
        array = to_array(image, colors, np.dtype(dtype), channels_last=channels_last)
        assert (array.shape[0], array.dtype) == (1, dtype)
        assert array.flags.c_contiguous
        return (array[0] if channels_last else array[0].transpose(1, 2, 0)).tolist()

    assert convert(colors, "float32") == [[[10, 20, 2.5], [25, 50, 10]]]
    assert convert(colors, "float16") == [[[10, 20, 2.5], [25, 50, 10]]]
    assert convert(colors, "uint8") == [[[30, 20, 10], [60, 50, 40]]]
    assert convert(Colors(order="bgr", deviation=(1.0,)), "float32") == image.tolist()
