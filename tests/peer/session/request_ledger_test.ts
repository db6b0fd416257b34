import { assertEquals } from "@std/assert";
import { RequestLedger } from "../../../peer/session/request_ledger.ts";

const none = { permissions: "none" } as const;
const block = (pieceIndex: number) => ({
  pieceIndex,
  blockOffset: 16_384,
  length: 16_384,
});

Deno.test(
  "RequestLedger: every block that was given up may come late",
  none,
  () => {
    const ledger = new RequestLedger();
    const arrive = (one: RequestLedger, pieceIndex: number, length = 16_384) =>
      one.arrive(pieceIndex, 16_384, length);
    for (const i of [1, 2, 3]) assertEquals(ledger.add(block(i), i), true);
    assertEquals(ledger.add(block(3), 4), false);
    assertEquals(ledger.oldestSentAt, 1);
    assertEquals(ledger.cancel({ ...block(1), length: 1 }), false);
    assertEquals([1, 2, 2].map((i) => ledger.cancel(block(i))), [
      true,
      true,
      false,
    ]);
    assertEquals(ledger.size, 1);
    // Not of another peer, not of another length, and once.
    assertEquals(arrive(new RequestLedger(), 1), "unrequested");
    assertEquals(arrive(ledger, 1, 1), "unrequested");
    assertEquals(arrive(ledger, 1), "late");
    assertEquals(arrive(ledger, 1), "unrequested");
    assertEquals(arrive(ledger, 2), "late");
    assertEquals(arrive(ledger, 3), "requested");
    assertEquals(ledger.oldestSentAt, undefined);
  },
);

Deno.test("RequestLedger: what is refused will not come", none, () => {
  const ledger = new RequestLedger();
  for (const i of [1, 2]) ledger.add(block(i), i);
  ledger.cancel(block(2));
  // Another length is another request.
  for (const i of [1, 2]) {
    assertEquals(ledger.reject({ ...block(i), length: 1 }), undefined);
  }
  assertEquals(ledger.arrive(2, 16_384, 16_384), "late");
  ledger.add(block(2), 2);
  ledger.cancel(block(2));
  assertEquals(ledger.reject(block(1)), { ...block(1), sentAt: 1 });
  assertEquals(ledger.arrive(1, 16_384, 16_384), "unrequested");
  ledger.add(block(3), 3);
  ledger.cancel(block(3));
  assertEquals(ledger.reject(block(2)), "given-up");
  assertEquals(ledger.reject(block(2)), undefined);
  assertEquals(ledger.arrive(2, 16_384, 16_384), "unrequested");
  assertEquals(ledger.arrive(3, 16_384, 16_384), "late");
});

Deno.test(
  "RequestLedger: asked for again, what was given up is answered first",
  none,
  () => {
    const again = () => {
      const ledger = new RequestLedger();
      ledger.add(block(1), 1);
      for (const i of [2, 3]) {
        ledger.cancel(block(1));
        assertEquals(ledger.add(block(1), i), true);
      }
      return ledger;
    };
    const arrive = (one: RequestLedger) => one.arrive(1, 16_384, 16_384);
    // Both cancels are answered (BEP 6), then the block comes.
    const refused = again();
    assertEquals(refused.reject(block(1)), "given-up");
    assertEquals(refused.reject(block(1)), "given-up");
    assertEquals([refused.size, arrive(refused)], [1, "requested"]);
    assertEquals(arrive(refused), "unrequested");
    // The cancels came too late.
    const sent = again();
    assertEquals([1, 2, 3, 4].map(() => arrive(sent)), [
      "requested",
      "late",
      "late",
      "unrequested",
    ]);
    // What it refuses behind that is the last request.
    const all = again();
    all.reject(block(1));
    all.reject(block(1));
    assertEquals(all.reject(block(1)), { ...block(1), sentAt: 3 });
  },
);
