import { assert, assertEquals, assertThrows } from "@std/assert";
import { tryParseIp } from "../../../_shared/address.ts";
import {
  encodeText,
  plainBytes,
  toHex,
  tryFromHex,
} from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { encodeBencode } from "../../../bencode/encode.ts";
import {
  immutableItemTarget,
  itemSignatureMessage,
  mutableItemTarget,
} from "../../../dht/item.ts";
import type { ItemStoreOptions } from "../../../dht/node_options.ts";
import { type ItemPut, ItemStore } from "../../../dht/server/item_store.ts";
import { compareNodeDistance, randomNodeId } from "../../../dht/node_id.ts";
import { type Vector, vectorTest } from "../../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;
const HOUR = 3_600_000;
const random = seededRandom(21);
const ownId = randomNodeId(random);
const from = "192.0.2.1";
const publicKey = new Uint8Array(32).fill(1);
const signature = new Uint8Array(64).fill(2);

function makeStore(options: ItemStoreOptions = {}): ItemStore {
  return new ItemStore(ownId, random, options);
}

const value = (n: number | string) => encodeBencode(n);
const mutable = (
  text: string,
  seq: number,
  more: { cas?: number; salt?: Uint8Array; publicKey?: Uint8Array } = {},
): ItemPut => ({
  value: value(text),
  mutable: {
    publicKey,
    signature,
    ...more,
    seq: BigInt(seq),
    cas: more.cas === undefined ? undefined : BigInt(more.cas),
  },
});

/** Puts with a signature that counts as valid. */
function put(store: ItemStore, item: ItemPut, now = 0, hostname = from) {
  const ip = tryParseIp(hostname)!;
  const refusal = store.refusal(item, ip, now);
  if (refusal !== undefined) return refusal.code;
  store.store(item, ip, now);
  return "stored";
}

async function verify(
  publicKey: Uint8Array,
  signature: Uint8Array,
  data: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await crypto.subtle.importKey(
    "raw",
    plainBytes(publicKey),
    "Ed25519",
    false,
    ["verify"],
  );
  return await crypto.subtle.verify(
    "Ed25519",
    key,
    plainBytes(signature),
    data,
  );
}

/** JSON has lost the last digits of 2^63 - 1. */
function seqOf(vector: Vector): bigint {
  const seq = BigInt(vector.seq as number);
  return seq > 2n ** 63n - 1n ? 2n ** 63n - 1n : seq;
}

const hexOf = (vector: Vector, key: string) =>
  tryFromHex(vector[key] as string)!;
const saltOf = (vector: Vector) =>
  vector.salt === undefined ? undefined : hexOf(vector, "salt");

vectorTest("bep46", (vector) => {
  const target = mutableItemTarget(tryFromHex(vector.hex)!, saltOf(vector));
  assertEquals(toHex(target) as unknown, vector.target);
});

vectorTest("bep44", async (vector) => {
  if (vector.v === undefined) return;
  const value = hexOf(vector, "v");
  if (vector.public_key === undefined) {
    assertEquals(toHex(immutableItemTarget(value)) as unknown, vector.target);
    return;
  }
  const publicKey = hexOf(vector, "public_key");
  const signature = hexOf(vector, "signature");
  const salt = saltOf(vector);
  const mutable = { publicKey, signature, seq: seqOf(vector), salt };
  const data = itemSignatureMessage({ ...mutable, value });
  assertEquals(toHex(data), vector.hex);
  const target = mutableItemTarget(publicKey, salt);
  assertEquals(toHex(target) as unknown, vector.target);
  const store = makeStore();
  const isValid = await verify(publicKey, signature, data);
  const code = vector.expected_error as number | undefined ??
    (vector.signature_valid ? undefined : 206);
  const result = isValid ? put(store, { value, mutable }) : 206;
  assertEquals(result, code ?? "stored");
  assertEquals(store.get(target, 0) !== undefined, code === undefined);
});

Deno.test("immutable items live two hours after their last put", none, () => {
  const store = makeStore();
  const item = { value: value("Hello World!") };
  const target = immutableItemTarget(item.value);
  assertEquals(toHex(target), "e5f96f6f38320f0f33959cb4d3d656452117aadb");
  assertEquals(put(store, item), "stored");
  const found = store.get(target, 2 * HOUR - 1)!;
  assertEquals([found.key, found.value], [target, item.value]);
  assertEquals(put(store, item, HOUR), "stored");
  assert(store.get(target, 3 * HOUR - 1) !== undefined);
  assertEquals(store.get(target, 3 * HOUR), undefined);
  store.expire(3 * HOUR);
  assertEquals(store.size, 0);
});

Deno.test("1000 bytes of value and 64 of salt, and no more", none, () => {
  const store = makeStore();
  const text = (length: number) => value("v".repeat(length - 4));
  assertEquals(text(1000).length, 1000);
  assertEquals(put(store, { value: text(1000) }), "stored");
  assertEquals(put(store, { value: text(1001) }), 205);
  const salt = (length: number) => ({ salt: new Uint8Array(length) });
  assertEquals(put(store, mutable("a", 1, salt(64))), "stored");
  assertEquals(put(store, mutable("a", 1, salt(65))), 207);
  assertEquals(store.size, 2);
});

Deno.test("sequence numbers only rise", none, () => {
  const store = makeStore();
  const target = mutableItemTarget(publicKey);
  const text = () => toHex(store.get(target, HOUR)!.value);
  assertEquals(put(store, mutable("a", 5)), "stored");
  assertEquals(put(store, mutable("b", 4)), 302);
  assertEquals(put(store, mutable("b", 5)), 302);
  assertEquals(text(), toHex(value("a")));
  // The same again keeps it for longer.
  assertEquals(put(store, mutable("a", 5), HOUR), "stored");
  assert(store.get(target, 3 * HOUR - 1) !== undefined);
  // The same value with a higher number is a new item.
  assertEquals(put(store, mutable("a", 6), HOUR), "stored");
  assertEquals(put(store, mutable("a", 5), HOUR), 302);
  assertEquals(put(store, mutable("b", 7), HOUR), "stored");
  assertEquals(text(), toHex(value("b")));
  assertEquals(store.size, 1);
});

Deno.test("cas must name the current number, if there is one", none, () => {
  const store = makeStore();
  assertEquals(put(store, mutable("a", 5, { cas: 99 })), "stored");
  assertEquals(put(store, mutable("b", 6, { cas: 4 })), 301);
  assertEquals(put(store, mutable("b", 3, { cas: 4 })), 301);
  assertEquals(put(store, mutable("b", 6, { cas: 5 })), "stored");
  // Of an item that is gone nothing counts.
  assertEquals(put(store, mutable("c", 1, { cas: 5 }), 9 * HOUR), "stored");
});

Deno.test("items of different salts are apart", none, () => {
  const store = makeStore();
  const salt = encodeText("n");
  put(store, mutable("a", 9));
  assertEquals(put(store, mutable("b", 1, { salt })), "stored");
  assertEquals(store.size, 2);
  assertEquals(
    store.get(mutableItemTarget(publicKey, salt), 0)?.mutable?.salt,
    salt,
  );
  // An empty salt is none.
  assertEquals(put(store, mutable("c", 1, { salt: new Uint8Array(0) })), 302);
});

Deno.test(
  "700 items: the farthest makes room for a closer one only",
  none,
  () => {
    const maxItems = 40;
    const store = makeStore({ maxItems });
    const targets: Uint8Array[] = [];
    for (let i = 0; i < 300; i++) {
      const item = { value: value(i) };
      const result = put(store, item, 0, `10.${i >> 8}.${i & 255}.1`);
      assert(result === "stored" || result === 202);
      targets.push(immutableItemTarget(item.value));
      assert(store.size <= maxItems);
    }
    targets.sort((a, b) => compareNodeDistance(ownId, a, b));
    targets.forEach((target, i) =>
      assertEquals(store.get(target, 0) !== undefined, i < maxItems)
    );
    assertEquals(store.size, maxItems);
  },
);

Deno.test("an address has its share of the items", none, () => {
  const store = makeStore();
  for (let i = 0; i < 60; i++) {
    assertEquals(put(store, { value: value(i) }), i < 50 ? "stored" : 202);
  }
  // What is there may be put again, and by others.
  assertEquals(put(store, { value: value(3) }), "stored");
  assertEquals(put(store, { value: value(99) }, 0, "192.0.2.2"), "stored");
  for (let i = 0; i < 60; i++) {
    assertEquals(
      put(store, { value: value(500 + i) }, 0, "127.0.0.1"),
      "stored",
    );
  }
  // What expired counts no more.
  assertEquals(put(store, { value: value(55) }, 2 * HOUR), "stored");
});

Deno.test("subnets have their share of the items, too", none, () => {
  const from = (host: (n: number) => string) => {
    const store = makeStore();
    const results = Array.from(
      { length: 300 },
      (_, n) => put(store, { value: value(n) }, 0, host(n)),
    );
    return results.filter((result) => result === "stored").length;
  };
  const hex = (n: number) => n.toString(16);
  assertEquals(from((n) => `2a00::${hex(n + 1)}`), 50);
  assertEquals(from((n) => `2a00:0:0:${hex(n & 0xff)}::1`), 75);
  assertEquals(from((n) => `2a00:0:0:${hex(n << 8 & 0xffff)}::1`), 100);
  assertEquals(from((n) => `2a00:0:${hex(n)}::1`), 200);
  assertEquals(from((n) => `2a00:${hex(n)}::1`), 300);
  assertEquals(from((n) => `192.0.2.${n & 0xff}`), 100);
  assertEquals(from((n) => `192.0.${n & 0xff}.1`), 200);
});

Deno.test("a random course of events keeps to the rules", none, () => {
  const seed = 31;
  console.log(`seed ${seed}`);
  const rng = seededRandom(seed);
  const store = makeStore({ maxItems: 20, maxItemsPerAddress: 4 });
  const keys = Array.from({ length: 40 }, (_, i) => new Uint8Array(32).fill(i));
  let now = 0;
  for (let step = 0; step < 10_000; step++) {
    now += randomInt(rng, 600_000);
    const publicKey = keys[randomInt(rng, 40)]!;
    const target = mutableItemTarget(publicKey);
    const before = store.get(target, now)?.mutable?.seq;
    const seq = randomInt(rng, 50);
    const cas = randomInt(rng, 4) === 0 ? randomInt(rng, 50) : undefined;
    const text = `${randomInt(rng, 3)}`;
    const item = mutable(text, seq, {
      publicKey,
      ...(cas === undefined ? {} : { cas }),
    });
    const result = put(store, item, now, `10.0.0.${randomInt(rng, 9)}`);
    const after = store.get(target, now)?.mutable?.seq;
    if (result === "stored") assertEquals(after, BigInt(seq));
    else assertEquals(after, before);
    if (before !== undefined) {
      assert(result !== 202);
      assert(after === undefined || after >= before);
      if (cas !== undefined && BigInt(cas) !== before) {
        assertEquals(result, 301);
      }
    }
    if (step % 200 === 0) store.setOwnId(randomNodeId(rng));
    assert(store.size <= 20);
  }
});

Deno.test("options of the item store are checked", none, () => {
  assertThrows(() => makeStore({ maxItems: 0 }), RangeError, "maxItems");
});
