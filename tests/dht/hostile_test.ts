/** What strangers may try, against a whole machine. */
import { assert, assertEquals } from "@std/assert";
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
