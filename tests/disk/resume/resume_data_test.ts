import { assertEquals, assertThrows } from "@std/assert";
import { crypto } from "@std/crypto";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import {
  decodeResumeData,
  encodeResumeData,
  type ResumeData,
  ResumeDataError,
} from "../../../disk/resume/resume_data.ts";

const pure = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(3);

function generate(seed: number): { data: ResumeData; layout: PieceLayout } {
  const random = seededRandom(seed);
  const layout = new PieceLayout({
    pieceLength: 16384 * (1 + randomInt(random, 20)),
    files: Array.from(
      { length: randomInt(random, 6) },
      () => ({ length: randomInt(random, 900_000) }),
    ),
  });
  const have = new Bitfield(layout.pieceCount);
  const partials = [];
  for (let i = 0; i < layout.pieceCount; i++) {
    const kind = randomInt(random, 3);
    if (kind === 0) have.set(i);
    if (kind === 1) {
      const blocks = new Bitfield(layout.blockCount(i));
      for (let k = 0; k < blocks.length; k++) {
        if (randomInt(random, 2) === 0) blocks.set(k);
      }
      partials.push({ pieceIndex: i, blocks });
    }
  }
  const info = () =>
    randomInt(random, 3) === 0 ? undefined : {
      size: randomInt(random, 2 ** 32) * 1000,
      modifiedMs: 1.7e12 + randomInt(random, 2 ** 32),
      ...(randomInt(random, 2) === 0
        ? {}
        : { changedMs: 1.7e12 + randomInt(random, 2 ** 32) }),
    };
  return {
    layout,
    data: {
      infoHash,
      have,
      files: layout.files.map(info),
      partFile: info(),
      wanted: layout.files.map(() => randomInt(random, 2) === 0),
      partials,
    },
  };
}

/** Bitfields compare by what they hold. */
function plain(data: ResumeData): unknown {
  return {
    ...data,
    have: [...data.have],
    partials: data.partials.map(({ pieceIndex, blocks }) => ({
      pieceIndex,
      blocks: [...blocks],
    })),
  };
}

/** Where a checksum goes. */
const SUM = new Uint8Array(20);

/** Puts the right checksum on changed bytes. */
function seal(bytes: Uint8Array): Uint8Array {
  const body = bytes.slice(0, bytes.length - 20);
  const sealed = bytes.slice();
  sealed.set(
    new Uint8Array(crypto.subtle.digestSync("SHA-1", body)),
    body.length,
  );
  return sealed;
}

Deno.test("resume data: round trips", pure, () => {
  for (let seed = 1; seed <= 60; seed++) {
    const { data, layout } = generate(seed);
    const bytes = encodeResumeData(data, layout);
    const decoded = decodeResumeData(bytes, infoHash, layout);
    assertEquals(plain(decoded), plain(data), `seed ${seed}`);
  }
});

Deno.test("resume data: no prefix and nothing longer is taken", pure, () => {
  const { data, layout } = generate(5);
  const bytes = encodeResumeData(data, layout);
  for (let n = 0; n < bytes.length; n++) {
    assertThrows(
      () => decodeResumeData(bytes.subarray(0, n), infoHash, layout),
      ResumeDataError,
    );
    // Nor one whose checksum is right.
    const sealed = seal(new Uint8Array([...bytes.subarray(0, n), ...SUM]));
    if (sealed.length === bytes.length) continue;
    assertThrows(
      () => decodeResumeData(sealed, infoHash, layout),
      ResumeDataError,
    );
  }
  const longer = new Uint8Array(bytes.length + 1);
  longer.set(bytes);
  assertThrows(
    () => decodeResumeData(longer, infoHash, layout),
    ResumeDataError,
  );
  assertThrows(
    () => decodeResumeData(seal(longer), infoHash, layout),
    ResumeDataError,
  );
});

Deno.test("resume data: any changed bit is noticed", pure, () => {
  const { data, layout } = generate(7);
  const bytes = encodeResumeData(data, layout);
  for (let i = 0; i < bytes.length * 8; i += 3) {
    const changed = bytes.slice();
    changed[i >> 3]! ^= 1 << (i & 7);
    assertThrows(
      () => decodeResumeData(changed, infoHash, layout),
      ResumeDataError,
    );
  }
});

Deno.test("resume data: partial pieces come once each, in order", pure, () => {
  const layout = new PieceLayout({
    pieceLength: 32_768,
    files: [{ length: 100_000 }],
  });
  const blocks = new Bitfield(2);
  blocks.set(0);
  const infoHash = new Uint8Array(20);
  const isTaken = (...pieces: readonly number[]) => {
    const have = new Bitfield(4);
    have.set(3);
    const bytes = encodeResumeData({
      infoHash,
      have,
      files: [undefined],
      partFile: undefined,
      wanted: [true],
      partials: pieces.map((pieceIndex) => ({ pieceIndex, blocks })),
    }, layout);
    try {
      const { partials } = decodeResumeData(bytes, infoHash, layout);
      assertEquals(partials.map((one) => one.pieceIndex), [...pieces]);
      return true;
    } catch (error) {
      return !(error instanceof ResumeDataError);
    }
  };
  assertEquals([isTaken(0), isTaken(0, 2), isTaken()], [true, true, true]);
  assertEquals([isTaken(2, 0), isTaken(1, 1), isTaken(3)], [
    false,
    false,
    false,
  ]);
});

Deno.test("resume data: sealed nonsense", pure, () => {
  const layout = new PieceLayout({
    pieceLength: 32768,
    files: [{ length: 100_000 }],
  });
  const have = new Bitfield(4);
  const blocks = new Bitfield(2);
  blocks.set(0);
  const base: ResumeData = {
    infoHash,
    have,
    files: [undefined],
    partFile: undefined,
    wanted: [true],
    partials: [{ pieceIndex: 1, blocks }],
  };
  const bytes = encodeResumeData(base, layout);
  const haveAt = 40;
  const filesAt = 41;
  const partialsAt = filesAt + 50;
  const change = (at: number, value: number) => {
    const changed = bytes.slice();
    changed[at] = value;
    return seal(changed);
  };
  const changeFile = (at: number) => {
    const changed = bytes.slice();
    changed[filesAt] = 3;
    changed[filesAt + at] = 1;
    return seal(changed);
  };
  assertEquals(
    decodeResumeData(change(haveAt, 0x80), infoHash, layout).have.count,
    1,
  );
  const bad: [string, Uint8Array, string][] = [
    ["spare bit", change(haveAt, 0x08), "malformed"],
    ["unknown flag", change(filesAt, 4), "malformed"],
    ["a partial piece that is had", change(haveAt, 0x40), "malformed"],
    ["more partials than there are", change(partialsAt + 3, 2), "malformed"],
    ["fewer", change(partialsAt + 3, 0), "malformed"],
    ["four billion", change(partialsAt, 255), "malformed"],
    ["a piece past the end", change(partialsAt + 7, 4), "malformed"],
    ["spare block bit", change(partialsAt + 8, 0xa0), "malformed"],
    ["a size of 2^56", changeFile(1), "malformed"],
    ["a time of 2^56", changeFile(9), "malformed"],
    ["a change of 2^56", changeFile(17), "malformed"],
    ["version", change(7, 1), "malformed"],
    ["piece count", change(35, 5), "other-torrent"],
    ["info-hash", change(8, 0), "other-torrent"],
  ];
  for (const [what, changed, code] of bad) {
    const error = assertThrows(
      () => decodeResumeData(changed, infoHash, layout),
      ResumeDataError,
    );
    assertEquals(error.code, code, what);
  }
  const { code } = assertThrows(
    () => decodeResumeData(bytes, new Uint8Array(20), layout),
    ResumeDataError,
  );
  assertEquals(code, "other-torrent");
});
