import { assertEquals } from "@std/assert";
import type { ByteConnection } from "../../../_shared/byte_conn.ts";
import { EncryptedConnection } from "../../../handshake/encryption/encrypted_connection.ts";
import { Rc4 } from "../../../handshake/encryption/rc4.ts";

const none = { permissions: "none" } as const;
const key = Uint8Array.of(1, 2, 3);

/** Takes at most 1000 bytes at a time; gives `data`, then the end. */
class Wire implements ByteConnection {
  readonly local = { hostname: "10.0.0.1", port: 1 };
  readonly remote = { hostname: "10.0.0.2", port: 2 };
  readonly transport = "tcp";
  readonly written: number[] = [];
  closes = 0;
  #data: Uint8Array;

  constructor(data: Uint8Array) {
    this.#data = data;
  }
  read(buffer: Uint8Array): Promise<number | null> {
    const length = Math.min(buffer.length, this.#data.length);
    if (length === 0) return Promise.resolve(null);
    buffer.set(this.#data.subarray(0, length));
    this.#data = this.#data.subarray(length);
    return Promise.resolve(length);
  }
  write(data: Uint8Array): Promise<number> {
    const part = data.subarray(0, 1000);
    this.written.push(...part);
    return Promise.resolve(part.length);
  }
  close(): void {
    this.closes++;
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

const ciphers = () => ({ outgoing: new Rc4(key), incoming: new Rc4(key) });

Deno.test(
  "what was read before comes first, then what is decrypted",
  none,
  async () => {
    const sent = Uint8Array.of(4, 5, 6, 7);
    new Rc4(key).process(sent);
    const wire = new Wire(sent);
    const unread = Uint8Array.of(1, 2, 3);
    const connection = new EncryptedConnection(wire, ciphers(), unread);
    const buffer = new Uint8Array(2);
    const got: number[] = [];
    let length;
    while ((length = await connection.read(buffer)) !== null) {
      got.push(...buffer.subarray(0, length));
    }
    assertEquals(got, [1, 2, 3, 4, 5, 6, 7]);
    assertEquals([connection.transport, connection.remote.port], ["tcp", 2]);
    connection.close();
    assertEquals(wire.closes, 1);
  },
);

Deno.test(
  "a long write is encrypted in parts and goes out whole",
  none,
  async () => {
    const wire = new Wire(new Uint8Array(0));
    const connection = new EncryptedConnection(
      wire,
      ciphers(),
      new Uint8Array(0),
    );
    const data = new Uint8Array(300_000).fill(7);
    let taken = 0;
    while (taken < data.length) {
      taken += await connection.write(data.subarray(taken));
    }
    const bytes = Uint8Array.from(wire.written);
    new Rc4(key).process(bytes);
    assertEquals(bytes, data);
  },
);

Deno.test("without ciphers bytes stay as they are", none, async () => {
  const wire = new Wire(Uint8Array.of(9));
  const connection = new EncryptedConnection(
    wire,
    undefined,
    new Uint8Array(0),
  );
  const buffer = new Uint8Array(4);
  assertEquals([await connection.read(buffer), buffer[0]], [1, 9]);
  assertEquals(await connection.write(Uint8Array.of(8)), 1);
  assertEquals(wire.written, [8]);
});
