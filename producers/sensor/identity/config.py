"""Settings of where names come from. Reads no environment; impossible values never get past the constructor."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ....models.errors import ConfigError

__all__ = ["IdentityConfig", "KubernetesConfig"]

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_LONGEST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KubernetesConfig:
    """`url` of the API server, `node` whose pods are listed. `token` is read anew for every request, for it rotates.

    Only certificates of `ca` are trusted. Without TLS (a proxy on loopback) no token is sent.
    """

    url: str
    node: str
    token: Path = _ACCOUNT / "token"
    ca: Path = _ACCOUNT / "ca.crt"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if not parts.hostname or parts.scheme not in ("http", "https") or parts.username or parts.query:
            raise ConfigError(f"kubernetes_api is {self.url!r}", "such as https://kubernetes.default.svc")
        if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
            raise ConfigError(f"kubernetes_api is {self.url!r}, without TLS", "use https beyond loopback")
        if not self.node:
            raise ConfigError("kubernetes_node is not set", "the downward API gives it: fieldRef spec.nodeName")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityConfig:
    """Where names come from; nothing by default. `wait_s` is how long early events of a workload wait for them."""

    kubernetes: KubernetesConfig | None = None
    docker: Path | None = None
    wait_s: float = 2.0

    def __post_init__(self) -> None:
        if not 0 <= self.wait_s <= _LONGEST_WAIT_S:
            raise ConfigError(f"name_wait_s is {self.wait_s}", f"choose 0 to {_LONGEST_WAIT_S} seconds")
