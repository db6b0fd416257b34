/**
 * A connection behind an exchange of keys, or behind a proxy.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import type { MseCiphers } from "./mse_machine.ts";

/** Most bytes that are encrypted at a time. */
const MAX_CHUNK = 1 << 18;

/**
 * Gives bytes that were read already first, then those of the connection;
 * encrypts and decrypts where there are ciphers. One read and one write at a
 * time.
 */
export class EncryptedConnection implements ByteConnection {
  readonly #inner: ByteConnection;
  readonly #ciphers: MseCiphers | undefined;
  #unread: Uint8Array;
  #scratch = new Uint8Array(0);
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly transport?: string;

  /** Wraps an open connection; `unread` is in the clear. */
  constructor(
    inner: ByteConnection,
    ciphers: MseCiphers | undefined,
    unread: Uint8Array,
    { remote, transport }: Pick<ByteConnection, "remote" | "transport"> = inner,
  ) {
    this.#inner = inner;
    this.#ciphers = ciphers;
    this.#unread = unread;
    this.local = inner.local;
    this.remote = remote;
    if (transport !== undefined) this.transport = transport;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const unread = this.#unread;
    if (unread.length > 0) {
      const length = Math.min(unread.length, buffer.length);
      buffer.set(unread.subarray(0, length));
      this.#unread = unread.subarray(length);
      return length;
    }
    const length = await this.#inner.read(buffer);
    if (length !== null) {
      this.#ciphers?.incoming.process(buffer.subarray(0, length));
    }
    return length;
  }

  async write(data: Uint8Array): Promise<number> {
    const ciphers = this.#ciphers;
    if (ciphers === undefined) return await this.#inner.write(data);
    // The caller's bytes stay as they are.
    const length = Math.min(data.length, MAX_CHUNK);
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(length);
    const encrypted = this.#scratch.subarray(0, length);
    encrypted.set(data.subarray(0, length));
    ciphers.outgoing.process(encrypted);
    await writeAll(this.#inner, encrypted);
    return length;
  }

  close(): void {
    this.#inner.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
