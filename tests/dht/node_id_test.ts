import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { tryParseIp } from "../../_shared/address.ts";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  compareNodeDistance,
  isExemptFromSecureId,
  isSecureNodeId,
  randomNodeId,
  randomNodeIdNear,
  secureNodeId,
  sharedPrefixBits,
} from "../../dht/node_id.ts";
import { vectorTest } from "../support/protocol_vectors.ts";

const none = { permissions: "none" } as const;
const toBig = (id: Uint8Array) => BigInt(`0x${toHex(id)}`);

Deno.test("distance orders as the XOR of the numbers does", none, () => {
  const random = seededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const target = randomNodeId(random);
    const a = randomNodeId(random);
    const b = i % 10 === 0 ? a.slice() : randomNodeIdNear(a, i % 160, random);
    const x = toBig(a) ^ toBig(target);
    const y = toBig(b) ^ toBig(target);
    const expected = x < y ? -1 : (x > y ? 1 : 0);
    assertEquals(Math.sign(compareNodeDistance(target, a, b)), expected);
  }
});

Deno.test("an id near another shares exactly so many bits", none, () => {
  const random = seededRandom(2);
  for (let bits = 0; bits < 160; bits++) {
    const id = randomNodeId(random);
    assertEquals(
      sharedPrefixBits(id, randomNodeIdNear(id, bits, random)),
      bits,
    );
  }
  const id = randomNodeId(random);
  assertEquals(sharedPrefixBits(id, id.slice()), 160);
  assertThrows(() => randomNodeIdNear(id, 160, random), RangeError, "160");
  assertThrows(() => randomNodeIdNear(id, -1, random), RangeError);
});

vectorTest("bep42-node-id", (vector) => {
  const id = tryFromHex(vector.hex)!;
  const ip = tryParseIp(vector.ip as string)!;
  assertEquals(
    isSecureNodeId(id, ip) as unknown,
    vector.valid,
    vector.name,
  );
  if (isExemptFromSecureId(ip)) return;
  for (const bit of [0, 10, 20]) {
    const other = id.slice();
    other[bit >> 3]! ^= 0x80 >> (bit & 7);
    assertFalse(isSecureNodeId(other, ip), `${vector.name} bit ${bit}`);
  }
});

Deno.test("made ids fit their address and hardly any other", none, () => {
  const random = seededRandom(3);
  for (const text of ["8.8.8.8", "2a02:2f0f::1", "::ffff:8.8.8.8"]) {
    const ip = tryParseIp(text)!;
    let fits = 0;
    for (let i = 0; i < 200; i++) {
      const id = secureNodeId(ip, random);
      assert(isSecureNodeId(id, ip));
      if (isSecureNodeId(id, tryParseIp("9.9.9.9")!)) fits++;
    }
    assertEquals(fits, 0);
  }
  const mapped = tryParseIp("::ffff:8.8.8.8")!;
  assert(isSecureNodeId(secureNodeId(mapped, random), tryParseIp("8.8.8.8")!));
});

Deno.test("local addresses are exempt", none, () => {
  const exempt = [
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "169.254.1.1",
    "127.0.0.1",
    "::1",
    "fe80::1",
    "fc00::1",
  ];
  for (const text of exempt) {
    assert(isExemptFromSecureId(tryParseIp(text)!), text);
  }
  for (const text of ["8.8.8.8", "172.32.0.1", "2001:db8::1", "0.0.0.0"]) {
    assertFalse(isExemptFromSecureId(tryParseIp(text)!), text);
  }
});
