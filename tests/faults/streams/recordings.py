"""Recordings at a URL, and playlists."""

from collections.abc import Callable, Iterator
from random import Random

from helpers.faults.case import Case, Trial
from helpers.faults.inputs import stream_case
from helpers.faults.media import write_video
from helpers.faults.servers import respond, send


def cases(random: Random) -> Iterator[Case]:
    """All of them."""

    def case(name: str, change: Callable[[bytes], bytes], silent: bool = False) -> Case:
        def prepare(trial: Trial) -> list[object]:
            data = write_video(trial.folder / "clip.mkv", "mpeg4", frames=50).read_bytes()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            answer = send(head + change(data), then_wait=silent)
            return [*stream_case(name, answer).prepare(trial)]

        return Case(name=f"a file at a URL: {name}", prepare=prepare)

    yield case("whole", lambda data: data)
    yield case("nothing", lambda data: b"")
    for share in (0.1, 0.5, random.random()):
        yield case(f"the first {share:.0%}", lambda data, s=share: data[: int(len(data) * s)])
        yield case(
            f"the first {share:.0%}, and silence",
            lambda data, s=share: data[: int(len(data) * s)],
            silent=True,
        )
    lists = {
        "itself": "live",
        "a file of the system": "file:///etc/passwd",
        "what is missing": "gone.ts",
    }
    for what, target in lists.items():
        text = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{target}\n".encode()
        kind = "Content-Type: application/vnd.apple.mpegurl\r\n"
        yield stream_case(f"a playlist of {what}", send(respond(text, head=kind)), expect="refused")
