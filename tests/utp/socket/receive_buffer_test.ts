import { assertEquals } from "@std/assert";
import { ReceiveBuffer } from "../../../utp/socket/receive_buffer.ts";

const none = { permissions: "none" } as const;

const bytes = (count: number, value: number) =>
  new Uint8Array(count).fill(value);

function readAll(buffer: ReceiveBuffer): number[] {
  const out = new Uint8Array(1000);
  return [...out.subarray(0, buffer.read(out))];
}

Deno.test("packets come out in order, however they came", none, () => {
  // Beside the wrap of numbers.
  const buffer = new ReceiveBuffer(0xfffe, 1000);
  assertEquals(buffer.receive(1, false, bytes(3, 3), 1), "ahead");
  assertEquals(buffer.receive(0, false, bytes(2, 2), 0), "ahead");
  assertEquals(buffer.receive(0, false, bytes(2, 2), 0), "duplicate");
  assertEquals([buffer.hasGap, buffer.readable, buffer.window], [true, 0, 996]);
  assertEquals(buffer.receive(0xffff, false, bytes(1, 1), 0), "next");
  assertEquals([buffer.hasGap, buffer.ackNr], [false, 1]);
  assertEquals(buffer.window, 995);
  assertEquals(readAll(buffer), [1, 2, 2, 3, 3]);
  assertEquals([buffer.window, buffer.readable], [1000, 0]);
  assertEquals(buffer.receive(1, false, bytes(3, 3), 0), "duplicate");
  assertEquals(buffer.receive(0xfff0, false, bytes(3, 3), 0), "duplicate");
});

Deno.test(
  "what there is no room for is dropped, but for what is next",
  none,
  () => {
    const buffer = new ReceiveBuffer(0, 10);
    assertEquals(buffer.receive(3, false, bytes(6, 3), 0), "ahead");
    assertEquals(buffer.receive(2, false, bytes(5, 2), 0), "dropped");
    assertEquals(buffer.receive(2, false, bytes(4, 2), 0), "ahead");
    assertEquals(buffer.window, 0);
    // Its room is more than what is advertised: the gap closes.
    assertEquals(buffer.receive(1, false, bytes(4, 1), 0), "next");
    assertEquals(buffer.readable, 14);
    assertEquals(buffer.receive(4, false, bytes(1, 4), 0), "dropped");
    assertEquals(buffer.receive(2033 + 3, false, bytes(0, 4), 0), "dropped");
    assertEquals(buffer.receive(2032 + 3, false, bytes(0, 4), 0), "ahead");
  },
);

Deno.test("a selective ack names what is beyond the gap", none, () => {
  const buffer = new ReceiveBuffer(100, 1000);
  const out = new Uint8Array(300).fill(9);
  assertEquals(buffer.writeSack(out, 3), 0);
  buffer.receive(102, false, bytes(1, 0), 0);
  buffer.receive(104, false, bytes(1, 0), 0);
  buffer.receive(110, false, bytes(1, 0), 0);
  assertEquals(buffer.writeSack(out, 3), 4);
  assertEquals([...out.subarray(2, 8)], [9, 0b0000_0101, 1, 0, 0, 9]);
  buffer.receive(134, false, bytes(1, 0), 0);
  assertEquals(buffer.writeSack(out, 3), 8);
  assertEquals([...out.subarray(3, 12)], [5, 1, 0, 0, 1, 0, 0, 0, 9]);
  buffer.receive(133, false, bytes(1, 0), 0);
  buffer.receive(2100, false, bytes(1, 0), 0);
  assertEquals(buffer.writeSack(out, 3), 252);
  assertEquals([...out.subarray(3, 9)], [5, 1, 0, 0x80, 1, 0]);
});

Deno.test("an ack that goes on repeats no names", none, () => {
  const buffer = new ReceiveBuffer(0, 1000);
  const out = new Uint8Array(300);
  buffer.receive(3, false, bytes(1, 3), 0);
  buffer.receive(5, false, bytes(1, 5), 0);
  assertEquals(buffer.writeSack(out, 0), 4);
  // One that stands still does: it may be all that arrives.
  assertEquals(buffer.writeSack(out, 0), 4);
  buffer.receive(1, false, bytes(1, 1), 0);
  assertEquals(buffer.writeSack(out, 0), 0);
  assertEquals(buffer.writeSack(out, 0), 4);
  buffer.receive(2, false, bytes(1, 2), 0);
  assertEquals([buffer.ackNr, buffer.writeSack(out, 0)], [3, 0]);
  buffer.receive(7, false, bytes(1, 7), 0);
  assertEquals([buffer.writeSack(out, 0), out[0]], [4, 0b101]);
  // What is new is named with what goes on.
  buffer.receive(9, false, bytes(1, 9), 0);
  buffer.receive(4, false, bytes(1, 4), 0);
  assertEquals([buffer.ackNr, buffer.writeSack(out, 0)], [5, 4]);
  assertEquals(out[0], 0b101);
});

Deno.test("nothing comes behind the end", none, () => {
  const buffer = new ReceiveBuffer(0, 1000);
  assertEquals(buffer.receive(3, true, bytes(1, 3), 0), "ahead");
  assertEquals(buffer.receive(4, false, bytes(1, 4), 0), "dropped");
  assertEquals(buffer.receive(2, false, bytes(1, 2), 0), "ahead");
  assertEquals(buffer.isComplete, false);
  assertEquals(buffer.receive(1, false, bytes(1, 1), 0), "next");
  assertEquals([buffer.isComplete, buffer.ackNr], [true, 3]);
  assertEquals(readAll(buffer), [1, 2, 3]);
  // An end before what has arrived is a lie.
  const liar = new ReceiveBuffer(0, 1000);
  liar.receive(5, false, bytes(1, 5), 0);
  assertEquals(liar.receive(3, true, bytes(0, 0), 0), "dropped");
  assertEquals(liar.receive(6, true, bytes(0, 0), 0), "ahead");
});

Deno.test("what nobody reads is acked and not kept", none, () => {
  const buffer = new ReceiveBuffer(0, 10);
  buffer.receive(1, false, bytes(10, 1), 0);
  assertEquals(buffer.window, 0);
  buffer.discard();
  assertEquals([buffer.window, buffer.readable], [10, 0]);
  assertEquals(buffer.receive(3, false, bytes(500, 1), 0), "ahead");
  assertEquals(buffer.receive(2, false, bytes(500, 1), 0), "next");
  assertEquals([buffer.ackNr, buffer.readable, buffer.window], [3, 0, 10]);
});

Deno.test("a packet without payload costs room beyond a gap, too", () => {
  const most = 100 * 128;
  const many = new ReceiveBuffer(0, 1_000_000);
  let kept = 0;
  for (let n = 2; n < 2000; n++) {
    if (many.receive(n, false, bytes(n % 2, 1), 0, most) === "ahead") kept++;
  }
  assertEquals(kept, 101);
  const big = new ReceiveBuffer(0, 1_000_000);
  kept = 0;
  for (let n = 2; n < 2000; n++) {
    if (big.receive(n, false, bytes(1400, 1), 0, most) === "ahead") kept++;
  }
  assertEquals(kept, 9);
});
