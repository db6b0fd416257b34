import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import {
  reduceTree,
  sha256Bytes,
  sha256Pair,
  treeHeight,
  zeroSubtreeRoot,
} from "../../metainfo/sha256.ts";
import { merkleRoot } from "../../metainfo/merkle.ts";
import { toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";

const SEED = 52;

function sha256(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

Deno.test({
  name: "sha256Pair() hashes 64 bytes as SHA-256 does",
  permissions: "none",
  fn() {
    const random = seededRandom(SEED);
    for (let i = 0; i < 500; i++) {
      const source = random(new Uint8Array(70));
      const target = new Uint8Array(40);
      sha256Pair(source, 3, target, 5);
      assertEquals(
        toHex(target.subarray(5, 37)),
        toHex(sha256(source.subarray(3, 67))),
        `seed ${SEED}, input ${i}`,
      );
      assertEquals([target[4], target[37]], [0, 0]);
    }
  },
});

Deno.test({
  name: "sha256Bytes() agrees with the native one up to 200 bytes, and far on",
  permissions: "none",
  fn() {
    const random = seededRandom(SEED);
    for (const length of [...Array(201).keys(), 16_384, 100_001]) {
      const bytes = random(new Uint8Array(length + 3)).subarray(3);
      assertEquals(
        toHex(sha256Bytes(bytes)),
        toHex(sha256(bytes)),
        `seed ${SEED}, ${length} bytes`,
      );
    }
  },
});

Deno.test({
  name: "sha256Pair() may write over its source",
  permissions: "none",
  fn() {
    const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
    const expected = sha256(bytes);
    sha256Pair(bytes, 0, bytes, 0);
    assertEquals(bytes.slice(0, 32), expected);
  },
});

Deno.test({
  name: "zeroSubtreeRoot() gives the padding hashes of BEP 52",
  permissions: "none",
  fn() {
    let expected: Uint8Array = new Uint8Array(32);
    for (let height = 0; height < 20; height++) {
      assertEquals(zeroSubtreeRoot(height), expected);
      const pair = new Uint8Array(64);
      pair.set(expected);
      pair.set(expected, 32);
      expected = sha256(pair);
    }
  },
});

Deno.test({
  name: "reduceTree() agrees with the plain merkle code",
  permissions: "none",
  fn() {
    const random = seededRandom(SEED);
    for (let count = 1; count <= 40; count++) {
      for (const layer of [0, 3]) {
        const nodes = random(new Uint8Array(32 * count));
        const levels = treeHeight(count) + count % 3;
        const room = new Uint8Array(32 * (count + 1));
        room.set(nodes);
        assertEquals(
          reduceTree(room, count, layer, layer + levels),
          merkleRoot(nodes, { layer, levels }),
          `seed ${SEED}, ${count} nodes on layer ${layer}`,
        );
      }
    }
  },
});

Deno.test({
  name: "treeHeight() is the rounded-up logarithm",
  permissions: "none",
  fn() {
    assertEquals(
      [1, 2, 3, 4, 5, 8, 9, 2 ** 20, 2 ** 20 + 1].map(treeHeight),
      [0, 1, 2, 2, 3, 3, 4, 20, 21],
    );
  },
});
