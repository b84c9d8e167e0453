"""Where the models are that ultralytics runs: nothing is taken that was not named.

Given a name, ultralytics looks into the working directory, and downloads to it. Here the working
directory counts only for a path of a file in it, names are looked up in the cache of this user, and
the default model is checked.
"""

import hashlib
import importlib
import os.path
import re
from pathlib import Path
from typing import Any

from mvot_plugin.detectors.packaged import is_reachable
from mvot_plugin.downloads import cache_folder, fetch, has_checksum
from mvot_plugin.errors import InputError
from mvot_plugin.runtimes.reading import check_file

__all__ = ["DEFAULT_MODEL", "SERVERS", "find_model", "looks_like_model", "may_run_code"]

DEFAULT_MODEL = "yolo11n.pt"
SERVERS = ("http://", "grpc://")
"""How the addresses of models begin that run elsewhere."""
_SHA256 = "0ebbc80d4a7680d14987a577cd21342b65ecfd94632bd9a8da63ae6417644ee1"
_HOST = "github.com"
_ADDRESS = f"https://{_HOST}/ultralytics/assets/releases/download/v8.3.0/{DEFAULT_MODEL}"
_DESCRIPTIONS = (".yaml", ".yml")
_ENDINGS = (
    *(".pt", ".onnx", *_DESCRIPTIONS, ".torchscript", ".engine", ".mlpackage", ".mlmodel"),
    *(".pb", ".tflite", ".mnn", ".pte", ".aimodel", ".param", ".xml"),
    *("_openvino_model", "_saved_model", "_paddle_model", "_ncnn_model", "_imx_model"),
    *("_rknn_model", "_axelera_model"),
)
_FAMILIES = ("yolo", "rtdetr")


def looks_like_model(name: str) -> bool:
    """Whether ultralytics may take a name for a model, by its ending or family."""
    stem = Path(name).name.lower()
    return "://" in name or stem.endswith(_ENDINGS) or stem.startswith(_FAMILIES)


def may_run_code(name: str) -> bool:
    """Whether code of its own may run where a model is loaded that the user named."""
    if name.startswith(SERVERS) or name.lower().endswith(".onnx"):
        return False
    is_known = name.lower().endswith(_DESCRIPTIONS) or _is_default(name)
    return _is_path(name) or not is_known


def find_model(library: Any, name: str | None) -> str:
    """The path of a model, which is downloaded where it is published and not here.

    Args:
        library: Ultralytics.
        name: A path, an address, or the name of a published model; None is the default model.

    Raises:
        FileNotFoundError: It is nowhere, or cannot be downloaded.
        InputError: It is neither a file nor a folder.
    """
    found = _find(library, name)
    if _exists(found) and not Path(found).is_dir():
        check_file(Path(found), "model")
    return found


def _is_path(name: str) -> bool:
    return name.lower().endswith(_ENDINGS) and _exists(name)


def _exists(path: str | Path) -> bool:
    """Whether it is seen to be there; no length of a name and no right of a folder is an error."""
    return os.path.exists(path)  # noqa: PTH110


def _find(library: Any, name: str | None) -> str:
    """The path of what is there by a name, or the name that ultralytics downloads or knows."""
    if name is None:
        return str(_find_default(library))
    if _is_path(name) or name.startswith(SERVERS):
        return name
    if _is_default(name):
        return str(_find_default(library))
    if "://" in name:
        return _download(library, name)
    if name.lower().endswith(_DESCRIPTIONS):
        return _find_description(library, name)
    return _find_published(library, name)


def _is_default(name: str) -> bool:
    return name in (DEFAULT_MODEL, Path(DEFAULT_MODEL).stem)


def _find_default(library: Any) -> Path:
    """The default model, with the content that is known."""
    shared = _shared_folder(library) / DEFAULT_MODEL
    cached = _cache() / DEFAULT_MODEL
    for path in (shared, cached):
        if has_checksum(path, _SHA256):
            return path
    if not is_reachable(_HOST):
        raise FileNotFoundError(DEFAULT_MODEL)
    try:
        return fetch(_ADDRESS, cached, _SHA256)
    except InputError as error:
        raise FileNotFoundError(DEFAULT_MODEL) from error


def _find_published(library: Any, name: str) -> str:
    """A model by its name; where it is in no folder, ultralytics will download it to the cache."""
    file = name if Path(name).suffix else f"{name}.pt"
    shared, cached = _shared_folder(library) / file, _cache() / file
    if _exists(shared):
        return str(shared)
    is_published = Path(name).name == name and name.lower().startswith(_FAMILIES)
    if not _exists(cached) and not (is_published and is_reachable(_HOST)):
        raise FileNotFoundError(name)
    cached.parent.mkdir(parents=True, exist_ok=True)
    return str(cached)


def _find_description(library: Any, name: str) -> str:
    """The name of an architecture of the library; yolo11n.yaml is scale n of its yolo11.yaml."""
    plain = re.sub(r"(\d)[nslmx]", r"\1", name, count=1)
    folder = Path(library.__file__).parent / "cfg" / "models"
    is_known = any(path.name in (name, plain) for path in folder.rglob("*.yaml"))
    if not is_known or Path(plain).exists():
        raise FileNotFoundError(name)
    return name


def _download(library: Any, address: str) -> str:
    """A model from its address, in a folder of the cache that is that address' own."""
    folder = _cache() / hashlib.sha256(address.encode()).hexdigest()[:16]
    checks = importlib.import_module(f"{library.__name__}.utils.checks")
    return str(checks.check_file(address, download_dir=folder))


def _shared_folder(library: Any) -> Path:
    """Ultralytics' folder of weights; the cache where that is a folder of the working directory."""
    folder = Path(library.settings["weights_dir"])
    return folder if folder.is_absolute() else _cache()


def _cache() -> Path:
    return cache_folder() / "ultralytics"
