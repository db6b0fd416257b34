/**
 * A TCP connection from a chosen address: `Deno.connect` chooses by itself.
 *
 * @module
 */
import type { connect, Socket } from "node:net";
import { type Endpoint, normalizeHostname } from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";

/** Bytes that come at a time. */
const READ_BYTES = 262_144;

interface Reader {
  readonly buffer: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** A connection that can end without anything that is sent again. */
export interface ResettableConnection extends ByteConnection {
  /** Breaks it off; what was not sent yet is not. */
  reset(): void;
}

class BoundConnection implements ResettableConnection {
  readonly #socket: Socket;
  /** What came while nobody read, at most one reading of it. */
  readonly #rest: Uint8Array[] = [];
  #reader: Reader | undefined;
  #isOver = false;
  #error: unknown;
  readonly transport = "tcp";
  local: Endpoint = { hostname: "", port: 0 };
  remote: Endpoint = { hostname: "", port: 0 };

  constructor(
    dial: typeof connect,
    remote: Endpoint,
    localAddress: string,
    onConnected: (error?: unknown) => void,
  ) {
    const socket = dial({
      host: remote.hostname,
      port: remote.port,
      localAddress,
      noDelay: true,
      onread: {
        buffer: new Uint8Array(READ_BYTES),
        callback: (count: number, buffer: Uint8Array) =>
          this.#take(buffer.subarray(0, count)),
      },
    });
    this.#socket = socket;
    socket.once("connect", () => {
      this.local = endpointOf(socket.localAddress, socket.localPort);
      this.remote = endpointOf(socket.remoteAddress, socket.remotePort);
      onConnected();
    });
    socket.once("end", () => this.#end());
    socket.on("error", (error) => this.#end(error));
    socket.once("close", () => {
      const error = this.#error ?? new Error("The connection is closed");
      this.#end(error);
      onConnected(error);
    });
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const [first] = this.#rest;
    if (first !== undefined) {
      const part = first.subarray(0, buffer.length);
      buffer.set(part);
      if (part.length < first.length) {
        this.#rest[0] = first.subarray(part.length);
      } else this.#rest.shift();
      return Promise.resolve(part.length);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#isOver) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
      this.#socket.resume();
    });
  }
  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(
        data,
        (error) => error ? reject(error) : resolve(data.length),
      )
    );
  }
  close(): void {
    this.#socket.destroy();
  }
  reset(): void {
    this.#socket.resetAndDestroy();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** Hands bytes to who reads; returns whether more may come. */
  #take(data: Uint8Array): boolean {
    const reader = this.#reader;
    this.#reader = undefined;
    const part = data.subarray(0, reader?.buffer.length ?? 0);
    reader?.buffer.set(part);
    if (part.length < data.length) this.#rest.push(data.slice(part.length));
    reader?.resolve(part.length);
    return false;
  }

  #end(error?: unknown): void {
    this.#isOver = true;
    this.#error ??= error;
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined) reader?.resolve(null);
    else reader?.reject(error);
  }
}

function endpointOf(hostname = "", port = 0): Endpoint {
  return { hostname: normalizeHostname(hostname), port };
}

/**
 * Connects from an address. Needs `--allow-net`.
 *
 * @param remote An IP address of the same version, and a port.
 * @param localAddress Ours.
 * @param signal Ends the attempt.
 */
export async function connectFrom(
  remote: Endpoint,
  localAddress: string,
  signal?: AbortSignal,
): Promise<ResettableConnection> {
  // Most sessions are bound to nothing and need no part of Node's.
  const { connect } = await import("node:net");
  signal?.throwIfAborted();
  return await new Promise((resolve, reject) => {
    const onAbort = () => {
      connection.close();
      reject(signal?.reason);
    };
    const connection = new BoundConnection(
      connect,
      remote,
      localAddress,
      (error) => {
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve(connection);
        else reject(error);
      },
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
