"""What the kernel half writes: the structures of bpf/events.h as formats, its numbers as words. Data, nothing else."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ...models.events import EntryPath, ExecutionKind, FileLayer

__all__ = [
    "BORN_FOSTERED",
    "ENDPOINT",
    "FILE_KEY",
    "FILE_LAST",
    "FILE_SUM",
    "FLAGS",
    "FLOW",
    "FLOW_KEY",
    "FLOW_LAST",
    "HEAD",
    "KINDS",
    "LAYERS",
    "LAYOUTS",
    "LOSS",
    "MEMBER",
    "OPERATIONS",
    "ROOT",
    "VIAS",
]


HEAD = struct.Struct("<IHHQ6I4QqQQIIHBBI16s")
ENDPOINT = struct.Struct("<4H16s")
MEMBER = struct.Struct("<IHHQ")
ROOT = struct.Struct("<QQ")
LOSS = struct.Struct("<3Q")
FLOW_KEY = struct.Struct("<IIQQQ4H16s")
FLOW = struct.Struct("<4QII16s")
FLOW_LAST = 16  # where the time of last use stands in it
FILE_KEY = struct.Struct("<IIQQQQII")
FILE_SUM = struct.Struct("<5QII16s")
FILE_LAST = 24

LAYOUTS = {
    "event": HEAD,
    "endpoint": ENDPOINT,
    "member": MEMBER,
    "root": ROOT,
    "loss": LOSS,
    "flow_key": FLOW_KEY,
    "flow": FLOW,
    "file_key": FILE_KEY,
    "file_sum": FILE_SUM,
}

KINDS: Mapping[int, ExecutionKind] = {
    1: "exec",
    2: "fork",
    3: "exit",
    4: "open",
    5: "connect",
    6: "io",
    7: "dns",
    8: "listen",
    9: "accept",
    10: "escape",
    11: "descriptor",
    12: "change",
}
BORN_FOSTERED = 1 << 63
FLAGS = {"truncated": 1, "resolved": 2, "relative": 4, "socket": 8, "received": 16, "alone": 32}
VIAS: Mapping[int, EntryPath] = {0: "unknown", 1: "syscall", 2: "compat", 3: "io_uring", 4: "handle"}
LAYERS: Mapping[int, FileLayer] = {0: "unknown", 1: "plain", 2: "image", 3: "written"}
OPERATIONS: Mapping[int, str] = {
    32: "setns",
    33: "unshare",
    34: "clone",
    35: "clone3",
    36: "mount",
    37: "umount",
    38: "move_mount",
    39: "open_tree",
    40: "fsopen",
    41: "fsmount",
    42: "mount_setattr",
    43: "pivot_root",
    44: "chroot",
    45: "ptrace",
    46: "process_vm_readv",
    47: "process_vm_writev",
    48: "pidfd_getfd",
    49: "bpf",
    50: "init_module",
    51: "finit_module",
    52: "delete_module",
    53: "kexec_load",
    54: "kexec_file_load",
    55: "keyctl",
    56: "add_key",
    57: "request_key",
    58: "perf_event_open",
    59: "userfaultfd",
    60: "io_ports",
    61: "io_uring_setup",
    62: "socket",
    64: "rename",
    65: "link",
    66: "symlink",
    67: "unlink",
    68: "chmod",
    69: "truncate",
    70: "mknod",
    71: "chown",
}
