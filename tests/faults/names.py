"""Names of files and folders that are hard to read, to find or to print, and permissions."""

import ctypes
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from helpers.faults.case import Case, Outcome, Trial, run_mvot

NAMES = {
    "blanks around it": "  a  ",
    "a line break": "a\nb",
    "a dash in front": "-a",
    "two dashes in front": "--conf",
    "emoji": "🎥🏃",
    "letters beyond ASCII": "überwachung-Ñ",
    "decomposed letters": "u\u0308ber",
    "text from right to left": "\u202etxt\u202c",
    "invisible characters": "a\u200b\u2060b",
    "quotes": "a'b\"c`d",
    "patterns of formats": "%s%05d{0}{x!r}",
    "shell": "$HOME;`id`|&*?[a]~",
    "terminal sequences": "\x1b[2Ja\x1b]0;t\x07",
    "a colon": "C:a",
    "a backslash": "a\\b",
    "dots": "...",
    "a tilde": "~",
    "a number": "0x7",
    "a comma": "a,b=c@1",
    "250 bytes": "x" * 250,
    "bytes that are no text": "a\udcff\udcfeb",
}
IMPOSSIBLE = {
    "a null byte": "a\0b",
    "half a character": "a\ud800b",
    "300 bytes": "x" * 300,
    "5,000 bytes": "a/" * 2500,
    "nothing": "",
    "the folder itself": ".",
    "the folder above": "..",
    "the root": "/",
    "a file in a file": "clip.mp4/a",
    "a file that is not there": "nowhere.xyz",
    "a home of nobody": "~nobody/a",
    "a URL of nothing": "http://127.0.0.1:1/a",
    "a URL without an end": "http://" + "a" * 3000,
    "a URL of a file": "file:///etc/passwd",
    "a protocol of FFmpeg": "concat:/etc/passwd|/etc/passwd",
    "a filter of FFmpeg": "subfile,,start,0,end,9,,:/etc/passwd",
    "a number of 20 digits": "9" * 20,
    "a negative number": "-1",
}
PATH_OPTIONS = ("--detections", "--detector", "--embedder", "--weights", "--config")
OUTPUTS = {"--save-txt": ".txt", "--save-jsonl": ".jsonl", "--save-video": ".mp4"}
ANYTHING_NEW = ("[!cd]*", "c[!l]*", "clip-tracks.*")
"""Patterns of every name but those of the inputs."""
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
LATIN = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"}


def cases(random: Random) -> Iterator[Case]:
    for name, text in NAMES.items():
        yield from readable(name, text)
    for name, text in IMPOSSIBLE.items():
        yield from impossible(name, text)
    for name, prepare in PLACES.items():
        yield case(name, prepare)
    yield from FORBIDDEN
    yield Case(
        name="a working directory that is gone",
        prepare=lambda t: [t.clip(), "--detections", t.detections()],
        run=run_in_no_folder,
    )
    for name, variables in {"ASCII": ASCII, "Latin": LATIN}.items():
        yield from printed(name, variables)
    for number in range(10):
        text = "".join(chr(random.choice([*range(1, 47), *range(48, 0x300)])) for _ in range(20))
        yield source(f"random letters, {number}, as the source", f"a{text}")


def readable(name: str, text: str) -> Iterator[Case]:
    """Every kind of file under a name that is odd, and that exists."""
    yield source(f"{name} as the source", text)
    yield case(
        f"{name} as a folder of images", lambda t: [argument(rename(t.images(), text)), *detect(t)]
    )
    yield case(
        f"{name} as the detections",
        lambda t: [t.clip().name, f"--detections={t.detections(text + '.txt').name}"],
    )
    yield case(f"{name} as settings", lambda t: [*usual(t), f"--config={write_settings(t, text)}"])
    for option, suffix in OUTPUTS.items():
        output = f"{option}={text}{suffix}"
        yield case(f"{name} as {option}", lambda t, o=output: [*usual(t), o])


def impossible(name: str, text: str) -> Iterator[Case]:
    """Every option of a path with a name that nothing has."""
    quick = name == "a null byte"
    yield case(f"{name} as the source", lambda t: [*usual(t)[1:], "--", text], quick)
    for option in (*PATH_OPTIONS, *OUTPUTS):
        yield case(f"{name} as {option}", lambda t, o=option: [*usual(t), f"{o}={text}"], quick)


def printed(name: str, variables: dict[str, str]) -> Iterator[Case]:
    """Names that the terminal's encoding does not have, in the summary and in sentences."""
    for kind, text in {"letters beyond ASCII": "übung 🎥", "no text": "a\udcff"}.items():
        for output, prepare in {
            "done": lambda t, x=text: [t.clip(f"{x}.mp4").name, *detect(t)],
            "refused": lambda t, x=text: [f"{x}-nowhere.mp4"],
        }.items():
            yield Case(
                name=f"{kind} where the terminal takes {name}, {output}",
                prepare=prepare,
                expect="any" if text == "a\udcff" else output,  # type: ignore[arg-type]
                environment=variables,
                outputs=("*-tracks.*",),
                quick=kind != "no text" and name == "ASCII",
            )


def source(name: str, text: str) -> Case:
    """A case of a video of this name."""
    return case(name, lambda t: [argument(t.clip(f"{text}.mp4")), *detect(t)])


def case(name: str, prepare: Callable[[Trial], Sequence[object]], quick: bool = False) -> Case:
    return Case(name=name, prepare=prepare, outputs=ANYTHING_NEW, check=check_line, quick=quick)


def check_line(_: Trial, outcome: Outcome) -> str:
    """No name may speak to the terminal."""
    raw = [c for c in outcome.stdout + outcome.stderr if ord(c) < 32 and c != "\n"]
    return f"control characters are printed: {raw}" if raw else ""


def argument(path: Path) -> str:
    """A name as an argument that is no option."""
    return f"./{path.name}" if path.name.startswith("-") else path.name


def rename(path: Path, name: str) -> Path:
    return path.rename(path.with_name(name))


def detect(trial: Trial) -> list[object]:
    return ["--detections", trial.detections().name]


def usual(trial: Trial) -> list[object]:
    return [trial.clip().name, *detect(trial)]


def write_settings(trial: Trial, name: str) -> str:
    path = trial.folder / f"{name}.yaml"
    path.write_text("engine: hold\n")
    return path.name


def linked(trial: Trial) -> list[object]:
    (trial.folder / "link").symlink_to(trial.clip().name)
    return ["link", *detect(trial)]


def through_nowhere(trial: Trial) -> list[object]:
    return [*usual(trial), "--save-txt", "nowhere/../out.txt"]


def in_no_home(trial: Trial) -> list[object]:
    return [*usual(trial), "--save-txt", "~/nowhere/a.txt"]


def run_in_no_folder(*arguments: object) -> int:
    """The command, in a working directory that is gone."""
    folder = Path("gone")
    folder.mkdir()
    os.chdir(folder)
    Path("../gone").rmdir()
    return run_mvot(*arguments)


def run_with_no_more_rights(*arguments: object) -> int:
    """The command, without the capabilities of the superuser, whom no rights of files stop."""
    version_3 = (ctypes.c_uint32 * 2)(0x20080522)
    ctypes.CDLL(None).capset(version_3, (ctypes.c_uint32 * 6)())
    return run_mvot(*arguments)


def forbid(name: str, mode: int, *arguments: str) -> Case:
    """A case of a run where a file or folder is closed."""

    def prepare(trial: Trial) -> list[object]:
        usual_arguments = usual(trial)
        (trial.folder / "settings.yaml").write_text("engine: hold\n")
        (trial.folder / "folder").mkdir()
        path = trial.folder / name
        path.chmod(mode)
        trial.stack.callback(path.chmod, 0o777)
        return [*usual_arguments, *arguments]

    return Case(
        name=" ".join([name, f"with the rights {mode:o}", *arguments]),
        prepare=prepare,
        run=run_with_no_more_rights,
        expect="refused",
        outputs=(),
        quick=name == "clip.mp4",
    )


PLACES: dict[str, Callable[[Trial], Sequence[object]]] = {
    "a link to the source": linked,
    "an output through a folder that is not there": through_nowhere,
    "a tilde that no shell has expanded": in_no_home,
}
FORBIDDEN = [
    forbid("clip.mp4", 0),
    forbid("det.txt", 0),
    forbid("settings.yaml", 0, "--config", "settings.yaml"),
    forbid("folder", 0, "--save-txt", "folder/a.txt"),
    forbid("folder", 0o500, "--save-txt", "folder/a.txt"),
    forbid("folder", 0o500, "--save-video", "folder/a.mp4"),
    forbid("folder", 0o500, "--save-jsonl", "folder/a.jsonl"),
    forbid(".", 0o500),
    forbid(".", 0),
]
