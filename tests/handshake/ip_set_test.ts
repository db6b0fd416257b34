import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatIp } from "../../_shared/address.ts";
import { writeUint32 } from "../../_shared/bytes.ts";
import { randomBytes, randomInt, seededRandom } from "../../_shared/random.ts";
import { IpSet } from "../../handshake/mod.ts";

const none = { permissions: "none" } as const;

Deno.test("prefixes, ranges and addresses end where they should", none, () => {
  const set = new IpSet([
    "10.0.0.0/8",
    "192.0.2.128/25",
    "198.51.100.7",
    "203.0.113.5-203.0.113.9",
    "2001:db8::/33",
    "fe80::1 - fe80::3",
    "::ffff:172.16.0.0-::ffff:172.16.0.255",
  ]);
  const inside = [
    "10.0.0.0",
    "10.255.255.255",
    "192.0.2.128",
    "192.0.2.255",
    "198.51.100.7",
    "203.0.113.5",
    "203.0.113.9",
    "2001:db8::",
    "2001:db8:7fff:ffff::",
    "fe80::2",
    "fe80::2%eth0",
    "::ffff:10.1.2.3",
    "172.16.0.9",
  ];
  const outside = [
    "9.255.255.255",
    "11.0.0.0",
    "192.0.2.127",
    "192.0.3.0",
    "198.51.100.6",
    "198.51.100.8",
    "203.0.113.4",
    "203.0.113.10",
    "2001:db8:8000::",
    "2001:db7:ffff::",
    "fe80::4",
    "::",
    "example.org",
    "",
  ];
  for (const ip of inside) assert(set.has(ip), ip);
  for (const ip of outside) assert(!set.has(ip), ip);
});

Deno.test("the whole internet and a single host are ranges", none, () => {
  assert(new IpSet(["0.0.0.0/0"]).has("255.255.255.255"));
  assert(!new IpSet(["0.0.0.0/0"]).has("::1"));
  assert(new IpSet(["::/0"]).has("ffff::"));
  const one = new IpSet(["1.2.3.4/32"]);
  assert(one.has("1.2.3.4") && !one.has("1.2.3.5"));
  assert(!new IpSet([]).has("1.2.3.4"));
});

Deno.test("overlapping ranges are joined", none, () => {
  assertEquals(new IpSet(["10.0.0.0/8", "10.1.0.0/16", "10.0.0.1"]).size, 1);
  assertEquals(
    new IpSet(["10.0.0.0/9", "10.128.0.0/10", "10.1.1.1-11.0.0.0"]).size,
    1,
  );
});

Deno.test("the set agrees with a search of the list", none, () => {
  const seed = 11;
  const random = seededRandom(seed);
  const text = (value: number) => {
    const bytes = new Uint8Array(4);
    writeUint32(bytes, 0, value);
    return formatIp(bytes);
  };
  for (let round = 0; round < 30; round++) {
    const ranges = Array.from({ length: randomInt(random, 40) }, () => {
      const first = randomInt(random, 5000);
      return [first, first + randomInt(random, 100)] as const;
    });
    const set = new IpSet(ranges.map(([a, b]) => `${text(a)}-${text(b)}`));
    for (let value = 0; value < 5200; value += 7) {
      const expected = ranges.some(([a, b]) => a <= value && value <= b);
      assertEquals(set.has(text(value)), expected, `seed ${seed} ${value}`);
    }
  }
  for (let i = 0; i < 200; i++) {
    const ip = formatIp(randomBytes(random, 16));
    assert(new IpSet([ip]).has(ip), ip);
  }
});

Deno.test("nonsense is a TypeError", none, () => {
  const bad = [
    "",
    "x",
    "1.2.3",
    "1.2.3.4/33",
    "::/129",
    "1.2.3.4/",
    "1.2.3.4/-1",
    "5.0.0.0-4.0.0.0",
    "1.2.3.4-::1",
    "1.2.3.4-",
    "256.0.0.1",
    "1.2.3.4/1.5",
  ];
  for (const range of bad) {
    assertThrows(() => new IpSet([range]), TypeError, "Cannot parse", range);
  }
});
