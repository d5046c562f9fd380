#define _GNU_SOURCE
#include "CSockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

_Static_assert(sizeof(derphole_vector) == sizeof(struct iovec), "vector");
_Static_assert(offsetof(derphole_vector, length) == offsetof(struct iovec, iov_len), "vector");
_Static_assert(sizeof(derphole_message) == sizeof(struct mmsghdr), "message");
_Static_assert(offsetof(derphole_message, name_length) == offsetof(struct msghdr, msg_namelen), "name");
_Static_assert(offsetof(derphole_message, vectors) == offsetof(struct msghdr, msg_iov), "vectors");
_Static_assert(offsetof(derphole_message, control) == offsetof(struct msghdr, msg_control), "room");
_Static_assert(offsetof(derphole_message, control_length) == offsetof(struct msghdr, msg_controllen), "room");
_Static_assert(offsetof(derphole_message, flags) == offsetof(struct msghdr, msg_flags), "flags");
_Static_assert(offsetof(derphole_message, length) == offsetof(struct mmsghdr, msg_len), "length");
_Static_assert(derphole_control_space >= CMSG_SPACE(sizeof(int)), "control space");

int derphole_send_batch(int descriptor, derphole_message *messages, unsigned int count) {
  int sent = sendmmsg(descriptor, (struct mmsghdr *)messages, count, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : sent;
}

int derphole_receive_batch(int descriptor, derphole_message *messages, unsigned int count) {
  int received = recvmmsg(descriptor, (struct mmsghdr *)messages, count, MSG_DONTWAIT, NULL);
  return received < 0 ? -errno : received;
}

int derphole_receive_single(int descriptor, derphole_message *message) {
  ssize_t length = recvmsg(descriptor, (struct msghdr *)message, MSG_DONTWAIT);
  if (length < 0) return -errno;
  message->length = (unsigned int)length;
  return (int)length;
}

int derphole_send_segmented(int descriptor, derphole_message *message, uint16_t segment) {
  struct msghdr *header = (struct msghdr *)message;
  memset(header->msg_control, 0, derphole_control_space);
  header->msg_controllen = CMSG_SPACE(sizeof(segment));
  struct cmsghdr *control = CMSG_FIRSTHDR(header);
  control->cmsg_level = IPPROTO_UDP;
  control->cmsg_type = derphole_udp_segment;
  control->cmsg_len = CMSG_LEN(sizeof(segment));
  memcpy(CMSG_DATA(control), &segment, sizeof(segment));
  ssize_t sent = sendmsg(descriptor, header, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -errno : (int)sent;
}

int derphole_segment_size(const derphole_message *message) {
  struct msghdr *header = (struct msghdr *)message;
  for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
    if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != derphole_udp_gro) continue;
    int size = 0;
    if (control->cmsg_len >= CMSG_LEN(sizeof(size))) memcpy(&size, CMSG_DATA(control), sizeof(size));
    return size;
  }
  return 0;
}

int derphole_is_truncated(const derphole_message *message) {
  return (message->flags & MSG_TRUNC) != 0;
}

int64_t derphole_peer_user(int descriptor) {
  struct ucred peer;
  socklen_t length = sizeof(peer);
  return getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0 ? -errno : (int64_t)peer.uid;
}

int derphole_timer_open(void) {
  int descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  return descriptor < 0 ? -errno : descriptor;
}

int derphole_timer_set(int descriptor, int64_t nanoseconds) {
  struct itimerspec setting = {.it_value = {nanoseconds / 1000000000, nanoseconds % 1000000000}};
  return timerfd_settime(descriptor, TFD_TIMER_ABSTIME, &setting, NULL) < 0 ? -errno : 0;
}

ptrdiff_t derphole_read_cached(int descriptor, void *buffer, size_t length, int64_t offset) {
  struct iovec vector = {buffer, length};
  ssize_t count = preadv2(descriptor, &vector, 1, offset, RWF_NOWAIT);
  return count < 0 ? -errno : count;
}

int derphole_sync_filesystem(int descriptor) { return syncfs(descriptor) < 0 ? -errno : 0; }

int derphole_spawn_close_from(void *file_actions, int first) {
  return posix_spawn_file_actions_addclosefrom_np(file_actions, first);
}
