"""The exported API is documented: arguments, results, errors, fields, and examples that run."""

import ast
import builtins
import doctest
import inspect
import textwrap
from importlib import import_module

import griffe
import pytest

from helpers.plugin.exported import find_exported, is_ours
from mvot_plugin import errors

_ERROR = "an error: the example of MvotError shows how they are handled"
_WARNING = "a warning: Python's warnings filter handles it like any other"
WITHOUT_EXAMPLE = {
    "mvot_plugin.InputError": _ERROR,
    "mvot_plugin.OutputError": _ERROR,
    "mvot_plugin.UsageError": _ERROR,
    "mvot_pipelines.StreamError": _ERROR,
    "mvot_pipelines.sources.TruncatedError": _ERROR,
    "mvot_plugin.errors.ExecutableModel": _WARNING,
    "mvot_plugin.errors.FallbackDetector": _WARNING,
    "mvot_plugin.errors.GuessedInput": _WARNING,
    "mvot_plugin.errors.UntrainedWeights": _WARNING,
    "mvot_pipelines.sinks.StopRun": "raised by sinks alone, and handled by mvot-run",
    "mvot_pipelines.sinks.WindowSink": "needs a screen",
    "mvot_pipelines.sinks.publish.Sender": "the example of PublishSink has one",
    "mvot_pipelines.sources.LiveSource": "needs a camera or a stream",
    "mvot_pipelines.scheduling.SupportsReset": "MotPipeline.reset alone calls it",
}
"""Exported names that have no example, and why."""

PARSING = {
    "returns_multiple_items": False,
    "warn_missing_types": False,
}
"""How the site parses docstrings; here, without the signatures."""
MOST_EXAMPLE_LINES = 14


EXPORTED = find_exported()
CLASSES = {name: value for name, value in EXPORTED.items() if inspect.isclass(value)}


def unwrap(attribute):
    """The function of a method, whatever kind it is of."""
    return inspect.unwrap(getattr(attribute, "__func__", attribute))


def list_members(kind):
    """The public methods and properties of a class, each with how often it is defined."""
    defined = {}
    for base in kind.__mro__:
        for name, attribute in vars(base).items() if is_ours(base) else ():
            is_member = isinstance(attribute, (property, classmethod, staticmethod))
            is_shown = not name.startswith("_") or name == "__call__"
            if is_shown and (is_member or inspect.isfunction(attribute)):
                defined.setdefault(name, []).append(attribute)
    return {name: (found[0], len(found)) for name, found in defined.items()}


def list_callables(value):
    """What is called: a function, or a class and its methods; overrides are left to their base."""
    if not inspect.isclass(value):
        return {"": value}
    members = list_members(value).items()
    return {"": value} | {
        name: unwrap(found)
        for name, (found, times) in members
        if times == 1 and not isinstance(found, property)
    }


CALLABLES = {
    f"{name}.{part}".rstrip("."): one
    for name, value in EXPORTED.items()
    for part, one in list_callables(value).items()
}


def parse(text):
    """The sections of a docstring, by kind."""
    docstring = griffe.Docstring(inspect.cleandoc(text or ""))
    sections = docstring.parse("google", **PARSING)
    return {section.kind.value: section.value for section in sections}


def has_fields(value):
    return hasattr(value, "__dataclass_fields__")


def is_error(value):
    return inspect.isclass(value) and issubclass(value, BaseException)


def list_parameters(value):
    """The parameters that a docstring must describe; fields of dataclasses have their own."""
    if inspect.isclass(value):
        if has_fields(value) or not is_ours(value.__init__):
            return []
        value = value.__init__
    names = [name for name in inspect.signature(value).parameters if name not in ("self", "cls")]
    return [name for name in names if not name.startswith("_")]


@pytest.mark.parametrize("name", EXPORTED)
def test_a_name_and_its_members_say_what_they_are(name):
    value = EXPORTED[name]
    members = list_members(value) if inspect.isclass(value) else {}
    for part, one in {"": value, **{key: found for key, (found, _) in members.items()}}.items():
        summary = (one.__doc__ or "").strip().partition("\n")[0]
        assert summary.endswith((".", ":")), (name, part)


@pytest.mark.parametrize("name", CALLABLES)
def test_the_site_understands_a_docstring(name, caplog):
    assert parse(CALLABLES[name].__doc__)
    assert not caplog.messages


@pytest.mark.parametrize("name", CALLABLES)
def test_each_argument_is_described_and_no_other(name):
    value = CALLABLES[name]
    described = [one.name.lstrip("*") for one in parse(value.__doc__).get("parameters", [])]
    assert described == list_parameters(value)


@pytest.mark.parametrize("name", CALLABLES)
def test_what_a_function_returns_is_described(name):
    value = CALLABLES[name]
    if inspect.isclass(value):
        return
    returned = inspect.signature(value).return_annotation
    sections = parse(value.__doc__)
    found = sections.get("returns") or sections.get("yields") or []
    assert len(found) == (returned not in (None, "None"))
    assert not [one.name for one in found if one.name], "a word and a colon are taken for a name"


@pytest.mark.parametrize("name", CALLABLES)
def test_what_is_raised_is_an_exception(name):
    value = CALLABLES[name]
    for raised in parse(value.__doc__).get("raises", []):
        places = import_module(value.__module__), errors, builtins
        found = [getattr(place, str(raised.annotation), None) for place in places]
        assert any(map(is_error, found)), raised.annotation
        assert raised.description


@pytest.mark.parametrize("name", [name for name in CLASSES if has_fields(CLASSES[name])])
def test_each_field_is_documented_on_a_line_of_its_own(name):
    body = ast.parse(textwrap.dedent(inspect.getsource(CLASSES[name]))).body[0].body
    for field, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(field, ast.AnnAssign) and not field.target.id.startswith("_"):
            is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            assert is_text, field.target.id


def read_examples(value):
    """The examples of a name and of its members."""
    members = list_members(value).values() if inspect.isclass(value) else ()
    texts = [one.__doc__ or "" for one in (value, *(found for found, _ in members))]
    examples = [doctest.DocTestParser().get_doctest(text, {}, "", None, None) for text in texts]
    return [one for one in examples if one.examples]


def test_each_name_has_an_example_but_for_those_that_say_why():
    without = {name for name, value in EXPORTED.items() if not read_examples(value)}
    assert without == set(WITHOUT_EXAMPLE)


@pytest.mark.parametrize("name", [name for name in EXPORTED if name not in WITHOUT_EXAMPLE])
def test_the_examples_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for example in read_examples(EXPORTED[name]):
        output = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        runner.run(example, out=output.append)
        assert not runner.failures, "".join(output)
        assert sum(one.source.count("\n") for one in example.examples) <= MOST_EXAMPLE_LINES
