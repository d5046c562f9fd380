#pragma once
// libev's initialisers are function-like macros, which Swift cannot import: the inline functions below are
// those macros with types.
#define EV_MULTIPLICITY 1
#include <ev.h>

static inline void derphole_ev_io_init(
    ev_io *watcher, void (*callback)(struct ev_loop *, ev_io *, int), int descriptor, int events) {
  ev_io_init(watcher, callback, descriptor, events);
}

/// Changes the events of a stopped watcher without forcing a system call for an unchanged set.
static inline void derphole_ev_io_modify(ev_io *watcher, int events) { ev_io_modify(watcher, events); }

static inline void derphole_ev_timer_init(
    ev_timer *watcher, void (*callback)(struct ev_loop *, ev_timer *, int)) {
  ev_timer_init(watcher, callback, 0., 0.);
}

static inline void derphole_ev_timer_set(ev_timer *watcher, double after) {
  ev_timer_set(watcher, after, 0.);
}

static inline void derphole_ev_signal_init(
    ev_signal *watcher, void (*callback)(struct ev_loop *, ev_signal *, int), int number) {
  ev_signal_init(watcher, callback, number);
}

static inline void derphole_ev_prepare_init(
    ev_prepare *watcher, void (*callback)(struct ev_loop *, ev_prepare *, int)) {
  ev_prepare_init(watcher, callback);
}

static inline void derphole_ev_idle_init(
    ev_idle *watcher, void (*callback)(struct ev_loop *, ev_idle *, int)) {
  ev_idle_init(watcher, callback);
}
