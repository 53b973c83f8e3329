/* SPDX-License-Identifier: GPL-2.0 */
/* Files opened, changed by name, read, written and mapped; and what came to a process from others. */

#ifdef WITH_OPEN
#define O_CREAT_WRITE_TRUNCATE 01101
#define MAP_ANONYMOUS 0x20
#define S_IFMT 0170000
#define S_IFREG 0100000
#define S_IFCHR 0020000
#define S_IFSOCK 0140000

static __always_inline int on_open(struct request *q, struct caller *who)
{
	bool at = q->operation == OP_OPENAT || q->operation == OP_OPENAT2;
	struct record *r = begin(EVENT_OPEN, who);
	void *file = q->result >= 0 ? file_of(q->task, q->result) : NULL;

	if (!r)
		return 0;
	r->head.result = q->result;
	r->head.via = q->operation == OP_HANDLE ? VIA_HANDLE : q->via;
	if (q->operation == OP_OPENAT2)
		bpf_probe_read_user(&r->head.argument, sizeof(u64), (void *)q->args[2]);
	else
		r->head.argument = q->operation == OP_CREAT ? O_CREAT_WRITE_TRUNCATE :
				   q->operation == OP_OPEN ? q->args[1] : q->args[2];
	if (file) {
		resolve(r, file);
	} else if (q->operation != OP_HANDLE) {	/* refused, or closed again by another thread; a handle has no name */
		named(r, q->task, at ? q->args[1] : q->args[0], at ? q->args[0] : AT_FDCWD);
	}
	emit(r);
	return 0;
}

struct names {
	u64 other;		/* the name a link, a move starts from; 0 for none */
	u64 name;
	s32 directory;
};

/* Where the arguments of a change stand: behind a directory or not, one name or two. */
static __always_inline void find_names(struct request *q, struct names *n, struct event *e)
{
	bool at = q->operation & FORM_AT;
	u32 what = q->operation & FORM_MASK;

	n->directory = at ? q->args[0] : AT_FDCWD;
	n->name = at ? q->args[1] : q->args[0];
	e->argument = at ? q->args[2] : what == OP_UNLINK ? 0 : q->args[1];
	if (what == OP_RENAME || what == OP_LINK) {
		n->other = n->name;
		n->directory = at ? q->args[2] : AT_FDCWD;
		n->name = at ? q->args[3] : q->args[1];
		e->argument = 0;
	} else if (what == OP_SYMLINK) {
		n->other = q->args[0];
		n->directory = at ? q->args[1] : AT_FDCWD;
		n->name = at ? q->args[2] : q->args[1];
		e->argument = 0;
	}
}

static __always_inline int on_change(struct request *q, struct caller *who)
{
	struct record *r = begin(EVENT_CHANGE, who);
	struct names n = { .directory = AT_FDCWD };
	void *file;

	if (!r)
		return 0;
	r->head.result = q->result;
	r->head.via = q->via;
	r->head.operation = q->operation & FORM_MASK;
	if (q->operation & FORM_FD) {
		r->head.argument = q->args[1];
		file = file_of(q->task, q->args[0]);
		if (file)
			resolve(r, file);
		emit(r);
		return 0;
	}
	find_names(q, &n, &r->head);
	append(r, n.other);
	r->head.target = r->head.size;
	named(r, q->task, n.name, n.directory);
	emit(r);
	return 0;
}

static __always_inline struct file_sum *sum_of(struct file_key *key)
{
	void *task = (void *)bpf_get_current_task(), *parent = NULL, *leader = NULL;
	struct file_sum fresh = {};

	fresh.uid = bpf_get_current_uid_gid();
	READ(parent, task, O_task_parent);
	READ(fresh.ppid, parent, O_task_tgid);
	READ(leader, task, O_task_leader);
	READ(fresh.start_ns, leader, O_task_start);
	bpf_get_current_comm(&fresh.comm, sizeof(fresh.comm));
	MAP_INSERT(files, key, &fresh);
	return MAP_LOOKUP(files, key);
}

#define WAY_READ 0
#define WAY_WRITE 1
#define WAY_MAP 2

/* The first bytes of a file under one call tell its path; the sums are user space's to fetch. */
static __always_inline void add_to_file(struct caller *who, void *file, void *inode, u64 bytes, int way, u8 via)
{
	struct file_key key = {};
	struct file_sum *sum;
	struct record *r;
	void *super = NULL;

	key.tgid = who->tgid;
	key.root = who->member->root;
	key.epoch = epoch_of(key.root);
	key.born = who->member->born;
	key.mark = mark_of(who->tid);
	READ(key.inode, inode, O_inode_number);
	READ(super, inode, O_inode_super);
	READ(key.device, super, O_super_device);
	sum = MAP_LOOKUP(files, &key);
	if (!sum) {
		sum = sum_of(&key);
		if (!sum) {
			lose_sum(key.root);
			return;
		}
		r = begin(EVENT_IO, who);
		if (!r)
			return;
		r->head.via = via;
		resolve(r, file);
		emit(r);
	}
	__sync_fetch_and_add(way == WAY_MAP ? &sum->mapped : way == WAY_WRITE ? &sum->written : &sum->read, bytes);
	sum->last_ns = bpf_ktime_get_ns();
}

#define MEMORY_MAJOR 1		/* /dev/null, /dev/zero, /dev/urandom: nobody speaks through them */
#define MINOR_BITS 20

/* Something came from others: from now on the process may work for any of them. */
static __always_inline void fed_by(struct caller *who, void *inode, u16 mode)
{
	u32 device = 0;

	if (mode == S_IFCHR) {
		READ(device, inode, O_inode_device);
		if (device >> MINOR_BITS == MEMORY_MAJOR)
			return;
	}
	who->member->fed = 1;
}

/* `bytes` went between memory and whatever stands behind `fd`. Returns the type of that. */
static __always_inline u16 moved(struct request *q, struct caller *who, u32 fd, u64 bytes, int way)
{
	void *file = file_of(q->task, fd), *inode = NULL;
	u16 mode = 0;

	if (!file)
		return 0;
	READ(inode, file, O_file_inode);
	READ(mode, inode, O_inode_mode);
	mode &= S_IFMT;
	if (mode == S_IFREG)
		add_to_file(who, file, inode, bytes, way, q->via);
	else if (way == WAY_READ)
		fed_by(who, inode, mode);
	return mode;
}

#define NONE ((u32)-1)

/* Bytes that came out of one descriptor, went into another, or both. Returns the type of the one they went into. */
static __always_inline u16 on_moved(struct request *q, struct caller *who)
{
	u32 from = NONE, to = NONE;

	switch (q->operation) {
	case OP_WRITE:
		to = q->args[0];
		break;
	case OP_SENDFILE:
		from = q->args[1];
		to = q->args[0];
		break;
	case OP_SPLICE:
	case OP_COPY:
		from = q->args[0];
		to = q->args[2];
		break;
	default:		/* read, recvfrom, recvmsg */
		from = q->args[0];
	}
	if (q->result <= 0)
		return 0;
	if (from != NONE)
		moved(q, who, from, q->result, WAY_READ);
	return to == NONE ? 0 : moved(q, who, to, q->result, WAY_WRITE);
}

#define MAPPED_MOST (1ULL << 40)	/* a length is the caller's word: sums of it must not come round to where they were */

static __always_inline int on_map(struct request *q, struct caller *who)
{
	u64 length = q->args[1] < MAPPED_MOST ? q->args[1] : MAPPED_MOST;

	if (!(q->args[3] & MAP_ANONYMOUS) && (u64)q->result < (u64)-4095)
		moved(q, who, q->args[4], length, WAY_MAP);
	return 0;
}
#endif
