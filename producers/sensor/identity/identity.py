"""What others call a workload. A value, nothing more."""

from __future__ import annotations

from dataclasses import dataclass

from ....models.events import Label

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a container runtime or a cluster calls a workload. None is unknown; texts are cleaned and capped.

    `image` is a digest, `image_name` the reference with its tag, `owner` a Kind/name such as Deployment/search.
    """

    pod: str | None = None
    namespace: str | None = None
    container: str | None = None
    image: str | None = None
    image_name: str | None = None
    owner: str | None = None
    node: str | None = None
    labels: tuple[Label, ...] = ()
