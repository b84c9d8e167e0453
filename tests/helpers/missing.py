"""Running code in a process of its own, in which some packages cannot be imported."""

import subprocess
import sys

__all__ = ["HEAVY", "run_without"]

HEAVY = (
    *("torch", "torchvision", "ultralytics", "onnx", "onnxruntime", "filterpy", "scipy"),
    *("matplotlib", "motmetrics", "pandas", "PIL", "pycocotools", "supervision", "trackers"),
)
"""Packages that are slow to import, or that only an extra installs."""
_HIDE = """\
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {names!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
"""


def run_without(packages, code, *arguments, cwd=None):
    """Run code, with arguments, as if these packages were not installed."""
    program = _HIDE.format(names=set(packages)) + code
    return subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False, cwd=cwd,
    )  # fmt: skip
