/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What crosses the border between kernel and user space: records of the ring buffer, keys and values of the maps.
 * producers/sensor/decode.py holds the same layouts; tests/producers/sensor/test_layout.py compares both.
 */
#ifndef TRIPTYCH_EVENTS_H
#define TRIPTYCH_EVENTS_H

#define EVENT_EXEC 1
#define EVENT_FORK 2
#define EVENT_EXIT 3
#define EVENT_OPEN 4
#define EVENT_CONNECT 5

#define FLAG_TRUNCATED 1	/* a path or argv did not fit */
#define FLAG_RESOLVED 2		/* the path is the kernel's own, not the caller's string */
#define FLAG_RELATIVE 4		/* the caller's string is followed by the directory it starts from */
#define FLAG_COMPAT 8		/* a 32-bit system call */
#define FLAG_URING 16		/* submitted through io_uring: the result is not known yet */

#define PAYLOAD_MAX 4096

/*
 * Head of every ring record. The payload behind it:
 *   open     path: components from leaf to root, each ended by NUL; unless FLAG_RESOLVED the caller's string first
 *   exec     `argument` bytes of argv, then the path of the executable from leaf to root
 *   connect  one struct endpoint
 */
struct event {
	u32 size;		/* bytes of the record, payload included */
	u16 kind;		/* EVENT_* */
	u16 flags;		/* FLAG_* */
	u64 mono_ns;		/* CLOCK_MONOTONIC */
	u32 tgid;
	u32 tid;
	u32 ppid;
	u32 uid;
	u32 root;		/* the leased server this process descends from, or is */
	u32 reserved;
	u64 start_ns;		/* start of the process, nanoseconds since boot */
	u64 epoch;		/* of the root, now */
	u64 born;		/* of the root, when this process was forked under a call; 0 outside any */
	s64 result;		/* open: descriptor or -errno; exit: status; fork: child */
	u64 argument;		/* open: flags; exec: bytes of argv */
	u64 inode;
	u8 comm[16];
};

struct endpoint {
	u16 family;		/* AF_INET or AF_INET6 */
	u16 protocol;		/* IPPROTO_TCP or IPPROTO_UDP */
	u16 local_port;
	u16 remote_port;
	u8 address[16];		/* remote; IPv4 in the first four bytes */
};

/* watched: tgid -> member */
struct member {
	u32 root;
	u32 reserved;
	u64 born;
};

/* roots: tgid of a leased server -> root; every begin and end of a call writes the next epoch */
struct root {
	u64 epoch;
	u64 in_flight;		/* calls; a fork under none is not born under a call */
};

/* losses: tgid of a leased server -> loss; created by user space, counted up here */
struct loss {
	u64 ring;		/* events that found the ring full */
	u64 flows;		/* sends and receives that found the flow table full */
	u64 children;		/* processes that could not be watched */
};

/* flows: flow_key -> flow; calls are in the key, so a connection kept alive is split by call */
struct flow_key {
	u32 tgid;
	u32 root;
	u64 epoch;
	u64 born;
	struct endpoint peer;
};

struct flow {
	u64 sent;
	u64 received;
	u64 last_ns;
	u64 start_ns;
	u32 ppid;
	u32 uid;
	u8 comm[16];
};

#endif
