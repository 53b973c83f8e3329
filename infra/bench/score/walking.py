"""One record at a time: the compiled kernels, the same in numpy, and scikit-learn's own forest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....models.forest import Forest
from ....models.form import Form
from ....models.kernels import Kernels, compiled, plain
from ....models.training import Normal
from ..report import Row
from ..rounds import interleaved, percentile
from ..run import Plan

__all__ = ["rows"]

Floats = NDArray[np.float64]
_NUMBA_US, _NUMPY_US = 50.0, 1000.0
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class _Work:
    """What is done with one record of shape (1, features); `bar` is of its p99, in microseconds."""

    do: Callable[[Floats], object]
    bar: float | None = None
    slower: int = 1


def rows(plan: Plan, form: Form, twin: Any, normal: Normal) -> Iterator[Row]:
    """p50 and p99 in processor time, so that others at work do not count, of the best of several rounds. `twin` is the
    IsolationForest of scikit-learn that was fitted to the same records."""
    records = [row.reshape(1, -1) for row in normal.known.rows]
    works = _works(form, twin)
    each = 100 if plan.quick else 200
    runs = {name: lambda work=work: _spent(work, records, each) for name, work in works.items()}
    found = interleaved(runs, 2 if plan.quick else 60, plan.tell)
    for name, work in works.items():
        yield Row(name=f"{name}, p50", value=_best(found, name, 0.5), unit="us")
        yield Row(name=f"{name}, p99", value=_best(found, name, 0.99), unit="us", at_most=work.bar)
    faster = _best(found, "score by scikit-learn", 0.5) / _best(found, next(iter(works)), 0.5)
    yield Row(name="times as fast as scikit-learn, p50", value=faster, unit="x")
    yield from _equal(form, twin, normal.known.rows)


def _works(form: Form, twin: Any) -> dict[str, _Work]:
    works: dict[str, _Work] = {}
    for name, kernels, bar in (("numba", compiled(), _NUMBA_US), ("numpy", plain(), _NUMPY_US)):
        if kernels is not None:
            ours = _with(form, kernels)
            works[f"score by {name}"] = _Work(ours.raw, bar)
            works[f"attribution by {name}"] = _Work(_attribution(ours), _NUMBA_US if name == "numba" else None)
    works["score by scikit-learn"] = _Work(_scikit_learn(form, twin), slower=100)
    return works


def _scikit_learn(form: Form, twin: Any) -> Callable[[Floats], object]:
    return lambda record: twin.score_samples(form.filled(record).astype(np.float32))


def _with(form: Form, kernels: Kernels) -> Form:
    """The same numbers, walked by other loops."""
    return replace(form, forest=replace(form.forest, kernels=kernels), tails=replace(form.tails, kernels=kernels))


def _attribution(form: Form) -> Callable[[Floats], object]:
    return lambda record: form.forest.attribute(form.filled(record[0]))


def _spent(work: _Work, records: Sequence[Floats], count: int) -> list[float]:
    """Microseconds of each of `count` times, after a tenth as many that only warm the caches; what needs milliseconds
    gets a hundredth of them."""
    for record in records[: count // work.slower // 10]:
        work.do(record)
    spent = []
    for at in range(count // work.slower):
        record = records[at % len(records)]
        began = time.thread_time_ns()
        work.do(record)
        spent.append((time.thread_time_ns() - began) / 1000)
    return spent


def _best(found: Sequence[Mapping[str, list[float]]], name: str, share: float) -> float:
    return min(percentile(result[name], share) for result in found)


def _equal(form: Form, twin: Any, known: Floats) -> Iterator[Row]:
    filled = form.filled(known)
    expected = -twin.score_samples(filled.astype(np.float32))
    for name, kernels in (("numba", compiled()), ("numpy", plain())):
        if kernels is not None:
            off = np.abs(replace(Forest.of(twin), kernels=kernels).score(filled) - expected).max()
            yield Row(name=f"largest difference to scikit-learn, {name}", value=float(off), unit="", at_most=_SAME)
