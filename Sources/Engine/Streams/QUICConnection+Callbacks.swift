import Basics
import CNgtcp2

/// What ngtcp2 calls while it reads and writes packets.
extension QUICConnection {
  private static func owner(_ pointer: UnsafeMutableRawPointer?) -> QUICConnection {
    Unmanaged<QUICConnection>.fromOpaque(pointer!).takeUnretainedValue()
  }

  static var callbacks: ngtcp2_callbacks {
    var callbacks = ngtcp2_callbacks()
    derphole_quic_crypto_callbacks(&callbacks)
    callbacks.rand = { bytes, length, context in
      guard let bytes, let context else { return }
      QUICConnection.owner(context.pointee.native_handle)
        .fillRandom(UnsafeMutableRawBufferPointer(start: bytes, count: length))
      // By the lowest bit of one random byte ngtcp2 decides whether its packets go without the fixed bit (RFC 9287),
      // which tells ours from session frames (STR-8).
      if length == 1 { bytes[0] &= ~1 }
    }
    callbacks.get_new_connection_id = { _, id, token, length, user in
      let owner = QUICConnection.owner(user)
      let made = owner.makeID(length: length)
      id?.pointee = made
      owner.fillRandom(
        UnsafeMutableRawBufferPointer(start: token, count: Int(NGTCP2_STATELESS_RESET_TOKENLEN)))
      owner.idIssued(ConnectionID(made))
      return 0
    }
    callbacks.remove_connection_id = { _, id, user in
      if let id { QUICConnection.owner(user).idRetired(ConnectionID(id.pointee)) }
      return 0
    }
    callbacks.handshake_completed = { _, user in
      let owner = QUICConnection.owner(user)
      if owner.isServer { owner.becameReady() }
      return 0
    }
    // A client waits until the server has its last words: stream data that is under way before would use up the window
    // that their retransmission needs, and no timer would run (RFC 9002, section 6.2.1).
    callbacks.handshake_confirmed = { _, user in
      QUICConnection.owner(user).becameReady()
      return 0
    }
    callbacks.stream_open = { _, id, user in
      QUICConnection.owner(user).peerOpened(id)
      return 0
    }
    callbacks.recv_stream_data = { _, flags, id, _, data, length, user, _ in
      QUICConnection.owner(user).arrived(
        on: id, UnsafeRawBufferPointer(start: data, count: length),
        isEnd: flags & NGTCP2_STREAM_DATA_FLAG_FIN != 0)
      return 0
    }
    callbacks.acked_stream_data_offset = { _, id, offset, length, user, _ in
      QUICConnection.owner(user).acknowledged(on: id, upTo: offset + length)
      return 0
    }
    callbacks.stream_close = { _, _, id, _, user, _ in
      QUICConnection.owner(user).released(id)
      return 0
    }
    callbacks.stream_reset = { _, id, _, code, user, _ in
      QUICConnection.owner(user).peerReset(id, StreamErrorCode(number: code))
      return 0
    }
    callbacks.extend_max_local_streams_bidi = { _, _, user in
      QUICConnection.owner(user).events.append(.mayOpen)
      return 0
    }
    callbacks.extend_max_stream_data = { _, id, _, user, _ in
      QUICConnection.owner(user).unblocked(id)
      return 0
    }
    callbacks.recv_datagram = { _, _, data, length, user in
      QUICConnection.owner(user).datagramArrived(UnsafeRawBufferPointer(start: data, count: length))
      return 0
    }
    return callbacks
  }
}
