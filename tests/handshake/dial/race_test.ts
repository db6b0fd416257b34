import { assertEquals, assertRejects } from "@std/assert";
import type { ByteTransport } from "../../../_shared/byte_conn.ts";
import { DialPlan } from "../../../handshake/dial/dial_plan.ts";
import { race } from "../../../handshake/dial/race.ts";
import { SimClock } from "../../support/sim_clock.ts";

/** A transport on which all ends after a while; with an error, or else well. */
interface Way {
  readonly name: string;
  readonly connectMs: number;
  readonly shakeMs?: number;
  readonly error?: string;
}

/** Runs a race and notes what happened when. */
function run(ways: readonly Way[]) {
  const clock = new SimClock();
  const startedAt = clock.now();
  const log: string[] = [];
  const note = (text: string) => log.push(`${clock.now() - startedAt} ${text}`);
  const refuse = () => Promise.reject(new Error("not in this test"));
  const lanes = ways.map(({ name }) => {
    const transport: ByteTransport = { name, connect: refuse, listen: refuse };
    return { transport, encrypted: [false] };
  });
  const pass = (ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      const cancel = clock.schedule(clock.now() + ms, resolve);
      signal.addEventListener("abort", () => {
        cancel();
        reject(signal.reason);
      });
    });
  const outcome = race(new DialPlan(lanes, startedAt), {
    clock,
    run: async ({ transport: { name } }, turn, signal) => {
      const { connectMs, shakeMs = 0, error } = ways.find((way) =>
        way.name === name
      )!;
      note(name);
      try {
        await pass(connectMs, signal);
        if (error !== undefined) throw new Error(error);
        await turn(signal);
        note(`${name} shakes`);
        await pass(shakeMs, signal);
        return name;
      } catch (cause) {
        if (signal.aborted) note(`${name} lost`);
        throw cause;
      }
    },
    judge: (cause) => (cause as Error).message === "final" ? "final" : "failed",
    lost: new Error("lost"),
  });
  outcome.catch(() => {});
  return { clock, log, outcome };
}

const none = { permissions: "none" } as const;

Deno.test(
  "race() takes the first that works and calls the others off",
  none,
  async () => {
    const { clock, log, outcome } = run([
      { name: "a", connectMs: 1000 },
      { name: "b", connectMs: 100, shakeMs: 50 },
      { name: "c", connectMs: 1 },
    ]);
    await clock.advance(2000);
    assertEquals(await outcome, "b");
    assertEquals(log, ["0 a", "300 b", "400 b shakes", "450 a lost"]);
  },
);

Deno.test(
  "race() has those that are connected wait for their turn",
  none,
  async () => {
    const { clock, log, outcome } = run([
      { name: "a", connectMs: 310, shakeMs: 500 },
      { name: "b", connectMs: 100 },
    ]);
    await clock.advance(2000);
    assertEquals(await outcome, "a");
    assertEquals(log, ["0 a", "300 b", "310 a shakes", "810 b lost"]);
  },
);

Deno.test(
  "race() goes on at once where one fails, and tells the first error",
  none,
  async () => {
    const { clock, log, outcome } = run([
      { name: "a", connectMs: 10, error: "first" },
      { name: "b", connectMs: 10, error: "second" },
    ]);
    await clock.advance(1000);
    assertEquals(log, ["0 a", "10 b"]);
    await assertRejects(() => outcome, Error, "first");
  },
);

Deno.test(
  "race() waits for those under way before it gives up",
  none,
  async () => {
    const { clock, outcome } = run([
      { name: "a", connectMs: 500 },
      { name: "b", connectMs: 10, error: "second" },
    ]);
    await clock.advance(1000);
    assertEquals(await outcome, "a");
  },
);

Deno.test("race() ends with an error that leaves no chance", none, async () => {
  const { clock, log, outcome } = run([
    { name: "a", connectMs: 10, error: "final" },
    { name: "b", connectMs: 10 },
  ]);
  await clock.advance(1000);
  assertEquals(log, ["0 a"]);
  await assertRejects(() => outcome, Error, "final");
});

Deno.test("race() ends when no attempt is under way", none, async () => {
  const clock = new SimClock();
  const refuse = () => Promise.reject(new Error("not in this test"));
  const lanes = ["a", "b"].map((name) => ({
    transport: { name, connect: refuse, listen: refuse },
    encrypted: [false],
  }));
  let isOver = false;
  const outcome = race(new DialPlan(lanes, clock.now()), {
    clock,
    run: ({ transport: { name } }, _turn, signal) =>
      new Promise<string>((resolve, reject) => {
        if (name === "b") return resolve(name);
        // It takes a while to leave.
        signal.addEventListener(
          "abort",
          () =>
            void clock.schedule(clock.now() + 50, () => reject(signal.reason)),
        );
      }),
    judge: () => "failed",
    lost: new Error("lost"),
  }).then(() => isOver = true);
  await clock.advance(349);
  assertEquals(isOver, false);
  await clock.advance(1);
  assertEquals([await outcome, clock.pending], [true, 0]);
});
