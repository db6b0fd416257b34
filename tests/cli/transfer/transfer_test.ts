import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { Arguments } from "../../../cli/command.ts";
import { UsageError } from "../../../cli/error.ts";
import { pauseFor, planNetwork } from "../../../cli/transfer/transfer.ts";

Deno.test({
  name: "pauseFor() - no time is no wait, no limit is until the signal",
  permissions: "none",
  async fn() {
    const never = new AbortController().signal;
    await pauseFor(0, never);
    await pauseFor(-5, never);
    await pauseFor(Infinity, AbortSignal.abort());
    const controller = new AbortController();
    // Longer than a timer can be told: it must not fire at once.
    const waits = [Infinity, 2 ** 31, 1e15].map((ms) =>
      pauseFor(ms, controller.signal)
    );
    let ended = 0;
    for (const wait of waits) void wait.then(() => ended++);
    await pauseFor(1, never);
    assertEquals(ended, 0);
    controller.abort();
    await Promise.all(waits);
  },
});

/** Arguments of so many values, and switches. */
const typed = (values: Record<string, string>, ...switches: string[]) =>
  new Arguments(
    [],
    new Map(Object.entries(values).map(([name, value]) => [name, [value]])),
    new Set(switches),
  );

Deno.test("planNetwork() refuses what contradicts itself", {
  permissions: "none",
}, async () => {
  for (
    const [args, message] of [
      [typed({ tracker: "udp://a:1" }, "no-trackers"), "--tracker or --no-t"],
      [typed({ "dht-node": "a:1" }, "no-dht"), "--dht-node or --no-dht"],
      [typed({ "web-seed": "http://a" }, "no-web-seeds"), "--web-seed or --no"],
      [typed({ bind: "127.0.0.1", listen: "127.0.0.1" }), "--bind or --listen"],
    ] as const
  ) {
    await assertRejects(() => planNetwork(args), UsageError, message);
  }
});

Deno.test("planNetwork() takes the address of players for none of ours", {
  permissions: { sys: ["networkInterfaces"] },
}, async () => {
  const names = { listen: "peer-listen", port: "peer-port" };
  const bind = "127.0.0.1";
  const proxy = "socks5://127.0.0.1:1";
  await planNetwork(typed({ bind, listen: "127.0.0.1" }), names);
  await assertRejects(
    () => planNetwork(typed({ bind, "peer-listen": "127.0.0.1" }), names),
    UsageError,
    "--bind or --peer-listen",
  );
  const note = async (values: Record<string, string>) =>
    (await planNetwork(typed({ proxy, ...values }), names)).privacyNote;
  assertStringIncludes(await note({ port: "80" }) ?? "", "no listening");
  assertStringIncludes(await note({ "peer-port": "80" }) ?? "", "announcing");
});
