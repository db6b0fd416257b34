/**
 * What a daemon shows over HTTP: routes behind one guard, which no request goes
 * round.
 *
 * Invariants: a handler is called only for requests that were meant for us (name,
 * origin), that are not too many, and that know the login where there is one; no
 * more than {@linkcode MAX_BODY_BYTES} of bodies are held at a time.
 *
 * @module
 */
import {
  type Endpoint,
  hostKey,
  ipScope,
  tryParseIp,
} from "../../_shared/address.ts";
import { type Clock, sleep } from "../../_shared/clock.ts";
import { TokenBuckets } from "../../_shared/token_bucket.ts";
import type { HttpAnswer } from "../../tracker/http_answer.ts";
import { HttpBodyError, type ReadBody } from "../../tracker/http_body.ts";
import { httpHeader, type HttpRequest } from "../../tracker/http_request.ts";
import { HttpServer } from "../../tracker/http_server.ts";
import { LoginGate } from "./login_gate.ts";
import { judgeOrigin, type OriginRules } from "./origin.ts";
import { type Login, tryParseBasic } from "./password.ts";

/** Bytes of bodies that are held at a time, over all connections. */
export const MAX_BODY_BYTES: number = 64 * 1024 * 1024;
/** Requests of one address: a second, and at once. */
const RATE = 1_000;
const BURST = 5_000;
/** Addresses that are remembered. */
const MAX_ADDRESSES = 4_096;

/** A request that passed the guard. */
export interface FrontRequest {
  /** Such as `GET`. */
  readonly method: string;
  /** Names in lower case, and values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes of the body; `undefined` if it comes in chunks. */
  readonly bodyLength: number | undefined;
  /** Path as it was sent, without a slash at the end. */
  readonly path: string;
  /** What stands behind `?`. */
  readonly search: string;
  /** Who asks. */
  readonly remote: Endpoint;
  /** Reads the body. */
  readonly readBody: ReadBody;
}

/** What is answered at a path. */
export interface FrontRoute {
  /** The path; all below it if it ends in `/*`. */
  readonly path: string;
  /** Methods it takes; `GET` brings `HEAD` along. */
  readonly methods: readonly string[];
  /** Whether links of other sites may lead here. @default {false} */
  readonly navigable?: boolean | undefined;
  /** Answers. */
  readonly handle: (request: FrontRequest) => HttpAnswer | Promise<HttpAnswer>;
}

/** Options of {@linkcode HttpFront}. */
export interface HttpFrontOptions {
  /** What is answered where; the first that fits counts. */
  readonly routes: readonly FrontRoute[];
  /** Clock to use. */
  readonly clock: Clock;
  /** Who may come in; needed unless only this machine can. @default {all} */
  readonly login?: Login | undefined;
  /** Names that we may be called by. @default {IP addresses, localhost} */
  readonly hosts?: readonly string[] | undefined;
  /** Origins whose pages may ask. @default {our own} */
  readonly origins?: readonly string[] | undefined;
  /** Certificate chain and key, both PEM. @default {no TLS} */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** Most connections. @default {256} */
  readonly maxConnections?: number | undefined;
}

/** Headers of every answer, unless a handler gives its own. */
const SAFE_HEADERS: readonly (readonly [string, string])[] = [
  ["x-content-type-options", "nosniff"],
  ["referrer-policy", "no-referrer"],
  ["x-frame-options", "DENY"],
  ["cross-origin-resource-policy", "same-origin"],
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
];

/**
 * Tells what is wrong with listening somewhere.
 *
 * @param local Where.
 * @param hasLogin Whether there is a login.
 * @param hasTls Whether there is TLS.
 * @returns A warning, or `undefined`.
 * @throws {TypeError} If others could come in without a login.
 */
export function checkExposure(
  local: Endpoint,
  hasLogin: boolean,
  hasTls: boolean,
): string | undefined {
  const ip = tryParseIp(local.hostname);
  const isLoopback = ip === undefined
    ? local.hostname === "localhost"
    : ipScope(ip) === "loopback";
  if (isLoopback) return undefined;
  if (!hasLogin) {
    throw new TypeError(
      `Cannot listen at ${local.hostname} without a login: others can reach it`,
    );
  }
  return hasTls
    ? undefined
    : `Others can read the password on its way to ${local.hostname}: there is no TLS`;
}

/** Serves routes over HTTP or HTTPS. */
export class HttpFront implements AsyncDisposable {
  readonly #options: HttpFrontOptions;
  readonly #rules: OriginRules;
  readonly #server: HttpServer;
  readonly #gate = new LoginGate();
  readonly #rates = new TokenBuckets(RATE, BURST, MAX_ADDRESSES);
  readonly #ending = new AbortController();
  #heldBytes = 0;

  /** Makes the front; for {@linkcode HttpFront.listen}. */
  constructor(
    local: Endpoint,
    options: HttpFrontOptions,
    listen: typeof HttpServer.listen = HttpServer.listen,
  ) {
    checkExposure(
      local,
      options.login !== undefined,
      options.tls !== undefined,
    );
    this.#options = options;
    const { hosts = [], origins = [], clock, tls } = options;
    const own = tryParseIp(local.hostname) === undefined
      ? [local.hostname]
      : [];
    this.#rules = { hosts: [...hosts, ...own], origins };
    this.#server = listen(local, {
      clock,
      tls,
      maxConnections: options.maxConnections ?? 256,
      handler: async (request, remote, readBody) => {
        const { headers = [], ...answer } = await this.#answer(
          request,
          remote,
          readBody,
        );
        const given = new Set(headers.map(([name]) => name));
        const added = SAFE_HEADERS.filter(([name]) => !given.has(name));
        return { ...answer, headers: [...headers, ...added] };
      },
    });
  }

  /**
   * Listens. Needs `--allow-net` for the address.
   *
   * @throws {TypeError} If others could come in without a login. Whatever the
   * system says when the port cannot be bound, or a certificate is none.
   */
  static listen(local: Endpoint, options: HttpFrontOptions): HttpFront {
    return new HttpFront(local, options);
  }

  /** Where it listens. */
  get local(): Endpoint {
    return this.#server.local;
  }

  /** Open connections. */
  get connections(): number {
    return this.#server.connections;
  }

  /** Stops; answers under way may finish within seconds. Idempotent. */
  close(): Promise<void> {
    this.#ending.abort();
    return this.#server.close();
  }

  /** Same as {@linkcode HttpFront.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #answer(
    http: HttpRequest,
    remote: Endpoint,
    readBody: ReadBody,
  ): Promise<HttpAnswer> {
    const address = hostKey(remote.hostname);
    const now = this.#options.clock.now();
    if (!this.#rates.use(address, now).take(now)) {
      return tooMany("Too many requests\n");
    }
    const question = http.target.indexOf("?");
    const target = question < 0 ? http.target : http.target.slice(0, question);
    const path = target.length > 1 ? target.replace(/\/$/, "") : target;
    const route = this.#options.routes.find((known) => fits(known.path, path));
    const refusal = judgeOrigin(http, this.#rules, route?.navigable === true) ??
      await this.#judgeLogin(http, address);
    if (refusal !== undefined) return refusal;
    if (route === undefined) return { status: 404, body: "Not found\n" };
    const { methods } = route;
    const isTaken = methods.includes(http.method) ||
      (http.method === "HEAD" && methods.includes("GET"));
    if (!isTaken) {
      const allow = methods.join(", ");
      return {
        status: 405,
        headers: [["allow", allow]],
        body: `Only ${allow}\n`,
      };
    }
    const search = question < 0 ? "" : http.target.slice(question);
    const { method, headers, bodyLength } = http;
    return await this.#handle(route, {
      method,
      headers,
      bodyLength,
      path,
      search,
      remote,
      readBody,
    });
  }

  async #handle(
    route: FrontRoute,
    request: FrontRequest,
  ): Promise<HttpAnswer> {
    let held = 0;
    try {
      return await route.handle({
        ...request,
        readBody: (maxBytes) => {
          const room = MAX_BODY_BYTES - this.#heldBytes;
          const length = request.bodyLength ?? 0;
          if (length <= maxBytes && length > room) throw new NoRoomError();
          held = Math.min(length, maxBytes);
          this.#heldBytes += held;
          return request.readBody(maxBytes);
        },
      });
    } catch (error) {
      if (error instanceof HttpBodyError) throw error;
      if (error instanceof NoRoomError) return tooMany(error.message, 503);
      return { status: 500, body: "Internal error\n" };
    } finally {
      this.#heldBytes -= held;
    }
  }

  /** Says who may not come in. */
  async #judgeLogin(
    request: HttpRequest,
    address: string,
  ): Promise<HttpAnswer | undefined> {
    const { login, clock } = this.#options;
    if (login === undefined) return undefined;
    // Being heard would be a guess, right or wrong.
    if (this.#gate.isFull(address)) return tooMany("Too many passwords\n");
    const text = tryParseBasic(httpHeader(request, "authorization"));
    if (text === undefined) return UNAUTHORIZED;
    const isRight = login.check(text);
    if (isRight === true) {
      this.#gate.right(address);
      return undefined;
    }
    this.#gate.enter(address, clock.now());
    try {
      if (isRight === undefined && await login.verify(text)) {
        this.#gate.right(address);
        return undefined;
      }
      const delay = this.#gate.wrong(address, clock.now());
      await sleep(clock, delay, { signal: this.#ending.signal })
        .catch(() => {});
      return UNAUTHORIZED;
    } finally {
      this.#gate.leave(address);
    }
  }
}

const UNAUTHORIZED: HttpAnswer = {
  status: 401,
  headers: [["www-authenticate", 'Basic realm="bip", charset="UTF-8"']],
  body: "User name and password required\n",
};

function tooMany(body: string, status = 429): HttpAnswer {
  return { status, headers: [["retry-after", "5"]], body };
}

/** The bodies under way leave no room for one more. */
class NoRoomError extends RangeError {
  /** Says so. */
  constructor() {
    super("Too many requests with a body\n");
  }
}

function fits(pattern: string, path: string): boolean {
  return pattern.endsWith("/*")
    ? path.startsWith(pattern.slice(0, -1))
    : path === pattern;
}
