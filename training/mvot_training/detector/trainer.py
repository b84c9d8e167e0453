"""Ultralytics' trainer, adapted to ``mvot-train``. Importing this module imports ultralytics.

It calls no callbacks of other services and downloads nothing (fonts, weights for a check); it stops
at a deadline and resumes from there; on CPUs it computes channels last, on as many threads as torch
had, and in bfloat16 where that is native; it prints one line per epoch.
"""

import contextlib
import io
import logging
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from mvot_training.detector.pseudo_labels import CLASSES
from mvot_training.optimization import native_dtype

__all__ = ["DetectorTrainer"]

_Trainer: Any = import_module("ultralytics.models.yolo.detect").DetectionTrainer


class DetectorTrainer(_Trainer):  # type: ignore[misc]
    """Trains to the last epoch or until ``deadline`` (of ``time.monotonic``).

    An epoch that the deadline cuts short is validated and saved too, and repeated when resumed.
    """

    epoch: int
    last: Path
    best: Path

    def __init__(self, overrides: dict[str, Any], dataset: Path, deadline: float) -> None:
        self._dataset, self._deadline = dataset.resolve(), deadline
        self._threads, self._epochs = torch.get_num_threads(), overrides["epochs"]
        self._start, self._cut, self._bar = time.monotonic(), False, tqdm(disable=True)
        super().__init__(overrides=overrides)

    def train_quietly(self) -> None:
        """Train, and print only a progress bar and a line per epoch."""
        logger = logging.getLogger("ultralytics")
        level = logger.level
        logger.setLevel(logging.CRITICAL)  # ultralytics' progress bars have no other switch
        try:
            self.train()
        finally:
            self._bar.close()
            logger.setLevel(level)

    def get_dataset(self) -> dict[str, Any]:
        """The folders of ``prepare_dataset``; the original would download a font."""
        images = {split: str(self._dataset / "images" / split) for split in ("train", "val")}
        names = dict(enumerate(CLASSES))
        return {**images, "path": self._dataset, "names": names, "nc": len(names), "channels": 3}

    def build_dataset(self, *args: Any, **options: Any) -> Any:
        """As the original, without its progress bars, one of which cannot be switched off."""
        with contextlib.redirect_stdout(io.StringIO()):
            return super().build_dataset(*args, **options)

    def check_resume(self, overrides: dict[str, Any]) -> None:
        """As the original, but the number of epochs may change."""
        super().check_resume(overrides)
        self.args.epochs = self._epochs

    def run_callbacks(self, event: str) -> None:
        """Call this class's own callbacks only, not those of other services."""
        callback = getattr(self, f"_{event}", None)
        if callback is not None:
            callback()

    def preprocess_batch(self, batch: dict[str, Any]) -> dict[str, Any]:
        """As the original; on CPUs, also enable autocast, which the original leaves off."""
        if self.device.type == "cpu":
            half = native_dtype(self.device) == torch.bfloat16
            torch.set_autocast_enabled("cpu", half)  # until the original's own context ends
            torch.set_autocast_dtype("cpu", torch.bfloat16)
        return dict(super().preprocess_batch(batch))

    def validate(self) -> tuple[dict[str, float], float]:
        """As the original, with the average precision of people in addition."""
        with _full_precision():
            metrics, fitness = super().validate()
        box = self.validator.metrics.box
        people = [i for i, k in enumerate(box.ap_class_index) if k == 0]
        metrics["metrics/person-mAP50(B)"] = float(box.ap50[people[0]]) if people else 0.0
        return metrics, fitness

    def save_model(self) -> bool:
        """As the original, but replace files atomically, and count a cut epoch as not done."""
        epoch, files = self.epoch, (self.last, self.best)
        if self._cut:
            self.epoch = max(epoch - 1, 0)
        self.last, self.best = (path.with_suffix(".part") for path in files)
        super().save_model()
        for unfinished, path in zip((self.last, self.best), files, strict=True):
            if unfinished.exists():
                unfinished.replace(path)
        self.epoch, (self.last, self.best) = epoch, files
        return True

    def final_eval(self) -> None:
        """Do nothing: the original strips the checkpoint of what it takes to resume."""

    def _on_pretrain_routine_end(self) -> None:
        torch.set_num_threads(self._threads)
        if self.device.type == "cpu":
            self.model.to(memory_format=torch.channels_last)
        criterion = getattr(self.model, "criterion", None) or self.model.init_criterion()
        self.model.criterion = _FullPrecisionLoss(criterion)

    def _on_train_epoch_start(self) -> None:
        self._start = time.monotonic()
        title = f"epoch {self.epoch + 1}/{self.epochs}"
        total = len(self.train_loader)
        self._bar = tqdm(total=total, desc=title, leave=False, mininterval=5)

    def _on_train_batch_end(self) -> None:
        self._bar.update()
        if time.monotonic() > self._deadline:
            self.stop = self._cut = True

    def _on_train_epoch_end(self) -> None:
        self._bar.close()

    def _on_model_save(self) -> None:
        loss = sum(float(value) for value in self.tloss.values())
        tqdm.write(
            f"epoch {self.epoch + 1}/{self.epochs}{' (cut short)' if self._cut else ''}: "
            f"loss {loss:.2f}, mAP50 {self.metrics['metrics/mAP50(B)']:.3f} "
            f"(people {self.metrics['metrics/person-mAP50(B)']:.3f}), "
            f"mAP50-95 {self.metrics['metrics/mAP50-95(B)']:.3f}, "
            f"{time.monotonic() - self._start:.0f} s"
        )


class _FullPrecisionLoss:
    """A loss that is computed in float32: boxes in bfloat16 are off by pixels."""

    def __init__(self, criterion: Any) -> None:
        self._criterion = criterion

    def __getattr__(self, name: str) -> Any:
        return getattr(self._criterion, name)

    def __call__(self, predictions: Any, batch: dict[str, Any]) -> Any:
        with _full_precision():
            return self._criterion(_to_float32(predictions), batch)


@contextlib.contextmanager
def _full_precision() -> Iterator[None]:
    with torch.autocast("cpu", enabled=False), torch.autocast("cuda", enabled=False):
        yield


def _to_float32(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.is_floating_point() else value
    if isinstance(value, dict):
        return {key: _to_float32(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_float32(each) for each in value)
    return value
