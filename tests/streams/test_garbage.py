"""In processes of their own: how a process collects garbage is all of its threads' matter."""

from __future__ import annotations

import subprocess
import sys

from patience import PATIENCE_S

_BEGIN = """
import gc, weakref
from triptych.streams.garbage import collect_all, collect_young

class Node:
    def __init__(self):
        self.me = self

collect_young()
seen = []
gc.callbacks.append(lambda phase, info: seen.append(len(gc.get_objects(1)) + len(gc.get_objects(2))))
"""


def _says(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _BEGIN + program], check=True, capture_output=True, text=True, timeout=PATIENCE_S
    )
    return done.stdout.strip()


def test_what_outlived_a_collection_is_not_looked_at_again() -> None:
    assert _says("held = [[number] for number in range(500_000)]; print(len(seen) > 10, max(seen))") == "True 0"


def test_a_cycle_that_dies_young_is_collected() -> None:
    program = "gone = weakref.ref(Node()); held = [[number] for number in range(200_000)]; print(gone() is None)"

    assert _says(program) == "True"


def test_a_cycle_that_grew_old_is_collected_when_everything_is() -> None:
    program = """
node = Node()
old = weakref.ref(node)
held = [[number] for number in range(200_000)]
del node
held = [[number] for number in range(200_000)]
before = old() is None
collect_all()
print(before, old() is None)
"""
    assert _says(program) == "False True"


def test_reference_counts_go_on_freeing_what_was_set_aside() -> None:
    program = """
class Leaf: pass
leaf = Leaf()
freed = weakref.ref(leaf)
held = [[number] for number in range(200_000)]
leaf = None
print(freed() is None)
"""
    assert _says(program) == "True"


def test_for_a_while_only_what_is_young_is_looked_at() -> None:
    program = """
from triptych.streams.garbage import collecting_young
gc.callbacks.clear()
gc.set_threshold(700, 10, 10)
gc.unfreeze()
with collecting_young():
    node = Node()
    old = weakref.ref(node)
    held = [[number] for number in range(200_000)]
    del node
    gc.collect()
    print(old() is None, gc.get_freeze_count() > 0)
gc.collect()
print(old() is None, gc.get_threshold(), gc.callbacks)
"""
    assert _says(program).splitlines() == ["False True", "True (700, 10, 10) []"]
