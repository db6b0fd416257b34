/** Connections to an HTTP server, in memory. */
import type { Endpoint } from "../../_shared/address.ts";
import { fromByteString, toByteString } from "../../_shared/bytes.ts";
import { drain } from "../../testing/sim_clock.ts";
import type {
  HttpConnection,
  HttpListener,
} from "../../tracker/http_server.ts";

/** A client's end of a connection in memory. */
export class Pipe implements HttpConnection {
  readonly remoteAddr: Endpoint;
  /** What the server wrote. */
  text = "";
  isClosed = false;
  /** Whether writes are taken. */
  reads = true;
  #input: Uint8Array[] = [];
  #ended = false;
  #wake = () => {};

  constructor(hostname: string) {
    this.remoteAddr = { hostname, port: 1 };
  }

  say(text: string): void {
    this.#input.push(fromByteString(text));
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    while (this.#input.length === 0 && !this.#ended && !this.isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.isClosed) throw new Error("closed");
    const next = this.#input[0];
    if (next === undefined) return null;
    const part = next.subarray(0, buffer.length);
    buffer.set(part);
    if (part.length === next.length) this.#input.shift();
    else this.#input[0] = next.subarray(part.length);
    return part.length;
  }

  async write(data: Uint8Array): Promise<number> {
    while (!this.reads && !this.isClosed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.isClosed) throw new Error("closed");
    // As sockets do, only a part at a time.
    const part = data.subarray(0, 100);
    this.text += toByteString(part);
    return part.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    if (this.isClosed) throw new Error("closed twice");
    this.isClosed = true;
    this.#wake();
  }

  get answers(): number {
    return this.text.split("HTTP/1.1 ").length - 1;
  }
}

/** Where connections in memory arrive. */
export class PipeListener implements HttpListener {
  readonly addr: Endpoint = { hostname: "127.0.0.1", port: 80 };
  accepts = 0;
  #queue: (Pipe | Error)[] = [];
  #closed = false;
  #wake = () => {};

  async accept(): Promise<HttpConnection> {
    this.accepts++;
    while (this.#queue.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const next = this.#queue.shift();
    if (next instanceof Pipe) return next;
    throw next ?? new Error("closed");
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  fail(error = new Error("Too many open files (os error 24)")): void {
    this.#queue.push(error);
    this.#wake();
  }

  async connect(hostname = "192.0.2.1", text = ""): Promise<Pipe> {
    const pipe = new Pipe(hostname);
    if (text !== "") pipe.say(text);
    this.#queue.push(pipe);
    this.#wake();
    await drain();
    return pipe;
  }
}
