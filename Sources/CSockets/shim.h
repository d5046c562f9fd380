#pragma once
// What Swift cannot import of the socket interface: macros with arguments, and what hides behind _GNU_SOURCE.
// _GNU_SOURCE itself would contradict the C library's module that Swift has already.
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The kernel's `struct mmsghdr`: one message of a batch and the length that was sent or received.
typedef struct {
  struct msghdr header;
  unsigned int length;
} derphole_message;

static inline int derphole_sendmmsg(int descriptor, derphole_message *messages, unsigned int count, int flags) {
  return (int)syscall(SYS_sendmmsg, descriptor, messages, count, flags);
}

static inline int derphole_recvmmsg(int descriptor, derphole_message *messages, unsigned int count, int flags) {
  return (int)syscall(SYS_recvmmsg, descriptor, messages, count, flags, (void *)0);
}

enum {
  /// Options of IPPROTO_UDP, known here whatever the headers are.
  derphole_udp_segment = 103,
  derphole_udp_gro = 104,
  /// Room for one control message with an int.
  derphole_control_space = CMSG_SPACE(sizeof(int)),
};

/// Sends one message that the kernel cuts into datagrams of `segment` bytes. `control` has room for
/// `derphole_control_space` bytes, aligned for a `cmsghdr`.
static inline ssize_t derphole_send_segmented(
    int descriptor, struct msghdr *message, void *control, uint16_t segment, int flags) {
  memset(control, 0, derphole_control_space);
  message->msg_control = control;
  message->msg_controllen = CMSG_SPACE(sizeof(segment));
  struct cmsghdr *header = CMSG_FIRSTHDR(message);
  header->cmsg_level = IPPROTO_UDP;
  header->cmsg_type = derphole_udp_segment;
  header->cmsg_len = CMSG_LEN(sizeof(segment));
  memcpy(CMSG_DATA(header), &segment, sizeof(segment));
  return sendmsg(descriptor, message, flags);
}

/// The size of the datagrams that the kernel joined into this message; 0 when it joined none.
static inline int derphole_segment_size(struct msghdr *message) {
  for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
    if (header->cmsg_level == IPPROTO_UDP && header->cmsg_type == derphole_udp_gro) {
      int size = 0;
      if (header->cmsg_len >= CMSG_LEN(sizeof(size))) memcpy(&size, CMSG_DATA(header), sizeof(size));
      return size;
    }
  }
  return 0;
}
