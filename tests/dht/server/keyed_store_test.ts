import { assert, assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { compareNodeDistance } from "../../../dht/node_id.ts";
import { KeyedStore } from "../../../dht/server/keyed_store.ts";

Deno.test("KeyedStore knows the farthest, whatever comes, goes and moves", {
  permissions: "none",
}, () => {
  const random = seededRandom(3);
  let own = random(new Uint8Array(20));
  const store = new KeyedStore<{ readonly key: Uint8Array }>(own);
  assertEquals(store.farthest, undefined);
  assertEquals(store.isCloser(own), false);
  const entries: { readonly key: Uint8Array }[] = [];
  for (let step = 0; step < 500; step++) {
    const kind = randomInt(random, 10);
    if (kind < 6 || entries.length === 0) {
      const entry = { key: random(new Uint8Array(20)) };
      entries.push(entry);
      store.add(entry);
    } else if (kind < 9) {
      const at = kind === 8
        ? entries.indexOf(store.farthest!)
        : randomInt(random, entries.length);
      store.delete(entries.splice(at, 1)[0]!);
    } else {
      own = random(new Uint8Array(20));
      store.setOwnId(own);
    }
    const sorted = entries.toSorted((a, b) =>
      compareNodeDistance(own, b.key, a.key)
    );
    assertEquals(store.farthest, sorted[0]);
    assertEquals(store.size, entries.length);
    const probe = random(new Uint8Array(20));
    assertEquals(
      store.isCloser(probe),
      sorted.length > 0 && compareNodeDistance(own, probe, sorted[0]!.key) < 0,
    );
  }
  assertEquals([...store.values()], entries);
  for (const entry of entries) {
    assert(store.get(entry.key.slice()) === entry);
    const other = entry.key.slice();
    other[19]! ^= 1;
    assertEquals(store.get(other), undefined);
  }
});
