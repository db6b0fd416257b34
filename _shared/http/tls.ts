/**
 * TLS over any connection, as `Deno.startTls` takes plain TCP only.
 *
 * @module
 */
import { Duplex } from "node:stream";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { type Endpoint, tryParseIp } from "../address.ts";
import { type ByteConnection, writeAll } from "../byte_conn.ts";

/** Bytes that are read at a time. */
const READ_BYTES = 65_536;

function duplexOf(inner: ByteConnection): Duplex {
  const buffer = new Uint8Array(READ_BYTES);
  return new Duplex({
    read() {
      inner.read(buffer).then(
        (count) => this.push(count === null ? null : buffer.slice(0, count)),
        (error) => this.destroy(error),
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(inner, chunk).then(() => done(), done);
    },
    destroy(error, done) {
      inner.close();
      done(error);
    },
  });
}

/** A connection by TLS over another one. */
export class TlsConnection implements ByteConnection {
  readonly #inner: ByteConnection;
  readonly #socket: TLSSocket;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();
  readonly local: Endpoint;
  readonly remote: Endpoint;

  constructor(inner: ByteConnection, socket: TLSSocket) {
    this.#inner = inner;
    this.#socket = socket;
    this.#chunks = socket[Symbol.asyncIterator]();
    this.local = inner.local;
    this.remote = inner.remote;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return null;
      this.#rest = value;
    }
    const part = this.#rest.subarray(0, buffer.length);
    this.#rest = this.#rest.subarray(part.length);
    buffer.set(part);
    return part.length;
  }
  write(data: Uint8Array): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#socket.write(
        data,
        (error) => error ? reject(error) : resolve(data.length),
      )
    );
  }
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void> {
    return new Promise((resolve) => this.#socket.end(resolve));
  }
  close(): void {
    this.#socket.destroy();
    this.#inner.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * Shakes hands by TLS; the other side must have a certificate of that name that
 * the system, or `--cert`, trusts.
 *
 * @param inner Closed where that fails.
 * @param hostname A DNS name or an IP address.
 * @returns The connection to use instead.
 */
export function secureConnection(
  inner: ByteConnection,
  hostname: string,
): Promise<ByteConnection> {
  const isIp = tryParseIp(hostname) !== undefined;
  const socket = connect({
    socket: duplexOf(inner),
    host: hostname,
    ...(isIp ? {} : { servername: hostname }),
  });
  return new Promise((resolve, reject) => {
    socket.once("secureConnect", () => {
      resolve(new TlsConnection(inner, socket));
    });
    // Later errors come with reads and writes.
    socket.on("error", (error) => {
      inner.close();
      reject(error);
    });
    socket.once("close", () => reject(new Error("The server hung up")));
  });
}

/**
 * Makes the server's end of connections by TLS. `Deno.listenTls` keeps the socket
 * of one that is closed before hands are shaken, for as long as the other side likes.
 *
 * @param tls Certificate chain and key, both PEM.
 * @returns What to use instead of a connection; hands are shaken by the first read.
 */
export function secureServer(
  tls: { readonly cert: string; readonly key: string },
): (inner: ByteConnection) => TlsConnection {
  const secureContext = createSecureContext({ ...tls });
  return (inner) => {
    const duplex = duplexOf(inner);
    const options = { isServer: true, secureContext };
    const socket = new TLSSocket(duplex as never, options as never);
    // They come with reads and writes.
    for (const end of [duplex, socket]) end.on("error", () => {});
    return new TlsConnection(inner, socket);
  };
}
