/**
 * Which torrents a handshaker answers for.
 *
 * @module
 */
import { toByteString } from "../../_shared/bytes.ts";
import type { ExtensionBits } from "../extension_bits.ts";
import type { HandshakeTorrentOptions } from "../handshaker_options.ts";
import { mseTorrentHash } from "../encryption/mse_machine.ts";
import { BITTORRENT_PROTOCOL } from "../message.ts";

/** A torrent that is answered for. */
export interface TorrentEntry {
  /** Unique for protocol and torrent. */
  readonly key: string;
  /** Protocol string. */
  readonly protocol: string;
  /** The hash it was added by. */
  readonly infoHash: Uint8Array;
  /** The truncated v2 hash, when it is v2-capable. */
  readonly v2InfoHash: Uint8Array | undefined;
  /** Extension bits of its own. */
  readonly extensions: ExtensionBits | undefined;
  /** All its 20-byte hashes. */
  readonly hashes: readonly Uint8Array[];
  /** Map keys of all hashes. */
  readonly keys: readonly string[];
}

/** The key of a hash within a protocol. */
export function torrentKey(protocol: string, infoHash: Uint8Array): string {
  // The hash has a fixed length, so nothing else can make the same key.
  return toByteString(infoHash) + protocol;
}

function check(name: string, hash: Uint8Array, ...lengths: number[]): void {
  if (!lengths.includes(hash.length)) {
    throw new RangeError(
      `Cannot use ${hash.length} bytes as ${name}: it must have ${
        lengths.join(" or ")
      }`,
    );
  }
}

/** Torrents by every hash they have. */
export class TorrentRegistry {
  readonly #entries = new Map<string, TorrentEntry>();
  readonly #protocols = new Map<string, number>();
  /** Hashes by their names in encrypted handshakes; made at the first one. */
  #encrypted: Map<string, Uint8Array> | undefined;

  /** Protocol strings of all torrents. */
  protocols(): string[] {
    return [...this.#protocols.keys()];
  }

  /** Adds or replaces a torrent. Throws RangeError for a bad hash. */
  add(
    infoHash: Uint8Array,
    options: HandshakeTorrentOptions = {},
  ): TorrentEntry {
    const { protocol = BITTORRENT_PROTOCOL } = options;
    check("an info-hash", infoHash, 20);
    if (options.v2InfoHash) check("a v2 info-hash", options.v2InfoHash, 20, 32);
    if (protocol.length > 255 || /[^\0-\xff]/.test(protocol)) {
      throw new RangeError(
        `Cannot use a protocol string of ${protocol.length} characters: at most 255, up to U+00FF, are possible`,
      );
    }
    const v2InfoHash = options.v2InfoHash?.slice(0, 20);
    const hashes = v2InfoHash ? [infoHash, v2InfoHash] : [infoHash];
    const keys = new Set(hashes.map((hash) => torrentKey(protocol, hash)));
    const key = torrentKey(protocol, infoHash);
    for (const one of keys) {
      const other = this.#entries.get(one);
      if (other !== undefined && other.key !== key) {
        throw new RangeError(
          "Cannot add a torrent whose hash belongs to another torrent",
        );
      }
    }
    this.remove(infoHash, protocol);
    const entry: TorrentEntry = {
      key,
      protocol,
      infoHash: infoHash.slice(),
      v2InfoHash,
      extensions: options.extensions,
      hashes: hashes.map((hash) => hash.slice()),
      keys: [...keys],
    };
    for (const one of keys) this.#entries.set(one, entry);
    if (this.#encrypted !== undefined) this.#index(this.#encrypted, entry);
    this.#protocols.set(protocol, (this.#protocols.get(protocol) ?? 0) + 1);
    return entry;
  }

  /** Removes a torrent by any of its hashes. */
  remove(infoHash: Uint8Array, protocol: string): TorrentEntry | undefined {
    const entry = this.find(protocol, infoHash);
    if (entry === undefined) return undefined;
    for (const key of entry.keys) this.#entries.delete(key);
    this.#encrypted = undefined;
    const left = this.#protocols.get(protocol)! - 1;
    if (left > 0) this.#protocols.set(protocol, left);
    else this.#protocols.delete(protocol);
    return entry;
  }

  /** Finds a torrent by any of its hashes. */
  find(protocol: string, infoHash: Uint8Array): TorrentEntry | undefined {
    return this.#entries.get(torrentKey(protocol, infoHash));
  }

  /** Finds a hash by its name in an encrypted handshake. */
  findEncrypted(name: Uint8Array): Uint8Array | undefined {
    let hashes = this.#encrypted;
    if (hashes === undefined) {
      hashes = this.#encrypted = new Map();
      for (const entry of new Set(this.#entries.values())) {
        this.#index(hashes, entry);
      }
    }
    return hashes.get(toByteString(name));
  }

  #index(hashes: Map<string, Uint8Array>, entry: TorrentEntry): void {
    for (const hash of entry.hashes) {
      hashes.set(toByteString(mseTorrentHash(hash)), hash);
    }
  }
}
