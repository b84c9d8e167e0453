"""Outputs that would overwrite what the run reads, by whatever name."""

from collections.abc import Callable, Iterator
from pathlib import Path

import onnx

from helpers.faults.case import Case, Trial
from mvot_plugin.detectors.packaged import packaged_model

_FOUND = {
    "a hard link to the video as overlay",
    "the settings' file as text",
    "an image of the folder as text",
    "seqinfo.ini as text",
    "a replayed file of detections, named otherwise, as text",
    "a link to an image two folders down in a MOT sequence",
    "a link to the video of a MOT sequence",
    "a part of a playlist",
    "the weights beside the detector's file",
}
"""Those that were overwritten once."""


def cases() -> Iterator[Case]:
    for name, prepare in _CASES.items():
        yield Case(name=name, prepare=prepare, expect="refused", outputs=(), quick=name in _FOUND)


def _hard_link(trial: Trial) -> list[object]:
    (trial.folder / "out.mp4").hardlink_to(trial.clip())
    return ["clip.mp4", "--detections", trial.detections(), "--save-video", "out.mp4"]


def _soft_link(trial: Trial) -> list[object]:
    trial.clip()
    (trial.folder / "out.mp4").symlink_to("clip.mp4")
    return ["clip.mp4", "--detections", trial.detections(), "--save-video", "out.mp4"]


def _link_in_a_linked_folder(trial: Trial) -> list[object]:
    (trial.folder / "videos").mkdir()
    trial.clip("videos/clip.mp4")
    (trial.folder / "same").symlink_to("videos")
    outputs = ["--save-video", "same/../same/clip.mp4"]
    return ["videos/clip.mp4", "--detections", trial.detections(), *outputs]


def _detections(trial: Trial) -> list[object]:
    (trial.folder / "out.txt").hardlink_to(trial.detections())
    return [trial.clip(), "--detections", "det.txt", "--save-jsonl", "out.txt"]


def _replayed(trial: Trial) -> list[object]:
    trial.detections()
    return [trial.clip(), "--detector", "replay:det.txt", "--save-txt", "./det.txt"]


def _settings(trial: Trial) -> list[object]:
    trial.detections()
    (trial.folder / "run.yaml").write_text("detections: det.txt\n")
    return [trial.clip(), "--config", "run.yaml", "--save-txt", "run.yaml"]


def _link_to_the_settings(trial: Trial) -> list[object]:
    arguments = _settings(trial)
    (trial.folder / "out.txt").symlink_to("run.yaml")
    return [*arguments[:-1], "out.txt"]


def _image(trial: Trial) -> list[object]:
    outputs = ["--save-txt", "frames/000003.png"]
    return [trial.images(), "--detections", trial.detections(), *outputs]


def _link_to_an_image(trial: Trial) -> list[object]:
    (trial.folder / "out.txt").hardlink_to(trial.images() / "000003.png")
    return ["frames", "--detections", trial.detections(), "--save-txt", "out.txt"]


def _new_image(trial: Trial) -> list[object]:
    outputs = ["--save-txt", "frames/000013.png"]
    return [trial.images(), "--detections", trial.detections(), *outputs]


def _make_sequence(trial: Trial, video: str = "", images: str = "img1") -> None:
    (trial.folder / "seq").mkdir()
    if video:
        trial.clip("seq/video.mp4")
    else:
        (trial.folder / "seq" / images).parent.mkdir(exist_ok=True)
        trial.images(f"seq/{images}")
    text = f"[Sequence]\nname=seq\n{video}imDir={images}\nframeRate=25\nseqLength=12\n"
    (trial.folder / "seq/seqinfo.ini").write_text(text)


def _sequence_info(trial: Trial) -> list[object]:
    _make_sequence(trial)
    return ["seq", "--detections", trial.detections(), "--save-txt", "seq/seqinfo.ini"]


def _sequence_image(trial: Trial) -> list[object]:
    _make_sequence(trial)
    return ["seq", "--detections", trial.detections(), "--save-jsonl", "seq/img1/000001.png"]


def _sequence_image_deep_down(trial: Trial) -> list[object]:
    _make_sequence(trial, images="data/img")
    (trial.folder / "out.txt").symlink_to("seq/data/img/000001.png")
    return ["seq", "--detections", trial.detections(), "--save-txt", "out.txt"]


def _sequence_video(trial: Trial) -> list[object]:
    _make_sequence(trial, "video=video.mp4\n")
    return ["seq", "--detections", trial.detections(), "--save-video", "seq/video.mp4"]


def _linked_sequence_video(trial: Trial) -> list[object]:
    _make_sequence(trial, "video=video.mp4\n")
    (trial.folder / "out.mp4").symlink_to("seq/video.mp4")
    return ["seq", "--detections", trial.detections(), "--save-video", "out.mp4"]


def _part_of_a_playlist(trial: Trial) -> list[object]:
    trial.clip("part.mp4")
    lines = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.48,\npart.mp4\n#EXT-X-ENDLIST\n"
    (trial.folder / "list.m3u8").write_text(lines)
    outputs = ["--save-video", "part.mp4"]
    return ["list.m3u8", "--detections", trial.detections(), *outputs]


def _external_weights(trial: Trial) -> list[object]:
    """The packaged detector, with its weights in a file of their own."""
    model = onnx.load_model_from_string(Path(str(packaged_model())).read_bytes())
    file = trial.folder / "m.onnx"
    onnx.save_model(model, file, save_as_external_data=True, location="m.onnx.data")
    return [trial.clip(), "--detector", "m.onnx", "--save-txt", "m.onnx.data"]


def _live_video(trial: Trial) -> list[object]:
    (trial.folder / "out.mp4").hardlink_to(trial.clip())
    outputs = ["--live", "--save-video", "out.mp4"]
    return ["clip.mp4", "--detections", trial.detections(), *outputs]


def _file(option: str, name: str) -> Callable[[Trial], list[object]]:
    """An option that names a file, which is the output, too."""

    def prepare(trial: Trial) -> list[object]:
        (trial.folder / name).write_bytes(b"\0" * 100)
        return [trial.clip(), option, name, "--save-txt", name]

    return prepare


def _two_outputs(trial: Trial) -> list[object]:
    outputs = ["--save-txt", "out", "--save-jsonl", "./out"]
    return [trial.clip(), "--detections", trial.detections(), *outputs]


def _two_linked_outputs(trial: Trial) -> list[object]:
    (trial.folder / "out.jsonl").symlink_to("out.txt")
    outputs = ["--save-txt", "out.txt", "--save-jsonl", "out.jsonl"]
    return [trial.clip(), "--detections", trial.detections(), *outputs]


_CASES = {
    "a hard link to the video as overlay": _hard_link,
    "a symbolic link to the video as overlay": _soft_link,
    "the video by way of a linked folder": _link_in_a_linked_folder,
    "the video of a live run": _live_video,
    "a hard link to the detections as JSON lines": _detections,
    "a replayed file of detections, named otherwise, as text": _replayed,
    "the settings' file as text": _settings,
    "a link to the settings' file as text": _link_to_the_settings,
    "an image of the folder as text": _image,
    "a hard link to an image of the folder": _link_to_an_image,
    "a new image in the folder": _new_image,
    "seqinfo.ini as text": _sequence_info,
    "an image of a MOT sequence": _sequence_image,
    "the video of a MOT sequence": _sequence_video,
    "a link to an image two folders down in a MOT sequence": _sequence_image_deep_down,
    "a link to the video of a MOT sequence": _linked_sequence_video,
    "a part of a playlist": _part_of_a_playlist,
    "the weights beside the detector's file": _external_weights,
    "the detector's file": _file("--detector", "model.onnx"),
    "the embedder's file": _file("--embedder", "looks.onnx"),
    "the weights' file": _file("--weights", "weights.safetensors"),
    "one file for two outputs": _two_outputs,
    "two outputs that are links to one file": _two_linked_outputs,
}
