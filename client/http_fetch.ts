/**
 * HTTP over connections that are not the runtime's own: through a proxy, which
 * resolves names, or from a chosen address.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteConnection, ByteTransport } from "../_shared/byte_conn.ts";
import { encodeText } from "../_shared/bytes.ts";
import { type Clock, deadlineSignal, systemClock } from "../_shared/clock.ts";
import type { HttpHead } from "../_shared/http/http_response.ts";
import { encodeGet, HttpExchange } from "./http/exchange.ts";

/** How long it may take until the head of an answer is there, in milliseconds. */
const HEAD_TIMEOUT_MS = 60_000;

/** What the most ordinary program calls itself to web servers. */
export const ORDINARY_AGENT = "curl/8.5.0";

/** Names of hosts are a proxy's to resolve: nobody here asks for them. */
export function refuseToResolve(): Promise<never> {
  return Promise.reject(new Error("The proxy resolves names"));
}

/** Answers that can have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

/**
 * A `fetch` whose connections a transport makes: GET only, a connection each,
 * no redirect followed, certificates verified. Heads are bounded; bodies are the
 * caller's to bound.
 */
export class HttpFetch implements Disposable {
  readonly #transport: ByteTransport;
  readonly #clock: Clock;
  readonly #open = new Set<{ close(): void }>();
  readonly #closing = new AbortController();

  /** Makes it; nothing is opened before the first request. */
  constructor(transport: ByteTransport, clock: Clock = systemClock) {
    this.#transport = transport;
    this.#clock = clock;
  }

  /** As the built-in `fetch`, with `redirect: "manual"` whatever is asked for. */
  readonly fetch = async (
    input: string | URL | Request,
    init: RequestInit = {},
  ): Promise<Response> => {
    const request = input instanceof Request ? input : undefined;
    const url = new URL(request?.url ?? input as string | URL);
    const method = init.method ?? request?.method ?? "GET";
    if (!/^https?:$/.test(url.protocol) || method !== "GET" || init.body) {
      throw new TypeError("Only GET requests of http and https URLs are sent");
    }
    const headers = new Headers(init.headers ?? request?.headers);
    const unpacks = !headers.has("accept-encoding");
    if (unpacks) headers.set("accept-encoding", "gzip");
    if (!headers.has("accept")) headers.set("accept", "*/*");
    if (url.username !== "" && !headers.has("authorization")) {
      headers.set("authorization", `Basic ${basicOf(url)}`);
    }
    const signals = [this.#closing.signal];
    const given = init.signal ?? request?.signal;
    if (given) signals.push(given);
    return await this.#ask(url, headers, unpacks, AbortSignal.any(signals));
  };

  /** Ends what is under way. Idempotent. */
  close(): void {
    this.#closing.abort(new Error("The HTTP client is closed"));
    for (const one of this.#open) one.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  async #ask(
    url: URL,
    headers: Headers,
    unpacks: boolean,
    signal: AbortSignal,
  ): Promise<Response> {
    signal.throwIfAborted();
    using deadline = deadlineSignal(
      this.#clock,
      HEAD_TIMEOUT_MS,
      `No answer within ${HEAD_TIMEOUT_MS / 1000} s`,
      signal,
    );
    let open: { close(): void } | undefined;
    const onAbort = () => open?.close();
    signal.addEventListener("abort", onAbort, { once: true });
    deadline.signal.addEventListener("abort", onAbort, { once: true });
    try {
      const connection = await this.#connect(url, deadline.signal, (made) => {
        open = made;
      });
      const exchange = open = new HttpExchange(connection, () => {
        this.#open.delete(exchange);
        signal.removeEventListener("abort", onAbort);
      });
      this.#open.add(exchange);
      deadline.signal.throwIfAborted();
      const head = await exchange.ask(encodeGet(url, headers));
      deadline.signal.throwIfAborted();
      return answer(head, exchange, unpacks);
    } catch (cause) {
      open?.close();
      signal.removeEventListener("abort", onAbort);
      deadline.signal.throwIfAborted();
      const { name, message } = cause as Error;
      if (name === "NotCapable") throw cause;
      throw new TypeError(`Cannot ask ${url.host}: ${message}`, { cause });
    } finally {
      deadline.signal.removeEventListener("abort", onAbort);
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
    const { secureConnection } = await import("./http/tls.ts");
    return await secureConnection(plain, host);
  }
}

function answer(
  { status, fields }: HttpHead,
  exchange: HttpExchange,
  unpacks: boolean,
): Response {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  const isPacked = unpacks &&
    /^(x-)?gzip$/i.test(headers.get("content-encoding") ?? "");
  if (isPacked) {
    headers.delete("content-encoding");
    headers.delete("content-length");
  }
  if (BODILESS.includes(status)) exchange.close();
  return new Response(
    BODILESS.includes(status) ? null : exchange.body(isPacked),
    { status, headers },
  );
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
