"""The reader of MOT files."""

import numpy as np

from fuzz.inputs import allow_refusal, scratch_folder
from mvot_plugin.motfile import read_mot


def check(data: bytes) -> None:
    """Read the bytes as a MOT file."""
    path = scratch_folder() / "det.txt"
    path.write_bytes(data)
    with allow_refusal():
        rows = read_mot(path)
        assert len(rows.id) == len(rows.xyxy) == len(rows.score) == len(rows) <= len(data)
        assert (rows.frame >= 0).all()
        assert rows.xyxy.dtype == np.float32
