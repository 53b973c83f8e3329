"""A model: one form of the scorer for each sight, and where they come from.

A model file holds numbers and one JSON manifest, nothing that runs; a file that was changed, that speaks of other
features, or that scores its probe rows otherwise is refused.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from .errors import TriptychError
from .features import FEATURE_HASH, FEATURE_SET
from .form import Form, assemble
from .sight import SIGHTS, Sight

__all__ = ["Manifest", "Model", "ModelError", "dump", "load"]

_JOINT = "."


class ModelError(TriptychError):
    """A model that cannot be used: M05 changed or damaged, M06 made for other features."""

    code = "M05"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """Where a model comes from; the same inputs give the same model. `sha256` is of the numbers; `new_tasks` holds for
    each sight and server the share of turns of a new kind, `self_check` for each server the share of its tampered turns
    that the model finds (tampering.py)."""

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
    new_tasks: Mapping[Sight, Mapping[str, float]] = field(default_factory=dict)
    self_check: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """At least one form, by the sight of the turns it was made of."""

    manifest: Manifest
    forms: Mapping[Sight, Form]

    def __post_init__(self) -> None:
        if not self.forms:
            raise ModelError("a model without a form judges nothing", "train again")

    def sight(self, told: Sight) -> Sight:
        """The sight to judge a turn by that was told of with `told`: the farthest that both have, else the nearest."""
        known = [sight for sight in SIGHTS if sight in self.forms]
        return max((sight for sight in known if SIGHTS.index(sight) <= SIGHTS.index(told)), default=known[0],
                   key=SIGHTS.index)  # fmt: skip


def dump(model: Model) -> tuple[bytes, bytes]:
    """The numbers as npz and the manifest as JSON. Equal models give equal bytes."""
    arrays = {
        f"{sight}{_JOINT}{name}": array for sight, form in model.forms.items() for name, array in form.arrays().items()
    }
    body = _npz(arrays)
    values = {field.name: getattr(model.manifest, field.name) for field in fields(Manifest)}
    shares = {sight: dict(form.shares) for sight, form in model.forms.items()}
    values |= {"sha256": hashlib.sha256(body).hexdigest(), "new_tasks": shares}
    return body, orjson.dumps(values, option=orjson.OPT_SORT_KEYS)


def load(body: bytes, manifest: bytes) -> Model:
    """The model in `body`, as its manifest describes it, after its probe rows scored as they did in training.

    Raises ModelError, FormError, ForestError or CalibrationError; never runs anything that the bytes hold.
    """
    described = _manifest(manifest)
    if hashlib.sha256(body).hexdigest() != described.sha256:
        raise ModelError("the model differs from the digest in its manifest", "train again, or restore the file")
    try:
        with np.load(io.BytesIO(body), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return Model(described, {sight: _form(described, arrays, sight) for sight in _sights(arrays)})
    except TriptychError:
        raise
    except Exception as error:  # whatever zip and numpy make of bytes that are none of ours
        raise ModelError(f"the model cannot be read: {type(error).__name__} {error}") from error


def _sights(arrays: Mapping[str, NDArray[Any]]) -> list[Sight]:
    named = {name.partition(_JOINT)[0] for name in arrays}
    return [sight for sight in SIGHTS if sight in named]


def _form(manifest: Manifest, arrays: Mapping[str, NDArray[Any]], sight: Sight) -> Form:
    prefix = sight + _JOINT
    own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
    return assemble(own, manifest.new_tasks.get(sight, {}))


def _manifest(data: bytes) -> Manifest:
    try:
        plain = orjson.loads(data)
        _check_features(str(plain["feature_set"]), str(plain["feature_hash"]))
        manifest = Manifest(**plain)
        shares = [float(share) for by_server in manifest.new_tasks.values() for share in by_server.values()]
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise ModelError(f"the manifest cannot be read: {error}") from error
    if not all(0 <= share <= 1 for share in shares):
        raise ModelError("the manifest's shares of new tasks must lie from 0 to 1")
    return manifest


def _check_features(name: str, digest: str) -> None:
    """Asked before anything else: a manifest of another version may have other fields."""
    if (name, digest) != (FEATURE_SET, FEATURE_HASH):
        raise ModelError(
            f"the model speaks of features {name}/{digest}, not of {FEATURE_SET}/{FEATURE_HASH}",
            "train a model with this version",
            code="M06",
        )


def _npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """What np.savez_compressed writes, without the time of writing."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            part = io.BytesIO()
            np.lib.format.write_array(part, np.ascontiguousarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), part.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()
