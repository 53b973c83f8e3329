"""What a hostile tool does to be overlooked, and what an honest one does without libc's help. Runs inside the server.

Standard library only: the server starts without site-packages. x86-64.
"""

from __future__ import annotations

import array
import ctypes
import mmap
import os
import signal
import socket
import struct
import threading
import time
from pathlib import Path

LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
NR = {"exit": 60, "ptrace": 101, "pivot_root": 155, "setns": 308, "open_by_handle_at": 304, "bpf": 321}
NR |= {"io_uring_setup": 425, "io_uring_enter": 426, "openat2": 437, "pidfd_open": 434, "pidfd_getfd": 438}
NR |= {
    "name_to_handle_at": 303,
    "clone": 56,
    "clone3": 435,
    "finit_module": 313,
    "keyctl": 250,
    "unshare": 272,
    "process_vm_writev": 311,
}
MAP_32BIT = 0x40
CLONE_VM, CLONE_VFORK, CLONE_PARENT, CLONE_NEWPID = 0x100, 0x4000, 0x8000, 0x20000000
CLONE_NEWUTS = 0x4000000
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
PTRACE_ATTACH, PTRACE_DETACH = 16, 17
# push rbx; mov eax, edi; mov ebx, esi; xchg ecx, edx; int 0x80; pop rbx; ret
INT_80 = bytes.fromhex("53 89f8 89f3 87d1 cd80 5b c3")
RING_OFFSETS = struct.Struct("<8IQ")
OPENAT, CONNECT, READ = 18, 16, 22


def call(name: str, *arguments: object) -> int:
    """The system call itself; its result, or -errno."""
    result = LIBC.syscall(NR[name], *arguments)
    return -ctypes.get_errno() if result < 0 else int(result)


def low_memory(content: bytes, *, executable: bool = False) -> int:
    """Address below 4 GiB of a copy of `content`, never freed."""
    LIBC.mmap.restype = ctypes.c_void_p
    protection = mmap.PROT_READ | mmap.PROT_WRITE | (mmap.PROT_EXEC if executable else 0)
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT
    at = LIBC.mmap(None, ctypes.c_size_t(4096), protection, flags, -1, ctypes.c_long(0))
    ctypes.memmove(at, content, len(content))
    return int(at)


def int_80(number: int, first: int = 0, second: int = 0, third: int = 0) -> int:
    """A 32-bit system call of this 64-bit process."""
    prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int)
    return int(prototype(low_memory(INT_80, executable=True))(number, first, second, third))


def open_32(path: str) -> int:
    return int_80(5, low_memory(path.encode() + b"\0"))


def rename_32(old: str, new: str) -> int:
    return int_80(38, low_memory(old.encode() + b"\0"), low_memory(new.encode() + b"\0"))


def open_by_handle(path: str) -> int:
    """Open by what names the file inside its filesystem, not by any path."""
    handle = ctypes.create_string_buffer(struct.pack("<Ii", 128, 0) + bytes(128))
    mount = ctypes.c_int()
    call("name_to_handle_at", AT_FDCWD, path.encode(), handle, ctypes.byref(mount), 0)
    folder = os.open(Path(path).parent, os.O_RDONLY)
    opened = call("open_by_handle_at", folder, handle, os.O_RDONLY)
    os.close(folder)
    return opened


class Uring:
    """A ring of four, one request at a time."""

    def __init__(self) -> None:
        parameters = ctypes.create_string_buffer(120)
        self.descriptor = call("io_uring_setup", 4, parameters)
        submit = struct.unpack_from("<10I", parameters.raw, 40)
        complete = struct.unpack_from("<10I", parameters.raw, 80)
        self._tail_at, self._array_at, self._results_at = submit[1], submit[6], complete[5]
        self._submit = mmap.mmap(self.descriptor, 8192, offset=0)
        self._complete = mmap.mmap(self.descriptor, 8192, offset=0x8000000)
        self._entries = mmap.mmap(self.descriptor, 4096, offset=0x10000000)
        self._count = 0

    def do(self, operation: int, descriptor: int, address: int, *, length: int = 0, offset: int = 0) -> int:
        """Submit, wait, and give the result."""
        entry = struct.pack("<BBHiQQIIQ", operation, 0, 0, descriptor, offset, address, length, 0, 7)
        index = self._count & 3
        self._entries[index * 64 : index * 64 + 64] = entry.ljust(64, b"\0")
        struct.pack_into("<I", self._submit, self._array_at + 4 * index, index)
        self._count += 1
        struct.pack_into("<I", self._submit, self._tail_at, self._count)
        call("io_uring_enter", self.descriptor, 1, 1, 1, 0, 0)
        return int(struct.unpack_from("<Qi", self._complete, self._results_at + 16 * ((self._count - 1) & 7))[1])


def open_by_ring(path: str) -> int:
    name = ctypes.create_string_buffer(path.encode())
    return Uring().do(OPENAT, AT_FDCWD, ctypes.addressof(name))


def connect_by_ring(port: int) -> int:
    address = ctypes.create_string_buffer(struct.pack(">H4s8s", port, b"\x7f\0\0\1", bytes(8)), 14)
    whole = ctypes.create_string_buffer(struct.pack("<H", socket.AF_INET) + address.raw)
    with socket.socket() as client:
        return Uring().do(CONNECT, client.fileno(), ctypes.addressof(whole), offset=16)


def read_by_ring(descriptor: int, length: int) -> int:
    buffer = ctypes.create_string_buffer(length)
    return Uring().do(READ, descriptor, ctypes.addressof(buffer), length=length)


def in_child(act: str) -> int:
    """Run Python in a child process and wait; its status."""
    child = os.fork()
    if not child:
        try:
            exec(compile(act, "child", "exec"), globals())  # noqa: S102
        finally:
            os._exit(0)
    return os.waitpid(child, 0)[1]


def run_from_memory(program: str, name: str) -> int:
    """Execute a copy of `program` that has no name in any directory."""
    memory = os.memfd_create(name, 0)
    os.write(memory, Path(program).read_bytes())
    return in_child(f"os.execv('/proc/self/fd/{memory}', ['x'])")


def run_deleted(program: str, at: str) -> int:
    """Execute a copy of `program` that is unlinked before it starts."""
    copy = Path(at)
    copy.write_bytes(Path(program).read_bytes())
    copy.chmod(0o700)
    descriptor = os.open(at, os.O_RDONLY)
    copy.unlink()
    return in_child(f"os.execve({descriptor}, ['x'], {{}})")


def run_over(tree: str, program: str) -> None:
    """In a mount namespace of our own: an overlay in `tree`, one program of its image and one dropped into it, run."""
    for name in ("image", "changes", "view"):
        Path(tree, name).mkdir()
    content = Path(program).read_bytes()
    call("unshare", CLONE_NEWNS)
    LIBC.mount(b"none", b"/", None, MS_PRIVATE | MS_REC, None)
    LIBC.mount(b"none", f"{tree}/changes".encode(), b"tmpfs", 0, None)
    for name in ("changes/upper", "changes/work"):
        Path(tree, name).mkdir()
    Path(tree, "image/shipped").write_bytes(content)
    Path(tree, "image/shipped").chmod(0o700)
    layers = f"lowerdir={tree}/image,upperdir={tree}/changes/upper,workdir={tree}/changes/work".encode()
    LIBC.mount(b"none", f"{tree}/view".encode(), b"overlay", 0, layers)
    Path(tree, "view/dropped").write_bytes(content)
    Path(tree, "view/dropped").chmod(0o700)
    for name in ("shipped", "dropped"):
        os.waitpid(os.posix_spawn(f"{tree}/view/{name}", ["x"], {}), 0)


def attach(victim: int) -> None:
    call("ptrace", PTRACE_ATTACH, victim, 0, 0)
    os.waitpid(victim, 0)
    call("ptrace", PTRACE_DETACH, victim, 0, 0)


def pass_descriptor(path: str) -> int:
    """Hand an open file to another end of a socket; how many bytes the receiver reads from it."""
    ours, theirs = socket.socketpair()
    with Path(path).open("rb") as file:
        ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [file.fileno()]))])
    _, control, _, _ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
    received = struct.unpack("<i", control[0][2][:4])[0]
    return len(os.read(received, 65536))


def act_after_leader(path: str) -> int:
    """The first thread of a child ends; another one opens `path` afterwards."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]

    def act() -> None:
        time.sleep(0.05)
        os.open(path, os.O_RDONLY)
        os._exit(0)

    threading.Thread(target=act).start()
    return call("exit", 0)


def act_after_reply(path: str, go: str) -> None:
    """A daemon of a daemon opens `path` once somebody writes into the fifo `go`, when nobody waits any more."""
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    os.close(os.open(go, os.O_RDONLY))
    os.open(path, os.O_RDONLY)
    os._exit(0)


def query(name: str) -> bytes:
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return bytes([1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]) + labels + bytes([0, 0, 1, 0, 1])


def send_32(client: socket.socket, payload: bytes, port: int) -> int:
    """A 32-bit sendto, folded into socketcall as old programs do."""
    address = struct.pack("<H", socket.AF_INET) + struct.pack(">H4s8s", port, b"\x7f\0\0\1", bytes(8))
    data, to = low_memory(payload), low_memory(address)
    return int_80(102, 11, low_memory(struct.pack("<6I", client.fileno(), data, len(payload), 0, to, len(address))))


def send_message_32(client: socket.socket, payload: bytes, port: int) -> int:
    """A 32-bit sendmsg, with the structures of that size."""
    address = struct.pack("<H", socket.AF_INET) + struct.pack(">H4s8s", port, b"\x7f\0\0\1", bytes(8))
    pieces = low_memory(struct.pack("<4I", low_memory(payload[:12]), 12, low_memory(payload[12:]), len(payload) - 12))
    return int_80(370, client.fileno(), low_memory(struct.pack("<7I", low_memory(address), 16, pieces, 2, 0, 0, 0)))


class _Piece(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def _piece(payload: bytes) -> _Piece:
    return _Piece(ctypes.cast(ctypes.c_char_p(payload), ctypes.c_void_p), len(payload))


class _Message(ctypes.Structure):
    """struct mmsghdr; what pads an int to a word is counted to it."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_uint),
        ("pieces", ctypes.POINTER(_Piece)),
        ("piece_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_size_t),
        ("sent", ctypes.c_size_t),
    )


def send_many(port: int, payloads: list[bytes]) -> int:
    """sendmmsg to 127.0.0.1 from a socket that is not connected."""
    address = struct.pack("<H", socket.AF_INET) + struct.pack(">H4s8s", port, b"\x7f\0\0\1", bytes(8))
    messages = (_Message * len(payloads))()
    for message, payload in zip(messages, payloads, strict=True):
        message.name, message.name_length = address, 16
        message.pieces, message.piece_count = ctypes.pointer(_piece(payload)), 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        return int(LIBC.sendmmsg(client.fileno(), messages, len(payloads), 0))


def hear_by_vmsplice(descriptor: int) -> int:
    room = ctypes.create_string_buffer(16)
    return int(LIBC.vmsplice(descriptor, ctypes.byref(_Piece(ctypes.addressof(room), 16)), 1, 0))


def hear_by_recvmmsg(descriptor: int) -> int:
    room = ctypes.create_string_buffer(16)
    message = _Message(pieces=ctypes.pointer(_Piece(ctypes.addressof(room), 16)), piece_count=1)
    return int(LIBC.recvmmsg(descriptor, ctypes.byref(message), 1, 0, None))


def message_queue(content: bytes) -> int:
    """A System V queue that is gone with its last message's reader, with `content` in it."""
    queue = int(LIBC.msgget(0, 0o600))
    LIBC.msgsnd(queue, struct.pack("<q", 1) + content, len(content), 0)
    return queue


def hear_by_msgrcv(queue: int) -> int:
    room = ctypes.create_string_buffer(64)
    heard = int(LIBC.msgrcv(queue, room, 32, 0, 0))
    LIBC.msgctl(queue, 0, None)
    return heard


def posix_queue(content: bytes) -> int:
    """A POSIX queue without a name, with `content` in it."""
    queue = int(LIBC.mq_open(b"/triptych-test", os.O_RDWR | os.O_CREAT, 0o600, None))
    LIBC.mq_unlink(b"/triptych-test")
    LIBC.mq_send(queue, content, len(content), 0)
    return queue


def hear_by_mq_receive(queue: int) -> int:
    room = ctypes.create_string_buffer(65536)
    return int(LIBC.mq_receive(queue, room, len(room), None))


def unlink_in_shared_memory(path: str) -> int:
    """A process of its own with our memory calls unlink(2); we wait for its end."""
    stack = ctypes.create_string_buffer(1 << 16)
    top = ctypes.c_void_p((ctypes.addressof(stack) + len(stack)) & ~0xF)
    child = LIBC.clone(LIBC.unlink, top, CLONE_VM | CLONE_VFORK | signal.SIGCHLD, path.encode())
    return os.waitpid(child, 0)[1]


def clone_as_sibling(act: str) -> None:
    """Run Python in a process whose parent is ours."""
    if call("clone", CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0):
        return
    try:
        exec(compile(act, "sibling", "exec"), globals())  # noqa: S102
    finally:
        os._exit(0)


def fork_into(namespaces: int) -> int:
    """clone3 into new namespaces; the child ends at once. Its status."""
    arguments = ctypes.create_string_buffer(struct.pack("<11Q", namespaces, 0, 0, 0, signal.SIGCHLD, *6 * (0,)))
    child = call("clone3", arguments, len(arguments) - 1)
    if not child:
        os._exit(0)
    return os.waitpid(child, 0)[1]


def execute_in_thread(program: str, words: list[str]) -> None:
    threading.Thread(target=os.execv, args=(program, words)).start()
    time.sleep(9)
