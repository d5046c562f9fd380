#pragma once
#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>

/// `gnutls_free` is a variable that holds a function.
static inline void derphole_gnutls_free(void *memory) { gnutls_free(memory); }
