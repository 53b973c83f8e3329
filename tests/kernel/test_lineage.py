"""Ways to shake off who forked one: the process stays its server's, born under the same call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from triptych.producers.sensor.decode import KernelEvent
from triptych.producers.sensor.loader import Kernel, load

from .watching import Watching, of, watching

pytestmark = pytest.mark.kernel

WAYS = {
    "a sibling, not a child (CLONE_PARENT)": "clone_as_sibling(act)",
    "a process id namespace of its own": "in_child(f'call(\"unshare\", CLONE_NEWPID); in_child({act!r})')",
    "an orphan in a session of its own": "in_child(f'os.setsid(); os.fork() and os._exit(0); {act}')",
    "another user": "in_child(f'os.setgid(65534); os.setuid(65534); {act}')",
    "a program of another user (set-user-ID)": "in_child(f'os.setuid(65534); os.execv({program!r}, {words!r})')",
    "a child that its parent waits for (vfork)": "os.waitpid(os.posix_spawn('/bin/grep', words, {}), 0)",
    "a program executed by a thread": "in_child(f'execute_in_thread(\"/bin/grep\", {words!r})')",
    "a thread that outlives the first": "act_after_leader(path)",
}


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with load(1 << 20) as loaded:
        yield loaded


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watching]:
    with watching(kernel) as seen:
        yield seen


@pytest.fixture
def program() -> Iterator[Path]:
    """A copy of grep that runs as root whoever starts it, in a place that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        copy = Path(folder, "grep")
        copy.write_bytes(Path("/bin/grep").read_bytes())
        copy.chmod(0o4755)
        yield copy


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_process_stays_its_servers(watched: Watching, program: Path, way: str) -> None:
    given = f"path, program = '/etc/hostname', '{program}'; words = ['grep', '-q', 'x', path]"

    def opens(seen: list[KernelEvent]) -> list[KernelEvent]:
        return of(seen, "open", lambda event: event.path == b"/etc/hostname")

    opened = opens(watched.during(f"{given}\nact = f'os.open({{path!r}}, 0)'\n{way}", opens))
    assert [(event.root, event.born, event.pid == watched.root) for event in opened] == [
        (watched.root, watched.epoch - 1, False)
    ]
