/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel half of the sensor, in a neutral dialect: a front-end (producers/sensor/program.py) turns MAP_* and PROGRAM
 * into its loader's words, and gives as -D
 *   O_x      byte offset of a member, read from the running kernel's BTF
 *   WITH_x   a feature whose offsets and tracepoints this kernel has
 *   RING_PAGES, FLOWS_MAX, WATCHED_MAX
 * No kernel structure is ever named here, so no kernel header can disagree with the running kernel.
 */
#include "events.h"

#define AF_INET 2
#define AF_INET6 10
#define AT_FDCWD -100
#define IPPROTO_TCP 6
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TS_COMPAT 2
#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28
#define NAME_SPACE 256		/* one component with its NUL */
#define PATH_DEPTH 32
#define ARGV_MAX 1024
#define USER_PATH_MAX 1024

/* The tail lets the verifier accept a component written at any masked offset. */
struct record {
	struct event head;
	char payload[PAYLOAD_MAX + NAME_SPACE];
};

struct caller {
	struct member *member;
	u32 tgid;
	u32 tid;
};

MAP_HASH(watched, u32, struct member, WATCHED_MAX)
MAP_HASH(roots, u32, struct root, 1024)
MAP_HASH(losses, u32, struct loss, 1024)
MAP_HASH(flows, struct flow_key, struct flow, FLOWS_MAX)
MAP_PERCPU_ARRAY(scratch, struct record, 1)
MAP_RINGBUF(events, RING_PAGES)

/* Without it the compiler proves a mask needless and drops it, and the verifier then misses the bound. */
#define KEEP(x) asm volatile("" : "+r"(x))
#define READ(to, base, offset) bpf_probe_read_kernel(&(to), sizeof(to), (char *)(base) + (offset))

static __always_inline bool find_caller(struct caller *who)
{
	u64 id = bpf_get_current_pid_tgid();

	who->tgid = id >> 32;
	who->tid = id;
	who->member = MAP_LOOKUP(watched, &who->tgid);
	return who->member != NULL;
}

static __always_inline u64 epoch_of(u32 root)
{
	struct root *found = MAP_LOOKUP(roots, &root);

	return found ? found->epoch : 0;
}

static __always_inline void fill(struct event *e, u16 kind, struct caller *who)
{
	void *task = (void *)bpf_get_current_task(), *parent = NULL, *leader = NULL;

	e->kind = kind;
	e->flags = 0;
	e->mono_ns = bpf_ktime_get_ns();
	e->tgid = who->tgid;
	e->tid = who->tid;
	e->ppid = 0;
	e->uid = bpf_get_current_uid_gid();
	e->root = who->member->root;
	e->reserved = 0;
	e->start_ns = 0;
	e->epoch = epoch_of(e->root);
	e->born = who->member->born;
	e->result = 0;
	e->argument = 0;
	e->inode = 0;
	READ(parent, task, O_task_parent);
	READ(e->ppid, parent, O_task_tgid);
	READ(leader, task, O_task_leader);
	READ(e->start_ns, leader, O_task_start);
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
}

static __always_inline void emit(struct record *r, u32 payload)
{
	struct loss *loss;
	u32 size;

	KEEP(payload);
	payload &= PAYLOAD_MAX - 1;
	size = sizeof(struct event) + payload;
	r->head.size = size;
	if (RING_OUTPUT(events, r, size)) {
		loss = MAP_LOOKUP(losses, &r->head.root);
		if (loss)
			__sync_fetch_and_add(&loss->ring, 1);
	}
}

static __always_inline void *file_of(void *task, u32 fd)
{
	void *files = NULL, *table = NULL, *array = NULL, *file = NULL;
	u32 size = 0;

	READ(files, task, O_task_files);
	READ(table, files, O_files_table);
	READ(size, table, O_table_size);
	if (!files || fd >= size)
		return NULL;
	READ(array, table, O_table_array);
	READ(file, array, 8UL * fd);
	return file;
}

/* Components of a struct path from leaf to root, across mounts, each ended by NUL. Returns the bytes used. */
static __always_inline u32 walk(struct record *r, u32 at, void *path)
{
	void *dentry = NULL, *view = NULL, *top = NULL, *mount, *above = NULL, *parent = NULL, *name = NULL;

	READ(view, path, O_path_mount);
	READ(dentry, path, O_path_dentry);
	mount = (char *)view - O_mount_view;
	READ(top, view, O_view_root);
	for (int i = 0; i < PATH_DEPTH; i++) {
		if (dentry == top) {
			READ(above, mount, O_mount_parent);
			if (above == mount)
				return at;
			READ(dentry, mount, O_mount_point);
			mount = above;
			READ(top, mount, O_mount_view + O_view_root);
			continue;
		}
		READ(parent, dentry, O_dentry_parent);
		if (parent == dentry)
			return at;
		if (at > PAYLOAD_MAX - NAME_SPACE)
			break;
		READ(name, dentry, O_dentry_name);
		KEEP(at);
		at &= PAYLOAD_MAX - 1;
		int n = bpf_probe_read_kernel_str(&r->payload[at], NAME_SPACE, name);
		if (n > 0)
			at += n;
		dentry = parent;
	}
	r->head.flags |= FLAG_TRUNCATED;
	return at;
}

#ifdef WITH_OPEN
struct attempt {
	u64 path;		/* user address of the name; 0 where there is none to read */
	u64 flags;
	s32 directory;
	u16 marks;
};

/* Whether this system call opens a file, and what it was asked. */
static __always_inline bool asked(void *regs, struct attempt *a)
{
	u64 number = 0, directory = 0, how = 0;

	READ(number, regs, O_regs_number);
#ifdef WITH_COMPAT
	u32 status = 0;
	READ(status, (void *)bpf_get_current_task(), O_task_status);
	if (status & TS_COMPAT) {	/* another table: open, creat, openat, openat2; the name is not read */
		a->marks = FLAG_COMPAT;
		return number == 5 || number == 8 || number == 295 || number == 437;
	}
#endif
	switch (number) {
	case 2:			/* open */
		READ(a->path, regs, O_regs_0);
		READ(a->flags, regs, O_regs_1);
		return true;
	case 85:		/* creat */
		READ(a->path, regs, O_regs_0);
		a->flags = 01101;	/* O_CREAT | O_WRONLY | O_TRUNC */
		return true;
	case 257:		/* openat */
		READ(directory, regs, O_regs_0);
		READ(a->path, regs, O_regs_1);
		READ(a->flags, regs, O_regs_2);
		a->directory = directory;
		return true;
	case 304:		/* open_by_handle_at has no name */
		READ(a->flags, regs, O_regs_2);
		return true;
	case 437:		/* openat2 */
		READ(directory, regs, O_regs_0);
		READ(a->path, regs, O_regs_1);
		READ(how, regs, O_regs_2);
		bpf_probe_read_user(&a->flags, sizeof(a->flags), (void *)how);
		a->directory = directory;
		return true;
	}
	return false;
}

static __always_inline u32 opened(struct record *r, void *task, u32 fd)
{
	void *file = file_of(task, fd), *inode = NULL;

	if (!file)
		return 0;
	READ(inode, file, O_file_inode);
	READ(r->head.inode, inode, O_inode_number);
	r->head.flags |= FLAG_RESOLVED;
	return walk(r, 0, (char *)file + O_file_path);
}

static __always_inline u32 refused(struct record *r, void *task, struct attempt *a)
{
	void *base = NULL, *file;
	long n = a->path ? bpf_probe_read_user_str(r->payload, USER_PATH_MAX, (void *)a->path) : 0;

	if (n <= 0)
		return 0;
	if (r->payload[0] == '/')
		return n;
	r->head.flags |= FLAG_RELATIVE;
	if (a->directory == AT_FDCWD) {
		READ(base, task, O_task_fs);
		return walk(r, n, (char *)base + O_fs_cwd);
	}
	file = file_of(task, a->directory);
	return file ? walk(r, n, (char *)file + O_file_path) : n;
}

/* At exit, arguments and result are both in pt_regs, so nothing has to be remembered from the entry. */
PROGRAM(sys_exit)
{
	void *regs = (void *)ctx->args[0], *task = (void *)bpf_get_current_task();
	s64 result = (s64)ctx->args[1];
	struct attempt a = { .directory = AT_FDCWD };
	struct caller who;
	struct record *r;
	u32 zero = 0;

	if (!find_caller(&who) || !asked(regs, &a))
		return 0;
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_OPEN, &who);
	r->head.flags = a.marks;
	r->head.result = result;
	r->head.argument = a.flags;
	emit(r, result >= 0 ? opened(r, task, result) : refused(r, task, &a));
	return 0;
}
#endif

#ifdef WITH_URING
PROGRAM(io_uring_submit_req)
{
	void *request = (void *)ctx->args[0], *filename = NULL, *name = NULL;
	struct caller who;
	struct record *r;
	u32 zero = 0;
	u8 operation = 0;

	if (!find_caller(&who))
		return 0;
	READ(operation, request, O_request_operation);
	if (operation != IORING_OP_OPENAT && operation != IORING_OP_OPENAT2)
		return 0;
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_OPEN, &who);
	r->head.flags = FLAG_URING;
	READ(filename, request, O_request_command + O_open_filename);
	READ(name, filename, O_filename_name);
	long n = bpf_probe_read_kernel_str(r->payload, USER_PATH_MAX, name);
	emit(r, n > 0 ? n : 0);
	return 0;
}
#endif

PROGRAM(sched_process_fork)
{
	void *child = (void *)ctx->args[1];
	struct member born = {};
	struct caller who;
	struct record *r;
	struct root *root;
	struct loss *loss;
	u32 zero = 0, pid = 0, tgid = 0;

	if (!find_caller(&who))
		return 0;
	READ(pid, child, O_task_pid);
	READ(tgid, child, O_task_tgid);
	if (pid != tgid)
		return 0;	/* a thread shares its process's entry */
	born.root = who.member->root;
	born.born = who.member->born;
	root = MAP_LOOKUP(roots, &born.root);
	if (!born.born && root && root->in_flight)
		born.born = root->epoch;
	if (MAP_UPDATE(watched, &tgid, &born)) {
		loss = MAP_LOOKUP(losses, &born.root);
		if (loss)
			__sync_fetch_and_add(&loss->children, 1);
	}
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_FORK, &who);
	r->head.result = tgid;
	emit(r, 0);
	return 0;
}

PROGRAM(sched_process_exec)
{
	void *task = (void *)bpf_get_current_task(), *mm = NULL, *file = NULL, *inode = NULL;
	u64 from = 0, to = 0, length;
	struct caller who;
	struct record *r;
	u32 zero = 0, used = 0;

	if (!find_caller(&who))
		return 0;
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_EXEC, &who);
	READ(mm, task, O_task_mm);
	READ(from, mm, O_mm_argv);
	READ(to, mm, O_mm_argv_end);
	length = to - from;
	if (length > ARGV_MAX - 1) {
		length = ARGV_MAX - 1;
		r->head.flags |= FLAG_TRUNCATED;
	}
	KEEP(length);
	length &= ARGV_MAX - 1;
	if (bpf_probe_read_user(r->payload, length, (void *)from) == 0)
		used = length;
	r->head.argument = used;
	READ(file, mm, O_mm_exe);
	if (file) {
		READ(inode, file, O_file_inode);
		READ(r->head.inode, inode, O_inode_number);
		r->head.flags |= FLAG_RESOLVED;
		used = walk(r, used, (char *)file + O_file_path);
	}
	emit(r, used);
	return 0;
}

PROGRAM(sched_process_exit)
{
	void *task = (void *)bpf_get_current_task(), *signal = NULL;
	struct caller who;
	struct record *r;
	u32 zero = 0;
	int live = 0, code = 0;

	if (!find_caller(&who))
		return 0;
	READ(signal, task, O_task_signal);
	READ(live, signal, O_signal_live);
	if (live > 0)
		return 0;	/* other threads go on, even without their leader */
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_EXIT, &who);
	READ(code, task, O_task_exit_code);
	r->head.result = code;
	/* Two last threads may both see live == 0; only one of them deletes. */
	if (MAP_DELETE(watched, &who.tgid) == 0)
		emit(r, 0);
	return 0;
}

#ifdef WITH_NETWORK
static __always_inline void peer_of(struct endpoint *peer, void *sock)
{
	u16 port = 0;

	READ(peer->family, sock, O_sock_family);
	READ(peer->protocol, sock, O_sock_protocol);
	READ(peer->local_port, sock, O_sock_local_port);
	READ(port, sock, O_sock_remote_port);
	peer->remote_port = (port >> 8) | (port << 8);
	if (peer->family == AF_INET)
		bpf_probe_read_kernel(peer->address, 4, (char *)sock + O_sock_address);
	else if (peer->family == AF_INET6)
		bpf_probe_read_kernel(peer->address, 16, (char *)sock + O_sock_address6);
}
#endif

#ifdef WITH_CONNECT
/* CLOSE -> SYN_SENT is an active open, in the context of the process that asked for it. */
PROGRAM(inet_sock_set_state)
{
	void *sock = (void *)ctx->args[0];
	struct endpoint peer = {};
	struct caller who;
	struct record *r;
	u32 zero = 0;

	if ((int)ctx->args[1] != TCP_CLOSE || (int)ctx->args[2] != TCP_SYN_SENT || !find_caller(&who))
		return 0;
	r = MAP_LOOKUP(scratch, &zero);
	if (!r)
		return 0;
	fill(&r->head, EVENT_CONNECT, &who);
	peer_of(&peer, sock);
	__builtin_memcpy(r->payload, &peer, sizeof(peer));
	emit(r, sizeof(peer));
	return 0;
}
#endif

#ifdef WITH_BYTES
static __always_inline struct flow *flow_of(struct flow_key *key)
{
	void *task = (void *)bpf_get_current_task(), *parent = NULL, *leader = NULL;
	struct flow *found = MAP_LOOKUP(flows, key), fresh = {};

	if (found)
		return found;
	fresh.uid = bpf_get_current_uid_gid();
	READ(parent, task, O_task_parent);
	READ(fresh.ppid, parent, O_task_tgid);
	READ(leader, task, O_task_leader);
	READ(fresh.start_ns, leader, O_task_start);
	bpf_get_current_comm(&fresh.comm, sizeof(fresh.comm));
	MAP_INSERT(flows, key, &fresh);	/* another CPU may have been first: then its entry stands */
	return MAP_LOOKUP(flows, key);
}

static __always_inline int account(void *sock, s64 bytes, bool sending)
{
	struct flow_key key = {};
	struct caller who;
	struct flow *flow;
	struct loss *loss;

	if (bytes <= 0 || !find_caller(&who))
		return 0;
	peer_of(&key.peer, sock);
	if (key.peer.family != AF_INET && key.peer.family != AF_INET6)
		return 0;
	key.tgid = who.tgid;
	key.root = who.member->root;
	key.epoch = epoch_of(key.root);
	key.born = who.member->born;
	flow = flow_of(&key);
	if (!flow) {
		loss = MAP_LOOKUP(losses, &key.root);
		if (loss)
			__sync_fetch_and_add(&loss->flows, 1);
		return 0;
	}
	__sync_fetch_and_add(sending ? &flow->sent : &flow->received, bytes);
	flow->last_ns = bpf_ktime_get_ns();
	return 0;
}

PROGRAM(sock_send_length)
{
	return account((void *)ctx->args[0], (int)ctx->args[1], true);
}

PROGRAM(sock_recv_length)
{
	return account((void *)ctx->args[0], (int)ctx->args[1], false);
}
#endif
