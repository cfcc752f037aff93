/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The arguments of the test programs; tests/rig/producer.py packs them. */
#ifndef AOD_TEST_PRODUCER_H
#define AOD_TEST_PRODUCER_H

#include "shared.h"

struct aod_test_operation {
	uint64_t session_id;
	uint64_t mid;
	uint32_t tree_id;
	uint32_t command;
	uint32_t pid;
	uint32_t tid;
	uint32_t status;
	int error;
	char comm[AOD_COMM_LEN];
	uint64_t entry; /* in the client's queue */
};

struct aod_test_name {
	struct aod_name_key key;
	union aod_name name;
	uint32_t thread;
	uint32_t reserved;
};

struct aod_test_load {
	uint64_t first_mid;
	uint64_t latency_ns;
	uint32_t count;
	uint32_t command;
	uint32_t status;
	int error;
	uint32_t tid;
	uint32_t emitted; /* out: of them, those that the ring took */
};

#endif
