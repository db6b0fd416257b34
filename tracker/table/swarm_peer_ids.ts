/**
 * The ids of peers that announced lately, for the few clients that want them.
 *
 * @module
 */
import { readUint32 } from "../../_shared/bytes.ts";
import { swapWord } from "../../_shared/swarm_share.ts";
import type { SwarmAnnounce } from "../swarm_store.ts";

const BITS = 16;
/** Words of info-hash, address and port. */
const KEY = 8;
/** Words of a key and an id. */
const ROW = KEY + 5;

/**
 * A cache in fixed memory: an id is remembered until another one falls on its
 * place, and never given for another peer.
 */
export class SwarmPeerIds {
  #rows = new Uint32Array(0);
  readonly #key = new Uint32Array(KEY);

  /** Remembers an id. */
  note(announce: SwarmAnnounce, bytes: Uint8Array, offset: number): void {
    if (this.#rows.length === 0) this.#rows = new Uint32Array(ROW << BITS);
    const { infoHash, infoHashOffset, port, family } = announce;
    const at = this.#place(
      infoHash,
      infoHashOffset,
      announce.ip0,
      announce.ip1,
      announce.ip2,
      announce.ip3,
      port,
      family,
    );
    this.#rows.set(this.#key, at);
    for (let i = 0; i < 5; i++) {
      this.#rows[at + KEY + i] = swapWord(readUint32(bytes, offset + 4 * i));
    }
  }

  /** Looks an id up. */
  find(infoHash: Uint8Array, compact: Uint8Array): Uint8Array | undefined {
    if (this.#rows.length === 0) return undefined;
    const is6 = compact.length === 18;
    const at = this.#place(
      infoHash,
      0,
      readUint32(compact, 0),
      is6 ? readUint32(compact, 4) : 0,
      is6 ? readUint32(compact, 8) : 0,
      is6 ? readUint32(compact, 12) : 0,
      compact.at(-2)! * 256 + compact.at(-1)!,
      is6 ? 6 : 4,
    );
    const row = this.#rows.subarray(at, at + ROW);
    if (!this.#key.every((word, i) => word === row[i])) return undefined;
    return new Uint8Array(row.slice(KEY).buffer);
  }

  /** Writes a key down and finds its row. */
  #place(
    infoHash: Uint8Array,
    offset: number,
    ip0: number,
    ip1: number,
    ip2: number,
    ip3: number,
    port: number,
    family: number,
  ): number {
    const key = this.#key;
    key[0] = readUint32(infoHash, offset);
    key[1] = readUint32(infoHash, offset + 4);
    key[2] = readUint32(infoHash, offset + 8);
    key[3] = ip0;
    key[4] = family === 4 ? 0 : ip1;
    key[5] = family === 4 ? 0 : ip2;
    key[6] = family === 4 ? 0 : ip3;
    key[7] = family * 0x10000 + port;
    let h = 0;
    for (let i = 0; i < KEY; i++) {
      h = Math.imul(h ^ (h >>> 15) ^ key[i]!, 0x85ebca77);
    }
    return ((h ^ (h >>> 13)) >>> (32 - BITS)) * ROW;
  }
}
