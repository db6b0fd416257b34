/**
 * Requests of HTTP/1.0 and HTTP/1.1 out of a stream of bytes, as a server
 * reads them. Bodies are left to who wants them.
 *
 * @module
 */
import { toByteString } from "../_shared/bytes.ts";

/** Longest head of a request, in bytes. */
export const MAX_HTTP_HEAD = 16_384;
/** Bytes that a reader begins with: most requests are shorter. */
const FIRST_ROOM = 1_024;

const CR = 0x0d;
const LF = 0x0a;

/** What a client asks for. Text has one character a byte. */
export interface HttpRequest {
  /** Such as `GET`. */
  readonly method: string;
  /** Path and query as they were sent, not decoded. */
  readonly target: string;
  /** Names in lower case, and values. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Whether the client wants to ask more on this connection. */
  readonly keepAlive: boolean;
  /** Bytes of the body that follows; `undefined` if it comes in chunks. */
  readonly bodyLength: number | undefined;
}

/** A request cannot be read. What follows it must not be read either. */
export class HttpRequestError extends SyntaxError {
  /** What kind of mistake. */
  readonly code: "malformed" | "too-long" | "version";
  /** The status to answer with. */
  readonly status: 400 | 431 | 505;

  /** Makes the error. */
  constructor(code: HttpRequestError["code"], message: string) {
    super(message);
    this.name = "HttpRequestError";
    this.code = code;
    this.status = code === "malformed" ? 400 : code === "version" ? 505 : 431;
  }
}

/**
 * Finds a header.
 *
 * @param request Where.
 * @param name Its name in lower case.
 * @returns The value, the first one if there are several.
 */
export function httpHeader(
  { headers }: Pick<HttpRequest, "headers">,
  name: string,
): string | undefined {
  return headers.find(([key]) => key === name)?.[1];
}

/** Reads requests one after the other; never holds more than one head. */
export class HttpRequestReader {
  #buffer = new Uint8Array(FIRST_ROOM);
  /** The bytes that are not used yet, and up to where they were looked at. */
  #start = 0;
  #end = 0;
  #seen = 0;

  /** Whether no byte of a next request has come. */
  get isEmpty(): boolean {
    return this.#start === this.#end;
  }

  /** Where to put the next bytes. Ask again after each use. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.#start > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#seen -= this.#start;
      this.#start = 0;
    }
    if (this.#end === this.#buffer.length) {
      const length = Math.min(MAX_HTTP_HEAD, 2 * this.#end);
      const larger = new Uint8Array(length);
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    return this.#buffer.subarray(this.#end);
  }

  /** Takes bytes that were put into the room. */
  advance(length: number): void {
    this.#end += length;
  }

  /** Moves bytes of a body that are here already; gives how many. */
  take(into: Uint8Array): number {
    const length = Math.min(into.length, this.#end - this.#start);
    into.set(this.#buffer.subarray(this.#start, this.#start + length));
    this.#start += length;
    this.#seen = Math.max(this.#seen, this.#start);
    return length;
  }

  /** Reads a request; `undefined` when more bytes are needed. */
  next(): HttpRequest | undefined {
    const bytes = this.#buffer;
    // Empty lines between requests do not count.
    while (
      this.#start < this.#end &&
      (bytes[this.#start] === CR || bytes[this.#start] === LF)
    ) this.#start++;
    let at = Math.max(this.#start, this.#seen);
    for (; at < this.#end; at++) {
      if (bytes[at] !== LF) continue;
      const before = bytes[at - 1] === CR ? at - 2 : at - 1;
      if (before >= this.#start && bytes[before] === LF) {
        const head = textOf(bytes.subarray(this.#start, before));
        this.#start = this.#seen = at + 1;
        return parseHead(head);
      }
    }
    this.#seen = at;
    if (this.#end - this.#start >= MAX_HTTP_HEAD) {
      throw new HttpRequestError(
        "too-long",
        `The request's head is longer than ${MAX_HTTP_HEAD} bytes`,
      );
    }
    return undefined;
  }
}

const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** One character a byte; most heads are ASCII, which is faster. */
function textOf(bytes: Uint8Array): string {
  const text = DECODER.decode(bytes);
  return /^[\0-\x7f]*$/.test(text) ? text : toByteString(bytes);
}

function malformed(what: string): HttpRequestError {
  return new HttpRequestError("malformed", `Malformed request: ${what}`);
}

/** Characters of a token. Source: RFC 9110, section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Control characters but for tab. */
// deno-lint-ignore no-control-regex
const CONTROL = /[\0-\x08\x0a-\x1f\x7f]/;

function parseHead(head: string): HttpRequest {
  const lines = head.split("\n");
  const [method = "", target = "", version, ...more] = lineOf(lines[0]!)
    .split(" ");
  if (version === undefined || more.length > 0 || !TOKEN.test(method)) {
    throw malformed("expected method, target and version");
  }
  const minor = /^HTTP\/1\.([01])$/.exec(version)?.[1];
  if (minor === undefined) {
    throw new HttpRequestError("version", "Only HTTP/1.0 and HTTP/1.1");
  }
  const headers: [string, string][] = [];
  let keepAlive = minor === "1";
  let length: string | undefined;
  let isChunked = false;
  for (let i = 1; i < lines.length; i++) {
    const line = lineOf(lines[i]!);
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    // So names with blanks are refused, too, and lines that go on.
    if (!TOKEN.test(name)) throw malformed("expected a header");
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    headers.push([name, value]);
    if (name === "connection") {
      if (/\bclose\b/i.test(value)) keepAlive = false;
      else if (/\bkeep-alive\b/i.test(value)) keepAlive = true;
    } else if (name === "content-length") {
      if (
        !/^\d{1,15}$/.test(value) || (length !== undefined && length !== value)
      ) {
        throw malformed("content-length");
      }
      length = value;
    } else if (name === "transfer-encoding") isChunked = true;
  }
  if (isChunked && length !== undefined) {
    throw malformed("content-length beside transfer-encoding");
  }
  return {
    method,
    target: pathOf(target),
    headers,
    keepAlive,
    bodyLength: isChunked ? undefined : Number(length ?? 0),
  };
}

/** A line without its end. */
function lineOf(text: string): string {
  const line = text.endsWith("\r") ? text.slice(0, -1) : text;
  if (CONTROL.test(line)) throw malformed("control characters");
  return line;
}

/** Path and query of a target, which proxies are asked for with a host. */
function pathOf(target: string): string {
  if (target.startsWith("/")) return target;
  const authority = /^https?:\/\/[^/?]*/i.exec(target)?.[0];
  if (authority === undefined) throw malformed("target");
  const path = target.slice(authority.length);
  return path.startsWith("/") ? path : `/${path}`;
}
