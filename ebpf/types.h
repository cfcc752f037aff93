/* SPDX-License-Identifier: MIT OR GPL-2.0-only */
/* The fixed-width names that the kernel, the shim and cffi's parser (AOD_CDEF) all understand. */
#ifndef AOD_TYPES_H
#define AOD_TYPES_H

#ifdef AOD_CDEF
typedef uint8_t __u8;
typedef int16_t __s16;
typedef uint32_t __u32;
typedef uint64_t __u64;
typedef int64_t __s64;
#define AOD_SIZE(type, bytes)
#else
#include <linux/types.h>
#include <stdbool.h>
#define AOD_SIZE(type, bytes)                                                                      \
	_Static_assert(sizeof(struct type) == (bytes), #type " is " #bytes " bytes")
#endif

#endif
