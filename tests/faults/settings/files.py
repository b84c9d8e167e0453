"""Files of settings that are none, or that ask for much."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from faults.settings.runs import check_tracks, configured, start
from helpers.faults.case import Case, Trial

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
YAML = {
    "aliases that double and double": BOMB,
    "aliases as settings": "pipeline: &p {reenroll: 0.5}\nlimits: *p",
    "an alias of itself": "pipeline: &p [*p]",
    "an anchor that is not there": "pipeline: *p",
    "lists in lists, 1,000 deep": "engine: " + "[" * 1000,
    "lists in lists, 100,000 deep": "engine: " + "[" * 100_000,
    "settings in settings, 1,000 deep": "\n".join(" " * n + "a:" for n in range(400)),
    "an integer that is none": "detect_every: !!int foo",
    "a boolean that is none": "live: !!bool foo",
    "a float that is none": 'conf: !!float ""',
    "a time that is none": "conf: !!timestamp foo",
    "a month 13": "detect_every: 2024-13-01",
    "a date": "detect_every: 2024-12-01",
    "a time": "detect_every: 2024-12-01T10:00:00Z",
    "an object of Python": "engine: !!python/object/apply:os.system ['touch out.owned']",
    "a module of Python": "engine: !!python/module:os",
    "a tuple of Python": "pipeline: !!python/tuple [1]",
    "a set": "pipeline: !!set {a, b}",
    "an ordered map": "pipeline: !!omap [a: 1]",
    "binary data": "engine: !!binary aGVsbG8=",
    "a tag of one's own": "engine: !mine hold",
    "5,000 digits": "detect_every: " + "1" * 5000,
    "5,000 hexadecimal digits": "detect_every: 0x" + "f" * 5000,
    "5,000 digits, minus": "detect_every: -" + "1" * 5000,
    "5,000 binary digits": "detect_every: 0b" + "1" * 5000,
    "an integer of base 60": "detect_every: 1" + ":59" * 5000,
    "a float of base 60": "conf: 1" + ":59" * 5000 + ".5",
    "a binary number without digits": "detect_every: 0b_",
    "the same setting twice": "engine: hold\nengine: kalman",
    "the same group twice": "pipeline: {reenroll: 0.1}\npipeline: {reenroll: 0.2}",
    "a number as a name": "5: 5",
    "5,000 digits as a name": "1" * 5000 + ": 5",
    "null as a name": "null: 5",
    "yes as a name": "yes: 5",
    "a list as a name": "[1, 2]: 5",
    "settings as a name": "{a: 1}: 5",
    "a name with a null byte": '"a\\0b": 5',
    "a name of half a character": '"\\ud800": 5',
    "a name of 200,000 letters": "x" * 100_000 + "y" * 100_000 + ": 5",
    "a merge of nothing": "<<: 5",
    "a merge of settings": "<<: {engin: hold}",
    "an equals sign": "engine: =",
    "a null byte": "engine: hold\0",
    "a control character": "engine: hold\x07",
    "a tab": "pipeline:\n\treenroll: 0.1",
    "two documents": "engine: hold\n---\nengine: kalman",
    "a directive": "%YAML 9.9\n---\nengine: hold",
    "no settings but a list": "- engine: hold",
    "no settings but a text": "hold",
    "no settings but a number": "0",
    "no settings but an empty list": "[]",
    "no settings but no": "no",
    "an open list": "engine: [",
    "an open text": 'engine: "hold',
    "a broken escape": 'engine: "\\q"',
    "300,000 letters": "# " + "x" * 300_000,
    "a text of 200,000 letters": "engine: " + "x" * 200_000,
    "100,000 numbers": "detect_every: [" + "1," * 100_000 + "]",
    "a setting that does not exist": "engin: hold",
    "terminal sequences": 'engine: "\\e[2J\\e]0;title\\a"',
    "text from right to left": 'engine: "\\u202Edloh"',
}
TOML = {
    "a name of 100,000 parts": "a." * 100_000 + "a = 1",
    "names of 50 parts": "".join(f"{'a.' * 50}b{n} = 1\n" for n in range(2000)),
    "TOML, 1,000 deep": "a = " + "[" * 1000,
    "TOML, tables 5,000 deep": "a." * 5000 + "b = 1",
    "TOML, tables 5,000 deep in a group": "pipeline." + "a." * 5000 + "b = 1",
    "TOML, 5,000 digits": "detect_every = " + "1" * 5000,
    "TOML, 5,000 hexadecimal digits": "detect_every = 0x" + "f" * 5000,
    "TOML, a month 13": "conf = 2024-13-01",
    "TOML, a date": "conf = 2024-12-01",
    "TOML, the same setting twice": 'engine = "hold"\nengine = "hold"',
    "TOML, the same table twice": "[pipeline]\n[pipeline]",
    "TOML, not a number": "conf = nan",
    "TOML, infinity": "budget = inf",
    "TOML, a null byte": 'engine = "a\0"',
    "TOML, a null byte escaped": 'engine = "a\\u0000"',
    "TOML, half a character": 'engine = "\\ud800"',
    "TOML, an open text": 'engine = "hold',
    "TOML, an empty name": '"" = 5',
}
BYTES = {
    "UTF-16": "engine: hold".encode("utf-16"),
    "UTF-32": "engine: hold".encode("utf-32"),
    "bytes that are no text": b"engine: \xff\xfe",
    "a video": b"\0\0\0\x18ftypmp42" + bytes(range(256)),
    "half a character in UTF-8": b"engine: \xed\xa0\x80",
}


def cases() -> Iterator[Case]:
    for name, text in YAML.items():
        yield configured(name, text, quick=name in QUICK)
    for name, text in TOML.items():
        yield configured(name, text, file="settings.toml")
    for name, data in BYTES.items():
        yield configured(name, data)
    yield configured("a byte order mark", b"\xef\xbb\xbfengine: hold\n", "done")
    yield configured("an empty file", "", "done")
    yield configured(
        "Windows line ends", "engine: hold\r\npipeline:\r\n  reenroll: 0.5\r\n", "done"
    )
    yield configured("settings of another name", "engine: hold", file="settings.json")
    for name, make in SPECIAL.items():
        yield special(name, make)


QUICK = {
    "aliases that double and double",
    "lists in lists, 1,000 deep",
    "an integer that is none",
    "a month 13",
    "an object of Python",
    "5,000 digits",
}
SPECIAL: dict[str, Callable[[Path], object]] = {
    "a pipe as a file of settings": os.mkfifo,
    "a folder as a file of settings": Path.mkdir,
    "/dev/zero as a file of settings": lambda path: path.symlink_to("/dev/zero"),
    "/dev/null as a file of settings": lambda path: path.symlink_to("/dev/null"),
    "a terminal as a file of settings": lambda path: path.symlink_to("/dev/tty"),
    "a loop of links as a file of settings": lambda path: path.symlink_to(path.name),
    "a link to nothing as a file of settings": lambda path: path.symlink_to("nothing.yaml"),
    "no file of settings": lambda path: None,
    "64 MB of settings": lambda path: path.write_bytes(b"#" * (64 << 20)),
}


def special(name: str, make: Callable[[Path], object]) -> Case:
    """A case of a file of settings that is none."""

    def prepare(trial: Trial) -> list[object]:
        make(trial.folder / "settings.yaml")
        return [*start(trial), "--config", "settings.yaml"]

    quick = name.startswith(("a pipe", "/dev/zero"))
    return Case(name=name, prepare=prepare, expect="refused", check=check_tracks, quick=quick)
