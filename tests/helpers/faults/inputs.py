"""Cases whose input is broken: the rest of the command line is always the same."""

from collections.abc import Callable
from typing import Any

from helpers.faults.case import Case, Trial
from helpers.faults.servers import Answer, serve

__all__ = ["input_case", "stream_case"]

_LIMITS = "limits: {silence: 1.0, opening: 2.0}\n"


def input_case(name: str, make: Callable[[Trial], object], **fields: Any) -> Case:
    """A case of ``mvot-run`` on the source that ``make`` returns; fields are those of ``Case``."""

    def prepare(trial: Trial) -> list[object]:
        source = make(trial)
        return [source, "--detections", trial.detections(), "--save-txt", "out.txt"]

    return Case(name=name, prepare=prepare, **fields)


def stream_case(name: str, answer: Answer, scheme: str = "http", **fields: Any) -> Case:
    """A case of ``mvot-run`` on a stream, which counts as lost after a second without a frame."""

    def prepare(trial: Trial) -> list[object]:
        (trial.folder / "limits.yaml").write_text(_LIMITS)
        url = trial.stack.enter_context(serve(answer, scheme))
        options = ["--config", "limits.yaml", "--reconnect", 1, "--save-txt", "out.txt"]
        return [url, "--detections", trial.detections(), "--engine", "hold", *options]

    return Case(name=name, prepare=prepare, **fields)
