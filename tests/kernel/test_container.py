"""A real container of a real Docker engine, told by the names the engine gives it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake_api import ignored
from patience import PATIENCE_S, eventually

from triptych.infra.process import running as process
from triptych.producers.lease import Granted
from triptych.producers.sensor.identity.assembly import naming
from triptych.producers.sensor.identity.config import IdentityConfig

from .conftest import Gateway, Server, Start

pytestmark = [pytest.mark.kernel, pytest.mark.stack]

IMAGE = "triptych.test/server:7"
LINKS = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}  # the machine's own /usr is mounted


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, require: Callable[[str, str], None]) -> Iterator[Path]:
    """Socket of a Docker engine of our own that has one image."""
    if not (shutil.which("dockerd") and shutil.which("docker")):
        require("stack", "no Docker engine is installed")
    folder = tmp_path_factory.mktemp("engine")
    state = [f"--{name}-root={folder}/{name}" for name in ("data", "exec")]
    apart = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"]
    address = folder / "docker.sock"
    command = ["dockerd", f"--host=unix://{address}", f"--pidfile={folder}/pid", *state, *apart]
    with process(command, log=folder / "log", patience_s=30):
        eventually(lambda: _docker(address, "version", check=False).returncode == 0)
        _docker(address, "import", "--change", "LABEL tools.test/kind=echo", "-", IMAGE, given=_filesystem())
        yield address


def _docker(
    socket: Path, *arguments: str, given: bytes | None = None, check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    command = ["docker", "--host", f"unix://{socket}", *arguments]
    return subprocess.run(command, input=given, check=check, capture_output=True, timeout=PATIENCE_S)


def _filesystem() -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, target in LINKS.items():
            link = tarfile.TarInfo(name)
            link.type, link.linkname = tarfile.SYMTYPE, target
            tar.addfile(link)
    return archive.getvalue()


class Container(Server):
    """A server whose process runs in a container, as nobody."""

    def __init__(self, socket: Path, cgroup_namespace: str) -> None:
        self._socket = socket
        self._name = f"server-{cgroup_namespace}"
        flags = ["--rm", "--interactive", "--network=none", "--user=65534", "--volume=/usr:/usr:ro"]
        named = [f"--name={self._name}", f"--cgroupns={cgroup_namespace}", "--label=team=search"]
        prefix = ["docker", "--host", f"unix://{socket}", "run", *flags, *named, IMAGE]
        super().__init__([*prefix, "/usr/bin/python3"])
        said = json.loads(_docker(socket, "inspect", self._name).stdout)[0]
        self.id, self.image, self.pid = str(said["Id"]), str(said["Image"]), int(said["State"]["Pid"])

    def close(self) -> None:
        _docker(self._socket, "kill", self._name)
        super().close()


@pytest.mark.parametrize("cgroup_namespace", ["private", "host"])
def test_a_server_in_a_container_is_told_by_its_names(start: Start, engine: Path, cgroup_namespace: str) -> None:
    running = start(naming=naming(IdentityConfig(docker=engine), ignored), lease_users=(0,))
    server = Container(engine, cgroup_namespace)
    try:
        gateway = Gateway(running.socket)
        answer = gateway.attach(server.pid)
        call = gateway.begin()
        server.do("open('/etc/hostname').close()")
        gateway.end(call)
        running.told.settled()
        gateway.close()
    finally:
        server.close()
    assert isinstance(answer, Granted)
    assert answer.workload == server.id
    [(batch, event)] = [
        (b, e) for b in running.told.batches for e in b.events if (e.kind, e.path) == ("open", "/etc/hostname")
    ]
    assert (event.binding, batch.container_id, batch.pod_uid) == ("exact", server.id, None)
    assert (batch.container, batch.image_name, batch.image) == (f"server-{cgroup_namespace}", IMAGE, server.image)
    assert [(label.name, label.value) for label in batch.labels] == [("team", "search"), ("tools.test/kind", "echo")]
