import { assert, assertEquals } from "@std/assert";
import { encodeUtpPacket } from "../../utp/packet.ts";
import { SimPath, type SimPathOptions } from "./sim_link.ts";

const MIB = 1 << 20;

function scenario(
  name: string,
  options: SimPathOptions,
  bytes: number,
  check: (path: SimPath, bytesPerSecond: number) => void,
): void {
  Deno.test({
    name: `uTP: ${name}`,
    permissions: "none",
    fn() {
      const path = new SimPath(options).connect();
      const ms = path.transfer(bytes);
      check(path, bytes * 1000 / ms);
    },
  });
}

const both = (way: SimPathOptions["there"] & object): SimPathOptions => ({
  there: way,
  back: way,
});

scenario("plain: nothing is lost", both({ delayMs: 20 }), MIB, ({ a }) => {
  const { fastResends, losses, timeouts, resends } = a.machine!.stats();
  assertEquals([fastResends, losses, timeouts, resends], [0, 0, 0, 0]);
  assertEquals(a.machine!.mtu, 1472);
});

scenario(
  "path MTU 1464: two probes are lost, and no window for it",
  both({ delayMs: 20, mtu: 1464 }),
  MIB,
  ({ a }) => {
    const { fastResends, losses, timeouts } = a.machine!.stats();
    assertEquals([fastResends, losses, timeouts], [2, 0, 0]);
    assert(a.machine!.mtu > 1420 && a.machine!.mtu <= 1436);
  },
);

scenario(
  "buffer bloat: nothing is lost, few samples above the target",
  both({ delayMs: 20, rate: 50e3, buffer: 500e3 }),
  500_000,
  ({ a }) => {
    const stats = a.machine!.stats();
    assertEquals([stats.losses, stats.timeouts, stats.resends], [0, 0, 0]);
    assert(stats.samplesAbove < 429, `${stats.samplesAbove}`);
  },
);

scenario(
  "a small send buffer of the system: nothing is lost by it",
  {
    there: { delayMs: 10, rate: 50e6, buffer: 1e6 },
    back: { delayMs: 10 },
    sendBuffer: 5000,
  },
  MIB,
  ({ a }) => {
    const { fastResends, losses, timeouts, resends } = a.machine!.stats();
    assertEquals([fastResends, losses, timeouts, resends], [0, 0, 0, 0]);
  },
);

scenario(
  "alone on 10 Mbit/s: 90 % of it",
  {
    there: { delayMs: 20, rate: 1.25e6, buffer: 1.25e6 },
    back: { delayMs: 20 },
  },
  20 * MIB,
  (_, rate) => assert(rate > 0.9 * 1.25e6, `${rate}`),
);

scenario(
  "straw: a queue of one packet costs few timeouts",
  both({ delayMs: 20, rate: 50e3, buffer: 1500 }),
  500_000,
  ({ a }, rate) => {
    const { losses, timeouts, fastResends, resends } = a.machine!.stats();
    assert(losses <= 64 && fastResends <= 75, `${losses} ${fastResends}`);
    assert(timeouts === 0 && resends <= 80, `${timeouts} ${resends}`);
    assert(rate > 20_000, `${rate}`);
  },
);

scenario(
  "one way 1 MiB/s, the other 20 KiB/s",
  {
    there: { delayMs: 25, rate: MIB, buffer: 256 << 10 },
    back: { delayMs: 25, rate: 20 << 10, buffer: 32 << 10 },
  },
  8 * MIB,
  ({ a }, rate) => {
    assert(rate > 0.9 * MIB, `${rate}`);
    const { timeouts, spurious } = a.machine!.stats();
    assertEquals([timeouts, spurious], [0, 0]);
  },
);

Deno.test({
  name: "uTP: a clock that wraps and drifts changes nothing",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20, rate: 1.25e6 }));
    path.a.skewMs = 4_294_967;
    path.b.skewMs = 123_456;
    path.b.drift = 1e-4;
    path.connect().transfer(2 * MIB);
    assertEquals(path.a.machine!.stats().timeouts, 0);
  },
});

Deno.test({
  name: "uTP: two short packets do not wait for acks, further ones do",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 50 })).connect();
    path.transfer(1000);
    path.run(1000);
    const say = () => {
      path.a.toWrite += 100;
      path.a.wake();
      path.run(1);
    };
    say();
    say();
    say();
    say();
    path.run(60);
    assertEquals(path.b.received, 1200);
    path.run(100);
    assertEquals(path.b.received, 1400);
    assertEquals(path.b.isCorrupt, false);
  },
});

Deno.test({
  name: "uTP: FIN both ways closes both ends without an error",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.a.ends = true;
    path.transfer(100_000);
    path.run(60_000);
    for (const { machine } of [path.a, path.b]) {
      assertEquals(machine!.state, "closed");
      assertEquals(machine!.error, undefined);
    }
  },
});

Deno.test({
  name: "uTP: what the other side does not take is not kept for it",
  permissions: "none",
  fn() {
    const path = new SimPath({ peer: { maxReceiveBuffer: 20_000 } }).connect();
    path.b.reads = false;
    path.a.toWrite = 4 * MIB;
    path.a.wake();
    path.run(10_000);
    const { written, machine } = path.a;
    assert(written > 65_536 && written < 20_000 + 100_000, `${written}`);
    // With a window that has grown, as much as that waits.
    path.b.reads = true;
    path.run(20_000);
    path.b.reads = false;
    path.run(10_000);
    const waiting = path.a.written - path.b.received;
    assert(waiting < machine!.congestionWindow + 100_000, `${waiting}`);
  },
});

Deno.test({
  name: "uTP: a window that was shut opens again",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.b.reads = false;
    path.a.toWrite = 3 * MIB;
    path.a.wake();
    path.run(120_000);
    assertEquals(path.b.received, 0);
    assertEquals(path.a.machine!.state, "connected");
    path.b.reads = true;
    path.b.wake();
    assert(path.run(60_000, () => path.b.received === 3 * MIB));
    assertEquals(path.b.isCorrupt, false);
  },
});

Deno.test({
  name: "uTP: a RESET counts only with an ack that fits",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.transfer(10_000);
    path.run(1000);
    const { machine } = path.a;
    path.a.records = true;
    path.a.toWrite = 1;
    path.a.wake();
    path.run(1000);
    const { seqNr, timestamp } = path.a.sent.find((p) => p.type === "data")!;
    const reset = (ackNr: number) =>
      path.a.arrive(encodeUtpPacket({
        type: "reset",
        connectionId: machine!.receiveId,
        timestamp,
        timestampDifference: 0,
        windowSize: 0,
        seqNr: 0,
        ackNr: ackNr & 0xffff,
      }));
    reset(seqNr + 1);
    reset(seqNr - 5);
    assertEquals(machine!.state, "connected");
    reset(seqNr);
    assertEquals(machine!.error?.code, "reset");
  },
});

Deno.test({
  name: "uTP: who guesses acks is given up",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.transfer(10_000);
    path.run(1000);
    const { machine } = path.a;
    path.a.records = true;
    path.a.toWrite = 1;
    path.a.wake();
    path.run(1000);
    const { seqNr, timestamp } = path.a.sent.find((p) => p.type === "data")!;
    const ack = (ackNr: number) =>
      path.a.arrive(encodeUtpPacket({
        type: "state",
        connectionId: machine!.receiveId,
        timestamp,
        timestampDifference: 0,
        windowSize: 65_536,
        seqNr: 0,
        ackNr: ackNr & 0xffff,
      }));
    for (let i = 0; i < 64; i++) ack(seqNr + 1000 * i + 100);
    // One that fits is no guess.
    ack(seqNr);
    // Nor is what comes late, by another path.
    for (let i = 0; i < 100; i++) ack(seqNr - 100 - i);
    assertEquals(machine!.state, "connected");
    for (let i = 0; i < 64; i++) ack(seqNr + 1000 * i + 100);
    assertEquals(machine!.state, "connected");
    ack(seqNr + 100);
    assertEquals(machine!.error?.code, "timed-out");
  },
});

Deno.test({
  name: "uTP: SYNs that nobody answers end in a timeout",
  permissions: "none",
  fn() {
    const path = new SimPath();
    path.there.filter = () => true;
    path.connect().run(4499);
    assertEquals(path.a.machine!.state, "connecting");
    path.run(2);
    assertEquals(path.a.machine!.error?.code, "timed-out");
    assertEquals(path.there.dropped, 3);
  },
});

Deno.test({
  name: "uTP: the SYN's answer tells the round trip, unless it was sent again",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.run(100);
    assertEquals(Math.round(path.a.machine!.roundTripMs), 40);
    const lossy = new SimPath(both({ delayMs: 20 }));
    let syns = 0;
    lossy.there.filter = () => syns++ === 0;
    lossy.connect().run(1039);
    assertEquals(lossy.a.machine!.state, "connecting");
    lossy.run(2);
    assertEquals(lossy.a.machine!.state, "connected");
    assertEquals(lossy.a.machine!.roundTripMs, 0);
  },
});

Deno.test({
  name: "uTP: what is broken off while connecting is silent, later a RESET",
  permissions: "none",
  fn() {
    const early = new SimPath(both({ delayMs: 20 })).connect();
    early.run(10);
    early.a.records = true;
    early.a.machine!.abort();
    early.a.wake();
    early.run(60_000);
    assertEquals(early.a.sent.length, 0);
    assertEquals(early.b.machine, undefined);
    const late = new SimPath(both({ delayMs: 20 })).connect();
    late.run(150);
    late.a.records = true;
    late.a.machine!.abort();
    late.a.wake();
    late.run(30);
    assertEquals(late.a.sent.map(({ type }) => type), ["reset"]);
    assertEquals(late.b.machine!.error?.code, "reset");
  },
});

Deno.test({
  name: "uTP: a window whose opening was not heard is looked at",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.b.reads = false;
    path.a.toWrite = 3 * MIB;
    path.a.wake();
    path.run(5000);
    // All that tells of it is lost.
    path.back.filter = () => true;
    path.b.reads = true;
    path.b.wake();
    path.run(50);
    path.b.reads = false;
    path.back.filter = () => false;
    const before = path.b.received;
    path.b.reads = true;
    path.run(3000, () => path.b.received > before);
    assert(path.b.received > before, `${path.b.received}`);
    assertEquals(path.a.machine!.state, "connected");
  },
});

Deno.test({
  name: "uTP: a window that is shut again and again is looked at all the same",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 })).connect();
    path.b.reads = false;
    path.b.records = true;
    path.a.toWrite = 3 * MIB;
    path.a.wake();
    path.run(20_000, () => path.b.sent.at(-1)?.windowSize === 0);
    path.run(21);
    const { data } = path.b.sent.at(-1)!;
    path.there.dropped = 0;
    path.there.filter = () => true;
    for (let i = 0; i < 30; i++) {
      path.run(100);
      path.a.arrive(data);
    }
    assert(path.there.dropped >= 2, `${path.there.dropped}`);
  },
});

Deno.test({
  name: "uTP: only an answer to the SYN connects or refuses",
  permissions: "none",
  fn() {
    const path = new SimPath(both({ delayMs: 20 }));
    path.there.filter = () => true;
    path.a.records = true;
    path.connect().run(10);
    const { machine, sent } = path.a;
    const { seqNr } = sent[0]!;
    const answer = (type: "state" | "data" | "fin" | "reset", ackNr: number) =>
      path.a.arrive(encodeUtpPacket({
        type,
        connectionId: machine!.receiveId,
        timestamp: 0,
        timestampDifference: 0,
        windowSize: 1000,
        seqNr: 7,
        ackNr: ackNr & 0xffff,
      }));
    for (const type of ["data", "fin"] as const) answer(type, seqNr);
    for (const type of ["state", "reset"] as const) {
      answer(type, seqNr + 1);
      answer(type, seqNr - 1);
    }
    assertEquals(machine!.state, "connecting");
    assertEquals(machine!.stats().dropped, 6);
    answer("state", seqNr);
    assertEquals(machine!.state, "connected");
  },
});
