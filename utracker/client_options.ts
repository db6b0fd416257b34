/**
 * Options and figures of {@linkcode UdpTrackerClient}.
 *
 * @module
 */
import type { IpFamily } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { DatagramSocket } from "../_shared/datagram.ts";
import type { RandomSource } from "../_shared/random.ts";

/** Options of {@linkcode UdpTrackerClient}. */
export interface UdpTrackerClientOptions {
  /**
   * Our key, 32 bits: proves identity when our address changes. That of an
   * announce goes before it.
   *
   * @default {a random one, the same for all announces}
   */
  readonly key?: number | undefined;
  /**
   * Most retransmissions, each waiting twice as long as the one before,
   * starting at 15 seconds.
   *
   * @default {8}
   */
  readonly maxRetransmits?: number | undefined;
  /**
   * How long an announce or scrape may take, in milliseconds; the schedule of
   * retransmissions alone takes over two hours.
   *
   * @default {Infinity}
   */
  readonly timeoutMs?: number | undefined;
  /**
   * How long an announce with the event `stopped` may take, in milliseconds.
   *
   * @default {5_000}
   */
  readonly stopTimeoutMs?: number | undefined;
  /**
   * Opens the socket of a family when it is needed first.
   *
   * @default {any port of any address}
   */
  readonly openSocket?:
    | ((family: IpFamily) => Promise<DatagramSocket>)
    | undefined;
  /**
   * Resolves names to IP addresses; `false` leaves that to the socket, and
   * believes answers by their transaction id alone.
   *
   * @default {the system's resolver}
   */
  readonly resolve?:
    | ((hostname: string) => Promise<readonly string[]>)
    | false
    | undefined;
  /**
   * Whether we have nothing to do with an IP address: a tracker that has only
   * such ones is not asked.
   *
   * @default {every address may be asked}
   */
  readonly isBlocked?: ((ip: string) => boolean) | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of transaction ids and of the default key. @default {the system's} */
  readonly random?: RandomSource | undefined;
}

/** Figures of a {@linkcode UdpTrackerClient}. */
export interface UdpTrackerClientStats {
  /** Requests under way. */
  readonly pending: number;
  /** Datagrams that answered nothing that was asked. */
  readonly ignored: number;
}
