import { assert } from "@std/assert";
import { RenoFlow } from "../utp/reno_flow.ts";
import { SimPath } from "../utp/sim_link.ts";

/** 10 Mbit/s, and a second of buffer. */
const RATE = 1.25e6;
const PHASE_MS = 60_000;

/** What happened in a while: delay that uTP adds, in ms, and shares of a link. */
interface Phase {
  readonly p99: number;
  readonly most: number;
  readonly utp: number;
  readonly tcp: number;
}

class Scene {
  readonly path: SimPath;
  readonly tcp: RenoFlow;

  constructor(delayMs: number) {
    this.path = new SimPath({
      there: { delayMs, rate: RATE, buffer: RATE },
      back: { delayMs },
    });
    this.tcp = new RenoFlow(this.path.clock, this.path.there, delayMs);
  }

  startUtp(): void {
    this.path.connect();
    this.path.a.toWrite = 1e9;
  }

  watch(ms = PHASE_MS): Phase {
    const { path, tcp } = this;
    const delays: number[] = [];
    const before = [path.b.received, tcp.bytes];
    const end = path.clock.now() + ms;
    const look = () => {
      const queued = path.there.queuedBy.get("a") ?? 0;
      delays.push(queued * 1000 / RATE);
      const next = path.clock.now() + 7;
      if (next < end) path.clock.schedule(next, look);
    };
    look();
    path.run(ms);
    delays.sort((x, y) => x - y);
    const share = (bytes: number) => bytes * 1000 / ms / RATE;
    return {
      p99: delays[Math.floor(delays.length * 0.99)]!,
      most: delays.at(-1)!,
      utp: share(path.b.received - before[0]!),
      tcp: share(tcp.bytes - before[1]!),
    };
  }
}

for (const delayMs of [5, 20, 50]) {
  const test = (name: string, fn: (scene: Scene) => void) =>
    Deno.test({
      name: `uTP over ${delayMs} ms: ${name}`,
      permissions: "none",
      fn: () => fn(new Scene(delayMs)),
    });

  test("alone it fills the link, with little delay", (scene) => {
    scene.startUtp();
    const { utp, p99, most } = scene.watch();
    assert(utp > 0.9, `${utp}`);
    assert(p99 < 120 && most < 150, `${p99} ${most} ms`);
  });

  test("it yields to a TCP flow that comes later", (scene) => {
    scene.startUtp();
    scene.path.run(20_000);
    scene.tcp.start();
    const { tcp, p99 } = scene.watch();
    assert(tcp > 0.9, `TCP has ${tcp}`);
    assert(p99 < 120, `${p99} ms`);
    // It goes on when it has the link for itself again.
    scene.tcp.stop();
    scene.path.run(20_000);
    const { utp } = scene.watch();
    assert(utp > 0.9, `${utp}`);
  });

  test("it yields to a TCP flow that was there before", (scene) => {
    scene.tcp.start();
    scene.path.run(30_000);
    scene.startUtp();
    const { tcp, most } = scene.watch();
    assert(tcp > 0.9, `TCP has ${tcp}`);
    assert(most < 120, `${most} ms`);
  });

  test("it yields to a TCP flow that begins with it", (scene) => {
    scene.tcp.start();
    scene.startUtp();
    const { tcp, most } = scene.watch();
    assert(tcp > 0.9, `TCP has ${tcp}`);
    assert(most < 120, `${most} ms`);
    // However fast the round trip grows, packets are waited for.
    assert(scene.path.a.machine!.stats().timeouts <= 3);
  });
}
