/**
 * The dial plan over a population of peers: whom it reaches, how soon, and how
 * many connections that takes, beside dialling in one way only.
 */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteTransport } from "../../_shared/byte_conn.ts";
import { seededRandom } from "../../_shared/random.ts";
import type { EncryptionPolicy } from "../../handshake/encryption_policy.ts";
import { Handshaker } from "../../handshake/handshaker.ts";
import { MemoryNetwork } from "../../testing/memory_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const infoHash = new Uint8Array(20).fill(1);
/** After how long a SYN of uTP is given up, in milliseconds. */
const UTP_GIVES_UP_MS = 6_000;
/** Delays one way, in milliseconds; the last is that of slow peers. */
const DELAYS = [10, 40, 80, 150, 600] as const;
const SLOW = DELAYS.length - 1;

type Answer = "open" | "refused" | "silent";

/** A kind of peer, and how many there are in a hundred. */
interface Kind {
  readonly count: number;
  readonly tcp: Answer;
  readonly utp: Answer;
  readonly encryption: EncryptionPolicy;
  readonly isSlow?: boolean;
}

const POPULATION: readonly Kind[] = [
  // As most are: both transports, both kinds.
  { count: 35, tcp: "open", utp: "open", encryption: "allow" },
  { count: 20, tcp: "open", utp: "silent", encryption: "allow" },
  { count: 8, tcp: "open", utp: "silent", encryption: "off" },
  { count: 6, tcp: "silent", utp: "open", encryption: "allow" },
  { count: 4, tcp: "refused", utp: "open", encryption: "allow" },
  { count: 8, tcp: "open", utp: "open", encryption: "require" },
  { count: 7, tcp: "open", utp: "open", encryption: "allow", isSlow: true },
  { count: 8, tcp: "silent", utp: "silent", encryption: "allow" },
  { count: 4, tcp: "refused", utp: "silent", encryption: "allow" },
];

/** A way to dial that is held against another. */
interface Strategy {
  readonly transports: readonly ("tcp" | "utp")[];
  readonly encryption: EncryptionPolicy;
}

interface Result {
  /** Milliseconds to the first block; `Infinity` for never. */
  readonly times: readonly number[];
  /** Connections begun to each peer. */
  readonly attempts: number;
  readonly failures: readonly (string | undefined)[];
}

/** Dials everybody once, at the same time. */
async function dialAll(strategy: Strategy): Promise<Result> {
  const clock = new SimClock();
  const random = seededRandom(5);
  const networks = ["tcp", "utp"].map(() =>
    DELAYS.map((latencyMs) => new MemoryNetwork({ clock, latencyMs }))
  );
  const peers: { address: Endpoint; kind: Kind; delay: number }[] = [];
  await using stack = new AsyncDisposableStack();
  for (const kind of POPULATION) {
    for (let i = 0; i < kind.count; i++) {
      const delay = kind.isSlow ? SLOW : peers.length % SLOW;
      const hostname = `10.0.1.${peers.length}`;
      const address = { hostname, port: 6881 };
      peers.push({ address, kind, delay });
      for (const [n, name] of (["tcp", "utp"] as const).entries()) {
        if (kind[name] === "open") {
          const peer = stack.use(
            await Handshaker.open({
              transports: [networks[n]![delay]!.transport(hostname)],
              listen: address,
              encryption: kind.encryption,
              random,
              clock,
            }),
          );
          peer.addTorrent(infoHash);
        } else if (kind[name] === "silent") {
          networks[n]![delay]!.blackhole(address);
        }
      }
    }
  }
  let attempts = 0;
  const delayOf = new Map(peers.map((peer) => [peer.address.hostname, peer]));
  const transports = strategy.transports.map((name): ByteTransport => {
    const of = networks[name === "tcp" ? 0 : 1]!.map((network) =>
      network.transport("10.0.0.1")
    );
    return {
      name,
      connect: async (remote, options) => {
        attempts++;
        const connected = of[delayOf.get(remote.hostname)!.delay]!
          .connect(remote, options);
        if (name === "tcp") return await connected;
        // Datagrams are not refused: uTP asks again, then gives up.
        const { promise, reject } = Promise.withResolvers<never>();
        const cancel = clock.schedule(
          clock.now() + UTP_GIVES_UP_MS,
          () => reject(new Error("nobody answers")),
        );
        return await Promise.race([connected, promise]).finally(cancel);
      },
      listen: () => Promise.reject(new Error("not here")),
    };
  });
  const us = stack.use(
    await Handshaker.open({
      transports,
      encryption: strategy.encryption,
      connectsPerSecond: 1000,
      maxHalfOpenPerTorrent: 1000,
      maxHalfOpen: 1000,
      random,
      clock,
    }),
  );
  const startedAt = clock.now();
  const outcomes = peers.map(async ({ address, delay }) => {
    const event = await us.dial({ infoHash, address });
    const took = clock.now() - startedAt;
    if (event.type === "failed") {
      return { time: Infinity, reason: event.reason };
    }
    event.connection.close();
    // A block is asked for, and comes.
    return { time: took + 2 * DELAYS[delay]! };
  });
  await clock.advance(60_000);
  const all: { time: number; reason?: string }[] = await Promise.all(outcomes);
  assertEquals(us.stats().halfOpen, 0);
  return {
    times: all.map(({ time }) => time),
    attempts: attempts / peers.length,
    failures: all.map(({ reason }) => reason),
  };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!;
}

const SINGLE: Record<"allow" | "prefer", readonly Strategy[]> = {
  allow: [
    { transports: ["tcp"], encryption: "off" },
    { transports: ["tcp"], encryption: "require" },
    { transports: ["utp"], encryption: "off" },
    { transports: ["utp"], encryption: "require" },
  ],
  prefer: [
    { transports: ["tcp"], encryption: "prefer" },
    { transports: ["tcp"], encryption: "require" },
    { transports: ["utp"], encryption: "prefer" },
    { transports: ["utp"], encryption: "require" },
  ],
};

for (const encryption of ["allow", "prefer"] as const) {
  Deno.test(
    `the plan reaches more peers than any one way and no later: ${encryption}`,
    { permissions: "none" },
    async () => {
      const plan = await dialAll({ transports: ["tcp", "utp"], encryption });
      const reached = plan.times.filter(Number.isFinite).length;
      assertEquals(reached, 88, "all but the dead ones");
      assert(plan.attempts <= 2.5, `${plan.attempts} attempts a peer`);
      for (const strategy of SINGLE[encryption]) {
        const single = await dialAll(strategy);
        const name = `${strategy.transports} ${strategy.encryption}`;
        assert(
          median(plan.times) <= median(single.times),
          `${median(plan.times)} ms, ${name}: ${median(single.times)} ms`,
        );
        assert(single.times.filter(Number.isFinite).length < reached, name);
      }
    },
  );
}
