/**
 * Whether the bytes of a piece are the right ones.
 *
 * @module
 */
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import {
  type PieceDigests,
  PieceHasher,
  type PieceHashing,
  SHA1_LENGTH,
  sha1Later,
  writeDigest,
} from "../../metainfo/piece_digest.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import type { StorageTorrent } from "../storage.ts";

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
  readonly #hasher: PieceHasher;

  constructor(torrent: StorageTorrent, pieceIndex: number) {
    this.#torrent = torrent;
    this.#pieceIndex = pieceIndex;
    this.#hasher = new PieceHasher(hashingOf(torrent, pieceIndex));
  }

  /** How many bytes were hashed. */
  get offset(): number {
    return this.#hasher.offset;
  }

  /** Whether no tree is known of it. */
  get hasOnlySha1(): boolean {
    const torrent = this.#torrent;
    return torrent.pieces !== undefined &&
      torrent.pieceRoot?.(this.#pieceIndex) === undefined;
  }

  /** Hashes the next bytes. */
  update(bytes: Uint8Array): void {
    this.#hasher.update(bytes);
  }

  /** Judges the piece after its last byte; `hash` without any hash. */
  finish(): PieceVerdict {
    return judge(this.#torrent, this.#pieceIndex, this.#hasher.finish());
  }
}

/** Which digests tell whether a piece is right. */
export function hashingOf(
  torrent: StorageTorrent,
  pieceIndex: number,
): PieceHashing {
  const { layout, pieces } = torrent;
  const root = torrent.pieceRoot?.(pieceIndex);
  return {
    pieceLength: layout.pieceLength,
    sha1: pieces !== undefined,
    // A hybrid piece ends in padding that the tree does not cover.
    tree: root && {
      payload: layout.payloadSize(pieceIndex),
      fileLength: root.fileLength,
    },
  };
}

/** Judges a piece by its digests. */
export function judge(
  torrent: StorageTorrent,
  pieceIndex: number,
  { sha1, root }: PieceDigests,
): PieceVerdict {
  const { pieces } = torrent;
  const v1 = pieces && sha1 && equalBytes(sha1, sha1Of(pieces, pieceIndex));
  const expected = torrent.pieceRoot?.(pieceIndex);
  const v2 = expected && root !== undefined && equalBytes(root, expected.hash);
  if (v1 !== undefined && v2 !== undefined && v1 !== v2) return "contradiction";
  return v1 ?? v2 ? "good" : "hash";
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
