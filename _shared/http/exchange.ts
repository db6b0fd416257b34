/**
 * One HTTP request on a connection.
 *
 * @module
 */
import { type ByteConnection, writeAll } from "../byte_conn.ts";
import { encodeText } from "../bytes.ts";
import { type HttpHead, HttpResponseDecoder } from "./http_response.ts";

/** Bytes that are read at a time; packed, they are a thousand times as many. */
const READ_BYTES = 131_072;
const PACKED_BYTES = 8192;

/** What is asked of a server. */
export interface HttpRequest {
  /** Such as `GET`. */
  readonly method: string;
  readonly url: URL;
  readonly headers: Headers;
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
  /** Whether the connection is to stay open. */
  readonly keepsAlive: boolean;
}

/** The head of a request; a header without a value is left out. */
export function encodeHead(request: HttpRequest): Uint8Array {
  const { method, url, headers, body, keepsAlive } = request;
  const lines = [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${headers.get("host") ?? url.host}`,
  ];
  for (const [name, value] of headers) {
    if (value !== "" && name !== "host") lines.push(`${name}: ${value}`);
  }
  if (body !== undefined || /^P(OS|U)T$/.test(method)) {
    lines.push(`content-length: ${body?.length ?? 0}`);
  }
  if (!keepsAlive) lines.push("connection: close");
  return encodeText([...lines, "", ""].join("\r\n"));
}

/** A connection that may see several requests, and what is read from it. */
export class HttpConnection {
  readonly #inner: ByteConnection;
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(inner: ByteConnection) {
    this.#inner = inner;
  }

  send(data: Uint8Array): Promise<void> {
    return writeAll(this.#inner, data);
  }

  /** Some bytes, valid until it is called again; `undefined` at the end. */
  async read(most: number): Promise<Uint8Array | undefined> {
    const count = await this.#inner.read(this.#buffer.subarray(0, most));
    return count === null ? undefined : this.#buffer.subarray(0, count);
  }

  close(): void {
    this.#inner.close();
  }
}

/** A request under way. */
export class HttpExchange {
  readonly #connection: HttpConnection;
  readonly #decoder: HttpResponseDecoder;
  /** Parts of the body that nobody has taken. */
  readonly #parts: Uint8Array[] = [];
  readonly #onEnd: (isReusable: boolean) => void;
  #isPacked = false;
  #isSent = false;
  #isOver = false;
  #hasAnswer = false;
  #reason: unknown;

  /**
   * Begins; `onEnd` is called once, when the answer is over: the connection is
   * closed by then, or may be asked again.
   */
  constructor(
    connection: HttpConnection,
    method: string,
    onEnd: (isReusable: boolean) => void,
  ) {
    this.#connection = connection;
    this.#decoder = new HttpResponseDecoder(method === "HEAD");
    this.#onEnd = onEnd;
  }

  /** Whether anything has come. */
  get hasAnswer(): boolean {
    return this.#hasAnswer;
  }

  /**
   * Sends the request, and waits for the head of the answer, which may come before
   * all is sent: then the rest of it does not matter.
   */
  async ask(request: HttpRequest): Promise<HttpHead> {
    this.#send(request).then(
      () => this.#isSent = true,
      // Reading ends as well, unless it has an answer.
      () => {},
    );
    while (this.#decoder.head === undefined) await this.#read();
    return this.#decoder.head;
  }

  /** The body as a stream that reads no more than is asked of it. */
  body(isPacked: boolean): ReadableStream<Uint8Array<ArrayBuffer>> {
    this.#isPacked = isPacked;
    const source: UnderlyingByteSource = {
      type: "bytes",
      pull: async (controller) => {
        const part = await this.#next();
        const request = controller.byobRequest;
        if (part === undefined) {
          controller.close();
          request?.respond(0);
        } else if (request?.view) {
          const { buffer, byteOffset, byteLength } = request.view;
          const now = part.subarray(0, byteLength);
          if (now.length < part.length) {
            this.#parts.unshift(part.subarray(now.length));
          }
          new Uint8Array(buffer, byteOffset, byteLength).set(now);
          request.respond(now.length);
        } else controller.enqueue(part.slice());
      },
      cancel: () => this.close(),
    };
    const body = new ReadableStream(source);
    return isPacked ? body.pipeThrough(new DecompressionStream("gzip")) : body;
  }

  /** Ends it, and the connection with it; reading fails with `reason`. Idempotent. */
  close(reason?: unknown): void {
    this.#reason ??= reason;
    this.#end(false);
  }

  /** Ends an answer without a body, or one that is read. */
  finish(): void {
    this.#end(this.#isSent && this.#decoder.isReusable);
  }

  #end(isReusable: boolean): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (!isReusable) this.#connection.close();
    this.#onEnd(isReusable);
  }

  async #send(request: HttpRequest): Promise<void> {
    await this.#connection.send(encodeHead(request));
    if (request.body) await this.#connection.send(request.body);
  }

  /** The next part of the body, valid until it is called again. */
  async #next(): Promise<Uint8Array | undefined> {
    while (true) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      if (this.#decoder.done) {
        this.finish();
        return undefined;
      }
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    try {
      const bytes = await this.#connection.read(
        this.#isPacked ? PACKED_BYTES : READ_BYTES,
      );
      if (bytes === undefined) this.#decoder.end();
      else {
        this.#hasAnswer = true;
        this.#parts.push(...this.#decoder.push(bytes));
      }
    } catch (error) {
      this.close();
      throw this.#reason ?? error;
    }
  }
}
