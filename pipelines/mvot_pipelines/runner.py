"""A run of ``mvot-run`` on one source."""

from collections.abc import Sequence
from contextlib import ExitStack

from mvot_pipelines.config import RunConfig
from mvot_pipelines.interrupts import catch_interrupts
from mvot_pipelines.loading import (
    choose_worker,
    load_configured_detector,
    load_configured_engine,
    name_detector,
)
from mvot_pipelines.outputs import choose_outputs, open_page
from mvot_pipelines.report import RunReport
from mvot_pipelines.streams.names import fill_in_name
from mvot_pipelines.streams.parts import Parts
from mvot_pipelines.streams.stream import Stream, open_configured_source
from mvot_pipelines.warned import show_warnings
from mvot_plugin.embedders import load_embedder
from mvot_plugin.errors import UsageError

__all__ = ["run"]


def run(config: RunConfig, *, config_files: Sequence[str] = ()) -> RunReport:
    """Track ``config.source`` to its end, or to the first error.

    Decoding, the detector, the engine, and drawing with encoding run side by side, unless there
    may be one thread only; the results are the same. No output may replace ``config_files``, which
    the settings were read from.

    Raises ``MvotError`` for errors before the first frame. Later errors are in the report; the
    sinks are closed in any case, after a whole frame.
    """
    if config.source is None:
        raise UsageError("no SOURCE given: name a video, a folder, a camera number or a URL")
    config, notes = fill_in_name(config), list[str]()
    with ExitStack() as stack:
        stack.enter_context(show_warnings(notes))
        engine = load_configured_engine(config)
        embedder = load_embedder(config.embedder, threads=config.threads)
        source = stack.enter_context(open_configured_source(config))
        outputs = choose_outputs(config, source, config_files)
        choose_worker(config, source)  # before a detector is loaded in vain
        detector = load_configured_detector(config)
        parts = Parts(
            engine=engine,
            embedder=embedder,
            detector=detector,
            detector_name=name_detector(config, detector),
            page=stack.enter_context(open_page(config)),
        )
        stream = Stream(config, source, outputs, parts, notes)
        with catch_interrupts(source.interrupt) as interrupted:
            stream.track(interrupted)
    return stream.report
