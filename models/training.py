"""From remembered normal turns to a model, with a form for every sight they were told with. The same turns and seed
give the same bytes.

Every turn is measured against a baseline that has never seen its own session. Measured against one that has, nothing a
training turn does is ever new, and the forest learns that novelty does not matter. It is measured a second time without
any session of its kind of task: that is how normal turns of a new kind will score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from .baseline import Baseline
from .calibration import Calibration, Tails
from .errors import TriptychError
from .events import Layer
from .features import FEATURE_HASH, FEATURES, measured, rows
from .forest import Forest
from .form import Form, layer_surprise
from .history import reduced, session_of, to_json
from .learned import baselines, learn, views_of
from .model import Manifest, Model, dump
from .sight import SIGHTS, Sight, seen_with, sight_of
from .tampering import self_check
from .tasks import Tasks, share_of_new
from .turn import Turn

__all__ = [
    "LEAST",
    "Matrix",
    "Normal",
    "TrainingError",
    "baselines",
    "fit",
    "learn",
    "matrix",
    "own_sessions",
    "train",
    "views_of",
]

Floats = NDArray[np.float64]
LEAST = 20
TREES, SAMPLE = 300, 256  # of many trees the seed does not decide
_FLATTEST = 1e-3  # of the forest's scores
_QUIETEST = 1.0  # nats; of a layer in which nothing ever differs
_PROBES = 256


class TrainingError(TriptychError):
    """Turns that no model can be made of: M08."""

    code = "M08"


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """`rows` (calls, features) of all turns, one after the other; `turns` (calls,) tells which turn a row is of."""

    rows: Floats
    turns: NDArray[np.int64]

    def highest(self, scores: Floats) -> Floats:
        """For each turn the highest score of its rows, rows without one left out."""
        told = ~np.isnan(scores)
        groups = groupby(zip(self.turns[told], scores[told], strict=True), key=lambda pair: pair[0])
        return np.array([max(score for _, score in group) for _, group in groups])


def train(turns: Sequence[Turn], *, seed: int = 0, trained_from: str = "", trained_to: str = "") -> Model:
    """The model of these normal turns, in whatever order they come; `trained_from` and `_to` say where they stood.

    Turns on a server that is still being learned are left out: everything there is new, and would teach that novelty is
    normal. Raises TrainingError when fewer than LEAST turns with something to measure remain.
    """
    usable = _learned_enough(_in_order(turns))
    if len(usable) < LEAST:
        raise TrainingError(
            f"{len(usable)} turns on learned servers, at least {LEAST} are needed",
            "wait for more sessions by more than one principal",
        )
    learned = baselines(usable)
    forms = {sight: fit(Normal.of(seen, learned), seed=seed) for sight, seen in _by_sight(usable).items()}
    manifest = Manifest(
        model_id=_identity(usable, seed),
        seed=seed,
        sessions=len({session_of(turn) for turn in usable}),
        turns=len(usable),
        rows=sum(len(measured(turn).calls) for turn in usable),
        trained_from=trained_from,
        trained_to=trained_to,
        new_tasks={sight: dict(form.shares) for sight, form in forms.items()},
        self_check=_self_check(forms, usable, learned, seed),
    )
    model = Model(manifest, forms)
    return replace(model, manifest=replace(manifest, sha256=hashlib.sha256(dump(model)[0]).hexdigest()))


def _self_check(
    forms: Mapping[Sight, Form], turns: Sequence[Turn], learned: Mapping[str, Baseline], seed: int
) -> dict[str, float]:
    """Of the form for the farthest sight, on the turns told of with it."""
    sight = max(forms, key=SIGHTS.index)
    return self_check(forms[sight], [turn for turn in turns if sight_of(turn.calls) == sight], learned, seed=seed)


def _by_sight(turns: Sequence[Turn]) -> dict[Sight, list[Turn]]:
    """For each sight the turns told of with it or a farther one, looked at with no more; sights with enough of them.
    So turns of a gateway without the prompt are judged by how normal turns look without it."""
    told = [SIGHTS.index(sight_of(turn.calls)) for turn in turns]
    each: dict[Sight, list[Turn]] = {
        sight: [seen_with(turn, sight) for turn, far in zip(turns, told, strict=True) if far >= at]
        for at, sight in enumerate(SIGHTS)
    }
    return {sight: seen for sight, seen in each.items() if len(seen) >= LEAST}


@dataclass(frozen=True, slots=True, eq=False)
class Normal:
    """Normal turns as rows. `known`: each without its own session; `unseen`: each without all sessions of its kind of
    task; `new_tasks`: for each server the share of turns that are of a new kind."""

    known: Matrix
    unseen: Matrix
    new_tasks: Mapping[str, float]

    @classmethod
    def of(cls, turns: Sequence[Turn], learned: Mapping[str, Baseline]) -> Normal:
        """Of turns looked at with one sight, against the baselines of them and others."""
        tasks = Tasks()
        kinds = [tasks.join(turn) for turn in turns]
        return cls(
            matrix(turns, learned, own_sessions(turns)),
            matrix(turns, learned, _sessions_alike(turns, kinds)),
            _new_tasks(turns, kinds),
        )


def matrix(turns: Sequence[Turn], learned: Mapping[str, Baseline], without: Sequence[Collection[str]]) -> Matrix:
    """The rows of every turn, each against baselines `without` the sessions named for it."""
    parts = [
        rows(measured(turn), views_of(turn, learned, left_out)) for turn, left_out in zip(turns, without, strict=True)
    ]
    return Matrix(np.concatenate(parts), np.repeat(np.arange(len(turns)), list(map(len, parts))))


def own_sessions(turns: Sequence[Turn]) -> list[Collection[str]]:
    return [{session_of(turn)} for turn in turns]


def _sessions_alike(turns: Sequence[Turn], kinds: Sequence[int]) -> list[Collection[str]]:
    """For each turn the sessions with a turn of its kind."""
    alike: dict[int, set[str]] = {}
    for turn, kind in zip(turns, kinds, strict=True):
        alike.setdefault(kind, set()).add(session_of(turn))
    return [alike[kind] for kind in kinds]


def _new_tasks(turns: Sequence[Turn], kinds: Sequence[int]) -> dict[str, float]:
    by_server: dict[str, list[int]] = {}
    for turn, kind in zip(turns, kinds, strict=True):
        for server in turn.servers:
            by_server.setdefault(server, []).append(kind)
    return {server: share_of_new(found) for server, found in by_server.items()}


def _in_order(turns: Sequence[Turn]) -> list[Turn]:
    kept = [reduced(turn) for turn in turns if measured(turn).calls]
    return sorted(kept, key=lambda turn: (turn.calls[0].started_ns, turn.key))


def _learned_enough(turns: Sequence[Turn]) -> list[Turn]:
    young = {server for server, known in baselines(turns).items() if known.view(()).state == "learning"}
    return [turn for turn in turns if young.isdisjoint(turn.servers)]


def fit(normal: Normal, *, seed: int, trees: int = TREES) -> Form:
    """Forest, tails and calibration of what is normal, and probe rows to tell later whether they still score alike."""
    known = normal.known.rows
    fill = _medians(known)
    forest = Forest.train(np.where(np.isnan(known), fill, known), seed=seed, trees=trees, sample=SAMPLE)
    tails = Tails.of(known, np.array([feature.grain for feature in FEATURES]))
    nothing = Calibration(np.zeros(1))
    scaled = Form(
        forest=forest,
        tails=tails,
        fill=fill,
        **_scale(forest.score(np.where(np.isnan(known), fill, known)), tails, known),
        calibration=nothing,
        unseen=nothing,
        layers={},
        shares=normal.new_tasks,
    )
    scores = scaled.raw(known)
    probes = np.linspace(0, len(known) - 1, min(len(known), _PROBES)).astype(np.int64)
    return replace(
        scaled,
        calibration=Calibration.of(normal.known.highest(scores)),
        unseen=Calibration.of(normal.unseen.highest(scaled.raw(normal.unseen.rows))),
        layers=_layers(normal.known, tails),
        probes=known[probes],
        probe_scores=scores[probes],
    )


def _scale(scores: Floats, tails: Tails, normal: Floats) -> dict[str, Floats]:
    """`centre` and `spread` of a form, from the forest's scores and the surprise of normal rows."""
    surprise, seen = tails.surprise(normal), ~np.isnan(normal)
    means = surprise.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    layers = layer_surprise(tails, normal)
    spreads = {
        layer: max(float(np.nanstd(found)), _QUIETEST) for layer, found in layers.items() if not np.isnan(found).all()
    }
    own = surprise.std(axis=0, where=seen | ~seen.any(axis=0))
    each = [
        max(float(alone), _QUIETEST) if feature.apart else spreads.get(feature.layer, _QUIETEST)
        for feature, alone in zip(FEATURES, own, strict=True)
    ]
    forest = max(float(scores.std()), _FLATTEST)
    return {"centre": np.array([scores.mean(), *means]), "spread": np.array([forest, *each])}


def _medians(normal: Floats) -> Floats:
    """The median of each feature where it is known; 0 where it never is: the forest cannot split on it then."""
    known = ~np.isnan(normal)
    return np.array([np.median(column[at]) if at.any() else 0.0 for column, at in zip(normal.T, known.T, strict=True)])


def _layers(normal: Matrix, tails: Tails) -> dict[Layer, Calibration]:
    highest = {layer: normal.highest(scores) for layer, scores in layer_surprise(tails, normal.rows).items()}
    return {layer: Calibration.of(scores) for layer, scores in highest.items() if len(scores)}


def _identity(turns: Sequence[Turn], seed: int) -> str:
    """Names the inputs: the same turns, seed and features give the same id."""
    digest = hashlib.sha256(f"{FEATURE_HASH}|{seed}|{TREES}|{SAMPLE}".encode())
    for turn in turns:
        digest.update(to_json(turn))
    return f"forest-{digest.hexdigest()[:12]}"
