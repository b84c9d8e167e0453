import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_the_library_never_imports_the_pipeline_or_the_benchmarks():
    files = list((ROOT / "mvot_plugin").rglob("*.py"))
    assert len(files) > 10
    for path in files:
        assert not {"mvot_pipelines", "mvot_benchmarks"} & set(imports(path)), path


def test_only_demo_and_training_make_the_pipeline_look_at_the_benchmarks():
    users = [
        path.name
        for path in (ROOT / "pipelines").rglob("*.py")
        if "mvot_benchmarks" in set(imports(path))
    ]
    assert sorted(users) == ["certainty.py", "cli.py", "validation.py"]


@pytest.mark.parametrize("package", ["mvot_plugin", "mvot_pipelines"])
def test_importing_loads_no_network_library(package):
    heavy = "{'torch', 'ultralytics', 'motmetrics', 'pandas', 'matplotlib'}"
    code = f"import sys, {package}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_training_and_benchmarks_start_without_what_a_gpu_machine_may_lack():
    """`benchmarks/gpu.sh` takes a few packages along, none of these."""
    code = (
        "import sys\n"
        "for name in ('filterpy', 'matplotlib', 'motmetrics', 'pandas', 'scipy', 'ultralytics'):\n"
        "    sys.modules[name] = None\n"
        "import mvot_benchmarks.cli, mvot_pipelines.training.cli\n"
        "import mvot_pipelines.training.validation\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_gpu_script_says_how_to_call_it():
    script = ROOT / "benchmarks" / "gpu.sh"
    done = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout.startswith("What waits for a GPU")
    assert done.stdout.rstrip().endswith("benchmarks/gpu.sh bench OUT")
