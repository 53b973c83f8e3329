/* SPDX-License-Identifier: GPL-2.0 */
/* Every system call ends here. Those of processes that are not watched leave after one look-up. */

#ifdef WITH_OPEN
#define PR_TRIPTYCH 0x4d435031

/* prctl(PR_TRIPTYCH, mark): the kernel refuses it, the sensor remembers what this thread says it works for. */
static __always_inline int on_prctl(struct request *q, struct caller *who)
{
	u64 mark = q->args[1];

	if (q->args[0] != PR_TRIPTYCH)
		return 0;
	if (mark)
		MAP_UPDATE(marks, &who->tid, &mark);
	else
		MAP_DELETE(marks, &who->tid);
	return 0;
}

static __always_inline int on_transfer(struct request *q, struct caller *who)
{
	void *sock = on_moved(q, who) == S_IFSOCK ? sock_of(q, q->args[0]) : NULL;

	if (sock && q->operation == OP_WRITE)
		sent_piece(q, who, sock, 0);
	return 0;
}

PROGRAM(sys_exit)
{
	struct request *q;
	struct caller who;
	u32 zero = 0;

	if (!find_caller(&who))
		return 0;
	q = MAP_LOOKUP(requests, &zero);
	if (!q || !understand(q, (void *)ctx->args[0], ctx->args[1]))
		return 0;
	if (q->operation >= OP_CHANGES)
		return on_change(q, &who);
	if (q->operation >= OP_ESCAPES)
		return on_escape(q, &who);
	if (q->operation == OP_SENDMSG || q->operation == OP_RECVMSG)
		on_passed(q, &who);
	switch (q->operation) {
	case OP_READ:
	case OP_WRITE:
	case OP_SENDFILE:
	case OP_SPLICE:
	case OP_COPY:
	case OP_RECVFROM:
	case OP_RECVMSG:
		return on_transfer(q, &who);
	case OP_MMAP:
		return on_map(q, &who);
	case OP_SENDTO:
	case OP_SENDMSG:
	case OP_SENDMMSG:
		return on_send(q, &who);
	case OP_ACCEPT:
		return on_accept(q, &who);
	case OP_HEAR:
		if (q->result >= 0)
			who.member->fed = 1;
		return 0;
	case OP_PRCTL:
		return on_prctl(q, &who);
	}
	return on_open(q, &who);
}
#endif
