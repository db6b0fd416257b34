/**
 * Reads the body of an answer.
 *
 * @module
 */

/** Most bytes of one read. */
export const READ_BYTES = 256 * 1024;

/** Reads a body piece by piece, into one buffer where the stream can. */
export class BodyReader {
  readonly #bytes: ReadableStreamBYOBReader | undefined;
  readonly #chunks: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #buffer = new ArrayBuffer(READ_BYTES);
  /** What is left of a chunk. */
  #rest: Uint8Array | undefined;

  constructor(body: ReadableStream<Uint8Array<ArrayBuffer>> | null) {
    try {
      this.#bytes = body?.getReader({ mode: "byob" });
    } catch {
      this.#chunks = body?.getReader();
    }
  }

  /** The next bytes, valid until the next call; `undefined` at the end. */
  async read(most: number): Promise<Uint8Array | undefined> {
    if (this.#bytes === undefined) {
      const chunk = this.#rest ?? (await this.#chunks?.read())?.value;
      this.#rest = chunk && chunk.length > most
        ? chunk.subarray(most)
        : undefined;
      return chunk?.subarray(0, most);
    }
    const view = new Uint8Array(
      this.#buffer,
      0,
      Math.min(most, READ_BYTES),
    );
    const { done, value } = await this.#bytes.read(view);
    if (value !== undefined) this.#buffer = value.buffer;
    return done ? undefined : value;
  }

  /** Gives the stream up. */
  async close(): Promise<void> {
    await (this.#bytes ?? this.#chunks)?.cancel().catch(() => {});
  }
}
