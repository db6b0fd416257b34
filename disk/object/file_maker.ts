/**
 * Puts finished files together out of their pieces.
 *
 * @module
 */
import { decodeTextLossy } from "../../_shared/bytes.ts";
import { eachAtOnce } from "../../_shared/each_at_once.ts";
import { DiskError } from "../error.ts";
import type { Awaitable } from "../awaitable.ts";
import { type FilePart, MOST_SENT, planParts, SENT_PART } from "./part_plan.ts";
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
  /** Reads bytes of a run of pieces, wherever they are. */
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

  constructor(context: FileMakerContext) {
    this.#context = context;
    this.#uploads = new Uploads(context);
  }

  /** Takes a name that was found in the folder. */
  note(name: string): void {
    this.#uploads.note(name);
  }

  /**
   * Makes the object of a file. Gives its ETag; `undefined` if it is too large
   * and stays in pieces.
   */
  async make(
    fileIndex: number,
    signal?: AbortSignal,
  ): Promise<string | undefined> {
    const { client, meta } = this.#context;
    const { layout, runPieces } = this.#context.objects;
    const { length } = layout.file(fileIndex);
    const parts = planParts(layout, runPieces, fileIndex);
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
    const upload = await this.#uploads.open(fileIndex, signal);
    const made = new Array<S3Part>(parts.length);
    await eachAtOnce(parts.entries(), PARALLEL_PARTS, async ([at, part]) => {
      made[at] = await this.#part(key, upload, at + 1, part, signal);
    });
    const etag = await this.#complete(key, upload.id, made, length, signal);
    await this.#uploads.end(fileIndex, signal);
    return etag;
  }

  /** Takes a file as made, whatever was begun of it. */
  async settle(fileIndex: number, signal?: AbortSignal): Promise<void> {
    await this.#uploads.drop(fileIndex, signal);
  }

  /** Gives up files that were begun. */
  async abandon(): Promise<void> {
    await this.#uploads.abandon();
  }

  /** A part that is there, or made now. */
  async #part(
    key: string,
    { id, isSummed, there }: Upload,
    number: number,
    part: FilePart,
    signal?: AbortSignal,
  ): Promise<S3Part> {
    const old = there.get(number);
    if (
      old?.size === part.length && (old.sum !== undefined) === isSummed
    ) return old;
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
    const { client } = this.#context;
    const { pieceIndex, offset } = spans[0]!;
    const source = this.#context.objects.at(pieceIndex);
    // Pieces that are objects of their own are too short.
    if (source === undefined || source.length < offset + length) {
      return undefined;
    }
    const headers: Pair[] = [[
      "x-amz-copy-source",
      client.sourceOf(source.key),
    ]];
    if (length !== source.length) {
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
      fill: async (into) => {
        let at = 0;
        await eachAtOnce(spans, spans.length, async (span) => {
          const { pieceIndex, offset, length } = span;
          const bytes = into.subarray(at, at += length);
          if (await this.#context.read(pieceIndex, offset, bytes)) return;
          throw new DiskError("not-found", "A piece of it is gone", {
            operation: "finish",
            path: `piece ${pieceIndex}`,
          });
        });
      },
    };
  }
}
