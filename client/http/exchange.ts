/**
 * One HTTP request on a connection of its own.
 *
 * @module
 */
import { encodeText } from "../../_shared/bytes.ts";
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import {
  type HttpHead,
  HttpResponseDecoder,
} from "../../_shared/http/http_response.ts";

/** Bytes that are read at a time; packed, they are a thousand times as many. */
const READ_BYTES = 65_536;
const PACKED_BYTES = 8192;

/** Bytes of a GET request. */
export function encodeGet(url: URL, headers: Headers): Uint8Array {
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    `host: ${headers.get("host") ?? url.host}`,
  ];
  for (const [name, value] of headers) {
    if (value !== "" && name !== "host") lines.push(`${name}: ${value}`);
  }
  return encodeText([...lines, "connection: close", "", ""].join("\r\n"));
}

/** A request under way. */
export class HttpExchange {
  readonly #connection: ByteConnection;
  readonly #decoder = new HttpResponseDecoder();
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Parts of the body that nobody has taken. */
  readonly #parts: Uint8Array[] = [];
  readonly #onClose: () => void;
  #isPacked = false;
  #closed = false;

  /** Begins; `onClose` is called once, when the connection is closed. */
  constructor(connection: ByteConnection, onClose: () => void) {
    this.#connection = connection;
    this.#onClose = onClose;
  }

  /** Sends the request, and waits for the head of the answer. */
  async ask(request: Uint8Array): Promise<HttpHead> {
    await writeAll(this.#connection, request);
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

  /** Ends it. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    this.#onClose();
  }

  /** The next part of the body, valid until it is called again. */
  async #next(): Promise<Uint8Array | undefined> {
    while (true) {
      const part = this.#parts.shift();
      if (part !== undefined) return part;
      if (this.#decoder.done) {
        this.close();
        return undefined;
      }
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    const most = this.#isPacked ? PACKED_BYTES : READ_BYTES;
    try {
      const count = await this.#connection.read(
        this.#buffer.subarray(0, most),
      );
      if (count === null) this.#decoder.end();
      else {
        this.#parts.push(
          ...this.#decoder.push(this.#buffer.subarray(0, count)),
        );
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }
}
