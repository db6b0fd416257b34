/**
 * Whether the bytes of a piece are the right ones.
 *
 * @module
 */
import type { Hash } from "node:crypto";
import { nodeCrypto } from "../../metainfo/node.ts";
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import { writeDigest } from "../../metainfo/piece_digest.ts";
import { MERKLE_HASH_LENGTH, merklePieceHash } from "../../metainfo/merkle.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import type { StoragePieceRoot, StorageTorrent } from "../storage.ts";

const SHA1_LENGTH = 20;

/**
 * What a piece is: right, wrong, or right by one of a hybrid's hashes and wrong
 * by the other: then no data can ever be right.
 */
export type PieceVerdict = "good" | "hash" | "contradiction";

/**
 * Hashes one piece as its bytes come in order, and judges it: SHA-1 for v1,
 * the tree of SHA-256 for v2 (BEP 52), both for a hybrid.
 */
export class PieceDigest {
  readonly #torrent: StorageTorrent;
  readonly #pieceIndex: number;
  readonly #sha1: Hash | undefined;
  readonly #root: StoragePieceRoot | undefined;
  readonly #leaves: Uint8Array | undefined;
  readonly #payload: number;
  #offset = 0;

  constructor(torrent: StorageTorrent, pieceIndex: number) {
    this.#torrent = torrent;
    this.#pieceIndex = pieceIndex;
    this.#sha1 = torrent.pieces === undefined
      ? undefined
      : nodeCrypto().createHash("sha1");
    this.#root = torrent.pieceRoot?.(pieceIndex);
    this.#payload = this.#root === undefined
      ? 0
      : torrent.layout.payloadSize(pieceIndex);
    if (this.#root !== undefined) {
      this.#leaves = new Uint8Array(
        Math.ceil(this.#payload / BLOCK_SIZE) * MERKLE_HASH_LENGTH,
      );
    }
  }

  /** How many bytes were hashed. */
  get offset(): number {
    return this.#offset;
  }

  /** Hashes the next bytes. */
  update(bytes: Uint8Array): void {
    this.#sha1?.update(bytes);
    if (this.#leaves !== undefined) {
      // A hybrid piece ends in padding that the tree does not cover.
      const end = Math.min(bytes.length, this.#payload - this.#offset);
      for (let at = 0; at < end; at += BLOCK_SIZE) {
        writeDigest(
          "sha256",
          bytes.subarray(at, Math.min(at + BLOCK_SIZE, end)),
          this.#leaves,
          (this.#offset + at) / BLOCK_SIZE * MERKLE_HASH_LENGTH,
        );
      }
    }
    this.#offset += bytes.length;
  }

  /** Judges the piece after its last byte; `hash` without any hash. */
  finish(): PieceVerdict {
    const v1 = this.#passesSha1();
    const v2 = this.#passesTree();
    if (v1 !== undefined && v2 !== undefined && v1 !== v2) {
      return "contradiction";
    }
    return v1 ?? v2 ? "good" : "hash";
  }

  #passesSha1(): boolean | undefined {
    if (this.#sha1 === undefined) return undefined;
    const at = this.#pieceIndex * SHA1_LENGTH;
    const expected = this.#torrent.pieces!.subarray(at, at + SHA1_LENGTH);
    return equalBytes(this.#sha1.digest(), expected);
  }

  #passesTree(): boolean | undefined {
    if (this.#root === undefined) return undefined;
    if (this.#leaves!.length === 0) return false;
    const hash = merklePieceHash(
      this.#leaves!,
      this.#torrent.layout.pieceLength,
      this.#root.fileLength,
    );
    return equalBytes(hash, this.#root.hash);
  }
}

/** SHA-1 of every block in a run of bytes, 20 bytes each. */
export function digestBlocks(
  bytes: Uint8Array,
  into: Uint8Array,
  at: number,
): void {
  for (let offset = 0; offset < bytes.length; offset += BLOCK_SIZE) {
    const block = bytes.subarray(offset, offset + BLOCK_SIZE);
    writeDigest("sha1", block, into, at + offset / BLOCK_SIZE * SHA1_LENGTH);
  }
}
