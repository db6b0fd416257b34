import { assert, assertEquals, assertFalse } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { SipHash } from "../../../_shared/sip_hash.ts";
import { TokenIssuer } from "../../../dht/server/token.ts";

const none = { permissions: "none" } as const;
const ip = new Uint8Array([192, 0, 2, 1]);
const target = new Uint8Array(20).fill(5);
const MINUTE = 60_000;

Deno.test("SipHash-2-4 gives the values of its paper", none, () => {
  const key = Uint8Array.from({ length: 16 }, (_, i) => i);
  const hash = new SipHash(key);
  const digest = (length: number) => {
    const out = new Uint8Array(8);
    hash.hash(Uint8Array.from({ length }, (_, i) => i), out);
    return toHex(out);
  };
  assertEquals(digest(15), "e545be4961ca29a1");
  assertEquals(digest(0), "310e0edd47db6f72");
  assertEquals(digest(1), "fd67dc93c539f874");
  assertEquals(digest(8), "6224939a79f5f593");
});

Deno.test("a token is good for its address and target only", none, () => {
  const issuer = new TokenIssuer(seededRandom(1), 0);
  const token = issuer.issue(ip, target, 0);
  assert(issuer.verify(token, ip, target, 0));
  const otherIp = new Uint8Array([192, 0, 2, 2]);
  const otherTarget = new Uint8Array(20).fill(6);
  assertFalse(issuer.verify(token, otherIp, target, 0));
  assertFalse(issuer.verify(token, ip, otherTarget, 0));
  for (let i = 0; i < 64; i++) {
    const forged = token.slice();
    forged[i >> 3]! ^= 1 << (i & 7);
    assertFalse(issuer.verify(forged, ip, target, 0));
  }
  for (const length of [0, 7, 9]) {
    assertFalse(issuer.verify(new Uint8Array(length), ip, target, 0));
  }
  const stranger = new TokenIssuer(seededRandom(2), 0);
  assertFalse(stranger.verify(token, ip, target, 0));
});

Deno.test("IPv6 has tokens of its own", none, () => {
  const issuer = new TokenIssuer(seededRandom(1), 0);
  const ip6 = new Uint8Array(16).fill(9);
  const token = issuer.issue(ip6, target, 0);
  assert(issuer.verify(token, ip6, target, 0));
  assertFalse(issuer.verify(token, ip, target, 0));
});

Deno.test("a token lives for 5 to 10 minutes", none, () => {
  const issuer = new TokenIssuer(seededRandom(1), 0);
  const early = issuer.issue(ip, target, 0);
  const late = issuer.issue(ip, target, 5 * MINUTE - 1);
  assertEquals(early, late);
  assert(issuer.verify(early, ip, target, 5 * MINUTE - 1));
  assert(issuer.verify(early, ip, target, 5 * MINUTE));
  assert(issuer.verify(early, ip, target, 10 * MINUTE - 1));
  assertFalse(issuer.verify(early, ip, target, 10 * MINUTE));
});

Deno.test("after a long pause both secrets are new", none, () => {
  const issuer = new TokenIssuer(seededRandom(1), 0);
  const token = issuer.issue(ip, target, 0);
  assertFalse(issuer.verify(token, ip, target, 60 * MINUTE));
  const next = issuer.issue(ip, target, 64 * MINUTE);
  assert(issuer.verify(next, ip, target, 69 * MINUTE));
  assertFalse(issuer.verify(next, ip, target, 70 * MINUTE));
});
