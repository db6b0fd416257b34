// What a connection does when there is nothing to say, and how it ends.
import { assert, assertEquals } from "@std/assert";
import { tryDecodeUtpPacket, type UtpPacketType } from "../../utp/packet.ts";
import { SimPath, type WayOptions } from "./sim_link.ts";

const none = { permissions: "none" } as const;
const MIB = 1 << 20;

function open(way: WayOptions = { delayMs: 20 }): SimPath {
  return new SimPath({ there: way, back: way }).connect();
}

function typeOf(data: Uint8Array): UtpPacketType {
  return tryDecodeUtpPacket(data)!.type;
}

Deno.test(
  "uTP: what was known of a path grows old while it idles",
  none,
  () => {
    const path = open();
    path.transfer(MIB);
    const before = path.a.machine!.congestionWindow;
    path.run(2_000);
    path.transfer(1000);
    const after = path.a.machine!.congestionWindow;
    assert(after < 0.5 * before && after > 1452, `${after} of ${before}`);
    path.run(3_600_000);
    path.transfer(1000);
    const last = path.a.machine!.congestionWindow;
    assert(last >= 1452 && last < after, `${last}`);
  },
);

Deno.test("uTP: who has nothing to say shows it twice a minute", none, () => {
  const path = open();
  path.transfer(1000);
  path.run(1000);
  for (const end of [path.a, path.b]) end.records = true;
  path.run(59_000);
  for (const { sent, machine } of [path.a, path.b]) {
    assertEquals(sent.map(({ type }) => type), ["state", "state"]);
    assertEquals(machine!.state, "connected");
  }
});

Deno.test("uTP: an end that nobody acks is given up soon", none, () => {
  const path = open();
  path.transfer(1000);
  path.run(1000);
  let fins = 0;
  path.there.filter = (data) => {
    if (typeOf(data) === "fin") fins++;
    return true;
  };
  path.a.ends = true;
  path.a.wake();
  path.run(10_000);
  const { state, error } = path.a.machine!;
  assertEquals([state, error?.code], ["closed", "timed-out"]);
  assert(fins >= 2 && fins <= 4, `${fins}`);
});

Deno.test("uTP: a lost ack of the other end is sent again", none, () => {
  const path = open();
  path.transfer(1000);
  path.run(1000);
  let lost = 0;
  path.there.filter = (data) => {
    // Its last word.
    const isLast = typeOf(data) === "state" && path.a.machine!.isEnded;
    return isLast && lost++ === 0;
  };
  path.a.ends = true;
  path.a.wake();
  path.run(20_000);
  assert(lost > 1, `${lost}`);
  for (const { machine } of [path.a, path.b]) {
    assertEquals([machine!.state, machine!.error], ["closed", undefined]);
  }
});

Deno.test(
  "uTP: who does not end after us is left in three seconds",
  none,
  () => {
    const path = open();
    path.transfer(1000);
    path.b.closes = false;
    path.a.machine!.close(path.a.now);
    path.a.wake();
    path.run(2_900);
    assertEquals(path.a.machine!.state, "connected");
    path.run(300);
    assertEquals(path.a.machine!.state, "closed");
  },
);
