import { assert, assertEquals } from "@std/assert";
import { encodeUtpPacket } from "../../utp/packet.ts";
import { SimPath, type WayOptions } from "../utp/sim_link.ts";

const none = { permissions: "none" } as const;
const MIB = 1 << 20;

function transfer(
  seed: number,
  there: WayOptions,
  bytes: number,
  back: WayOptions = there,
) {
  const path = new SimPath({ seed, there, back }).connect();
  const rate = bytes * 1000 / path.transfer(bytes);
  return { path, rate, ...path.a.machine!.stats() };
}

const seeds = [1, 2, 3, 4, 5];

Deno.test("uTP: packets that overtake each other are not lost", none, () => {
  const rates: number[] = [];
  for (const seed of seeds) {
    const small = transfer(
      seed,
      { delayMs: 25, rate: 12.5e6, jitterMs: 10 },
      8 * MIB,
    );
    assertEquals(small.timeouts, 0, `seed ${seed}`);
    assert(small.losses <= 3 && small.resends <= 10, `seed ${seed}`);
    assert(small.rate > 5 * MIB, `${small.rate}`);
    assertEquals(small.path.a.machine!.mtu, 1472);
    // More than a round trip: it learns by sending some again.
    const large = transfer(seed, { delayMs: 10, jitterMs: 30 }, 4 * MIB);
    rates.push(large.rate);
    assert(large.rate > MIB, `${large.rate}`);
    assert(large.losses < 15 && large.timeouts === 0, `seed ${seed}`);
    assert(large.spurious > 0);
    assertEquals(large.path.a.machine!.mtu, 1472);
  }
  // One in seven learns late, and is slow for so few bytes.
  rates.sort((a, b) => a - b);
  assert(rates[2]! > 5 * MIB, `${rates}`);
});

Deno.test("uTP: random loss costs no timeout", none, () => {
  for (const seed of seeds) {
    const few = transfer(seed, { delayMs: 20, loss: 0.02 }, 4 * MIB);
    assert(few.timeouts === 0 && few.spurious <= 1, `seed ${seed}`);
    // What was lost was sent again, and nothing else.
    assert(few.resends <= few.path.there.dropped + 1, `seed ${seed}`);
    assert(few.rate > 400_000, `${few.rate}`);
    const many = transfer(seed, { delayMs: 20, loss: 0.1 }, MIB);
    assert(many.timeouts <= 3 && many.rate > 80_000, `seed ${seed}`);
  }
});

Deno.test("uTP: on a wide link random loss costs less than half", none, () => {
  let sum = 0;
  for (const seed of seeds) {
    const way = { delayMs: 50, rate: 12.5e6, buffer: 256 << 10, loss: 0.001 };
    sum += transfer(seed, way, 8 * MIB).rate / seeds.length;
  }
  // The AIMD of TCP would have 0.5 MB/s.
  assert(sum > 1.8 * MIB, `${sum}`);
});

Deno.test("uTP: a queue that overflows is filled all the same", none, () => {
  const small = transfer(
    1,
    { delayMs: 10, rate: 5e5, buffer: 20_000 },
    4 * MIB,
  );
  assert(small.rate > 0.9 * 5e5, `${small.rate}`);
  assertEquals([small.timeouts, small.spurious], [0, 0]);
  // A wide link with a queue shorter than the target delay.
  const wide = transfer(
    1,
    { delayMs: 50, rate: 12.5e6, buffer: 256 << 10 },
    32 * MIB,
  );
  assert(wide.rate > 7 * MIB, `${wide.rate}`);
  assert(wide.resends < 100, `${wide.resends}`);
});

Deno.test("uTP: duplicates change nothing", none, () => {
  const { timeouts, resends, losses, rate } = transfer(
    1,
    { delayMs: 25, duplicates: 0.1 },
    4 * MIB,
  );
  assertEquals([timeouts, resends, losses], [0, 0, 0]);
  assert(rate > 4 * MIB);
});

Deno.test(
  "uTP: the last packet's loss is found without a timeout",
  none,
  () => {
    const path = new SimPath({ there: { delayMs: 20 }, back: { delayMs: 20 } });
    path.connect().transfer(50_000);
    path.run(100);
    let swallowed = 0;
    path.there.filter = (data) => data.length > 500 && swallowed++ === 0;
    const took = path.transfer(1000);
    path.run(100);
    assertEquals(swallowed, 2);
    assert(took < 250, `${took} ms`);
    const { timeouts, losses } = path.a.machine!.stats();
    // It was a loss like any other.
    assertEquals([timeouts, losses], [0, 1]);
  },
);

Deno.test("uTP: a round trip that grows tenfold is no loss", none, () => {
  const path = new SimPath({ there: { delayMs: 20 }, back: { delayMs: 20 } });
  path.connect().transfer(500_000);
  path.run(100);
  path.there.addedMs = 900;
  path.transfer(20_000);
  path.run(3000);
  path.transfer(20_000);
  path.run(3000);
  const { spurious, losses, timeouts } = path.a.machine!.stats();
  assert(spurious > 0);
  assert(losses <= 1 && timeouts <= 2, `${losses} ${timeouts}`);
  // It has learned, although each packet was sent twice.
  assert(path.a.machine!.roundTripMs > 200);
  for (let i = 0; i < 10; i++) path.transfer(20_000);
  const { resends } = path.a.machine!.stats();
  path.transfer(20_000);
  assertEquals(path.a.machine!.stats().resends, resends);
});

Deno.test(
  "uTP: acks of any age count, RESETs only of what is new",
  none,
  () => {
    const path = new SimPath({ there: { delayMs: 20 }, back: { delayMs: 20 } });
    path.connect().transfer(200_000);
    path.run(1000);
    const { machine } = path.a;
    path.a.records = true;
    path.a.toWrite = 1;
    path.a.wake();
    path.run(1000);
    const { seqNr } = path.a.sent.find((packet) => packet.type === "data")!;
    const before = machine!.stats();
    const packet = (type: "state" | "reset", windowSize: number) =>
      encodeUtpPacket({
        type,
        connectionId: machine!.receiveId,
        timestamp: 0,
        timestampDifference: 0,
        windowSize,
        seqNr: 0,
        ackNr: (seqNr - 10) & 0xffff,
      });
    path.a.arrive(packet("state", 0));
    assertEquals(machine!.stats().dropped, before.dropped);
    assertEquals(machine!.stats().packetsReceived, before.packetsReceived + 1);
    path.a.arrive(packet("reset", 0));
    assertEquals(machine!.state, "connected");
    assertEquals(machine!.stats().dropped, before.dropped + 1);
    // What an old packet says of the window is old, too.
    assert(path.transfer(100_000) < 500);
  },
);

Deno.test(
  "uTP: three acks of a peer without selective acks tell of a loss",
  none,
  () => {
    const way = { delayMs: 20, rate: 1e6 };
    const path = new SimPath({ there: way, back: way }).connect();
    path.transfer(200_000);
    path.run(200);
    const { back, there } = path;
    const send = back.send.bind(back);
    back.send = (data, arrive, who) => {
      const plain = data.slice(0, 20);
      plain[1] = 0;
      send(plain, arrive, who);
    };
    let [sent, resentAt] = [0, 0];
    const start = path.clock.now();
    let lost = -1;
    there.filter = (data) => {
      const seqNr = data[16]! << 8 | data[17]!;
      if (++sent === 3) {
        lost = seqNr;
        return true;
      }
      if (seqNr === lost) resentAt = path.clock.now() - start;
      return false;
    };
    path.transfer(100_000);
    // A round trip after the third packet behind it, and no wait.
    assert(resentAt > 40 && resentAt < 60, `${resentAt}`);
    assertEquals(path.a.machine!.stats().fastResends, 1);
  },
);
