"""What a front-end compiles: offsets from BTF, the features this kernel can serve, the C text in BCC's dialect. Pure.

A feature whose members or tracepoints this kernel lacks is left out and named, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ...models.errors import TriptychError
from .btf import Btf

__all__ = ["BPF_MAPS", "FEATURES", "HEADERS", "Feature", "Plan", "plan", "to_bcc"]

BPF_MAPS = ("watched", "roots", "losses", "flows", "events")


@dataclass(frozen=True, slots=True)
class Feature:
    """Kernel facts that stand or fall together. `flag` is the macro that compiles it in; without one it is required."""

    name: str
    programs: tuple[str, ...]
    offsets: Mapping[str, tuple[str, str]]  # O_<key> -> structure, member path
    flag: str = ""
    needs: tuple[str, ...] = ()  # other features


_TASK = {
    "task_pid": ("task_struct", "pid"),
    "task_tgid": ("task_struct", "tgid"),
    "task_parent": ("task_struct", "real_parent"),
    "task_leader": ("task_struct", "group_leader"),
    "task_start": ("task_struct", "start_boottime"),
    "task_signal": ("task_struct", "signal"),
    "task_exit_code": ("task_struct", "exit_code"),
    "signal_live": ("signal_struct", "live"),
}
_PATH = {
    "task_mm": ("task_struct", "mm"),
    "task_fs": ("task_struct", "fs"),
    "fs_cwd": ("fs_struct", "pwd"),
    "task_files": ("task_struct", "files"),
    "files_table": ("files_struct", "fdt"),
    "table_size": ("fdtable", "max_fds"),
    "table_array": ("fdtable", "fd"),
    "file_path": ("file", "f_path"),
    "file_inode": ("file", "f_inode"),
    "inode_number": ("inode", "i_ino"),
    "path_mount": ("path", "mnt"),
    "path_dentry": ("path", "dentry"),
    "mount_view": ("mount", "mnt"),
    "mount_parent": ("mount", "mnt_parent"),
    "mount_point": ("mount", "mnt_mountpoint"),
    "view_root": ("vfsmount", "mnt_root"),
    "dentry_parent": ("dentry", "d_parent"),
    "dentry_name": ("dentry", "d_name.name"),
    "mm_argv": ("mm_struct", "arg_start"),
    "mm_argv_end": ("mm_struct", "arg_end"),
    "mm_exe": ("mm_struct", "exe_file"),
}
_REGISTERS = {
    "regs_number": ("pt_regs", "orig_ax"),
    "regs_0": ("pt_regs", "di"),
    "regs_1": ("pt_regs", "si"),
    "regs_2": ("pt_regs", "dx"),
}
_SOCKET = {
    "sock_family": ("sock", "__sk_common.skc_family"),
    "sock_protocol": ("sock", "sk_protocol"),
    "sock_local_port": ("sock", "__sk_common.skc_num"),
    "sock_remote_port": ("sock", "__sk_common.skc_dport"),
    "sock_address": ("sock", "__sk_common.skc_daddr"),
    "sock_address6": ("sock", "__sk_common.skc_v6_daddr"),
}
_URING = {
    "request_operation": ("io_kiocb", "opcode"),
    "request_command": ("io_kiocb", "cmd"),
    "open_filename": ("io_open", "filename"),
    "filename_name": ("filename", "name"),
}
_LINEAGE = ("sched_process_fork", "sched_process_exec", "sched_process_exit")

FEATURES = (
    Feature("lineage", _LINEAGE, _TASK | _PATH),
    Feature("open", ("sys_exit",), _REGISTERS, "WITH_OPEN"),
    Feature("open-32bit", (), {"task_status": ("task_struct", "thread_info.status")}, "WITH_COMPAT", ("open",)),
    Feature("open-io-uring", ("io_uring_submit_req",), _URING, "WITH_URING"),
    Feature("network", (), _SOCKET, "WITH_NETWORK"),
    Feature("connect", ("inet_sock_set_state",), {}, "WITH_CONNECT", ("network",)),
    Feature("bytes", ("sock_send_length", "sock_recv_length"), {}, "WITH_BYTES", ("network",)),
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compile and attach. `missing` names each absent feature with the first thing this kernel lacks for it."""

    flags: tuple[str, ...]
    programs: tuple[str, ...]
    features: tuple[str, ...]
    missing: Mapping[str, str]


def plan(btf: Btf, *, ring_bytes: int, watched_max: int = 65536, flows_max: int = 16384) -> Plan:
    """The plan for the kernel described by `btf`. Raises TriptychError S09 where a required member is absent."""
    flags = [f"-DRING_PAGES={ring_bytes // 4096}", f"-DWATCHED_MAX={watched_max}", f"-DFLOWS_MAX={flows_max}"]
    programs: list[str] = []
    missing: dict[str, str] = {}
    for feature in FEATURES:
        offsets = {name: btf.offset(*member) for name, member in feature.offsets.items()}
        lack = _lack(feature, btf, offsets, missing)
        if lack and not feature.flag:
            raise TriptychError(f"this kernel has no {lack}", "run the sensor on Linux 5.8 or newer", code="S09")
        if lack:
            missing[feature.name] = lack
            continue
        flags += [f"-DO_{name}={offset}" for name, offset in offsets.items()]
        flags += [f"-D{feature.flag}"] if feature.flag else []
        programs += feature.programs
    features = tuple(feature.name for feature in FEATURES if feature.name not in missing)
    return Plan(tuple(flags), tuple(programs), features, missing)


def _lack(feature: Feature, btf: Btf, offsets: Mapping[str, int | None], missing: Mapping[str, str]) -> str:
    """The first thing `feature` lacks, in words; empty when it lacks nothing."""
    for needed in feature.needs:
        if needed in missing:
            return missing[needed]
    for program in feature.programs:
        if not btf.has_tracepoint(program):
            return f"tracepoint {program}"
    for name, offset in offsets.items():
        if offset is None:
            return "{}.{}".format(*feature.offsets[name])
    return ""


_BCC = (
    (r"^MAP_HASH\((\w+), (.+), (\w+)\)$", r"BPF_HASH(\1, \2, \3);"),
    (r"^MAP_PERCPU_ARRAY\((\w+), (.+), (\w+)\)$", r"BPF_PERCPU_ARRAY(\1, \2, \3);"),
    (r"^MAP_RINGBUF\((\w+), (\w+)\)$", r"BPF_RINGBUF_OUTPUT(\1, \2);"),
    (r"^PROGRAM\((\w+)\)$", r"int \1(struct bpf_raw_tracepoint_args *ctx)"),
    (r"MAP_LOOKUP\((\w+), ", r"\1.lookup("),
    (r"MAP_UPDATE\((\w+), ", r"\1.update("),
    (r"MAP_INSERT\((\w+), ", r"\1.insert("),
    (r"MAP_DELETE\((\w+), ", r"\1.delete("),
    (r"RING_OUTPUT\((\w+), (\w+), ([^)]+)\)", r"\1.ringbuf_output(\2, \3, 0)"),
)


def to_bcc(body: str) -> str:
    """The neutral body in BCC's dialect. BCC rewrites map calls only outside macros, hence text and not #define."""
    for pattern, replacement in _BCC:
        body = re.sub(pattern, replacement, body, flags=re.MULTILINE)
    return "#include <linux/types.h>\n" + body


_TYPES = "#include <linux/types.h>\n"

# Every header BCC opens on its own. `types.h` of bpf/ is put in as include/linux/types.h.
HEADERS: Mapping[str, str] = {
    "include/linux/kconfig.h": "#define CONFIG_BPF_SYSCALL 1\n",
    "include/linux/version.h": (
        "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
        "#define LINUX_VERSION_CODE KERNEL_VERSION(5, 8, 0)\n"
    ),
    "include/linux/bpf_common.h": "",
    "include/linux/log2.h": "",
    "include/uapi/linux/bpf.h": _TYPES,
    "include/uapi/linux/if_ether.h": _TYPES,
    "include/uapi/linux/if_packet.h": _TYPES,
    "include/uapi/linux/ptrace.h": _TYPES,
    "arch/x86/include/asm/page.h": "#define PAGE_SHIFT 12\n#define PAGE_SIZE (1UL << PAGE_SHIFT)\n",
}
