/**
 * Answers of HTTP/1.1 as a server writes them.
 *
 * @module
 */
import { encodeText } from "../_shared/bytes.ts";

const REASONS: Readonly<Record<number, string>> = {
  200: "OK",
  204: "No Content",
  206: "Partial Content",
  302: "Found",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  409: "Conflict",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  416: "Range Not Satisfiable",
  421: "Misdirected Request",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
  505: "HTTP Version Not Supported",
};

/** What a request is answered with. */
export interface HttpAnswer {
  /** Such as 200. */
  readonly status: number;
  /** What the body is. @default {"text/plain"} */
  readonly contentType?: string | undefined;
  /** More headers, names in lower case. @default {[]} */
  readonly headers?:
    | readonly (readonly [name: string, value: string])[]
    | undefined;
  /**
   * The body; left out for `HEAD`. A stream without `content-length` among the
   * headers ends with the connection.
   */
  readonly body?: Uint8Array | string | ReadableStream<Uint8Array> | undefined;
}

/** An answer as it is written: what is known at once, and the rest. */
export interface EncodedAnswer {
  /** The head, and the body unless it is a stream. */
  readonly bytes: Uint8Array;
  /** What comes after it. */
  readonly rest: ReadableStream<Uint8Array> | undefined;
  /** Whether the connection goes on after it. */
  readonly keepAlive: boolean;
}

/** Statuses whose answers have no body. Source: RFC 9110, section 6.4.1. */
const isBare = (status: number) => status === 204 || status === 304;

/**
 * Encodes an answer.
 *
 * @throws {TypeError} If a header holds the end of a line.
 */
export function encodeHttpAnswer(
  answer: HttpAnswer,
  keepAlive: boolean,
  isHead: boolean,
): EncodedAnswer {
  const { status, contentType = "text/plain", headers = [] } = answer;
  const { body = "" } = answer;
  const given = new Set(headers.map(([name]) => name));
  const stream = body instanceof ReadableStream ? body : undefined;
  const content = body instanceof ReadableStream
    ? new Uint8Array()
    : typeof body === "string"
    ? encodeText(body)
    : body;
  const goesOn = keepAlive &&
    (stream === undefined || given.has("content-length"));
  const lines = [`HTTP/1.1 ${status} ${REASONS[status] ?? "Answer"}`];
  if (!given.has("content-type")) lines.push(`content-type: ${contentType}`);
  if (stream === undefined && !isBare(status) && !given.has("content-length")) {
    lines.push(`content-length: ${content.length}`);
  }
  if (!given.has("cache-control")) lines.push("cache-control: no-store");
  if (status === 405 && !given.has("allow")) lines.push("allow: GET, HEAD");
  for (const [name, value] of headers) {
    if (/[\r\n]/.test(name + value)) {
      throw new TypeError(`Header ${JSON.stringify(name)} holds a line end`);
    }
    lines.push(`${name}: ${value}`);
  }
  lines.push(`connection: ${goesOn ? "keep-alive" : "close"}`);
  const head = encodeText(lines.join("\r\n") + "\r\n\r\n");
  if (isHead || isBare(status) || content.length === 0) {
    return {
      bytes: head,
      rest: isHead ? undefined : stream,
      keepAlive: goesOn,
    };
  }
  const bytes = new Uint8Array(head.length + content.length);
  bytes.set(head);
  bytes.set(content, head.length);
  return { bytes, rest: undefined, keepAlive: goesOn };
}
