#pragma once
// The C library's headers for sockets stay out of here: Swift has them already, in another module, and which of two has a
// declaration would be a matter of luck. The library's own types have the same layout.
#define NGTCP2_USE_GENERIC_SOCKADDR
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>

// The library's functions behind macros that pass the versions of their structures; Swift does not import those.

static inline void derphole_quic_settings_default(ngtcp2_settings *settings) {
  ngtcp2_settings_default(settings);
}

static inline void derphole_quic_transport_params_default(ngtcp2_transport_params *params) {
  ngtcp2_transport_params_default(params);
}

static inline int derphole_quic_client_new(
    ngtcp2_conn **connection, const ngtcp2_cid *destination, const ngtcp2_cid *source, const ngtcp2_path *path,
    const ngtcp2_callbacks *callbacks, const ngtcp2_settings *settings, const ngtcp2_transport_params *params,
    void *user_data) {
  return ngtcp2_conn_client_new(
      connection, destination, source, path, NGTCP2_PROTO_VER_V1, callbacks, settings, params, NULL, user_data);
}

static inline int derphole_quic_server_new(
    ngtcp2_conn **connection, const ngtcp2_cid *destination, const ngtcp2_cid *source, const ngtcp2_path *path,
    const ngtcp2_callbacks *callbacks, const ngtcp2_settings *settings, const ngtcp2_transport_params *params,
    void *user_data) {
  return ngtcp2_conn_server_new(
      connection, destination, source, path, NGTCP2_PROTO_VER_V1, callbacks, settings, params, NULL, user_data);
}

static inline int derphole_quic_read(
    ngtcp2_conn *connection, const ngtcp2_path *path, const uint8_t *packet, size_t length, ngtcp2_tstamp now) {
  ngtcp2_pkt_info info = {0};
  return ngtcp2_conn_read_pkt(connection, path, &info, packet, length, now);
}

static inline ngtcp2_ssize derphole_quic_write_stream(
    ngtcp2_conn *connection, uint8_t *packet, size_t length, ngtcp2_ssize *taken, uint32_t flags, int64_t stream,
    const ngtcp2_vec *pieces, size_t count, ngtcp2_tstamp now) {
  return ngtcp2_conn_writev_stream(
      connection, NULL, NULL, packet, length, taken, flags, stream, pieces, count, now);
}

/// Writes CONNECTION_CLOSE: of the library's error when there is one, otherwise of the application's code.
static inline ngtcp2_ssize derphole_quic_write_close(
    ngtcp2_conn *connection, uint8_t *packet, size_t length, int library_error, uint64_t code, ngtcp2_tstamp now) {
  ngtcp2_connection_close_error error;
  ngtcp2_connection_close_error_default(&error);
  if (library_error == NGTCP2_ERR_CRYPTO) {
    ngtcp2_connection_close_error_set_transport_error_tls_alert(
        &error, ngtcp2_conn_get_tls_alert(connection), NULL, 0);
  } else if (library_error != 0) {
    ngtcp2_connection_close_error_set_transport_error_liberr(&error, library_error, NULL, 0);
  } else {
    ngtcp2_connection_close_error_set_application_error(&error, code, NULL, 0);
  }
  return ngtcp2_conn_write_connection_close(connection, NULL, NULL, packet, length, &error, now);
}

/// Writes one datagram in a DATAGRAM frame. What becomes of it is not followed, so it has no number. The library takes no
/// empty piece, but no piece at all for an empty datagram.
static inline ngtcp2_ssize derphole_quic_write_datagram(
    ngtcp2_conn *connection, uint8_t *packet, size_t length, int *accepted, uint32_t flags, const ngtcp2_vec *datagram,
    ngtcp2_tstamp now) {
  return ngtcp2_conn_writev_datagram(
      connection, NULL, NULL, packet, length, accepted, flags, 0, datagram, datagram->len > 0, now);
}

static inline void derphole_quic_statistics(ngtcp2_conn *connection, ngtcp2_conn_stat *statistics) {
  ngtcp2_conn_get_conn_stat(connection, statistics);
}

/// The one path that a connection is shown, 127.0.0.1:1 at both ends: which way its packets really take is not its
/// business. `storage` holds the addresses and must outlive the path.
static inline ngtcp2_path derphole_quic_constant_path(ngtcp2_sockaddr_in *storage) {
  __builtin_memset(storage, 0, sizeof *storage);
  storage->sin_family = NGTCP2_AF_INET;
  storage->sin_port = __builtin_bswap16(1);
  storage->sin_addr.s_addr = __builtin_bswap32(0x7f000001);
  ngtcp2_path path = {
    {(ngtcp2_sockaddr *)storage, sizeof *storage}, {(ngtcp2_sockaddr *)storage, sizeof *storage}, NULL};
  return path;
}

/// The callbacks that the library's GnuTLS part provides; the rest stay empty.
static inline void derphole_quic_crypto_callbacks(ngtcp2_callbacks *callbacks) {
  __builtin_memset(callbacks, 0, sizeof *callbacks);
  callbacks->client_initial = ngtcp2_crypto_client_initial_cb;
  callbacks->recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
  callbacks->recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
  callbacks->encrypt = ngtcp2_crypto_encrypt_cb;
  callbacks->decrypt = ngtcp2_crypto_decrypt_cb;
  callbacks->hp_mask = ngtcp2_crypto_hp_mask_cb;
  callbacks->recv_retry = ngtcp2_crypto_recv_retry_cb;
  callbacks->update_key = ngtcp2_crypto_update_key_cb;
  callbacks->delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
  callbacks->delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
  callbacks->get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
  callbacks->version_negotiation = ngtcp2_crypto_version_negotiation_cb;
}
