/**
 * A connection that tells its handshaker when it is closed.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";

/** Passes everything on; reports the first close. */
export class TrackedConnection implements ByteConnection {
  readonly #inner: ByteConnection;
  #onClose: (() => void) | undefined;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly transport: string;

  /** Wraps an open connection. */
  constructor(inner: ByteConnection, transport: string, onClose: () => void) {
    this.#inner = inner;
    this.#onClose = onClose;
    this.local = inner.local;
    this.remote = inner.remote;
    this.transport = inner.transport ?? transport;
  }

  /** Whether it was closed on this side. */
  get closed(): boolean {
    return this.#onClose === undefined;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inner.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#inner.write(data);
  }

  close(): void {
    const onClose = this.#onClose;
    if (onClose === undefined) return;
    this.#onClose = undefined;
    this.#inner.close();
    onClose();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
