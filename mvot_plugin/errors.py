"""Errors and warnings for users; errors have the exit code that the commands end with."""

import difflib
import reprlib
from collections.abc import Iterable

__all__ = [
    "ExecutableModel",
    "FallbackDetector",
    "GuessedInput",
    "InputError",
    "MvotError",
    "OutputError",
    "UntrainedWeights",
    "UsageError",
    "describe_error",
    "escape_line",
    "format_line",
    "format_value",
    "unknown_name",
]

_LONGEST_LINE, _LONGEST_VALUE = 500, 100


class MvotError(Exception):
    """Base of all errors; the message is one sentence: what is wrong, where, and what to do.

    Examples:
        >>> from mvot_plugin import MvotError, load_engine
        >>> try:
        ...     engine = load_engine("lk-flov")
        ... except MvotError as error:
        ...     print(error.exit_code, error)
        2 unknown engine 'lk-flov': did you mean 'lk-flow'?
    """

    exit_code = 1
    """The exit code of a command that ends with such an error."""


class UsageError(MvotError):
    """An option, name or setting that does not exist or has an invalid value."""

    exit_code = 2
    """The exit code of a command that ends with such an error."""


class InputError(MvotError):
    """A file, stream or detection that cannot be read or used."""


class OutputError(MvotError):
    """A result that could not be written."""


class UntrainedWeights(UserWarning):
    """A network runs on random weights, so that its boxes and scores are meaningless."""


class ExecutableModel(UserWarning):
    """A model's file may run code of its own when it is loaded."""


class FallbackDetector(UserWarning):
    """The packaged detector replaces one that is not available."""


class GuessedInput(UserWarning):
    """A detector does not say that it takes an image, and was found to."""


def escape_line(text: str) -> str:
    r"""Escape what a terminal would not print as it is: line breaks, sequences, broken bytes.

    Args:
        text: Any text.

    Returns:
        The text in one line of printable characters.

    Examples:
        >>> from mvot_plugin.errors import escape_line
        >>> print(escape_line("two\nlines"))
        two\nlines
    """
    characters = (
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode("ascii")
        for c in text
    )
    return "".join(characters)


def format_line(message: object) -> str:
    """Write a message as one line for a terminal, whatever names of others it holds.

    Args:
        message: An error, a warning or a text.

    Returns:
        Its text, escaped; what is longer than 500 characters loses its middle.

    Examples:
        >>> from mvot_plugin.errors import InputError, format_line
        >>> format_line(InputError("video.mp4: no such file"))
        'video.mp4: no such file'
    """
    line = escape_line(str(message))
    if len(line) <= _LONGEST_LINE:
        return line
    return f"{line[: _LONGEST_LINE * 2 // 3]} ... {line[-_LONGEST_LINE // 4 :]}"


def format_value(value: object) -> str:
    """Write a value of a setting for a message.

    Args:
        value: Any value.

    Returns:
        The value as Python writes it; what is too long is cut.

    Examples:
        >>> from mvot_plugin.errors import format_value
        >>> format_value(list(range(1000)))
        '[0, 1, 2, 3, 4, 5, ...]'
    """
    try:
        text = _short.repr(value)
    except ValueError:  # Python writes no integers of more than some 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def describe_error(error: BaseException) -> str:
    """Describe what code of others raised.

    Args:
        error: The error.

    Returns:
        Its class and its message in a short line; of an ``MvotError``, the message as it is.

    Examples:
        >>> from mvot_plugin.errors import describe_error
        >>> describe_error(ZeroDivisionError("division by zero"))
        'ZeroDivisionError: division by zero'
    """
    try:
        text = str(error)
    except Exception:
        text = "its message cannot be read"
    if isinstance(error, MvotError):
        return text
    line = " ".join(text[: 10 * _LONGEST_VALUE].split())
    name = type(error).__name__
    return f"{name}: {line[: 2 * _LONGEST_VALUE]}" if line else name


def unknown_name(kind: str, name: str, choices: Iterable[str]) -> UsageError:
    """The error for a name that is not among ``choices``.

    Args:
        kind: What is named, as "engine".
        name: The name that was given.
        choices: The names that exist.

    Returns:
        The error, to be raised; its message has the nearest name, or all where they are few.

    Examples:
        >>> from mvot_plugin.errors import unknown_name
        >>> print(unknown_name("engine", "lk", ["hold", "kalman", "lk-flow"]))
        unknown engine 'lk': choose from hold, kalman, lk-flow
    """
    known = sorted(choices)
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f"did you mean {nearest[0]!r}?" if nearest else ""
    if len(known) <= 6 or not nearest:
        hint = f"{hint} choose from {', '.join(known)}".strip()
    return UsageError(f"unknown {kind} {format_value(name)}: {hint}")


_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = _LONGEST_VALUE
