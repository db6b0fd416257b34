import { assert } from "@std/assert";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { encodeUtpPacket, tryDecodeUtpPacket } from "../../utp/packet.ts";
import { UtpSocketMachine } from "../../utp/socket_machine.ts";
import { DoublingFlow, EagerReceiver } from "./doubling_flow.ts";
import { End, Way, type WayOptions } from "./sim_link.ts";

const none = { permissions: "none" } as const;

const [ID, SYN_NR, FIRST] = [7, 500, 100];

/** Says of which datagrams it is so, no matter who sends them. */
function chance(seed: number, share: number): () => boolean {
  const random = seededRandom(seed);
  return () => randomInt(random, 1e6) < share * 1e6;
}

/** How long a doubling sender takes to send to us, or to one that acks all. */
function transfer(
  receiver: "ours" | "eager",
  way: WayOptions,
  seed: number,
  loss: number,
  bytes: number,
): number {
  const clock = new SimClock();
  const there = new Way(clock, seededRandom(seed), way);
  const back = new Way(clock, seededRandom(seed), way);
  let arrive: (data: Uint8Array) => void;
  let received: () => number;
  const flow = new DoublingFlow(
    clock,
    there,
    ID,
    [FIRST, SYN_NR],
    (data) => arrive(data),
  );
  if (receiver === "eager") {
    const end = new EagerReceiver(
      clock,
      ID,
      FIRST - 1,
      (data) => back.send(data, (ack) => flow.receive(ack)),
    );
    arrive = (data) => end.receive(data);
    received = () => end.received;
  } else {
    const end = new End("ours", clock, back);
    const machine = new UtpSocketMachine({
      connectionId: ID,
      seqNr: SYN_NR,
    }, 0);
    machine.receive(
      tryDecodeUtpPacket(encodeUtpPacket({
        type: "state",
        connectionId: ID,
        timestamp: 1,
        timestampDifference: 0,
        windowSize: 1_048_576,
        seqNr: FIRST,
        ackNr: SYN_NR,
      }))!,
      0,
    );
    end.machine = machine;
    end.peer = { arrive: (ack: Uint8Array) => flow.receive(ack) } as End;
    arrive = (data) => end.arrive(data);
    received = () => machine.stats().bytesReceived;
  }
  there.filter = chance(2 * seed, loss);
  back.filter = chance(2 * seed + 1, loss);
  flow.receive();
  clock.runSync(3_600_000, () => received() >= bytes);
  flow.stop();
  return clock.now();
}

/** Delay each way in ms, Mbit/s, KiB of queue; share lost; MiB; seeds. */
const CASES: readonly (readonly [
  link: readonly [delayMs: number, mbit: number, kib: number],
  loss: number,
  mib: number,
  seeds: number,
])[] = [
  [[50, 100, 256], 0, 16, 1],
  [[30, 50, 256], 0, 12, 1],
  [[100, 50, 512], 0, 8, 1],
  [[50, 100, 256], 0.001, 8, 8],
  [[50, 100, 256], 0.01, 3, 20],
];
for (const [[delayMs, mbit, kib], loss, mib, seeds] of CASES) {
  const path = `${2 * delayMs} ms, ${mbit} Mbit/s, queue ${kib} KiB`;
  Deno.test(
    `uTP: our acks hold no sender back: ${path}, loss ${loss}`,
    none,
    () => {
      const way = { delayMs, rate: mbit * 125_000, buffer: kib * 1024 };
      let [ours, eager] = [0, 0];
      for (let seed = 1; seed <= seeds; seed++) {
        ours += transfer("ours", way, seed, loss, mib * 1_048_576);
        eager += transfer("eager", way, seed, loss, mib * 1_048_576);
      }
      assert(ours < 1.02 * eager, `${ours} ms, ${eager} ms`);
    },
  );
}
