/**
 * Answers SYNs without remembering any: nobody has to be turned away when many
 * come at once.
 *
 * @module
 */
import { type Endpoint, tryParseIp } from "../_shared/address.ts";
import { readUint16, writeUint16 } from "../_shared/bytes.ts";
import type { RandomSource } from "../_shared/random.ts";
import { remember } from "../_shared/recent.ts";
import { RotatingHash, type SipHash } from "../_shared/sip_hash.ts";
import {
  seqDistance,
  toMicroseconds,
  UTP_HEADER_LENGTH,
  type UtpPacket,
  writeUtpHeader,
} from "./packet.ts";
import type { UtpSocketMachineOptions } from "./socket/options.ts";
import { FIRST_WINDOW } from "./socket/ack_schedule.ts";

/** How long a key is the newest; an answer is good for one or two such times. */
const KEY_MS = 10_000;
/**
 * Packets that the other side may send before it hears of any ack: the one that
 * comes first need not be the first.
 */
const FIRST_PACKETS = 16;
/** Answers of late that became connections; each becomes one. */
const MAX_USED = 1024;

/**
 * The listening side, before there are connections. The number in the answer to
 * a SYN is made of a keyed hash of the other side's address, and comes back in
 * all that it sends: who has seen the answer is where it says it is.
 */
export class UtpAcceptor {
  readonly #hash: RotatingHash;
  readonly #input = new Uint8Array(20);
  readonly #digest = new Uint8Array(8);
  readonly #used = new Map<string, true>();

  /**
   * Makes one that has answered nobody.
   *
   * @param random Draws the keys.
   * @param now The time in milliseconds.
   */
  constructor(random: RandomSource, now: number) {
    this.#hash = new RotatingHash(random, KEY_MS, now);
  }

  /**
   * Answers a SYN.
   *
   * @param syn The SYN.
   * @param from An IP address and a port, where it comes from.
   * @param out Where the answer goes, at least 20 bytes.
   * @param now The time in milliseconds.
   * @returns Bytes of the answer.
   */
  answer(
    syn: UtpPacket,
    from: Endpoint,
    out: Uint8Array,
    now: number,
  ): number {
    this.#hash.rotate(now);
    const { connectionId, seqNr } = syn;
    const timestamp = toMicroseconds(now);
    const offset = this.#offset(this.#hash.current, connectionId, from);
    writeUtpHeader({
      type: "state",
      connectionId,
      timestamp,
      timestampDifference: (timestamp - syn.timestamp) >>> 0,
      windowSize: FIRST_WINDOW,
      seqNr: (seqNr + offset) & 0xffff,
      ackNr: seqNr,
    }, out);
    return UTP_HEADER_LENGTH;
  }

  /**
   * Looks whether a packet of no connection is the first one after an answer of
   * the last 10 to 20 seconds. It is to be given to the connection, too.
   *
   * @param packet The packet, not a SYN.
   * @param from Where it comes from.
   * @param now The time in milliseconds.
   * @returns What the connection is made of, or `undefined` for a stranger.
   */
  accept(
    packet: UtpPacket,
    from: Endpoint,
    now: number,
  ): UtpSocketMachineOptions | undefined {
    this.#hash.rotate(now);
    const connectionId = (packet.connectionId - 1) & 0xffff;
    const seqNr = (packet.ackNr + 1) & 0xffff;
    for (const hash of [this.#hash.current, this.#hash.previous]) {
      const offset = this.#offset(hash, connectionId, from);
      const synSeqNr = (seqNr - offset) & 0xffff;
      const distance = seqDistance(packet.seqNr, synSeqNr);
      if (distance < 1 || distance > FIRST_PACKETS) continue;
      // What comes late must not open again what was closed.
      const { hostname, port } = from;
      const key = `${hostname} ${port} ${connectionId} ${seqNr}`;
      if (this.#used.has(key)) return undefined;
      remember(this.#used, key, true, MAX_USED);
      return { connectionId, seqNr, synSeqNr };
    }
    return undefined;
  }

  /** How far our numbers are ahead of those of one at an address. */
  #offset(hash: SipHash, connectionId: number, from: Endpoint): number {
    const input = this.#input.fill(0);
    input.set(tryParseIp(from.hostname) ?? []);
    writeUint16(input, 16, from.port);
    writeUint16(input, 18, connectionId);
    hash.hash(input, this.#digest);
    return readUint16(this.#digest, 0);
  }
}
