#include "CAllocations.h"

#include <errno.h>
#include <execinfo.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The C library's own, under the names that it exports for this purpose.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

// Where the program lies; the linker knows.
extern const char __ehdr_start[];

enum { depth_kept = 24, stacks_kept = 1024 };

struct stack {
  unsigned long count;
  int phase, depth;
  void *frames[depth_kept];
};

// The bench has one thread.
static int current;
static unsigned long counts[DERPHOLE_ALLOCATION_PHASES];
static int is_tracing, is_inside;
static struct stack stacks[stacks_kept];

void derphole_allocation_phase(int phase) { current = phase; }

unsigned long derphole_allocation_count(int phase) { return counts[phase]; }

void derphole_allocation_trace(void) {
  // The first call loads a library, which allocates.
  void *frames[4];
  backtrace(frames, 4);
  is_tracing = 1;
}

static void note_stack(void) {
  void *frames[depth_kept + 2];
  // Without this function and the one that it stands in for.
  int depth = backtrace(frames, depth_kept + 2) - 2;
  if (depth <= 0) return;
  for (int index = 0; index < stacks_kept; index++) {
    struct stack *stack = &stacks[index];
    if (stack->count == 0) {
      stack->phase = current;
      stack->depth = depth;
      memcpy(stack->frames, frames + 2, (size_t)depth * sizeof *frames);
    } else if (stack->phase != current || stack->depth != depth ||
               memcmp(stack->frames, frames + 2, (size_t)depth * sizeof *frames) != 0) {
      continue;
    }
    stack->count++;
    return;
  }
}

static void count(void) {
  if (current == 0 || is_inside) return;
  counts[current]++;
  if (!is_tracing) return;
  is_inside = 1;
  note_stack();
  is_inside = 0;
}

unsigned long derphole_allocation_stack(int rank, long *frames, int room, int *phase, int *depth) {
  // How many come before each; the place in the table decides between equals.
  for (int index = 0; index < stacks_kept && stacks[index].count > 0; index++) {
    int before = 0;
    for (int other = 0; other < stacks_kept && stacks[other].count > 0; other++)
      before += stacks[other].count > stacks[index].count ||
                (stacks[other].count == stacks[index].count && other < index);
    if (before != rank) continue;
    *phase = stacks[index].phase;
    *depth = stacks[index].depth < room ? stacks[index].depth : room;
    for (int frame = 0; frame < *depth; frame++)
      // The call stands before the address to which it returns.
      frames[frame] = (const char *)stacks[index].frames[frame] - __ehdr_start - 1;
    return stacks[index].count;
  }
  return 0;
}

void *malloc(size_t size) {
  count();
  return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
  count();
  return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
  count();
  if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0) return EINVAL;
  void *memory = __libc_memalign(alignment, size);
  if (memory == NULL) return ENOMEM;
  *result = memory;
  return 0;
}
