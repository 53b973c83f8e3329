from __future__ import annotations

from copy import copy
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
        ("/home/ann/.bash_history", "secret.history"),
        ("/home/ann/.cargo/credentials.toml", "secret.app"),
        ("/var/lib/kubelet/pods/7/volumes/kubernetes.io~secret/tls/key", "secret.k8s"),
        ("/etc/NetworkManager/system-connections/office.nmconnection", "secret.sys"),
        ("/var/spool/cron/crontabs/ann", "persistence"),
        ("/etc/cron.hourly/job", "persistence"),
        ("/home/ann/.config/systemd/user/x.service", "persistence"),
        ("/usr/lib/systemd/system/x.service", "persistence"),
        ("/etc/ld.so.preload", "persistence"),
        ("/home/ann/.zprofile", "persistence"),
        ("/home/ann/.config/fish/conf.d/x.fish", "persistence"),
        ("/etc/xdg/autostart/x.desktop", "persistence"),
        ("/etc/udev/rules.d/99-x.rules", "persistence"),
        ("/etc/rc3.d/S99x", "persistence"),
        ("/proc/1/root/etc/cron.d/x", "persistence"),
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
        "/srv/app/locales/en/auth.json",
        "/srv/charts/shop/templates/secret.yaml",
        "/srv/environment/notes.txt",
        "/srv/myaws/credentials",
        "/srv/docs/cron.d/readme",
        "/srv/etc/crontab",
        "/home/ann/project/.git/hooks",
        "/home/ann/project/git/hooks/pre-commit",
        "/home/ann/bashrc",
        "/home/ann/.bashrc.md",
        "/home/ann/history.txt",
        "/etc/ld.so.cache",
        "/etc/ld.so.preload.md",
        "/usr/lib/x86_64-linux-gnu/libc.so.6",
        "/usr/lib/systemd/systemd",
        "/usr/lib/python3/dist-packages/distutils-precedence.pth",
        "/home/ann/.gitconfig",
        "/etc/hosts",
        "",
    ],
)
def test_a_near_miss_has_no_class(path: str) -> None:
    assert BUILT_IN.path(path) is None


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/usr/lib/python3/dist-packages/evil.pth", "persistence.start"),
        ("/home/ann/.local/lib/python3.11/site-packages/usercustomize.py", "persistence.start"),
        ("/home/ann/.npmrc", "persistence.start"),
        ("/home/ann/project/.git/config", "persistence.start"),
        ("/home/ann/project/.vscode/tasks.json", "persistence.start"),
        ("/etc/passwd", "persistence.start"),
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", "persistence.library"),
        ("/lib/libpam.so", "persistence.library"),
        ("/etc/ld.so.conf.d/x.conf", "persistence.library"),
        ("/lib/modules/6.1.0/extra/rootkit.ko", "persistence.library"),
        ("/usr/local/bin/git", "persistence.program"),
        ("/proc/sys/kernel/core_pattern", "escape.kernel"),
        ("/sys/fs/cgroup/memory/x/release_agent", "escape.kernel"),
        ("/sys/fs/cgroup/other.slice/cgroup.procs", "escape.kernel"),
        ("/dev/nvme0n1p1", "escape.kernel"),
        ("/proc/self/uid_map", "escape.kernel"),
        ("/home/ann/.local/bin/python", "persistence.program"),
        ("/srv/../usr/bin/sudo", "persistence.program"),
    ],
)
def test_what_everybody_reads_is_sensitive_where_it_is_written(path: str, expected: str) -> None:
    assert BUILT_IN.written(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/srv/app/lib/libc.so.6",
        "/usr/lib/python3/dist-packages/numpy/core/_multiarray.so",
        "/usr/local/lib/python3.11/site-packages/x/_x.so",
        "/srv/usr/bin/x",
        "/usr/bin/x/y",
        "/usr/share/doc/pip.conf.md",
        "/srv/site.py",
        "/srv/path.txt",
        "/home/ann/project/git/config",
        "/srv/settings.json",
        "/dev/shm/x",
        "/dev/null",
        "/proc/self/comm",
        "/srv/sys/kernel/uevent_helper",
        "",
    ],
)
def test_writing_a_near_miss_is_ordinary(path: str) -> None:
    assert BUILT_IN.written(path) is None


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
        ("169.254.42.42", "metadata"),
        ("fe80::a9fe:a9fe%eth0", "metadata"),
        ("169.254.42.43", "inside"),
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


def test_an_operator_says_what_matters_only_when_it_is_written(tmp_path: Path) -> None:
    extra = tmp_path / "own.toml"
    extra.write_text('[[class]]\nname = "private.ledger"\nwritten = true\npaths = ["/srv/ledger/**"]\n')
    classes = Sensitivity.load([extra])
    assert (classes.path("/srv/ledger/2026"), classes.written("/srv/ledger/2026")) == (None, "private.ledger")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[clas]]\n", "unknown section 'clas'"),
        ('[[class]]\nname = "x"\npath = []\n', "unknown key 'path'"),
        ('[[class]]\nname = "x"\n', "'paths' is missing"),
        ("[networks]\nnear = []\n", "unknown key 'near'"),
        ('[[class]]\nname = "x"\npaths = "/a"\n', "paths is a str"),
        ('[[class]]\nname = "x"\npaths = []\nwritten = "yes"\n', "written is a str"),
        ("[[", "cannot read"),
    ],
)
def test_a_file_of_another_shape_is_refused_by_name(tmp_path: Path, text: str, complaint: str) -> None:
    extra = tmp_path / "own.toml"
    extra.write_text(text)
    with pytest.raises(ConfigError, match=complaint) as refusal:
        Sensitivity.load([extra])
    assert str(extra) in str(refusal.value)


def test_every_built_in_pattern_has_a_whole_word_or_every_path_would_pay_for_it() -> None:
    assert [quick.__wrapped__.__self__.words is None for quick in (BUILT_IN.path, BUILT_IN.written)] == [False, False]


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
        "usr",
        "bin",
        "x.pth",
    ]
)


@given(st.lists(SEGMENTS, max_size=5).map("/".join))
def test_the_quick_no_is_never_wrong(path: str) -> None:
    for quick in (BUILT_IN.path, BUILT_IN.written):
        patterns = quick.__wrapped__.__self__
        slow = copy(patterns)
        slow.words = None
        assert patterns.of(path) == slow.of(path)


def test_a_path_of_any_length_has_its_class() -> None:
    long = f"/home/ann/{'x' * 4_000}/.aws/credentials"
    assert [BUILT_IN.path(long), BUILT_IN.path(long)] == [BUILT_IN.path("/home/ann/x/.aws/credentials")] * 2
