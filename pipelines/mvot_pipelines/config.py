"""Every setting of ``mvot-run``, with its default."""

import math
from dataclasses import dataclass, field
from typing import Annotated, Literal

from mvot_pipelines.counting import CountingConfig
from mvot_pipelines.pipeline_config import PipelineConfig
from mvot_pipelines.sources.limits import FRAME_RATES, LimitsConfig
from mvot_plugin.config import CheckedConfig, Count, Finite, Positive, Range
from mvot_plugin.errors import UsageError, format_value
from mvot_plugin.threads import THREADS

__all__ = ["RunConfig"]


@dataclass(frozen=True, kw_only=True)
class RunConfig(CheckedConfig):
    """Settings of ``mvot-run``; the command line overrides the file, the file these defaults."""

    source: str | None = None
    """The video: a file, a folder of images, a MOT sequence folder, a camera number or a URL."""
    name: str | None = None
    """What the stream is called in reports, and {name} in the names of outputs; null is by the
    source."""
    detect_every: Count | str = 5
    """The detector runs on every k-th frame (k), or, with auto, where it is worth most."""
    detector_share: Annotated[float, Range(1e-3, 1)] | None = None
    """With auto, the share of the time that the detector takes, 0..1; null leaves it open."""
    budget: Positive | None = None
    """Milliseconds that a frame takes in the mean: auto calls the detector accordingly, and
    tracking again after a late answer is spread over frames; null leaves it open."""
    asynchronous: Literal["auto", "wait", "thread", "process"] = "auto"
    """Whether the tracker waits for the detector (wait), or the detector runs beside it, in a
    thread or in a process; auto is a thread where the source is live, else wait."""
    detector: str = "auto"
    """The detector: an ONNX file, a YOLO model or its path, a function (MODULE:FUNCTION or
    FILE.py:FUNCTION), a registered one, packaged, or auto (ultralytics' default model, or the
    packaged one where that is not available)."""
    detections: str | None = None
    """A file of detections (MOTChallenge's det.txt) to replay instead of running a detector."""
    engine: str = "lk-flow"
    """The motion engine, which moves all boxes on the frames between detections."""
    embedder: str = "colour"
    """What describes how detections look: colour, an ONNX file, a registered one, or none."""
    weights: str = "auto"
    """The weights file of the engine's network; auto is the one that comes with the package."""
    conf: Finite | None = None
    """The least confidence of a detection, in the detector's own scale; null is its default."""
    classes: str | None = None
    """Classes to detect, by name or number, separated by commas; null is all."""
    device: str = "auto"
    """Where networks run: auto, cpu, cuda, cuda:1, ..."""
    precision: str = "auto"
    """The engine's number format: auto, fp32, bf16 or fp16."""
    runtime: str = "auto"
    """What the engine's network runs on: auto, onnx (ONNX Runtime, on CPUs) or torch."""
    detector_batch: Count | None = None
    """Of several streams, the most frames that are detected in one call, by detectors that take
    batches; null is 8 on a GPU, else 1, where batches gain nothing."""
    threads: Annotated[int, THREADS] | None = None
    """The most threads that engine, detector and OpenCV use; null is all that this process may."""
    frame_rate: Annotated[float, FRAME_RATES] | None = None
    """Frames per second of the video; null takes the source's own."""
    start: Annotated[float, Range(0, 1e9)] = 0.0
    """Seconds of a recording that are left out at its beginning."""
    frames: Count | None = None
    """The most frames that are tracked; null is all."""
    stride: Count = 1
    """Of so many frames of the source one is taken, the others are left out; the detector runs on
    every k-th of those that are taken."""
    live: bool = False
    """Whether a recording is played as a camera would, at its own rate."""
    reconnect: Annotated[float, Range(0, math.inf)] = 30.0
    """Seconds for which a camera or stream that was lost is tried again; 0 gives up at once, and
    .inf never."""
    save_txt: str | None = None
    """A file to write the tracks to, in MOTChallenge's format; - is the standard output."""
    save_jsonl: str | None = None
    """A file to write the tracks to, one JSON object per box and frame, and one for each frame
    without boxes; - is the standard output."""
    save_video: str | None = None
    """A video file, .mp4 or .avi, to write the frames to with the tracks drawn over them."""
    overwrite: bool = False
    """Whether files that exist may be replaced by outputs."""
    publish: str | None = None
    """Where tracks are sent while the run goes on: - (JSON lines on the standard output), a web
    address (http://..., https://...), or a topic of a message broker (mqtt://HOST/TOPIC)."""
    serve: Annotated[int, Range(0, 65535)] | None = None
    """The port of a web page that shows the run; 0 takes one that is free."""
    serve_host: str = "127.0.0.1"
    """The name or address that the page is served at; others than this machine's own need a
    token."""
    serve_token: str | None = None
    """What a visitor must know to see the page; null makes one where it is needed."""
    show: bool = False
    """Whether the frames with their tracks are shown in a window."""
    quiet: bool = False
    """Whether nothing but errors is printed."""
    counting: CountingConfig = field(default_factory=CountingConfig)
    """What is counted at lines and in zones."""
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    """What the source may ask for, at most."""
    pipeline: PipelineConfig = field(default_factory=PipelineConfig)
    """How the engine's and the detector's boxes are merged into tracks."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if empty := [name for name, value in vars(self).items() if value == ""]:
            raise UsageError(f"setting '{empty[0]}' is empty: leave it out, or give it a value")
        self._check_interval()
        if self.detections is not None and self.detector != RunConfig.detector:
            raise UsageError("--detector and --detections exclude each other; give one of them")

    def _check_interval(self) -> None:
        is_auto = self.detect_every == "auto"
        if isinstance(self.detect_every, str) and not is_auto:
            value = format_value(self.detect_every)
            raise UsageError(f"--detect-every must be 1 or more, or auto, got {value}")
        if self.detector_share is not None and not is_auto:
            raise UsageError("--detector-share needs --detect-every auto")
        if self.detector_share is not None and self.budget is not None:
            raise UsageError("--detector-share and --budget exclude each other; give one of them")
