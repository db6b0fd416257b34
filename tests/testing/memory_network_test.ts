import { assert, assertEquals, assertRejects } from "@std/assert";
import { MemoryNetwork } from "../../testing/memory_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const SERVER = { hostname: "10.0.0.1", port: 6881 };

async function connectedPair(windowBytes = 65_536) {
  const clock = new SimClock();
  const network = new MemoryNetwork({ clock, latencyMs: 10, windowBytes });
  const listener = await network.transport(SERVER.hostname).listen(SERVER);
  const dialling = network.transport("10.0.0.2").connect(SERVER);
  await clock.advance(20);
  const near = await dialling;
  const far = (await listener.accept())!;
  return { clock, network, listener, near, far };
}

/** What a promise is fulfilled with by now, if it is. */
async function byNow<T>(clock: SimClock, promise: Promise<T>) {
  let value: T | "pending" = "pending";
  promise.then((it) => value = it, () => {});
  await clock.advance(0);
  return value as T | "pending";
}

Deno.test({
  name: "MemoryNetwork - bytes take the latency and come in order",
  permissions: "none",
  async fn() {
    const { clock, near, far, listener } = await connectedPair();
    assertEquals(near.remote, SERVER);
    assertEquals(far.remote, near.local);
    assertEquals(near.local.hostname, "10.0.0.2");
    await near.write(Uint8Array.of(1, 2, 3));
    await near.write(Uint8Array.of(4));
    const buffer = new Uint8Array(2);
    const first = far.read(buffer);
    await clock.advance(9);
    assertEquals(await byNow(clock, first), "pending");
    await clock.advance(1);
    assertEquals(await first, 2);
    assertEquals([...buffer], [1, 2]);
    assertEquals(await far.read(buffer), 1);
    assertEquals(buffer[0], 3);
    assertEquals(await far.read(buffer), 1);
    assertEquals(buffer[0], 4);
    near.close();
    const end = far.read(buffer);
    await clock.advance(10);
    assertEquals(await end, null);
    await assertRejects(() => near.read(buffer), Deno.errors.Interrupted);
    far.close();
    listener.close();
    assertEquals(await listener.accept(), undefined);
    await clock.advance(10);
    assertEquals(clock.pending, 0);
  },
});

Deno.test({
  name: "MemoryNetwork - a writer waits for a slow reader, and for no dead one",
  permissions: "none",
  async fn() {
    const { clock, near, far } = await connectedPair(4);
    assertEquals(await near.write(new Uint8Array(6)), 4);
    const waiting = near.write(new Uint8Array(2));
    await clock.advance(10);
    assertEquals(await byNow(clock, waiting), "pending");
    assertEquals(await far.read(new Uint8Array(3)), 3);
    assertEquals(await waiting, 2);
    await near.write(new Uint8Array(1));
    const broken = near.write(new Uint8Array(1));
    far.close();
    await assertRejects(() => broken, Deno.errors.BrokenPipe);
    near.close();
    await assertRejects(
      () => near.write(new Uint8Array(1)),
      Deno.errors.BadResource,
    );
  },
});

Deno.test({
  name: "MemoryNetwork - refused, unanswered, aborted, named and taken",
  permissions: "none",
  async fn() {
    const { clock, network, listener } = await connectedPair();
    const transport = network.transport("10.0.0.3");
    const nobody = transport.connect({ hostname: "10.0.0.9", port: 1 });
    const refused = assertRejects(
      () => nobody,
      Deno.errors.ConnectionRefused,
    );
    await clock.advance(20);
    await refused;
    const hole = { hostname: "10.0.0.8", port: 1 };
    network.blackhole(hole);
    const controller = new AbortController();
    const reason = new Error("given up");
    const unanswered = transport.connect(hole, { signal: controller.signal });
    await clock.advance(1e6);
    assertEquals(await byNow(clock, unanswered), "pending");
    controller.abort(reason);
    assertEquals(await unanswered.catch((error) => error), reason);
    network.name("peer.test", SERVER.hostname);
    const named = transport.connect({ hostname: "peer.test", port: 6881 });
    await clock.advance(20);
    assertEquals((await named).remote, SERVER);
    assertEquals(network.attempts, 4);
    await assertRejects(
      () => network.transport(SERVER.hostname).listen(SERVER),
      Deno.errors.AddrInUse,
    );
    network.failAccept(SERVER, reason);
    assertEquals(await listener.accept().catch((error) => error), reason);
    network.endListener(SERVER);
    assertEquals(await listener.accept(), undefined);
    const free = await network.transport(SERVER.hostname)
      .listen({ hostname: "0.0.0.0", port: 0 });
    assertEquals(free.local.hostname, SERVER.hostname);
    assert(free.local.port > 0);
    free.close();
    await clock.advance(10);
    assertEquals(clock.pending, 0);
  },
});

Deno.test({
  name: "MemoryNetwork - a slow link holds up nobody but its own",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    const network = new MemoryNetwork({ clock, windowBytes: 100_000 });
    network.link("10.0.0.1", { upload: 10_000 });
    network.link("10.0.0.2", { upload: 200_000 });
    network.link("10.0.0.3", { download: 100_000 });
    const at = (i: number) => ({ hostname: `10.0.0.${i}`, port: 6881 });
    const [slow, fromSlow] = network.pair(at(1), at(3));
    const [fast, fromFast] = network.pair(at(2), at(3));
    const arrivals: [string, number][] = [];
    const note = async (name: string, from: typeof fromSlow) => {
      const buffer = new Uint8Array(30_000);
      while (await from.read(buffer) !== null) {
        arrivals.push([name, clock.now()]);
      }
    };
    const noted = [note("slow", fromSlow), note("fast", fromFast)];
    await slow.write(new Uint8Array(20_000));
    for (let i = 0; i < 2; i++) await fast.write(new Uint8Array(20_000));
    await clock.advance(3000);
    // Those of the fast one wait for each other at the link they share.
    assertEquals(arrivals, [["fast", 200], ["fast", 400], ["slow", 2000]]);
    slow.close();
    fast.close();
    await clock.advance(0);
    await Promise.all(noted);
  },
});
