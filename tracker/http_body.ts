/**
 * The body of a request, as far as it is wanted.
 *
 * @module
 */

/** Bytes that must come within a request's time; room is made for so many. */
export const BODY_STEP = 65_536;

/**
 * Reads the body of a request, once.
 *
 * @param maxBytes The most it may have.
 * @returns The body.
 * @throws {HttpBodyError} If it is longer, or its length is not told.
 */
export type ReadBody = (maxBytes: number) => Promise<Uint8Array<ArrayBuffer>>;

/** A body is not taken. */
export class HttpBodyError extends RangeError {
  /** What kind of mistake. */
  readonly code: "too-long" | "no-length" | "cut";
  /** The status to answer with. */
  readonly status: 400 | 411 | 413;

  /** Makes the error. */
  constructor(code: HttpBodyError["code"], message: string) {
    super(message);
    this.name = "HttpBodyError";
    this.code = code;
    this.status = code === "too-long" ? 413 : code === "cut" ? 400 : 411;
  }
}

/** Throws unless a body of this length is taken. */
export function checkBodyLength(
  length: number | undefined,
  maxBytes: number,
): asserts length is number {
  if (length === undefined) {
    throw new HttpBodyError("no-length", "A Content-Length is required");
  }
  if (length > maxBytes) {
    const message = `The body may have ${maxBytes} bytes, not ${length}`;
    throw new HttpBodyError("too-long", message);
  }
}

/**
 * Reads a body. Room is made as bytes come, not as they are promised.
 *
 * @param length How many bytes.
 * @param read Puts bytes into a buffer, gives how many; null at the end.
 * @param onStep Called before each {@linkcode BODY_STEP} bytes.
 */
export async function readHttpBody(
  length: number,
  read: (into: Uint8Array) => Promise<number | null> | number | null,
  onStep: () => void,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(Math.min(length, BODY_STEP));
  let due = 0;
  for (let at = 0; at < length;) {
    if (at >= due) {
      onStep();
      due = at + BODY_STEP;
    }
    if (at === bytes.length) {
      const larger = new Uint8Array(Math.min(length, 2 * at));
      larger.set(bytes);
      bytes = larger;
    }
    const got = await read(bytes.subarray(at));
    if (got === null) {
      throw new HttpBodyError("cut", `The body ends after ${at} bytes`);
    }
    at += got;
  }
  return bytes;
}
