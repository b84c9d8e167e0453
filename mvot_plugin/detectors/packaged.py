"""The small detector that comes with the package, used where no other is available."""

import queue
import socket
import threading
import urllib.request
from pathlib import Path

__all__ = ["is_reachable", "packaged_model"]

FOLDER = Path(__file__).parent.parent / "pretrained"


def packaged_model() -> Path | None:
    """The file of the detector that came with the package, if there is one."""
    path = FOLDER / "detector-n.onnx"
    return path if path.is_file() else None


def is_reachable(host: str, port: int = 443, *, seconds: float = 5.0) -> bool:
    """Whether a connection to a host can be made within ``seconds``, including the name lookup.

    Behind a proxy it cannot be tested; the result is then True.
    """
    if urllib.request.getproxies():
        return True
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def connect() -> None:
        try:
            socket.create_connection((host, port), timeout=seconds).close()
        except OSError:
            answers.put(False)
        else:
            answers.put(True)

    threading.Thread(target=connect, daemon=True).start()
    try:
        return answers.get(timeout=seconds)
    except queue.Empty:
        return False
