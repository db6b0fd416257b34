import { assert, assertEquals } from "@std/assert";
import { MAX_CANDIDATES, PeerList } from "../../client/peer_list.ts";
import { CandidateSources } from "../../client/peers/candidate.ts";
import type { PeerCandidate, PeerHints } from "../../_shared/address.ts";
import { candidate, list, takeAll } from "./peer_candidates.ts";

const none = { permissions: "none" } as const;
const hosts = (taken: readonly Omit<PeerCandidate, "infoHash">[]) =>
  taken.map(({ address }) => address.hostname);

Deno.test("PeerList refuses impossible addresses", none, () => {
  const peers = list();
  assertEquals(peers.add(candidate("8.8.8.8", 0)), false);
  assertEquals(peers.add(candidate("8.8.8.8", 65536)), false);
  assertEquals(peers.add(candidate("224.0.0.1")), false);
  assertEquals(peers.add(candidate("0.0.0.0")), false);
  assertEquals(peers.add(candidate("255.255.255.255")), false);
  assertEquals(peers.add(candidate("example.org")), false);
  assertEquals(peers.add(candidate("example.org", 1, "manual")), true);
  assertEquals(peers.size, 1);
});

Deno.test("PeerList is told of strangers, and passes that over", none, () => {
  const peers = list();
  peers.add(candidate("8.8.8.8"));
  const stranger = { hostname: "9.9.9.9", port: 1 };
  peers.judge(stranger, true);
  peers.judge(stranger, false);
  peers.claim(stranger, 1);
  peers.setSeed(stranger);
  peers.connected(stranger);
  peers.released(stranger, 0, "failed");
  peers.remove(stranger);
  assertEquals(peers.isNamed(stranger), false);
  assertEquals(peers.sourceOf(stranger), undefined);
  assertEquals(hosts(takeAll(peers)), ["8.8.8.8"]);
});

Deno.test("PeerList knows an address in all its forms", none, () => {
  const peers = list();
  assertEquals(peers.add(candidate("2001:db8:0:0::1")), true);
  assertEquals(peers.add(candidate("2001:DB8::1")), false);
  assertEquals(peers.add(candidate("1.2.3.4")), true);
  assertEquals(peers.add(candidate("::ffff:1.2.3.4")), false);
});

Deno.test("nobody may name addresses nearer to us than its own", none, () => {
  const scopes = [
    ["127.0.0.1", "::1"],
    ["169.254.169.254", "fe80::1"],
    ["192.168.1.1", "10.1.1.1", "172.16.1.1", "100.64.1.1", "fd00::1"],
    ["8.8.8.8", "2a00::1"],
  ];
  for (const source of ["pex", "dht", "tracker", "lpd", "of-my-own"]) {
    for (const [told, addresses] of scopes.entries()) {
      for (const [teller, [from]] of scopes.entries()) {
        for (const address of addresses) {
          const added = list().add(candidate(address, 6881, source, from));
          assertEquals(added, told >= teller, `${from} names ${address}`);
        }
      }
      for (const teller of [undefined, "tracker.example"]) {
        const one = candidate(addresses[0]!, 6881, source, teller);
        assertEquals(list().add(one), told === 3, `somebody names ${told}`);
      }
      // A person may, and what is our own.
      for (const own of ["manual", "resume"]) {
        assert(list().add(candidate(addresses[0]!, 22, own)));
      }
    }
  }
});

Deno.test("ports of other services are not dialled on hearsay", none, () => {
  for (
    const port of [
      1,
      22,
      25,
      465,
      993,
      1023,
      3306,
      5432,
      6379,
      6667,
      9100,
      27017,
    ]
  ) {
    assertEquals(list().add(candidate("8.8.8.8", port, "pex")), false);
    assertEquals(list().add(candidate("8.8.8.8", port, "tracker")), false);
    assertEquals(list().add(candidate("8.8.8.8", port, "manual")), true);
  }
  for (const port of [80, 443, 1024, 6881, 51413, 65535]) {
    assertEquals(list().add(candidate("8.8.8.8", port, "pex")), true);
  }
});

Deno.test("a link names our own network, but no services", none, () => {
  const isTaken = (hostname: string, port: number) =>
    list().add(candidate(hostname, port, "magnet"));
  for (const host of ["127.0.0.1", "192.168.1.1", "fd00::1", "peer.example"]) {
    assert(isTaken(host, 6881));
    for (const port of [22, 80, 443, 631, 6379, 8080]) {
      assertEquals(isTaken(host, port), false, `${host}:${port}`);
    }
  }
  assert(isTaken("8.8.8.8", 443));
  assertEquals(isTaken("169.254.169.254", 6881), false);
  // Of what it names few are taken.
  const peers = list();
  for (let i = 0; i < 1000; i++) {
    peers.add(candidate(`10.0.0.${i & 255}`, 7000 + i, "magnet"));
  }
  assertEquals(peers.size, 32);
  for (let i = 0; i < 1000; i++) {
    peers.add(candidate(`10.1.${i & 255}.1`, 7000 + i, "magnet"));
  }
  assertEquals(peers.size, 150);
});

Deno.test("addresses that lead inside by a detour are refused", none, () => {
  for (
    const address of [
      "::ffff:127.0.0.1",
      "::ffff:10.0.0.1",
      "::127.0.0.1",
      "64:ff9b::7f00:1",
      "64:ff9b::808:808",
      "2002:7f00:1::1",
      "2002:c0a8:101::1",
      "2002:a9fe:a9fe::",
      "fec0::1",
    ]
  ) {
    for (const source of ["tracker", "dht", "pex", "lpd"]) {
      assertEquals(
        list().add(candidate(address, 6881, source)),
        false,
        address,
      );
    }
  }
  assert(list().add(candidate("2002:808:808::1")));
});

Deno.test(
  "a host has two places, a site some, whatever the source",
  none,
  () => {
    for (const source of ["tracker", "dht", "pex", "lpd", "of-my-own"]) {
      const peers = list();
      const fill = (name: (i: number) => string, teller?: string) => {
        const before = peers.size;
        for (let i = 0; i < 2000; i++) {
          peers.add(candidate(name(i), 2000 + i, source, teller));
        }
        return peers.size - before;
      };
      assertEquals(fill(() => "8.8.8.8"), 2);
      assertEquals(fill((i) => `2a00::${i.toString(16)}`), 2);
      assertEquals(fill(() => "192.168.1.1", "192.168.1.2"), 2);
      assertEquals(fill(() => "127.0.0.1", "127.0.0.1"), 16);
      const most = source === "pex" ? 32 : 256;
      assertEquals(fill((i) => `9.9.9.${i & 255}`), most);
      const own = fill((i) => `2a01:1:1:${(i & 1023).toString(16)}::1`);
      assertEquals(own, most);
    }
    const named = list();
    for (let i = 0; i < 100; i++) {
      named.add(candidate("8.8.8.8", 2000 + i, "manual"));
    }
    assertEquals(named.size, 100);
  },
);

Deno.test("a host's place goes on from one that failed", none, () => {
  const peers = list();
  peers.add(candidate("8.8.8.8", 2000));
  peers.add(candidate("8.8.8.8", 2001));
  const [first] = takeAll(peers);
  peers.released(first!.address, 0, "failed");
  assertEquals(peers.add(candidate("8.8.8.8", 2002)), true);
  assertEquals(peers.size, 2);
});

Deno.test("a host that fails is left alone, whatever the port", none, () => {
  const peers = list();
  let now = 0;
  let dials = 0;
  for (let port = 2000; now < 3_600_000; port++, now += 1000) {
    peers.add(candidate("8.8.8.8", port));
    for (const { address } of takeAll(peers, now)) {
      dials++;
      peers.released(address, now, "failed");
    }
  }
  assert(dials >= 3 && dials <= 10, `${dials}`);
});

Deno.test("a site is dialled at a modest rate", none, () => {
  const peers = list();
  for (let i = 0; i < 200; i++) peers.add(candidate(`8.8.8.${i}`));
  assertEquals(takeAll(peers, 0).length, 16);
  assertEquals(takeAll(peers, 10_000).length, 16);
  assertEquals(takeAll(peers, 11_000).length, 4);
  assert(peers.quietUntil > 11_000 && peers.quietUntil <= 11_250);
});

Deno.test("sources take turns by rank, and a person comes first", none, () => {
  const peers = list();
  for (let i = 0; i < 40; i++) {
    peers.add(candidate(`1.${i}.0.1`, 6881, "pex"));
    peers.add(candidate(`1.${i}.0.2`, 6881, "dht"));
    peers.add(candidate(`1.${i}.0.4`, 6881, "tracker"));
  }
  peers.add(candidate("1.0.0.3", 6881, "manual"));
  const order = takeAll(peers).map(({ source }) => source);
  assertEquals(order.slice(0, 4), ["manual", "tracker", "dht", "pex"]);
  const count = (source: string) =>
    order.slice(0, 29).filter((one) => one === source).length;
  assertEquals([count("tracker"), count("dht"), count("pex")], [16, 8, 4]);
  assertEquals(order.length, 121);
});

Deno.test("who names many has no more turns than who names one", none, () => {
  const peers = list();
  for (let teller = 0; teller < 3; teller++) {
    for (let i = 0; i < 900; i++) {
      const hostname = `46.${teller}.${i >> 8}.${i & 255}`;
      peers.add(candidate(hostname, 1100, "dht", `45.${teller}.0.3`));
    }
  }
  takeAll(peers, 0);
  peers.add(candidate("45.0.7.7", 7777, "dht", "45.9.0.3"));
  const now = 10_000;
  const taken = hosts([1, 2, 3, 4].map(() => peers.next(now)!));
  assert(taken.includes("45.0.7.7"), `${taken}`);
});

Deno.test("a full list keeps what few told of", none, () => {
  const peers = list();
  for (let i = 0; i < 20_000; i++) {
    const hostname = `${1 + i % 100}.${(i >> 7) & 255}.${i & 127}.1`;
    peers.add(candidate(hostname, 6881, "dht", "45.1.0.1"));
  }
  assertEquals(peers.size, MAX_CANDIDATES * 0.75);
  assert(peers.add(candidate("45.0.7.7", 7777, "dht", "45.2.0.1")));
  for (let i = 0; i < 20_000; i++) {
    const hostname = `${101 + i % 100}.${(i >> 7) & 255}.${i & 127}.1`;
    peers.add(candidate(hostname, 6881, "dht", `45.${3 + i % 200}.0.1`));
    peers.add(candidate(hostname, 6881, "tracker", "45.1.0.1"));
  }
  assertEquals(peers.size, MAX_CANDIDATES);
  const address = { hostname: "45.0.7.7", port: 7777 };
  assertEquals(peers.sourceOf(address), "dht");
  assert(peers.add(candidate("7.7.7.7", 7, "manual")), "a person's peer fits");
  assertEquals(peers.size, MAX_CANDIDATES);
});

Deno.test("sites and ports of no use come after others", none, () => {
  const peers = list();
  for (let i = 0; i < 400; i++) {
    peers.add(candidate(`9.9.${i >> 6}.${i & 63}`, 5555));
  }
  for (let i = 0; i < 3; i++) {
    const next = peers.next(0)!;
    peers.connected(next.address);
    peers.judge(next.address, false);
    peers.released(next.address, 0, "useless");
  }
  peers.add(candidate("9.9.3.3", 6666));
  assertEquals(peers.next(0)!.address, { hostname: "9.9.3.3", port: 6666 });
});

Deno.test("PeerList backs off after failures and gives up", none, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1"));
  let now = 0;
  let attempts = 0;
  while (peers.quietUntil < Infinity) {
    now = Math.max(now, peers.quietUntil);
    const next = peers.next(now);
    if (next === undefined) continue;
    attempts++;
    peers.released(next.address, now, "failed");
    assert(attempts < 20);
  }
  assertEquals(attempts, 5);
  assert(now > 60_000, "waits grow");
});

Deno.test("our own doing says nothing about a candidate", none, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1"));
  let now = 0;
  for (let i = 0; i < 100; i++) {
    const next = peers.next(now);
    assert(next !== undefined, `${i}`);
    peers.released(next.address, now, "local");
    now += 15_000;
  }
});

Deno.test("PeerList keeps banned hosts out, and IPv6 networks", none, () => {
  const peers = list();
  peers.add(candidate("1.0.0.1", 2000));
  peers.ban("1.0.0.1");
  assertEquals(takeAll(peers), []);
  assertEquals(peers.add(candidate("1.0.0.1", 2001)), false);
  assert(peers.isBanned("::ffff:1.0.0.1"));
  peers.add(candidate("2a00::2"));
  peers.ban("2a00::1");
  assertEquals(takeAll(peers), []);
  assert(peers.isBanned("2a00::3"));
});

Deno.test("PeerList skips seeds when asked to", none, () => {
  const peers = list();
  const { address } = candidate("1.0.0.1");
  peers.add(candidate("1.0.0.1"));
  peers.setSeed(address);
  assertEquals(takeAll(peers, 0, true), []);
  peers.setSeed(address);
  assertEquals(takeAll(peers, 0, false).length, 1);
});

Deno.test(
  "a claim to listen somewhere holds no longer than it is believed",
  none,
  () => {
    const peers = list();
    const { address } = candidate("1.0.0.1");
    peers.add(candidate("1.0.0.1"));
    peers.claim(address, 1);
    assertEquals(takeAll(peers), []);
    peers.claim(address, -1);
    assertEquals(takeAll(peers).length, 1);
  },
);

Deno.test("PeerList tries again whom somebody tells of again", none, () => {
  let now = 0;
  const fail = (peers: PeerList, count: number): number => {
    for (let i = 0; i < count; i++) {
      now += 3_600_000;
      const taken = peers.next(now);
      if (taken === undefined) return i;
      peers.released(taken.address, now, "failed");
    }
    return count;
  };
  const told = list();
  told.add(candidate("1.0.0.1", 6881, "tracker"));
  assertEquals(fail(told, 10), 5);
  told.add(candidate("1.0.0.1", 6881, "pex"));
  assertEquals(fail(told, 10), 0, "anybody can tell of anybody");
  told.add(candidate("1.0.0.1", 6881, "tracker"));
  assertEquals(fail(told, 10), 1);
  // Whom a person names is never given up, but not asked all the time.
  const named = list();
  named.add(candidate("1.0.0.1", 1, "manual"));
  assertEquals(fail(named, 100), 100);
  now += 3_600_000;
  const taken = named.next(now);
  named.released(taken!.address, now, "failed");
  assertEquals(takeAll(named, now + 599_000), []);
  assert(named.quietUntil <= now + 601_000);
  assertEquals(named.namedReadyAt, named.quietUntil);
  named.add(candidate("1.0.0.1", 1, "manual"));
  const again = named.next(now, { namedOnly: true });
  assertEquals(again?.address.hostname, "1.0.0.1");
});

Deno.test("PeerList knows the best source, and drops open ones", none, () => {
  const peers = list();
  const at = (hostname: string) => ({ hostname, port: 6881 });
  for (const source of ["of-my-own", "dht", "lpd", "pex"]) {
    peers.add(candidate("1.0.0.1", 6881, source));
    peers.add(candidate(`1.0.1.${source.length}`, 6881, source));
  }
  assertEquals(peers.sourceOf(at("1.0.0.1")), "lpd");
  peers.add(candidate("1.0.0.1", 6881, "tracker"));
  peers.add(candidate("1.0.0.1", 6881, "dht"));
  assertEquals(peers.sourceOf(at("1.0.0.1")), "tracker");
  peers.add(candidate("1.0.0.9", 6881, "manual"));
  peers.add(candidate("1.0.0.8", 6881, "incoming", "1.0.0.8"));
  peers.removeOpenSources();
  assertEquals(peers.size, 3);
  assertEquals(hosts(takeAll(peers)), ["1.0.0.9", "1.0.0.1", "1.0.0.8"]);
});

Deno.test("a source of one's own has the traits it is given", none, () => {
  const sources = new CandidateSources([
    ["office", { rank: 1, isOpen: false, isTrusted: true }],
    // The standard ones stay as they are.
    ["pex", { rank: 0, isTrusted: true }],
  ]);
  assertEquals(sources.of("office").share, 0.5);
  assertEquals(sources.of("pex").isTrusted, false);
  assertEquals(sources.of("unheard-of").isOpen, true);
  const peers = new PeerList({ randomInt: () => 0, sources });
  assertEquals(peers.add(candidate("192.168.1.1", 6881, "office")), true);
  assertEquals([peers.isOpen("office"), peers.isOpen("x")], [false, true]);
});

Deno.test("PeerList keeps what is said of a candidate", none, () => {
  const peers = list();
  const told = (hostname: string, hints: PeerHints): PeerCandidate => ({
    ...candidate(hostname, 6881, "pex", "9.9.9.9"),
    hints,
  });
  peers.add(told("8.1.1.1", { seed: true, encryption: true }));
  peers.add(told("8.2.1.1", { utp: true }));
  assertEquals(hosts(takeAll(peers, 0, true)), ["8.2.1.1"]);
  // Who tells of it without that takes the word back, and no more of it.
  peers.add(candidate("8.1.1.1"));
  const [taken] = takeAll(peers, 0, true);
  assertEquals(taken?.hints, { encryption: true, seed: undefined });
  peers.add(told("8.1.1.1", { holepunch: true }));
  peers.released(taken!.address, 0, "ended");
  assertEquals(takeAll(peers, 1e6)[0]?.hints, {
    encryption: true,
    seed: undefined,
    holepunch: true,
  });
});

Deno.test(
  "PeerList gives those who tell turns, also one that comes late",
  none,
  () => {
    const peers = list();
    const tell = (teller: number) => {
      for (let i = 0; i < 8; i++) {
        const from = `45.${teller}.0.3`;
        peers.add(candidate(`46.${teller}.${i}.1`, 6881, "pex", from));
      }
    };
    const tellers = (count: number) =>
      Array.from({ length: count }, () => {
        const { hostname } = peers.next(0)!.address;
        return Number(hostname.split(".")[1]);
      });
    tell(1);
    tell(2);
    const first = tellers(6);
    for (let i = 0; i < 6; i += 2) {
      assertEquals(first.slice(i, i + 2).sort(), [1, 2]);
    }
    tell(3);
    const later = tellers(6);
    // One turn more for having waited, not all it could have had.
    for (const [teller, most] of [[1, 2], [2, 2], [3, 3]]) {
      const turns = later.filter((one) => one === teller).length;
      assert(turns >= 1 && turns <= most!, `${later}`);
    }
  },
);
