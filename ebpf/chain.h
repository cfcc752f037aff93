/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * A chain: the operations that one thread has sent and waits for, in order.
 *
 * The client reads the answers of a compound in order and stops at the first failure
 * (compound_send_recv): the later ones get neither done nor err, though the server answered them.
 * The tracepoints do not show compounds, but a thread that waits sends nothing else. So
 * what a thread sends before its first answer is one chain, and it is over when one of its
 * operations failed, or when the thread sends again after an answer.
 *
 * READ, WRITE and ECHO may be sent without waiting and are no part of a chain.
 */
#ifndef AOD_CHAIN_H
#define AOD_CHAIN_H

#include "shared.h"

#define AOD_CHAIN_MAX 10 /* MAX_COMPOUND, fs/smb/client/cifsglob.h: 5, later 10 */

struct aod_chain {
	struct aod_inflight_key ops[AOD_CHAIN_MAX];
	uint32_t count;
	uint32_t waiting;  /* how many of them have not been answered */
	uint32_t answered; /* whether one of them has */
	uint32_t reserved;
};

#endif
