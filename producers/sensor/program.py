"""What a front-end compiles: offsets from BTF, the features this kernel can serve, the C text in BCC's dialect. Pure.

A feature whose members or tracepoints this kernel lacks is left out and named, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ...models.errors import TriptychError
from .btf import Btf

__all__ = ["BPF_MAPS", "FEATURES", "HEADERS", "Feature", "Members", "Plan", "joined", "members_of", "plan", "to_bcc"]

BPF_MAPS = ("watched", "roots", "losses", "flows", "files", "events")  # those that user space opens

Members = Mapping[str, tuple[str, str]]  # key -> structure, member path


@dataclass(frozen=True, slots=True)
class Feature:
    """Kernel facts that stand or fall together.

    `flag` is the macro that compiles its programs in, `has` names what other programs ask before they use its members
    (HAS_<has>). With neither it is required.
    """

    name: str
    programs: tuple[str, ...]
    offsets: Members  # O_<key>; registers are by machine
    flag: str = ""
    has: str = ""
    needs: tuple[str, ...] = ()  # other features

    @property
    def required(self) -> bool:
        return not (self.flag or self.has)


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
    "inode_links": ("inode", "i_nlink"),
    "inode_mode": ("inode", "i_mode"),
    "inode_device": ("inode", "i_rdev"),
    "inode_super": ("inode", "i_sb"),
    "inode_last": ("inode", "i_private"),
    "super_device": ("super_block", "s_dev"),
    "super_magic": ("super_block", "s_magic"),
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
_REGISTERS = {f"regs_{n}": ("pt_regs", name) for n, name in enumerate(("di", "si", "dx", "r10", "r8", "r9"))}
_REGISTERS["regs_number"] = ("pt_regs", "orig_ax")
_COMPAT = {f"regs_compat_{n}": ("pt_regs", name) for n, name in enumerate(("bx", "cx", "dx", "si", "di", "bp"))}
_COMPAT["task_status"] = ("task_struct", "thread_info.status")
_REGISTERS_ARM = {f"regs_{n}": ("pt_regs", f"regs[{n}]") for n in range(1, 6)}
_REGISTERS_ARM |= {"regs_0": ("pt_regs", "orig_x0"), "regs_number": ("pt_regs", "syscallno")}
_SOCKET = {
    "sock_family": ("sock", "__sk_common.skc_family"),
    "sock_protocol": ("sock", "sk_protocol"),
    "sock_local_port": ("sock", "__sk_common.skc_num"),
    "sock_remote_port": ("sock", "__sk_common.skc_dport"),
    "sock_address": ("sock", "__sk_common.skc_daddr"),
    "sock_address6": ("sock", "__sk_common.skc_v6_daddr"),
    "sock_own_address": ("sock", "__sk_common.skc_rcv_saddr"),
    "sock_own_address6": ("sock", "__sk_common.skc_v6_rcv_saddr"),
}
_OF_FILE = {"file_private": ("file", "private_data"), "socket_sock": ("socket", "sk")}
_TARGET = {
    "task_pid_struct": ("task_struct", "thread_pid"),
    "task_ptraced": ("task_struct", "ptraced"),
    "task_ptrace_entry": ("task_struct", "ptrace_entry"),
    "pid_level": ("pid", "level"),
    "pid_numbers": ("pid", "numbers"),
    "upid_number": ("upid", "nr"),
}
_URING = {
    "request_operation": ("io_kiocb", "opcode"),
    "filename_name": ("filename", "name"),
}
# Since Linux 7.0 the name is wrapped; its place is the same, but libbpf will not take a structure for a pointer.
_DELAYED = {"open_delayed": ("io_open___delayed", "filename.__incomplete_filename")}
_OF_REQUEST = ("io-uring-names", "io-uring-paths")
_LINEAGE = ("sched_process_fork", "sched_process_exec", "sched_process_exit")

# Features of one name are the same thing on different kernels: one of them is enough.
FEATURES = (
    Feature("lineage", _LINEAGE, _TASK | _PATH),
    Feature("network", (), _SOCKET, "WITH_NETWORK"),
    Feature("open", ("sys_exit",), _REGISTERS, "WITH_OPEN", needs=("network",)),
    Feature("open-32bit", (), _COMPAT, "", "compat", ("open",)),
    Feature("messages", (), _OF_FILE, "", "socket", ("open",)),
    Feature("targets", (), _TARGET, "", "target", ("messages",)),
    Feature("io-uring-names", (), {"request_command": ("io_kiocb", "cmd")}, "", "command"),
    Feature("io-uring-names", (), {"request_open": ("io_kiocb", "open")}, "", "open_member"),
    Feature("io-uring-paths", (), {"open_filename": ("io_open", "filename")}, "", "filename"),
    Feature("io-uring-paths", (), _DELAYED, "", "delayed"),
    Feature("open-io-uring", ("io_uring_submit_req",), _URING, "WITH_URING", needs=_OF_REQUEST),
    Feature("open-io-uring", ("io_uring_submit_sqe",), _URING, "WITH_URING_SQE", needs=_OF_REQUEST),
    Feature("connect", ("inet_sock_set_state",), {}, "WITH_CONNECT", needs=("network",)),
    Feature("bytes", ("sock_send_length", "sock_recv_length"), {}, "WITH_BYTES", needs=("network",)),
)
_OTHER_MACHINES: Mapping[str, Mapping[str, Members]] = {"aarch64": {"open": _REGISTERS_ARM}}


@dataclass(frozen=True, slots=True)
class Plan:
    """What to compile and attach. `missing` names each absent feature with the first thing this kernel lacks for it."""

    flags: tuple[str, ...]
    programs: tuple[str, ...]
    features: tuple[str, ...]
    missing: Mapping[str, str]
    entries: Mapping[str, int]  # map -> most entries; of the ring its bytes


def plan(
    btf: Btf,
    *,
    ring_bytes: int,
    machine: str = "x86_64",
    watched_max: int = 65536,
    flows_max: int = 16384,
    files_max: int = 16384,
) -> Plan:
    """The plan for the kernel described by `btf`. Raises TriptychError S09 where a required member is absent."""
    sizes = {"WATCHED_MAX": watched_max, "FLOWS_MAX": flows_max, "FILES_MAX": files_max}
    flags = [f"-DRING_PAGES={ring_bytes // 4096}", *(f"-D{name}={value}" for name, value in sizes.items())]
    programs: list[str] = []
    standing: list[str] = []
    missing: dict[str, str] = {}
    for feature in FEATURES:
        offsets = {name: btf.offset(*member) for name, member in members_of(feature, machine).items()}
        lack = _lack(
            feature, btf, offsets, machine, {name: why for name, why in missing.items() if name not in standing}
        )
        if lack and feature.required:
            raise TriptychError(f"this kernel has no {lack}", "run the sensor on Linux 5.8 or newer", code="S09")
        flags += _macros(feature, offsets, lack)
        if lack:
            missing.setdefault(feature.name, lack)
            continue
        programs += feature.programs
        standing.append(feature.name)
    entries = {"watched": watched_max, "flows": flows_max, "files": files_max, "events": ring_bytes}
    return Plan(
        tuple(flags),
        tuple(programs),
        tuple(dict.fromkeys(standing)),
        {name: lack for name, lack in missing.items() if name not in standing},
        entries,
    )


def members_of(feature: Feature, machine: str) -> Members:
    """The members `feature` needs on `machine`, as uname names it."""
    return _OTHER_MACHINES.get(machine, {}).get(feature.name, feature.offsets)


def _macros(feature: Feature, offsets: Mapping[str, int | None], lack: str) -> list[str]:
    """What the compiler is told of `feature`. A question needs an answer and offsets in any case."""
    if lack and not feature.has:
        return []
    told = [f"-DO_{name}={offset if offset and not lack else 0}" for name, offset in offsets.items()]
    if feature.has:
        told.append(f"-DHAS_{feature.has}={0 if lack else 1}")
    return told + ([f"-D{feature.flag}"] if feature.flag else [])


def _lack(
    feature: Feature, btf: Btf, offsets: Mapping[str, int | None], machine: str, missing: Mapping[str, str]
) -> str:
    """The first thing `feature` lacks, in words; empty when it lacks nothing."""
    for needed in feature.needs:
        if needed in missing:
            return missing[needed]
    for program in feature.programs:
        if not btf.has_tracepoint(program):
            return f"tracepoint {program}"
    for name, offset in offsets.items():
        if offset is None:
            return "{}.{}".format(*members_of(feature, machine)[name])
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


def joined(name: str, read: Callable[[str], str]) -> str:
    """The source `name` with its own includes in place, each once. `read` gives the text of a file of bpf/."""
    done: set[str] = set()

    def text(file: str) -> str:
        if file in done:
            return ""
        done.add(file)
        return re.sub(r'^#include "([\w.]+)"$', lambda line: text(line[1]), read(file), flags=re.MULTILINE)

    return text(name)


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
