import { assert, assertEquals } from "@std/assert";
import {
  collectMerkleRange,
  isMerkleRange,
  isProvedMerkleRange,
  type MerkleRange,
  merkleRangeSize,
} from "../../metainfo/merkle_range.ts";
import {
  merkleLeaves,
  merkleParents,
  merkleRoot,
} from "../../metainfo/merkle.ts";
import {
  concatBytes,
  readUint32,
  toHex,
  tryFromHex,
} from "../../_shared/bytes.ts";
import { loadVectors, payload } from "./_data.ts";

const pure = { permissions: "none" } as const;
const LENGTH = 300_000;
const DATA = payload(0, LENGTH);
const LEAVES = merkleLeaves(DATA);
const ROOT = merkleRoot(LEAVES);

/** Every node of the tree, slowly. */
function fullLookup(layer: number, index: number): Uint8Array | undefined {
  let hashes: Uint8Array = LEAVES;
  for (let i = 0; i < layer; i++) hashes = merkleParents(hashes, i);
  const at = index * 32;
  return at < hashes.length ? hashes.subarray(at, at + 32) : undefined;
}

const vectors = loadVectors("bep52-hash-messages");

Deno.test({
  name: `hash range: vectors of BEP 52${
    vectors.length ? "" : " (no test data)"
  }`,
  ignore: vectors.length === 0,
  ...pure,
  fn() {
    let answers = 0;
    for (const vector of vectors) {
      const bytes = tryFromHex(vector.hex as string)!;
      assertEquals(toHex(bytes.subarray(5, 37)), toHex(ROOT));
      const [baseLayer, index, length, proofLayers] = [37, 41, 45, 49].map(
        (offset) => readUint32(bytes, offset),
      );
      const range = { baseLayer, index, length, proofLayers } as MerkleRange;
      if (vector.expected === "hash reject") {
        assert(!isMerkleRange(range, LENGTH), vector.name);
        assertEquals(collectMerkleRange(range, LENGTH, fullLookup), undefined);
      } else assert(isMerkleRange(range, LENGTH), vector.name);
      if (bytes[4] !== 22) continue;
      const hashes = bytes.subarray(53);
      answers++;
      assertEquals(
        toHex(collectMerkleRange(range, LENGTH, fullLookup)!),
        toHex(hashes),
        vector.name,
      );
      assert(isProvedMerkleRange(hashes, range, ROOT, LENGTH), vector.name);
    }
    assert(answers >= 4);
  },
});

Deno.test("hash range: every valid range is answered and proved", pure, () => {
  let count = 0;
  for (let baseLayer = 0; baseLayer < 5; baseLayer++) {
    for (let length = 2; length <= 2 ** (5 - baseLayer); length *= 2) {
      for (let index = 0; index < 2 ** (5 - baseLayer); index += length) {
        for (let proofLayers = 0; proofLayers <= 5 - baseLayer; proofLayers++) {
          const range = { baseLayer, index, length, proofLayers };
          const label = JSON.stringify(range);
          assert(isMerkleRange(range, LENGTH), label);
          const hashes = collectMerkleRange(range, LENGTH, fullLookup)!;
          assertEquals(hashes.length, 32 * merkleRangeSize(range, LENGTH));
          // The run alone leads to the root, or uncles of all layers do.
          const isWhole = baseLayer + Math.log2(length) === 5;
          const isProved = isWhole || proofLayers >= 4 - baseLayer;
          assertEquals(
            isProvedMerkleRange(hashes, range, ROOT, LENGTH),
            isProved,
            label,
          );
          for (const at of [0, 33, hashes.length - 1]) {
            hashes[at]! ^= 1;
            assert(!isProvedMerkleRange(hashes, range, ROOT, LENGTH), label);
            hashes[at]! ^= 1;
          }
          for (
            const bad of [hashes.subarray(32), concatBytes([hashes, ROOT])]
          ) assert(!isProvedMerkleRange(bad, range, ROOT, LENGTH), label);
          count++;
        }
      }
    }
  }
  assert(count > 100);
});

Deno.test("hash range: nonsense is refused, not indexed", pure, () => {
  const good = { baseLayer: 2, index: 4, length: 4, proofLayers: 2 };
  assert(isMerkleRange(good, LENGTH));
  const bad: Partial<MerkleRange>[] = [
    { length: 0 },
    { length: 1 },
    { length: 3 },
    { length: 8 },
    { length: 1024 },
    { length: -4 },
    { length: 2.5 },
    { length: NaN },
    { index: 2 },
    { index: 8 },
    { index: -4 },
    { index: 4.5 },
    { index: 0xfffffffc },
    { index: 2 ** 60 },
    { baseLayer: 5 },
    { baseLayer: 4, index: 4 },
    { baseLayer: -1 },
    { baseLayer: 0xffffffff },
    { baseLayer: 0.5 },
    { proofLayers: 4 },
    { proofLayers: -1 },
    { proofLayers: 0xffffffff },
    { proofLayers: NaN },
  ];
  for (const change of bad) {
    const range = { ...good, ...change };
    const label = JSON.stringify(change);
    assert(!isMerkleRange(range, LENGTH), label);
    assertEquals(
      collectMerkleRange(range, LENGTH, fullLookup),
      undefined,
      label,
    );
    assert(
      !isProvedMerkleRange(new Uint8Array(192), range, ROOT, LENGTH),
      label,
    );
  }
  for (const length of [0, 1, 16384]) assert(!isMerkleRange(good, length));
  const big = { baseLayer: 0, index: 0, length: 512, proofLayers: 0 };
  assert(isMerkleRange(big, 2 ** 40));
  assert(!isMerkleRange({ ...big, length: 1024 }, 2 ** 40));
});
