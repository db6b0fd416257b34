/** What strangers may try, against a whole machine. */
import {
  assert,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { encodeText } from "../../_shared/bytes.ts";
import { at, idOf, MachineBench as Bench } from "./machine_bench.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "DhtNodeMachine - whoever answers a lot of requests is no flood",
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
    const node = () => bench.machine.table(4)!.find(idOf(3));
    assertEquals(node()?.failures, 0);
    assertEquals(ping(2), "pong");
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
    assert(bench.machine.table(4)!.find(idOf(777)) !== undefined);
    assertEquals(bench.machine.stats().searches, searches);
    // A list of victims is not worked off faster than 32 a second.
    for (let i = 0; i < 10; i++) {
      tell(...Array.from({ length: 60 }, (_, k) => 2000 + 60 * i + k));
    }
    assert(bench.takeQueries().length <= 32);
  },
);

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
    const ownId = () => bench.machine.table(4)!.ownId;
    assertEquals(ownId(), saved);
    assertNotEquals(bench.machine.table(6)!.ownId, saved);
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
