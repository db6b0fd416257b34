/**
 * What a torrent can be added by, and found by.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { type Magnet, MagnetError } from "../../metainfo/magnet.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { parseMetainfo } from "../../metainfo/parse.ts";
import { cleanMagnetText, parseMagnet } from "../../metainfo/parse_magnet.ts";
import type { AddTorrentOptions } from "../types.ts";

/** Things found by info-hash; who was first keeps a hash. */
export class HashIndex<T> {
  readonly #byHash = new Map<string, T>();

  /** Whether something has one of a topic's hashes. */
  has(topic: Topic): boolean {
    return hashesOf(topic).some((hash) => this.#byHash.has(hash));
  }

  /** Finds by a hash; of a v2 hash 20 bytes do. */
  get(infoHash: Uint8Array): T | undefined {
    return this.#byHash.get(toHex(infoHash.subarray(0, 20)));
  }

  /** Files something under the hashes of a topic that are free. */
  add(topic: Topic, thing: T): void {
    for (const hash of hashesOf(topic)) {
      if (!this.#byHash.has(hash)) this.#byHash.set(hash, thing);
    }
  }

  /** Forgets something under the hashes of a topic. */
  delete(topic: Topic, thing: T): void {
    for (const hash of hashesOf(topic)) {
      if (this.#byHash.get(hash) === thing) this.#byHash.delete(hash);
    }
  }
}

/**
 * What can be added to a session: the bytes of a torrent file, a magnet link or
 * info-hash (40 or 64 hex digits) as text, or either of them parsed.
 */
export type AddSource = Uint8Array | string | Metainfo | Magnet;

/** What is known of a torrent when it is added, or later. */
export type Topic = Metainfo | Magnet;

/** Reads what a torrent is added by; throws what the parsers do. */
export function sourceOf(source: AddSource): Topic {
  if (source instanceof Uint8Array) return parseMetainfo(source);
  if (typeof source === "string") {
    const link = cleanMagnetText(source);
    if (/^magnet:/i.test(link)) return parseMagnet(link);
    throw new MagnetError(
      "not-a-magnet",
      "Cannot add this text: it is not a magnet link or info-hash; for a path or URL, pass the bytes of the torrent file",
    );
  }
  if (Array.isArray(source?.trackers)) return source;
  throw new TypeError(
    "Cannot add this: expected the bytes of a torrent file, a magnet link, Metainfo or Magnet",
  );
}

/** The hashes that peers may call a torrent by, as hex; v2 hashes cut to 20 bytes. */
export function hashesOf(topic: Topic): string[] {
  return [topic.infoHashV1, topic.infoHashV2].flatMap((hash) =>
    hash === undefined ? [] : [toHex(hash.subarray(0, 20))]
  );
}

/**
 * Makes the options of a torrent obey the `so` of its link (BEP 53), unless
 * they choose files themselves. A choice of which nothing is there is none.
 */
export function obeyLink(
  options: AddTorrentOptions,
  topic: Topic,
): AddTorrentOptions {
  const { files, chooseFiles } = options;
  if ("infoBytes" in topic || (files ?? chooseFiles) !== undefined) {
    return options;
  }
  const { selectOnly } = topic;
  return {
    ...options,
    chooseFiles(metainfo) {
      const chosen = selectOnly.filter((i) => i < metainfo.files.length);
      return chosen.length > 0 ? chosen : undefined;
    },
  };
}
