import { assertEquals } from "@std/assert";
import { ContentSetup } from "../../../client/torrent/content_setup.ts";

const pure = { permissions: "none" } as const;

function setUp() {
  const log: unknown[] = [];
  const setup = new ContentSetup({
    publish: (event) => void log.push(event),
    fail: (error) => void log.push(error),
    goOn: () => void log.push("goes on"),
  });
  return { log, setup };
}

Deno.test(
  "ContentSetup goes on after its work, or fails with it",
  pure,
  async () => {
    const { log, setup } = setUp();
    const running = setup.run((options) => {
      options.onProgress?.({ checked: 1, total: 2, good: 1 });
      return Promise.resolve();
    });
    assertEquals(setup.running === running, true);
    await running;
    assertEquals(setup.running, undefined);
    const error = new Error("It cannot be read");
    await setup.run(() => Promise.reject(error));
    assertEquals(setup.running, undefined);
    assertEquals(log, [
      { type: "checking", checked: 1, total: 2 },
      "goes on",
      error,
    ]);
  },
);

Deno.test(
  "ContentSetup holds what is under way, until it is told",
  pure,
  async () => {
    const { log, setup } = setUp();
    setup.hold();
    const held: unknown[] = [];
    let look = () => {};
    const running = setup.run(async (options) => {
      held.push(options.hold?.());
      await new Promise<void>((resolve) => look = resolve);
      const wait = options.hold?.();
      held.push(wait instanceof Promise);
      await wait;
    });
    setup.hold();
    setup.hold();
    look();
    await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
    assertEquals(log, []);
    setup.release();
    await running;
    assertEquals([held, log], [[undefined, true], ["goes on"]]);
  },
);

Deno.test("ContentSetup that was stopped lets nobody go on", pure, async () => {
  for (const fails of [false, true]) {
    const { log, setup } = setUp();
    const reason = new Error("The torrent is closed");
    let signal: AbortSignal | undefined;
    const running = setup.run(async (options) => {
      signal = options.signal;
      await options.hold?.();
      await Promise.resolve();
      if (fails) throw new Error("Aborted");
    });
    setup.stop(reason);
    await running;
    assertEquals([log, signal?.reason], [[], reason]);
  }
});
