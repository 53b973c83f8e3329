/* SPDX-License-Identifier: GPL-2.0 */
/* Lineage: who forked, what it executed, when it ended. A child is watched before it runs. */

#define ARGV_MAX 1024

/* Whether two tasks have one memory: then the one can tell the other what to do, and nothing comes by any channel. */
static __always_inline bool shares_memory(void *task, void *child)
{
	void *own = NULL, *its = NULL;

	READ(own, task, O_task_mm);
	READ(its, child, O_task_mm);
	return own == its;
}

/* A child takes over what its parent works for. What a parent that heard others forks may be for any of them. */
static __always_inline void watch_child(struct caller *who, u32 child, bool is_shared)
{
	struct member born = {};
	struct root *root;
	struct loss *loss;
	u64 mark = mark_of(who->tid);

	born.root = who->member->root;
	born.shared = is_shared;
	born.born = who->member->born;
	if (born.born && (who->member->fed || who->member->shared))
		born.born |= BORN_FOSTERED;
	root = MAP_LOOKUP(roots, &born.root);
	if (!born.born && root && root->in_flight)
		born.born = root->epoch;
	if (MAP_UPDATE(watched, &child, &born)) {
		loss = MAP_LOOKUP(losses, &born.root);
		if (loss)
			__sync_fetch_and_add(&loss->children, 1);
	}
	if (mark)
		MAP_UPDATE(marks, &child, &mark);
}

PROGRAM(sched_process_fork)
{
	void *child = (void *)ctx->args[1];
	struct caller who;
	struct record *r;
	u32 pid = 0, tgid = 0;

	if (!find_caller(&who))
		return 0;
	READ(pid, child, O_task_pid);
	READ(tgid, child, O_task_tgid);
	if (pid != tgid)
		return 0;	/* a thread shares its process's entry, and says itself what it works for */
	watch_child(&who, tgid, shares_memory((void *)ctx->args[0], child));
	r = begin(EVENT_FORK, &who);
	if (!r)
		return 0;
	r->head.result = tgid;
	emit(r);
	return 0;
}

PROGRAM(sched_process_exec)
{
	void *task = (void *)bpf_get_current_task(), *mm = NULL, *file = NULL;
	u64 from = 0, to = 0, length;
	u32 before = ctx->args[1];
	struct caller who;
	struct record *r;

	if (!find_caller(&who))
		return 0;
	who.member->shared = 0;
	if (before != who.tid)
		MAP_DELETE(marks, &before);	/* a thread took its process over: nobody has its old number any more */
	r = begin(EVENT_EXEC, &who);
	if (!r)
		return 0;
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
		r->head.size = length;
	r->head.argument = r->head.size;
	READ(file, mm, O_mm_exe);
	if (file)
		resolve(r, file);
	emit(r);
	return 0;
}

PROGRAM(sched_process_exit)
{
	void *task = (void *)bpf_get_current_task(), *signal = NULL;
	struct caller who;
	struct record *r;
	int live = 0, code = 0;

	if (!find_caller(&who))
		return 0;
	READ(signal, task, O_task_signal);
	READ(live, signal, O_signal_live);
	r = live > 0 ? NULL : begin(EVENT_EXIT, &who);	/* other threads go on, even without their leader */
	MAP_DELETE(marks, &who.tid);
	if (!r)
		return 0;
	READ(code, task, O_task_exit_code);
	r->head.result = code;
	/* Two last threads may both see live == 0; only one of them deletes. */
	if (MAP_DELETE(watched, &who.tgid) == 0)
		emit(r);
	return 0;
}
