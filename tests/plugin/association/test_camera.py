"""The motion of the camera from one detector call to the next, on a rendered texture."""

import numpy as np
import pytest

from mvot_plugin.association.camera import CameraConfig, CameraMotion
from mvot_plugin.errors import UsageError
from mvot_plugin.types import Frame


def frame_of(image):
    return Frame(image=image, index=0, timestamp=0.0)


def view_motion(dx=0.0, dy=0.0, zoom=1.0):
    """The similarity from a plain view of the texture to a moved and enlarged one."""
    return np.array([[zoom, 0, 160 * (1 - zoom) + dx], [0, zoom, 120 * (1 - zoom) + dy]])


def corners_moved(motion):
    corners = np.array([[0, 0, 1], [320, 0, 1], [0, 240, 1], [320, 240, 1]], float)
    return corners @ motion.T


@pytest.mark.parametrize("side", [320, 160])
@pytest.mark.parametrize(
    "view", [{"dx": 14.0, "dy": -5.0}, {"zoom": 1.08}, {"dx": -6.0, "zoom": 0.94}], ids=str
)
def test_pan_and_zoom_are_recovered_in_pixels_of_the_frame(render_view, view, side):
    camera = CameraMotion(CameraConfig(side=side))
    assert camera.update(frame_of(render_view())) is None
    motion = camera.update(frame_of(render_view(**view)))
    expected = corners_moved(view_motion(**view))
    np.testing.assert_allclose(corners_moved(motion), expected, atol=0.6)


def test_each_motion_is_that_since_the_last_call(render_view):
    camera = CameraMotion(CameraConfig())
    places = [0.0, 9.0, 4.0, 20.0]
    motions = [camera.update(frame_of(render_view(dx=dx))) for dx in places]
    assert motions[0] is None
    assert [motion[0, 2] for motion in motions[1:]] == pytest.approx([9, -5, 16], abs=0.3)


def test_a_standing_camera_does_not_move_and_is_looked_at_seldom(render_view):
    camera = CameraMotion(CameraConfig(patience=5))
    still, moved = frame_of(render_view()), frame_of(render_view(dx=6.0))
    assert [camera.update(still) for _ in range(6)] == [None] * 6
    assert [camera.update(moved) for _ in range(4)] == [None] * 4
    assert camera.update(moved) is not None
    assert camera.update(still)[0, 2] == pytest.approx(-6, abs=0.2)


def test_motion_after_calls_that_were_skipped_is_that_since_the_last_call(render_view):
    camera = CameraMotion(CameraConfig(patience=5))
    places = [0.0] * 6 + [3.0, 7.0, 9.0, 14.0, 20.0, 22.0]
    motions = [camera.update(frame_of(render_view(dx=dx))) for dx in places]
    assert motions[:10] == [None] * 10
    assert [motion[0, 2] for motion in motions[10:]] == pytest.approx([6, 2], abs=0.2)


def test_slow_pans_add_up(render_view):
    camera = CameraMotion(CameraConfig(patience=100))
    motions = [camera.update(frame_of(render_view(dx=0.12 * i))) for i in range(40)]
    moved = [motion[0, 2] for motion in motions if motion is not None]
    assert 0 < len(moved) < 25
    assert sum(moved) == pytest.approx(0.12 * 39, abs=0.8)


def test_a_disabled_camera_stands(render_view):
    camera = CameraMotion(CameraConfig(enabled=False))
    for dx in (0.0, 10.0, 30.0):
        assert camera.update(frame_of(render_view(dx=dx))) is None


def test_there_is_no_estimate_without_texture_or_after_a_cut(render_view):
    camera = CameraMotion(CameraConfig())
    black = frame_of(np.zeros((240, 320, 3), np.uint8))
    assert camera.update(black) is None
    assert camera.update(black) is None
    assert camera.update(frame_of(render_view())) is None
    assert camera.update(black) is None
    noise = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
    assert camera.update(frame_of(render_view())) is None
    assert camera.update(frame_of(noise)) is None


def test_frames_of_another_size_begin_anew(render_view):
    camera = CameraMotion(CameraConfig())
    camera.update(frame_of(render_view()))
    assert camera.update(frame_of(render_view()[:200])) is None
    assert camera.update(frame_of(render_view(dx=8.0)[:200]))[0, 2] == pytest.approx(8, abs=0.3)


@pytest.mark.parametrize(("name", "least"), [("side", 32), ("patience", 1)])
def test_settings_out_of_range_are_named(name, least):
    CameraConfig(**{name: least})
    with pytest.raises(UsageError, match=f"CameraConfig.{name} must be {least} or more, got 0"):
        CameraConfig(**{name: 0})
