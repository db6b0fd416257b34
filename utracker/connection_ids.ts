/**
 * Connection ids that need no memory: the time in clear, and a keyed hash of
 * time and address (BEP 15).
 *
 * @module
 */
import { readUint16, writeUint16, writeUint32 } from "../_shared/bytes.ts";
import { SipHash } from "../_shared/sip_hash.ts";

/** How long a connection id is accepted, in seconds (BEP 15: two minutes). */
export const CONNECTION_ID_SECONDS = 120;
/** How far clocks of processes that share a key may differ, in seconds. */
const MAX_SKEW = 10;

/** The address a connection id is bound to, in 32-bit words. */
export interface IpWords {
  /** The IPv4 address, or the first 32 bits of the IPv6 address. */
  readonly ip0: number;
  /** Bits 32 to 63; 0 for IPv4. */
  readonly ip1: number;
  /** Bits 64 to 95; 0 for IPv4. */
  readonly ip2: number;
  /** Bits 96 to 127; 0 for IPv4. */
  readonly ip3: number;
}

/**
 * Issues and checks connection ids: 16 bits of the time in seconds, 48 bits of
 * SipHash-2-4. A guess succeeds once in 2^48.
 */
export class ConnectionIds {
  readonly #hash: SipHash;
  /** What was hashed last: some clients announce many torrents in a row. */
  #seconds = -1;
  #ip0 = 0;
  #ip1 = 0;
  #ip2 = 0;
  #ip3 = 0;

  /** Takes the secret. */
  constructor(key: Uint8Array) {
    this.#hash = new SipHash(key);
  }

  /** Writes a new id. */
  write(
    bytes: Uint8Array,
    offset: number,
    ip: IpWords,
    seconds: number,
  ): void {
    this.#compute(ip, seconds);
    writeUint16(bytes, offset, seconds & 0xffff);
    writeUint16(bytes, offset + 2, this.#hash.high & 0xffff);
    writeUint32(bytes, offset + 4, this.#hash.low);
  }

  /**
   * Checks an id: not older than two minutes, for this address, made here.
   * Returns whether it is good. How long it takes says nothing of the id.
   */
  check(
    bytes: Uint8Array,
    offset: number,
    ip: IpWords,
    seconds: number,
  ): boolean {
    const age = ((seconds + MAX_SKEW - readUint16(bytes, offset)) & 0xffff) -
      MAX_SKEW;
    if (age > CONNECTION_ID_SECONDS) return false;
    this.#compute(ip, seconds - age);
    const { high, low } = this.#hash;
    const difference = (bytes[offset + 2]! ^ ((high >>> 8) & 0xff)) |
      (bytes[offset + 3]! ^ (high & 0xff)) |
      (bytes[offset + 4]! ^ (low >>> 24)) |
      (bytes[offset + 5]! ^ ((low >>> 16) & 0xff)) |
      (bytes[offset + 6]! ^ ((low >>> 8) & 0xff)) |
      (bytes[offset + 7]! ^ (low & 0xff));
    return difference === 0;
  }

  #compute(ip: IpWords, seconds: number): void {
    const { ip0, ip1, ip2, ip3 } = ip;
    if (
      seconds === this.#seconds && ip0 === this.#ip0 && ip1 === this.#ip1 &&
      ip2 === this.#ip2 && ip3 === this.#ip3
    ) return;
    this.#seconds = seconds;
    this.#ip0 = ip0;
    this.#ip1 = ip1;
    this.#ip2 = ip2;
    this.#ip3 = ip3;
    const hash = this.#hash;
    hash.start();
    hash.block(seconds | 0, ip0 | 0);
    if ((ip1 | ip2 | ip3) === 0) return hash.finish(8);
    hash.block(ip1 | 0, ip2 | 0);
    hash.finish(20, ip3 | 0);
  }
}
