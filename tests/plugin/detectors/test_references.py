"""Detectors by where their code is: a function or class of a module, or of a file."""

import copy
import pickle
import subprocess
import sys
from textwrap import dedent

import numpy as np
import pytest

from mvot_plugin.detectors import load_detector
from mvot_plugin.detectors.references import split_reference
from mvot_plugin.errors import InputError, UsageError
from mvot_plugin.types import Detections, Frame

FRAME = Frame(image=np.zeros((48, 64, 3), np.uint8), index=3, timestamp=0.1)
CODE = """
    import numpy as np
    from mvot_plugin.types import Detections, Frame

    ROWS = [[1, 2, 33, 34, 0.9, 0], [5, 6, 27, 28, 0.3, 2], [5, 6, 40, 28, np.nan, 0]]
    NAMES = {0: "person", 2: "car"}

    def detect(image: np.ndarray):
        return ROWS

    def named(frame: Frame):
        found = Detections.of([row[:4] for row in ROWS[:2]], 0.5, [0, 2], class_names=NAMES)
        return found[found.class_id == frame.index % 4]

    def fail():
        raise ValueError("no")

    class Model:
        names = NAMES

        def __init__(self):
            self.calls = 0

        def __call__(self, image: np.ndarray):
            self.calls += 1
            return ROWS

        def run(self, frame: Frame):
            return ROWS

        class Broken:
            def __init__(self, weights):
                pass

    model = Model()
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with modules that no other test has imported."""
    before, path = set(sys.modules), list(sys.path)
    (tmp_path / "my_code.py").write_text(dedent(CODE))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    assert sys.path == path
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) and "my_" in name:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("my_module:detect", ("my_module", "detect")),
        ("package.module:a.b", ("package.module", "a.b")),
        ("folder/file.py:detect", ("folder/file.py", "detect")),
        (r"C:\code\file.py:detect", (r"C:\code\file.py", "detect")),
        *((rf"{drive}yolo.pt", None) for drive in ("C:", "C:\\models\\", "d:/models/")),
        *((name, None) for name in ("detect", "file.py", "my-module:detect", "module:", ":detect")),
        *((name, None) for name in ("module:two words", "http://host/m", "grpc://host:8000/m")),
        ("a/b:detect", None),
    ],
)
def test_code_is_told_from_other_names(name, parts):
    assert split_reference(name) == parts


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("target", ["my_code", "my_code.py", "./my_code.py"])
@pytest.mark.parametrize("attribute", ["detect", "Model", "model", "model.run"])
def test_functions_classes_and_objects_are_found(target, attribute):
    found = load_detector(f"{target}:{attribute}")(FRAME)
    assert found.class_id.tolist() == [0, 2, 0]


@pytest.mark.usefixtures("folder")
def test_confidence_and_classes_select_of_what_is_found():
    assert load_detector("my_code:detect", conf=0.3)(FRAME).class_id.tolist() == [0, 2, 0]
    assert load_detector("my_code:detect", conf=0.31)(FRAME).class_id.tolist() == [0, 0]
    assert load_detector("my_code:detect", classes=[2])(FRAME).class_id.tolist() == [2]
    assert load_detector("my_code:detect", classes="2,7")(FRAME).class_id.tolist() == [2]
    assert load_detector("my_code:detect", classes=[])(FRAME).class_id.tolist() == [0, 2, 0]
    both = load_detector("my_code:Model", classes="Car, 0", conf=0.5)(FRAME)
    assert both.class_id.tolist() == [0, 0]
    with pytest.raises(UsageError, match="unknown class 'cat': did you mean 'car'"):
        load_detector("my_code:Model", classes=["cat"])
    with pytest.raises(UsageError, match="conf is a confidence from 0 to 1, got 30"):
        load_detector("my_code:detect", conf=30.0)


@pytest.mark.usefixtures("folder")
def test_classes_are_selected_by_the_names_that_come_with_detections():
    for classes, expected in (("car", [2]), ("person", []), ("0", []), ("Car,truck", [2])):
        frame = Frame(image=FRAME.image, index=2, timestamp=0.0)
        assert load_detector("my_code:named", classes=classes)(frame).class_id.tolist() == expected
    with pytest.raises(
        InputError, match=r"class 'car' cannot be selected by its name, .* give num"
    ):
        load_detector("my_code:detect", classes="car")(FRAME)


def test_a_model_of_ultralytics_is_run_with_the_options(folder):
    code = """
        import numpy as np
        from types import SimpleNamespace

        class YOLO:
            __module__, names = "ultralytics.fake", {0: "person"}

            def __call__(self, image):
                raise AssertionError("predict is to be called")

            def predict(self, image, conf, classes=None, **options):
                boxes = SimpleNamespace(xyxy=np.ones((1, 4)), conf=[conf], cls=classes or [0])
                return [SimpleNamespace(boxes=boxes)]

        model = YOLO()
    """
    (folder / "my_yolo.py").write_text(dedent(code))
    found = load_detector("my_yolo:model", conf=0.125, classes="person")(FRAME)
    assert found.confidence.tolist() == [0.125]


def test_modules_beside_it_are_imported_and_the_path_is_restored(folder):
    inner = folder / "my_inner"
    inner.mkdir()
    (inner / "my_beside.py").write_text("BOXES = [[1, 2, 3, 4]]\n")
    (inner / "my_file.py").write_text("from my_beside import BOXES\ndetect = lambda it: BOXES\n")
    assert len(load_detector(str(inner / "my_file.py:detect"))(FRAME)) == 1
    (inner / "__init__.py").write_text("")
    (inner / "my_part.py").write_text(
        "from my_inner.my_beside import BOXES\nf = lambda it: BOXES\n"
    )
    assert len(load_detector("my_inner.my_part:f")(FRAME)) == 1
    assert str(inner) not in sys.path


BROKEN = {
    "my_nothing:f": "there is no module 'my_nothing' for the detector, .*; write FILE.py:FUNCTION",
    "my_code.part:f": "there is no module 'my_code.part' for the detector",
    "json.nothing:f": "there is no module 'json.nothing' for the detector",
    "no/file.py:f": "there is no file no/file.py for the detector",
    "my_raise.py:f": r"importing my_raise.py raised ZeroDivisionError: .* \(my_raise.py, line 2\)",
    "my_raise:f": r"importing my_raise raised ZeroDivisionError: .* \(my_raise.py, line 2\)",
    "my_exit:f": r"importing my_exit raised SystemExit: 3 \(my_exit.py, line 1\)",
    "my_text.py:f": r"importing my_text.py raised SyntaxError: .*\(my_text.py, line 1\)",
    "my_lack:f": "importing my_lack raised ModuleNotFoundError: No module named 'my_lacking' ",
    "my_said:f": "^the model is gone$",
    "my_code:detct": "unknown function or class in my_code 'detct': did you mean 'detect'",
    "my_code:model.go": "unknown function or class in my_code 'go': choose from Broken, run",
    "my_bare:f": "there is no 'f' in my_bare",
    "my_code:ROWS": "ROWS in my_code cannot be called: it is of type list; name a function",
    "my_code:Model.Broken": "building Model.Broken of my_code, without arguments, raised TypeErr",
    "my_code.py": "my_code.py is a file: name its function, too, my_code.py:FUNCTION",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_does_not_work_gets_one_sentence(folder, name):
    for module, code in {
        "my_raise": "\n1 / 0\n",
        "my_exit": "raise SystemExit(3)\n",
        "my_text": "def f(:\n",
        "my_lack": "import my_lacking\n",
        "my_said": "import mvot_plugin\nraise mvot_plugin.errors.InputError('the model is gone')",
        "my_bare": "x = 1\n",
    }.items():
        (folder / f"{module}.py").write_text(code)
    for _ in range(2):
        with pytest.raises((UsageError, InputError), match=BROKEN[name]) as caught:
            load_detector(name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("target", ["my_code", "my_code.py"])
def test_it_is_pickled_with_its_state_and_unpickled_where_nothing_was_imported(folder, target):
    detector = load_detector(f"{target}:Model", classes="car")
    detector(FRAME)
    for same in (pickle.loads(pickle.dumps(detector)), copy.deepcopy(detector)):
        assert (same.calls, same.names) == (1, {0: "person", 2: "car"})
        assert same(FRAME).class_id.tolist() == [2]
    assert detector.calls == 1
    code = (
        "import pickle, sys\n"
        "detector = pickle.loads(sys.stdin.buffer.read())\n"
        "assert detector.calls == 1 and not set(sys.path) & {'', sys.argv[1]}\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, str(folder)],
        input=pickle.dumps(detector),
        capture_output=True,
        cwd=folder.parent,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_detections_of_it_are_detections(folder):
    assert isinstance(load_detector("my_code:detect")(FRAME), Detections)
