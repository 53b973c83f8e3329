from __future__ import annotations

import pytest

from triptych.models.errors import ConfigError
from triptych.producers.sensor.identity.config import IdentityConfig, KubernetesConfig


@pytest.mark.parametrize(
    ("url", "node", "complaint"),
    [
        ("http://10.0.0.1:6443", "n", "without TLS"),
        ("http://kubernetes.default.svc", "n", "without TLS"),
        ("https://user@kubernetes.default.svc", "n", "kubernetes_api"),
        ("unix:///run/x.sock", "n", "kubernetes_api"),
        ("in-cluster", "n", "kubernetes_api"),
        ("https://kubernetes.default.svc", "", "kubernetes_node"),
    ],
)
def test_an_api_that_cannot_be_asked_safely_is_refused(url: str, node: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        KubernetesConfig(url=url, node=node)


@pytest.mark.parametrize("url", ["https://kubernetes.default.svc", "https://[fd00::1]:6443", "http://127.0.0.1:8001"])
def test_tls_or_loopback_is_safe(url: str) -> None:
    assert KubernetesConfig(url=url, node="n").url == url


@pytest.mark.parametrize("wait_s", [-1, 10.1, float("nan")])
def test_an_impossible_wait_is_refused(wait_s: float) -> None:
    with pytest.raises(ConfigError, match="name_wait_s"):
        IdentityConfig(wait_s=wait_s)
