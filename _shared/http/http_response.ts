/**
 * One answer of an HTTP/1.1 server (RFC 9112), read as it comes. Pure, strict,
 * and nothing but the head is kept.
 *
 * @module
 */
import { toByteString } from "../bytes.ts";

/** Longest head, interim ones and trailers included, in bytes. */
const MAX_HEAD = 16_384;
/** Longest line with the length of a chunk. */
const MAX_CHUNK_LINE = 256;
/** Answers that have no body. */
const BODILESS: readonly number[] = [204, 205, 304];

/** An answer that is none, or not whole. */
export class HttpResponseError extends SyntaxError {
  /** What is wrong with it. */
  readonly code: "bad-head" | "bad-body" | "too-long" | "cut-off";

  constructor(code: HttpResponseError["code"], message: string) {
    super(message);
    this.name = "HttpResponseError";
    this.code = code;
  }
}

/** What stands before the body. */
export interface HttpHead {
  /** From 200 to 599. */
  readonly status: number;
  /** Names in lowercase and values, in the order in which they came. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

type State =
  | "status"
  | "field"
  | "counted"
  | "endless"
  | "chunk-line"
  | "chunk"
  | "chunk-end"
  | "trailer"
  | "done";

/** Reads one answer, in pieces of any size. */
export class HttpResponseDecoder {
  readonly #isHead: boolean;
  #state: State = "status";
  #line: Uint8Array = new Uint8Array();
  /** Bytes of head lines so far. */
  #headBytes = 0;
  #isOld = false;
  #status = 0;
  #fields: [string, string][] = [];
  #head: HttpHead | undefined;
  /** What is missing of the body, or of a chunk. */
  #left = 0;
  /** Whether the server will answer on this connection again. */
  #staysOpen = false;

  /** Makes it; the answer to a HEAD has no body. */
  constructor(isHead: boolean = false) {
    this.#isHead = isHead;
  }

  /** The head, once it is whole. */
  get head(): HttpHead | undefined {
    return this.#head;
  }

  /** Whether all of it has come; what follows is passed over. */
  get done(): boolean {
    return this.#state === "done";
  }

  /**
   * Whether another request may be sent on the connection: all of the answer has
   * come, nothing else, and the server does not close it.
   */
  get isReusable(): boolean {
    return this.done && this.#staysOpen;
  }

  /**
   * Takes bytes. Returns the parts of the body in them, as views; throws an
   * {@linkcode HttpResponseError}.
   */
  push(bytes: Uint8Array): Uint8Array[] {
    const parts: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length && this.#state !== "done") {
      if (this.#state === "endless") {
        parts.push(bytes.subarray(at));
        return parts;
      }
      if (this.#state === "counted" || this.#state === "chunk") {
        const part = bytes.subarray(at, at + this.#left);
        parts.push(part);
        at += part.length;
        this.#left -= part.length;
        if (this.#left === 0) {
          this.#state = this.#state === "chunk" ? "chunk-end" : "done";
        }
      } else at = this.#readLine(bytes, at);
    }
    if (at < bytes.length) this.#staysOpen = false;
    return parts;
  }

  /** Takes the end of the connection; throws unless the answer is whole. */
  end(): void {
    if (this.#state === "endless") this.#state = "done";
    if (this.#state !== "done") {
      throw new HttpResponseError("cut-off", "The answer is cut off");
    }
  }

  /** Takes bytes of a line, and the line when it is whole. */
  #readLine(bytes: Uint8Array, from: number): number {
    const lf = bytes.indexOf(0x0a, from);
    const end = lf < 0 ? bytes.length : lf + 1;
    const isChunk = this.#state === "chunk-line" || this.#state === "chunk-end";
    const room = isChunk ? MAX_CHUNK_LINE : MAX_HEAD - this.#headBytes;
    if (this.#line.length + end - from > room) {
      throw new HttpResponseError("too-long", "The answer is too long");
    }
    const line = new Uint8Array(this.#line.length + end - from);
    line.set(this.#line);
    line.set(bytes.subarray(from, end), this.#line.length);
    this.#line = line;
    if (lf >= 0) {
      if (!isChunk) this.#headBytes += line.length;
      this.#line = new Uint8Array();
      this.#takeLine(toByteString(line).replace(/\r?\n$/, ""));
    }
    return end;
  }

  #takeLine(line: string): void {
    // deno-lint-ignore no-control-regex
    if (/[\0-\x08\x0a-\x1f\x7f]/.test(line)) {
      throw badHead("A line holds what no line can");
    }
    switch (this.#state) {
      case "status":
        return this.#takeStatus(line);
      case "field":
        if (line === "") return this.#endHead();
        this.#fields.push(parseField(line));
        return;
      case "chunk-line": {
        const match = /^([0-9a-fA-F]{1,13})[ \t]*(?:;.*)?$/.exec(line);
        if (match === null) throw badBody("A chunk has no length");
        this.#left = parseInt(match[1]!, 16);
        this.#state = this.#left === 0 ? "trailer" : "chunk";
        return;
      }
      case "chunk-end":
        if (line !== "") throw badBody("A chunk is longer than it says");
        this.#state = "chunk-line";
        return;
      default:
        if (line === "") this.#state = "done";
        else parseField(line);
    }
  }

  #takeStatus(line: string): void {
    const match = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/.exec(line);
    if (match === null) throw badHead("The answer is not HTTP");
    this.#isOld = match[1] === "0";
    this.#status = Number(match[2]);
    // Nobody asked for another protocol.
    if (this.#status === 101) throw badHead("The answer is not HTTP");
    this.#state = "field";
  }

  #endHead(): void {
    const fields = this.#fields;
    this.#fields = [];
    if (this.#status < 200) {
      this.#state = "status";
      return;
    }
    this.#state = this.#framing(fields);
    this.#head = { status: this.#status, fields };
  }

  /** How the end of the body is known. */
  #framing(fields: HttpHead["fields"]): State {
    const all = (wanted: string) =>
      fields.filter(([name]) => name === wanted).map(([, value]) => value);
    const codings = all("transfer-encoding");
    const lengths = all("content-length").flatMap((value) => value.split(","))
      .map((value) => value.trim());
    const isClear = codings.length === 0 || lengths.length === 0;
    this.#staysOpen = !this.#isOld && isClear &&
      !/\bclose\b/i.test(all("connection").join());
    if (this.#isHead || BODILESS.includes(this.#status)) return "done";
    if (codings.length > 0) {
      if (this.#isOld || codings.join().toLowerCase() !== "chunked") {
        throw badBody("The answer is compressed");
      }
      return "chunk-line";
    }
    const [length] = lengths;
    if (length === undefined) {
      this.#staysOpen = false;
      return "endless";
    }
    if (!/^\d{1,15}$/.test(length) || lengths.some((one) => one !== length)) {
      throw badBody("A length is no number");
    }
    this.#left = Number(length);
    return this.#left === 0 ? "done" : "counted";
  }
}

function badHead(message: string): HttpResponseError {
  return new HttpResponseError("bad-head", message);
}

function badBody(message: string): HttpResponseError {
  return new HttpResponseError("bad-body", message);
}

function parseField(line: string): [string, string] {
  const match = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)$/.exec(line);
  if (match === null) throw badHead("A header field has no name");
  return [match[1]!.toLowerCase(), match[2]!.replace(/^[ \t]+|[ \t]+$/g, "")];
}
