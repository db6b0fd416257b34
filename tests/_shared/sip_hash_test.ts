import { assert, assertEquals, assertThrows } from "@std/assert";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import { ConnectionIds } from "../../utracker/connection_ids.ts";
import { RotatingHash, SipHash } from "../../_shared/sip_hash.ts";

const permissions = "none";

Deno.test({
  name: "SipHash-2-4 gives the values of its authors",
  permissions,
  fn() {
    const hash = new SipHash(Uint8Array.from({ length: 16 }, (_, i) => i));
    const hex = () =>
      [hash.high, hash.low].map((half) =>
        (half >>> 0).toString(16).padStart(8, "0")
      ).join("");
    hash.start();
    hash.finish(0);
    assertEquals(hex(), "726fdb47dd0e0e31");
    hash.start();
    hash.block(0x03020100, 0x07060504);
    hash.finish(15, 0x0b0a0908, 0x0e0d0c);
    assertEquals(hex(), "a129ca6149be45e5");
    assertThrows(() => new SipHash(new Uint8Array(15)), RangeError);
  },
});

Deno.test({
  name: "connection ids are bound to address, time and key",
  permissions,
  fn() {
    const random = seededRandom(1);
    const ids = new ConnectionIds(randomBytes(random, 16));
    const ip = { ip0: 0x7f000001, ip1: 0, ip2: 0, ip3: 0 };
    const ip6 = { ip0: 0x20010db8, ip1: 1, ip2: 2, ip3: 3 };
    const bytes = new Uint8Array(10);
    for (const start of [0, 1000, 65_500, 65_536, 4_000_000_000]) {
      for (const who of [ip, ip6]) {
        ids.write(bytes, 1, who, start);
        for (const age of [0, 1, 60, 119, 120]) {
          assertEquals(ids.check(bytes, 1, who, start + age), true, `${age}`);
        }
        for (const age of [121, 1000, 65_535, 65_536 + 5]) {
          assertEquals(ids.check(bytes, 1, who, start + age), false, `${age}`);
        }
        assertEquals(ids.check(bytes, 1, { ...who, ip0: 1 }, start), false);
        assertEquals(ids.check(bytes, 1, { ...who, ip3: 9 }, start), false);
        const other = new ConnectionIds(randomBytes(random, 16));
        assertEquals(other.check(bytes, 1, who, start), false);
        for (let bit = 0; bit < 64; bit++) {
          const forged = bytes.slice();
          forged[1 + (bit >> 3)]! ^= 1 << (bit & 7);
          assertEquals(ids.check(forged, 1, who, start + 60), false, `${bit}`);
        }
      }
    }
  },
});

Deno.test(
  "a key is the newest one, then the one before, then gone",
  { permissions },
  () => {
    const hash = new RotatingHash(seededRandom(1), 1000, 500);
    const first = hash.current;
    hash.rotate(1499);
    assert(hash.current === first);
    hash.rotate(1500);
    assert(hash.previous === first && hash.current !== first);
    hash.rotate(2499);
    assert(hash.previous === first);
    hash.rotate(2500);
    assert(hash.previous !== first);
  },
);

Deno.test(
  "after a long pause both keys are new, and turn in step",
  { permissions },
  () => {
    const hash = new RotatingHash(seededRandom(1), 1000, 0);
    const { current, previous } = hash;
    hash.rotate(5700);
    const next = hash.current;
    for (const old of [current, previous]) {
      assertEquals([next, hash.previous].includes(old), false);
    }
    hash.rotate(5999);
    assert(hash.current === next);
    hash.rotate(6000);
    assert(hash.previous === next);
  },
);
