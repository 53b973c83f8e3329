"""Ways to see what a program opens, runs and connects to, each for the length of a turn."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...demo.parts import accepts
from ...process import running, tail
from ..cost import rss_mb
from ..errors import BenchError
from .lessee import Lessee
from .work import USER

__all__ = ["Tracer", "auditd", "bpftrace", "lacking", "nothing", "sensing", "sensor", "strace"]

_READY_S = 60.0
_POLL_S = 0.05
_SEEN = "openat,open,creat,openat2,execve,execveat,connect,fork,vfork,clone,clone3,exit_group"
_SCRIPT = f"""
BEGIN {{ printf("ready\\n"); }}
tracepoint:syscalls:sys_enter_openat /uid == {USER}/ {{ printf("%d %s open %s\\n", pid, comm, str(args->filename)); }}
tracepoint:syscalls:sys_exit_openat /uid == {USER}/ {{ printf("%d = %d\\n", pid, args->ret); }}
tracepoint:syscalls:sys_enter_connect /uid == {USER}/ {{ printf("%d %s connect\\n", pid, comm); }}
tracepoint:sched:sched_process_exec /uid == {USER}/ {{ printf("%d exec %s\\n", pid, str(args->filename)); }}
tracepoint:sched:sched_process_fork /uid == {USER}/ {{ printf("%d fork %d\\n", pid, args->child_pid); }}
tracepoint:sched:sched_process_exit /uid == {USER}/ {{ printf("%d exit\\n", pid); }}
"""
_WITH_TRACEFS = 'mount -t tracefs tracefs /sys/kernel/tracing && exec bpftrace -e "$1"'
_RULE = ("exit,always", "-F", "arch=b64", "-F", f"uid={USER}", "-S", "open,openat,openat2,execve,connect")
_AUDIT_CONF = """\
log_file = {folder}/audit.log
log_format = RAW
flush = INCREMENTAL_ASYNC
freq = 50
num_logs = 2
max_log_file = 64
max_log_file_action = ROTATE
space_left = 1
space_left_action = IGNORE
admin_space_left = 0
admin_space_left_action = IGNORE
disk_full_action = IGNORE
disk_error_action = IGNORE
local_events = yes
"""


@dataclass(slots=True)
class Tracer:
    """While it is on: `prefix` of what it watches, `before` is told the process, `rss` MB of what watches."""

    prefix: Sequence[str] = ()
    before: Callable[[int], None] = lambda _: None
    pid: int = 0
    leases: list[Lessee] = field(default_factory=list)

    @property
    def rss(self) -> float:
        return rss_mb(self.pid) if self.pid else 0.0


@contextlib.contextmanager
def nothing(_folder: Path) -> Iterator[Tracer]:
    yield Tracer()


@contextlib.contextmanager
def sensing(folder: Path, *account: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Our sensor: its lease socket and its process."""
    lease, log = folder / "lease.sock", folder / "sensor.log"
    with running([sys.executable, "-m", f"{__package__}.observer", str(lease), *map(str, account)], log=log) as process:
        _await(lambda: accepts(lease), process, log)
        yield lease, process


@contextlib.contextmanager
def sensor(folder: Path, *, watched: bool) -> Iterator[Tracer]:
    """Ours. Not `watched` is the price everybody else on the machine pays while some server is leased."""
    with sensing(folder) as (lease, process), contextlib.ExitStack() as held:
        other = held.enter_context(running(["sleep", "600"], log=folder / "other.log"))
        time.sleep(_POLL_S)
        held.callback(Lessee(lease, other.pid).close)

        def watch(pid: int) -> None:
            held.callback(Lessee(lease, pid).close)

        yield Tracer(before=watch, pid=process.pid) if watched else Tracer(pid=process.pid)


@contextlib.contextmanager
def bpftrace(folder: Path) -> Iterator[Tracer]:
    """A script that prints the same facts, arguments unresolved."""
    log = folder / "bpftrace.log"
    log.unlink(missing_ok=True)
    with running(["unshare", "--mount", "sh", "-c", _WITH_TRACEFS, "sh", _SCRIPT], log=log) as process:
        _await(lambda: "ready" in log.read_text(errors="replace")[:4000], process, log)
        yield Tracer(pid=process.pid)


@contextlib.contextmanager
def auditd(folder: Path) -> Iterator[Tracer]:
    """The audit daemon with a rule for the user's opens, executions and connections; rules of others stay."""
    settings, log, before = folder / "audit", folder / "auditd.log", _auditctl("-s")
    settings.mkdir(mode=0o750, exist_ok=True)
    (settings / "auditd.conf").write_text(_AUDIT_CONF.format(folder=settings))
    (settings / "auditd.conf").chmod(0o640)
    with contextlib.ExitStack() as held:
        held.callback(_auditctl, "-e", "1" if "enabled 1" in before else "0")
        process = held.enter_context(running(["auditd", "-n", "-c", str(settings)], log=log))
        _await(lambda: f"pid {process.pid}" in _auditctl("-s"), process, log)
        _auditctl("-a", *_RULE)
        held.callback(_auditctl, "-d", *_RULE)
        yield Tracer(pid=process.pid)


@contextlib.contextmanager
def strace(_folder: Path) -> Iterator[Tracer]:
    yield Tracer(prefix=("strace", "-f", "-qq", "-e", f"trace={_SEEN}", "-o", "/dev/null"))


def lacking(program: str) -> str:
    """Why a tool cannot run here, empty where it can."""
    if os.getuid():
        return "needs root"
    return "" if shutil.which(program) else "not installed"


def _auditctl(*arguments: str) -> str:
    return subprocess.run(["auditctl", *arguments], capture_output=True, text=True, check=True, timeout=20).stdout


def _await(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchError(f"{Path(process.args[-1] if isinstance(process.args, list) else '').name}: {tail(log)}")
        time.sleep(_POLL_S)
