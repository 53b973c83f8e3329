"""The scorer: the higher of a pooled isolation forest and a sum of right tails, each in units of its normal spread.

A missing value is neutral: the forest sees the normal median, the sum nothing. Model files hold numbers and one JSON
manifest; a file that was changed, or that speaks of other features, is refused.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

import numpy as np
import orjson
from numpy.typing import NDArray

from .calibration import Calibration, Tails
from .errors import TriptychError
from .events import Layer
from .features import FEATURE_HASH, FEATURE_SET, FEATURES
from .forest import ARRAYS, Forest

__all__ = ["LAYERS", "Manifest", "Model", "ModelError", "dump", "layer_surprise", "load"]

Floats = NDArray[np.float64]
LAYERS: tuple[Layer, ...] = ("protocol", "execution", "agent")
COLUMNS = {layer: np.array([feature.layer == layer for feature in FEATURES]) for layer in LAYERS}


class ModelError(TriptychError):
    """A model that cannot be used: M05 changed or damaged, M06 made for other features."""

    code = "M05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where a model comes from; the same inputs give the same model. `sha256` is of the numbers."""

    model_id: str
    feature_set: str = FEATURE_SET
    feature_hash: str = FEATURE_HASH
    seed: int = 0
    sessions: int = 0
    turns: int = 0
    rows: int = 0
    trained_from: str = ""
    trained_to: str = ""
    sha256: str = ""
    new_tasks: Mapping[str, float] = field(default_factory=dict)  # for each server the share of turns of a new kind


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """`fill` (features,): normal medians. `centre`, `spread`: of forest and tail sum over normal rows."""

    manifest: Manifest
    forest: Forest
    tails: Tails
    fill: Floats
    centre: Floats
    spread: Floats
    calibration: Calibration
    unseen: Calibration
    layers: Mapping[Layer, Calibration]

    def raw(self, rows: Floats) -> Floats:
        """One number a row: forest and tail sum, each as a multiple of its normal spread, added. Rows may hold NaN."""
        parts = np.stack([self.forest.score(self.filled(rows)), self.tails.surprise(rows).sum(axis=1)])
        standard: Floats = (parts - self.centre[:, None]) / self.spread[:, None]
        return cast(Floats, standard.sum(axis=0))

    def p(self, score: float, new_tasks: float) -> float:
        """How often a normal turn scores as high, where the share `new_tasks` of the turns is of a new kind of task."""
        return new_tasks * self.unseen.p(score) + (1 - new_tasks) * self.calibration.p(score)

    def new_tasks(self, servers: Iterable[str]) -> float:
        """The share of turns of a new kind, by the server where it is largest; all of them where nothing is known."""
        return max((self.manifest.new_tasks.get(server, 1.0) for server in servers), default=1.0)

    def filled(self, rows: Floats) -> Floats:
        return np.where(np.isnan(rows), self.fill, rows)


def layer_surprise(tails: Tails, rows: Floats) -> dict[Layer, Floats]:
    """The tail sum of each layer's own features, for the rows in which that layer was looking; NaN for the others."""
    surprise = tails.surprise(rows)
    seen = ~np.isnan(rows)
    return {
        layer: np.where(seen[:, own].any(axis=1), surprise[:, own].sum(axis=1), np.nan)
        for layer, own in COLUMNS.items()
    }


def dump(model: Model) -> tuple[bytes, bytes]:
    """The numbers as npz and the manifest as JSON. Equal models give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        **model.forest.arrays(),
        "norm": np.array([model.forest.norm]),
        "ordered": model.tails.ordered,
        "grain": model.tails.grain,
        "fill": model.fill,
        "centre": model.centre,
        "spread": model.spread,
        "scores": model.calibration.scores,
        "scores_unseen": model.unseen.scores,
        **{f"scores_{layer}": calibration.scores for layer, calibration in model.layers.items()},
    }
    body = _npz(arrays)
    values = {field.name: getattr(model.manifest, field.name) for field in fields(Manifest)}
    return body, orjson.dumps(values | {"sha256": hashlib.sha256(body).hexdigest()}, option=orjson.OPT_SORT_KEYS)


def load(body: bytes, manifest: bytes) -> Model:
    """The model in `body`, as its manifest describes it.

    Raises ModelError, ForestError or CalibrationError; never runs anything that the bytes hold.
    """
    described = _manifest(manifest)
    if hashlib.sha256(body).hexdigest() != described.sha256:
        raise ModelError("the model differs from the digest in its manifest", "train again, or restore the file")
    if (described.feature_set, described.feature_hash) != (FEATURE_SET, FEATURE_HASH):
        raise ModelError(
            f"the model speaks of features {described.feature_set}/{described.feature_hash}, not of "
            f"{FEATURE_SET}/{FEATURE_HASH}",
            "train a model with this version",
            code="M06",
        )
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return _assemble(described, arrays)
    except (ValueError, KeyError, IndexError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ModelError(f"the model cannot be read: {type(error).__name__} {error}") from error


def _assemble(manifest: Manifest, arrays: Mapping[str, NDArray[Any]]) -> Model:
    width = len(FEATURES)
    shapes = {"grain": (width,), "fill": (width,), "centre": (2,), "spread": (2,), "norm": (1,)}
    for name, shape in shapes.items():
        if arrays[name].shape != shape or arrays[name].dtype != np.float64 or not np.isfinite(arrays[name]).all():
            raise ModelError(f"{name} must be {shape} finite numbers")
    ordered = arrays["ordered"]
    if ordered.ndim != 2 or ordered.shape[1] != width or ordered.dtype != np.float64:
        raise ModelError(f"ordered has shape {ordered.shape}")
    if (arrays["spread"] <= 0).any() or (arrays["grain"] <= 0).any():
        raise ModelError("spread and grain must be above 0")
    layers = {layer: Calibration(arrays[f"scores_{layer}"]) for layer in LAYERS if f"scores_{layer}" in arrays}
    forest = Forest(width, float(arrays["norm"][0]), **{name: arrays[name] for name in ARRAYS})
    tails = Tails(ordered, arrays["grain"])
    parts = (arrays["fill"], arrays["centre"], arrays["spread"])
    return Model(
        manifest, forest, tails, *parts, Calibration(arrays["scores"]), Calibration(arrays["scores_unseen"]), layers
    )


def _manifest(data: bytes) -> Manifest:
    try:
        manifest = Manifest(**orjson.loads(data))
        shares = [float(share) for share in manifest.new_tasks.values()]
    except (ValueError, TypeError, AttributeError) as error:
        raise ModelError(f"the manifest cannot be read: {error}") from error
    if not all(0 <= share <= 1 for share in shares):
        raise ModelError("the manifest's shares of new tasks must lie from 0 to 1")
    return manifest


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """What np.savez_compressed writes, without the time of writing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
