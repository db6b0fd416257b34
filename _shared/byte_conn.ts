/**
 * Stream connections as a port, and its TCP adapter.
 *
 * @module
 */
import { type Endpoint, normalizeHostname } from "./address.ts";

/** An open, reliable, ordered byte connection such as TCP. */
export interface ByteConnection extends Disposable {
  /** Our end. */
  readonly local: Endpoint;
  /** The other end. */
  readonly remote: Endpoint;
  /** Name of the transport that made it, such as `"tcp"`. */
  readonly transport?: string;
  /**
   * Reads what has arrived.
   *
   * @param buffer Where to put it.
   * @returns How many bytes were read (at least 1), or `null` at the end.
   */
  read(buffer: Uint8Array): Promise<number | null>;
  /**
   * Writes; may take only the first part.
   *
   * @param data What to write.
   * @returns How many bytes were taken.
   */
  write(data: Uint8Array): Promise<number>;
  /** Closes both directions; a pending read or write rejects. Idempotent. */
  close(): void;
}

/** Accepts {@linkcode ByteConnection}s. */
export interface ByteListener extends Disposable {
  /** The bound address. */
  readonly local: Endpoint;
  /**
   * Waits for the next connection. Rejects when one could not be accepted, as
   * when there are too many open files: asked again a moment later it goes on.
   *
   * @returns The connection, or `undefined` once the listener is closed.
   */
  accept(): Promise<ByteConnection | undefined>;
  /** Stops listening; a pending accept resolves. Idempotent. */
  close(): void;
}

/** Options of {@linkcode ByteTransport.connect}. */
export interface ByteConnectOptions {
  /** Ends the attempt. */
  readonly signal?: AbortSignal | undefined;
}

/** Makes and accepts connections. An encrypted or uTP transport fits as well. */
export interface ByteTransport {
  /** Short name for statistics, such as `"tcp"`. */
  readonly name: string;
  /** Whether peers are dialled by it, or only accepted. @default {true} */
  readonly dials?: boolean | undefined;
  /**
   * Connects.
   *
   * @param remote Where to.
   * @param options See {@linkcode ByteConnectOptions}.
   * @returns The open connection.
   */
  connect(
    remote: Endpoint,
    options?: ByteConnectOptions,
  ): Promise<ByteConnection>;
  /**
   * Listens.
   *
   * @param local Where; port 0 picks a free one.
   * @returns The listener.
   */
  listen(local: Endpoint): Promise<ByteListener>;
}

function endpointOf({ hostname, port }: Deno.NetAddr): Endpoint {
  return { hostname: normalizeHostname(hostname), port };
}

class TcpConnection implements ByteConnection {
  readonly #conn: Deno.TcpConn;
  #closed = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly transport = "tcp";

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
    this.local = endpointOf(conn.localAddr);
    this.remote = endpointOf(conn.remoteAddr);
    try {
      conn.setNoDelay(true);
    } catch {
      // Reset already: reading will tell.
    }
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#conn.read(buffer);
  }
  write(data: Uint8Array): Promise<number> {
    return this.#conn.write(data);
  }
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#conn.close();
    } catch {
      // Already gone.
    }
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

/** TCP through `Deno.connect` and `Deno.listen`. Needs `--allow-net`. */
export const tcpTransport: ByteTransport = {
  name: "tcp",
  async connect(remote, options = {}) {
    const { signal } = options;
    signal?.throwIfAborted();
    const conn = await Deno.connect({
      hostname: remote.hostname,
      port: remote.port,
      ...(signal ? { signal } : {}),
    });
    if (signal?.aborted) {
      conn.close();
      throw signal.reason;
    }
    return new TcpConnection(conn);
  },
  // deno-lint-ignore require-await
  async listen(local) {
    const first = listenTcp(local);
    if (local.hostname !== "::") return first;
    try {
      // Most systems let IPv4 in at `::`, and have no room for this.
      const { port } = first.local;
      return joinListeners([first, listenTcp({ hostname: "0.0.0.0", port })]);
    } catch (error) {
      if (error instanceof Deno.errors.AddrInUse) return first;
      if (error instanceof Deno.errors.NotCapable) return first;
      first.close();
      throw error;
    }
  },
};

function listenTcp(local: Endpoint): ByteListener {
  const listener = Deno.listen({
    hostname: local.hostname,
    port: local.port,
    transport: "tcp",
  });
  const address = listener.addr as Deno.NetAddr;
  let closed = false;
  const close = () => {
    if (closed) return;
    closed = true;
    listener.close();
  };
  return {
    local: { hostname: address.hostname, port: address.port },
    async accept() {
      try {
        return new TcpConnection(await listener.accept());
      } catch (error) {
        if (closed || error instanceof Deno.errors.BadResource) {
          return undefined;
        }
        throw error;
      }
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Accepts at several addresses as at the first. */
export function joinListeners(
  listeners: readonly ByteListener[],
): ByteListener {
  const waiting = new Map<ByteListener, ReturnType<ByteListener["accept"]>>();
  const close = () => listeners.forEach((listener) => listener.close());
  return {
    local: listeners[0]!.local,
    async accept() {
      for (const listener of listeners) {
        if (waiting.has(listener)) continue;
        const accepted = listener.accept();
        // Told to those who wait: it may settle before that.
        accepted.catch(() => {});
        waiting.set(listener, accepted);
      }
      const ready = await Promise.race(
        [...waiting].map(([listener, accepted]) =>
          accepted.then(() => listener, () => listener)
        ),
      );
      const accepted = waiting.get(ready);
      waiting.delete(ready);
      const connection = await accepted;
      // Where one has ended the others are of no use.
      if (connection === undefined) close();
      return connection;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Writes all bytes, however few are taken at a time. */
export async function writeAll(
  conn: ByteConnection,
  data: Uint8Array,
): Promise<void> {
  let offset = 0;
  while (offset < data.length) {
    offset += await conn.write(offset === 0 ? data : data.subarray(offset));
  }
}
