"""What /proc says of this very test."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from triptych.producers.sensor import processes


def test_a_process_started_before_now() -> None:
    started = processes.start_ns(os.getpid())
    assert started is not None
    assert 0 < started < time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_a_pidfd_names_its_process() -> None:
    pidfd = os.pidfd_open(os.getpid())
    assert processes.pid_of(pidfd) == os.getpid()
    os.close(pidfd)


def test_a_descriptor_that_is_no_pidfd_names_none() -> None:
    reading, writing = os.pipe()
    assert processes.pid_of(reading) is None
    os.close(reading)
    os.close(writing)


def test_a_process_that_is_gone_has_no_facts() -> None:
    process = subprocess.Popen(["true"])
    pidfd = os.pidfd_open(process.pid)
    process.wait()
    assert processes.pid_of(pidfd) is None
    assert processes.start_ns(process.pid) is None
    assert processes.cgroup(process.pid) == ""
    os.close(pidfd)


def test_descent_goes_through_generations_whatever_a_process_calls_itself(tmp_path: Path) -> None:
    misleading = tmp_path / "a) R 1 (b"  # the name stands in /proc/PID/stat, before the parent
    misleading.write_text("#!/bin/sh\ncat & echo $!; wait\n")
    misleading.chmod(0o700)
    child = subprocess.Popen([misleading], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    grandchild = int(child.stdout.readline())
    assert processes.parents()[child.pid] == os.getpid()
    assert processes.is_within(child.pid, os.getpid())
    assert not processes.is_within(os.getpid(), child.pid)
    assert processes.descendants(child.pid, {grandchild: child.pid}) == [grandchild]
    child.communicate()


def test_a_tree_is_listed_from_its_root_down() -> None:
    assert processes.descendants(1, {2: 1, 3: 2, 4: 1, 5: 9}) == [2, 4, 3]


def test_a_zombie_does_not_run() -> None:
    process = subprocess.Popen(["true"])
    began = processes.start_ns(process.pid)
    assert began is not None
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not processes.runs(process.pid, began)
    process.wait()
    assert not processes.runs(process.pid, began)


def test_this_process_runs_and_another_of_its_id_would_not() -> None:
    began = processes.start_ns(os.getpid())
    assert began is not None
    assert processes.runs(os.getpid(), began)
    assert not processes.runs(os.getpid(), began - 10_000_000)


def test_the_groups_of_a_process_are_all_of_its_groups() -> None:
    assert processes.groups(os.getpid()) == {*os.getgroups(), os.getgid(), os.getegid()}
    assert processes.groups(1 << 30) is None
