/**
 * A small HTTP server, over connections that strangers may open, leave and stall
 * as they like. Bodies of requests are read where the handler asks for them.
 *
 * `Deno.serve` counts no connections, waits for requests without end and ends the
 * process when descriptors run out; this one is what stays.
 *
 * Invariants: a connection has one request under way and one answer being
 * written; while it has neither it may be closed at any time, for being late or
 * for making room; accepting goes on until the server is closed.
 *
 * @module
 */
import { type Endpoint, isMappedIpv4, tryParseIp } from "../_shared/address.ts";
import { encodeText, toByteString } from "../_shared/bytes.ts";
import type { Clock } from "../_shared/clock.ts";
import { encodeHttpAnswer, type HttpAnswer } from "./http_answer.ts";
import {
  checkBodyLength,
  HttpBodyError,
  type ReadBody,
  readHttpBody,
} from "./http_body.ts";
import {
  httpHeader,
  type HttpRequest,
  HttpRequestError,
  HttpRequestReader,
} from "./http_request.ts";
import { HttpsListener } from "./https_listener.ts";

/** How often connections are looked through, in milliseconds. */
const SWEEP_MS = 1_000;
/** How long nothing is accepted after that failed, in milliseconds. */
const PAUSE_MS = 100;
/** Connections closed where descriptors run out, and so many left at least. */
const RELIEF = 16;
/** How long an answer may take to be written, in milliseconds. */
const WRITE_MS = 10_000;
/** How long answers under way may take once the server closes. */
const CLOSE_MS = 4_000;
/** Bytes, and milliseconds, of a body that are waited for to be thrown away. */
const MAX_DISCARDED = 65_536;
const DISCARD_MS = 2_000;

/** An accepted connection: a `Deno.TcpConn` fits. */
export interface HttpConnection {
  /** Who is at the other end. */
  readonly remoteAddr: Endpoint;
  /** Reads; gives the bytes read, null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  /** Writes; gives the bytes taken. */
  write(data: Uint8Array): Promise<number>;
  /** Says that nothing more will be written. */
  closeWrite(): Promise<void>;
  /** Closes; what is under way is rejected. */
  close(): void;
}

/** Where connections come from: a `Deno.TcpListener` fits. */
export interface HttpListener {
  /** Where it listens. */
  readonly addr: Endpoint;
  /** Gives the next connection. */
  accept(): Promise<HttpConnection>;
  /** Stops; a pending `accept` is rejected. */
  close(): void;
}

/** Options of {@linkcode HttpServer}. */
export interface HttpServerOptions {
  /** Answers; what it throws becomes status 500, or that of its error. */
  readonly handler: (
    request: HttpRequest,
    remote: Endpoint,
    readBody: ReadBody,
  ) => HttpAnswer | Promise<HttpAnswer>;
  /** Certificate chain and key, both PEM: serves HTTPS. @default {HTTP} */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Clock to use. */
  readonly clock: Clock;
  /**
   * Most connections; then the one that waits for a request longest goes.
   *
   * @default {1024}
   */
  readonly maxConnections?: number | undefined;
  /**
   * Most connections of one IPv4 address or IPv6 /64; then one of its own goes.
   *
   * @default {64}
   */
  readonly maxConnectionsPerAddress?: number | undefined;
  /**
   * How long a request may take to come, in milliseconds.
   *
   * @default {10_000}
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * How long a connection may rest between two requests, in milliseconds.
   *
   * @default {15_000}
   */
  readonly idleTimeoutMs?: number | undefined;
}

/** A connection and what it is about. */
interface Client {
  readonly conn: HttpConnection;
  readonly group: Group;
  readonly reader: HttpRequestReader;
  /** When it goes, unless something happens. */
  deadline: number;
  /** A read under way into the reader's room. */
  reading: Promise<number | null> | undefined;
  /** Bytes of the present request's body that were not read. */
  unread: number;
}

/** The connections of one address. */
interface Group {
  readonly key: string;
  count: number;
  /** Those without a request under way, the longest waiting first. */
  readonly waiting: Set<Client>;
}

/** Serves HTTP, bounded in connections, bytes and time. */
export class HttpServer {
  readonly #listener: HttpListener;
  readonly #handler: HttpServerOptions["handler"];
  readonly #clock: Clock;
  readonly #maxConnections: number;
  readonly #maxPerAddress: number;
  readonly #requestMs: number;
  readonly #idleMs: number;
  readonly #clients = new Map<Client, Promise<void>>();
  readonly #waiting = new Set<Client>();
  readonly #groups = new Map<string, Group>();
  /** Connections that are allowed now: fewer after descriptors ran out. */
  #room: number;
  #cancelSweep: (() => void) | undefined;
  readonly #accepting: Promise<void>;
  #closing: Promise<void> | undefined;

  /** Begins to accept. */
  constructor(listener: HttpListener, options: HttpServerOptions) {
    this.#listener = listener;
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#maxConnections = options.maxConnections ?? 1024;
    this.#maxPerAddress = options.maxConnectionsPerAddress ?? 64;
    this.#requestMs = options.requestTimeoutMs ?? 10_000;
    this.#idleMs = options.idleTimeoutMs ?? 15_000;
    this.#room = this.#maxConnections;
    this.#accepting = this.#accept();
  }

  /** Listens. Needs `--allow-net` for the address. */
  static listen(local: Endpoint, options: HttpServerOptions): HttpServer {
    const { hostname, port } = local;
    const { tls } = options;
    const listener = tls === undefined
      ? Deno.listen({ hostname, port })
      : new HttpsListener(local, tls);
    return new HttpServer(listener, options);
  }

  /** Where it listens. */
  get local(): Endpoint {
    const { hostname, port } = this.#listener.addr;
    return { hostname, port };
  }

  /** Open connections. */
  get connections(): number {
    return this.#clients.size;
  }

  /**
   * Stops: requests that came in whole are answered, but not waited for longer
   * than a few seconds. Idempotent.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#listener.close();
    for (const client of this.#waiting) shut(client.conn);
    const end = this.#clock.now() + CLOSE_MS;
    for (const client of this.#clients.keys()) {
      client.deadline = Math.min(client.deadline, end);
    }
    await this.#accepting;
    await Promise.all(this.#clients.values());
    this.#cancelSweep?.();
  }

  async #accept(): Promise<void> {
    while (this.#closing === undefined) {
      try {
        this.#admit(await this.#listener.accept());
      } catch (error) {
        if (this.#closing !== undefined) return;
        if (isGone(error)) continue;
        if (isOutOfDescriptors(error)) this.#relieve();
        await new Promise<void>((resolve) =>
          this.#clock.schedule(this.#clock.now() + PAUSE_MS, resolve)
        );
      }
    }
  }

  /** Makes do with fewer connections for a while. */
  #relieve(): void {
    const room = Math.max(RELIEF, this.#clients.size - RELIEF);
    this.#room = Math.min(this.#room, room);
    let excess = this.#clients.size - this.#room;
    for (const client of this.#waiting) {
      if (excess-- <= 0) break;
      this.#drop(client);
    }
  }

  #admit(conn: HttpConnection): void {
    const key = keyOf(conn.remoteAddr.hostname);
    const group = this.#groups.get(key) ??
      { key, count: 0, waiting: new Set<Client>() };
    const isCrowded = group.count >= this.#maxPerAddress;
    if (isCrowded || this.#clients.size >= this.#room) {
      const waiting = isCrowded ? group.waiting : this.#waiting;
      const [longest] = waiting;
      // All are being answered: the newcomer is one too many.
      if (longest === undefined || this.#closing !== undefined) {
        return shut(conn);
      }
      this.#drop(longest);
    }
    this.#groups.set(key, group);
    group.count++;
    const deadline = this.#clock.now() + this.#requestMs;
    const client: Client = {
      conn,
      group,
      reader: new HttpRequestReader(),
      deadline,
      reading: undefined,
      unread: 0,
    };
    // The map is to have the client before its task can end.
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#clients.set(client, promise);
    if (this.#cancelSweep === undefined) this.#sweepLater();
    this.#serve(client).finally(() => {
      this.#forget(client);
      resolve();
    });
  }

  /** Closes a connection that waits, and counts it no more. */
  #drop(client: Client): void {
    shut(client.conn);
    this.#forget(client);
  }

  #forget(client: Client): void {
    const { group } = client;
    this.#setWaiting(client, false);
    if (!this.#clients.delete(client)) return;
    if (--group.count === 0) this.#groups.delete(group.key);
  }

  #setWaiting(client: Client, waits: boolean): void {
    for (const set of [this.#waiting, client.group.waiting]) {
      if (waits) set.add(client);
      else set.delete(client);
    }
  }

  #sweepLater(): void {
    const clock = this.#clock;
    this.#cancelSweep = clock.schedule(clock.now() + SWEEP_MS, () => {
      this.#cancelSweep = undefined;
      const now = clock.now();
      for (const client of this.#clients.keys()) {
        if (client.deadline <= now) shut(client.conn);
      }
      this.#room = Math.min(this.#maxConnections, this.#room + 1);
      if (this.#clients.size > 0) this.#sweepLater();
    });
  }

  /** Serves a connection to its end; never rejects. */
  async #serve(client: Client): Promise<void> {
    const { conn, reader } = client;
    try {
      while (true) {
        const request = await this.#read(client);
        if (request === undefined) return;
        this.#setWaiting(client, false);
        client.deadline = Infinity;
        const isError = request instanceof HttpRequestError;
        client.unread = isError ? Infinity : request.bodyLength ?? Infinity;
        const answer = await this.#answer(request, client);
        const { body } = answer;
        let keepAlive: boolean;
        try {
          const encoded = encodeHttpAnswer(
            answer,
            !isError && request.keepAlive && client.unread === 0 &&
              this.#closing === undefined,
            !isError && request.method === "HEAD",
          );
          keepAlive = encoded.keepAlive;
          await this.#write(client, encoded.bytes);
          if (encoded.rest !== undefined) {
            await this.#pour(client, encoded.rest);
          }
        } finally {
          // Of one that nobody reads, as the client has gone perhaps.
          if (body instanceof ReadableStream && !body.locked) {
            await body.cancel();
          }
        }
        if (!keepAlive) {
          if (client.unread > 0) await this.#discard(client);
          return;
        }
        client.deadline = this.#clock.now() +
          (reader.isEmpty ? this.#idleMs : this.#requestMs);
      }
    } catch {
      // The other end is gone, or was too slow.
    } finally {
      shut(conn);
    }
  }

  async #write(client: Client, bytes: Uint8Array): Promise<void> {
    client.deadline = this.#clock.now() + WRITE_MS;
    for (let at = 0; at < bytes.length;) {
      at += await client.conn.write(at === 0 ? bytes : bytes.subarray(at));
    }
  }

  /** Writes a stream, as long as somebody is there to read it. */
  async #pour(
    client: Client,
    stream: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const source = stream.getReader();
    const cancel = () => void source.cancel().catch(() => {});
    // A client that hangs up is not waited for; a next request may come in, though.
    client.reading ??= client.conn.read(client.reader.room());
    client.reading.then((length) => {
      if (length === null) cancel();
    }, cancel);
    try {
      while (true) {
        // What is to be sent may take its time to be there.
        client.deadline = this.#closing === undefined
          ? Infinity
          : this.#clock.now() + CLOSE_MS;
        const { done, value } = await source.read();
        if (done) return;
        await this.#write(client, value);
      }
    } finally {
      cancel();
    }
  }

  /** Takes more bytes into the reader; null at the end. */
  async #fill(client: Client): Promise<number | null> {
    const { conn, reader } = client;
    const length = await (client.reading ?? conn.read(reader.room()));
    client.reading = undefined;
    if (length !== null) reader.advance(length);
    return length;
  }

  /** Reads a request, or what is wrong with it; `undefined` at the end. */
  async #read(
    client: Client,
  ): Promise<HttpRequest | HttpRequestError | undefined> {
    const { reader } = client;
    let begun = !reader.isEmpty;
    while (true) {
      try {
        const request = reader.next();
        if (request !== undefined) return request;
      } catch (error) {
        if (error instanceof HttpRequestError) return error;
        throw error;
      }
      if (this.#closing !== undefined) return undefined;
      this.#setWaiting(client, true);
      if (await this.#fill(client) === null) return undefined;
      // However slowly the rest drips in, this moves no further.
      if (!begun) client.deadline = this.#clock.now() + this.#requestMs;
      begun = true;
    }
  }

  async #answer(
    request: HttpRequest | HttpRequestError,
    client: Client,
  ): Promise<HttpAnswer> {
    try {
      if (request instanceof HttpRequestError) throw request;
      return await this.#handler(
        request,
        client.conn.remoteAddr,
        (maxBytes) => this.#readBody(request, client, maxBytes),
      );
    } catch (error) {
      return error instanceof HttpRequestError || error instanceof HttpBodyError
        ? { status: error.status, body: `${error.message}\n` }
        : { status: 500, body: "Internal error\n" };
    }
  }

  async #readBody(
    request: HttpRequest,
    client: Client,
    maxBytes: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { bodyLength: length } = request;
    checkBodyLength(length, maxBytes);
    if (httpHeader(request, "expect")?.toLowerCase() === "100-continue") {
      await this.#write(client, encodeText("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    const body = await readHttpBody(length, async (into) => {
      let got: number | null = client.reader.take(into);
      if (got === 0 && client.reading !== undefined) {
        return await this.#fill(client) === null ? null : 0;
      }
      if (got === 0) got = await client.conn.read(into);
      client.unread -= got ?? 0;
      return got;
    }, () => client.deadline = this.#clock.now() + this.#requestMs);
    client.deadline = Infinity;
    return body;
  }

  /** Throws a body away, so that the answer is not lost in a reset. */
  async #discard(client: Client): Promise<void> {
    const { conn } = client;
    await conn.closeWrite();
    client.deadline = this.#clock.now() + DISCARD_MS;
    this.#setWaiting(client, true);
    const buffer = new Uint8Array(4096);
    for (let left = MAX_DISCARDED; left > 0;) {
      const length = await conn.read(buffer);
      if (length === null) return;
      left -= length;
    }
  }
}

/** Whether a connection ended before it could be accepted. */
function isGone(error: unknown): boolean {
  const { NotConnected, ConnectionAborted, ConnectionReset } = Deno.errors;
  return error instanceof NotConnected || error instanceof ConnectionAborted ||
    error instanceof ConnectionReset;
}

/** Whether the process or the system has no descriptor left. */
function isOutOfDescriptors(error: unknown): boolean {
  return error instanceof Error && /too many open files/i.test(error.message);
}

function shut(conn: HttpConnection): void {
  try {
    conn.close();
  } catch {
    // It is closed already.
  }
}

/** What one client holds: an IPv4 address, the /64 of an IPv6 address. */
function keyOf(hostname: string): string {
  const ip = tryParseIp(hostname);
  if (ip === undefined) return hostname;
  return toByteString(isMappedIpv4(ip) ? ip.subarray(12) : ip.subarray(0, 8));
}
