/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The preamble of the prebuilt objects: MAP_*, PROGRAM and RING_OUTPUT in libbpf's words, and the kernel structures the
 * body reads, reduced to the members it reads. Only names and kinds of members count here: libbpf replaces every offset
 * by the running kernel's when it loads the object. O_* and HAS_* come from offsets.core.h, which the build writes.
 */
#ifndef TRIPTYCH_CORE_H
#define TRIPTYCH_CORE_H

#include "types.h"
#include <bpf/bpf_helpers.h>

enum { BPF_ANY, BPF_NOEXIST };
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_PERCPU_ARRAY = 6, BPF_MAP_TYPE_RINGBUF = 27 };

struct bpf_raw_tracepoint_args {
	u64 args[0];
};

#define CORE_MAP(kind, name, k, v, entries) \
	struct { __uint(type, kind); __type(key, k); __type(value, v); __uint(max_entries, entries); } name SEC(".maps");
#define MAP_HASH(name, k, v, entries) CORE_MAP(BPF_MAP_TYPE_HASH, name, k, v, entries)
#define MAP_PERCPU_ARRAY(name, v, entries) CORE_MAP(BPF_MAP_TYPE_PERCPU_ARRAY, name, u32, v, entries)
#define MAP_RINGBUF(name, pages) \
	struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, (pages) * 4096); } name SEC(".maps");
#define MAP_LOOKUP(map, key) bpf_map_lookup_elem(&map, key)
#define MAP_UPDATE(map, key, value) bpf_map_update_elem(&map, key, value, BPF_ANY)
#define MAP_INSERT(map, key, value) bpf_map_update_elem(&map, key, value, BPF_NOEXIST)
#define MAP_DELETE(map, key) bpf_map_delete_elem(&map, key)
#define RING_OUTPUT(map, data, size) bpf_ringbuf_output(&map, data, size, 0)
#define PROGRAM(name) SEC("raw_tp/" #name) int name(struct bpf_raw_tracepoint_args *ctx)

/* The numbers are BPF_FIELD_BYTE_OFFSET and BPF_FIELD_EXISTS. */
#define OFFSET(structure, member) __builtin_preserve_field_info(((struct structure *)0)->member, 0)
#define EXISTS(structure, member) __builtin_preserve_field_info(((struct structure *)0)->member, 2)
/* libbpf makes the offset of an absent member an invalid instruction: the asm keeps it behind the question. */
#define OFFSET_OR_0(structure, member) \
	({ u64 at = 0; if (EXISTS(structure, member)) { at = OFFSET(structure, member); asm volatile("" : "+r"(at)); } at; })

char LICENSE[] SEC("license") = "GPL";

typedef struct { int counter; } atomic_t;

struct path { void *mnt, *dentry; };
struct qstr { const unsigned char *name; };
struct dentry { struct dentry *d_parent; struct qstr d_name; };
struct vfsmount { struct dentry *mnt_root; };
struct mount { struct mount *mnt_parent; struct dentry *mnt_mountpoint; struct vfsmount mnt; };
struct super_block { dev_t s_dev; unsigned long s_magic; };
struct inode {
	umode_t i_mode;
	dev_t i_rdev;
	unsigned int i_nlink;
	unsigned long i_ino;
	struct super_block *i_sb;
	void *i_private;
};
struct file { struct path f_path; struct inode *f_inode; void *private_data; };
struct fdtable { unsigned int max_fds; struct file **fd; };
struct files_struct { struct fdtable *fdt; };
struct fs_struct { struct path pwd; };
struct mm_struct { unsigned long arg_start, arg_end; struct file *exe_file; };
struct signal_struct { atomic_t live; };
struct thread_info { u32 status; };
struct list_head { struct list_head *next, *prev; };
struct upid { int nr; };
struct pid { unsigned int level; struct upid numbers[1]; };
struct task_struct {
	struct thread_info thread_info;
	int exit_code, pid, tgid;
	struct task_struct *real_parent, *group_leader;
	u64 start_boottime;
	struct mm_struct *mm;
	struct fs_struct *fs;
	struct files_struct *files;
	struct signal_struct *signal;
	struct pid *thread_pid;
	struct list_head ptraced, ptrace_entry;
};

struct in6_addr { u8 bytes[16]; };
struct sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num, skc_family;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct sock { struct sock_common __sk_common; u16 sk_protocol; };
struct socket { struct sock *sk; };

struct filename { const char *name; };
struct delayed_filename { struct filename *__incomplete_filename; };
struct io_open { struct filename *filename; };
struct io_open___delayed { struct delayed_filename filename; };
struct io_cmd_data { u8 data[56]; };
struct io_kiocb { struct io_cmd_data cmd; struct io_open open; u8 opcode; };

#endif
