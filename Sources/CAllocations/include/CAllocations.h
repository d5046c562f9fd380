#pragma once
// Counts what the whole process allocates: the functions of malloc(3) are defined here, before the C library's,
// and hand on to it.

/// Work that is counted apart. With 0 nothing is counted, as it is before the first call.
#define DERPHOLE_ALLOCATION_PHASES 8
void derphole_allocation_phase(int phase);

/// Allocations in a phase so far; moving or growing one counts like a new one.
unsigned long derphole_allocation_count(int phase);

/// From now on notes who allocates; it is slow.
void derphole_allocation_trace(void);

/// The calls, innermost first and no more than `room`, of the allocations that stand at place `rank` when ordered by
/// how often they came, as distances from the beginning of the program; returns the count, 0 beyond the last, and
/// sets the phase and the depth.
unsigned long derphole_allocation_stack(int rank, long *frames, int room, int *phase, int *depth);
