import { assert, assertEquals, assertThrows } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  encodeLpdAnnounce,
  hashServiceName,
  type LpdAnnounce,
  LpdMachine,
  type LpdMachineOptions,
  tryDecodeLpdAnnounce,
} from "../../lpd/mod.ts";

const none = { permissions: "none" } as const;
const a = hashServiceName("a");
const b = hashServiceName("b");
const near = { hostname: "192.168.1.9", port: 6771 };
const MINUTE = 60_000;

class Bench {
  readonly machine: LpdMachine;
  now = 0;
  sent: [at: number, family: number, announce: LpdAnnounce][] = [];
  peers: PeerCandidate[] = [];

  constructor(options: Partial<LpdMachineOptions> = {}) {
    const random = seededRandom(1);
    this.machine = new LpdMachine({ random, startedAt: 0, ...options });
  }

  drain(): void {
    for (let out = this.machine.poll(); out; out = this.machine.poll()) {
      if (out.type === "peer") this.peers.push(out.candidate);
      else {
        const announce = tryDecodeLpdAnnounce(out.data);
        assert(announce !== undefined && out.data.length <= 1400);
        this.sent.push([this.now, out.family, announce]);
      }
    }
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (let i = 0; i < 100_000; i++) {
      const at = this.machine.deadline;
      if (at === undefined || at > end) break;
      this.now = Math.max(this.now, at);
      this.machine.handleTimeout(this.now);
      this.drain();
    }
    this.now = end;
  }

  announce(infoHash: Uint8Array, port = 6881): void {
    this.machine.handle({ type: "announce", infoHash, port }, this.now);
  }

  remove(infoHash: Uint8Array): void {
    this.machine.handle({ type: "remove", infoHash }, this.now);
  }

  hear(
    infoHashes: Uint8Array[],
    hostname = near.hostname,
    port = 7000,
    cookie = "other",
  ): void {
    const data = encodeLpdAnnounce({ port, infoHashes, cookie });
    const from = { hostname, port: 6771 };
    this.machine.handle({ type: "datagram", data, from }, this.now);
    this.drain();
  }

  /** When a family-4 datagram with this hash was sent. */
  times(infoHash: Uint8Array): number[] {
    const key = toHex(infoHash);
    return this.sent.filter(([, family, { infoHashes }]) =>
      family === 4 && infoHashes.map(toHex).includes(key)
    ).map(([at]) => at);
  }
}

Deno.test(
  "an announce goes out three times, then every five minutes",
  none,
  () => {
    const bench = new Bench();
    assertEquals(bench.machine.deadline, undefined);
    bench.announce(a);
    bench.advance(6 * MINUTE);
    const times = bench.times(a);
    assertEquals(times.slice(0, 3), [100, 2100, 4100]);
    assertEquals(times.length, 6);
    assert(times[3]! >= 100 + 5 * MINUTE && times[3]! < 100 + 5.5 * MINUTE);
    assertEquals(bench.sent.filter(([, family]) => family === 6).length, 6);
    const [, , { host, port, cookie }] = bench.sent[1]!;
    assertEquals([host, port], ["[ff15::efc0:988f]:6771", 6881]);
    assertEquals(cookie, bench.machine.cookie);
  },
);

Deno.test(
  "thousands of hashes share datagrams, spread over minutes",
  none,
  () => {
    for (const count of [250, 5000]) {
      const bench = new Bench();
      const hashes = Array.from(
        { length: count },
        (_, i) => hashServiceName(`${i}`),
      );
      for (const hash of hashes) bench.announce(hash);
      bench.advance(30 * MINUTE);
      const times = bench.sent.filter(([, family]) => family === 4)
        .map(([at]) => at);
      for (let i = 0; i < 30; i++) {
        const sent = times.filter((at) => Math.floor(at / MINUTE) === i).length;
        // At first five rounds may follow each other.
        assert(sent <= (i < 4 ? 60 : 40), `${sent} in minute ${i}`);
      }
      const byHash = new Map<string, number[]>();
      for (const [at, family, { infoHashes }] of bench.sent) {
        if (family !== 4) continue;
        for (const key of infoHashes.map(toHex)) {
          const ofHash = byHash.get(key) ?? [];
          byHash.set(key, ofHash);
          // Small rounds are repeated, as datagrams get lost.
          if (at - (ofHash.at(-1) ?? -Infinity) > 5000) ofHash.push(at);
        }
      }
      assertEquals(byHash.size, count);
      for (const starts of byHash.values()) {
        assert(starts[0]! <= 5 * MINUTE, `first after ${starts[0]} ms`);
        for (let i = 1; i < starts.length; i++) {
          const apart = (starts[i]! - starts[i - 1]!) / MINUTE;
          assert(apart >= 5 && apart <= 8, `${apart} minutes apart`);
        }
        assert(starts.length >= 4, `${starts}`);
      }
    }
  },
);

Deno.test(
  "hashes added later wait for the rate, and are not forgotten",
  none,
  () => {
    const bench = new Bench();
    for (const first of [a, ...["1", "2", "3", "4"].map(hashServiceName)]) {
      bench.announce(first);
      bench.advance(1000);
      assert(bench.times(first).length > 0);
    }
    bench.announce(b);
    bench.advance(2 * MINUTE);
    assertEquals(bench.times(a)[0], 100);
    assertEquals(Math.round(bench.times(b)[0]!), 100 + MINUTE);
  },
);

Deno.test("nothing is sent about a removed hash", none, () => {
  const bench = new Bench();
  bench.announce(a);
  bench.announce(b);
  bench.advance(1000);
  bench.remove(a);
  bench.advance(20 * MINUTE);
  assertEquals(bench.times(a), [100]);
  assert(bench.times(b).length >= 9);
  bench.remove(b);
  const before = bench.sent.length;
  bench.advance(20 * MINUTE);
  assertEquals(bench.sent.length, before);
  assertEquals(bench.machine.deadline, undefined);
  assertEquals(bench.machine.size, 0);
  // Removed before the first datagram: not one byte.
  const never = new Bench();
  never.announce(a);
  never.remove(a);
  never.advance(20 * MINUTE);
  assertEquals(never.sent, []);
});

Deno.test("a port can change, and each port has its datagrams", none, () => {
  const bench = new Bench();
  bench.announce(a, 1);
  bench.announce(b, 2);
  bench.advance(200);
  assertEquals(
    bench.sent.map(([, , { port }]) => port),
    [1, 1, 2, 2],
  );
  bench.announce(a, 3);
  bench.announce(a, 3);
  bench.advance(200);
  const last = bench.sent.at(-1)![2];
  assertEquals([last.port, last.infoHashes], [3, [a]]);
  assertEquals(bench.sent.length, 6);
});

Deno.test("what is watched is heard of but not announced", none, () => {
  const bench = new Bench();
  bench.machine.handle({ type: "watch", infoHash: a }, 0);
  bench.hear([a]);
  bench.advance(20 * MINUTE);
  assertEquals(bench.sent, []);
  assertEquals(bench.peers.length, 1);
});

Deno.test(
  "the sender's address is the peer, with the announced port",
  none,
  () => {
    const bench = new Bench();
    bench.announce(a);
    bench.hear([b, a]);
    assertEquals(bench.peers, [{
      infoHash: a,
      address: { hostname: near.hostname, port: 7000 },
      source: "lpd",
      teller: near.hostname,
    }]);
    const all = new Bench({ anyInfoHash: true });
    all.hear([b, a]);
    assertEquals(all.peers.map((peer) => peer.infoHash), [b, a]);
  },
);

Deno.test("the same peer is reported once a minute", none, () => {
  const bench = new Bench();
  bench.announce(a);
  for (let i = 0; i < 3; i++) bench.hear([a]);
  assertEquals(bench.peers.length, 1);
  bench.hear([a], near.hostname, 7001);
  assertEquals(bench.peers.length, 2);
  bench.advance(MINUTE);
  bench.hear([a]);
  assertEquals(bench.peers.length, 3);
  bench.remove(a);
  bench.announce(a);
  bench.hear([a]);
  assertEquals(bench.peers.length, 4);
});

Deno.test("own, foreign and malformed announces are dropped", none, () => {
  const bench = new Bench();
  bench.announce(a);
  bench.hear([a], near.hostname, 7000, bench.machine.cookie);
  bench.hear([a], "8.8.8.8");
  const data = new Uint8Array(10);
  bench.machine.handle({ type: "datagram", data, from: near }, 0);
  bench.drain();
  assertEquals(bench.peers, []);
  const drops = { malformed: 1, own: 1, foreign: 1, copies: 0, flood: 0 };
  assertEquals(bench.machine.drops, drops);
  bench.machine.handle({
    type: "networks",
    networks: [
      { name: "e", family: 4, address: "8.8.8.1", prefixLength: 24 },
    ],
  }, 0);
  bench.hear([a], "8.8.8.8");
  bench.hear([a]);
  assertEquals(bench.peers.map((peer) => peer.address.hostname), ["8.8.8.8"]);
  // Without its zone a link-local IPv6 address is of no use.
  bench.hear([a], "fe80::1");
  assertEquals(bench.peers.length, 1);
});

Deno.test("a flood uses up its own share only", none, () => {
  const bench = new Bench({ anyInfoHash: true });
  for (let i = 0; i < 1000; i++) bench.hear([hashServiceName(`${i}`)]);
  assertEquals(bench.peers.length, 15);
  bench.hear([a], "192.168.1.10");
  assertEquals(bench.peers.length, 16);
  bench.advance(1000);
  for (let i = 0; i < 1000; i++) bench.hear([hashServiceName(`x${i}`)]);
  assertEquals(bench.peers.length, 19);
  // From many addresses at once: 500 a second after the burst.
  const flood = (bench: Bench, infoHash: Uint8Array) => {
    for (let i = 0; i < 4000; i++) {
      bench.hear([infoHash], `192.168.${i >> 8}.${i & 255}`);
    }
  };
  flood(bench, b);
  const burst = bench.peers.length;
  assert(burst <= 2500 + 19, `${burst}`);
  bench.advance(1000);
  flood(bench, hashServiceName("c"));
  assertEquals(bench.peers.length, burst + 500);
});

Deno.test("a flood of others' hashes keeps nobody of ours away", none, () => {
  const bench = new Bench();
  bench.announce(a);
  for (let i = 0; i < 4000; i++) {
    bench.hear([b], `192.168.${i >> 8}.${i & 255}`);
  }
  bench.hear([a], "192.168.1.10");
  assertEquals(bench.peers.map(({ infoHash }) => infoHash), [a]);
});

Deno.test("mistakes of the caller are a RangeError", none, () => {
  const bench = new Bench();
  assertThrows(() => bench.announce(new Uint8Array(32)), RangeError);
  assertThrows(() => bench.announce(a, 0), RangeError);
  assertThrows(() => bench.announce(a, 65536), RangeError);
  assertThrows(() => new Bench({ intervalMs: 0 }), RangeError);
  assertThrows(() => new Bench({ intervalMs: NaN }), RangeError);
  assertEquals(bench.machine.size, 0);
});

Deno.test("what every interface hears counts once", none, () => {
  const bench = new Bench({ anyInfoHash: true });
  for (let i = 0; i < 12; i++) {
    for (let k = 0; k < 20; k++) bench.hear([hashServiceName(`${i}`)]);
  }
  assertEquals(bench.peers.length, 12);
  assertEquals(bench.machine.drops.copies, 12 * 19);
  assertEquals(bench.machine.drops.flood, 0);
  // A repetition is none, nor is the same from another sender.
  bench.advance(2000);
  bench.hear([hashServiceName("0")]);
  bench.hear([hashServiceName("0")], "192.168.1.77");
  assertEquals(bench.machine.drops.copies, 12 * 19);
  assertEquals(bench.peers.length, 13);
});
