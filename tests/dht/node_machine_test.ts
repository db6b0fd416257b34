import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import { randomBytes, seededRandom } from "../../_shared/random.ts";
import {
  compareNodeDistance,
  decodeCompactNodes,
  type DhtNodeMachineOptions,
  encodeKrpc,
  type KrpcMessage,
} from "../../dht/mod.ts";
import { MAX_KRPC_LENGTH } from "../../dht/krpc.ts";
import { at, id, idOf, MachineBench as Bench } from "./machine_bench.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(7);

Deno.test(
  "DhtNodeMachine - answers ping with id and the asker's address",
  none,
  () => {
    const bench = new Bench({ version: Uint8Array.of(1, 2, 3, 4) });
    const pong = bench.ask({ method: "ping" }, at(1));
    assert(pong?.type === "response");
    assertEquals(pong.id, bench.machine.id(4)!);
    assertEquals(pong.ip, Uint8Array.of(5, 0, 1, 9, 0x1a, 0xe1));
    assertEquals(pong.version, Uint8Array.of(1, 2, 3, 4));
  },
);

Deno.test(
  "DhtNodeMachine - find_node gives the closest of the table",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(30);
    assert(bench.machine.bestNodes(4).length >= 20);
    const target = randomBytes(seededRandom(8), 20);
    const reply = bench.ask({ method: "find_node", target }, at(500));
    assert(reply?.type === "response");
    const closest = bench.machine.bestNodes(4)
      .sort((a, b) => compareNodeDistance(target, a.id, b.id))
      .slice(0, 8)
      .map(({ id, address }) => ({ id, address }));
    assertEquals(decodeCompactNodes(reply.nodes!, 4), closest);
    assertEquals(reply.nodes?.length, 8 * 26);
    assertEquals(reply.nodes6, undefined);
  },
);

Deno.test(
  "DhtNodeMachine - a token is good for one address, one hash, ten minutes",
  none,
  () => {
    const bench = new Bench();
    const first = bench.ask({ method: "get_peers", infoHash }, at(1));
    assert(first?.type === "response" && first.token !== undefined);
    const { token } = first;
    const announce = (from: Endpoint, fields: Record<string, unknown> = {}) =>
      bench.ask({
        method: "announce_peer",
        infoHash,
        port: 99,
        token,
        ...fields,
      }, from);
    const code = (message: KrpcMessage | undefined) =>
      message?.type === "error" ? message.code : message?.type;
    assertEquals(code(announce(at(2))), 203);
    assertEquals(code(announce(at(1), { infoHash: id })), 203);
    assertEquals(code(announce(at(1), { token: new Uint8Array(8) })), 203);
    assertEquals(bench.machine.stats().peers, 0);
    assertEquals(code(announce(at(1))), "response");
    // The port of the packet counts with implied_port.
    bench.now = 240_000;
    assertEquals(code(announce(at(1), { impliedPort: true })), "response");
    const reply = bench.ask({ method: "get_peers", infoHash }, at(3));
    assert(reply?.type === "response");
    assertEquals(
      reply.values?.map((value) => value.join(".")).sort(),
      ["5.0.1.9.0.99", "5.0.1.9.26.225"],
    );
    bench.now = 11 * 60_000;
    assertEquals(code(announce(at(1))), 203);
    bench.advance(31 * 60_000);
    assertEquals(bench.machine.stats().peers, 0);
  },
);

Deno.test("DhtNodeMachine - no answer is longer than a datagram", none, () => {
  const bench = new Bench({
    limits: { maxPackets: Infinity, replyBytesPerSecond: Infinity },
  });
  bench.befriend(60);
  for (let i = 0; i < 300; i++) {
    const from = at(1000 + i);
    const reply = bench.ask({ method: "get_peers", infoHash }, from);
    assert(reply?.type === "response" && reply.token !== undefined);
    const { token } = reply;
    bench.ask({ method: "announce_peer", infoHash, port: 5, token }, from);
  }
  assert(bench.machine.stats().peers >= 300);
  for (const scrape of [false, true]) {
    for (const want of [undefined, [4, 6]]) {
      const reply = bench.ask(
        { method: "get_peers", infoHash, scrape, want },
        at(1),
      );
      assert(reply?.type === "response");
      if (!scrape) assert(reply.values!.length > 50);
      else assertEquals(reply.seedFilter?.length, 256);
    }
  }
  const longest = Math.max(...bench.sent.map(([, , length]) => length));
  assert(longest <= MAX_KRPC_LENGTH, `longest ${longest}`);
});

Deno.test(
  "DhtNodeMachine - malformed queries get 203, unknown ones 204, junk nothing",
  none,
  () => {
    const bench = new Bench();
    const send = (text: string) => {
      const before = bench.sent.length;
      const data = new TextEncoder().encode(text);
      bench.input({ type: "datagram", data, from: at(1) });
      const [found] = bench.sent.slice(before);
      return found?.[1].type === "error" ? found[1].code : found?.[1].type;
    };
    const arg = "1:ad2:id20:abcdefghij0123456789e";
    assertEquals(send(`d${arg}1:q4:ping1:t2:aa1:y1:qe`), "response");
    assertEquals(send(`d${arg}1:q3:fly1:t2:aa1:y1:qe`), 204);
    assertEquals(send("d1:q3:fly1:t2:aa1:y1:qe"), 204);
    // What names a target is answered as find_node, for what may come.
    const key = (name: string, length = 20) =>
      `d1:ad2:id20:abcdefghij0123456789${name}${length}:${
        "x".repeat(length)
      }e1:q3:fly1:t2:aa1:y1:qe`;
    assertEquals(send(key("6:target")), "response");
    assertEquals(send(key("9:info_hash")), "response");
    assertEquals(send(key("6:target", 19)), 204);
    assertEquals(send(`d${arg}1:q9:find_node1:t2:aa1:y1:qe`), 203);
    assertEquals(send("d1:ad2:id2:abe1:q4:ping1:t2:aa1:y1:qe"), 203);
    assertEquals(send(`d${arg}1:q4:ping1:y1:qe`), undefined);
    assertEquals(send("hello, world, who are you?"), undefined);
    assertEquals(send(""), undefined);
  },
);

Deno.test(
  "DhtNodeMachine - reads only: answers nobody, says so in queries",
  none,
  () => {
    const bench = new Bench({ readOnly: true });
    assertEquals(bench.ask({ method: "ping" }, at(1)), undefined);
    assertEquals(
      bench.ask({ method: "find_node", target: id }, at(1)),
      undefined,
    );
    bench.input({ type: "ping", requestId: 1, address: at(1) });
    assertEquals(bench.takeQueries()[0]![1].readOnly, true);
  },
);

Deno.test(
  "DhtNodeMachine - read-only nodes are not remembered",
  none,
  () => {
    const bench = new Bench();
    bench.ask({ method: "ping" }, at(1), true);
    assertEquals(bench.takeQueries(), []);
    bench.ask({ method: "ping" }, at(2), false);
    const [probe] = bench.takeQueries();
    assertEquals([probe![0], probe![1].method], [at(2), "ping"]);
    bench.answer(probe!, { id });
    assertEquals(bench.machine.bestNodes(4).length, 1);
    // A stranger with a forged address is pinged once, not at every packet.
    for (let i = 0; i < 20; i++) bench.ask({ method: "ping" }, at(3), false);
    const pings = bench.takeQueries().filter(([to]) =>
      to.hostname === at(3).hostname
    );
    assert(pings.length <= 1);
  },
);

Deno.test(
  "DhtNodeMachine - an answer counts from whom we asked, once, with his id",
  none,
  () => {
    const bench = new Bench();
    bench.input({ type: "ping", requestId: 1, address: at(1) });
    const [asked] = bench.takeQueries();
    bench.answer([at(2), asked![1]]);
    bench.answer([{ ...at(1), port: 1 }, asked![1]]);
    assertEquals(bench.progress(1), []);
    assertEquals(bench.machine.stats().unasked, 2);
    bench.now = 80;
    bench.answer(asked!, { ip: Uint8Array.of(1, 2, 3, 4, 0, 9) });
    bench.answer(asked!);
    assertEquals(bench.machine.stats().unasked, 3);
    const [pong, done] = bench.progress(1);
    assert(pong?.type === "pong" && done?.type === "done");
    assertEquals([pong.roundTripMs, pong.node], [80, { id, address: at(1) }]);
    assertEquals(pong.externalAddress, { hostname: "1.2.3.4", port: 9 });
  },
);

Deno.test(
  "DhtNodeMachine - errors and garbled answers end a request",
  none,
  () => {
    const bench = new Bench();
    bench.input({ type: "ping", requestId: 1, address: at(1) });
    const [asked] = bench.takeQueries();
    const { transactionId } = asked![1];
    bench.receive(
      { type: "error", transactionId, code: 202, message: "no" },
      at(1),
    );
    const [refused, done] = bench.progress(1);
    assert(refused?.type === "refused" && done?.type === "done");
    assertEquals(refused.error.number, 202);

    bench.input({ type: "ping", requestId: 2, address: at(1) });
    const [other] = bench.takeQueries();
    const text = "d1:rd2:id2:xye1:t4:....1:y1:re";
    const data = new TextEncoder().encode(text);
    data.set(other![1].transactionId, text.indexOf("...."));
    bench.input({ type: "datagram", data, from: at(1) });
    assertEquals(bench.progress(2).map(({ type }) => type), [
      "unanswered",
      "done",
    ]);

    bench.input({ type: "ping", requestId: 3, address: at(1) });
    bench.advance(10_000);
    assertEquals(bench.progress(3).map(({ type }) => type), [
      "unanswered",
      "done",
    ]);
  },
);

const signed = {
  publicKey: new Uint8Array(32),
  seq: 1n,
  signature: new Uint8Array(64),
};

Deno.test(
  "DhtNodeMachine - get_peers: nodes and values, announce, acknowledgement",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(3);
    const search = {
      method: "get_peers",
      family: 4,
      target: infoHash,
    } as const;
    bench.input({ type: "search", requestId: 1, search });
    const asked = bench.takeQueries();
    assertEquals(
      asked.map(([, { method }]) => method),
      Array(3).fill("get_peers"),
    );
    const value = Uint8Array.of(8, 8, 8, 8, 0, 80);
    const local = Uint8Array.of(127, 0, 0, 1, 0, 80);
    for (const [i, one] of asked.entries()) {
      const number = [0, 1, 2].find((n) => at(n).hostname === one[0].hostname)!;
      const token = Uint8Array.of(i);
      const values = [value, value, local, Uint8Array.of(8, 8, 8, 9, 0, 0)];
      bench.answer(one, { id: idOf(number), values, token });
    }
    const progress = bench.progress(1);
    const peers = progress.filter(({ type }) => type === "peers");
    // Each once, nobody at port 0 or on our own machine.
    assertEquals(peers.length, 1);
    assert(peers[0]?.type === "peers");
    assertEquals(peers[0].peers, [{ hostname: "8.8.8.8", port: 80 }]);
    const done = progress.at(-1)!;
    assert(done.type === "done");
    assertEquals(done.closest.length, 3);
    assertEquals(done.stats?.answered, 3);

    bench.input({
      type: "store",
      requestId: 2,
      nodes: done.closest,
      store: {
        method: "announce_peer",
        infoHash,
        port: 6,
        impliedPort: false,
        seed: true,
      },
    });
    const announces = bench.takeQueries();
    assertEquals(announces.length, 3);
    // Some nodes drop an announce that leaves it out.
    assert(announces[0]![1].method === "announce_peer");
    assertEquals(announces[0]![1].impliedPort, false);
    const [stored, refused, silent] = announces;
    bench.answer(stored!);
    const { transactionId } = refused![1];
    bench.receive(
      { type: "error", transactionId, code: 203, message: "token" },
      refused![0],
    );
    // The silent one is tried again, and then given up.
    bench.advance(30_000);
    const again = bench.takeQueries().filter(([to, { method }]) =>
      method === "announce_peer" && to.hostname === silent![0].hostname
    );
    assertEquals(again.length, 2);
    assertEquals(bench.progress(2).map(({ type }) => type), [
      "stored",
      "refused",
      "unanswered",
      "done",
    ]);
  },
);

Deno.test(
  "DhtNodeMachine - a put names its target, as some nodes want it",
  none,
  () => {
    const bench = new Bench();
    const token = Uint8Array.of(1);
    const nodes = [{ id, address: at(1), token, seq: undefined }];
    const target = new Uint8Array(20).fill(4);
    for (const mutable of [undefined, { ...signed, salt: undefined }]) {
      bench.input({
        type: "store",
        requestId: 1,
        nodes,
        store: { method: "put", target, value: Uint8Array.of(48, 58), mutable },
      });
      const [, query] = bench.takeQueries()[0]!;
      assert(query.method === "put");
      assertEquals(query.target, target);
      assertEquals(query.mutable?.seq, mutable?.seq);
    }
  },
);

Deno.test(
  "DhtNodeMachine - a lookup on an empty table ends at once",
  none,
  () => {
    const bench = new Bench();
    for (const method of ["find_node", "get_peers", "get"] as const) {
      const search = { method, family: 4, target: infoHash } as const;
      bench.input({ type: "search", requestId: 1, search });
      assertEquals(bench.progress(1).at(-1)?.type, "done");
    }
    const search = { method: "get", family: 6, target: infoHash } as const;
    bench.input({ type: "search", requestId: 2, search });
    assertEquals(bench.progress(2).length, 1);
    assertThrows(
      () =>
        bench.input({
          type: "search",
          requestId: 3,
          search: { ...search, target: new Uint8Array(3) },
        }),
      RangeError,
    );
  },
);

Deno.test(
  "DhtNodeMachine - nothing is reported of what was cancelled",
  none,
  () => {
    const bench = new Bench();
    bench.befriend(2);
    const search = {
      method: "get_peers",
      family: 4,
      target: infoHash,
    } as const;
    bench.input({ type: "search", requestId: 1, search });
    bench.input({ type: "cancel", requestId: 1 });
    for (const one of bench.takeQueries()) bench.answer(one);
    bench.advance(60_000);
    assertEquals(bench.progress(1), []);
    assertEquals(bench.machine.stats().outstanding, 0);
  },
);

Deno.test(
  "DhtNodeMachine - it asks for routers again and again, ever more rarely",
  none,
  () => {
    const bench = new Bench();
    const times: number[] = [];
    for (let i = 0; i < 200; i++) {
      bench.advance(10_000);
      const asked = bench.outputs.splice(0).filter(({ type }) =>
        type === "need-routers"
      );
      if (asked.length > 0) times.push(bench.now);
    }
    assert(times.length >= 6 && times.length <= 14, times.join());
  },
);

Deno.test(
  "DhtNodeMachine - floods are ignored, answers are metered",
  none,
  () => {
    const bench = new Bench({ limits: { replyBytesPerSecond: 100 } });
    let answers = 0;
    for (let i = 0; i < 80; i++) {
      if (bench.ask({ method: "ping" }, at(1)) !== undefined) answers++;
    }
    // 57 bytes each of the 300 that are saved up, half of them for others, and
    // half of that for those who are known.
    assertEquals(answers, 3);
    const { flood, unbudgeted } = bench.machine.stats();
    assertEquals([flood, unbudgeted], [30, 50 - answers]);
    bench.now = 4000;
    assert(bench.ask({ method: "ping" }, at(2)) !== undefined);
  },
);

Deno.test(
  "DhtNodeMachine - the id follows the address that others see (BEP 42)",
  none,
  () => {
    const bench = new Bench();
    const before = bench.machine.id(4)!;
    const ours = Uint8Array.of(80, 81, 82, 83, 0, 9);
    for (let i = 0; i < 40; i++) {
      bench.input({ type: "ping", requestId: i, address: at(i) });
      const [asked] = bench.takeQueries();
      const liar = i % 5 === 0;
      bench.answer(asked!, {
        id: idOf(i),
        ip: liar ? Uint8Array.of(9, 9, 9, 9, 0, 9) : ours,
      });
      bench.takeQueries();
    }
    const event = bench.outputs.find((out) =>
      out.type === "event" && out.event.type === "external-address"
    );
    assert(event?.type === "event" && event.event.type === "external-address");
    assertEquals(event.event.hostname, "80.81.82.83");
    assertEquals(bench.machine.externalHostname(4), "80.81.82.83");
    const after = bench.machine.id(4)!;
    assertEquals(event.event.id, after);
    assert(before.join() !== after.join());
    assert(bench.machine.bestNodes(4).length > 10);
  },
);

Deno.test("DhtNodeMachine - random bytes never make it throw", none, () => {
  const random = seededRandom(11);
  const bench = new Bench({ limits: { maxPackets: Infinity } });
  const seeds = [
    encodeKrpc({ type: "query", method: "ping", transactionId: id, id }),
    encodeKrpc({
      type: "query",
      method: "get_peers",
      transactionId: id,
      id,
      infoHash,
    }),
    encodeKrpc({
      type: "response",
      transactionId: new Uint8Array(4),
      id,
      values: [new Uint8Array(6)],
    }),
  ].map((seed) => seed.slice());
  for (let i = 0; i < 5000; i++) {
    const data = seeds[i % 3]!.slice();
    const noise = randomBytes(random, 6);
    data[noise[0]! % data.length] = noise[1]!;
    data[noise[2]! % data.length] = noise[3]!;
    bench.input({ type: "datagram", data, from: at(noise[4]!) });
    bench.sent.length = 0;
  }
  assertEquals(bench.machine.stats().received, 5000);
});

Deno.test("DhtNodeMachine - refuses impossible options", none, () => {
  const wrong = (options: Partial<DhtNodeMachineOptions>, text: string) =>
    assertThrows(() => new Bench(options), RangeError, text);
  wrong({ families: [] }, "IP version");
  wrong({ id: new Uint8Array(19) }, "19");
  wrong({ version: new Uint8Array(17) }, "17");
  wrong({ k: 21 }, "21");
  wrong({ maxOutstanding: 0 }, "maxOutstanding");
});
