/* SPDX-License-Identifier: GPL-2.0 */
/* A finished system call, whatever table it came through. Arguments and result are both there at its exit. */

#ifdef WITH_OPEN
#define TS_COMPAT 2

/*
 * It stands in a map, not on the stack: what the verifier does not know (which system call this is) it cannot tell apart,
 * so it follows each handler once and not once for every number.
 */
struct request {
	u64 args[6];
	s64 result;
	void *task;
	u32 operation;		/* OP_*; 0 for what is not watched */
	u8 via;
	u64 passed_from;	/* descriptors a message carries, as addresses of the caller */
	u64 passed_to;
};

MAP_PERCPU_ARRAY(requests, struct request, 1)
#define FORGET() asm volatile("" : : : "memory")

static __always_inline void read_arguments(struct request *q, void *regs)
{
	if (HAS_compat && q->via == VIA_COMPAT) {
		READ(q->args[0], regs, O_regs_compat_0);
		READ(q->args[1], regs, O_regs_compat_1);
		READ(q->args[2], regs, O_regs_compat_2);
		READ(q->args[3], regs, O_regs_compat_3);
		READ(q->args[4], regs, O_regs_compat_4);
		READ(q->args[5], regs, O_regs_compat_5);
		return;
	}
	READ(q->args[0], regs, O_regs_0);
	READ(q->args[1], regs, O_regs_1);
	READ(q->args[2], regs, O_regs_2);
	READ(q->args[3], regs, O_regs_3);
	READ(q->args[4], regs, O_regs_4);
	READ(q->args[5], regs, O_regs_5);
}

/* socketcall(2) of x86-32: the real arguments stand in memory. */
static __always_inline void unfold(struct request *q)
{
	u32 inner[6] = {};
	u64 call = q->args[0];

	q->operation = call == 1 ? OP_SOCKET : call == 5 || call == 18 ? OP_ACCEPT : call == 9 || call == 11 ? OP_SENDTO :
		       call == 10 || call == 12 ? OP_RECVFROM : call == 16 ? OP_SENDMSG :
		       call == 17 ? OP_RECVMSG : call == 19 ? OP_HEAR : call == 20 ? OP_SENDMMSG : 0;
	bpf_probe_read_user(inner, 16, (void *)q->args[1]);
	if (call == 11 || call == 12)
		bpf_probe_read_user(&inner[4], 8, (void *)(q->args[1] + 16));
	for (int i = 0; i < 6; i++)
		q->args[i] = inner[i];
}

/* What was asked and answered. False for system calls that nobody watches. */
static __always_inline bool understand(struct request *q, void *regs, s64 result)
{
	u64 number = 0;
	u32 status = 0;

	READ(number, regs, O_regs_number);
	if (HAS_compat)
		READ(status, (void *)bpf_get_current_task(), O_task_status);
	q->via = status & TS_COMPAT ? VIA_COMPAT : VIA_SYSCALL;
	FORGET();
	q->operation = q->via == VIA_COMPAT ? compat_operation_of(number) : operation_of(number);
	FORGET();
	if (!q->operation)
		return false;
	q->task = (void *)bpf_get_current_task();
	q->result = q->via == VIA_COMPAT ? (s32)result : result;
	read_arguments(q, regs);
	if (q->operation == OP_SOCKETCALL)
		unfold(q);
	FORGET();
	return q->operation != 0;
}

/* A user-space word of the caller's size. */
static __always_inline u64 read_word(struct request *q, u64 base, u32 index)
{
	u64 word = 0;

	if (q->via == VIA_COMPAT)
		bpf_probe_read_user(&word, 4, (void *)(base + index * 4));
	else
		bpf_probe_read_user(&word, 8, (void *)(base + index * 8));
	return word;
}
#endif
