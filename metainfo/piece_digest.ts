/**
 * Digests of pieces from their bytes in order, in this thread or another.
 *
 * @module
 */
import type { Hash } from "node:crypto";
import { nodeCrypto } from "./node.ts";
import { BLOCK_SIZE } from "./piece_layout.ts";
import { reduceTree, SHA256_LENGTH, treeHeight } from "./sha256.ts";

/** Which digests of a piece are wanted. */
export interface PieceHashing {
  /** Bytes of the torrent's pieces. */
  readonly pieceLength: number;
  /** Whether SHA-1 is (BEP 3). */
  readonly sha1: boolean;
  /** What is hashed into a tree of SHA-256 (BEP 52), if anything. */
  readonly tree: {
    /** Bytes of it; padding follows. */
    readonly payload: number;
    /** Bytes of the file, which may have a lower tree than a piece. */
    readonly fileLength: number;
  } | undefined;
}

/** Digests of a piece. */
export interface PieceDigests {
  /** 20 bytes. */
  readonly sha1: Uint8Array | undefined;
  /** 32 bytes; absent where there is only padding, too. */
  readonly root: Uint8Array | undefined;
}

/** Hashes one piece as its bytes come in order. */
export class PieceHasher {
  readonly #wanted: PieceHashing;
  readonly #digest: PieceDigest;
  #offset = 0;

  /** Starts with a piece. */
  constructor(wanted: PieceHashing) {
    this.#wanted = wanted;
    const { pieceLength, sha1, tree } = wanted;
    this.#digest = new PieceDigest(pieceLength, sha1, tree !== undefined);
  }

  /** How many bytes were hashed. */
  get offset(): number {
    return this.#offset;
  }

  /** Hashes the next bytes. */
  update(bytes: Uint8Array): void {
    const { tree } = this.#wanted;
    const left = Math.max(0, (tree?.payload ?? Infinity) - this.#offset);
    this.#offset += bytes.length;
    if (left >= bytes.length) this.#digest.update(bytes);
    else {
      this.#digest.update(bytes.subarray(0, left));
      this.#digest.updatePadding(bytes.length - left);
    }
  }

  /** The digests, after the last byte. */
  finish(): PieceDigests {
    const { sha1: hasSha1, tree } = this.#wanted;
    const sha1 = hasSha1 ? new Uint8Array(SHA1_LENGTH) : undefined;
    if (sha1 !== undefined) this.#digest.finishSha1(sha1, 0);
    if (tree === undefined || tree.payload === 0) {
      return { sha1, root: undefined };
    }
    const root = new Uint8Array(SHA256_LENGTH);
    this.#digest.finishTree(root, 0, tree.fileLength);
    return { sha1, root };
  }
}

/** Bytes of a SHA-1 digest. */
export const SHA1_LENGTH = 20;

const ZEROS_SIZE = 256 * 1024;

/** Zeros to hash as padding, made when first needed. */
let zeros: Uint8Array<ArrayBuffer> | undefined;

function hexDigit(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

/** Decodes lowercase hex: faster than having a Buffer made for each digest. */
function writeHex(hex: string, target: Uint8Array, offset: number): void {
  for (let i = 0; i < hex.length; i += 2) {
    target[offset++] = (hexDigit(hex.charCodeAt(i)) << 4) |
      hexDigit(hex.charCodeAt(i + 1));
  }
}

/** Hashes bytes in one call. */
export function writeDigest(
  algorithm: "sha1" | "sha256",
  bytes: Uint8Array,
  target: Uint8Array,
  offset: number,
): void {
  writeHex(nodeCrypto().hash(algorithm, bytes, "hex"), target, offset);
}

/** Hashes bytes with SHA-1: slower than the others, but ready at once. */
export async function sha1Later(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
}

/**
 * Collects the digests of one piece from its bytes in order: SHA-1 of all of
 * them, and the root over SHA-256 of blocks of 16 KiB (BEP 52).
 */
export class PieceDigest {
  readonly #pieceLength: number;
  readonly #wantSha1: boolean;
  readonly #leaves: Uint8Array | undefined;
  #leafCount = 0;
  #sha1: Hash | undefined;

  /** Makes a reusable collector. */
  constructor(pieceLength: number, sha1: boolean, sha256: boolean) {
    this.#pieceLength = pieceLength;
    this.#wantSha1 = sha1;
    if (sha256) {
      const leaves = Math.ceil(pieceLength / BLOCK_SIZE) + 1;
      this.#leaves = new Uint8Array(leaves * SHA256_LENGTH);
    }
  }

  /** Forgets an unfinished piece. */
  reset(): void {
    this.#sha1 = undefined;
    this.#leafCount = 0;
  }

  /** Adds payload. */
  update(bytes: Uint8Array): void {
    if (this.#wantSha1) {
      (this.#sha1 ??= nodeCrypto().createHash("sha1")).update(bytes);
    }
    const leaves = this.#leaves;
    if (leaves === undefined) return;
    for (let i = 0; i < bytes.length; i += BLOCK_SIZE) {
      const leaf = bytes.length <= BLOCK_SIZE
        ? bytes
        : bytes.subarray(i, i + BLOCK_SIZE);
      const offset = this.#leafCount++ * SHA256_LENGTH;
      writeDigest("sha256", leaf, leaves, offset);
    }
  }

  /** Adds padding, which only SHA-1 sees (BEP 47, 52). */
  updatePadding(length: number): void {
    if (!this.#wantSha1) return;
    const sha1 = this.#sha1 ??= nodeCrypto().createHash("sha1");
    zeros ??= new Uint8Array(ZEROS_SIZE);
    for (let left = length; left > 0; left -= ZEROS_SIZE) {
      sha1.update(left >= ZEROS_SIZE ? zeros : zeros.subarray(0, left));
    }
  }

  /** Ends SHA-1 of the piece and starts afresh. */
  finishSha1(sha1: Uint8Array, pieceIndex: number): void {
    const hash = this.#sha1 ?? nodeCrypto().createHash("sha1");
    writeHex(hash.digest("hex"), sha1, pieceIndex * SHA1_LENGTH);
    this.#sha1 = undefined;
  }

  /**
   * Ends the tree of the piece and starts afresh. A file that is no longer than
   * a piece has a lower tree.
   */
  finishTree(sha256: Uint8Array, pieceIndex: number, fileLength: number): void {
    if (this.#leaves === undefined || this.#leafCount === 0) return;
    const covered = Math.min(fileLength, this.#pieceLength);
    const height = treeHeight(Math.ceil(covered / BLOCK_SIZE));
    const root = reduceTree(this.#leaves, this.#leafCount, 0, height);
    sha256.set(root, pieceIndex * SHA256_LENGTH);
    this.#leafCount = 0;
  }
}
