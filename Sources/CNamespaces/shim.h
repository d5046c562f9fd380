#pragma once
// Linux calls that Swift cannot import: variadic functions, structs with unions in macros, GNU extensions.
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

// Declared here because <sched.h> hides them without _GNU_SOURCE, and with it the C library's types would differ
// from those that Swift's own module of it was compiled to.
extern int unshare(int flags);
extern int setns(int descriptor, int type);

/// New mount, network and process id namespaces; the last one is for children only.
static inline int derphole_unshare_all(void) {
  return unshare(0x00020000 /* CLONE_NEWNS */ | 0x40000000 /* CLONE_NEWNET */ | 0x20000000 /* CLONE_NEWPID */);
}

/// Moves the calling thread into a network namespace.
static inline int derphole_enter_network(int descriptor) { return setns(descriptor, 0x40000000); }

/// No mount made from here on is seen outside of this mount namespace.
static inline int derphole_make_mounts_private(void) {
  return mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static inline int derphole_mount_tmpfs(const char *folder) {
  return mount("none", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
}

/// The same with device nodes, and as large as it needs to be.
static inline int derphole_mount_memory(const char *folder) {
  return mount("none", folder, "tmpfs", MS_NOSUID, "mode=0755,size=90%");
}

/// The kernel kills the caller when its parent ends, however it ends.
static inline int derphole_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }

/// A TUN device of the calling thread's network namespace: one IP packet a read or write, no header before
/// it. -1 and errno on failure.
static inline int derphole_open_tun(const char *name) {
  struct ifreq request;
  int descriptor = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return -1;
  memset(&request, 0, sizeof request);
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(descriptor, TUNSETIFF, &request) < 0) {
    int error = errno;
    close(descriptor);
    errno = error;
    return -1;
  }
  return descriptor;
}

/// poll(2) with a time-out in nanoseconds; a negative one waits for ever.
static inline int derphole_poll(struct pollfd *descriptors, unsigned count, long long nanoseconds) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  return (int)syscall(SYS_ppoll, descriptors, (unsigned long)count, nanoseconds < 0 ? NULL : &limit, NULL, 0);
}

/// A descriptor that is readable once the process has ended.
static inline int derphole_open_process(int process) {
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
  return (int)syscall(SYS_pidfd_open, process, 0u);
}

/// A device node like /dev/null, an inode of the caller's own.
static inline int derphole_make_null(const char *path) { return mknod(path, S_IFCHR | 0600, makedev(1, 3)); }

/// Room for as many bytes in a pipe; what the system refuses is no failure.
static inline void derphole_widen_pipe(int descriptor, int bytes) { fcntl(descriptor, 1031 /* F_SETPIPE_SZ */, bytes); }
