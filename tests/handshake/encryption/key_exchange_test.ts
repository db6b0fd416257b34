import { assertEquals } from "@std/assert";
import {
  MSE_KEY_LENGTH,
  MseKeyPair,
} from "../../../handshake/encryption/key_exchange.ts";

const none = { permissions: "none" } as const;

/** A private key of one byte. */
function pair(key: number): MseKeyPair {
  return new MseKeyPair({
    getRandomValues: (bytes) => {
      new Uint8Array(bytes!.buffer).fill(key);
      return bytes;
    },
  }, 1);
}

/** 96 bytes whose last ones are these. */
function key(...last: number[]): Uint8Array {
  const bytes = new Uint8Array(MSE_KEY_LENGTH);
  bytes.set(last, MSE_KEY_LENGTH - last.length);
  return bytes;
}

Deno.test("short keys and secrets have zeros in front", none, () => {
  const [five, ten] = [pair(5), pair(10)];
  assertEquals(five.publicKey, key(32));
  assertEquals(ten.publicKey, key(4, 0));
  // 2 to the 50th.
  const secret = key(4, 0, 0, 0, 0, 0, 0);
  assertEquals(five.secretWith(ten.publicKey), secret);
  assertEquals(ten.secretWith(five.publicKey), secret);
});

Deno.test("a private key has 160 bits", none, () => {
  const drawn: number[] = [];
  new MseKeyPair({
    getRandomValues: (bytes) => {
      drawn.push(bytes!.byteLength);
      return bytes;
    },
  });
  assertEquals(drawn, [20]);
});
