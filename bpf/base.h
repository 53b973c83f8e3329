/* SPDX-License-Identifier: GPL-2.0 */
/* Who acts, what every record says of it, and how records and losses reach user space. */

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define AF_ALG 38
#define AT_FDCWD -100
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define NAME_SPACE 256		/* one component with its NUL */
#define USER_PATH_MAX 1024

/*
 * While a record is made, head.size counts the bytes of its payload. The count lives there and in no register, so the
 * verifier knows nothing of it and need not follow every length a path may have. The tail lets it accept a component
 * written at any masked offset.
 */
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
MAP_HASH(files, struct file_key, struct file_sum, FILES_MAX)
MAP_HASH(marks, u32, u64, 10240)
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

static __always_inline u64 mark_of(u32 tid)
{
	u64 *found = MAP_LOOKUP(marks, &tid);

	return found ? *found : 0;
}

static __always_inline void lose_sum(u32 root)
{
	struct loss *loss = MAP_LOOKUP(losses, &root);

	if (loss)
		__sync_fetch_and_add(&loss->flows, 1);
}

static __always_inline void fill(struct event *e, u16 kind, struct caller *who)
{
	void *task = (void *)bpf_get_current_task(), *parent = NULL, *leader = NULL;

	e->size = 0;
	e->kind = kind;
	e->flags = who->member->born && !who->member->fed && !who->member->shared ? FLAG_ALONE : 0;
	e->mono_ns = bpf_ktime_get_ns();
	e->tgid = who->tgid;
	e->tid = who->tid;
	e->ppid = 0;
	e->uid = bpf_get_current_uid_gid();
	e->root = who->member->root;
	e->device = 0;
	e->start_ns = 0;
	e->epoch = epoch_of(e->root);
	e->born = who->member->born;
	e->mark = mark_of(who->tid);
	e->result = 0;
	e->argument = 0;
	e->inode = 0;
	e->links = 0;
	e->target = 0;
	e->operation = 0;
	e->via = 0;
	e->layer = 0;
	e->reserved = 0;
	READ(parent, task, O_task_parent);
	READ(e->ppid, parent, O_task_tgid);
	READ(leader, task, O_task_leader);
	READ(e->start_ns, leader, O_task_start);
	bpf_get_current_comm(&e->comm, sizeof(e->comm));
}

/* A record to write to, with its head filled; NULL never happens, but the verifier cannot know. */
static __always_inline struct record *begin(u16 kind, struct caller *who)
{
	u32 zero = 0;
	struct record *r = MAP_LOOKUP(scratch, &zero);

	if (r)
		fill(&r->head, kind, who);
	return r;
}

/* Where the payload goes on. */
static __always_inline u32 end_of(struct record *r)
{
	u32 end = r->head.size;

	KEEP(end);
	return end & (PAYLOAD_MAX - 1);
}

static __always_inline void emit(struct record *r)
{
	u32 size = sizeof(struct event) + end_of(r);
	struct loss *loss;

	r->head.size = size;
	if (RING_OUTPUT(events, r, size)) {
		loss = MAP_LOOKUP(losses, &r->head.root);
		if (loss)
			__sync_fetch_and_add(&loss->ring, 1);
	}
}
