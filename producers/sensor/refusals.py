"""What is left when the kernel refuses some of the planned programs. Pure.

A feature stands or falls with all its programs and with the features it needs. Losing the required one is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ...models.errors import TriptychError
from .program import FEATURES, Feature

__all__ = ["remaining", "used"]


def remaining(
    features: Iterable[str],
    missing: Mapping[str, str],
    refused: Mapping[str, str],
    known: Sequence[Feature] = FEATURES,
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Features that still stand, and all that are missing with the reason. `refused`: program -> why.

    Raises TriptychError S07 when a required feature falls.
    """
    planned, lost = set(features), dict(missing)
    for feature in known:
        reasons = [lost[name] for name in feature.needs if name in lost]
        reasons += [refused[name] for name in feature.programs if name in refused]
        if feature.name not in planned or not reasons:
            continue
        if feature.required:
            raise TriptychError(f"the kernel refuses what the sensor cannot do without: {reasons[0]}", code="S07")
        lost[feature.name] = reasons[0]
    standing = (feature.name for feature in known if feature.name in planned and feature.name not in lost)
    return tuple(dict.fromkeys(standing)), lost


def used(features: Iterable[str], known: Sequence[Feature] = FEATURES) -> set[str]:
    """The programs that these features rest on."""
    standing = set(features)
    return {program for feature in known if feature.name in standing for program in feature.programs}
