#pragma once
// What Swift cannot import of the socket interface: macros with arguments, and what the C library shows
// to GNU programs only. The C library's own headers stay out of here: Swift has them already, in another module.
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

enum {
  /// Options of IPPROTO_UDP, known here whatever the headers are.
  derphole_udp_segment = 103,
  derphole_udp_gro = 104,
  /// Room for one control message with an int; to be aligned like a `size_t`.
  derphole_control_space = 24,
};

/// A piece of memory: `struct iovec`.
typedef struct {
  void *base;
  size_t length;
} derphole_vector;

/// One message of a batch: `struct mmsghdr`.
typedef struct {
  void *name;
  uint32_t name_length;
  derphole_vector *vectors;
  size_t vector_count;
  void *control;
  size_t control_length;
  int flags;
  /// How much was sent or received.
  _Alignas(size_t) unsigned int length;
} derphole_message;

/// Each returns a count, or the error number, negative. None of them waits.
int derphole_send_batch(int descriptor, derphole_message *messages, unsigned int count);
int derphole_receive_batch(int descriptor, derphole_message *messages, unsigned int count);
/// Receives one message; the result is in `length`, too.
int derphole_receive_single(int descriptor, derphole_message *message);
/// Sends one message that the kernel cuts into datagrams of `segment` bytes, into its control memory.
int derphole_send_segmented(int descriptor, derphole_message *message, uint16_t segment);

/// Whose process connected a Unix socket, or listens where it is connected to; or the error number, negative.
int64_t derphole_peer_user(int descriptor);

/// A descriptor that becomes readable when its time has come, on the monotonic clock.
int derphole_timer_open(void);
/// Sets that time, in nanoseconds since the clock's start; 0 disarms. Takes back what was to be read.
int derphole_timer_set(int descriptor, int64_t nanoseconds);

/// Reads from a position, only what is in the page cache. Returns a count, or the error number, negative: EAGAIN when
/// nothing of it is there, EOPNOTSUPP when the file system cannot tell.
ptrdiff_t derphole_read_cached(int descriptor, void *buffer, size_t length, int64_t offset);
/// Writes what the file system of this descriptor holds back to its disk; the error number, negative, or 0.
int derphole_sync_filesystem(int descriptor);

/// The size of the datagrams that the kernel joined into this message; 0 when it joined none.
int derphole_segment_size(const derphole_message *message);
/// Whether the message did not fit.
int derphole_is_truncated(const derphole_message *message);

/// Adds to a `posix_spawn_file_actions_t` that the process keeps no descriptor from `first` on; 0, or the error number.
int derphole_spawn_close_from(void *file_actions, int first);
