/* SPDX-License-Identifier: GPL-2.0 */
/* Connections made and waited for, and the bytes of flows, whatever system call moved them. */

#ifdef WITH_NETWORK
#define TCP_SYN_SENT 2
#define TCP_CLOSE 7
#define TCP_LISTEN 10

static __always_inline u16 swapped(u16 port)
{
	return (port >> 8) | (port << 8);
}

static __always_inline void peer_of(struct endpoint *peer, void *sock)
{
	u16 port = 0;

	READ(peer->family, sock, O_sock_family);
	READ(peer->protocol, sock, O_sock_protocol);
	READ(peer->local_port, sock, O_sock_local_port);
	READ(port, sock, O_sock_remote_port);
	peer->remote_port = swapped(port);
	if (peer->family == AF_INET)
		bpf_probe_read_kernel(peer->address, 4, (char *)sock + O_sock_address);
	else if (peer->family == AF_INET6)
		bpf_probe_read_kernel(peer->address, 16, (char *)sock + O_sock_address6);
}

static __always_inline bool is_internet(struct endpoint *peer)
{
	return peer->family == AF_INET || peer->family == AF_INET6;
}

static __always_inline void emit_peer(u16 kind, struct caller *who, struct endpoint *peer, s64 result, u8 via)
{
	struct record *r = begin(kind, who);

	if (!r)
		return;
	r->head.result = result;
	r->head.via = via;
	__builtin_memcpy(r->payload, peer, sizeof(*peer));
	r->head.size = sizeof(*peer);
	emit(r);
}

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

static __always_inline void add_to_flow(struct caller *who, struct endpoint *peer, u64 bytes, bool sending)
{
	struct flow_key key = {};
	struct flow *flow;

	key.peer = *peer;
	key.tgid = who->tgid;
	key.root = who->member->root;
	key.epoch = epoch_of(key.root);
	key.born = who->member->born;
	key.mark = mark_of(who->tid);
	flow = flow_of(&key);
	if (!flow) {
		lose_sum(key.root);
		return;
	}
	__sync_fetch_and_add(sending ? &flow->sent : &flow->received, bytes);
	flow->last_ns = bpf_ktime_get_ns();
}
#endif

#ifdef WITH_CONNECT
/* CLOSE -> SYN_SENT is an active open and CLOSE -> LISTEN a passive one, both in the context of the process that asked. */
PROGRAM(inet_sock_set_state)
{
	void *sock = (void *)ctx->args[0];
	int before = ctx->args[1], after = ctx->args[2];
	struct endpoint peer = {};
	struct caller who;

	if (before != TCP_CLOSE || (after != TCP_SYN_SENT && after != TCP_LISTEN) || !find_caller(&who))
		return 0;
	peer_of(&peer, sock);
	if (after == TCP_LISTEN) {
		peer.remote_port = 0;
		if (peer.family == AF_INET)
			bpf_probe_read_kernel(peer.address, 4, (char *)sock + O_sock_own_address);
		else
			bpf_probe_read_kernel(peer.address, 16, (char *)sock + O_sock_own_address6);
	}
	emit_peer(after == TCP_LISTEN ? EVENT_LISTEN : EVENT_CONNECT, &who, &peer, 0, 0);
	return 0;
}
#endif

#ifdef WITH_BYTES
static __always_inline int account(void *sock, s64 bytes, bool sending)
{
	struct endpoint peer = {};
	struct caller who;

	if (bytes <= 0 || !find_caller(&who))
		return 0;
	if (!sending)
		who.member->fed = 1;
	peer_of(&peer, sock);
	if (!is_internet(&peer))
		return 0;
	/* A socket without a peer does not know where this went; the system call does (messages.h). */
	if (HAS_socket && sending && peer.protocol == IPPROTO_UDP && !peer.remote_port)
		return 0;
	add_to_flow(&who, &peer, bytes, sending);
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
