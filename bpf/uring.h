/* SPDX-License-Identifier: GPL-2.0 */
/* Requests submitted to io_uring, which pass no system call of their own. Connections show at the socket, whoever asks. */

#define IORING_OP_OPENAT 18
#define IORING_OP_OPENAT2 28

#if defined(WITH_URING) || defined(WITH_URING_SQE)
static __always_inline int submitted(void *request, u8 operation)
{
	void *filename = NULL, *name = NULL;
	struct caller who;
	struct record *r;
	long n = 0;

	if (!find_caller(&who))
		return 0;
	who.member->fed = 1;	/* it may read anything */
	if (request)
		READ(operation, request, O_request_operation);
	if (operation != IORING_OP_OPENAT && operation != IORING_OP_OPENAT2)
		return 0;
	r = begin(EVENT_OPEN, &who);
	if (!r)
		return 0;
	r->head.via = VIA_URING;
	if (request) {
		READ(filename, request, (HAS_command ? O_request_command : O_request_open) +
					(HAS_delayed ? O_open_delayed : O_open_filename));
		READ(name, filename, O_filename_name);
		n = bpf_probe_read_kernel_str(r->payload, USER_PATH_MAX, name);
		r->head.size = n > 0 ? n : 0;
	}
	emit(r);
	return 0;
}
#endif

#ifdef WITH_URING
PROGRAM(io_uring_submit_req)
{
	return submitted((void *)ctx->args[0], 0);
}
#endif

#ifdef WITH_URING_SQE
/* Until Linux 6.1: first the request alone, before that the ring and the request, before that the ring and the operation. */
PROGRAM(io_uring_submit_sqe)
{
	u64 second = ctx->args[1];

	if (HAS_command)
		return submitted((void *)ctx->args[0], 0);
	return second > 0xff ? submitted((void *)second, 0) : submitted(NULL, second);
}
#endif
