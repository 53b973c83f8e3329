"""Who can only work for the call it was forked under: nobody has told it anything since, by any way the kernel sees."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from triptych.producers.sensor.loader import Kernel, load

from .watching import Watching, of, watching

pytestmark = pytest.mark.kernel

WAYS = {
    "read": ("r, w = os.pipe(); os.write(w, b'work')", "os.read(r, 9)"),
    "vmsplice": ("r, w = os.pipe(); os.write(w, b'work')", "assert hear_by_vmsplice(r) == 4"),
    "recvmmsg": ("r, w = socket.socketpair(); w.send(b'work')", "assert hear_by_recvmmsg(r.fileno()) == 1"),
    "msgrcv": ("r = message_queue(b'work')", "assert hear_by_msgrcv(r) == 4"),
    "mq_receive": ("r = posix_queue(b'work')", "assert hear_by_mq_receive(r) == 4"),
}


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with load(1 << 20) as loaded:
        yield loaded


@pytest.fixture
def watched(kernel: Kernel) -> Iterator[Watching]:
    with watching(kernel) as seen:
        yield seen


@pytest.mark.parametrize("way", WAYS)
def test_a_child_that_heard_something_is_no_longer_alone(watched: Watching, way: str) -> None:
    said, hears = WAYS[way]
    seen = watched.during(
        f"{said}\nmine = globals(); vars(deeds).update(mine)\n"
        f'assert in_child(\'os.open("/dev/null", 0); {hears}; os.open("/dev/zero", 0)\') == 0'
    )
    opened = of(seen, "open", lambda event: event.pid != watched.root and bool(event.path))
    alone = {event.path: event.alone for event in opened}
    assert (alone[b"/dev/null"], alone[b"/dev/zero"]) == (True, False)


def test_a_child_with_the_memory_of_its_parent_is_not_alone_until_it_executes(watched: Watching) -> None:
    seen = watched.during(
        "unlink_in_shared_memory('/tmp/of nobody')\nos.waitpid(os.posix_spawn('/bin/true', ['x'], {}), 0)"
    )
    (unlinked,) = of(seen, "change")
    assert (unlinked.pid == watched.root, unlinked.born, unlinked.alone) == (False, watched.epoch - 1, False)
    (executed,) = of(seen, "exec")
    assert (executed.born, executed.alone) == (watched.epoch - 1, True)


def test_what_a_child_that_heard_something_forks_says_that_it_is_a_foster_child(watched: Watching) -> None:
    seen = watched.during(
        "r, w = os.pipe(); os.write(w, b'work')\n"
        'act = \'os.open("/dev/null", 0); open("/etc/hostname").read()\'\n'
        "inner = f'in_child({act!r}); os.read({r}, 9); in_child({act!r})'\n"
        "in_child(inner)"
    )
    opened = of(seen, "open", lambda event: event.path == b"/dev/null")
    assert [(event.fostered, event.alone, event.born) for event in opened] == [
        (False, True, watched.epoch - 1),
        (True, True, watched.epoch - 1),
    ]
    assert sorted(event.fostered for event in of(seen, "io", lambda event: event.path == b"/etc/hostname")) == [
        False,
        True,
    ]
