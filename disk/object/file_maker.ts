/**
 * Puts finished files together out of their pieces.
 *
 * @module
 */
import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { DiskError } from "../error.ts";
import type { Awaitable } from "../awaitable.ts";
import { type FilePart, MOST_SENT, planParts, SENT_PART } from "./part_plan.ts";
import type { S3Body, S3Client } from "./s3_client.ts";
import { checkStored, SUM, WrongAnswer } from "./s3_answer.ts";
import {
  formatCompletion,
  type S3Part,
  tryDecodeParts,
  tryDecodeText,
} from "./s3_xml.ts";
import type { Pair } from "./sigv4.ts";

/** What a {@linkcode FileMaker} works with. */
export interface FileMakerContext {
  readonly client: S3Client;
  readonly layout: PieceLayout;
  /** The header that says whose the file is. */
  readonly meta: Pair;
  /** Key of a piece that is an object. */
  readonly keyOfPiece: (pieceIndex: number) => string | undefined;
  readonly keyOfFile: (fileIndex: number) => string;
  /** What keys of notes of files that were begun start with. */
  readonly folder: string;
  /** Reads bytes of a piece, wherever they are. */
  readonly read: (
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ) => Awaitable<boolean>;
}

/** Has the server keep sums of parts, which costs less than the MD5 of ETags. */
const ALGORITHM = "x-amz-checksum-algorithm";

/** Parts of one file that are made at a time. */
const PARALLEL_PARTS = 4;

/** Makes objects of files. */
export class FileMaker {
  readonly #context: FileMakerContext;
  /** Files that were begun. */
  readonly #started: Set<number> = new Set();

  constructor(context: FileMakerContext) {
    this.#context = context;
  }

  /** Takes a name that was found in the folder. */
  note(name: string): void {
    const fileIndex = Number(/^upload-(\d{1,9})$/.exec(name)?.[1]);
    if (fileIndex < this.#context.layout.files.length) {
      this.#started.add(fileIndex);
    }
  }

  /**
   * Makes the object of a file. Gives its ETag; `undefined` if it is too large
   * and stays in pieces.
   */
  async make(
    fileIndex: number,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const { client, layout, meta } = this.#context;
    const { length } = layout.files[fileIndex]!;
    const parts = planParts(layout, fileIndex);
    if (parts === undefined) return undefined;
    const key = this.#context.keyOfFile(fileIndex);
    if (length <= SENT_PART) {
      const spans = parts.flatMap((part) => part.spans);
      const body = this.#bodyOf({ spans, length, isCopy: false });
      const { headers } = await client.send(
        { method: "PUT", key, headers: [meta], body, isSummed: true, signal },
        undefined,
        checkStored,
      );
      return headers.get("etag") ?? "";
    }
    const noteKey = this.#noteKey(fileIndex);
    const old = await this.#begun(fileIndex, signal);
    const there = old === undefined
      ? undefined
      : await this.#partsOf(key, old, signal);
    const { id, isSummed } = there === undefined
      ? await this.#begin(fileIndex, signal)
      : { id: old!, isSummed: there.isSummed };
    const made = new Array<S3Part>(parts.length);
    await eachAtOnce(parts.entries(), PARALLEL_PARTS, async ([at, part]) => {
      const old = there?.parts.get(at + 1);
      const isThere = old?.size === part.length &&
        (old.sum !== undefined) === isSummed;
      made[at] = isThere
        ? old
        : await this.#makePart(key, id, isSummed, at + 1, part, signal);
    });
    const etag = await this.#complete(key, id, made, length, signal);
    this.#started.delete(fileIndex);
    await client.send({ method: "DELETE", key: noteKey, signal });
    return etag;
  }

  /** Gives up files that were begun. */
  async abandon(): Promise<void> {
    for (const fileIndex of [...this.#started]) {
      const id = await this.#begun(fileIndex);
      this.#started.delete(fileIndex);
      if (id === undefined) continue;
      const key = this.#context.keyOfFile(fileIndex);
      await this.#context.client.send({
        method: "DELETE",
        key,
        query: [["uploadId", id]],
      });
    }
  }

  /** Key of the note that tells of a file that was begun. */
  #noteKey(fileIndex: number): string {
    return `${this.#context.folder}upload-${fileIndex}`;
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
            throw new WrongAnswer("The server names no upload");
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
    this.#started.add(fileIndex);
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

  async #makePart(
    key: string,
    id: string,
    isSummed: boolean,
    number: number,
    part: FilePart,
    signal?: AbortSignal,
  ): Promise<S3Part> {
    const { client } = this.#context;
    const query: Pair[] = [["partNumber", `${number}`], ["uploadId", id]];
    const size = part.length;
    const copied = part.isCopy
      ? await this.#copy(key, query, isSummed, part, signal)
      : undefined;
    if (copied !== undefined) return { number, size, ...copied };
    const body = this.#bodyOf(part);
    const { headers } = await client.send(
      { method: "PUT", key, query, body, isSummed, signal },
      undefined,
      (answer, sent) => {
        checkStored(answer, sent);
        if (!answer.headers.get("etag")) {
          throw new WrongAnswer("The part has no ETag");
        }
        if (isSummed && !answer.headers.has(SUM)) {
          throw new WrongAnswer("The part has no checksum");
        }
      },
    );
    const etag = headers.get("etag")!;
    return isSummed
      ? { number, size, etag, sum: headers.get(SUM)! }
      : { number, size, etag };
  }

  /** Has the server copy a part; `undefined` where it has to be sent. */
  async #copy(
    key: string,
    query: readonly Pair[],
    isSummed: boolean,
    { spans, length }: FilePart,
    signal?: AbortSignal,
  ): Promise<Pick<S3Part, "etag" | "sum"> | undefined> {
    const { client, layout } = this.#context;
    const { pieceIndex, offset } = spans[0]!;
    const source = this.#context.keyOfPiece(pieceIndex);
    if (source === undefined) return undefined;
    const headers: Pair[] = [["x-amz-copy-source", client.sourceOf(source)]];
    if (length !== layout.pieceSize(pieceIndex)) {
      headers.push([
        "x-amz-copy-source-range",
        `bytes=${offset}-${offset + length - 1}`,
      ]);
    }
    const read = (body: Uint8Array) => {
      const [etag, sum] = ["ETag", "ChecksumCRC32"].map((name) =>
        tryDecodeText(decodeTextLossy(body), "CopyPartResult", name)
      );
      if (etag === undefined || isSummed && sum === undefined) return undefined;
      return isSummed ? { etag, sum } : { etag };
    };
    try {
      const { status, body } = await client.send(
        { method: "PUT", key, query, headers, signal },
        undefined,
        ({ status, body }) => {
          if (status === 200 && !read(body)) {
            throw new WrongAnswer("The copy has no ETag or checksum");
          }
        },
      );
      return status === 200 ? read(body) : undefined;
    } catch (error) {
      // Not every service copies.
      if (error instanceof DiskError && length <= MOST_SENT) return undefined;
      throw error;
    }
  }

  async #complete(
    key: string,
    id: string,
    parts: readonly S3Part[],
    length: number,
    signal?: AbortSignal,
  ): Promise<string> {
    const { client, meta } = this.#context;
    const body = bodyOf(formatCompletion(parts));
    const query: Pair[] = [["uploadId", id]];
    // Whether it worked is seen by looking: the answer may get lost.
    await client.send({ method: "POST", key, query, body, signal });
    const { status, headers } = await client.send(
      { method: "HEAD", key, signal },
      0,
    );
    if (
      status !== 200 || Number(headers.get("content-length")) !== length ||
      headers.get(meta[0]) !== meta[1]
    ) {
      throw new DiskError("io", "The server did not put the file together", {
        operation: "finish",
        path: client.nameOf(key),
      });
    }
    return headers.get("etag") ?? "";
  }

  /** The bytes of a part, read when they are to be sent. */
  #bodyOf({ spans, length }: FilePart): S3Body {
    const { read } = this.#context;
    return {
      length,
      async bytes() {
        const bytes = new Uint8Array(length);
        let at = 0;
        await eachAtOnce(spans, spans.length, async (span) => {
          const into = bytes.subarray(at, at += span.length);
          if (await read(span.pieceIndex, span.offset, into)) return;
          throw new DiskError("not-found", "A piece of it is gone", {
            operation: "finish",
            path: `piece ${span.pieceIndex}`,
          });
        });
        return bytes;
      },
    };
  }
}

function bodyOf(text: string): S3Body {
  const bytes = encodeText(text);
  return { length: bytes.length, bytes: () => bytes };
}
