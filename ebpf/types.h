/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/*
 * The fixed-width names of <stdint.h>, which the programs in the kernel, the shim and cffi's parser
 * (AOD_CDEF) all understand. Not those of the kernel's headers: their __u64 is long long where
 * uint64_t is long, and a compiler does not take an array of one for an array of the other.
 */
#ifndef AOD_TYPES_H
#define AOD_TYPES_H

#ifdef AOD_CDEF
#define AOD_SIZE(type, bytes)
#else
#include <stdbool.h>
#ifdef __bpf__ /* the C library's <stdint.h> knows no such processor */
#include <linux/types.h>
typedef __u8 uint8_t;
typedef __s16 int16_t;
typedef __u32 uint32_t;
typedef __u64 uint64_t;
typedef __s64 int64_t;
#else
#include <stdint.h>
#endif
#define AOD_SIZE(type, bytes)                                                                      \
	_Static_assert(sizeof(struct type) == (bytes), #type " is " #bytes " bytes")
#endif

#endif
