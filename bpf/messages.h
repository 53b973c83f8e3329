/* SPDX-License-Identifier: GPL-2.0 */
/* What the arguments of a send or receive tell: names asked for, peers of unconnected sockets, descriptors passed. */

#ifdef WITH_OPEN
#define PORT_DNS 53
#define PORT_MDNS 5353
#define PORT_LLMNR 5355
#define QUERY_MAX 512
#define SENDMMSG_MAX 8
#define CONTROL_MAX 3
#define PASSED_MAX 4
#define SOL_SOCKET 1
#define SCM_RIGHTS 1

/* struct msghdr in words of the caller's size; and the two pieces of data that come first. */
struct message {
	u64 name, pieces, piece_count, control, control_length;
};

static __always_inline void read_message(struct request *q, u64 at, struct message *m)
{
	m->name = read_word(q, at, 0);
	m->pieces = read_word(q, at, 2);
	m->piece_count = read_word(q, at, 3);
	m->control = read_word(q, at, 4);
	m->control_length = read_word(q, at, 5);
}

static __always_inline void *sock_of(struct request *q, u32 fd)
{
	void *file = file_of(q->task, fd), *inode = NULL, *socket = NULL, *sock = NULL;
	u16 mode = 0;

	if (!HAS_socket || !file)
		return NULL;
	READ(inode, file, O_file_inode);
	READ(mode, inode, O_inode_mode);
	if ((mode & S_IFMT) != S_IFSOCK)
		return NULL;
	READ(socket, file, O_file_private);
	READ(sock, socket, O_socket_sock);
	return sock;
}

/* The address in the arguments, if there is one: it is the caller's memory, so it can change meanwhile. */
static __always_inline bool read_address(struct endpoint *peer, u64 name)
{
	struct { u16 family, port; u8 v4[4]; u8 v6[16]; } raw = {};

	if (!name || bpf_probe_read_user(&raw, 8, (void *)name))
		return false;
	if (raw.family == AF_INET) {
		__builtin_memset(peer->address, 0, 16);
		__builtin_memcpy(peer->address, raw.v4, 4);
	} else if (raw.family == AF_INET6 && !bpf_probe_read_user(&raw.v6, 16, (void *)(name + 8))) {
		__builtin_memcpy(peer->address, raw.v6, 16);
	} else {
		return false;
	}
	peer->family = raw.family;
	peer->remote_port = swapped(raw.port);
	return true;
}

static __always_inline void append_piece(struct record *r, u64 data, u64 length)
{
	u32 at = end_of(r) & (2 * QUERY_MAX - 1);

	if (length > QUERY_MAX - 1)
		length = QUERY_MAX - 1;
	KEEP(length);
	length &= QUERY_MAX - 1;
	if (!bpf_probe_read_user(&r->payload[at], length, (void *)data))
		r->head.size = at + length;
}

static __always_inline bool asks_names(struct endpoint *peer)
{
	return peer->remote_port == PORT_DNS || peer->remote_port == PORT_MDNS || peer->remote_port == PORT_LLMNR;
}

static __always_inline void say_query(struct request *q, struct caller *who, struct endpoint *peer, u64 data, u64 length,
				      u64 more, u64 more_length)
{
	struct record *r = begin(EVENT_DNS, who);

	if (!r)
		return;
	r->head.via = q->via;
	r->head.result = q->result;
	__builtin_memcpy(r->payload, peer, sizeof(*peer));
	r->head.size = sizeof(*peer);
	append_piece(r, data, length);
	if (more_length)
		append_piece(r, more, more_length);
	emit(r);
}

/* One message of `bytes` bytes that went out: where to, and whether it asks for a name. */
static __always_inline void sent_message(struct request *q, struct caller *who, void *sock, u64 at, u64 bytes)
{
	struct endpoint peer = {};
	struct message m;
	bool addressed;

	read_message(q, at, &m);
	peer_of(&peer, sock);
	addressed = !peer.remote_port && peer.protocol == IPPROTO_UDP && read_address(&peer, m.name);
	if (addressed)
		add_to_flow(who, &peer, bytes, true);
	if (asks_names(&peer))
		say_query(q, who, &peer, read_word(q, m.pieces, 0), read_word(q, m.pieces, 1), read_word(q, m.pieces, 2),
			  m.piece_count > 1 ? read_word(q, m.pieces, 3) : 0);
}

/* A send with its data in one piece: sendto, or a write to a connected socket. */
static __always_inline void sent_piece(struct request *q, struct caller *who, void *sock, u64 name)
{
	struct endpoint peer = {};

	peer_of(&peer, sock);
	if (!peer.remote_port && peer.protocol == IPPROTO_UDP && read_address(&peer, name))
		add_to_flow(who, &peer, q->result, true);
	if (asks_names(&peer))
		say_query(q, who, &peer, q->args[1], q->args[2], 0, 0);
}

/* The span of the first SCM_RIGHTS of a message, as descriptors; empty when there is none. */
static __always_inline void find_passed(struct request *q)
{
	u32 word = q->via == VIA_COMPAT ? 4 : 8, kind[2] = {};
	struct message m;
	u64 at, length;

	read_message(q, q->args[1], &m);
	q->passed_from = q->passed_to = 0;
	at = m.control;
	for (int i = 0; i < CONTROL_MAX && at && at + word + 12 <= m.control + m.control_length; i++) {
		length = read_word(q, at, 0);
		bpf_probe_read_user(kind, sizeof(kind), (void *)(at + word));
		if (length < word + 8)
			break;
		if (kind[0] == SOL_SOCKET && kind[1] == SCM_RIGHTS) {
			q->passed_from = at + word + 8;
			q->passed_to = at + length;
			break;
		}
		at += (length + word - 1) & ~(u64)(word - 1);
	}
	FORGET();
}

static __always_inline bool tell_passed(struct request *q, struct caller *who, bool received)
{
	struct record *r = begin(EVENT_DESCRIPTOR, who);
	void *file = NULL, *inode = NULL;
	u16 mode = 0;
	u32 fd = 0;

	if (!r || bpf_probe_read_user(&fd, sizeof(fd), (void *)q->passed_from))
		return false;
	file = file_of(q->task, fd);
	if (!file)
		return false;
	READ(inode, file, O_file_inode);
	READ(mode, inode, O_inode_mode);
	r->head.via = q->via;
	r->head.result = fd;
	r->head.flags |= ((mode & S_IFMT) == S_IFSOCK ? FLAG_SOCKET : 0) | (received ? FLAG_RECEIVED : 0);
	resolve(r, file);
	emit(r);
	return true;
}

/* Files and sockets that go out or came in through a local socket. */
static __always_inline void on_passed(struct request *q, struct caller *who)
{
	void *sock = q->result < 0 ? NULL : sock_of(q, q->args[0]);
	u16 family = 0;

	if (!sock)
		return;
	READ(family, sock, O_sock_family);
	if (family != AF_UNIX)
		return;
	find_passed(q);
	for (int i = 0; i < PASSED_MAX && q->passed_from + 4 <= q->passed_to; i++, q->passed_from += 4)
		if (!tell_passed(q, who, q->operation == OP_RECVMSG))
			return;
	if (q->passed_from + 4 <= q->passed_to)
		lose_sum(who->member->root);
}

static __always_inline int on_send(struct request *q, struct caller *who)
{
	void *sock = sock_of(q, q->args[0]);
	u32 stride = q->via == VIA_COMPAT ? 32 : 64, length = 0;
	u64 at = q->args[1];

	if (!sock || q->result <= 0)
		return 0;
	if (q->operation == OP_SENDTO) {
		sent_piece(q, who, sock, q->args[4]);
		return 0;
	}
	if (q->operation == OP_SENDMSG) {
		sent_message(q, who, sock, at, q->result);
		return 0;
	}
	for (int i = 0; i < SENDMMSG_MAX && i < q->result; i++, at += stride) {
		bpf_probe_read_user(&length, sizeof(length), (void *)(at + stride - (q->via == VIA_COMPAT ? 4 : 8)));
		sent_message(q, who, sock, at, length);
	}
	if (q->result > SENDMMSG_MAX)
		lose_sum(who->member->root);
	return 0;
}

static __always_inline int on_accept(struct request *q, struct caller *who)
{
	struct endpoint peer = {};
	void *sock = q->result >= 0 ? sock_of(q, q->result) : NULL;

	if (!sock)
		return 0;
	peer_of(&peer, sock);
	if (is_internet(&peer))
		emit_peer(EVENT_ACCEPT, who, &peer, q->result, q->via);
	return 0;
}
#endif
