/**
 * Whether the bytes of a piece are the right ones.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import {
  PieceDigest,
  SHA1_LENGTH,
  sha1Later,
  writeDigest,
} from "../../metainfo/piece_digest.ts";
import { SHA256_LENGTH } from "../../metainfo/sha256.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import type { StoragePieceRoot, StorageTorrent } from "../storage.ts";

/**
 * What a piece is: right, wrong, or right by one of a hybrid's hashes and wrong
 * by the other: then no data can ever be right.
 */
export type PieceVerdict = "good" | "hash" | "contradiction";

/**
 * Hashes one piece as its bytes come in order, and judges it: SHA-1 for v1,
 * the tree of SHA-256 for v2 (BEP 52), both for a hybrid.
 */
export class PieceVerifier {
  readonly #torrent: StorageTorrent;
  readonly #pieceIndex: number;
  readonly #root: StoragePieceRoot | undefined;
  readonly #payload: number;
  readonly #digest: PieceDigest;
  #offset = 0;

  constructor(torrent: StorageTorrent, pieceIndex: number) {
    const { layout, pieces } = torrent;
    this.#torrent = torrent;
    this.#pieceIndex = pieceIndex;
    this.#root = torrent.pieceRoot?.(pieceIndex);
    // A hybrid piece ends in padding that the tree does not cover.
    this.#payload = this.#root === undefined
      ? Infinity
      : layout.payloadSize(pieceIndex);
    this.#digest = new PieceDigest(
      layout.pieceLength,
      pieces !== undefined,
      this.#root !== undefined,
    );
  }

  /** How many bytes were hashed. */
  get offset(): number {
    return this.#offset;
  }

  /** Whether no tree is known of it. */
  get hasOnlySha1(): boolean {
    return this.#root === undefined && this.#torrent.pieces !== undefined;
  }

  /** Hashes the next bytes. */
  update(bytes: Uint8Array): void {
    const payload = Math.max(0, this.#payload - this.#offset);
    this.#offset += bytes.length;
    if (payload >= bytes.length) this.#digest.update(bytes);
    else {
      this.#digest.update(bytes.subarray(0, payload));
      this.#digest.updatePadding(bytes.length - payload);
    }
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
    const { pieces } = this.#torrent;
    if (pieces === undefined) return undefined;
    const hash = new Uint8Array(SHA1_LENGTH);
    this.#digest.finishSha1(hash, 0);
    return equalBytes(hash, sha1Of(pieces, this.#pieceIndex));
  }

  #passesTree(): boolean | undefined {
    if (this.#root === undefined) return undefined;
    if (this.#payload === 0) return false;
    const { hash, fileLength } = this.#root;
    const root = new Uint8Array(SHA256_LENGTH);
    this.#digest.finishTree(root, 0, fileLength);
    return equalBytes(root, hash);
  }
}

function sha1Of(pieces: Uint8Array, pieceIndex: number): Uint8Array {
  const at = pieceIndex * SHA1_LENGTH;
  return pieces.subarray(at, at + SHA1_LENGTH);
}

/** Judges all bytes of a piece of which no tree is known, see `sha1Later`. */
export async function passesSha1(
  { pieces }: StorageTorrent,
  pieceIndex: number,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  return pieces !== undefined &&
    equalBytes(await sha1Later(bytes), sha1Of(pieces, pieceIndex));
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
