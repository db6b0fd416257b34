/**
 * A connection that gives its place back when it is closed.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import type { ConnectionTable, Slot } from "./connection_table.ts";

/** Passes everything on; frees its slot at the first close. */
export class TrackedConnection implements ByteConnection {
  readonly #inner: ByteConnection;
  readonly #table: ConnectionTable;
  readonly #slot: Slot;
  /** Whether it was closed on this side. */
  isClosed = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly transport: string;

  /** Wraps an open connection. */
  constructor(
    inner: ByteConnection,
    transport: string,
    table: ConnectionTable,
    slot: Slot,
  ) {
    this.#inner = inner;
    this.#table = table;
    this.#slot = slot;
    this.local = inner.local;
    this.remote = inner.remote;
    this.transport = inner.transport ?? transport;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inner.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#inner.write(data);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#inner.close();
    this.#table.close(this.#slot);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
