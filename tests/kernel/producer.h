/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The arguments of the test programs; tests/kernel/producer.py packs them. */
#ifndef AOD_TEST_PRODUCER_H
#define AOD_TEST_PRODUCER_H

#include "shared.h"

struct aod_test_operation {
	__u64 session_id;
	__u64 mid;
	__u32 tree_id;
	__u32 command;
	__u32 pid;
	__u32 tid;
	__u32 status;
	int error;
	char comm[AOD_COMM_LEN];
	__u64 entry; /* in the client's queue */
};

struct aod_test_name {
	struct aod_name_key key;
	union aod_name name;
	__u32 thread;
	__u32 reserved;
};

struct aod_test_load {
	__u64 first_mid;
	__u64 latency_ns;
	__u32 count;
	__u32 command;
	__u32 status;
	int error;
	__u32 tid;
	__u32 emitted; /* out: of them, those that the ring took */
};

#endif
