import { assertEquals } from "@std/assert";
import { ReadBuffer } from "../../../peer/wire/message_channel.ts";

Deno.test("ReadBuffer is small until blocks are awaited, and again after", {
  permissions: "none",
}, () => {
  const buffer = new ReadBuffer(524_288);
  assertEquals([buffer.size(false), buffer.bytes.length], [512, 512]);
  // A long message without payload behind it.
  for (let i = 0; i < 20; i++) buffer.used(buffer.size(false));
  assertEquals(buffer.size(false), 16_384);
  for (let i = 0; i < 20; i++) buffer.used(9), buffer.size(false);
  assertEquals(buffer.size(false), 512);
  assertEquals(buffer.size(true), 16_384);
  for (let i = 0; i < 20; i++) buffer.used(buffer.size(true));
  assertEquals([buffer.size(true), buffer.bytes.length], [524_288, 524_288]);
  for (let i = 0; i < 32; i++) buffer.used(100);
  assertEquals(buffer.size(true), 262_144);
  assertEquals(buffer.size(false), 16_384);
  const tiny = new ReadBuffer(100);
  assertEquals([tiny.size(false), tiny.size(true)], [100, 100]);
});

Deno.test("ReadBuffer shrinks after 32 reads in a row below a quarter", {
  permissions: "none",
}, () => {
  const buffer = new ReadBuffer(524_288);
  const read = (count: number, length: number) => {
    for (let i = 0; i < count; i++) buffer.used(length);
  };
  for (let i = 0; i < 10; i++) buffer.used(buffer.size(true));
  read(31, 131_071);
  read(1, 131_072);
  read(31, 131_071);
  assertEquals(buffer.size(true), 524_288);
  read(1, 131_071);
  assertEquals(buffer.size(true), 262_144);
});
