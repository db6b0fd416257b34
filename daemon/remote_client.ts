/**
 * Steers a daemon from elsewhere, ours or Transmission's.
 *
 * @module
 */
import { decodeTextLossy, encodeText } from "../_shared/bytes.ts";
import { deadlineSignal, systemClock } from "../_shared/clock.ts";
import { readBody } from "../_shared/http/read_body.ts";
import { fromLegacy, legacyName, toLegacy } from "./rpc/names.ts";

/** Where a daemon listens unless told otherwise. */
export const DEFAULT_REMOTE_URL = "http://127.0.0.1:9091/transmission/rpc";

/** Longest answer, in bytes. */
const MAX_ANSWER = 256 * 1024 * 1024;

const SESSION_ID = "x-transmission-session-id";

/** A daemon did not do what it was asked for. */
export class RemoteError extends Error {
  /**
   * `unreachable`: no answer; `unauthorized`: the user name or password is wrong
   * or missing, or there were too many wrong ones; `refused`: an HTTP status other
   * than 200; `failed`: it cannot do that; `protocol`: the answer makes no sense.
   */
  readonly code:
    | "unreachable"
    | "unauthorized"
    | "refused"
    | "failed"
    | "protocol";

  /** Makes the error. */
  constructor(
    code: RemoteError["code"],
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "RemoteError";
    this.code = code;
  }
}

/** Options of {@linkcode RemoteClient}. */
export interface RemoteClientOptions {
  /**
   * Where it listens; a path of `/` stands for Transmission's, and a name and a
   * password may be part of it.
   *
   * @default {DEFAULT_REMOTE_URL}
   */
  readonly url?: string | URL | undefined;
  /** `USER:PASSWORD`. @default {that of the URL, else none} */
  readonly login?: string | undefined;
  /** How long an answer may take, in milliseconds. @default {60_000} */
  readonly timeoutMs?: number | undefined;
  /** Asks. @default {the global one} */
  readonly fetch?: typeof globalThis.fetch | undefined;
}

/** What a call gives: names of version 6, such as `download_dir`. */
export type RemoteResult = Readonly<Record<string, unknown>>;

/**
 * Speaks Transmission's RPC, in the dialect that the other end knows. Needs
 * `--allow-net` for its address.
 *
 * @example
 * ```ts ignore
 * import { RemoteClient } from "@bip/bip/daemon";
 *
 * const remote = new RemoteClient({ login: "me:secret" });
 * const { torrents } = await remote.call("torrent_get", {
 *   fields: ["id", "name", "percent_done"],
 * });
 * ```
 */
export class RemoteClient {
  readonly #url: URL;
  readonly #headers = new Headers({ "content-type": "application/json" });
  readonly #timeoutMs: number;
  readonly #fetch: typeof globalThis.fetch;
  #speaksJsonRpc: boolean | undefined;
  #count = 0;

  /**
   * Makes a client; nothing is asked yet.
   *
   * @param options See {@linkcode RemoteClientOptions}.
   * @throws {TypeError} If the URL is none of http or https.
   */
  constructor(options: RemoteClientOptions = {}) {
    const { url = DEFAULT_REMOTE_URL, timeoutMs = 60_000 } = options;
    const where = URL.parse(url);
    if (where === null || !/^https?:$/.test(where.protocol)) {
      throw new TypeError("The URL of a daemon must be an http or https URL");
    }
    const { username, password } = where;
    const login = options.login ?? (username === "" ? undefined : [
      username,
      password,
    ].map(decoded).join(":"));
    where.username = where.password = "";
    if (where.pathname === "/") where.pathname = "/transmission/rpc";
    if (login !== undefined) {
      const basic = encodeText(login).toBase64();
      this.#headers.set("authorization", `Basic ${basic}`);
    }
    this.#url = where;
    this.#timeoutMs = timeoutMs;
    this.#fetch = options.fetch ?? globalThis.fetch;
  }

  /**
   * Calls a method.
   *
   * @param method Such as `torrent_get`.
   * @param params Parameters with names of version 6.
   * @param signal Ends the wait.
   * @returns What it gives.
   * @throws {RemoteError} If it gives nothing; the signal's reason.
   */
  async call(
    method: string,
    params: RemoteResult = {},
    signal?: AbortSignal,
  ): Promise<RemoteResult> {
    // The first question is only asked to learn how to ask.
    if (this.#speaksJsonRpc === undefined) {
      await this.#post({}, "session_stats", signal);
    }
    return await this.#post(params, method, signal);
  }

  async #post(
    params: RemoteResult,
    method: string,
    signal: AbortSignal | undefined,
  ): Promise<RemoteResult> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const { status, headers, text } = await this.#ask(
        this.#encode(method, params),
        signal,
      );
      if (status !== 409) return this.#decode(status, text);
      const id = headers.get(SESSION_ID);
      if (id === null) break;
      this.#headers.set(SESSION_ID, id);
      const version = headers.get("x-transmission-rpc-version") ?? "5";
      this.#speaksJsonRpc = Number.parseInt(version) >= 6;
    }
    throw new RemoteError(
      "protocol",
      `${this.#url.origin} does not accept the session id that it issued`,
    );
  }

  async #ask(
    body: string,
    signal: AbortSignal | undefined,
  ): Promise<{ status: number; headers: Headers; text: string }> {
    using limit = deadlineSignal(systemClock, this.#timeoutMs, "", signal);
    try {
      const response = await this.#fetch(this.#url, {
        method: "POST",
        headers: this.#headers,
        body,
        redirect: "manual",
        signal: limit.signal,
      });
      const { status, headers } = response;
      return { status, headers, text: await readText(response) };
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RemoteError) throw error;
      const what = limit.signal.aborted
        ? "does not answer"
        : `cannot be reached: ${await reasonOf(error)}`;
      throw new RemoteError("unreachable", `${this.#url.origin} ${what}`, {
        cause: error,
      });
    }
  }

  #encode(method: string, params: RemoteResult): string {
    const id = ++this.#count;
    return JSON.stringify(
      this.#speaksJsonRpc ? { jsonrpc: "2.0", method, params, id } : {
        method: method.replaceAll("_", "-"),
        arguments: legacyParams(method, params),
        tag: id,
      },
    );
  }

  #decode(status: number, text: string): RemoteResult {
    const { origin } = this.#url;
    if (status === 401 || status === 429) {
      throw new RemoteError(
        "unauthorized",
        status === 429
          ? `${origin} accepts no more passwords for a while: too many were wrong`
          : this.#headers.has("authorization")
          ? `${origin} rejects this user name or password`
          : `${origin} requires a user name and password`,
      );
    }
    if (status !== 200) {
      const line = text.replace(/<[^>]*>/g, " ").trim().split("\n")[0]!;
      throw new RemoteError(
        "refused",
        `${origin} answers ${status}: ${line.slice(0, 200)}`,
      );
    }
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      // It is no object then.
    }
    if (typeof answer !== "object" || answer === null) {
      throw new RemoteError("protocol", `${origin} does not answer with JSON`);
    }
    this.#speaksJsonRpc ??= "jsonrpc" in answer;
    const { result, error, arguments: given } = answer as RemoteResult;
    if (typeof error === "object" && error !== null) {
      const { message, data } = error as RemoteResult;
      const more = (data as RemoteResult | undefined)?.error_string;
      throw new RemoteError("failed", String(more ?? message));
    }
    if (typeof result === "object" && result !== null) {
      return result as RemoteResult;
    }
    if (result !== "success") throw new RemoteError("failed", String(result));
    return fromLegacy(given ?? {}) as RemoteResult;
  }
}

/** What is told in other words. */
const REASONS: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/UnknownIssuer/, "its certificate is not trusted"],
  [/invalid HTTP version/, "it does not speak HTTP, perhaps HTTPS"],
  [/InvalidContentType/, "it does not speak HTTPS, perhaps HTTP"],
];

/** Why nobody was asked, in one line. */
async function reasonOf(error: unknown): Promise<string> {
  const { fetchReason } = await import("../_shared/http/checked_fetch.ts");
  const [line = ""] = fetchReason(error).split("\n");
  const known = REASONS.find(([pattern]) => pattern.test(line));
  return known?.[1] ?? line.replace("invalid peer certificate: ", "");
}

/** A part of a URL as it was meant; one with a lone `%` as it stands. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Parameters as the older dialect calls them. */
function legacyParams(method: string, params: RemoteResult): unknown {
  const { fields, ids, ...rest } = params;
  const names = method === "torrent_get" ? method : "";
  return {
    ...toLegacy(rest, names) as object,
    ...(Array.isArray(fields)
      ? { fields: fields.map((name) => legacyName(name, names)) }
      : {}),
    ...(ids === undefined
      ? {}
      : { ids: ids === "recently_active" ? "recently-active" : ids }),
  };
}

async function readText(response: Response): Promise<string> {
  const bytes = await readBody(response, MAX_ANSWER);
  if (bytes === undefined) {
    throw new RemoteError("protocol", "The answer is too long");
  }
  return decodeTextLossy(bytes);
}
