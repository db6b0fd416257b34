/** Resume data: nothing but ResumeDataError, and what decodes encodes back. */
import { crypto } from "@std/crypto";
import { Bitfield } from "../../_shared/bitfield.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import {
  decodeResumeData,
  encodeResumeData,
  ResumeDataError,
} from "../../disk/resume/resume_data.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const infoHash = new Uint8Array(20).fill(1);
const layout = new PieceLayout({
  pieceLength: 65536,
  files: [{ length: 300_000 }, { length: 0 }, { length: 700_001 }],
});

function seed(): Uint8Array {
  const have = new Bitfield(layout.pieceCount);
  have.set(0);
  have.set(9);
  const blocks = new Bitfield(layout.blockCount(3));
  blocks.set(1);
  return encodeResumeData({
    infoHash,
    have,
    files: [{ size: 300_000, modifiedMs: 1.7e12 }, undefined, undefined],
    partFile: undefined,
    wanted: [true, true, false],
    partials: [{ pieceIndex: 3, blocks }],
  }, layout);
}

/** Mutations hit the fields and not only the checksum. */
function sealed(input: Uint8Array): Uint8Array {
  if (input.length < 20) return input;
  const bytes = input.slice();
  const body = bytes.slice(0, bytes.length - 20);
  bytes.set(
    new Uint8Array(crypto.subtle.digestSync("SHA-1", body)),
    body.length,
  );
  return bytes;
}

function decode(input: Uint8Array): void {
  let data;
  try {
    data = decodeResumeData(input, infoHash, layout);
  } catch (error) {
    if (error instanceof ResumeDataError) return;
    throw error;
  }
  if (!equalBytes(encodeResumeData(data, layout), input)) {
    throw new Error("What was decoded does not encode back");
  }
}

/** The target. */
export const fuzzTarget: FuzzTarget = {
  name: "resume",
  seeds: () => [seed()],
  run(input) {
    decode(input);
    decode(sealed(input));
  },
};
