"""A small data set for training tests: coloured objects over grey."""

import json
from pathlib import Path

import cv2
import numpy as np

FRAMES, SIZE = 12, (400, 240)
RED, BLUE = (40, 40, 220), (220, 40, 40)
LEFT, RIGHT = (30, 70, 26, 60), (300, 100, 44, 40)
"""Left, top, width and height of the red and the blue object in the first frame."""


def grey_noise(rng: np.random.Generator, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A smooth, random grey image (height, width, 3)."""
    coarse = rng.integers(60, 180, (size[1] // 20, size[0] // 20), dtype=np.uint8)
    return cv2.cvtColor(cv2.resize(coarse, size), cv2.COLOR_GRAY2BGR)


def box_at(box: tuple[int, int, int, int], frame: int) -> tuple[int, int, int, int]:
    """The rectangle, left, top, width and height, in a frame."""
    return box[0] + 3 * frame, box[1] + frame, box[2], box[3]


def write_annotated_video(folder: Path, *, masked: bool) -> None:
    """Write a sequence of two coloured rectangles over grey; with ``masked``, the red one alone."""
    rng = np.random.default_rng(len(folder.name))
    for part in ("img1", "gt", "mask"):
        (folder / part).mkdir(parents=True)
    rows = []
    for frame in range(FRAMES):
        image = grey_noise(rng)
        mask = np.zeros(image.shape[:2], np.uint8)
        for number, (box, colour) in enumerate(((LEFT, RED), (RIGHT, BLUE))[: 2 - masked], 1):
            x, y, w, h = box_at(box, frame)
            rows.append(f"{frame + 1},{number},{x + 1},{y + 1},{w},{h},1,-1,-1,-1")
            mask[y : y + h, x : x + w] = 255
            image[y : y + h, x : x + w] = colour
        cv2.imwrite(str(folder / "img1" / f"{frame + 1:06d}.png"), image)
        if masked:
            cv2.imwrite(str(folder / "mask" / f"{frame + 1:06d}.png"), mask // 255)
    (folder / "gt" / "gt.txt").write_text("\n".join(rows))
    (folder / "seqinfo.ini").write_text(f"[Sequence]\nimDir=img1\nseqLength={FRAMES}\n")


def write_annotated_photos(folder: Path) -> None:
    """Write two photos, each with a red disc, a tiny object and a crowd."""
    rng = np.random.default_rng(7)
    (folder / "images").mkdir(parents=True)
    turn = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    images, annotations = [], []
    for number, (centre, radius) in enumerate((((150, 110), 40), ((260, 130), 30))):
        points = centre + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        photo = grey_noise(rng)
        fixed = np.round(16 * (points - 0.5)).astype(np.int32)
        cv2.fillPoly(photo, [fixed], RED, cv2.LINE_AA, 4)
        cv2.imwrite(str(folder / "images" / f"{number}.png"), photo)
        size = {"width": SIZE[0], "height": SIZE[1]}
        images.append({"id": 10 + number, "file_name": f"{number}.png", **size})
        disc = {"image_id": 10 + number, "category_id": 3, "iscrowd": 0}
        box = [*(np.array(centre) - radius).tolist(), 2 * radius, 2 * radius]
        outline = [points.ravel().tolist()]
        annotations += [
            {**disc, "bbox": box, "segmentation": outline},
            {**disc, "bbox": [0, 0, 9, 9], "segmentation": [[0, 0, 9, 0, 9, 9]]},
            {**disc, "bbox": box, "iscrowd": 1},
        ]
    index = {"images": images, "annotations": annotations, "categories": []}
    (folder / "instances.json").write_text(json.dumps(index))


def write_training_data(root):
    """Write a sequence and two annotated photos below ``root``; return the two data folders."""
    write_annotated_video(root / "clips" / "pair", masked=False)
    write_annotated_photos(root / "photos" / "discs")
    return [root / "clips", root / "photos"]
