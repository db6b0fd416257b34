/**
 * A UDP port without uTP, which says so.
 *
 * @module
 */
import type { DatagramSocket } from "../_shared/datagram.ts";
import { UtpMultiplexer } from "./multiplexer.ts";

/**
 * Answers who asks for uTP with a RESET, now and then: they come by TCP at once,
 * and not after seconds of silence.
 *
 * @param socket The socket, for other protocols; it is read here.
 * @returns What takes its place.
 */
export function refuseUtp(socket: DatagramSocket): DatagramSocket {
  const multiplexer = new UtpMultiplexer({ socket });
  const isV6 = socket.local.hostname.includes(":");
  const shared = multiplexer.others[isV6 ? "ipv6" : "ipv4"];
  const close = () => multiplexer.close();
  return {
    local: socket.local,
    get dropped() {
      return shared.dropped;
    },
    receive: () => shared.receive(),
    send: (data, to) => shared.send(data, to),
    close,
    [Symbol.dispose]: close,
  };
}
