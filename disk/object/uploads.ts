/**
 * Multipart uploads that become files.
 *
 * @module
 */
import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import { DiskError } from "../error.ts";
import type { PieceObjects } from "./piece_objects.ts";
import { WrongAnswer } from "./s3_answer.ts";
import type { S3Body, S3Client } from "./s3_client.ts";
import { type S3Part, tryDecodeParts, tryDecodeText } from "./s3_xml.ts";
import type { Pair } from "./sigv4.ts";

/** What {@linkcode Uploads} work with. */
export interface UploadsContext {
  readonly client: S3Client;
  /** The header that says whose the file is. */
  readonly meta: Pair;
  readonly keyOfFile: (fileIndex: number) => string;
  /** What keys of notes of files that were begun start with. */
  readonly folder: string;
  /** Which pieces are where. */
  readonly objects: PieceObjects;
}

/** An upload that was begun. */
export interface Upload {
  readonly id: string;
  /** Whether the server keeps sums of parts. */
  readonly isSummed: boolean;
  /** Parts that an earlier run made, by number. */
  readonly there: ReadonlyMap<number, S3Part>;
}

/** Has the server keep sums of parts, which costs less than the MD5 of ETags. */
const ALGORITHM = "x-amz-checksum-algorithm";

/** The uploads of one torrent; notes among the pieces tell later runs of them. */
export class Uploads {
  readonly #context: UploadsContext;
  /** Names of the notes of files that were begun. */
  readonly #started = new Map<number, string>();

  constructor(context: UploadsContext) {
    this.#context = context;
  }

  /** Takes a name that was found in the folder. */
  note(name: string): void {
    const fileIndex = Number(/^upload-(\d{1,9})(-\d+)?$/.exec(name)?.[1]);
    if (fileIndex < this.#context.objects.layout.fileCount) {
      this.#started.set(fileIndex, name);
    }
  }

  /** The upload of a file: the one that was begun, or a new one. */
  async open(fileIndex: number, signal?: AbortSignal): Promise<Upload> {
    const note = this.#started.get(fileIndex);
    // Its parts are of other runs.
    if (note !== undefined && note !== this.#noteOf(fileIndex)) {
      await this.drop(fileIndex, signal);
    }
    const id = await this.#begun(fileIndex, signal);
    const key = this.#context.keyOfFile(fileIndex);
    const old = id === undefined
      ? undefined
      : await this.#partsOf(key, id, signal);
    return old === undefined
      ? { ...await this.#begin(fileIndex, signal), there: new Map() }
      : { id: id!, isSummed: old.isSummed, there: old.parts };
  }

  /** Ends the upload of a file that is there. */
  async end(fileIndex: number, signal?: AbortSignal): Promise<void> {
    const key = this.#noteKey(fileIndex);
    this.#started.delete(fileIndex);
    await this.#context.client.send({ method: "DELETE", key, signal });
  }

  /** Gives up what was begun of a file that is there all the same. */
  async drop(fileIndex: number, signal?: AbortSignal): Promise<void> {
    if (!this.#started.has(fileIndex)) return;
    await this.#abort(fileIndex, signal);
    await this.end(fileIndex, signal);
  }

  /** Gives up all of them. */
  async abandon(): Promise<void> {
    for (const fileIndex of [...this.#started.keys()]) {
      await this.#abort(fileIndex);
      this.#started.delete(fileIndex);
    }
  }

  async #abort(fileIndex: number, signal?: AbortSignal): Promise<void> {
    const id = await this.#begun(fileIndex, signal);
    if (id === undefined) return;
    await this.#context.client.send({
      method: "DELETE",
      key: this.#context.keyOfFile(fileIndex),
      query: [["uploadId", id]],
      signal,
    });
  }

  /** Name of the note that tells of a file that was begun: parts are of runs. */
  #noteOf(fileIndex: number): string {
    return `upload-${fileIndex}-${this.#context.objects.runPieces}`;
  }

  #noteKey(fileIndex: number): string {
    const name = this.#started.get(fileIndex) ?? this.#noteOf(fileIndex);
    return this.#context.folder + name;
  }

  /** The id of an upload that an earlier run began. */
  async #begun(
    fileIndex: number,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    if (!this.#started.has(fileIndex)) return undefined;
    const { client } = this.#context;
    const { status, body } = await client.send(
      { method: "GET", key: this.#noteKey(fileIndex), signal },
      4096,
    );
    return status === 200 && body.length > 0
      ? decodeTextLossy(body)
      : undefined;
  }

  /** Begins an upload; with sums of parts, where the server knows of such. */
  async #begin(
    fileIndex: number,
    signal?: AbortSignal,
  ): Promise<{ readonly id: string; readonly isSummed: boolean }> {
    const { client, meta } = this.#context;
    const key = this.#context.keyOfFile(fileIndex);
    const read = (body: Uint8Array) =>
      tryDecodeText(
        decodeTextLossy(body),
        "InitiateMultipartUploadResult",
        "UploadId",
      );
    const begin = (more: readonly Pair[]) =>
      client.send(
        {
          method: "POST",
          key,
          query: [["uploads", ""]],
          headers: [meta, ...more],
          signal,
        },
        undefined,
        ({ body }) => {
          const id = read(body);
          if (!id || id.length > 4096) {
            throw new WrongAnswer("The server did not return an upload id");
          }
        },
      );
    const { body, headers } = await begin([[ALGORITHM, "CRC32"]])
      .catch((error) => {
        signal?.throwIfAborted();
        // Not every service takes that.
        if (error instanceof DiskError && error.code === "io") return begin([]);
        throw error;
      });
    const isSummed = headers.get(ALGORITHM) === "CRC32";
    const id = read(body)!;
    await client.send({
      method: "PUT",
      key: this.#noteKey(fileIndex),
      body: bodyOf(id),
      signal,
    });
    this.#started.set(fileIndex, this.#noteOf(fileIndex));
    return { id, isSummed };
  }

  /** What is there of an upload; `undefined` if it is gone. */
  async #partsOf(
    key: string,
    id: string,
    signal?: AbortSignal,
  ): Promise<
    | { readonly parts: Map<number, S3Part>; readonly isSummed: boolean }
    | undefined
  > {
    const parts = new Map<number, S3Part>();
    let marker = "";
    for (let page = 0; page < 10_000; page++) {
      const { status, body } = await this.#context.client.send(
        {
          method: "GET",
          key,
          query: [
            ["uploadId", id],
            ...(marker === "" ? [] : [["part-number-marker", marker] as const]),
          ],
          signal,
        },
        undefined,
        ({ status, body }) => {
          if (status !== 404 && !tryDecodeParts(decodeTextLossy(body))) {
            throw new WrongAnswer("The list of parts is broken");
          }
        },
      );
      if (status === 404) return undefined;
      const text = decodeTextLossy(body);
      const { items, next } = tryDecodeParts(text)!;
      for (const part of items) parts.set(part.number, part);
      if (next === undefined) {
        const name = "ChecksumAlgorithm";
        const isSummed =
          tryDecodeText(text, "ListPartsResult", name)?.trim() ===
            "CRC32";
        return { parts, isSummed };
      }
      marker = next;
    }
    return undefined;
  }
}

/** A text as a body. */
export function bodyOf(text: string): S3Body {
  const bytes = encodeText(text);
  return { length: bytes.length, fill: (into) => into.set(bytes) };
}
