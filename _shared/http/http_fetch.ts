/**
 * HTTP over connections that are not the runtime's own: through a proxy, which
 * resolves names, from a chosen address, or without copies of what is sent.
 *
 * @module
 */
import { onAborted } from "../abort.ts";
import type { Endpoint } from "../address.ts";
import type { ByteConnection, ByteTransport } from "../byte_conn.ts";
import { encodeText } from "../bytes.ts";
import { type Clock, systemClock, timeoutError } from "../clock.ts";
import { HttpConnection, HttpExchange, type HttpRequest } from "./exchange.ts";
import type { HttpHead } from "./http_response.ts";

/** How long it may take until the head of an answer is there, in milliseconds. */
const HEAD_TIMEOUT_MS = 60_000;

/** How long a connection waits for the next request, in milliseconds. */
const IDLE_MS = 10_000;

/** What the most ordinary program calls itself to web servers. */
export const ORDINARY_AGENT = "curl/8.5.0";

/** Names of hosts are a proxy's to resolve: nobody here asks for them. */
export function refuseToResolve(): Promise<never> {
  return Promise.reject(new Error("The proxy resolves names"));
}

/** Answers that can have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

/** Requests that may be sent again when nobody knows what came of them. */
const REPEATABLE = /^(GET|HEAD|PUT|DELETE)$/;

/** Options of an {@linkcode HttpFetch}. */
export interface HttpFetchOptions {
  /** @default {systemClock} */
  readonly clock?: Clock | undefined;
  /**
   * Connections that are kept for later requests; those of more than one server
   * together.
   *
   * @default {0}
   */
  readonly maxIdle?: number | undefined;
  /** @default {60_000} */
  readonly headTimeoutMs?: number | undefined;
}

/** A connection that waits for a request. */
interface Idle {
  readonly origin: string;
  readonly connection: HttpConnection;
  readonly cancel: () => void;
}

/**
 * A `fetch` whose connections a transport makes: bodies are bytes, no redirect is
 * followed, certificates are verified. Heads are bounded; bodies are the caller's
 * to bound.
 */
export class HttpFetch implements Disposable {
  readonly #transport: ByteTransport;
  readonly #clock: Clock;
  readonly #options: HttpFetchOptions;
  /** What ends the requests under way. */
  readonly #open = new Set<AbortController>();
  /** What was used last stands last. */
  readonly #idle: Idle[] = [];
  #closed = false;

  /** Makes it; nothing is opened before the first request. */
  constructor(transport: ByteTransport, options: HttpFetchOptions = {}) {
    this.#transport = transport;
    this.#clock = options.clock ?? systemClock;
    this.#options = options;
  }

  /** As the built-in `fetch`, with `redirect: "manual"` whatever is asked for. */
  readonly fetch = async (
    input: string | URL | Request,
    init: RequestInit = {},
  ): Promise<Response> => {
    const given = input instanceof Request ? input : undefined;
    const url = new URL(given?.url ?? input as string | URL);
    const body = init.body ?? given?.body ?? undefined;
    if (
      !/^https?:$/.test(url.protocol) ||
      body !== undefined && !(body instanceof Uint8Array)
    ) {
      throw new TypeError("Only bytes are sent, to http and https URLs");
    }
    const headers = new Headers(init.headers ?? given?.headers);
    const unpacks = !headers.has("accept-encoding");
    if (unpacks) headers.set("accept-encoding", "gzip");
    if (!headers.has("accept")) headers.set("accept", "*/*");
    if (url.username !== "" && !headers.has("authorization")) {
      headers.set("authorization", `Basic ${basicOf(url)}`);
    }
    const request: HttpRequest = {
      method: init.method ?? given?.method ?? "GET",
      url,
      headers,
      body: body as Uint8Array<ArrayBuffer> | undefined,
      keepsAlive: (this.#options.maxIdle ?? 0) > 0,
    };
    const signal = init.signal ?? given?.signal ?? undefined;
    return await this.#ask(request, unpacks, signal);
  };

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.#closed = true;
    this.closeIdle();
    for (const one of this.#open) {
      one.abort(new Error("The HTTP client is closed"));
    }
  }
  [Symbol.dispose](): void {
    this.close();
  }

  /** Closes the connections that wait for requests. */
  closeIdle(): void {
    for (const { connection, cancel } of this.#idle.splice(0)) {
      cancel();
      connection.close();
    }
  }

  async #ask(
    request: HttpRequest,
    unpacks: boolean,
    given: AbortSignal | undefined,
  ): Promise<Response> {
    given?.throwIfAborted();
    if (this.#closed) throw new Error("The HTTP client is closed");
    const { method, url } = request;
    const { headTimeoutMs = HEAD_TIMEOUT_MS } = this.#options;
    const stop = new AbortController();
    const { signal } = stop;
    let open: { close(reason?: unknown): void } | undefined;
    signal.addEventListener("abort", () => open?.close(signal.reason));
    const expire = () =>
      stop.abort(timeoutError(`No answer within ${headTimeoutMs / 1000} s`));
    const cancel = headTimeoutMs === Infinity
      ? () => {}
      : this.#clock.schedule(this.#clock.now() + headTimeoutMs, expire);
    const forget = onAborted(given, () => stop.abort(given!.reason));
    this.#open.add(stop);
    const end = () => {
      this.#open.delete(stop);
      forget();
    };
    let isAnswered = false;
    const begin = (connection: HttpConnection) => {
      signal.throwIfAborted();
      const exchange = new HttpExchange(
        connection,
        method,
        (isReusable) => {
          if (isReusable) this.#keep(url.origin, connection);
          if (isAnswered) end();
        },
      );
      open = exchange;
      return exchange;
    };
    const connect = async () => {
      const made = await this.#connect(url, signal, (plain) => open = plain);
      return new HttpConnection(made);
    };
    try {
      const kept = REPEATABLE.test(method) ? this.#take(url.origin) : undefined;
      let exchange = begin(kept ?? await connect());
      let head: HttpHead;
      try {
        head = await exchange.ask(request);
      } catch (error) {
        // It may have been closed just when it was asked.
        if (kept === undefined || exchange.hasAnswer) throw error;
        exchange = begin(await connect());
        head = await exchange.ask(request);
      }
      signal.throwIfAborted();
      isAnswered = true;
      return toResponse(request, head, exchange, unpacks);
    } catch (cause) {
      open?.close();
      end();
      signal.throwIfAborted();
      const { name, message } = cause as Error;
      if (name === "NotCapable") throw cause;
      throw new TypeError(`Cannot ask ${url.host}: ${message}`, { cause });
    } finally {
      cancel();
    }
  }

  async #connect(
    { hostname, port, protocol }: URL,
    signal: AbortSignal,
    onPlain: (connection: ByteConnection) => void,
  ): Promise<ByteConnection> {
    const isSecure = protocol === "https:";
    const host = hostname.replace(/^\[|\]$/g, "");
    const remote: Endpoint = {
      hostname: host,
      port: Number(port) || (isSecure ? 443 : 80),
    };
    const plain = await this.#transport.connect(remote, { signal });
    onPlain(plain);
    if (!isSecure) return plain;
    const { secureConnection } = await import("./tls.ts");
    return await secureConnection(plain, host);
  }

  /** A connection to a server that waits for a request. */
  #take(origin: string): HttpConnection | undefined {
    const at = this.#idle.findLastIndex((idle) => idle.origin === origin);
    if (at < 0) return undefined;
    const [{ connection, cancel }] = this.#idle.splice(at, 1) as [Idle];
    cancel();
    return connection;
  }

  #keep(origin: string, connection: HttpConnection): void {
    const { maxIdle = 0 } = this.#options;
    if (this.#closed || this.#idle.length >= maxIdle) return connection.close();
    const expire = () => {
      this.#idle.splice(this.#idle.indexOf(idle), 1);
      connection.close();
    };
    const cancel = this.#clock.schedule(this.#clock.now() + IDLE_MS, expire);
    const idle: Idle = { origin, connection, cancel };
    this.#idle.push(idle);
  }
}

function toResponse(
  { method }: HttpRequest,
  { status, fields }: HttpHead,
  exchange: HttpExchange,
  unpacks: boolean,
): Response {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  if (method === "HEAD" || BODILESS.includes(status)) {
    exchange.finish();
    return new Response(null, { status, headers });
  }
  const isPacked = unpacks &&
    /^(x-)?gzip$/i.test(headers.get("content-encoding") ?? "");
  if (isPacked) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  return new Response(exchange.body(isPacked), { status, headers });
}

/** User and password of a URL (RFC 7617). */
function basicOf({ username, password }: URL): string {
  const plain = [username, password].map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return encodeText(plain.join(":")).toBase64();
}
