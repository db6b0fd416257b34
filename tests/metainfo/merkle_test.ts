import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  isPieceLayer,
  merkleLeaves,
  merklePadHash,
  merkleParents,
  merklePieceHash,
  merklePieceLayer,
  merkleRoot,
  sha256,
} from "../../metainfo/merkle.ts";
import { concatBytes, toHex } from "../../_shared/bytes.ts";
import { loadVectors, payload } from "./_data.ts";

const pure = { permissions: "none" } as const;
const vectors = loadVectors("bep52-merkle").filter((v) => "length" in v);

/** The same root by the definition: a full array of leaves, all layers. */
function slowRoot(leaves: Uint8Array[], count: number): Uint8Array {
  let layer = Array.from(
    { length: count },
    (_, i) => leaves[i] ?? new Uint8Array(32),
  );
  while (layer.length > 1) {
    const next: Uint8Array[] = [];
    for (let i = 0; i < layer.length; i += 2) {
      next.push(sha256(concatBytes([layer[i]!, layer[i + 1]!])));
    }
    layer = next;
  }
  return layer[0]!;
}

function split(hashes: Uint8Array): Uint8Array[] {
  return Array.from(
    { length: hashes.length / 32 },
    (_, i) => hashes.subarray(i * 32, i * 32 + 32),
  );
}

Deno.test({
  name: `merkle: vectors of BEP 52${vectors.length ? "" : " (no test data)"}`,
  ignore: vectors.length === 0,
  ...pure,
  fn() {
    for (const vector of vectors) {
      const length = vector.length as number;
      const pieceLength = vector.piece_length as number;
      const data = payload(vector.k as number, length);
      const leaves = merkleLeaves(data);
      if (vector.leaf_hashes !== undefined) {
        assertEquals(split(leaves).map(toHex), vector.leaf_hashes);
      }
      const root = merkleRoot(leaves);
      assertEquals(toHex(root), vector.pieces_root, vector.name);
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < length; at += pieceLength) {
        const piece = merkleLeaves(data.subarray(at, at + pieceLength));
        pieces.push(merklePieceHash(piece, pieceLength, length));
      }
      const layer = concatBytes(pieces);
      if (vector.piece_layer === undefined) {
        assertEquals(toHex(layer), vector.pieces_root);
      } else {
        assertEquals(toHex(layer), vector.piece_layer);
        assert(isPieceLayer(layer, root, length, pieceLength));
        assert(!isPieceLayer(layer.subarray(32), root, length, pieceLength));
        const bent = layer.slice();
        bent[5]! ^= 1;
        assert(!isPieceLayer(bent, root, length, pieceLength));
      }
    }
  },
});

Deno.test(
  "merkleRoot: agrees with the full tree for 1 to 70 leaves",
  pure,
  () => {
    for (let count = 1; count <= 70; count++) {
      const leaves = Array.from(
        { length: count },
        (_, i) => sha256(Uint8Array.of(i)),
      );
      const full = 2 ** Math.ceil(Math.log2(count));
      const hashes = concatBytes(leaves);
      const expected = toHex(slowRoot(leaves, full));
      assertEquals(toHex(merkleRoot(hashes)), expected);
      assertEquals(
        toHex(merkleRoot(hashes, { levels: Math.log2(full) + 2 })),
        toHex(slowRoot(leaves, full * 4)),
      );
      let layer: Uint8Array = hashes;
      let level = 0;
      while (layer.length > 32) layer = merkleParents(layer, level++);
      assertEquals(toHex(layer), expected);
    }
  },
);

Deno.test("merklePadHash: is the root of zero leaves", pure, () => {
  assertEquals(merklePadHash(0), new Uint8Array(32));
  assertEquals(merklePadHash(3), slowRoot([], 8) as Uint8Array<ArrayBuffer>);
  merklePadHash(3).fill(1);
  assertEquals(merklePadHash(3), slowRoot([], 8) as Uint8Array<ArrayBuffer>);
  for (const layer of [-1, 0.5, 54, NaN]) {
    assertThrows(() => merklePadHash(layer), RangeError);
  }
});

Deno.test("merkle: refuses runs that are not whole hashes", pure, () => {
  for (const length of [0, 1, 31, 33, 63]) {
    const run = new Uint8Array(length);
    assertThrows(() => merkleRoot(run), RangeError, "multiple of 32");
    assertThrows(() => merkleParents(run, 0), RangeError, "multiple of 32");
  }
  assertThrows(
    () => merkleRoot(new Uint8Array(96), { levels: 1 }),
    RangeError,
    "too low",
  );
  assertThrows(
    () => merkleRoot(new Uint8Array(64), { layer: 53 }),
    RangeError,
    "0 to 53",
  );
  assertEquals(
    merkleRoot(new Uint8Array(32), { layer: 3, levels: 50 }).length,
    32,
  );
});

Deno.test("merklePieceLayer: powers of two from 16 KiB", pure, () => {
  assertEquals([16384, 32768, 2 ** 24].map(merklePieceLayer), [0, 1, 10]);
  for (const bad of [0, -16384, 8192, 16385, 49152, NaN, Infinity]) {
    assertThrows(() => merklePieceLayer(bad), RangeError);
  }
});

Deno.test("isPieceLayer: an empty file has none", pure, () => {
  assert(!isPieceLayer(new Uint8Array(0), new Uint8Array(32), 0, 16384));
});
