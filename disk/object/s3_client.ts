/**
 * Requests to one bucket of an object store: signed, repeated, checked.
 *
 * @module
 */
import { backoffMs } from "../../_shared/backoff.ts";
import { tcpTransport } from "../../_shared/byte_conn.ts";
import { encodeText, toHex } from "../../_shared/bytes.ts";
import {
  type Clock,
  deadlineSignal,
  sleep,
  systemClock,
} from "../../_shared/clock.ts";
import { HttpFetch } from "../../_shared/http/http_fetch.ts";
import type { Awaitable } from "../awaitable.ts";
import { DiskError, type DiskErrorCode } from "../error.ts";
import { Limit } from "./limit.ts";
import {
  type CheckAnswer,
  readBounded,
  refusalOf,
  type S3Answer,
  SUM,
  sumOf,
  waitOf,
} from "./s3_answer.ts";
import { MAX_S3_DOCUMENT, type S3ErrorBody } from "./s3_xml.ts";
import {
  canonicalQuery,
  canonicalRequest,
  encodeS3,
  formatAuthorization,
  keySteps,
  type Pair,
  signingTime,
  stringToSign,
} from "./sigv4.ts";

/** Who asks. */
export interface S3Credentials {
  /** Public name of the key. */
  readonly accessKeyId: string;
  /** The key. */
  readonly secretAccessKey: string;
  /** What goes with temporary keys. */
  readonly sessionToken?: string | undefined;
}

/** Options of an `S3Client`. */
export interface S3ClientOptions {
  /** Name of the bucket. */
  readonly bucket: string;
  /** Keys, or what gives fresh ones; asked again when they have expired. */
  readonly credentials: S3Credentials | (() => Promise<S3Credentials>);
  /** Region of the bucket. @default {"us-east-1"} */
  readonly region?: string | undefined;
  /**
   * http or https URL of the service; the bucket's name follows in the path.
   *
   * @default {Amazon's, of the region}
   */
  readonly endpoint?: string | undefined;
  /**
   * What performs requests; its bodies are bytes.
   *
   * @default {HTTP/1.1 on connections of its own, which go through no proxy}
   */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Clock of waits and time limits. @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** Wall clock in milliseconds since 1970. @default {Date.now} */
  readonly now?: (() => number) | undefined;
  /** Attempts at a request before it has failed. @default {8} */
  readonly attempts?: number | undefined;
}

/** One request. */
export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** Key of the object; the bucket itself without. */
  readonly key?: string | undefined;
  readonly query?: readonly Pair[] | undefined;
  /** More headers, names in lower case. */
  readonly headers?: readonly Pair[] | undefined;
  readonly body?: S3Body | undefined;
  /** Whether the server is to tell the CRC-32 of what it stored. */
  readonly isSummed?: boolean | undefined;
  /** Where the answer goes if it is a good one. */
  readonly into?: Uint8Array<ArrayBuffer> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is sent; made when it is its turn, so that little waits in memory. */
export interface S3Body {
  readonly length: number;
  /** Writes all of it. */
  fill(into: Uint8Array<ArrayBuffer>): Awaitable<void>;
}

/** A request with its body. */
interface ReadyRequest extends Omit<S3Request, "body"> {
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly payloadHash: string;
}

/** Requests without a body, and with one, at a time. */
const READS = 32;
const WRITES = 8;
/** Bytes of bodies on their way at a time. */
const MAX_SENDING = 32 * 1024 * 1024;
/** Bodies of so many bytes are made where others were. */
const LEAST_REUSED = 1024 * 1024;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 15_000;
/** Time of a request, and of each of its bytes. */
const REQUEST_MS = 30_000;
const BYTES_A_MS = 64;
const EMPTY_HASH =
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** What another attempt may get past. */
const PASSING =
  /^(SlowDown|Throttling\w*|InternalError|ServiceUnavailable|RequestTimeout|OperationAborted|XAmzContentSHA256Mismatch|BadDigest|IncompleteBody)$/;

const CODES: Readonly<Record<string, DiskErrorCode>> = {
  AccessDenied: "permission",
  InvalidAccessKeyId: "permission",
  SignatureDoesNotMatch: "permission",
  InvalidToken: "permission",
  ExpiredToken: "permission",
  NoSuchBucket: "not-found",
  QuotaExceeded: "disk-full",
  XMinioStorageFull: "disk-full",
};

/** Sends requests to one bucket. */
export class S3Client {
  readonly bucket: string;
  readonly #options: S3ClientOptions;
  readonly #origin: string;
  /** Path of the bucket, encoded, without a slash at its end. */
  readonly #path: string;
  readonly #region: string;
  readonly #clock: Clock;
  readonly #http: HttpFetch;
  readonly #fetch: typeof globalThis.fetch;
  readonly #reads = new Limit(READS);
  readonly #writes = new Limit(WRITES, MAX_SENDING);
  /** Memory of bodies that were sent, while others are. */
  #spare: Uint8Array<ArrayBuffer>[] = [];
  #sending = 0;
  #credentials: S3Credentials | undefined;
  #key: { readonly name: string; readonly key: Promise<CryptoKey> } | undefined;
  /** How much the server's clock is ahead of ours, in milliseconds. */
  #skew = 0;
  /** Until when nothing is sent, as the server asked for it. */
  #quietUntil = 0;

  /** Throws a RangeError if bucket, region or endpoint make no sense. */
  constructor(options: S3ClientOptions) {
    const { bucket, region = "us-east-1", endpoint } = options;
    if (!/^[a-zA-Z0-9][\w.-]{1,253}[a-zA-Z0-9]$/.test(bucket)) {
      throw new RangeError(
        `${JSON.stringify(bucket)} is not a valid bucket name`,
      );
    }
    if (!/^[\w-]{1,64}$/.test(region)) {
      throw new RangeError(`${JSON.stringify(region)} is not a valid region`);
    }
    const isOwnHost = endpoint === undefined && !bucket.includes(".");
    const url = URL.parse(
      endpoint ??
        `https://${isOwnHost ? `${bucket}.` : ""}s3.${region}.amazonaws.com`,
    );
    if (
      url === null || !/^https?:$/.test(url.protocol) || url.username !== "" ||
      url.password !== "" || url.search !== "" || url.hash !== ""
    ) {
      throw new RangeError(
        "The endpoint must be an http or https URL without user and query",
      );
    }
    this.bucket = bucket;
    this.#options = options;
    this.#region = region;
    this.#origin = url.origin;
    this.#path = url.pathname.replace(/\/+$/, "") +
      (isOwnHost ? "" : `/${bucket}`);
    this.#clock = options.clock ?? systemClock;
    this.#http = new HttpFetch(tcpTransport, {
      clock: this.#clock,
      maxIdle: WRITES,
      // Each request has a time of its own.
      headTimeoutMs: Infinity,
    });
    this.#fetch = options.fetch ?? this.#http.fetch;
  }

  /** Closes connections that wait for requests. */
  rest(): void {
    this.#http.closeIdle();
  }

  /** What messages call an object. */
  nameOf(key = ""): string {
    return `s3://${this.bucket}/${key}`;
  }

  /** Path of an object for a copy. */
  sourceOf(key: string): string {
    return `/${this.bucket}/${encodeS3(key, true)}`;
  }

  /**
   * Sends a request until it is answered well. An answer 404 for an object and
   * 412 are answers like others.
   *
   * @param request What to ask.
   * @param maxBytes How much of the answer is read; more is a wrong answer.
   * @param check Looks at a good answer.
   */
  async send(
    request: S3Request,
    maxBytes = MAX_S3_DOCUMENT,
    check: CheckAnswer = () => {},
  ): Promise<S3Answer> {
    const { body, signal } = request;
    const length = body?.length ?? 0;
    return await (length > 0 ? this.#writes : this.#reads).run(
      () =>
        body === undefined
          ? this.#repeat(
            { ...request, body, payloadHash: EMPTY_HASH },
            maxBytes,
            check,
          )
          : this.#sendBody(request, body, maxBytes, check),
      length,
      signal,
    );
  }

  async #sendBody(
    request: S3Request,
    { length, fill }: S3Body,
    maxBytes: number,
    check: CheckAnswer,
  ): Promise<S3Answer> {
    const at = this.#spare.findIndex((spare) => spare.length === length);
    const body = this.#spare.splice(at, at < 0 ? 0 : 1)[0] ??
      new Uint8Array(length);
    this.#sending++;
    try {
      await fill(body);
      const headers = request.headers ?? [];
      const answer = await this.#repeat(
        {
          ...request,
          headers: request.isSummed
            ? [...headers, [SUM, sumOf(body)]]
            : headers,
          body,
          payloadHash: await sha256(body),
        },
        maxBytes,
        check,
      );
      if (length >= LEAST_REUSED) this.#spare.push(body);
      return answer;
    } finally {
      if (--this.#sending === 0) this.#spare = [];
    }
  }

  async #repeat(
    request: ReadyRequest,
    maxBytes: number,
    check: CheckAnswer,
  ): Promise<S3Answer> {
    const { attempts = 8 } = this.#options;
    let renewed = false;
    for (let failures = 1;; failures++) {
      let problem: unknown;
      let waitMs = 0;
      await this.#quiet(request.signal);
      try {
        const answer = await this.#attempt(request, maxBytes);
        const refusal = refusalOf(answer);
        if (refusal === undefined) {
          check(answer, request);
          return answer;
        }
        problem = this.#refused(request, answer, refusal);
        const { code } = refusal;
        if (/^(Expired|Invalid)Token$|^InvalidAccessKeyId$/.test(code)) {
          this.#credentials = undefined;
          if (renewed || typeof this.#options.credentials !== "function") {
            throw problem;
          }
          renewed = true;
          continue;
        }
        if (code === "RequestTimeTooSkewed") this.#setClock(answer.headers);
        else if (!mayPass(answer.status, code)) throw problem;
        waitMs = waitOf(answer.headers);
        if (answer.status === 503 || answer.status === 429) {
          this.#quietUntil = this.#clock.now() + this.#backoff(failures);
        }
      } catch (error) {
        request.signal?.throwIfAborted();
        if (error instanceof DiskError) throw error;
        problem = error;
      }
      if (failures >= attempts) throw this.#failed(request, problem);
      await sleep(
        this.#clock,
        Math.max(waitMs, this.#backoff(failures)),
        { signal: request.signal },
      );
    }
  }

  /** A wait with jitter, so that those who failed together come apart. */
  #backoff(failures: number): number {
    return backoffMs(failures, FIRST_WAIT_MS, LONGEST_WAIT_MS) *
      (0.5 + Math.random() / 2);
  }

  async #quiet(signal: AbortSignal | undefined): Promise<void> {
    const ms = this.#quietUntil - this.#clock.now();
    if (ms > 0) await sleep(this.#clock, ms, { signal });
  }

  async #attempt(request: ReadyRequest, maxBytes: number): Promise<S3Answer> {
    const { method, key, query = [], body } = request;
    const path = key === undefined
      ? this.#path || "/"
      : `${this.#path}/${encodeS3(key, true)}`;
    const headers = await this.#sign(request, path);
    const size = (body?.length ?? 0) + Math.min(maxBytes, MAX_S3_DOCUMENT);
    using deadline = deadlineSignal(
      this.#clock,
      REQUEST_MS + size / BYTES_A_MS,
      "The server does not answer",
      request.signal,
    );
    const search = query.length === 0 ? "" : `?${canonicalQuery(query)}`;
    const response = await this.#fetch(
      `${this.#origin}${path}${search}`,
      {
        method,
        headers: [...headers] as [string, string][],
        redirect: "manual",
        signal: deadline.signal,
        ...(body === undefined ? {} : { body }),
      },
    );
    const most = response.ok ? maxBytes : MAX_S3_DOCUMENT;
    return {
      status: response.status,
      headers: response.headers,
      body: await readBounded(
        response,
        most,
        response.ok ? request.into : undefined,
      ),
    };
  }

  async #sign(request: ReadyRequest, path: string): Promise<readonly Pair[]> {
    const { method, query = [], headers = [], payloadHash } = request;
    const { credentials, now = Date.now } = this.#options;
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials ??=
      typeof credentials === "function" ? await credentials() : credentials;
    const time = signingTime(
      new Date(now() + this.#skew).toISOString(),
    );
    const scope = { time, region: this.#region };
    const own: Pair[] = [
      ...headers,
      ["x-amz-content-sha256", payloadHash],
      ["x-amz-date", time],
    ];
    if (sessionToken) own.push(["x-amz-security-token", sessionToken]);
    const host: Pair = ["host", this.#origin.replace(/^https?:\/\//, "")];
    const signed = {
      method,
      path,
      query,
      headers: [...own, host],
      payloadHash,
    };
    const [first, ...texts] = keySteps(secretAccessKey, scope);
    const name = `${accessKeyId} ${time.slice(0, 8)}`;
    if (this.#key?.name !== name) {
      this.#key = { name, key: deriveKey(first, texts) };
    }
    const hash = await sha256(encodeText(canonicalRequest(signed)));
    const signature = await crypto.subtle.sign(
      "HMAC",
      await this.#key.key,
      encodeText(stringToSign(scope, hash)),
    );
    return [
      ...own,
      ["accept-encoding", "identity"],
      [
        "authorization",
        formatAuthorization(
          accessKeyId,
          scope,
          signed,
          new Uint8Array(signature),
        ),
      ],
    ];
  }

  #setClock(headers: Headers): void {
    const time = Date.parse(headers.get("date") ?? "");
    if (Number.isNaN(time)) return;
    this.#skew = time - (this.#options.now ?? Date.now)();
  }

  #refused(
    { method, key }: ReadyRequest,
    { status, headers }: S3Answer,
    { code, message }: S3ErrorBody,
  ): DiskError {
    const region = headers.get("x-amz-bucket-region");
    const elsewhere = region !== null && /^[\w-]{1,64}$/.test(region) &&
      region !== this.#region;
    const reason = elsewhere
      ? `The bucket is in region ${region}`
      : `The server says ${code || status}${
        message && `: ${this.#hide(message)}`
      }`;
    const kind = Object.hasOwn(CODES, code)
      ? CODES[code]!
      : status === 401 || status === 403
      ? "permission"
      : status === 507
      ? "disk-full"
      : "io";
    return new DiskError(kind, reason, {
      operation: method,
      path: this.nameOf(key),
    });
  }

  /** What a server repeats of our keys goes no further. */
  #hide(text: string): string {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#credentials ??
      {};
    for (const secret of [secretAccessKey, sessionToken, accessKeyId]) {
      if (secret) text = text.replaceAll(secret, "***");
    }
    return text;
  }

  #failed({ method, key }: ReadyRequest, problem: unknown): DiskError {
    if (problem instanceof DiskError) return problem;
    const reason = problem instanceof Error ? problem.message : String(problem);
    return new DiskError("io", this.#hide(reason), {
      operation: method,
      path: this.nameOf(key),
      cause: problem,
    });
  }
}

/** Whether another attempt may be answered better. */
function mayPass(status: number, code: string): boolean {
  return PASSING.test(code) || status === 429 ||
    status >= 500 && status !== 501 && status !== 507;
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

async function deriveKey(
  first: string,
  texts: readonly string[],
): Promise<CryptoKey> {
  let key: BufferSource = encodeText(first);
  const load = (bytes: BufferSource) =>
    crypto.subtle.importKey(
      "raw",
      bytes,
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
  for (const text of texts) {
    key = await crypto.subtle.sign("HMAC", await load(key), encodeText(text));
  }
  return await load(key);
}
