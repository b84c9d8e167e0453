"""Several videos at once, in a loop of your own."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np

from mvot_pipelines.detection.shared import SharedDetector
from mvot_pipelines.detection.shared_worker import SharedWorker
from mvot_pipelines.detection.worker import Stage
from mvot_pipelines.pipeline import MotPipeline, PipelineConfig
from mvot_pipelines.scheduling import EveryK, Scheduler
from mvot_pipelines.streams.sharing import serialize_embedder, share_detector
from mvot_plugin.detectors import as_detector
from mvot_plugin.embedders import as_embedder
from mvot_plugin.engines import load_engine
from mvot_plugin.engines.base import MotionEngine
from mvot_plugin.errors import InputError, MvotError, UsageError, unknown_name
from mvot_plugin.threads import check_threads
from mvot_plugin.types import Frame, Tracks

__all__ = ["MultiPipeline", "StreamError"]

_MOST_AT_ONCE = 64
"""Videos that are stepped side by side; more wait for each other."""

_PATIENCE = 0.2
"""Seconds for which a batch waits at most for the frames of a step that are tracked yet."""


class StreamError(InputError):
    """Some videos could not be stepped; the others were.

    Args:
        errors: what was raised, by the names of videos.
        tracks: the tracks of the other videos.
    """

    def __init__(self, errors: Mapping[str, MvotError], tracks: dict[str, Tracks]) -> None:
        super().__init__("; ".join(f"{name}: {error}" for name, error in errors.items()))
        self.errors, self.tracks = errors, tracks


class MultiPipeline:
    """Tracks several videos at once, with one detector and one engine for all.

    The frames of a step are tracked side by side, and those on which the detector is due are
    detected in one batch, where it takes batches. Each video has a ``MotPipeline`` and ids of its
    own, and gives what it would give alone (but for what a detector rounds otherwise in a batch).
    It begins when its name first comes, and stands still where a step leaves it out. Close it at
    the end, or use it in a ``with`` statement.

    Args:
        detector: as of ``MotPipeline``; None for ``update``.
        engine: a motion engine, or the name of one; several threads call it at once.
        detect_every: k, to detect on every k-th frame, or a callable that makes the ``Scheduler``
            of a video.
        embedder: as of ``MotPipeline``; it is called by one thread at a time.
        config: as of ``MotPipeline``.
        frame_rate: frames per second, for bare arrays: one for all, or those of each by name.
        class_names: as of ``MotPipeline``.
        threads: most calls that run side by side, of a detector that is made for that; None is as
            many as the process may use.
        batch: most frames of a call, of a detector that takes batches (``detect_batch``).

    Raises:
        UsageError: as ``MotPipeline``.

    Examples:
        >>> import numpy as np
        >>> from mvot_pipelines import MultiPipeline
        >>> def detect(image: np.ndarray): return [[10, 20, 50, 80, 0.9]]
        >>> image = np.zeros((240, 320, 3), np.uint8)
        >>> with MultiPipeline(detect, "hold", detect_every=10) as tracker:
        ...     tracks = tracker.step({"door": image, "yard": image})
        >>> tracks["door"].xyxy.tolist(), tracks["yard"].id.tolist()
        ([[10.0, 20.0, 50.0, 80.0]], [1])
    """

    def __init__(
        self,
        detector: str | Path | Callable[..., Any] | None = None,
        engine: str | MotionEngine[Any, Any] = "lk-flow",
        detect_every: int | Callable[[], Scheduler] = 5,
        *,
        embedder: str | Path | Callable[..., Any] | None = "colour",
        config: PipelineConfig | None = None,
        frame_rate: float | Mapping[str, float] = 25.0,
        class_names: Mapping[int, str] | None = None,
        threads: int | None = None,
        batch: int = 8,
    ) -> None:
        self.engine = load_engine(engine, threads=1) if isinstance(engine, str) else engine
        self._detect_every = detect_every
        self._build_scheduler()  # before anything is loaded in vain
        self._embedder = serialize_embedder(as_embedder(embedder))
        self._config, self._class_names = config or PipelineConfig(), class_names
        self._rates = frame_rate
        self._pipelines: dict[str, MotPipeline] = {}
        self._detector: SharedDetector | None = None
        if detector is not None:
            self._detector = share_detector(
                as_detector(detector), check_threads(threads), batch=batch, patience=_PATIENCE
            )
        self._pool, self._is_closed = ThreadPoolExecutor(_MOST_AT_ONCE, "stream"), False

    def step(self, images: Mapping[str, Frame | np.ndarray]) -> dict[str, Tracks]:
        """Track onto the next frame of each video.

        Args:
            images: what ``MotPipeline.step`` takes, by the names of the videos.

        Returns:
            The tracks by the names of the videos, in the same order.

        Raises:
            StreamError: where videos fail, as ``MotPipeline.step`` does; the others are stepped.
        """
        return self._run({name: (image,) for name, image in images.items()}, MotPipeline.step)

    def update(
        self,
        images: Mapping[str, Frame | np.ndarray],
        detections: Mapping[str, Any] | None = None,
        timestamps: Mapping[str, float] | None = None,
    ) -> dict[str, Tracks]:
        """Track onto the next frame of each video, with your detections of those that have some.

        Args:
            images: as of ``step``.
            detections: what ``MotPipeline.update`` takes, by the names of videos.
            timestamps: of the frames in seconds, by the names of videos.

        Returns:
            The tracks, as of ``step``.

        Raises:
            StreamError: where videos fail, as ``MotPipeline.update`` does; the others are stepped.
            UsageError: for detections or timestamps of a video that has no image, or where there is
                a detector.
        """
        if self._detector is not None and detections is not None:
            raise UsageError(
                "MultiPipeline.update takes your own detections: leave detector out, or call step"
            )
        found, times = detections or {}, timestamps or {}
        if unknown := [name for name in (*found, *times) if name not in images]:
            raise UsageError(f"there is no image of {unknown[0]!r}, which has detections or a time")
        arguments = {
            name: (image, found.get(name), times.get(name)) for name, image in images.items()
        }
        return self._run(arguments, MotPipeline.update)

    def __getitem__(self, name: str) -> MotPipeline:
        """The pipeline of a video, which counts the calls of the detector and so on."""
        return self._pipelines[name]

    @property
    def names(self) -> list[str]:
        """The videos that have begun."""
        return list(self._pipelines)

    def remove(self, name: str) -> None:
        """Forget a video; where its name comes again, another one begins.

        Args:
            name: of the video.

        Raises:
            UsageError: for a video that has not begun.
        """
        if name not in self._pipelines:
            raise unknown_name("video", name, self._pipelines)
        self._pipelines.pop(name).close()
        self._count_streams()

    def close(self) -> None:
        """End the threads; a second call does nothing."""
        self._is_closed = True
        self._pool.shutdown()
        for pipeline in self._pipelines.values():
            pipeline.close()
        if self._detector is not None:
            self._detector.close()

    def __enter__(self) -> "MultiPipeline":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(
        self, arguments: Mapping[str, tuple[Any, ...]], function: Callable[..., Tracks]
    ) -> dict[str, Tracks]:
        """Call a function of each pipeline, side by side."""
        if self._is_closed:
            raise UsageError("this MultiPipeline is closed: build another one")
        pipelines = {name: self._find(name) for name in arguments}
        if self._detector is not None:
            self._detector.expect(len(arguments))
        futures = {
            name: self._pool.submit(self._call, function, pipelines[name], *given)
            for name, given in arguments.items()
        }
        tracks, errors = dict[str, Tracks](), dict[str, MvotError]()
        wait(futures.values())
        for name, future in futures.items():
            error = future.exception()
            if isinstance(error, MvotError):
                errors[name] = error
            else:
                tracks[name] = future.result()
        if errors:
            raise StreamError(errors, tracks)
        return tracks

    def _call(self, function: Callable[..., Tracks], *arguments: Any) -> Tracks:
        """Call a function; after that, no batch waits for it."""
        try:
            return function(*arguments)
        finally:
            if self._detector is not None:
                self._detector.expect(-1)

    def _find(self, name: str) -> MotPipeline:
        """The pipeline of a video, which begins where it is new."""
        if name not in self._pipelines:
            rates, detector = self._rates, self._detector
            self._pipelines[name] = MotPipeline(
                detector,
                self.engine,
                self._build_scheduler(),
                embedder=self._embedder,
                config=self._config,
                asynchronous=False if detector is None else self._share,
                frame_rate=rates.get(name, 25.0) if isinstance(rates, Mapping) else rates,
                class_names=self._class_names,
            )
            self._count_streams()
        return self._pipelines[name]

    def _build_scheduler(self) -> Scheduler:
        every = self._detect_every
        return EveryK(k=every) if isinstance(every, int) else every()

    def _share(self, stage: Stage) -> SharedWorker:
        """The worker that takes a video's turns of the detector."""
        assert self._detector is not None
        return SharedWorker(stage, self._detector, self._config.detector_timeout, waits=True)

    def _count_streams(self) -> None:
        if self._detector is not None:
            self._detector.streams = len(self._pipelines)
