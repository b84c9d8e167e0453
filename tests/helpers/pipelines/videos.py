"""Small videos and images of noise, for the tests of sources."""

from pathlib import Path

import cv2
import numpy as np

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


def write_images(folder: Path, names: list[str]) -> list[np.ndarray]:
    """Write an image of noise under each name; return the images."""
    folder.mkdir(parents=True, exist_ok=True)
    images = [noise_image(seed) for seed in range(len(names))]
    for name, image in zip(names, images, strict=True):
        cv2.imwrite(str(folder / name), image)
    return images
