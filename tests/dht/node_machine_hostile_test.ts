/** What strangers may try, against a whole machine. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import type { IpScope } from "../../_shared/address.ts";
import { encodeText, equalBytes } from "../../_shared/bytes.ts";
import { at, idOf, MachineBench as Bench } from "./machine_bench.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "DhtNodeMachine - many answers to our requests are no flood",
  none,
  () => {
    const bench = new Bench();
    for (let i = 0; i < 120; i++) {
      bench.input({ type: "ping", requestId: i, address: at(1) });
      for (const one of bench.takeQueries()) bench.answer(one, { id: idOf(1) });
      assertEquals(bench.progress(i).map(({ type }) => type), ["pong", "done"]);
    }
    // Its own queries are still answered.
    assert(bench.ask({ method: "ping" }, at(1)) !== undefined);
    assertEquals(bench.machine.stats().flood, 0);
  },
);

Deno.test(
  "DhtNodeMachine - packets forged in the name of a node do not silence it",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(1);
    const junk = encodeText("d1:t2:aa1:y1:re this is no answer");
    for (let i = 0; i < 100; i++) {
      bench.input({ type: "datagram", data: junk, from: at(0) });
    }
    assertEquals(bench.ask({ method: "ping" }, at(0)), undefined);
    bench.sent.length = 0;
    bench.input({ type: "ping", requestId: 1, address: at(0) });
    const [asked] = bench.takeQueries();
    const { flood } = bench.machine.stats();
    // Not the right transaction: still ignored.
    bench.answer([asked![0], {
      ...asked![1],
      transactionId: junk.slice(0, 4),
    }]);
    assertEquals(bench.progress(1), []);
    bench.answer(asked!, { id: idOf(0) });
    assertEquals(bench.progress(1).map(({ type }) => type), ["pong", "done"]);
    assertEquals(bench.machine.stats().flood, flood + 1);
  },
);

Deno.test(
  "DhtNodeMachine - round trips that become longer are learned from late answers",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(30);
    const ping = (requestId: number) => {
      bench.sent.length = 0;
      bench.input({ type: "ping", requestId, address: at(3) });
      const asked = bench.takeQueries().find(([, { method }]) =>
        method === "ping"
      );
      bench.advance(4000);
      bench.answer(asked!, { id: idOf(3) });
      return bench.progress(requestId)[0]!.type;
    };
    assertEquals(ping(1), "unanswered");
    // It is reliable as before.
    assertEquals(bench.machine.bestNodes(4)[0]?.id, idOf(3));
    assertEquals(ping(2), "pong");
  },
);

Deno.test(
  "DhtNodeMachine - a flood of forged addresses leaves answers to known ones",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(30);
    const target = new Uint8Array(20).fill(7);
    const teller = { hostname: "9.9.9.9", port: 1 };
    const told = bench.ask({ method: "get_peers", infoHash: target }, teller);
    assert(told?.type === "response");
    const { token } = told;
    let next = 1000;
    /** Asks by ever new addresses until there is no answer. */
    const flood = () => {
      const asked = { method: "find_node", target } as const;
      while (bench.ask(asked, at(next)) !== undefined) next++;
    };
    for (let n = 0; n < 10; n++) {
      flood();
      const asked = { method: "find_node", target, id: idOf(n) } as const;
      assert(bench.ask(asked, at(n)) !== undefined, `${n}`);
      // An id that is another node's is of no use.
      assertEquals(bench.ask(asked, at(n + 1)), undefined);
      bench.advance(100);
      bench.takeQueries();
    }
    flood();
    // A token shows that an address is no forged one, too.
    const query = {
      method: "announce_peer",
      infoHash: target,
      port: 5,
      token,
    } as const;
    assert(bench.ask(query, teller) !== undefined);
  },
);

Deno.test(
  "DhtNodeMachine - a peer that tells of nodes again and again costs a ping each",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(30);
    bench.advance(30_000);
    bench.sent.length = 0;
    const { searches } = bench.machine.stats();
    const tell = (...numbers: number[]) =>
      bench.input({
        type: "contacts",
        kind: "node",
        contacts: numbers.map(at),
      });
    for (let i = 0; i < 20; i++) tell(777);
    const asked = bench.takeQueries();
    assertEquals(asked.map(([to, { method }]) => [to, method]), [
      [at(777), "ping"],
    ]);
    // It is believed once it answers.
    bench.answer(asked[0]!, { id: idOf(777) });
    assert(
      bench.machine.bestNodes(4).some(({ id }) => equalBytes(id, idOf(777))),
    );
    assertEquals(bench.machine.stats().searches, searches);
    // A list of victims is not worked off faster than 32 a second.
    for (let i = 0; i < 10; i++) {
      tell(...Array.from({ length: 60 }, (_, k) => 2000 + 60 * i + k));
    }
    assert(bench.takeQueries().length <= 32);
  },
);

Deno.test(
  "DhtNodeMachine - nobody makes it ask inside of a network",
  none,
  () => {
    const local = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1"]
      .map((hostname) => ({ hostname, port: 6881 }));
    const asked = (...scopes: IpScope[]) => {
      const bench = new Bench({ scopes: ["global", ...scopes] });
      bench.befriend(30);
      bench.input({ type: "contacts", kind: "node", contacts: local });
      return bench.takeQueries().filter(([{ hostname }]) =>
        local.some((one) => one.hostname === hostname)
      ).length;
    };
    assertEquals(asked(), 0);
    // Who takes part in such a network does so.
    assertEquals(asked("private", "loopback"), 3);
  },
);

Deno.test("DhtNodeMachine - nobody makes it ask other services", none, () => {
  const asked = (port: number) => {
    const contact = { hostname: "46.0.0.9", port };
    const bench = new Bench();
    bench.befriend(30);
    bench.input({ type: "contacts", kind: "node", contacts: [contact] });
    const pinged = bench.takeQueries().length;
    const target = new Uint8Array(20).fill(1);
    const search = { method: "get_peers", target, family: 4 } as const;
    bench.input({ type: "search", requestId: 1, search });
    const [one] = bench.takeQueries();
    let number = 0;
    while (at(number).hostname !== one![0].hostname) number++;
    const nodes = new Uint8Array(26).fill(1);
    nodes.set([46, 0, 0, 9, port >> 8, port & 255], 20);
    bench.answer(one!, { id: idOf(number), nodes });
    return [
      pinged,
      bench.takeQueries().filter(([{ hostname }]) => hostname === "46.0.0.9")
        .length,
    ];
  };
  assertEquals(asked(6881), [1, 1]);
  for (const port of [53, 123, 161, 11211]) assertEquals(asked(port), [0, 0]);
});

Deno.test("DhtNodeMachine - takes 100 peers of one answer", none, () => {
  const bench = new Bench();
  bench.befriend(5);
  const target = new Uint8Array(20).fill(1);
  const search = { method: "get_peers", target, family: 4 } as const;
  bench.input({ type: "search", requestId: 1, search });
  const [one] = bench.takeQueries();
  const number = [0, 1, 2, 3, 4].find((n) =>
    at(n).hostname === one![0].hostname
  );
  const values = Array.from(
    { length: 900 },
    (_, i) => Uint8Array.of(46, 0, 0, 9, 50 + (i >> 8), i & 255),
  );
  bench.answer(one!, { id: idOf(number!), values });
  const peers = bench.progress(1).flatMap((progress) =>
    progress.type === "peers" ? progress.peers : []
  );
  assertEquals(peers.length, 100);
});

Deno.test(
  "DhtNodeMachine - without others to ask, every node told of is a start",
  none,
  () => {
    const bench = new Bench();
    bench.input({ type: "contacts", kind: "node", contacts: [at(1), at(2)] });
    const asked = bench.takeQueries();
    assertEquals(asked.map(([to, { method }]) => [to, method]), [
      [at(1), "find_node"],
      [at(2), "find_node"],
    ]);
  },
);

Deno.test(
  "DhtNodeMachine - an id of an earlier run is the first, and may change",
  none,
  () => {
    const saved = idOf(1);
    const bench = new Bench({ savedIds: { 4: saved }, families: [4, 6] });
    const ownId = () => bench.machine.id(4)!;
    assertEquals(ownId(), saved);
    assertNotEquals(bench.machine.id(6)!, saved);
    for (let i = 0; i < 30; i++) {
      bench.input({ type: "ping", requestId: i, address: at(i) });
      const asked = bench.takeQueries().find(([, { method }]) =>
        method === "ping"
      );
      bench.answer(asked!, {
        id: idOf(i),
        ip: Uint8Array.of(80, 1, 2, 3, 0, 9),
      });
      bench.takeQueries();
    }
    assertNotEquals(ownId(), saved);
    assertThrows(
      () => new Bench({ savedIds: { 6: new Uint8Array(19) } }),
      RangeError,
      "19",
    );
  },
);

Deno.test(
  "DhtNodeMachine - what cannot be sent is not waited for, nor held against a node",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(30);
    bench.sent.length = 0;
    const before = bench.machine.stats();
    const target = new Uint8Array(20);
    const search = { method: "get_peers", family: 4, target } as const;
    bench.input({ type: "search", requestId: 1, search });
    bench.input({ type: "ping", requestId: 2, address: at(3) });
    // The network is down: every send fails at once.
    for (let i = 0; i < 1000; i++) {
      const asked = bench.takeQueries();
      if (asked.length === 0) break;
      for (const [to, { transactionId }] of asked) {
        bench.input({ type: "unsent", transactionId, to });
        bench.input({ type: "unsent", transactionId, to });
      }
    }
    assertEquals(bench.progress(1).map(({ type }) => type), ["done"]);
    assertEquals(bench.progress(2).map(({ type }) => type), [
      "unanswered",
      "done",
    ]);
    const { outstanding, timeouts } = bench.machine.stats();
    assertEquals([outstanding, timeouts], [before.outstanding, 0]);
    assertEquals(bench.machine.stats().goodNodes, before.goodNodes);
  },
);

Deno.test("DhtNodeMachine - a sleep of hours is no storm", none, () => {
  const bench = new Bench();
  bench.befriend(60);
  bench.advance(60_000);
  bench.sent.length = 0;
  bench.now += 8 * 3_600_000;
  bench.machine.handleTimeout(bench.now);
  bench.drain();
  const first = bench.takeQueries();
  assert(first.length > 0 && first.length <= 16, `${first.length}`);
  // Those that are there still are good again, and nothing was forgotten.
  const size = bench.machine.bestNodes(4).length;
  const number = new Map(
    Array.from({ length: 60 }, (_, i) => [at(i).hostname, i]),
  );
  let asked = first;
  for (let i = 0; i < 400; i++) {
    for (const one of asked) {
      bench.answer(one, { id: idOf(number.get(one[0].hostname)!) });
    }
    bench.advance(1000);
    asked = bench.takeQueries();
    assert(asked.length <= 40, `${asked.length}`);
  }
  assertEquals(bench.machine.bestNodes(4).length, size);
  assertEquals(bench.machine.stats().goodNodes, size);
});

Deno.test(
  "DhtNodeMachine - many saved nodes that are gone hide none that is there",
  none,
  () => {
    const bench = new Bench();
    const nodes = Array.from({ length: 200 }, (_, i) => (
      { id: idOf(i), address: at(i) }
    ));
    bench.input({ type: "saved", nodes });
    const isBootstrapped = () =>
      bench.outputs.some((out) =>
        out.type === "event" && out.event.type === "bootstrapped"
      );
    // Only the last one is still there.
    while (!isBootstrapped() && bench.now < 600_000) {
      bench.advance(100);
      for (const one of bench.takeQueries()) {
        if (one[0].hostname === at(199).hostname) {
          bench.answer(one, { id: idOf(199) });
        }
      }
    }
    assert(bench.now < 180_000, `after ${bench.now} ms`);
  },
);

Deno.test(
  "DhtNodeMachine - without a network, or with dead routers, it asks ever more rarely",
  none,
  () => {
    for (const isDown of [false, true]) {
      const bench = new Bench();
      const contacts = [at(1), at(2), at(3)];
      const tell = () =>
        bench.input({ type: "contacts", kind: "bootstrap", contacts });
      tell();
      let sent = 0;
      const times: number[] = [];
      while (bench.now < 3_600_000) {
        bench.advance(1000);
        // As the driver does: names are looked up again, sends fail at once.
        for (let i = 0; i < 100; i++) {
          const asked = bench.takeQueries();
          sent += asked.length;
          for (const [to, { transactionId }] of isDown ? asked : []) {
            bench.input({ type: "unsent", transactionId, to });
          }
          const needs = bench.outputs.splice(0).some(({ type }) =>
            type === "need-routers"
          );
          if (needs) times.push(bench.now);
          if (needs) tell();
          if (asked.length === 0 && !needs) break;
        }
      }
      assert(sent < 100 && times.length > 10, `${sent} sent, at ${times}`);
      assert(times.at(-1)! - times.at(-2)! > 200_000);
    }
  },
);
