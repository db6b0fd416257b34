import { assertEquals, assertRejects } from "@std/assert";
import { race } from "../../../handshake/dial/race.ts";
import { SimClock } from "../../support/sim_clock.ts";

/** An attempt that ends after a while; with an error, or else its name. */
interface Way {
  readonly name: string;
  readonly afterMs: number;
  readonly takesMs: number;
  readonly error?: string;
}

/** Runs a race and notes what happened when. */
function run(ways: readonly Way[]) {
  const clock = new SimClock();
  const startedAt = clock.now();
  const log: string[] = [];
  const note = (text: string) => log.push(`${clock.now() - startedAt} ${text}`);
  const outcome = race(ways, {
    clock,
    run: ({ name, takesMs, error }, signal) =>
      new Promise<string>((resolve, reject) => {
        note(name);
        let isOver = false;
        const cancel = clock.schedule(clock.now() + takesMs, () => {
          isOver = true;
          if (error === undefined) resolve(name);
          else reject(new Error(error));
        });
        signal.addEventListener("abort", () => {
          cancel();
          if (!isOver) note(`${name} lost`);
          reject(signal.reason);
        });
      }),
    isFinal: (error) => (error as Error).message === "final",
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
      { name: "a", afterMs: 0, takesMs: 1000 },
      { name: "b", afterMs: 300, takesMs: 100 },
      { name: "c", afterMs: 600, takesMs: 1 },
    ]);
    await clock.advance(2000);
    assertEquals(await outcome, "b");
    assertEquals(log.slice(0, 3), ["0 a", "300 b", "400 a lost"]);
    assertEquals(log.includes("600 c"), false);
  },
);

Deno.test(
  "race() goes on at once where one fails, and tells the first error",
  none,
  async () => {
    const { clock, log, outcome } = run([
      { name: "a", afterMs: 0, takesMs: 10, error: "first" },
      { name: "b", afterMs: 300, takesMs: 10, error: "second" },
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
      { name: "a", afterMs: 0, takesMs: 500 },
      { name: "b", afterMs: 300, takesMs: 10, error: "second" },
    ]);
    await clock.advance(1000);
    assertEquals(await outcome, "a");
  },
);

Deno.test("race() ends with an error that leaves no chance", none, async () => {
  const { clock, log, outcome } = run([
    { name: "a", afterMs: 0, takesMs: 10, error: "final" },
    { name: "b", afterMs: 300, takesMs: 10 },
  ]);
  await clock.advance(1000);
  assertEquals(log, ["0 a"]);
  await assertRejects(() => outcome, Error, "final");
});
