"""The batched Kalman filter against filterpy, one target at a time."""

import warnings

import numpy as np

from mvot_plugin.engines.kalman import KalmanEngine
from mvot_plugin.ops.boxes import xyxy_to_cxcywh
from mvot_plugin.types import Frame

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # filterpy's docstrings have invalid escapes
    from filterpy.common import Q_discrete_white_noise
    from filterpy.kalman import predict, update

DEVIATION = np.array([1.0, 1.0, 0.5, 0.5])


def frame_at(seconds):
    return Frame(image=np.zeros((4, 4, 3), np.uint8), index=0, timestamp=seconds)


def random_boxes(rng, count):
    corner = rng.uniform(0, 300, (count, 2))
    return np.hstack([corner, corner + rng.uniform(10, 90, (count, 2))]).astype(np.float32)


def predict_slowly(engine, mean, covariance, unit, step):
    transition = np.eye(8)
    transition[:4, 4:] = step * np.eye(4)
    noise = Q_discrete_white_noise(dim=2, dt=step, var=1.0, block_size=4, order_by_dim=False)
    spread = np.tile(engine.acceleration * unit * DEVIATION, 2)
    return predict(mean, covariance, transition, noise * spread[:, None] * spread)


def test_filters_are_those_of_filterpy():
    rng, engine, count = np.random.default_rng(0), KalmanEngine(), 7
    targets = engine.enroll(frame_at(0.0), random_boxes(rng, count))
    now = 0.0
    for step in (0.04, 0.2, 1.0, 0.04):
        expected = [
            predict_slowly(engine, targets.mean[i], targets.covariance[i], targets.unit[i], step)
            for i in range(count)
        ]
        now += step
        targets, _ = engine.track(frame_at(now), targets)
        for i, (mean, covariance) in enumerate(expected):
            mean[2:4] = np.maximum(mean[2:4], 1)
            assert np.allclose(targets.mean[i], mean, rtol=1e-9)
            assert np.allclose(targets.covariance[i], covariance, rtol=1e-9)
        boxes = targets.boxes + rng.uniform(-4, 4, (count, 4)).astype(np.float32)
        measured = xyxy_to_cxcywh(boxes).astype(np.float64)
        noise = [np.diag((engine.measurement * unit * DEVIATION) ** 2) for unit in targets.unit]
        expected = [
            update(targets.mean[i], targets.covariance[i], measured[i], noise[i], np.eye(4, 8))
            for i in range(count)
        ]
        targets = engine.refresh(frame_at(now), targets, boxes, np.ones(count, np.bool_))
        for i, (mean, covariance) in enumerate(expected):
            assert np.allclose(targets.mean[i], mean, rtol=1e-8)
            assert np.allclose(targets.covariance[i], covariance, rtol=1e-6)
