"""An isolation forest as flat arrays: the same scores as scikit-learn's, a thousand times faster for one record.

Trained by scikit-learn, walked by our own kernels with equal results. Nothing is ever unpickled; arrays from outside
are refused unless every walk through them must end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import TriptychError
from .kernels import Kernels, fastest

__all__ = ["ARRAYS", "Forest", "ForestError"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
ARRAYS = ("roots", "feature", "threshold", "left", "right", "depth")
_MAX_NODES = 10_000_000
_EULER = 0.5772156649015329


class ForestError(TriptychError):
    """Arrays that are no forest: M01 shape or type, M02 an index out of range, M03 a walk that would not end."""

    code = "M01"


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Nodes of all trees in one row; a leaf has feature -1 and is its own child. `depth` of a leaf is its level and
    what its samples would need to be told apart (Liu, Ting, Zhou 2008, equation 1); of an inner node the mean over the
    samples below it."""

    features: int
    norm: float  # expected path length of a sample, times the number of trees
    roots: Ints
    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    depth: Floats
    kernels: Kernels = field(default_factory=fastest)

    def __post_init__(self) -> None:
        _check_shapes(self)
        _check_walks(self)

    def score(self, rows: Floats) -> Floats:
        """Anomaly of each row, 0 to 1, higher is more unusual: scikit-learn's `-score_samples`. Rows must be finite."""
        depths = self.kernels.walk(self._narrow(rows), *self._nodes())
        return 2.0 ** (-depths / self.norm)

    def attribute(self, row: Floats) -> Floats:
        """How much each feature shortened the paths of one row, in levels, mean over the trees; positive is unusual.

        Every split changes the expected depth by child minus parent; the change goes to the split's feature, so the
        attributions add up to the expected depth at the roots minus the depth of the row.
        """
        blame = self.kernels.blame(self._narrow(row.reshape(1, -1))[0], *self._nodes())
        return blame / len(self.roots)

    def arrays(self) -> dict[str, NDArray[Any]]:
        return {name: getattr(self, name) for name in ARRAYS}

    def _nodes(self) -> tuple[NDArray[Any], ...]:
        return self.roots, self.feature, self.threshold, self.left, self.right, self.depth

    def _narrow(self, rows: Floats) -> NDArray[np.float32]:
        if rows.ndim != 2 or rows.shape[1] != self.features:
            raise ForestError(f"rows of shape {rows.shape} for a forest of {self.features} features")
        return np.ascontiguousarray(rows, dtype=np.float32)  # scikit-learn compares in 32 bits: borders must fall alike

    @classmethod
    def train(cls, rows: Floats, *, seed: int, trees: int = 200, sample: int = 256) -> Forest:
        """Fit scikit-learn's IsolationForest on finite rows and flatten it. Equal rows and seed give equal arrays."""
        from sklearn.ensemble import IsolationForest  # noqa: PLC0415  a second of imports that scoring never needs

        fitted = IsolationForest(n_estimators=trees, max_samples=min(sample, len(rows)), random_state=seed)
        return cls.of(fitted.fit(rows.astype(np.float32)))

    @classmethod
    def of(cls, fitted: Any) -> Forest:
        """Flatten a fitted scikit-learn IsolationForest."""
        parts: list[tuple[NDArray[Any], ...]] = []
        offset = 0
        for estimator, chosen in zip(fitted.estimators_, fitted.estimators_features_, strict=True):
            parts.append(_flatten(estimator.tree_, chosen, offset))
            offset += estimator.tree_.node_count
        feature, threshold, left, right, depth = (np.concatenate(column) for column in zip(*parts, strict=True))
        roots = np.cumsum([0, *(len(part[0]) for part in parts[:-1])])
        norm = float(_expected_path(np.array([fitted.max_samples_]))[0]) * len(parts)
        ints = (array.astype(np.int32) for array in (roots, feature, left, right))
        roots, feature, left, right = ints
        return cls(int(fitted.n_features_in_), norm, roots, feature, threshold, left, right, depth)


def _flatten(tree: Any, chosen: NDArray[Any], offset: int) -> tuple[NDArray[Any], ...]:
    """feature, threshold, left, right, depth of one scikit-learn tree, its nodes counted from `offset`."""
    own = np.arange(tree.node_count)
    leaf = tree.children_left < 0
    return (
        np.where(leaf, -1, chosen[np.maximum(tree.feature, 0)]),
        np.where(leaf, 0.0, tree.threshold),
        np.where(leaf, own, tree.children_left) + offset,
        np.where(leaf, own, tree.children_right) + offset,
        _depths(tree),
    )


def _depths(tree: Any) -> Floats:
    """The depth of every leaf, and of every inner node the mean over the samples below it."""
    left, right, samples = (array.tolist() for array in (tree.children_left, tree.children_right, tree.n_node_samples))
    inner = [node for node, child in enumerate(left) if child >= 0]  # parents stand before their children
    level = [0.0] * tree.node_count
    for node in inner:
        level[left[node]] = level[right[node]] = level[node] + 1
    depth: list[float] = (np.array(level) + _expected_path(tree.n_node_samples)).tolist()
    for node in reversed(inner):
        one, other = left[node], right[node]
        depth[node] = (depth[one] * samples[one] + depth[other] * samples[other]) / samples[node]
    return np.array(depth)


def _expected_path(samples: NDArray[Any]) -> Floats:
    """Mean path length of an unsuccessful search in a binary tree of so many samples."""
    many = np.maximum(samples.astype(np.float64), 2.0) - 1
    average = 2 * (np.log(many) + _EULER) - 2 * many / (many + 1)
    return np.where(samples <= 1, 0.0, np.where(samples == 2, 1.0, average))


def _check_shapes(forest: Forest) -> None:
    nodes = len(forest.feature)
    if not (0 < len(forest.roots) <= nodes <= _MAX_NODES and forest.features > 0):
        raise ForestError(f"{len(forest.roots)} trees over {nodes} nodes and {forest.features} features")
    for name in ARRAYS:
        array: NDArray[Any] = getattr(forest, name)
        expected = np.float64 if name in {"threshold", "depth"} else np.int32
        if array.dtype != expected or array.ndim != 1 or (name != "roots" and len(array) != nodes):
            raise ForestError(f"{name} is {array.dtype} of shape {array.shape}, not {expected.__name__} of ({nodes},)")
    numbers = (forest.threshold, forest.depth)
    if not (all(np.isfinite(array).all() for array in numbers) and math.isfinite(forest.norm) and forest.norm > 0):
        raise ForestError("thresholds, depths and the norm must be finite, the norm above 0")


def _check_walks(forest: Forest) -> None:
    """Every child behind its parent and inside the arrays, so a walk from any root ends at a leaf."""
    nodes = len(forest.feature)
    own = np.arange(nodes)
    leaf = forest.feature == -1
    if ((forest.feature < -1) | (forest.feature >= forest.features)).any():
        raise ForestError("a node splits on a feature that does not exist", code="M02")
    for name in ("roots", "left", "right"):
        index: Ints = getattr(forest, name)
        if ((index < 0) | (index >= nodes)).any():
            raise ForestError(f"{name} points outside of the nodes", code="M02")
    for child in (forest.left, forest.right):
        if (np.where(leaf, child != own, child <= own)).any():
            raise ForestError("a child stands before its parent", code="M03")
