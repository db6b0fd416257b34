import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { SwarmPeerIndex } from "../../../tracker/table/swarm_peer_index.ts";

const permissions = "none";
const SEED = 20_261_122;

/** All records with a hash. */
function recordsOf(index: SwarmPeerIndex, hash: number): number[] {
  const found: number[] = [];
  for (let i = index.next(hash, -1); i >= 0; i = index.next(hash, i)) {
    found.push(index.record(i));
  }
  return found.sort((a, b) => a - b);
}

Deno.test({
  name: `SwarmPeerIndex - does as a map of lists would (seed ${SEED})`,
  permissions,
  fn() {
    const random = seededRandom(SEED);
    const index = new SwarmPeerIndex();
    const model = new Map<number, number>();
    // Few hashes, among them negative ones, so that many records share one.
    const hashes = Array.from(
      { length: 40 },
      (_, i) => i % 3 === 0 ? i : randomInt(random, 2 ** 32) | 0,
    );
    const hash = () => hashes[randomInt(random, hashes.length)]!;
    const someRecord = () => {
      const records = [...model.keys()];
      return records[randomInt(random, records.length)]!;
    };
    for (let step = 0; step < 4000; step++) {
      const record = randomInt(random, 5000);
      const what = randomInt(random, 10);
      if (what < 6 && !model.has(record)) {
        const h = hash();
        index.add(h, record);
        model.set(record, h);
      } else if (what < 8 && model.size > 0) {
        const gone = someRecord();
        index.remove(model.get(gone)!, gone);
        model.delete(gone);
      } else if (what === 8 && model.size > 0 && !model.has(record)) {
        const from = someRecord();
        const h = model.get(from)!;
        index.move(h, from, record);
        model.delete(from);
        model.set(record, h);
      } else if (model.size > 1) {
        const a = someRecord();
        const b = someRecord();
        if (a === b) continue;
        const hashA = model.get(a)!;
        const hashB = model.get(b)!;
        index.swap(hashA, a, hashB, b);
        model.set(a, hashB);
        model.set(b, hashA);
      }
      assertEquals(index.size, model.size);
      if (step % 97 > 0) continue;
      for (const h of hashes) {
        const expected = [...model].filter(([, other]) => other === h);
        assertEquals(
          recordsOf(index, h),
          expected.map(([record]) => record).sort((a, b) => a - b),
          `step ${step} hash ${h}`,
        );
      }
    }
    assert(index.bytes >= 16 * index.size);
    index.clear();
    assertEquals(index.size, 0);
    for (const h of hashes) assertEquals(recordsOf(index, h), []);
  },
});

Deno.test({
  name: "SwarmPeerIndex - what is not there cannot be moved or removed",
  permissions,
  fn() {
    const index = new SwarmPeerIndex();
    index.add(7, 1);
    assertThrows(() => index.remove(7, 2), Error, "Record 2");
    assertThrows(() => index.move(8, 1, 3), Error, "Record 1");
    assertEquals(recordsOf(index, 7), [1]);
  },
});
