/** What goes wrong in a soak: wires, trackers, disks. */
import { randomInt, type RandomSource } from "../../_shared/random.ts";
import { createHttpTrackerHandler } from "../../htracker/mod.ts";
import { SwarmService, SwarmTable } from "../../tracker/mod.ts";
import { type Counts, DAEMON_HOST, pause } from "./world.ts";
import { run } from "../support/process.ts";

/** Passes connections on, late, and cuts them. */
export class BadWire implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #open = new Set<Deno.TcpConn>();
  readonly #done: Promise<void>;

  constructor(
    hostname: string,
    to: { readonly hostname: string; readonly port: number },
    readonly random: RandomSource,
    readonly counts: Counts,
  ) {
    this.#listener = Deno.listen({ hostname, port: to.port });
    this.#done = this.#accept(to);
  }

  async #accept(to: Deno.ConnectOptions): Promise<void> {
    for await (const from of this.#listener) void this.#join(from, to);
  }

  async #join(from: Deno.TcpConn, to: Deno.ConnectOptions): Promise<void> {
    this.#open.add(from);
    const life = setTimeout(() => {
      this.counts.add("connections cut");
      this.#close(from);
      if (there !== undefined) this.#close(there);
    }, 500 + randomInt(this.random, 20_000));
    let there: Deno.TcpConn | undefined;
    try {
      there = await Deno.connect(to);
      this.#open.add(there);
      await Promise.all([this.#pass(from, there), this.#pass(there, from)]);
    } catch {
      // One side is gone.
    } finally {
      clearTimeout(life);
      this.#close(from);
      if (there !== undefined) this.#close(there);
    }
  }

  async #pass(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(16_384);
    for (;;) {
      const count = await from.read(buffer);
      if (count === null) return await to.closeWrite();
      if (randomInt(this.random, 8) === 0) {
        await pause(randomInt(this.random, 80));
      }
      let sent = 0;
      while (sent < count) sent += await to.write(buffer.subarray(sent, count));
    }
  }

  #close(conn: Deno.TcpConn): void {
    if (!this.#open.delete(conn)) return;
    conn.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    for (const conn of [...this.#open]) this.#close(conn);
    await this.#done.catch(() => {});
  }
}

/** A tracker that fails now and then, in ways of its own. */
export class BadTracker implements AsyncDisposable {
  readonly #server: Deno.HttpServer;
  /** Whether it may fail. */
  isBad = true;

  constructor(
    hostname: string,
    readonly random: RandomSource,
    readonly counts: Counts,
  ) {
    const handler = createHttpTrackerHandler({
      service: new SwarmService({ store: new SwarmTable(), intervalMs: 5_000 }),
    });
    this.#server = Deno.serve(
      { hostname, port: 6969, onListen() {} },
      (request, info) => {
        counts.add("announces");
        const remoteAddr = info.remoteAddr as Deno.NetAddr;
        return this.#fault() ?? handler(request, { remoteAddr });
      },
    );
  }

  #fault(): Response | Promise<Response> | undefined {
    if (!this.isBad || randomInt(this.random, 5) > 0) return undefined;
    this.counts.add("tracker faults");
    switch (randomInt(this.random, 5)) {
      case 0:
        return new Response("no", { status: 500 });
      case 1:
        return new Response("d8:intervali5e5:peers7:1234567e");
      case 2:
        return new Response("d14:failure reason4:busye");
      case 3:
        return new Response("d8:intervali5e5:peers60:123456");
      default:
        return pause(5_000).then(() => new Response("late", { status: 503 }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}

/** Cuts the daemons off, or loses some of their packets. */
export async function troubleWires(
  random: RandomSource,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await pause(3_000 + randomInt(random, 20_000), signal);
    const isBlackout = randomInt(random, 2) === 0;
    const rule = isBlackout
      ? "drop"
      : `numgen random mod 100 < ${1 + randomInt(random, 8)} drop`;
    counts.add(isBlackout ? "blackouts" : "times of packet loss");
    await run("nft", `add rule ip soak in ip daddr ${DAEMON_HOST} ${rule}`);
    await pause(2_000 + randomInt(random, 6_000), signal);
    await run("nft", "flush chain ip soak in");
  }
}

/** Fills a disk, to the last byte or nearly, and empties it again. */
export async function troubleDisk(
  dir: string,
  random: RandomSource,
  counts: Counts,
  signal: AbortSignal,
): Promise<void> {
  const ballast = `${dir}/ballast`;
  while (!signal.aborted) {
    await pause(4_000 + randomInt(random, 15_000), signal);
    if (signal.aborted) break;
    const isFull = randomInt(random, 3) > 0;
    counts.add(isFull ? "times a disk was full" : "times a disk was low");
    await fill(ballast, isFull ? Infinity : await room(dir) - 8 * 1024 ** 2);
    await pause(2_000 + randomInt(random, 6_000), signal);
    await Deno.remove(ballast);
  }
}

async function room(dir: string): Promise<number> {
  const { statfs } = await import("node:fs/promises");
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

async function fill(path: string, most: number): Promise<void> {
  using file = await Deno.open(path, { create: true, write: true });
  let part = new Uint8Array(1024 * 1024);
  let written = 0;
  while (written < most) {
    try {
      written += await file.write(part);
    } catch {
      if (part.length === 1) return;
      part = part.subarray(0, part.length === 4096 ? 1 : part.length >> 4);
    }
  }
}
