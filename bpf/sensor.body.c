/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel half of the sensor, in a neutral dialect: a front-end (producers/sensor/program.py) turns MAP_* and PROGRAM
 * into its loader's words, and gives
 *   O_x      byte offset of a member in the running kernel
 *   HAS_x    whether this kernel has the members a feature inside a program needs
 *   WITH_x   that a feature which is a program of its own is compiled
 *   RING_PAGES, WATCHED_MAX, FLOWS_MAX, FILES_MAX
 * No kernel structure is ever named here, so no kernel header can disagree with the running kernel.
 */
#include "events.h"
#include "arch.h"
#include "base.h"
#include "paths.h"
#include "processes.h"
#include "network.h"
#include "request.h"
#include "files.h"
#include "messages.h"
#include "escapes.h"
#include "syscalls.h"
#include "uring.h"
