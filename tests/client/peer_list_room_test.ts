// When a candidate is tried again, and which make room for others.
import { assertEquals } from "@std/assert";
import { PeerList } from "../../client/peer_list.ts";
import { candidate, list, takeAll } from "./peer_candidates.ts";

const none = { permissions: "none" } as const;
const hosts = (taken: ReturnType<typeof takeAll>) =>
  taken.map(({ address }) => address.hostname);

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
  "PeerList: who tells of it first keeps a candidate, of sources alike",
  none,
  () => {
    const orders = [0, 2, 1, 3];
    const peers = new PeerList({ randomInt: () => orders.shift()! });
    for (const n of [1, 2, 3]) {
      peers.add(candidate(`${n}.0.0.1`, 6881, "dht", "45.1.0.1"));
    }
    peers.add(candidate("1.0.0.1", 6881, "dht", "45.2.0.1"));
    peers.add(candidate("4.0.0.1", 6881, "dht", "45.3.0.1"));
    const order = takeAll(peers).map(({ address }) => address.hostname);
    // The last of three of its teller, in turn with the one of another.
    assertEquals(order.at(-1), "1.0.0.1");
    assertEquals(peers.good(9).length, 4);
  },
);

Deno.test("PeerList tells whether there was room for a candidate", none, () => {
  const peers = list(4);
  for (const n of [1, 2, 3, 4]) {
    peers.add(candidate(`${n}.0.0.1`, 6881, "lpd", "8.1.1.1"));
  }
  const { size } = peers;
  assertEquals(peers.add(candidate("9.0.0.1", 6881, "lpd", "8.1.1.1")), false);
  assertEquals(peers.size, size);
});

Deno.test(
  "PeerList makes room at the cost of what failed most, of its crowd",
  none,
  () => {
    for (
      const [first, second, gone] of [
        [0, 0, undefined],
        [2, 1, 2_000],
        [1, 2, 2_001],
        [1, 1, 2_000],
      ] as const
    ) {
      const peers = list();
      const fail = (hostname: string, port: number, times: number) => {
        for (let i = 0; i < times; i++) {
          peers.released({ hostname, port }, 0, "failed");
        }
      };
      // Another host, that failed more often.
      peers.add(candidate("9.9.9.9", 2_000));
      fail("9.9.9.9", 2_000, 4);
      peers.add(candidate("8.8.8.8", 2_000));
      peers.add(candidate("8.8.8.8", 2_001));
      fail("8.8.8.8", 2_000, first);
      fail("8.8.8.8", 2_001, second);
      const isAdded = peers.add(candidate("8.8.8.8", 2_002));
      assertEquals(isAdded, gone !== undefined);
      const left = [2_000, 2_001, 2_002].filter((port) =>
        peers.sourceOf({ hostname: "8.8.8.8", port }) !== undefined
      );
      const all = isAdded ? [2_000, 2_001, 2_002] : [2_000, 2_001];
      assertEquals(left, all.filter((port) => port !== gone));
      assertEquals(peers.size, 3);
    }
  },
);

Deno.test(
  "PeerList keeps what did not fail of a crowd, no matter who told of more",
  none,
  () => {
    const peers = list();
    for (const n of [1, 2, 3, 4, 5]) {
      peers.add(candidate(`${n}.0.0.1`, 6881, "tracker", "8.1.1.1"));
    }
    peers.add(candidate("8.8.8.8", 2_000, "tracker", "8.1.1.1"));
    peers.add(candidate("8.8.8.8", 2_001, "tracker", "8.1.1.1"));
    const third = candidate("8.8.8.8", 2_002, "tracker", "8.2.1.1");
    assertEquals(peers.add(third), false);
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

Deno.test(
  "ever new ports of hosts that failed do not hide one that did not",
  none,
  () => {
    const peers = list();
    const failing = Array.from({ length: 30 }, (_, i) => `1.${i}.0.1`);
    const live = Array.from({ length: 5 }, (_, i) => `2.${i}.0.1`);
    let port = 2000;
    const tellOf = (host: string) => peers.add(candidate(host, port++));
    for (const host of failing) tellOf(host);
    let now = 0;
    for (const { address } of takeAll(peers)) {
      peers.released(address, now, "failed");
    }
    now = 60_000;
    for (const host of [...failing, ...live, ...failing]) tellOf(host);
    // There is room for five dials at a time.
    const first = live.map(() => peers.next(now)!.address.hostname);
    assertEquals(first.toSorted(), live);
  },
);

Deno.test(
  "a site full of ever new ports of its hosts has room for another host",
  none,
  () => {
    const peers = list();
    const forged = Array.from({ length: 200 }, (_, i) => `192.168.7.${i}`);
    let port = 2000;
    const tellOf = (host: string) =>
      peers.add(candidate(host, port++, "lpd", host));
    const flood = () => {
      for (const host of [...forged, ...forged]) tellOf(host);
    };
    flood();
    assertEquals([tellOf("192.168.7.250"), peers.size], [true, 256]);
    flood();
    const taken = hosts(takeAll(peers, 0));
    assertEquals(new Set(taken), new Set([...forged, "192.168.7.250"]));
  },
);

Deno.test(
  "a host that failed is remembered when its ports are forgotten",
  none,
  () => {
    const peers = list();
    peers.add(candidate("1.0.0.1"));
    const { address } = peers.next(0)!;
    peers.released(address, 0, "failed");
    peers.remove(address);
    for (const host of ["1.0.0.1", "2.0.0.1", "3.0.0.1"]) {
      peers.add(candidate(host, 7000));
    }
    assertEquals(hosts(takeAll(peers, 60_000)).at(-1), "1.0.0.1");
  },
);
