"""Wrong endings, and files that name others: playlists, lists of parts, sessions."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

from helpers.faults.case import Case, Outcome, Trial
from helpers.faults.inputs import input_case
from helpers.faults.media import write_video

_ENDINGS = (".avi", ".mkv", ".png", ".txt", ".m3u8", ".sdp", ".jpg", ".wav", "")
_HEAD = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n"
_END = "\n#EXT-X-ENDLIST\n"


def cases(random: Random) -> Iterator[Case]:
    """All of them."""
    for ending in _ENDINGS:
        yield input_case(
            f"an MP4 that is named {ending or 'nothing'}",
            lambda trial, ending=ending: trial.clip().rename(trial.folder / f"x{ending}"),
        )
    playlists = {
        "itself": f"{_HEAD}list.m3u8{_END}",
        "a file of the system": f"{_HEAD}/etc/passwd{_END}",
        "the folder above": f"{_HEAD}../../clip.ts{_END}",
        "a file that is missing": f"{_HEAD}gone.ts{_END}",
        "nothing": "#EXTM3U\n",
        "a thousand missing parts": _HEAD + "gone.ts\n#EXTINF:1,\n" * 1000 + _END,
        "a FIFO": f"{_HEAD}fifo.ts{_END}",
        "bytes of zero": _HEAD + "\0" * 100 + _END,
    }
    for what, text in playlists.items():
        yield input_case(
            f"a playlist of {what}",
            lambda trial, text=text: _write(trial, "list.m3u8", text),
            expect="refused",
        )
    yield input_case("a playlist of a video", lambda trial: _list_clip(trial, _END))
    yield input_case("a playlist without an end", lambda trial: _list_clip(trial, "\n"), seconds=60)
    yield from _requests()
    parts = "ffconcat version 1.0\nfile clip.mp4\nfile /etc/passwd\n"
    for name in ("list.ffconcat", "list.txt", "list.mp4", "list.sdp", "list.m3u8"):
        yield input_case(
            f"a list of parts, {name}",
            lambda trial, name=name: _write(trial, name, parts),
            expect="refused",
        )
    session = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
    yield input_case(
        "a description of a session",
        lambda trial: _write(trial, "x.sdp", session),
        expect="refused",
    )


def _requests() -> Iterator[Case]:
    """Files that ask for something of the network, which must not be asked."""
    for name, text in {
        "list.m3u8": f"{_HEAD}http://127.0.0.1:PORT/clip.ts{_END}",
        "parts.m3u8": f"{_HEAD}tcp://127.0.0.1:PORT{_END}",
        "key.m3u8": f'#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="http://127.0.0.1:PORT/k"\n{_HEAD}'
        f"clip.ts{_END}",
        "list.ffconcat": "ffconcat version 1.0\nfile http://127.0.0.1:PORT/clip.mp4\n",
    }.items():

        def make(trial: Trial, name: str = name, text: str = text) -> Path:
            write_video(trial.folder / "clip.ts")
            return _write(trial, name, text.replace("PORT", str(_listen(trial))))

        yield input_case(f"a request to the network in {name}", make, check=_find_request)


_REQUESTS = "requests"


def _listen(trial: Trial) -> int:
    """A server that writes down that it was asked; returns its port."""
    server = trial.stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    server.settimeout(30)

    def serve() -> None:
        with suppress(OSError):
            server.accept()[0].close()
            (trial.folder.parent / _REQUESTS).touch()

    threading.Thread(target=serve, daemon=True).start()
    return int(server.getsockname()[1])


def _find_request(trial: Trial, _: Outcome) -> str:
    return "it asked the network" if (trial.folder.parent / _REQUESTS).exists() else ""


def _list_clip(trial: Trial, end: str) -> Path:
    write_video(trial.folder / "clip.ts")
    return _write(trial, "list.m3u8", f"{_HEAD}clip.ts{end}")


def _write(trial: Trial, name: str, text: str) -> Path:
    path = trial.folder / name
    path.write_text(text)
    return path
