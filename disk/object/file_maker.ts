/**
 * Puts finished files together out of their pieces.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import type { PieceLayout } from "../../metainfo/piece_layout.ts";
import { DiskError } from "../error.ts";
import type { Awaitable } from "../awaitable.ts";
import {
  type FilePart,
  LEAST_PART,
  MOST_SENT,
  type PieceSpan,
  planParts,
  SENT_PART,
} from "./part_plan.ts";
import { KeptPieces } from "./kept_pieces.ts";
import type { S3Body } from "./s3_client.ts";
import { checkStored, SUM, WrongAnswer } from "./s3_answer.ts";
import { formatCompletion, type S3Part, tryDecodeText } from "./s3_xml.ts";
import type { Pair } from "./sigv4.ts";
import {
  bodyOf,
  type Upload,
  Uploads,
  type UploadsContext,
} from "./uploads.ts";

/** What a {@linkcode FileMaker} works with. */
export interface FileMakerContext extends UploadsContext {
  readonly layout: PieceLayout;
  /** Key of a piece that is an object. */
  readonly keyOfPiece: (pieceIndex: number) => string | undefined;
  /** Reads bytes of a piece, wherever they are. */
  readonly read: (
    pieceIndex: number,
    offset: number,
    into: Uint8Array<ArrayBuffer>,
  ) => Awaitable<boolean>;
}

/** Parts of one file that are made at a time. */
const PARALLEL_PARTS = 4;

/** Makes objects of files. */
export class FileMaker {
  readonly #context: FileMakerContext;
  readonly #uploads: Uploads;
  readonly #plans = new Map<number, readonly FilePart[]>();
  readonly #kept = new KeptPieces();
  /** Parts under way before their file is whole. */
  readonly #early = new Set<Promise<void>>();
  /** Files of which no part is made before: it failed. */
  readonly #late = new Set<number>();
  readonly #ending = new AbortController();

  constructor(context: FileMakerContext) {
    this.#context = context;
    this.#uploads = new Uploads(context);
  }

  /** Takes a name that was found in the folder. */
  note(name: string): void {
    const fileIndex = Number(/^upload-(\d{1,9})$/.exec(name)?.[1]);
    if (fileIndex < this.#context.layout.files.length) {
      this.#uploads.note(fileIndex);
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
    const parts = this.#planOf(fileIndex);
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
    try {
      const upload = await this.#uploads.open(fileIndex, signal);
      const made = new Array<S3Part>(parts.length);
      await eachAtOnce(parts.entries(), PARALLEL_PARTS, async ([at, part]) => {
        made[at] = await this.#part(fileIndex, upload, at + 1, part, signal);
      });
      const etag = await this.#complete(key, upload.id, made, length, signal);
      await this.#uploads.end(fileIndex, signal);
      return etag;
    } finally {
      // Another time it is looked at anew.
      this.#uploads.forget(fileIndex);
      this.#plans.delete(fileIndex);
    }
  }

  /**
   * Takes a piece that is stored now, with its bytes. Parts of which all is stored are
   * made before their file is whole, while little has to be read again.
   */
  take(pieceIndex: number, bytes: Uint8Array<ArrayBuffer>): void {
    const { layout, keyOfPiece } = this.#context;
    if (bytes.length >= LEAST_PART || this.#ending.signal.aborted) return;
    for (const { fileIndex } of layout.spans(pieceIndex, 0, bytes.length)) {
      const { length } = layout.files[fileIndex]!;
      if (length <= SENT_PART || this.#late.has(fileIndex)) continue;
      const plan = this.#planOf(fileIndex) ?? [];
      const at = plan.findLastIndex(({ spans }) =>
        spans[0]!.pieceIndex <= pieceIndex
      );
      const part = plan[at];
      if (part === undefined) continue;
      this.#kept.add(pieceIndex, bytes);
      if (part.spans.some((span) => !keyOfPiece(span.pieceIndex))) continue;
      const work = this.#makeEarly(fileIndex, at + 1, part);
      this.#early.add(work);
      work.finally(() => this.#early.delete(work));
    }
  }

  async #makeEarly(
    fileIndex: number,
    number: number,
    part: FilePart,
  ): Promise<void> {
    const { signal } = this.#ending;
    try {
      const upload = await this.#uploads.open(fileIndex, signal);
      await this.#part(fileIndex, upload, number, part, signal);
    } catch {
      // It is made, or fails, when the file is whole.
      this.#late.add(fileIndex);
    }
  }

  /** Ends what is under way, and waits for it. */
  async close(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#early);
    this.#kept.clear();
  }

  /** Takes a file as made, whatever was begun of it. */
  async settle(fileIndex: number, signal?: AbortSignal): Promise<void> {
    await this.#uploads.drop(fileIndex, signal);
  }

  /** Gives up files that were begun. */
  async abandon(): Promise<void> {
    await this.close();
    await this.#uploads.abandon();
  }

  #planOf(fileIndex: number): readonly FilePart[] | undefined {
    let plan = this.#plans.get(fileIndex);
    if (plan === undefined) {
      plan = planParts(this.#context.layout, fileIndex);
      if (plan !== undefined) this.#plans.set(fileIndex, plan);
    }
    return plan;
  }

  /** A part that is there, under way, or made now. */
  #part(
    fileIndex: number,
    upload: Upload,
    number: number,
    part: FilePart,
    signal?: AbortSignal,
  ): Promise<S3Part> {
    const { id, isSummed, there, parts } = upload;
    const old = there.get(number);
    if (
      old?.size === part.length && (old.sum !== undefined) === isSummed
    ) return Promise.resolve(old);
    let made = parts.get(number);
    if (made === undefined) {
      const key = this.#context.keyOfFile(fileIndex);
      made = this.#makePart(key, id, isSummed, number, part, signal);
      parts.set(number, made);
      made.catch(() => parts.delete(number));
    }
    return made;
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
      // Pieces that wait in memory leave it.
      { method: "PUT", key, query, body, isSummed, isUrgent: true, signal },
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
      throw new DiskError("io", "The server did not assemble the file", {
        operation: "finish",
        path: client.nameOf(key),
      });
    }
    return headers.get("etag") ?? "";
  }

  /** The bytes of a part, read when they are to be sent. */
  #bodyOf({ spans, length }: FilePart): S3Body {
    return {
      length,
      bytes: async () => {
        const bytes = new Uint8Array(length);
        let at = 0;
        await eachAtOnce(spans, spans.length, async (span) => {
          const { pieceIndex } = span;
          if (await this.#read(span, bytes.subarray(at, at += span.length))) {
            return;
          }
          throw new DiskError("not-found", "A piece of it is gone", {
            operation: "finish",
            path: `piece ${pieceIndex}`,
          });
        });
        return bytes;
      },
    };
  }

  /** Reads from memory what is there, for the last time. */
  #read(
    { pieceIndex, offset, length }: PieceSpan,
    into: Uint8Array<ArrayBuffer>,
  ): Awaitable<boolean> {
    const kept = this.#kept.take(pieceIndex);
    if (kept === undefined) {
      return this.#context.read(pieceIndex, offset, into);
    }
    into.set(kept.subarray(offset, offset + length));
    return true;
  }
}
