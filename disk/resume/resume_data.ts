/**
 * The saved state of a torrent's files, as bytes.
 *
 * @module
 */
import { sha1 } from "../../_shared/sha1.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import {
  concatBytes,
  equalBytes,
  readUint32,
  writeUint32,
} from "../../_shared/bytes.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { FileInfo } from "../file_system.ts";

/** "BIPRSUM" and the version. */
const MAGIC = new Uint8Array([66, 73, 80, 82, 83, 85, 77, 2]);
const HEADER_SIZE = 40;
const FILE_SIZE = 25;
const CHECKSUM_SIZE = 20;

/** What was known of a torrent's files. */
export interface ResumeData {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** The pieces that were verified and written. */
  readonly have: Bitfield;
  /** Size and times of every file, `undefined` where there was none. */
  readonly files: readonly (FileInfo | undefined)[];
  /** The same of the part file. */
  readonly partFile: FileInfo | undefined;
  /** Whether each file was wanted. */
  readonly wanted: readonly boolean[];
  /** Blocks of incomplete pieces that were written. */
  readonly partials: readonly PartialPiece[];
}

/** Which blocks of an incomplete piece are in the files. */
export interface PartialPiece {
  /** Which piece. */
  readonly pieceIndex: number;
  /** One bit a block of 16 KiB. */
  readonly blocks: Bitfield;
}

/** Why resume data was not used. */
export type ResumeDataErrorCode =
  | "malformed"
  | "checksum"
  | "other-torrent";

/** Resume data makes no sense or belongs to something else. */
export class ResumeDataError extends SyntaxError {
  /** What kind of failure. */
  readonly code: ResumeDataErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param message One line.
   */
  constructor(code: ResumeDataErrorCode, message: string) {
    super(message);
    this.name = "ResumeDataError";
    this.code = code;
  }
}

/**
 * Packs the state of a torrent's files: magic and version, info-hash, piece
 * length and counts, `have`, size and times and choice of every file and of the
 * part file, blocks of incomplete pieces, SHA-1 of all that.
 *
 * @param data The state.
 * @param layout The pieces and files.
 * @returns The bytes.
 */
export function encodeResumeData(
  data: ResumeData,
  layout: PieceLayout,
): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(HEADER_SIZE);
  header.set(MAGIC);
  header.set(data.infoHash.subarray(0, 20), 8);
  writeUint32(header, 28, layout.pieceLength >>> 0);
  writeUint32(header, 32, layout.pieceCount);
  writeUint32(header, 36, layout.files.length);
  const files = new Uint8Array((layout.files.length + 1) * FILE_SIZE);
  for (let i = 0; i <= layout.files.length; i++) {
    const isPart = i === layout.files.length;
    const info = isPart ? data.partFile : data.files[i];
    const at = i * FILE_SIZE;
    files[at] = (info === undefined ? 0 : 1) |
      (isPart || data.wanted[i] === true ? 2 : 0);
    writeUint64(files, at + 1, info?.size ?? 0);
    writeUint64(files, at + 9, Math.max(0, Math.floor(info?.modifiedMs ?? 0)));
    writeUint64(files, at + 17, Math.max(0, Math.floor(info?.changedMs ?? 0)));
  }
  const parts: Uint8Array[] = [header, data.have.toBytes(), files];
  const count = new Uint8Array(4);
  writeUint32(count, 0, data.partials.length);
  parts.push(count);
  for (const { pieceIndex, blocks } of data.partials) {
    const index = new Uint8Array(4);
    writeUint32(index, 0, pieceIndex);
    parts.push(index, blocks.toBytes());
  }
  const body = concatBytes(parts);
  return concatBytes([body, checksum(body)]);
}

/**
 * Unpacks the state of a torrent's files. Nothing in it is to be trusted
 * before it was compared with the files.
 *
 * @param bytes Bytes from anywhere.
 * @param infoHash The info-hash it must have.
 * @param layout The pieces and files it must fit.
 * @returns The state.
 * @throws {ResumeDataError} If it is damaged, of another version or of another
 * torrent.
 */
export function decodeResumeData(
  bytes: Uint8Array,
  infoHash: Uint8Array,
  layout: PieceLayout,
): ResumeData {
  const fileCount = layout.files.length;
  const haveSize = Math.ceil(layout.pieceCount / 8);
  const filesAt = HEADER_SIZE + haveSize;
  const partialsAt = filesAt + (fileCount + 1) * FILE_SIZE;
  if (
    bytes.length < HEADER_SIZE ||
    !equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)
  ) throw malformed("it does not start as resume data of this version does");
  if (
    !equalBytes(bytes.subarray(8, 28), infoHash.subarray(0, 20)) ||
    readUint32(bytes, 28) !== layout.pieceLength >>> 0 ||
    readUint32(bytes, 32) !== layout.pieceCount ||
    readUint32(bytes, 36) !== fileCount
  ) {
    throw new ResumeDataError(
      "other-torrent",
      "Cannot use resume data: it belongs to another torrent",
    );
  }
  const end = bytes.length - CHECKSUM_SIZE;
  if (end < partialsAt + 4) throw malformed("it is too short");
  if (!equalBytes(checksum(bytes.subarray(0, end)), bytes.subarray(end))) {
    throw new ResumeDataError(
      "checksum",
      "Cannot use resume data: its checksum is wrong",
    );
  }
  const have = Bitfield.tryFrom(
    bytes.subarray(HEADER_SIZE, filesAt),
    layout.pieceCount,
  );
  if (have === undefined) throw malformed("a spare bit of a bitfield is set");
  const files: (FileInfo | undefined)[] = [];
  const wanted: boolean[] = [];
  for (let i = 0; i <= fileCount; i++) {
    const at = filesAt + i * FILE_SIZE;
    const flags = bytes[at]!;
    if (flags > 3 || (i === fileCount && flags < 2)) {
      throw malformed(`file ${i} has unknown flags`);
    }
    wanted.push((flags & 2) !== 0);
    const size = readUint64(bytes, at + 1);
    const modifiedMs = readUint64(bytes, at + 9);
    const changedMs = readUint64(bytes, at + 17);
    const isThere = (flags & 1) !== 0;
    files.push(
      isThere
        ? { size, modifiedMs, ...(changedMs > 0 ? { changedMs } : {}) }
        : undefined,
    );
    if (!isThere && Math.max(size, modifiedMs, changedMs) > 0) {
      throw malformed(`file ${i} does not exist and yet has a size`);
    }
    if (![size, modifiedMs, changedMs].every(Number.isSafeInteger)) {
      throw malformed(`file ${i} has a size or time above 2^53 - 1`);
    }
  }
  const partFile = files.pop();
  wanted.pop();
  const partials = decodePartials(
    bytes.subarray(0, end),
    partialsAt,
    layout,
    have,
  );
  return {
    infoHash: bytes.slice(8, 28),
    have,
    files,
    partFile,
    wanted,
    partials,
  };
}

function decodePartials(
  bytes: Uint8Array,
  at: number,
  layout: PieceLayout,
  have: Bitfield,
): PartialPiece[] {
  const count = readUint32(bytes, at);
  const partials: PartialPiece[] = [];
  let before = -1;
  at += 4;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw malformed("it ends in a partial piece");
    const pieceIndex = readUint32(bytes, at);
    at += 4;
    if (
      pieceIndex <= before || pieceIndex >= layout.pieceCount ||
      have.has(pieceIndex)
    ) throw malformed(`partial piece ${pieceIndex} is out of order`);
    before = pieceIndex;
    const blockCount = layout.blockCount(pieceIndex);
    const size = Math.ceil(blockCount / 8);
    const blocks = Bitfield.tryFrom(
      bytes.subarray(at, Math.min(bytes.length, at + size)),
      blockCount,
    );
    if (blocks === undefined) {
      throw malformed(`the blocks of piece ${pieceIndex} do not fit`);
    }
    partials.push({ pieceIndex, blocks });
    at += size;
  }
  if (at !== bytes.length) throw malformed("there are bytes left");
  return partials;
}

function malformed(reason: string): ResumeDataError {
  return new ResumeDataError(
    "malformed",
    `Cannot use resume data: ${reason}`,
  );
}

function checksum(bytes: Uint8Array): Uint8Array {
  return sha1(bytes);
}

function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  writeUint32(bytes, at, Math.floor(value / 0x100000000));
  writeUint32(bytes, at + 4, value % 0x100000000);
}

function readUint64(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) * 0x100000000 + readUint32(bytes, at + 4);
}
