/** An object store in memory, as a `fetch`, with faults. */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { SimClock } from "../../../testing/sim_clock.ts";
import { concatBytes, decodeTextLossy } from "../../../_shared/bytes.ts";
import {
  ObjectStorage,
  type ObjectStorageOptions,
} from "../../../disk/object_storage.ts";
import type { PieceStore } from "../../../disk/piece_store.ts";
import { runOf } from "../../../disk/run_of.ts";
import type { TestTorrent } from "../support.ts";

/** One request as the server sees it. */
export interface Seen {
  readonly method: string;
  /** Decoded key; empty for the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

interface Stored {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly meta: string | null;
  readonly etag: string;
}

const md5 = (bytes: Uint8Array) =>
  `"${createHash("md5").update(bytes).digest("hex")}"`;

const crc = (bytes: Uint8Array) => {
  const sum = new Uint8Array(4);
  new DataView(sum.buffer).setUint32(0, crc32(bytes));
  return sum.toBase64();
};

const escape = (text: string) =>
  text.replace(/[&<>]/g, (c) => `&#${c.codePointAt(0)};`);

/** Answers as a service does, unless `fault` says otherwise. */
export class FakeS3 {
  readonly objects = new Map<string, Stored>();
  readonly uploads = new Map<
    string,
    { key: string; meta: string | null; parts: Map<number, Stored> }
  >();
  readonly seen: Seen[] = [];
  readonly clock = new SimClock();
  /** Keys on a page of a list. */
  pageSize = 1000;
  copies = true;
  sums = false;
  /** Answers in place of the server, or bends its answer. */
  fault:
    | ((
      seen: Seen,
      answer: () => Response,
    ) => Response | Promise<Response> | undefined)
    | undefined;
  #uploads = 0;

  storage(options: Partial<ObjectStorageOptions> = {}): ObjectStorage {
    return new ObjectStorage({
      bucket: "bucket",
      endpoint: "http://s3.test/base",
      credentials: { accessKeyId: "AKID", secretAccessKey: "topsecret" },
      fetch: (url, init) => this.#fetch(String(url), init!),
      clock: this.clock,
      now: () => Date.UTC(2026, 0, 2) + this.clock.now(),
      ...options,
    });
  }

  /** Lets time pass until something is done. */
  async during<T>(work: Promise<T>): Promise<T> {
    let done = false;
    const mark = () => void (done = true);
    work.then(mark, mark);
    while (!done) {
      await new Promise((resolve) => setTimeout(resolve));
      if (!done) await this.clock.advance(500);
    }
    return await work;
  }

  count(method: string, key: RegExp): number {
    return this.seen.filter((seen) =>
      seen.method === method && key.test(seen.key)
    ).length;
  }

  put(
    key: string,
    bytes: Uint8Array<ArrayBuffer>,
    meta: string | null = null,
  ): string {
    const etag = md5(bytes);
    this.objects.set(key, { bytes, meta, etag });
    return etag;
  }

  async #fetch(text: string, init: RequestInit): Promise<Response> {
    const url = new URL(text);
    const path = url.pathname.slice("/base/bucket".length);
    const seen: Seen = {
      method: init.method!,
      key: decodeURIComponent(path.slice(1)),
      query: url.searchParams,
      headers: new Headers(init.headers),
      body: new Uint8Array(await new Response(init.body ?? null).arrayBuffer()),
    };
    init.signal?.throwIfAborted();
    this.seen.push(seen);
    const answer = () => this.#answer(seen);
    return await this.fault?.(seen, answer) ?? answer();
  }

  #answer({ method, key, query, headers, body }: Seen): Response {
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    const number = Number(query.get("partNumber"));
    const meta = headers.get("x-amz-meta-bip-info-hash");
    if (id !== "" && upload?.key !== key) return refusal(404, "NoSuchUpload");
    if (method === "GET" && key === "") return this.#list(query);
    if (method === "POST" && query.has("uploads")) {
      const name = `up/load+${this.#uploads++}`;
      this.uploads.set(name, { key, meta, parts: new Map() });
      const algorithm = headers.get("x-amz-checksum-algorithm");
      const answer = xml(
        `<InitiateMultipartUploadResult><UploadId>${name}</UploadId></InitiateMultipartUploadResult>`,
      );
      if (this.sums && algorithm) {
        answer.headers.set("x-amz-checksum-algorithm", algorithm);
      }
      return answer;
    }
    if (method === "POST") {
      const numbers = [...decodeTextLossy(body).matchAll(/<PartNumber>(\d+)/g)]
        .map(([, n]) => Number(n));
      const parts = numbers.map((n) => upload!.parts.get(n)!.bytes);
      const sums = [
        ...decodeTextLossy(body).matchAll(/<ChecksumCRC32>([^<]*)/g),
      ].map(([, sum]) => sum);
      const right = this.sums ? parts.map(crc) : [];
      if (sums.join() !== right.join()) return refusal(400, "InvalidPart");
      if (parts.slice(0, -1).some((part) => part.length < 5 << 20)) {
        return refusal(400, "EntityTooSmall");
      }
      this.put(key, concatBytes(parts), upload!.meta);
      this.uploads.delete(id);
      return xml("<CompleteMultipartUploadResult/>");
    }
    if (method === "PUT" && number > 0) {
      const source = decodeURIComponent(
        headers.get("x-amz-copy-source")?.slice("/bucket/".length) ?? "",
      );
      if (source !== "") {
        if (!this.copies) return refusal(501, "NotImplemented");
        const [from, to] =
          headers.get("x-amz-copy-source-range")?.slice(6).split("-").map(
            Number,
          ) ?? [0, Infinity];
        const { bytes } = this.objects.get(source)!;
        if (to !== Infinity && bytes.length < 5 << 20) {
          return refusal(400, "InvalidRequest");
        }
        body = bytes.slice(from, to! + 1);
      }
      const etag = md5(body);
      const sum = this.sums ? crc(body) : undefined;
      if ((headers.get("x-amz-checksum-crc32") ?? sum) !== sum) {
        return refusal(400, "BadDigest");
      }
      upload!.parts.set(number, { bytes: body, meta: null, etag });
      return source === ""
        ? new Response(null, {
          headers: { etag, ...(sum ? { "x-amz-checksum-crc32": sum } : {}) },
        })
        : xml(
          `<CopyPartResult><ETag>${escape(etag)}</ETag>${
            sum ? `<ChecksumCRC32>${sum}</ChecksumCRC32>` : ""
          }</CopyPartResult>`,
        );
    }
    if (method === "GET" && upload !== undefined) {
      const parts = [...upload.parts].map(([n, { bytes, etag }]) =>
        `<Part><PartNumber>${n}</PartNumber><ETag>${etag}</ETag><Size>${bytes.length}</Size>${
          this.sums ? `<ChecksumCRC32>${crc(bytes)}</ChecksumCRC32>` : ""
        }</Part>`
      );
      return xml(
        `<ListPartsResult>${parts.join("")}${
          this.sums ? "<ChecksumAlgorithm>CRC32</ChecksumAlgorithm>" : ""
        }<IsTruncated>false</IsTruncated></ListPartsResult>`,
      );
    }
    if (method === "PUT") {
      const etag = this.put(key, body, meta);
      const sum = headers.get("x-amz-checksum-crc32");
      return new Response(null, {
        headers: {
          etag,
          ...(this.sums && sum ? { "x-amz-checksum-crc32": sum } : {}),
        },
      });
    }
    if (method === "DELETE") {
      if (upload === undefined) this.objects.delete(key);
      else this.uploads.delete(id);
      return new Response(null, { status: 204 });
    }
    const object = this.objects.get(key);
    if (object === undefined) {
      return method === "HEAD"
        ? new Response(null, { status: 404 })
        : refusal(404, "NoSuchKey");
    }
    const { bytes, etag } = object;
    const own = {
      etag,
      ...(object.meta === null
        ? {}
        : { "x-amz-meta-bip-info-hash": object.meta }),
    };
    if (method === "HEAD") {
      return new Response(null, {
        headers: { ...own, "content-length": `${bytes.length}` },
      });
    }
    if (headers.has("if-match") && headers.get("if-match") !== etag) {
      return refusal(412, "PreconditionFailed");
    }
    const range = /bytes=(\d+)-(\d+)/.exec(headers.get("range") ?? "");
    if (range === null) return new Response(bytes, { headers: own });
    const [from, to] = [
      Number(range[1]),
      Math.min(Number(range[2]), bytes.length - 1),
    ];
    return new Response(bytes.slice(from, to + 1), {
      status: 206,
      headers: {
        ...own,
        "content-range": `bytes ${from}-${to}/${bytes.length}`,
      },
    });
  }

  #list(query: URLSearchParams): Response {
    const prefix = query.get("prefix")!;
    const keys = [...this.objects.keys()].filter((key) =>
      key.startsWith(prefix)
    ).sort();
    const from = Number(query.get("continuation-token") ?? 0);
    const page = keys.slice(from, from + this.pageSize);
    const items = page.map((key) =>
      `<Contents><Key>${escape(key)}</Key><Size>${
        this.objects.get(key)!.bytes.length
      }</Size></Contents>`
    );
    const end = from + page.length;
    const more = end < keys.length;
    return xml(
      `<?xml version="1.0"?><ListBucketResult xmlns="x">${
        items.join("")
      }<IsTruncated>${more}</IsTruncated>${
        more ? `<NextContinuationToken>${end}</NextContinuationToken>` : ""
      }</ListBucketResult>`,
    );
  }
}

export function xml(text: string, status = 200): Response {
  return new Response(text, {
    status,
    headers: { "content-type": "application/xml" },
  });
}

export function refusal(
  status: number,
  code: string,
  headers: Record<string, string> = {},
  message = "No",
): Response {
  return new Response(
    `<Error><Code>${code}</Code><Message>${message}</Message></Error>`,
    { status, headers },
  );
}

/** Writes pieces in runs, but for runs of which some piece is there. */
export async function writeRuns(
  store: PieceStore,
  torrent: TestTorrent,
  there: ReadonlySet<number> = new Set(),
): Promise<void> {
  const { layout, content } = torrent;
  const runPieces = new FakeS3().storage().runPieces(layout);
  for (let i = 0; i < layout.pieceCount;) {
    const { first, end } = runOf(layout, runPieces, i);
    const run = content.slice(first, end).map((_, k) => first + k);
    const runs = run.map((k) => ({
      offset: (k - first) * layout.pieceLength,
      bytes: content[k]!.slice(),
    }));
    if (run.some((k) => there.has(k))) {
      for (const [at, k] of run.entries()) {
        if (there.has(k)) continue;
        await store.writePiece(k, [{ ...runs[at]!, offset: 0 }]);
      }
    } else await store.writePiece(first, runs, end - first);
    i = end;
  }
}
