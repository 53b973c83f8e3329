"""The inner loops of scoring, twice: compiled by numba where it is installed, else in numpy. Equal within 1e-9.

Compiled when they are first asked for, which is when a model is made or loaded, never on the first record.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

__all__ = ["Kernels", "compiled", "fastest", "plain"]

Floats = NDArray[np.float64]
Narrow = NDArray[np.float32]
Ints = NDArray[np.int32]
_LN2 = float(np.log(2))
_MOST = 8  # halvings that lying beyond everything seen can add to one feature
_HAIR = 1e-9


class Kernels(NamedTuple):
    """`walk(rows, roots, feature, threshold, left, right, depth)`: sum of leaf depths over the trees, for each row.
    `blame(row, ...)`: how much each feature shortened the paths of one row, summed over the trees.
    `surprise(rows, columns, starts, grain)`: see calibration.Tails; `columns` holds all sorted columns in one row."""

    walk: Callable[..., Floats]
    blame: Callable[..., Floats]
    surprise: Callable[..., Floats]


@cache
def plain() -> Kernels:
    return Kernels(_walk_numpy, _blame_numpy, _surprise_numpy)


@cache
def compiled() -> Kernels | None:
    """None where numba is missing."""
    try:
        import numba  # noqa: PLC0415  an extra of the package
    except ImportError:
        return None
    ints, floats, narrow = numba.int32[::1], numba.float64[::1], numba.float32[::1]
    rows, narrow_rows = numba.float64[:, ::1], numba.float32[:, ::1]
    tree = (ints, ints, floats, ints, ints, floats)
    made = (
        numba.njit(floats(narrow_rows, *tree))(_walk_loops),
        numba.njit(floats(narrow, *tree))(_blame_loops),
        numba.njit(rows(rows, floats, ints, floats))(_surprise_loops),
    )
    return Kernels(*cast(tuple[Any, Any, Any], made))


def fastest() -> Kernels:
    return compiled() or plain()


def _walk_numpy(  # noqa: PLR0917
    rows: Narrow, roots: Ints, feature: Ints, threshold: Floats, left: Ints, right: Ints, depth: Floats
) -> Floats:
    nodes = np.broadcast_to(roots, (len(rows), len(roots))).copy()
    at = np.arange(len(rows))[:, None]
    while (inner := feature[nodes] >= 0).any():
        goes_left = rows[at, np.maximum(feature[nodes], 0)] <= threshold[nodes]
        nodes = np.where(inner, np.where(goes_left, left[nodes], right[nodes]), nodes)
    return cast(Floats, depth[nodes].sum(axis=1))


def _walk_loops(  # noqa: PLR0917
    rows: Narrow, roots: Ints, feature: Ints, threshold: Floats, left: Ints, right: Ints, depth: Floats
) -> Floats:
    out = np.zeros(rows.shape[0])
    for row in range(rows.shape[0]):
        for root in roots:
            node = root
            while feature[node] >= 0:
                node = left[node] if rows[row, feature[node]] <= threshold[node] else right[node]
            out[row] += depth[node]
    return out


def _blame_numpy(  # noqa: PLR0917
    row: Narrow, roots: Ints, feature: Ints, threshold: Floats, left: Ints, right: Ints, depth: Floats
) -> Floats:
    blame = np.zeros(len(row))
    nodes = roots.copy()
    while (inner := nodes[feature[nodes] >= 0]).size:
        split = feature[inner]
        nodes = np.where(row[split] <= threshold[inner], left[inner], right[inner])
        blame += np.bincount(split, depth[inner] - depth[nodes], len(row))
    return blame


def _blame_loops(  # noqa: PLR0917
    row: Narrow, roots: Ints, feature: Ints, threshold: Floats, left: Ints, right: Ints, depth: Floats
) -> Floats:
    blame = np.zeros(row.shape[0])
    for root in roots:
        node = root
        while feature[node] >= 0:
            below = left[node] if row[feature[node]] <= threshold[node] else right[node]
            blame[feature[node]] += depth[node] - depth[below]
            node = below
    return blame


def _surprise_numpy(rows: Floats, columns: Floats, starts: Ints, grain: Floats) -> Floats:
    out = np.zeros(rows.shape)
    for at in range(rows.shape[1]):
        column = columns[starts[at] : starts[at + 1]]
        if len(column):
            values = rows[:, at]
            above = len(column) - np.searchsorted(column, values - _HAIR)
            beyond = np.clip((values - column[-1]) / grain[at], 0.0, _MOST)
            out[:, at] = -np.log((1 + above) / (len(column) + 1)) + beyond * _LN2
    return np.where(np.isnan(rows), 0.0, out)


def _surprise_loops(rows: Floats, columns: Floats, starts: Ints, grain: Floats) -> Floats:
    out = np.zeros(rows.shape)
    for at in range(rows.shape[1]):
        column = columns[starts[at] : starts[at + 1]]
        many = len(column)
        for row in range(rows.shape[0]) if many else range(0):
            value = rows[row, at]
            if not np.isnan(value):
                above = many - np.searchsorted(column, value - _HAIR)
                beyond = min(max((value - column[-1]) / grain[at], 0.0), _MOST)
                out[row, at] = -np.log((1 + above) / (many + 1)) + beyond * _LN2
    return out
