/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One system call over and over: loops WORK COUNT FOLDER, started by a byte on stdin, let go by another. Prints the
 * nanoseconds of all, and those of the quickest PIECE of them: what the scheduler takes from us is in others.
 *   getppid, read (of /dev/zero), open (open + close of one file), files (the same over FOLDER/0 to FOLDER/999),
 *   names (an open that fails, of another name each time)
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PIECE 200
#define FILES 1000

static char names[FILES][256];
static char other[256];
static int zero;

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void touch(const char *name)
{
	int file = open(name, O_RDONLY);

	if (file >= 0)
		close(file);
}

static void piece(const char *work, const char *folder, long from)
{
	char buffer[64];

	for (long i = 0; i < PIECE; i++)
		if (*work == 'g')
			syscall(SYS_getppid);
		else if (*work == 'r')
			syscall(SYS_read, zero, buffer, sizeof(buffer));
		else if (*work == 'o')
			touch(names[0]);
		else if (*work == 'f')
			touch(names[(from + i) % FILES]);
		else {
			snprintf(other, sizeof(other), "%s/none/%ld", folder, from + i);
			touch(other);
		}
}

int main(int argc, char **argv)
{
	long long start, all, least = 1LL << 62;
	char buffer[1];

	if (argc != 4)
		return 2;
	for (int i = 0; i < FILES; i++)
		snprintf(names[i], sizeof(names[i]), "%s/%d", argv[3], i);
	zero = open("/dev/zero", O_RDONLY);
	if (read(0, buffer, 1) != 1)
		return 2;
	all = now();
	for (long done = 0; done < atol(argv[2]); done += PIECE) {
		start = now();
		piece(argv[1], argv[3], done);
		start = now() - start;
		least = start < least ? start : least;
	}
	all = now() - all;
	if (read(0, buffer, 1) != 1)
		return 2;
	printf("%lld %lld\n", all, least);
	return 0;
}
