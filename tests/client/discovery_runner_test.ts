import { assertEquals } from "@std/assert";
import type { PeerCandidate } from "../../_shared/address.ts";
import {
  DiscoveryRunner,
  type SharedDiscovery,
} from "../../client/discovery_runner.ts";
import type { PeerDiscovery } from "../../client/types.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";

const infoHash = new Uint8Array(20).fill(1);
const address = { hostname: "10.0.0.1", port: 6881 };

/** Finds one peer, then waits for the end. */
function service(log: string[], name = "a"): PeerDiscovery {
  return {
    source: "dht",
    async *discover({ port }, signal) {
      log.push(`${name} starts ${port}`);
      yield { infoHash, address };
      await new Promise((resolve) =>
        signal.addEventListener("abort", resolve, { once: true })
      );
      log.push(`${name} ends`);
    },
  };
}

function setUp(
  services: readonly (PeerDiscovery | SharedDiscovery)[],
  isPrivate = () => false,
  clock = new SimClock(),
) {
  const found: PeerCandidate[] = [];
  const errors: string[] = [];
  const runner = new DiscoveryRunner(services, {
    infoHash,
    port: 9,
    isPrivate,
    isSeed: () => false,
    onPeer: (candidate) => found.push(candidate),
    onError: (source, error) => errors.push(`${source}: ${error}`),
    clock,
  });
  return { runner, found, errors };
}

Deno.test("DiscoveryRunner starts every service once, and ends it", {
  permissions: "none",
}, async () => {
  const log: string[] = [];
  const { runner, found } = setUp([service(log, "a"), service(log, "b")]);
  runner.start();
  runner.start();
  await drain();
  assertEquals(found.map(({ source }) => source), ["dht", "dht"]);
  await runner.stop();
  assertEquals(log, ["a starts 9", "b starts 9", "a ends", "b ends"]);
  await runner.stop();
  runner.start();
  await drain();
  await runner.stop();
  assertEquals(log.length, 8);
});

Deno.test("DiscoveryRunner never starts for a private torrent", {
  permissions: "none",
}, async () => {
  const log: string[] = [];
  const { runner, found } = setUp([service(log)], () => true);
  runner.start();
  await drain();
  await runner.stop();
  assertEquals(log, []);
  assertEquals(found, []);
});

Deno.test("DiscoveryRunner outlives services that fail", {
  permissions: "none",
}, async () => {
  const log: string[] = [];
  const { runner, found, errors } = setUp([
    {
      source: "lpd",
      // deno-lint-ignore require-yield
      async *discover() {
        await Promise.resolve();
        throw new Error("gone");
      },
    },
    service(log),
  ]);
  runner.start();
  await drain();
  assertEquals(found.length, 1);
  assertEquals(errors, ["lpd: gone"]);
  await runner.stop();
});

Deno.test(
  "DiscoveryRunner asks a service that failed again, and waits longer",
  {
    permissions: "none",
  },
  async () => {
    const clock = new SimClock();
    const asked: number[] = [];
    const { runner, found, errors } = setUp(
      [{
        source: "dht",
        async *discover() {
          asked.push(clock.now() / 1000);
          await Promise.resolve();
          // The fifth time it works for a while.
          if (asked.length === 5) yield { infoHash, address };
          throw new Error("away");
        },
      }],
      () => false,
      clock,
    );
    runner.start();
    await clock.advance(81_000);
    assertEquals(asked, [0, 5, 15, 35, 75, 80]);
    assertEquals([found.length, errors.length], [1, 6]);
    assertEquals(runner.statuses(), [{
      source: "dht",
      state: "failed",
      message: "away",
      peers: 1,
      lastAt: 75_000,
      nextAt: 90_000,
    }]);
    await runner.stop();
    await clock.advance(60_000);
    assertEquals(asked.length, 6);
    assertEquals(clock.pending, 0);
    assertEquals(runner.statuses()[0]!.state, "idle");
  },
);

Deno.test(
  "DiscoveryRunner follows shared services; end and start in one turn",
  {
    permissions: "none",
  },
  async () => {
    const log: string[] = [];
    const { runner, found } = setUp([{
      source: "lpd",
      follow(torrent, listener) {
        log.push(`follow ${torrent.port}`);
        listener.searching();
        listener.found({ infoHash, address });
        return () => log.push("leave");
      },
    }]);
    runner.start();
    void runner.stop();
    runner.start();
    assertEquals(log, ["follow 9", "leave", "follow 9"]);
    assertEquals(found.length, 2);
    assertEquals(runner.statuses()[0]!.state, "searching");
    await runner.stop();
  },
);

Deno.test("DiscoveryRunner takes no peer after it was stopped", {
  permissions: "none",
}, async () => {
  let release = () => {};
  const { runner, found } = setUp([{
    source: "dht",
    async *discover() {
      await new Promise<void>((resolve) => release = resolve);
      yield { infoHash, address };
      yield { infoHash, address };
    },
  }]);
  runner.start();
  await drain();
  const stopping = runner.stop();
  release();
  await stopping;
  assertEquals(found, []);
});

Deno.test("DiscoveryRunner waits no longer than 3 s for a service that stays", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  let release = () => {};
  const { runner, found } = setUp(
    [service([]), {
      source: "pex",
      async *discover() {
        await new Promise<void>((resolve) => release = resolve);
        yield { infoHash, address };
      },
    }],
    () => false,
    clock,
  );
  runner.start();
  await drain();
  assertEquals(found.length, 1);
  let stopped = false;
  void runner.stop().then(() => stopped = true);
  await clock.advance(2_999);
  assertEquals(stopped, false);
  await clock.advance(1);
  assertEquals(stopped, true);
  // Started again meanwhile: what the old search brings at last is not taken.
  runner.start();
  const again = found.length;
  await drain();
  assertEquals(found.length, again + 1);
  const old = release;
  old();
  await drain();
  release();
  await clock.advance(5_000);
  await runner.stop();
  assertEquals(clock.pending, 0);
});
