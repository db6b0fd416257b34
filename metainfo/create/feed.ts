/**
 * Cuts bytes that arrive in chunks of any size into pieces and hashes them.
 *
 * @module
 */
import { PieceDigest, SHA1_LENGTH } from "../piece_digest.ts";
import { SHA256_LENGTH } from "../sha256.ts";
import type { CreateForm } from "./hash.ts";

/** Bytes kept until they are hashed: whole blocks, or the end of a piece. */
const BUFFER_SIZE = 256 * 1024;

/** Digests of one length back to back, in memory that grows. */
class DigestList {
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #digestLength: number;
  count = 0;

  constructor(digestLength: number) {
    this.#digestLength = digestLength;
    this.#bytes = new Uint8Array(64 * digestLength);
  }

  /** Makes room for one more digest and gives the memory of all. */
  grow(): Uint8Array<ArrayBuffer> {
    this.count++;
    if (this.count * this.#digestLength > this.#bytes.length) {
      const bytes = new Uint8Array(2 * this.#bytes.length);
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    return this.#bytes;
  }

  /** Copies the digests out. */
  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.count * this.#digestLength);
  }
}

const NOTHING = new Uint8Array(0);

/** Hashes the files of a torrent in order, of lengths unknown beforehand. */
export class PieceFeeder {
  readonly #form: CreateForm;
  readonly #digest: PieceDigest;
  readonly #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_SIZE);
  readonly #pieces: DigestList = new DigestList(SHA1_LENGTH);
  /** Roots of the pieces of the current file. */
  #layer: DigestList = new DigestList(SHA256_LENGTH);
  #buffered = 0;
  /** Bytes of the current piece that came, buffered ones included. */
  #pieceFill = 0;
  /** Bytes of the current file that came. */
  #fileFill = 0;
  /** Whether the piece is over but for its padding. */
  #isPadPending = false;

  /** Starts with no files. */
  constructor(form: CreateForm) {
    this.#form = form;
    this.#digest = new PieceDigest(form.pieceLength, form.sha1, form.sha256);
  }

  /** Adds bytes of the current file. */
  push(bytes: Uint8Array): void {
    const { pieceLength } = this.#form;
    for (let offset = 0; offset < bytes.length;) {
      if (this.#isPadPending) this.#endPiece(true);
      const count = Math.min(
        bytes.length - offset,
        BUFFER_SIZE - this.#buffered,
        pieceLength - this.#pieceFill,
      );
      this.#buffer.set(bytes.subarray(offset, offset + count), this.#buffered);
      offset += count;
      this.#buffered += count;
      this.#pieceFill += count;
      this.#fileFill += count;
      if (this.#pieceFill === pieceLength) this.#endPiece(false);
      else if (this.#buffered === BUFFER_SIZE) this.#flush();
    }
  }

  /** Ends the current file. */
  endFile(): Uint8Array<ArrayBuffer> {
    const { sha1, sha256, padFiles } = this.#form;
    const hasPiece = this.#fileFill > 0 && this.#pieceFill > 0;
    if (hasPiece && !sha1) this.#endPiece(false);
    else if (hasPiece && (sha256 || padFiles)) {
      this.#flush();
      if (sha256) this.#endTree();
      this.#isPadPending = padFiles;
    }
    this.#fileFill = 0;
    const layer = this.#layer.take();
    this.#layer.count = 0;
    return layer;
  }

  /** Ends the last file. Returns SHA-1 of all pieces, empty when not wanted. */
  end(): Uint8Array<ArrayBuffer> {
    if (this.#pieceFill > 0) this.#endPiece(this.#form.padLast);
    return this.#form.sha1 ? this.#pieces.take() : NOTHING;
  }

  #flush(): void {
    if (this.#buffered === 0) return;
    this.#digest.update(this.#buffer.subarray(0, this.#buffered));
    this.#buffered = 0;
  }

  /** Ends the tree of the current piece, which has bytes of one file only. */
  #endTree(): void {
    const layer = this.#layer.grow();
    const index = this.#layer.count - 1;
    this.#digest.finishTree(layer, index, this.#fileFill);
  }

  #endPiece(isPadded: boolean): void {
    const { sha1, sha256, pieceLength } = this.#form;
    this.#flush();
    if (sha256 && this.#fileFill > 0) this.#endTree();
    if (sha1) {
      if (isPadded) this.#digest.updatePadding(pieceLength - this.#pieceFill);
      const pieces = this.#pieces.grow();
      this.#digest.finishSha1(pieces, this.#pieces.count - 1);
    }
    this.#pieceFill = 0;
    this.#isPadPending = false;
  }
}
