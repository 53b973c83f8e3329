/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one file that knows a processor: which system call number means what. Everything else speaks of OP_*. Registers come as
 * O_regs_*, offsets of the running kernel. decode.py names OP_* by these lines; test_layout.py compares both.
 */
#ifndef TRIPTYCH_ARCH_H
#define TRIPTYCH_ARCH_H

#define OP_OPEN 1
#define OP_OPENAT 2
#define OP_OPENAT2 3
#define OP_CREAT 4
#define OP_HANDLE 5
#define OP_READ 6
#define OP_WRITE 7
#define OP_SENDFILE 8
#define OP_SPLICE 9
#define OP_COPY 10
#define OP_MMAP 11
#define OP_SENDTO 12
#define OP_SENDMSG 13
#define OP_SENDMMSG 14
#define OP_RECVFROM 15
#define OP_RECVMSG 16
#define OP_ACCEPT 17
#define OP_PRCTL 18
#define OP_SOCKETCALL 19	/* x86-32: listen, accept, send ... behind one number */
#define OP_HEAR 20		/* takes in what others sent, and tells nothing else */
#define OP_ESCAPES 32		/* from here on: escapes */
#define OP_SETNS 32
#define OP_UNSHARE 33
#define OP_CLONE 34
#define OP_CLONE3 35
#define OP_MOUNT 36
#define OP_UMOUNT 37
#define OP_MOVE_MOUNT 38
#define OP_OPEN_TREE 39
#define OP_FSOPEN 40
#define OP_FSMOUNT 41
#define OP_MOUNT_SETATTR 42
#define OP_PIVOT_ROOT 43
#define OP_CHROOT 44
#define OP_PTRACE 45
#define OP_PROCESS_VM_READV 46
#define OP_PROCESS_VM_WRITEV 47
#define OP_PIDFD_GETFD 48
#define OP_BPF 49
#define OP_INIT_MODULE 50
#define OP_FINIT_MODULE 51
#define OP_DELETE_MODULE 52
#define OP_KEXEC_LOAD 53
#define OP_KEXEC_FILE_LOAD 54
#define OP_KEYCTL 55
#define OP_ADD_KEY 56
#define OP_REQUEST_KEY 57
#define OP_PERF_EVENT_OPEN 58
#define OP_USERFAULTFD 59
#define OP_IO_PORTS 60		/* iopl, ioperm */
#define OP_IO_URING_SETUP 61	/* no escape by itself, but the way past system calls */
#define OP_SOCKET 62		/* of a family whose traffic nothing here counts: packet, vsock, Bluetooth ... */
#define OP_CHANGES 64		/* from here on: changes */
#define OP_RENAME 64
#define OP_LINK 65
#define OP_SYMLINK 66
#define OP_UNLINK 67
#define OP_CHMOD 68
#define OP_TRUNCATE 69
#define OP_MKNOD 70
#define OP_CHOWN 71
#define FORM_AT 0x100		/* the variant that takes directories */
#define FORM_FD 0x200		/* the variant that takes a descriptor */
#define FORM_MASK 0xff

#define IS(nr, operation) case nr: return operation

#if defined(__TARGET_ARCH_arm64)
/* 64-bit only: 32-bit programs are not watched on this machine. */
static __always_inline u32 operation_of(u64 number)
{
	switch (number) {
	IS(56, OP_OPENAT);
	IS(437, OP_OPENAT2);
	IS(265, OP_HANDLE);
	IS(63, OP_READ);
	IS(67, OP_READ);	/* pread64 */
	IS(65, OP_READ);	/* readv */
	IS(69, OP_READ);	/* preadv */
	IS(286, OP_READ);	/* preadv2 */
	IS(64, OP_WRITE);
	IS(68, OP_WRITE);	/* pwrite64 */
	IS(66, OP_WRITE);	/* writev */
	IS(70, OP_WRITE);	/* pwritev */
	IS(287, OP_WRITE);	/* pwritev2 */
	IS(71, OP_SENDFILE);
	IS(76, OP_SPLICE);
	IS(285, OP_COPY);
	IS(222, OP_MMAP);
	IS(206, OP_SENDTO);
	IS(211, OP_SENDMSG);
	IS(269, OP_SENDMMSG);
	IS(207, OP_RECVFROM);
	IS(212, OP_RECVMSG);
	IS(202, OP_ACCEPT);
	IS(242, OP_ACCEPT);	/* accept4 */
	IS(198, OP_SOCKET);
	IS(167, OP_PRCTL);
	IS(75, OP_HEAR);	/* vmsplice */
	IS(183, OP_HEAR);	/* mq_timedreceive */
	IS(188, OP_HEAR);	/* msgrcv */
	IS(243, OP_HEAR);	/* recvmmsg */
	IS(268, OP_SETNS);
	IS(97, OP_UNSHARE);
	IS(220, OP_CLONE);
	IS(435, OP_CLONE3);
	IS(40, OP_MOUNT);
	IS(39, OP_UMOUNT);
	IS(429, OP_MOVE_MOUNT);
	IS(428, OP_OPEN_TREE);
	IS(430, OP_FSOPEN);
	IS(432, OP_FSMOUNT);
	IS(442, OP_MOUNT_SETATTR);
	IS(41, OP_PIVOT_ROOT);
	IS(51, OP_CHROOT);
	IS(117, OP_PTRACE);
	IS(270, OP_PROCESS_VM_READV);
	IS(271, OP_PROCESS_VM_WRITEV);
	IS(438, OP_PIDFD_GETFD);
	IS(280, OP_BPF);
	IS(105, OP_INIT_MODULE);
	IS(273, OP_FINIT_MODULE);
	IS(106, OP_DELETE_MODULE);
	IS(104, OP_KEXEC_LOAD);
	IS(294, OP_KEXEC_FILE_LOAD);
	IS(219, OP_KEYCTL);
	IS(217, OP_ADD_KEY);
	IS(218, OP_REQUEST_KEY);
	IS(241, OP_PERF_EVENT_OPEN);
	IS(282, OP_USERFAULTFD);
	IS(425, OP_IO_URING_SETUP);
	IS(38, OP_RENAME | FORM_AT);
	IS(276, OP_RENAME | FORM_AT);
	IS(37, OP_LINK | FORM_AT);
	IS(36, OP_SYMLINK | FORM_AT);
	IS(35, OP_UNLINK | FORM_AT);
	IS(52, OP_CHMOD | FORM_FD);
	IS(53, OP_CHMOD | FORM_AT);
	IS(452, OP_CHMOD | FORM_AT);
	IS(45, OP_TRUNCATE);
	IS(46, OP_TRUNCATE | FORM_FD);
	IS(33, OP_MKNOD | FORM_AT);
	IS(55, OP_CHOWN | FORM_FD);
	IS(54, OP_CHOWN | FORM_AT);
	}
	return 0;
}

static __always_inline u32 compat_operation_of(u64 number)
{
	return 0;
}
#else
/* The x32 bit changes the layout of arguments, not the meaning of the numbers below 512. */
#define X32_BIT 0x40000000

static __always_inline u32 operation_of(u64 number)
{
	switch (number & ~(u64)X32_BIT) {
	IS(2, OP_OPEN);
	IS(85, OP_CREAT);
	IS(257, OP_OPENAT);
	IS(437, OP_OPENAT2);
	IS(304, OP_HANDLE);
	IS(0, OP_READ);
	IS(17, OP_READ);	/* pread64 */
	IS(19, OP_READ);	/* readv */
	IS(295, OP_READ);	/* preadv */
	IS(327, OP_READ);	/* preadv2 */
	IS(1, OP_WRITE);
	IS(18, OP_WRITE);	/* pwrite64 */
	IS(20, OP_WRITE);	/* writev */
	IS(296, OP_WRITE);	/* pwritev */
	IS(328, OP_WRITE);	/* pwritev2 */
	IS(40, OP_SENDFILE);
	IS(275, OP_SPLICE);
	IS(326, OP_COPY);
	IS(9, OP_MMAP);
	IS(44, OP_SENDTO);
	IS(46, OP_SENDMSG);
	IS(307, OP_SENDMMSG);
	IS(45, OP_RECVFROM);
	IS(47, OP_RECVMSG);
	IS(43, OP_ACCEPT);
	IS(288, OP_ACCEPT);	/* accept4 */
	IS(41, OP_SOCKET);
	IS(157, OP_PRCTL);
	IS(278, OP_HEAR);	/* vmsplice */
	IS(243, OP_HEAR);	/* mq_timedreceive */
	IS(70, OP_HEAR);	/* msgrcv */
	IS(299, OP_HEAR);	/* recvmmsg */
	IS(308, OP_SETNS);
	IS(272, OP_UNSHARE);
	IS(56, OP_CLONE);
	IS(435, OP_CLONE3);
	IS(165, OP_MOUNT);
	IS(166, OP_UMOUNT);
	IS(429, OP_MOVE_MOUNT);
	IS(428, OP_OPEN_TREE);
	IS(430, OP_FSOPEN);
	IS(432, OP_FSMOUNT);
	IS(442, OP_MOUNT_SETATTR);
	IS(155, OP_PIVOT_ROOT);
	IS(161, OP_CHROOT);
	IS(101, OP_PTRACE);
	IS(310, OP_PROCESS_VM_READV);
	IS(311, OP_PROCESS_VM_WRITEV);
	IS(438, OP_PIDFD_GETFD);
	IS(321, OP_BPF);
	IS(175, OP_INIT_MODULE);
	IS(313, OP_FINIT_MODULE);
	IS(176, OP_DELETE_MODULE);
	IS(246, OP_KEXEC_LOAD);
	IS(320, OP_KEXEC_FILE_LOAD);
	IS(250, OP_KEYCTL);
	IS(248, OP_ADD_KEY);
	IS(249, OP_REQUEST_KEY);
	IS(298, OP_PERF_EVENT_OPEN);
	IS(323, OP_USERFAULTFD);
	IS(425, OP_IO_URING_SETUP);
	IS(172, OP_IO_PORTS);
	IS(173, OP_IO_PORTS);
	IS(82, OP_RENAME);
	IS(264, OP_RENAME | FORM_AT);
	IS(316, OP_RENAME | FORM_AT);
	IS(86, OP_LINK);
	IS(265, OP_LINK | FORM_AT);
	IS(88, OP_SYMLINK);
	IS(266, OP_SYMLINK | FORM_AT);
	IS(87, OP_UNLINK);
	IS(84, OP_UNLINK);	/* rmdir */
	IS(263, OP_UNLINK | FORM_AT);
	IS(90, OP_CHMOD);
	IS(91, OP_CHMOD | FORM_FD);
	IS(268, OP_CHMOD | FORM_AT);
	IS(452, OP_CHMOD | FORM_AT);
	IS(76, OP_TRUNCATE);
	IS(77, OP_TRUNCATE | FORM_FD);
	IS(133, OP_MKNOD);
	IS(92, OP_CHOWN);
	IS(94, OP_CHOWN);	/* lchown */
	IS(93, OP_CHOWN | FORM_FD);
	IS(260, OP_CHOWN | FORM_AT);
	IS(259, OP_MKNOD | FORM_AT);
	}
	return 0;
}

static __always_inline u32 compat_operation_of(u64 number)
{
	switch (number) {
	IS(5, OP_OPEN);
	IS(8, OP_CREAT);
	IS(295, OP_OPENAT);
	IS(437, OP_OPENAT2);
	IS(342, OP_HANDLE);
	IS(3, OP_READ);
	IS(180, OP_READ);	/* pread64 */
	IS(145, OP_READ);	/* readv */
	IS(333, OP_READ);	/* preadv */
	IS(378, OP_READ);	/* preadv2 */
	IS(4, OP_WRITE);
	IS(181, OP_WRITE);	/* pwrite64 */
	IS(146, OP_WRITE);	/* writev */
	IS(334, OP_WRITE);	/* pwritev */
	IS(379, OP_WRITE);	/* pwritev2 */
	IS(187, OP_SENDFILE);
	IS(239, OP_SENDFILE);	/* sendfile64 */
	IS(313, OP_SPLICE);
	IS(377, OP_COPY);
	IS(192, OP_MMAP);	/* mmap2 */
	IS(369, OP_SENDTO);
	IS(370, OP_SENDMSG);
	IS(345, OP_SENDMMSG);
	IS(371, OP_RECVFROM);
	IS(372, OP_RECVMSG);
	IS(364, OP_ACCEPT);	/* accept4 */
	IS(359, OP_SOCKET);
	IS(172, OP_PRCTL);
	IS(316, OP_HEAR);	/* vmsplice */
	IS(280, OP_HEAR);	/* mq_timedreceive */
	IS(419, OP_HEAR);	/* mq_timedreceive_time64 */
	IS(402, OP_HEAR);	/* msgrcv */
	IS(117, OP_HEAR);	/* ipc: semaphores and messages */
	IS(337, OP_HEAR);	/* recvmmsg */
	IS(417, OP_HEAR);	/* recvmmsg_time64 */
	IS(102, OP_SOCKETCALL);
	IS(346, OP_SETNS);
	IS(310, OP_UNSHARE);
	IS(120, OP_CLONE);
	IS(435, OP_CLONE3);
	IS(21, OP_MOUNT);
	IS(22, OP_UMOUNT);
	IS(52, OP_UMOUNT);	/* umount2 */
	IS(429, OP_MOVE_MOUNT);
	IS(428, OP_OPEN_TREE);
	IS(430, OP_FSOPEN);
	IS(432, OP_FSMOUNT);
	IS(442, OP_MOUNT_SETATTR);
	IS(217, OP_PIVOT_ROOT);
	IS(61, OP_CHROOT);
	IS(26, OP_PTRACE);
	IS(347, OP_PROCESS_VM_READV);
	IS(348, OP_PROCESS_VM_WRITEV);
	IS(438, OP_PIDFD_GETFD);
	IS(357, OP_BPF);
	IS(128, OP_INIT_MODULE);
	IS(350, OP_FINIT_MODULE);
	IS(129, OP_DELETE_MODULE);
	IS(283, OP_KEXEC_LOAD);
	IS(288, OP_KEYCTL);
	IS(286, OP_ADD_KEY);
	IS(287, OP_REQUEST_KEY);
	IS(336, OP_PERF_EVENT_OPEN);
	IS(374, OP_USERFAULTFD);
	IS(425, OP_IO_URING_SETUP);
	IS(101, OP_IO_PORTS);
	IS(110, OP_IO_PORTS);
	IS(38, OP_RENAME);
	IS(302, OP_RENAME | FORM_AT);
	IS(353, OP_RENAME | FORM_AT);
	IS(9, OP_LINK);
	IS(303, OP_LINK | FORM_AT);
	IS(83, OP_SYMLINK);
	IS(304, OP_SYMLINK | FORM_AT);
	IS(10, OP_UNLINK);
	IS(40, OP_UNLINK);	/* rmdir */
	IS(301, OP_UNLINK | FORM_AT);
	IS(15, OP_CHMOD);
	IS(94, OP_CHMOD | FORM_FD);
	IS(306, OP_CHMOD | FORM_AT);
	IS(452, OP_CHMOD | FORM_AT);
	IS(92, OP_TRUNCATE);
	IS(193, OP_TRUNCATE);	/* truncate64 */
	IS(93, OP_TRUNCATE | FORM_FD);
	IS(194, OP_TRUNCATE | FORM_FD);
	IS(14, OP_MKNOD);
	IS(182, OP_CHOWN);
	IS(212, OP_CHOWN);	/* chown32 */
	IS(16, OP_CHOWN);	/* lchown */
	IS(198, OP_CHOWN);	/* lchown32 */
	IS(95, OP_CHOWN | FORM_FD);
	IS(207, OP_CHOWN | FORM_FD);	/* fchown32 */
	IS(298, OP_CHOWN | FORM_AT);
	IS(297, OP_MKNOD | FORM_AT);
	}
	return 0;
}
#endif

#endif
