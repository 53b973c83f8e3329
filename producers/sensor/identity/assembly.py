"""From settings to where names come from. What is not configured is not even imported: a sensor stays small."""

from __future__ import annotations

from .config import IdentityConfig
from .names import Names, Several, Tell
from .naming import Naming

__all__ = ["naming"]


def naming(config: IdentityConfig, tell: Tell) -> Naming:
    """Starts to learn names. Those of the cluster win over those of the engine; without either nobody is waited for.

    `tell` hears the first trouble of each kind.
    """
    sources: list[Names] = []
    if config.kubernetes:
        from .kubernetes import KubernetesNames  # noqa: PLC0415

        sources.append(KubernetesNames(config.kubernetes, tell))
    if config.docker:
        from .docker import DockerNames  # noqa: PLC0415

        sources.append(DockerNames(config.docker, tell))
    return Naming(Several(sources), config.wait_s if sources else 0)
