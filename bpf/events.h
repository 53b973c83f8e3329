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
#define EVENT_IO 6		/* first bytes of a file under one call; its sums stand in `files` */
#define EVENT_DNS 7
#define EVENT_LISTEN 8
#define EVENT_ACCEPT 9
#define EVENT_ESCAPE 10
#define EVENT_DESCRIPTOR 11
#define EVENT_CHANGE 12		/* a name or the mode of a file, without opening it */

#define FLAG_TRUNCATED 1	/* a path or argv did not fit */
#define FLAG_RESOLVED 2		/* the path is the kernel's own, not the caller's string */
#define FLAG_RELATIVE 4		/* the caller's string is followed by the directory it starts from */
#define FLAG_SOCKET 8		/* the descriptor is a socket */
#define FLAG_RECEIVED 16	/* the descriptor came in */
#define FLAG_ALONE 32		/* forked under a call, and nothing came to the process from others since */

#define VIA_SYSCALL 1
#define VIA_COMPAT 2		/* a 32-bit system call */
#define VIA_URING 3		/* submitted through io_uring: the result is not known yet */
#define VIA_HANDLE 4		/* open_by_handle_at */

#define LAYER_PLAIN 1		/* no overlay */
#define LAYER_IMAGE 2		/* the lower layers of an overlay */
#define LAYER_WRITTEN 3		/* its upper layer */

/* In `born`: forked by a process that may have served later calls than its own, so this epoch alone tells too little. */
#define BORN_FOSTERED (1ULL << 63)

#define PAYLOAD_MAX 4096

/*
 * Head of every ring record. The payload behind it, where a path is components from leaf to root, each ended by NUL:
 *   open, io, descriptor   path; of an open unless FLAG_RESOLVED the caller's string first
 *   exec                   `argument` bytes of argv, then the path of the executable
 *   escape                 path, as of an open; or nothing
 *   change                 `target` bytes of the other name, then the path as of an open
 *   connect, accept        one struct endpoint
 *   listen                 one struct endpoint with the local address
 *   dns                    one struct endpoint, then the message as it was sent, cut
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
	u32 device;		/* of the file, as the kernel numbers it; 0 when unknown */
	u64 start_ns;		/* start of the process, nanoseconds since boot */
	u64 epoch;		/* of the root, now */
	u64 born;		/* of the root, when this process was forked under a call; 0 outside any; BORN_* */
	u64 mark;		/* what this thread said it works for; 0 nothing */
	s64 result;		/* of the system call; exit: status; fork: child */
	u64 argument;		/* open: flags; exec: bytes of argv; escape, change: the argument that tells most */
	u64 inode;
	u32 links;		/* directory entries of the file */
	u32 target;		/* escape: process it aims at; change: bytes of the other name */
	u16 operation;		/* OP_* of an escape or a change (arch.h) */
	u8 via;			/* VIA_*; 0 unknown */
	u8 layer;		/* LAYER_*; 0 unknown */
	u32 reserved;
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
	u16 fed;		/* something came by pipe, socket or io_uring since it was forked */
	u16 shared;		/* its memory is that of who forked it, until it executes a program */
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
	u64 flows;		/* sends, receives, reads and writes that found their table full */
	u64 children;		/* processes that could not be watched */
};

/* flows: flow_key -> flow; calls are in the key, so a connection kept alive is split by call */
struct flow_key {
	u32 tgid;
	u32 root;
	u64 epoch;
	u64 born;
	u64 mark;
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

/* files: file_key -> file_sum; calls are in the key, so a file kept open is split by call */
struct file_key {
	u32 tgid;
	u32 root;
	u64 epoch;
	u64 born;
	u64 mark;
	u64 inode;
	u32 device;
	u32 reserved;
};

struct file_sum {
	u64 read;
	u64 written;
	u64 mapped;		/* bytes that were mapped into memory: how many of them were read nobody sees */
	u64 last_ns;
	u64 start_ns;
	u32 ppid;
	u32 uid;
	u8 comm[16];
};

#endif
