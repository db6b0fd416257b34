/**
 * The digests of one piece, in this thread or another.
 *
 * @module
 */
import { PieceDigest, SHA1_LENGTH } from "./piece_digest.ts";
import { SHA256_LENGTH } from "./sha256.ts";

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
