"""Descriptions of sequences (``seqinfo.ini``) that are wrong, hostile or odd."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from helpers.faults.case import Case, Trial
from helpers.faults.inputs import input_case

_VALID = b"[Sequence]\nname=x\nimDir=img1\nframeRate=25\nseqLength=6\n"
_REFUSED = {
    "empty": b"",
    "no section": b"frameRate=25\n",
    "another section": b"[Other]\nframeRate=25\n",
    "bytes that are no text": bytes(range(256)),
    "UTF-16": _VALID.decode().encode("utf-16"),
    "a section twice": _VALID + _VALID,
    "a rate twice": _VALID + b"frameRate=25\n",
    "a rate in words": b"[Sequence]\nframeRate=fast\n",
    "a rate of 0": b"[Sequence]\nframeRate=0\n",
    "a rate of -1": b"[Sequence]\nframeRate=-1\n",
    "a rate that is no number": b"[Sequence]\nframeRate=nan\n",
    "a rate of infinity": b"[Sequence]\nframeRate=inf\n",
    "a rate of 1e-9": b"[Sequence]\nframeRate=1e-9\n",
    "a rate of 1e9": b"[Sequence]\nframeRate=1e9\n",
    "a rate of 5,000 digits": b"[Sequence]\nframeRate=" + b"9" * 5000 + b"\n",
    "no frames": b"[Sequence]\nseqLength=0\n",
    "-3 frames": b"[Sequence]\nseqLength=-3\n",
    "two and a half frames": b"[Sequence]\nseqLength=2.5\n",
    "a length of 5,000 digits": b"[Sequence]\nseqLength=" + b"9" * 5000 + b"\n",
    "1e30 frames": b"[Sequence]\nseqLength=1" + b"0" * 30 + b"\n",
    "images in the folder above": b"[Sequence]\nimDir=../frames/img1\n",
    "images far above": b"[Sequence]\nimDir=img1/../../../../../../etc\n",
    "images anywhere": b"[Sequence]\nimDir=/etc\n",
    "images that are missing": b"[Sequence]\nimDir=gone\n",
    "images in a null byte": b"[Sequence]\nimDir=img1\0\n",
    "images in themselves": b"[Sequence]\nimDir=.\n",
    "images in a file": b"[Sequence]\nimDir=seqinfo.ini\n",
    "images in a name of 5,000 letters": b"[Sequence]\nimDir=" + b"x" * 5000 + b"\n",
    "a video in the folder above": b"[Sequence]\nvideo=../clip.mp4\n",
    "a video anywhere": b"[Sequence]\nvideo=/dev/zero\n",
    "a video of the network": b"[Sequence]\nvideo=http://127.0.0.1:9/clip.mp4\n",
    "a video that is missing": b"[Sequence]\nvideo=gone.mp4\n",
    "a video that is the description": b"[Sequence]\nvideo=seqinfo.ini\n",
    "a video without a name": b"[Sequence]\nvideo=\n",
    "a line of 50,000 blanks": b"[Sequence]\na" + b" " * 50_000 + b"b\n",
    "sixty lines of 990 blanks": _VALID + (b"a" + b" " * 990 + b"b\n") * 60,
    "two megabytes": _VALID + b"# nothing\n" * 200_000,
}
_DONE = {
    "valid": _VALID,
    "a mark of the byte order": b"\xef\xbb\xbf" + _VALID,
    "lines as in Windows": _VALID.replace(b"\n", b"\r\n"),
    "per cent signs": _VALID + b"note=100%(x)s %%\n",
    "more frames than images": _VALID.replace(b"=6", b"=1000"),
    "a rate of one in 1,000 s": _VALID.replace(b"=25", b"=0.001"),
    "a rate of 10,000": _VALID.replace(b"=25", b"=10000"),
    "a folder named with dots": _VALID.replace(b"img1", b"./img1/."),
    "an unknown key": _VALID + b"imWidth=-5\n",
}
_FOUND = (
    "images far above",
    "a rate of 1e9",
    "images in a null byte",
    "a rate of 5,000 digits",
    "a line of 50,000 blanks",
)


def cases(_: Random) -> Iterator[Case]:
    """All of them."""
    for expect, group in (("refused", _REFUSED), ("done", _DONE)):
        for name, content in group.items():
            yield sequence_case(
                f"seqinfo.ini: {name}",
                lambda path, content=content: path.write_bytes(content),
                expect=expect,
                quick=name in _FOUND,
            )
    things: dict[str, Callable[[Path], object]] = {
        "a FIFO": os.mkfifo,
        "a folder": Path.mkdir,
        "a link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    }
    for name, make in things.items():
        yield sequence_case(f"seqinfo.ini: {name}", make, expect="refused", quick=name == "a FIFO")
    yield sequence_case("seqinfo.ini: a link to itself", lambda path: path.symlink_to(path.name))
    yield input_case(
        "seqinfo.ini: images that are linked from elsewhere", _link_images, expect="done"
    )


def sequence_case(name: str, describe: Callable[[Path], object], **fields: object) -> Case:
    """A case of a sequence of six images, whose description is made by ``describe``."""

    def make(trial: Trial) -> Path:
        folder = trial.folder / "sequence"
        folder.mkdir()
        trial.images("sequence/img1", 6)
        trial.clip()
        describe(folder / "seqinfo.ini")
        return folder

    return input_case(name, make, **fields)


def _link_images(trial: Trial) -> str:
    (trial.folder / "sequence").mkdir()
    (trial.folder / "sequence/img1").symlink_to(trial.images("frames", 6))
    (trial.folder / "sequence/seqinfo.ini").write_bytes(_VALID)
    return "sequence"
