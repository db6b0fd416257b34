/**
 * Addresses that a session has nothing to do with.
 *
 * @module
 */
import {
  type DatagramOptions,
  type DatagramSocket,
  serveDatagrams,
} from "../../_shared/datagram.ts";
import { HandshakeFilters } from "../../handshake/filter.ts";
import type { IpSet } from "../../handshake/ip_set.ts";

/** A far address that names stand for where only the proxy knows better. */
export const UNRESOLVED = "192.0.2.0";

/** The block list of a session; another one counts from the next look-up on. */
export class Blocklist {
  /** The ranges, if there are any. */
  ips: IpSet | undefined;

  constructor(ips: IpSet | undefined) {
    this.ips = ips;
  }

  /** Whether an address is blocked; a name is not. */
  readonly has = (hostname: string): boolean =>
    hostname !== UNRESOLVED && (this.ips?.has(hostname) ?? false);

  /** Who may shake hands: nobody on the list, whatever other filters say. */
  filters(chosen: HandshakeFilters | undefined): HandshakeFilters {
    const filters = new HandshakeFilters({
      filters: [({ address }) => this.has(address.hostname) ? "block" : "pass"],
    });
    return chosen === undefined
      ? filters
      : filters.add((facts) => chosen.decide(facts));
  }

  /** Sockets that neither hear nor speak to those on the list. */
  sockets(
    open: (options: DatagramOptions) => Promise<DatagramSocket>,
  ): (options: DatagramOptions) => Promise<DatagramSocket> {
    const { has } = this;
    return async (options) => {
      const socket = await open(options);
      return {
        local: socket.local,
        get dropped() {
          return socket.dropped;
        },
        async receive() {
          while (true) {
            const datagram = await socket.receive();
            if (datagram === undefined || !has(datagram.from.hostname)) {
              return datagram;
            }
          }
        },
        serve: (answer, options) =>
          serveDatagrams(
            socket,
            (data, from, out) =>
              has(from.hostname) ? 0 : answer(data, from, out),
            options,
          ),
        send: (data, to) =>
          has(to.hostname) ? Promise.resolve() : socket.send(data, to),
        close: () => socket.close(),
        [Symbol.dispose]: () => socket.close(),
      };
    };
  }
}
