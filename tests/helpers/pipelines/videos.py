"""Small videos and images of noise, for the tests of sources; a video of a street."""

import struct
from pathlib import Path

import cv2
import numpy as np

from helpers.synthetic import render
from mvot_plugin.types import Frame
from mvot_synthetic import NoisyDetector, street

WIDTH, HEIGHT = 64, 48


def noise_image(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8)


def write_video(path: Path, frames: int = 12, codec: str = "MJPG", rate: float = 10) -> Path:
    """Write a video of noise; return its path."""
    fourcc = cv2.VideoWriter.fourcc(*codec)
    writer = cv2.VideoWriter(str(path), fourcc, rate, (WIDTH, HEIGHT))
    for index in range(frames):
        writer.write(noise_image(index))
    writer.release()
    return path


def write_variable_rate_video(path: Path, ticks: list[int]) -> Path:
    """An mkv whose frames are shown at these hundredths of a second."""
    raw = [cv2.VIDEOWRITER_PROP_RAW_VIDEO, 1]
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, fourcc, 100.0, (WIDTH, HEIGHT), raw)
    for tick in ticks:
        writer.set(cv2.VIDEOWRITER_PROP_PTS, tick)
        writer.write(cv2.imencode(".jpg", noise_image(tick))[1])
    writer.release()
    return path


def write_trimmed_video(path: Path, frames: int, shown: int) -> Path:
    """An mp4 whose edit list shows only its last frames, as a phone trims it."""
    data = bytearray(write_video(path, frames, codec="mp4v").read_bytes())
    place, ticks = data.index(b"mdhd") + 16, data.index(b"elst") + 12
    (rate,) = struct.unpack_from(">I", data, place)
    struct.pack_into(">Ii", data, ticks, 100 * shown, (frames - shown) * rate // 10)
    path.write_bytes(data)
    return path


def write_images(folder: Path, names: list[str]) -> list[np.ndarray]:
    """Write an image of noise under each name; return the images."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [noise_image(seed) for seed in range(len(names))]
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)
    return images


def write_street(folder: Path, frames: int) -> list[np.ndarray]:
    """Write a video of a street and its exact detections into a folder; return its images.

    They are ``street.avi`` and ``det.txt``.
    """
    scene = street(seed=1, size=(320, 240), frames=frames, walkers=4, vehicles=1, cyclists=0)
    detector = NoisyDetector(scene, recall=1.0, jitter=0.0, false_positives=0.0)
    rows, images = [], [frame.image for frame in render(scene)]
    for index, image in enumerate(images):
        found = detector(Frame(image=image, index=index, timestamp=index / 25))
        for x0, y0, x1, y1 in found.xyxy:
            left, top = x0 + 1, y0 + 1
            rows.append(f"{index + 1},-1,{left:.2f},{top:.2f},{x1 - x0:.2f},{y1 - y0:.2f},1")
    write_images_as_video(folder / "street.avi", images)
    (folder / "det.txt").write_text("\n".join(rows) + "\n")
    return images


def write_images_as_video(path: Path, images: list[np.ndarray]) -> None:
    """Write images as a video of 25 frames per second."""
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25, (width, height))
    for image in images:
        writer.write(image)
    writer.release()
