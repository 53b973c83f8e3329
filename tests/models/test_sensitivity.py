from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triptych.models.errors import ConfigError
from triptych.models.sensitivity import Sensitivity

BUILT_IN = Sensitivity.load()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/ann/.aws/credentials", "secret.cloud"),
        ("/srv/a\nb/.aws/c\nd", "secret.cloud"),
        ("/tmp/planted/home/.aws/credentials", "secret.cloud"),
        ("../../.aws/credentials", "secret.cloud"),
        ("/home/ann//.aws/./credentials", "secret.cloud"),
        ("/srv/x/../../home/ann/.ssh/id_ed25519", "secret.ssh"),
        ("/run/secrets/kubernetes.io/serviceaccount/token", "secret.k8s"),
        ("/etc/shadow", "secret.sys"),
        ("/proc/self/root/etc/shadow", "secret.sys"),
        ("/proc/1/task/1/root/etc/shadow", "secret.sys"),
        ("/proc/4121/environ", "secret.proc"),
        ("/srv/app/.env", "secret.app"),
        ("/srv/app/.env.production", "secret.app"),
        ("/srv/tls/server.key", "secret.app"),
        ("/home/ann/.ssh/authorized_keys", "persistence"),
        ("/etc/cron.d/job", "persistence"),
        ("/home/ann/project/.git/hooks/pre-commit", "persistence"),
    ],
)
def test_a_sensitive_path_has_its_class_however_it_is_written(path: str, expected: str) -> None:
    assert BUILT_IN.path(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/srv/app/config.toml",
        "/etc/passwd",
        "/etc/ssl/certs/ca-certificates.crt",
        "/usr/lib/python3/dist-packages/certifi/cacert.pem",
        "/etc/ssl/certs/ISRG_Root_X1.pem",
        "/srv/app/.env.example",
        "/home/ann/.ssh/known_hosts",
        "/home/ann/.ssh/id_ed25519.pub",
        "/srv/environment/notes.txt",
        "/srv/myaws/credentials",
        "",
    ],
)
def test_a_near_miss_has_no_class(path: str) -> None:
    assert BUILT_IN.path(path) is None


@given(st.text())
def test_every_text_is_some_path(path: str) -> None:
    assert BUILT_IN.path(path) is None or "." in (BUILT_IN.path(path) or "") or BUILT_IN.path(path) == "persistence"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", "inside"),
        ("10.1.2.3", "inside"),
        ("172.32.0.1", "outside"),
        ("169.254.3.4", "inside"),
        ("203.0.113.7", "outside"),
        ("2001:db8::1", "outside"),
        ("::1", "inside"),
        ("fe80::1%eth0", "inside"),
        ("fd12::1", "inside"),
        ("169.254.169.254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("::ffff:10.0.0.1", "inside"),
        ("not an address", "outside"),
    ],
)
def test_a_destination_has_its_side(address: str, expected: str) -> None:
    assert BUILT_IN.destination(address) == expected


def test_a_declared_network_wins_over_the_usual_side_and_the_narrower_over_the_wider() -> None:
    classes = Sensitivity.load(outside=["127.0.9.0/24", "10.0.0.0/8"], inside=["203.0.113.0/24", "10.1.0.0/16"])
    answers = [
        classes.destination(address) for address in ("127.0.9.1", "127.0.0.1", "203.0.113.7", "10.1.0.1", "10.2.0.1")
    ]
    assert answers == ["outside", "inside", "inside", "inside", "outside"]


def test_nothing_can_make_the_metadata_address_ordinary() -> None:
    assert Sensitivity.load(inside=["169.254.169.254/32"]).destination("169.254.169.254") == "metadata"


def test_a_network_on_both_sides_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.0/8"):
        Sensitivity.load(outside=["10.0.0.0/8"], inside=["10.0.0.0/8"])


def test_a_wrong_network_is_refused_with_its_text() -> None:
    with pytest.raises(ConfigError, match=r"10\.0\.0\.1/8"):
        Sensitivity.load(outside=["10.0.0.1/8"])


def test_an_operators_class_goes_before_the_built_in_ones(tmp_path: Path) -> None:
    extra = tmp_path / "own.toml"
    extra.write_text(
        '[[class]]\nname = "private.customers"\npaths = ["/srv/crm/**"]\n[[except]]\npaths = ["/srv/public/**"]\n'
        '[networks]\noutside = ["10.9.0.0/16"]\n'
    )
    classes = Sensitivity.load([extra])
    assert classes.path("/srv/crm/list.csv") == "private.customers"
    assert classes.path("/srv/public/.env") is None
    assert classes.path("/srv/app/.env") == "secret.app"
    assert classes.destination("10.9.1.1") == "outside"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[clas]]\n", "unknown section 'clas'"),
        ('[[class]]\nname = "x"\npath = []\n', "unknown key 'path'"),
        ('[[class]]\nname = "x"\n', "'paths' is missing"),
        ("[networks]\nnear = []\n", "unknown key 'near'"),
        ('[[class]]\nname = "x"\npaths = "/a"\n', "paths is a str"),
        ("[[", "cannot read"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    extra = tmp_path / "own.toml"
    extra.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as refusal:
        Sensitivity.load([extra])
    assert str(extra) in str(refusal.value)


SEGMENTS = st.sampled_from(
    [
        ".aws",
        "credentials",
        ".env",
        ".env.local",
        "x.pem",
        "cert-a.pem",
        "id_rsa",
        "..",
        ".",
        "",
        "etc",
        "shadow",
        "a.b",
    ]
)


@given(st.lists(SEGMENTS, max_size=5).map("/".join))
def test_the_quick_no_is_never_wrong(path: str) -> None:
    slow = Sensitivity.load()
    slow._words = None
    assert BUILT_IN._path(path) == slow._path(path)
