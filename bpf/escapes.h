/* SPDX-License-Identifier: GPL-2.0 */
/* Attempts to leave a container or to take over another process or the kernel, refused ones too. */

#ifdef WITH_OPEN
#define CLONE_NEW 0x7e020080ULL	/* any namespace: mount, cgroup, uts, ipc, user, pid, net, time */
#define CLONE_NEW_OF_CLONE 0x7e020000ULL	/* the low byte is the exit signal there */
#define PTRACE_TRACEME 0
#define PTRACE_POKETEXT 4
#define PTRACE_POKEDATA 5
#define PTRACE_POKEUSER 6
#define PTRACE_SETREGS 13
#define PTRACE_ATTACH 16
#define PTRACE_SETREGSET 0x4205
#define PTRACE_SEIZE 0x4206
#define PIDFS_MAGIC 0x50494446
#define PIDFD_NAME 0x5d6466646970 /* "pidfd]", behind the bracket */

/* What a debugger does once; what it does at every step would drown the rest. */
static __always_inline bool takes_over(u64 request)
{
	return request == PTRACE_TRACEME || request == PTRACE_POKETEXT || request == PTRACE_POKEDATA ||
	       request == PTRACE_POKEUSER || request == PTRACE_SETREGS || request == PTRACE_ATTACH ||
	       request == PTRACE_SETREGSET || request == PTRACE_SEIZE;
}

/* The namespaces a clone asks for; 0 for an ordinary fork. */
static __always_inline u64 new_namespaces(struct request *q)
{
	u64 flags = q->args[0];

	if (q->operation == OP_CLONE)
		return flags & CLONE_NEW_OF_CLONE;
	bpf_probe_read_user(&flags, sizeof(flags), (void *)q->args[0]);
	return flags & CLONE_NEW;
}

/* A process id as the caller counts, on the host: known where the caller counts as the host does. */
static __always_inline u32 on_host(void *task, u64 pid)
{
	void *own = NULL;
	u32 level = 1;

	if (!HAS_target)
		return 0;
	READ(own, task, O_task_pid_struct);
	READ(level, own, O_pid_level);
	return level ? 0 : pid;
}

/* The process that was attached to last stands first in the tracer's list. */
static __always_inline u32 attached(void *task)
{
	void *first = NULL;
	u32 tgid = 0;

	if (!HAS_target)
		return 0;
	READ(first, task, O_task_ptraced);
	if (first && first != (char *)task + O_task_ptraced)
		READ(tgid, (char *)first - O_task_ptrace_entry, O_task_tgid);
	return tgid;
}

/* The process behind a pidfd, on the host; 0 when the descriptor is none. */
static __always_inline u32 behind(void *file)
{
	void *inode = NULL, *super = NULL, *dentry = NULL, *name = NULL, *pid = NULL;
	u64 magic = 0, text = 0;
	u32 found = 0;

	if (!HAS_target || !file)
		return 0;
	READ(inode, file, O_file_inode);
	READ(super, inode, O_inode_super);
	READ(magic, super, O_super_magic);
	if (magic == PIDFS_MAGIC) {
		READ(pid, inode, O_inode_last);
	} else {
		READ(dentry, file, O_file_path + O_path_dentry);
		READ(name, dentry, O_dentry_name);
		bpf_probe_read_kernel(&text, 6, (char *)name + 1);
		if (text != PIDFD_NAME)
			return 0;
		READ(pid, file, O_file_private);
	}
	READ(found, pid, O_pid_numbers + O_upid_number);
	return found;
}

static __always_inline u32 target_of(struct request *q)
{
	switch (q->operation) {
	case OP_PTRACE:
		if (q->result >= 0 && (q->args[0] == PTRACE_ATTACH || q->args[0] == PTRACE_SEIZE))
			return attached(q->task);
		return on_host(q->task, q->args[1]);
	case OP_PROCESS_VM_READV:
	case OP_PROCESS_VM_WRITEV:
		return on_host(q->task, q->args[0]);
	case OP_SETNS:
	case OP_PIDFD_GETFD:
		return behind(file_of(q->task, q->args[0]));
	}
	return 0;
}

/* The file or directory it is about, if any. */
static __always_inline void tell_subject(struct request *q, struct record *r)
{
	u64 name = 0;
	s64 fd = -1;
	s32 directory = AT_FDCWD;
	void *file;

	switch (q->operation) {
	case OP_MOUNT:
		name = q->args[1];
		break;
	case OP_UMOUNT:
	case OP_PIVOT_ROOT:
	case OP_CHROOT:
	case OP_FSOPEN:
		name = q->args[0];
		break;
	case OP_OPEN_TREE:
	case OP_MOUNT_SETATTR:
		directory = q->args[0];
		name = q->args[1];
		break;
	case OP_MOVE_MOUNT:
		directory = q->args[2];
		name = q->args[3];
		break;
	case OP_SETNS:
	case OP_FINIT_MODULE:
	case OP_KEXEC_FILE_LOAD:
		fd = q->args[0];
		break;
	case OP_PIDFD_GETFD:
		fd = q->result;
		break;
	}
	file = fd < 0 ? NULL : file_of(q->task, fd);
	if (file)
		resolve(r, file);
	else if (name)
		named(r, q->task, name, directory);
}

/* The argument that says what kind of attempt it is; never an address. */
static __always_inline u64 telling(struct request *q)
{
	switch (q->operation) {
	case OP_SETNS:
	case OP_PIDFD_GETFD:
	case OP_UMOUNT:
		return q->args[1];
	case OP_MOUNT:
		return q->args[3];
	case OP_UNSHARE:
	case OP_PTRACE:
	case OP_BPF:
	case OP_KEYCTL:
	case OP_USERFAULTFD:
	case OP_SOCKET:
		return q->args[0];
	}
	return 0;
}

/* Whether other hooks see what such a socket does, or it does not leave this kernel. */
static __always_inline bool is_followed(u32 family)
{
	return family == AF_UNIX || family == AF_INET || family == AF_INET6 || family == AF_NETLINK || family == AF_ALG;
}

static __always_inline int on_escape(struct request *q, struct caller *who)
{
	bool clones = q->operation == OP_CLONE || q->operation == OP_CLONE3;
	u64 namespaces = clones ? new_namespaces(q) : 0;
	struct record *r;

	/* A new thread ends the same call: by then its creator may have put other things where the flags stood. */
	if (clones && (!namespaces || !q->result))
		return 0;
	if (q->operation == OP_PTRACE && !takes_over(q->args[0]))
		return 0;
	if (q->operation == OP_SOCKET && is_followed(q->args[0]))
		return 0;
	r = begin(EVENT_ESCAPE, who);
	if (!r)
		return 0;
	r->head.result = q->result;
	r->head.via = q->via;
	r->head.operation = q->operation;
	r->head.argument = clones ? namespaces : telling(q);
	r->head.target = target_of(q);
	tell_subject(q, r);
	emit(r);
	return 0;
}
#endif
