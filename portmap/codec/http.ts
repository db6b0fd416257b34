/**
 * One bounded HTTP exchange with a gateway: the request as old routers like it,
 * and an answer that is read as it comes. No redirect is followed and nothing
 * is unpacked.
 *
 * @module
 */
import { concatBytes, encodeText, toByteString } from "../../_shared/bytes.ts";

/** Longest head and body of an answer, in bytes. */
const MAX_HEAD = 8192;
const MAX_BODY = 65_536;
/** Most bytes of an answer, the lengths of its chunks counted. */
const MAX_BYTES = MAX_HEAD + 2 * MAX_BODY;
/** Longest line with the length of a chunk. */
const MAX_CHUNK_LINE = 256;

/** A request. */
export interface HttpRequest {
  /** Absolute `http:` URL. */
  readonly url: string;
  /** Header lines beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent by POST; without a body it is a GET. */
  readonly body?: string;
}

/** An answer. */
export interface HttpResponse {
  /** Status, such as 200. */
  readonly status: number;
  /** The body, whole. */
  readonly body: Uint8Array;
}

/** Why there is no answer. */
export interface HttpFault {
  /** One line. */
  readonly error: string;
}

/** Encodes a request that asks for the end of the connection. */
export function encodeHttpRequest(
  { url, headers = {}, body }: HttpRequest,
): Uint8Array<ArrayBuffer> {
  const { host, pathname, search } = new URL(url);
  const content = encodeText(body ?? "");
  const lines = [
    `${body === undefined ? "GET" : "POST"} ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: bip UPnP/1.1",
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${content.length}`]),
    "Connection: close",
    "",
    "",
  ];
  return concatBytes([encodeText(lines.join("\r\n")), content]);
}

/** Reads one answer, as it comes. */
export class HttpResponseReader {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4096);
  #length = 0;
  /** Where the body begins; 0 while the head is not whole. */
  #bodyAt = 0;
  #status = 0;
  /** Bytes of the body, `"chunked"`, or `undefined` for all until the end. */
  #framing: number | "chunked" | undefined;
  /** How far chunks, or lines of the head, have been looked at. */
  #at = 0;
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;

  /**
   * Takes bytes.
   *
   * @param bytes What came; copied.
   * @returns The answer once it is whole, or what is wrong with it.
   */
  push(bytes: Uint8Array): HttpResponse | HttpFault | undefined {
    if (this.#length + bytes.length > MAX_BYTES) return TOO_LONG;
    this.#append(bytes);
    if (this.#bodyAt === 0) {
      const fault = this.#readHead();
      if (fault !== undefined || this.#bodyAt === 0) return fault;
    }
    if (this.#framing === "chunked") return this.#readChunks();
    const length = this.#length - this.#bodyAt;
    if (this.#framing === undefined) {
      return length > MAX_BODY ? TOO_LONG : undefined;
    }
    return length < this.#framing
      ? undefined
      : this.#answer(this.#body(this.#framing));
  }

  /** Takes the end of the connection. */
  end(): HttpResponse | HttpFault {
    return this.#bodyAt > 0 && this.#framing === undefined
      ? this.#answer(this.#body(this.#length - this.#bodyAt))
      : { error: "The answer is cut off" };
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, 2 * this.#bytes.length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
  }

  #body(length: number): Uint8Array {
    return this.#bytes.slice(this.#bodyAt, this.#bodyAt + length);
  }

  #answer(body: Uint8Array): HttpResponse {
    return { status: this.#status, body };
  }

  /** End of the line that begins at `from`, behind its LF, or 0. */
  #lineEnd(from: number): number {
    const at = this.#bytes.subarray(0, this.#length).indexOf(0x0a, from);
    return at < 0 ? 0 : at + 1;
  }

  /** Looks for the empty line that ends the head, and reads what it says. */
  #readHead(): HttpFault | undefined {
    for (let end; (end = this.#lineEnd(this.#at)) > 0; this.#at = end) {
      const isEmpty = end - this.#at === 1 ||
        (end - this.#at === 2 && this.#bytes[this.#at] === 0x0d);
      if (!isEmpty || this.#at === 0) continue;
      if (end > MAX_HEAD) return TOO_LONG;
      this.#bodyAt = this.#at = end;
      return this.#readFields(toByteString(this.#bytes.subarray(0, end)));
    }
    return this.#length > MAX_HEAD ? TOO_LONG : undefined;
  }

  #readFields(head: string): HttpFault | undefined {
    const [first, ...lines] = head.split(/\r?\n/);
    const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first!);
    if (match === null) return { error: "The answer is no HTTP" };
    this.#status = Number(match[1]);
    for (const line of lines) {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
      const value = line.slice(colon + 1).trim().toLowerCase();
      if (name === "content-encoding" && value !== "identity") {
        return { error: "The answer is packed" };
      }
      if (name === "transfer-encoding") {
        if (value !== "chunked") return { error: "The answer is packed" };
        this.#framing = "chunked";
      } else if (name === "content-length" && this.#framing !== "chunked") {
        if (!/^\d{1,15}$/.test(value)) {
          return { error: "A length is no number" };
        }
        this.#framing = Number(value);
        if (this.#framing > MAX_BODY) return TOO_LONG;
      }
    }
    return undefined;
  }

  #readChunks(): HttpResponse | HttpFault | undefined {
    while (true) {
      const lineEnd = this.#lineEnd(this.#at);
      const length = (lineEnd || this.#length) - this.#at;
      if (length > MAX_CHUNK_LINE) return TOO_LONG;
      if (lineEnd === 0) return undefined;
      const line = toByteString(this.#bytes.subarray(this.#at, lineEnd));
      const match = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?\r?\n$/.exec(line);
      if (match === null) return { error: "A chunk has no length" };
      const size = parseInt(match[1]!, 16);
      if (size === 0) {
        return this.#answer(concatBytes(this.#chunks));
      }
      if (this.#chunkBytes + size > MAX_BODY) return TOO_LONG;
      const end = this.#lineEnd(lineEnd + size);
      if (end === 0) return undefined;
      this.#chunks.push(this.#bytes.slice(lineEnd, lineEnd + size));
      this.#chunkBytes += size;
      this.#at = end;
    }
  }
}

const TOO_LONG: HttpFault = { error: "The answer is too long" };
