"""One form of the scorer: a pooled isolation forest and the right tails of every layer, each in its own normal spread.

Measured by its own spread, a layer in which hardly anything is ever unusual is heard: a secret read once is not drowned
in the noise of arguments. A missing value is neutral: the forest sees the normal median, the sum nothing. A form speaks
of turns told with one sight; it keeps probe rows with the scores they had in training, and is refused where they score
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from .calibration import Calibration, Tails
from .errors import TriptychError
from .events import Layer
from .features import FEATURES
from .forest import ARRAYS, Forest

__all__ = ["LAYERS", "Form", "FormError", "assemble", "layer_surprise"]

Floats = NDArray[np.float64]
LAYERS: tuple[Layer, ...] = ("protocol", "execution", "agent")
COLUMNS = {layer: np.array([feature.layer == layer for feature in FEATURES]) for layer in LAYERS}
_SAME = 1e-9


class FormError(TriptychError):
    """A form that cannot be used: M05 changed or damaged, M10 it scores its own probe rows otherwise than it did."""

    code = "M05"


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Form:
    """`fill` (features,): normal medians. `centre`, `spread` (1 + features,): of the forest's score over normal rows,
    then for each feature the mean of its surprise and the spread of its layer's. `probes` (rows, features) with their
    `probe_scores`; `shares`: for each server the share of turns of a new kind."""

    forest: Forest
    tails: Tails
    fill: Floats
    centre: Floats
    spread: Floats
    calibration: Calibration
    unseen: Calibration
    layers: Mapping[Layer, Calibration]
    shares: Mapping[str, float] = field(default_factory=dict)
    probes: Floats = field(default_factory=lambda: np.empty((0, len(FEATURES))))
    probe_scores: Floats = field(default_factory=lambda: np.empty(0))

    def raw(self, rows: Floats) -> Floats:
        """One number a row: forest and layers, each as a multiple of its normal spread, added. Rows may hold NaN."""
        forest = (self.forest.score(self.filled(rows)) - self.centre[0]) / self.spread[0]
        tails = (self.tails.surprise(rows) - self.centre[1:]) / self.spread[1:]
        return cast(Floats, forest + np.where(np.isnan(rows), 0.0, tails).sum(axis=1))

    def p(self, score: float, new_tasks: float) -> float:
        """How often a normal turn scores as high, where the share `new_tasks` of the turns is of a new kind of task."""
        return new_tasks * self.unseen.p(score) + (1 - new_tasks) * self.calibration.p(score)

    def new_tasks(self, servers: Iterable[str]) -> float:
        """The share of turns of a new kind, by the server where it is largest; all of them where nothing is known."""
        return max((self.shares.get(server, 1.0) for server in servers), default=1.0)

    def filled(self, rows: Floats) -> Floats:
        return np.where(np.isnan(rows), self.fill, rows)

    def check(self) -> None:
        """Score the probe rows again. Raises FormError M10 where the scores are not what they were in training."""
        found = self.raw(self.probes)
        off = float(np.abs(found - self.probe_scores).max(initial=0.0))
        if not off <= _SAME:
            raise FormError(
                f"a probe row scores {off:.3g} away from what it scored in training",
                "this machine computes otherwise than the one that trained: train here",
                code="M10",
            )

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything but the shares, by name; assemble() is the way back."""
        return {
            **self.forest.arrays(),
            "norm": np.array([self.forest.norm]),
            "ordered": self.tails.ordered,
            "grain": self.tails.grain,
            "fill": self.fill,
            "centre": self.centre,
            "spread": self.spread,
            "scores": self.calibration.scores,
            "scores_unseen": self.unseen.scores,
            "probes": self.probes,
            "probe_scores": self.probe_scores,
            **{f"scores_{layer}": calibration.scores for layer, calibration in self.layers.items()},
        }


def assemble(arrays: Mapping[str, NDArray[Any]], shares: Mapping[str, float]) -> Form:
    """The form in these arrays, checked. Raises FormError, ForestError, CalibrationError, or KeyError for a missing
    array."""
    width = len(FEATURES)
    probes = len(arrays["probe_scores"])
    shapes = {"grain": (width,), "fill": (width,), "centre": (1 + width,), "spread": (1 + width,), "norm": (1,)}
    for name, shape in (shapes | {"probe_scores": (probes,)}).items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64 or not np.isfinite(arrays[name]).all():
            raise FormError(f"{name} must be {shape} finite numbers")
    for name in ("ordered", "probes"):
        if arrays[name].ndim != 2 or arrays[name].shape[1] != width or arrays[name].dtype != np.float64:
            raise FormError(f"{name} has shape {arrays[name].shape}")
    if (arrays["spread"] <= 0).any() or (arrays["grain"] <= 0).any() or len(arrays["probes"]) != probes:
        raise FormError("spread and grain must be above 0, and every probe row needs its score")
    layers = {layer: Calibration(arrays[f"scores_{layer}"]) for layer in LAYERS if f"scores_{layer}" in arrays}
    nodes: dict[str, Any] = {name: arrays[name] for name in ARRAYS}
    form = Form(
        forest=Forest(width, float(arrays["norm"][0]), **nodes),
        tails=Tails(arrays["ordered"], arrays["grain"]),
        calibration=Calibration(arrays["scores"]),
        unseen=Calibration(arrays["scores_unseen"]),
        layers=layers,
        shares=shares,
        **{name: arrays[name] for name in ("fill", "centre", "spread", "probes", "probe_scores")},
    )
    form.check()
    return form


def layer_surprise(tails: Tails, rows: Floats) -> dict[Layer, Floats]:
    """The tail sum of each layer's own features, for the rows in which that layer was looking; NaN for the others."""
    surprise = tails.surprise(rows)
    seen = ~np.isnan(rows)
    return {
        layer: np.where(seen[:, own].any(axis=1), surprise[:, own].sum(axis=1), np.nan)
        for layer, own in COLUMNS.items()
    }
