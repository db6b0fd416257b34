import { assert } from "@std/assert";
import { writeUint32 } from "../../../_shared/bytes.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { SwarmHash } from "../../../tracker/table/swarm_index.ts";

const COUNT = 1 << 15;

/** Steps that linear probing takes to place keys in a table twice as large. */
function probes(keys: Uint8Array): number {
  const hash = new SwarmHash(0x12345);
  const mask = 2 * COUNT - 1;
  const taken = new Uint8Array(mask + 1);
  let steps = 0;
  for (let i = 0; i < COUNT; i++) {
    let at = hash.of(keys, 20 * i) & mask;
    for (; taken[at] === 1; at = (at + 1) & mask) {
      // Enough to fail, and the test ends.
      if (++steps > 100 * COUNT) return steps;
    }
    taken[at] = 1;
  }
  return steps;
}

Deno.test("SwarmHash: chosen info-hashes collide no more than random ones", {
  permissions: "none",
}, () => {
  const shifts = [15, 13, 16, 15];
  // What differs in the top bits of a word is undone by the next word, as far
  // as a hash of multiplications and shifts goes.
  const chosen = new Uint8Array(20 * COUNT);
  const counted = new Uint8Array(20 * COUNT);
  for (let i = 0; i < COUNT; i++) {
    const words = [0x12345678, 0x9abcdef0, 0x0f1e2d3c, 0x55667788, i >>> 12];
    for (let k = 0; k < 4; k++) {
      const bits = ((i >>> (3 * k)) & 7) << 29;
      words[k]! ^= bits;
      words[k + 1]! ^= bits ^ (bits >>> shifts[k]!);
    }
    for (const [k, word] of words.entries()) {
      writeUint32(chosen, 20 * i + 4 * k, word >>> 0);
    }
    writeUint32(counted, 20 * i + 8, i);
  }
  const usual = probes(seededRandom(6)(new Uint8Array(20 * COUNT)));
  for (const keys of [chosen, counted]) {
    const steps = probes(keys);
    assert(steps < 2 * usual, `${steps} steps against ${usual}`);
  }
});
