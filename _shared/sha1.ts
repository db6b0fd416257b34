/**
 * SHA-1 (RFC 3174) for what is short: info dictionaries, names, addresses.
 * Loading a native digest costs more time than these take. Payload is hashed
 * natively, see `metainfo/node.ts`.
 *
 * @module
 */

const schedule = new Int32Array(80);

function compress(state: Int32Array, data: DataView, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = data.getInt32(at + 4 * i);
  for (let i = 16; i < 80; i++) {
    const x = w[i - 3]! ^ w[i - 8]! ^ w[i - 14]! ^ w[i - 16]!;
    w[i] = (x << 1) | (x >>> 31);
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  for (let i = 0; i < 80; i++) {
    const f = i < 20
      ? (d ^ (b & (c ^ d))) + 0x5a827999
      : i < 40
      ? (b ^ c ^ d) + 0x6ed9eba1
      : i < 60
      ? ((b & c) | (d & (b | c))) + 0x8f1bbcdc
      : (b ^ c ^ d) + 0xca62c1d6;
    const next = (((a << 5) | (a >>> 27)) + f + e + w[i]!) | 0;
    e = d;
    d = c;
    c = (b << 30) | (b >>> 2);
    b = a;
    a = next;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
}

/** Hashes bytes with SHA-1: 20 bytes. */
export function sha1(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const state = Int32Array.of(
    0x67452301,
    0xefcdab89,
    0x98badcfe,
    0x10325476,
    0xc3d2e1f0,
  );
  const whole = bytes.length - bytes.length % 64;
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < whole; at += 64) compress(state, data, at);
  // What is left over, a one bit, zeros, and the length in bits.
  const rest = bytes.length - whole;
  const tail = new Uint8Array(rest < 56 ? 64 : 128);
  tail.set(bytes.subarray(whole));
  tail[rest] = 0x80;
  const tailData = new DataView(tail.buffer);
  tailData.setBigUint64(tail.length - 8, BigInt(bytes.length) * 8n);
  for (let at = 0; at < tail.length; at += 64) compress(state, tailData, at);
  const digest = new Uint8Array(20);
  const words = new DataView(digest.buffer);
  for (let i = 0; i < 5; i++) words.setInt32(4 * i, state[i]!);
  return digest;
}
