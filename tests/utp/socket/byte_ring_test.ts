import { assertEquals } from "@std/assert";
import { ByteRing } from "../../../utp/socket/byte_ring.ts";

Deno.test({
  name: "bytes come out as they went in, round after round",
  permissions: "none",
  fn() {
    const ring = new ByteRing();
    const data = new Uint8Array(300_000).map((_, i) => i ^ (i >> 8));
    const out = new Uint8Array(5000);
    let [put, got] = [0, 0];
    for (let round = 0; put < data.length; round++) {
      const count = Math.min(1 + (round * 997) % 4000, data.length - put);
      ring.push(data, put, put + count);
      put += count;
      const take = Math.min(ring.length, (round * 613) % 3500);
      ring.copy(got, take, out, 7);
      assertEquals(out.subarray(7, 7 + take), data.subarray(got, got + take));
      got += take;
      ring.dropUntil(got);
      assertEquals([ring.start, ring.end, ring.length], [got, put, put - got]);
    }
  },
});

Deno.test({
  name: "what was large and is empty takes bytes again",
  permissions: "none",
  fn() {
    const ring = new ByteRing();
    const data = new Uint8Array(100_000).fill(5);
    ring.push(data, 0, data.length);
    ring.dropUntil(100_000);
    ring.push(data, 1, 4);
    const out = new Uint8Array(4);
    ring.copy(100_000, 3, out, 0);
    assertEquals([...out], [5, 5, 5, 0]);
  },
});

Deno.test({
  name: "what stands before a payload covers nothing",
  permissions: "none",
  fn() {
    const ring = new ByteRing();
    const packet = new Uint8Array(1000).fill(99);
    const out = new Uint8Array(1);
    let got = 0;
    for (let n = 0; n < 200; n++) {
      const from = 20 + n % 40;
      for (let i = from; i < 1000; i++) packet[i] = ring.end + i - from;
      ring.push(packet, from, 1000);
      while (ring.length > (n % 3) * 500) {
        ring.copy(got, 1, out, 0);
        assertEquals(out[0], got & 255);
        ring.dropUntil(++got);
      }
    }
  },
});
