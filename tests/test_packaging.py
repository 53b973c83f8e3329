"""The wheel is the repository: every package, schema, C file and rule arrives, and bcc is never asked of PyPI."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.timeout(600)  # compiling the hot modules takes minutes on a busy machine
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = set(PROJECT["tool"]["setuptools"]["packages"])
LAYERS = ("producers", "streams", "models", "infra")
DATA = ("avro", "bpf")
SHIPPED = (
    "*.py",
    "*.avsc",
    "*.c",
    "*.h",
    "*.css",
    "*.html",
    "*.svg",
    "*.rs",
    "*.lock",
    "*.toml",
    "*.json",
    "*.xml",
    "*.bin",
    "*.service",
    "*.conf",
    "*.yaml",
    "*.kql",
    "*.tql",
    "py.typed",
)

# Asked of an installed package, from a folder where the repository is not importable.
LOOK = """
import triptych.models.wire as wire, triptych.infra.topics as topics
from pathlib import Path
root = Path(wire.__file__).parents[1]
wire.bundled(); topics.wanted(4)
for folder in ("avro", "bpf", "infra", "models/detections"):
    print(*(path.relative_to(root) for path in (root / folder).rglob("*")), sep="\\n")
"""


def _files() -> list[Path]:
    """What a user must receive, from the tree itself."""
    patterns = ((folder, pattern) for folder in (*LAYERS, *DATA) for pattern in SHIPPED)
    found = {path for folder, pattern in patterns for path in (ROOT / folder).rglob(pattern)}
    elsewhere = {"__pycache__", "node_modules", "docker"}  # images take what is in docker/ from the repository
    return sorted(
        path.relative_to(ROOT) for path in found if elsewhere.isdisjoint(path.parts) and ".local." not in path.name
    )


def test_every_folder_with_something_to_ship_is_a_listed_package() -> None:
    tree = {".".join(("triptych", *path.parent.parts)) for path in _files()}
    assert tree - PACKAGES == set(), "a folder missing from pyproject's packages silently leaves the wheel"
    idle = {package for package in PACKAGES if not any(f"{folder}.".startswith(f"{package}.") for folder in tree)}
    assert idle == set(), "pyproject lists a package that has nothing to ship"


def test_data_folders_hold_no_python() -> None:
    """avro/__init__.py would shadow PyPI's avro in a checkout; bpf/ is C."""
    assert not [path for folder in DATA for path in (ROOT / folder).rglob("*.py")]


def test_each_layer_says_that_it_is_typed() -> None:
    assert all((ROOT / layer / "py.typed").is_file() for layer in LAYERS)


def test_bcc_is_never_a_dependency() -> None:
    """PyPI's bcc is a lattice library; the kernel sensor's comes from the distribution."""
    project = PROJECT["project"]
    asked = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    asked += [one for group in PROJECT["dependency-groups"].values() for one in group if isinstance(one, str)]
    assert not [one for one in asked if one.replace("=", " ").replace(">", " ").replace("<", " ").split()[0] == "bcc"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a clone holds: building in the repository itself would leave traces."""
    copy = tmp_path_factory.mktemp("source") / "triptych"
    ours = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    for name in ours:
        if (ROOT / name).is_file() and name not in {".typing/triptych"}:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    return copy


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The wheel, and what was said while it was built."""
    out = tmp_path_factory.mktemp("wheel")
    uv = _uv()
    build = [uv, "build"] if uv else [sys.executable, "-m", "build"]
    hurried = ["--config-setting", "optimize=0"]
    said = _run([*build, "--wheel", *hurried, "--out-dir" if uv else "--outdir", str(out), str(source)], quiet=False)
    return next(out.glob("*.whl")), said


@pytest.fixture(scope="module")
def wheel(built: tuple[Path, str]) -> Path:
    return built[0]


def test_the_wheel_holds_every_file(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert {f"triptych/{path}" for path in _files()} - inside == set()
    assert {name.split("/")[0] for name in inside} == {"triptych", "-".join(wheel.name.split("-")[:2]) + ".dist-info"}


def test_nothing_that_wheels_compile_fails_to_compile(built: tuple[Path, str]) -> None:
    """The build falls back to Python and only says so, where a compiler is and where none is."""
    wheel, said = built
    assert "compiling failed" not in said, said[-3000:]
    assert ("compiled the hot modules" in said) == any(
        name.endswith(".so") for name in zipfile.ZipFile(wheel).namelist()
    )


@pytest.mark.parametrize("way", ["wheel", "folder", "editable"])
def test_each_way_to_install_gives_the_same_files(way: str, wheel: Path, source: Path, tmp_path: Path) -> None:
    python = _environment(tmp_path / "venv")
    pure = ["--config-settings", "compile=no", str(source)]  # the wheel was compiled, where that is possible
    target = {"wheel": [str(wheel)], "folder": pure, "editable": ["-e", str(source)]}[way]
    _install(python, *target)
    seen = set(_run([str(python), "-c", LOOK], cwd=Path("/")).split())
    assert {str(path) for path in _files() if path.suffix in {".avsc", ".c", ".h"}} <= seen
    assert {
        str(path) for path in _files() if path.parts[:2] == ("models", "detections") and path.suffix == ".toml"
    } <= seen
    assert _run([str(python.with_name("triptych")), "version"], cwd=Path("/")).startswith("triptych ")


def _environment(folder: Path) -> Path:
    """An environment without our package that borrows the dependencies of this one."""
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    site = Path(_run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    borrowed = folder / "borrowed"
    borrowed.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "triptych" not in entry.name and entry.suffix != ".pth":
            (borrowed / entry.name).symlink_to(entry)
    (site / "borrowed.pth").write_text(f"{borrowed}\n")
    return python


def _uv() -> str | None:
    """uv as infra/bootstrap finds it: on PATH and working, else its own."""
    own = ROOT / ".triptych" / "uv" / "bin" / "uv"
    candidates = filter(None, [shutil.which("uv"), str(own) if own.exists() else None])
    return next((uv for uv in candidates if subprocess.run([uv, "--version"], check=False).returncode == 0), None)


def _install(python: Path, *target: str) -> None:
    pip = [uv, "pip", "install", "--python", str(python)] if (uv := _uv()) else _pip("--python", str(python), "install")
    _run([*pip, "-q", "--no-deps", *target])


def _pip(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pip", *arguments]


def _run(argv: list[str], cwd: Path | None = None, *, quiet: bool = True) -> str:
    env = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=cwd, env=env, timeout=560)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout if quiet else done.stdout + done.stderr
