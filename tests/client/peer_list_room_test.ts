// When a candidate is tried again, and which make room for others.
import { assertEquals } from "@std/assert";
import { PeerList } from "../../client/peer_list.ts";
import type { CandidateSource, PeerCandidate } from "../../_shared/address.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const none = { permissions: "none" } as const;
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
  teller?: string,
): PeerCandidate => ({ infoHash, address: { hostname, port }, source, teller });
/** Takes as many as may be tried now. */
function takeAll(peers: PeerList, now = 0, skipSeeds = false) {
  const taken = [];
  for (let next; (next = peers.next(now, { skipSeeds })) !== undefined;) {
    taken.push(next);
  }
  return taken;
}

Deno.test(
  "PeerList waits as long as an end of a connection asks for",
  none,
  () => {
    const peers = new PeerList({ randomInt: () => 7 });
    peers.add(candidate("1.0.0.1"));
    const { address } = candidate("1.0.0.1");
    let now = 0;
    for (
      const [outcome, waitMs, failures] of [
        ["failed", 5_007, 1],
        ["useless", 10_007, 2],
        ["local", 15_000, 2],
        ["stopped", 1_000, 2],
        ["failed", 20_007, 3],
        ["ended", 15_000, 0],
        ["failed", 5_007, 1],
      ] as const
    ) {
      assertEquals(peers.next(now)?.address, address);
      peers.connected(address);
      peers.released(address, now, outcome);
      assertEquals(peers.good(1).length, Number(failures === 0), outcome);
      // The host's own wait is not longer.
      assertEquals(peers.next(now + waitMs - 1), undefined, outcome);
      assertEquals(peers.quietUntil, now + waitMs, outcome);
      now += waitMs;
    }
  },
);

Deno.test(
  "PeerList: a host that was banned while it was connected stays out",
  none,
  () => {
    const peers = list();
    peers.add(candidate("1.0.0.1"));
    const { address } = peers.next(0)!;
    peers.ban("1.0.0.1");
    peers.connected(address);
    peers.released(address, 0, "ended");
    assertEquals(peers.next(1e9), undefined);
    assertEquals([peers.good(9), peers.quietUntil], [[], Infinity]);
  },
);

Deno.test(
  "PeerList.good() keeps what did not fail, the connected first",
  none,
  () => {
    const peers = list();
    for (const n of [1, 2, 3, 4, 5]) peers.add(candidate(`1.0.${n}.1`));
    const at = (n: number) => ({ hostname: `1.0.${n}.1`, port: 6881 });
    takeAll(peers);
    peers.released(at(1), 0, "failed");
    peers.released(at(2), 0, "ended");
    peers.connected(at(3));
    peers.ban(at(4).hostname);
    peers.connected(at(5));
    const good = (limit: number) =>
      peers.good(limit).map(({ hostname }) => hostname);
    assertEquals(good(9), ["1.0.3.1", "1.0.5.1", "1.0.2.1"]);
    assertEquals(good(2), ["1.0.3.1", "1.0.5.1"]);
  },
);

Deno.test("PeerList takes ports from 1 to 65535", none, () => {
  for (const port of [-1, 0, 0.5, 65_536, NaN]) {
    assertEquals(list().add(candidate("8.8.8.8", port, "manual")), false);
  }
  for (const port of [1, 65_535]) {
    assertEquals(list().add(candidate("8.8.8.8", port, "manual")), true);
  }
});

Deno.test(
  "PeerList passes a candidate on to a better source only",
  none,
  () => {
    const peers = list();
    const tell = (teller: string) =>
      peers.add(candidate("8.8.8.8", 6881, "dht", teller));
    tell("45.1.0.1");
    tell("45.2.0.1");
    peers.add(candidate("8.8.4.4", 6881, "dht", "45.1.0.1"));
    peers.add(candidate("8.8.2.2", 6881, "dht", "45.2.0.1"));
    // The second one told of one candidate that is its own, the first of two.
    const order = takeAll(peers).map(({ address }) => address.hostname);
    assertEquals(order.indexOf("8.8.2.2") < 2, true);
    assertEquals(order.length, 3);
  },
);

/** A full list of four; its oldest is from a certain teller. */
function fullList(source: CandidateSource, teller?: string) {
  const peers = list(4);
  for (const n of [1, 2, 3, 4]) {
    peers.add(candidate(`${n}.0.0.1`, 6881, source, teller));
  }
  return peers;
}

Deno.test("PeerList tells whether there was room for a candidate", none, () => {
  const peers = fullList("lpd", "8.1.1.1");
  const size = peers.size;
  assertEquals(peers.add(candidate("9.0.0.1", 6881, "lpd", "8.1.1.1")), false);
  assertEquals(peers.size, size);
});

Deno.test(
  "PeerList makes room at the cost of what failed most, of its crowd",
  none,
  () => {
    const peers = list();
    const at = (port: number) => ({ hostname: "8.8.8.8", port });
    const has = (port: number) => peers.sourceOf(at(port)) !== undefined;
    peers.add(candidate("9.9.9.9", 2_000));
    peers.add(candidate("8.8.8.8", 2_000));
    peers.add(candidate("8.8.8.8", 2_001));
    // Both places are taken by what did not fail yet.
    assertEquals(peers.add(candidate("8.8.8.8", 2_002)), false);
    let now = 0;
    for (const { address } of takeAll(peers, now)) {
      peers.released(address, now, "failed");
    }
    now = 1e6;
    for (const { address } of takeAll(peers, now)) {
      if (address.hostname === "8.8.8.8") {
        peers.released(address, now, "failed");
      }
    }
    // Another host that failed is not in its crowd.
    assertEquals(peers.add(candidate("8.8.8.8", 2_003)), true);
    assertEquals(
      peers.sourceOf({ hostname: "9.9.9.9", port: 2_000 }),
      "tracker",
    );
    assertEquals([2_000, 2_001, 2_003].map(has).filter(Boolean).length, 2);
  },
);

Deno.test(
  "PeerList gives up neither what is under way nor what a person named",
  none,
  () => {
    const peers = list(2);
    peers.add(candidate("1.0.0.1", 6881, "manual"));
    peers.add(candidate("2.0.0.1", 6881, "manual"));
    for (const { address } of takeAll(peers)) {
      peers.released(
        address,
        0,
        "failed",
      );
    }
    // Both failed, and a person names a third.
    assertEquals(peers.add(candidate("3.0.0.1", 6881, "manual")), false);
    const told = list(2);
    for (const n of [1, 2, 3]) {
      told.add(candidate(`${n}.0.0.1`, 6881, "tracker", "8.1.1.1"));
    }
    const [first] = takeAll(told);
    told.released(first!.address, 0, "failed");
    // Of the two only one has failed, and is idle.
    assertEquals(
      told.add(candidate("4.0.0.1", 6881, "tracker", "8.1.1.1")),
      true,
    );
    assertEquals(told.sourceOf(first!.address), undefined);
    assertEquals(told.add(candidate("5.0.0.1", 6881, "manual")), true);
  },
);
