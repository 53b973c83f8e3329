"""A process that does a known number of everything the sensor watches. The same on every kernel and machine.

Run as `python -m triptych.infra.kernels.workload FOLDER`: says "ready", waits for a line, works, and ends.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 - the first name of a host would import it, and be seen
import errno
import mmap
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["STEPS", "main", "prepare"]

_HOST = "127.0.0.1"
_PORT = 29677  # this and the next few: below those the kernel hands out, and registered to nobody
_DNS_PORT = 53
_QUERY = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + b"\x05known\x07example\x04test\0" + struct.pack(">HH", 1, 1)
_SETUP, _ENTER = 425, 426  # io_uring_setup, io_uring_enter on every machine
_UTS_NAMESPACE = 0x04000000
# open(rdi, O_RDONLY) through int 0x80: mov ebx, edi; mov eax, 5; xor ecx, ecx; int 0x80; ret - with rbx kept
_OPEN_32 = bytes.fromhex("53 89fb b805000000 31c9 cd80 5b c3")
# Number of the machine in an executable's head, and exit(0) in its code.
_PROGRAMS = {"x86_64": (62, "31ff b83c000000 0f05"), "aarch64": (183, "000080d2 a80b80d2 010000d4")}
_LOW_PAGE = 0x40  # MAP_32BIT: the name must lie below 4 GiB
_libc = ctypes.CDLL(None, use_errno=True)


def prepare(folder: Path) -> None:
    """What the workload expects to find."""
    (folder / "real").mkdir(parents=True, exist_ok=True)
    (folder / "real" / "file").write_bytes(b"thirteen byte")
    (folder / "program").write_bytes(_program())
    (folder / "program").chmod(0o700)
    if not (folder / "link").is_symlink():
        (folder / "link").symlink_to("real")


def _program() -> bytes:
    """The smallest program there is, as large on every machine: it ends with status 0 (elf(5))."""
    machine, code = _PROGRAMS[platform.machine()]
    start, size = 0x400000, 64 + 56 + 16
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    head += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, start + 120, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, start, start, size, size, 0x1000)
    return head + segment + bytes.fromhex(code).ljust(16, b"\0")


def _opens(folder: Path) -> None:
    for _ in range(7):
        with (folder / "link" / "file").open("rb", buffering=0) as file:
            file.read(13)


def _refused(folder: Path) -> None:
    for number in range(3):
        try:
            os.open(folder / f"absent{number}", os.O_RDONLY)
        except FileNotFoundError:
            continue


def _writes(folder: Path) -> None:
    for number in range(5):
        descriptor = os.open(folder / f"made{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.write(descriptor, b"seventeen bytes..")
        os.close(descriptor)


def _changes(folder: Path) -> None:
    (folder / "made0").rename(folder / "moved")
    (folder / "made1").chmod(0o640)
    (folder / "second").hardlink_to(folder / "moved")
    for name in ("moved", "second", "made1", "made2", "made3", "made4"):
        (folder / name).unlink()


def _children(folder: Path) -> None:
    for number in range(3):
        child = os.fork()
        if not child:
            os.execv(folder / "program", ["program", f"child-{number}"])  # noqa: S606
        os.waitpid(child, 0)


def _memory(folder: Path) -> None:
    """Executes a file that no directory names."""
    descriptor = os.memfd_create("nowhere", 0)
    os.write(descriptor, (folder / "program").read_bytes())
    child = os.fork()
    if not child:
        os.execv(f"/proc/self/fd/{descriptor}", ["nowhere"])  # noqa: S606
    os.waitpid(child, 0)
    os.close(descriptor)


def _connections(_: Path) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((_HOST, _PORT))
        listener.listen(8)
        for number in range(5):
            client = socket.socket()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind((_HOST, _PORT + 1 + number))
            client.connect((_HOST, _PORT))
            server, _ = listener.accept()
            client.sendall(bytes(100 + number))
            server.recv(1000)
            # No TIME_WAIT is left behind: the next run takes the same port.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            server.close()


def _queries(_: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((_HOST, _PORT))
        for _number in range(2):
            client.sendto(_QUERY, (_HOST, _DNS_PORT))


def _uring(folder: Path) -> None:
    """Opens through io_uring, one submission at a time (io_uring_setup(2))."""
    parameters = ctypes.create_string_buffer(120)
    ring = _libc.syscall(_SETUP, 4, parameters)
    if ring < 0:
        return
    tail, array = (struct.unpack_from("<I", parameters, 40 + at)[0] for at in (4, 24))  # of struct io_sqring_offsets
    queue = mmap.mmap(ring, array + 16, mmap.MAP_SHARED, offset=0)
    entries = mmap.mmap(ring, 4 * 64, mmap.MAP_SHARED, offset=0x10000000)
    path = ctypes.create_string_buffer(os.fsencode(folder / "real" / "file"))
    for number in range(2):
        slot = number % 4
        entry = struct.pack("<BBHiQQII", 18, 0, 0, -100, 0, ctypes.addressof(path), 0, os.O_RDONLY)
        entries[slot * 64 : slot * 64 + 64] = entry.ljust(64, b"\0")
        struct.pack_into("<I", queue, array + 4 * slot, slot)
        struct.pack_into("<I", queue, tail, number + 1)
        _libc.syscall(_ENTER, ring, 1, 1, 1, None, 0)
    queue.close()
    entries.close()
    os.close(ring)


def _compat(folder: Path) -> None:
    """Opens as a 32-bit program does, from a 64-bit one."""
    if platform.machine() != "x86_64":
        return
    low = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _LOW_PAGE, mmap.PROT_READ | mmap.PROT_WRITE)
    code = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    low.write(os.fsencode(folder / "real" / "file") + b"\0")
    code.write(_OPEN_32)
    name = ctypes.addressof(ctypes.c_char.from_buffer(low))
    call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
    for _ in range(2):
        descriptor = call(name)
        if descriptor >= 0:
            os.close(descriptor)


def _handles(folder: Path) -> None:
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0), 136)
    mount = ctypes.c_int()
    path = os.fsencode(folder / "real" / "file")
    if _libc.name_to_handle_at(-100, path, handle, ctypes.byref(mount), 0):
        return
    directory = os.open(folder, os.O_RDONLY)
    for _ in range(2):
        descriptor = _libc.open_by_handle_at(directory, handle, os.O_RDONLY)
        if descriptor >= 0:
            os.close(descriptor)
    os.close(directory)


def _escapes(_: Path) -> None:
    for _number in range(3):
        child = os.fork()
        if not child:
            os._exit(_libc.unshare(_UTS_NAMESPACE) and ctypes.get_errno() not in (0, errno.EPERM))
        os.waitpid(child, 0)


def _passing(folder: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, (folder / "real" / "file").open("rb") as file:
        for _ in range(2):
            socket.send_fds(ours, [b"x"], [file.fileno()])
            _, descriptors, _, _ = socket.recv_fds(theirs, 1, 1)
            os.close(descriptors[0])


def _copies(folder: Path) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, (folder / "real" / "file").open("rb") as file:
        os.sendfile(ours.fileno(), file.fileno(), 0, 13)


STEPS: Sequence[Callable[[Path], None]] = (
    _opens,
    _refused,
    _writes,
    _changes,
    _children,
    _memory,
    _connections,
    _queries,
    _uring,
    _compat,
    _handles,
    _escapes,
    _passing,
    _copies,
)


def main() -> None:
    folder = Path(sys.argv[1])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for step in STEPS:
        step(folder)
    sys.stdout.write("done\n")
    sys.stdout.flush()
    # The interpreter's own tear-down is none of the workload.
    sys.stdin.readline()
    os._exit(0)


if __name__ == "__main__":
    main()
