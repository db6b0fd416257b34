import { assert, assertEquals } from "@std/assert";
import { MAX_CANDIDATES, PeerList } from "../../client/peer_list.ts";
import type { CandidateSource } from "../../_shared/address.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const infoHash = new Uint8Array(20);
function list(capacity?: number): PeerList {
  const random = seededRandom(1);
  return new PeerList({
    randomInt: (below) => randomInt(random, below),
    ...(capacity === undefined ? {} : { capacity }),
  });
}
const candidate = (
  hostname: string,
  port = 6881,
  source: CandidateSource = "tracker",
) => ({ infoHash, address: { hostname, port }, source });

Deno.test("PeerList refuses impossible addresses", {
  permissions: "none",
}, () => {
  const peers = list();
  assertEquals(peers.add(candidate("8.8.8.8", 0)), false);
  assertEquals(peers.add(candidate("8.8.8.8", 65536)), false);
  assertEquals(peers.add(candidate("224.0.0.1")), false);
  assertEquals(peers.add(candidate("0.0.0.0")), false);
  assertEquals(peers.add(candidate("255.255.255.255")), false);
  assertEquals(peers.add(candidate("example.org")), false);
  assertEquals(peers.add(candidate("example.org", 1, "manual")), true);
  assertEquals(peers.add(candidate("127.0.0.1")), true);
});

Deno.test("PeerList knows an address in all its forms", {
  permissions: "none",
}, () => {
  const peers = list();
  assertEquals(peers.add(candidate("2001:db8:0:0::1")), true);
  assertEquals(peers.add(candidate("2001:DB8::1")), false);
  assertEquals(peers.add(candidate("1.2.3.4")), true);
  assertEquals(peers.add(candidate("::ffff:1.2.3.4")), false);
});

Deno.test("PeerList takes by source, and each candidate once", {
  permissions: "none",
}, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1", 1, "pex"));
  peers.add(candidate("1.0.0.2", 1, "dht"));
  peers.add(candidate("1.0.0.3", 1, "manual"));
  peers.add(candidate("1.0.0.4", 1, "tracker"));
  const taken = peers.take(10, 0);
  assertEquals(taken.map((c) => c.source), ["manual", "tracker", "dht", "pex"]);
  assertEquals(peers.take(10, 0), []);
});

Deno.test("PeerList backs off after failures and gives up in the end", {
  permissions: "none",
}, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1"));
  let now = 0;
  let attempts = 0;
  while (peers.nextAttempt() !== undefined) {
    now = Math.max(now, peers.nextAttempt()!);
    const [next] = peers.take(1, now);
    attempts++;
    peers.released(next!.address, now, true);
    assert(attempts < 20);
  }
  assertEquals(attempts, 5);
  assert(now > 60_000, "waits grow");
  peers.resetBackoff();
  assertEquals(peers.take(1, now).length, 1);
});

Deno.test("PeerList keeps banned hosts out", { permissions: "none" }, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1", 1));
  peers.ban("1.0.0.1");
  assertEquals(peers.take(5, 0), []);
  assertEquals(peers.add(candidate("1.0.0.1", 2)), false);
  assert(peers.isBanned("::ffff:1.0.0.1"));
});

Deno.test("PeerList is bounded, per source and per subnet", {
  permissions: "none",
}, () => {
  const peers = list();
  let sameNet = 0;
  for (let i = 0; i < 200; i++) {
    if (peers.add(candidate(`9.9.9.${i}`, 1000 + i, "pex"))) sameNet++;
  }
  assertEquals(sameNet, 32);
  for (let i = 0; i < 10_000; i++) {
    peers.add(candidate(`${1 + (i & 127)}.${i >> 7}.1.1`, 1, "pex"));
  }
  assertEquals(peers.size, MAX_CANDIDATES / 2);
  for (let i = 0; i < 10_000; i++) {
    peers.add(candidate(`${1 + (i & 127)}.${i >> 7}.2.2`, 1, "tracker"));
  }
  assertEquals(peers.size, MAX_CANDIDATES);
  assert(peers.add(candidate("7.7.7.7", 7, "manual")), "a person's peer fits");
  assertEquals(peers.size, MAX_CANDIDATES);
});

Deno.test("PeerList skips seeds when asked to", { permissions: "none" }, () => {
  const peers = list();
  const { address } = candidate("1.0.0.1");
  peers.add(candidate("1.0.0.1"));
  peers.setSeed(address, true);
  assertEquals(peers.take(1, 0, true), []);
  assertEquals(peers.take(1, 0, false).length, 1);
});

Deno.test("PeerList tries again whom somebody tells of again", {
  permissions: "none",
}, () => {
  let now = 0;
  const fail = (peers: PeerList, count: number): number => {
    for (let i = 0; i < count; i++) {
      now += 3_600_000;
      const [taken] = peers.take(1, now);
      if (taken === undefined) return i;
      peers.released(taken.address, now, true);
    }
    return count;
  };
  const told = list();
  told.add(candidate("1.0.0.1", 1, "tracker"));
  assertEquals(fail(told, 10), 5);
  told.add(candidate("1.0.0.1", 1, "pex"));
  assertEquals(fail(told, 10), 0, "anybody can tell of anybody");
  told.add(candidate("1.0.0.1", 1, "tracker"));
  assertEquals(fail(told, 10), 1);
  // Whom a person names is never given up, but not asked all the time.
  const named = list();
  named.add(candidate("1.0.0.1", 1, "manual"));
  assertEquals(fail(named, 100), 100);
  now += 3_600_000;
  const [taken] = named.take(1, now);
  named.released(taken!.address, now, true);
  assertEquals(named.take(1, now + 599_000), []);
  assertEquals(named.nextAttempt()! <= now + 601_000, true);
  named.add(candidate("1.0.0.1", 1, "manual"));
  assertEquals(named.take(1, now).length, 1);
});

Deno.test(
  "PeerList knows the best source of a candidate, and drops open ones",
  {
    permissions: "none",
  },
  () => {
    const peers = list();
    const at = (hostname: string) => ({ hostname, port: 1 });
    for (const source of ["dht", "lpd", "pex"] as const) {
      peers.add(candidate("1.0.0.1", 1, source));
      peers.add(candidate(`1.0.1.${source.length}`, 1, source));
    }
    assertEquals(peers.sourceOf(at("1.0.0.1")), "lpd");
    peers.add(candidate("1.0.0.1", 1, "tracker"));
    peers.add(candidate("1.0.0.1", 1, "dht"));
    assertEquals(peers.sourceOf(at("1.0.0.1")), "tracker");
    peers.add(candidate("1.0.0.9", 1, "manual"));
    peers.removeOpenSources();
    assertEquals(peers.size, 2);
    assertEquals(peers.take(9, 0).map((c) => c.address.hostname), [
      "1.0.0.9",
      "1.0.0.1",
    ]);
  },
);
