#pragma once
// The watcher structures are used from Swift without libev's function-like macros.
#define EV_MULTIPLICITY 1
#include <ev.h>
