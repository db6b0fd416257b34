import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { FileMaker } from "../../../disk/object/file_maker.ts";
import type { S3Client, S3Request } from "../../../disk/object/s3_client.ts";
import { type S3Answer, WrongAnswer } from "../../../disk/object/s3_answer.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { encodeText } from "../../../_shared/bytes.ts";

const pure = { permissions: "none" } as const;
const MIB = 1 << 20;
const SUM = "x-amz-checksum-crc32";
const ALGORITHM = "x-amz-checksum-algorithm";

/** Pieces of 6 MiB: a file of 3, one of 15 and one of 1 MiB. */
const layout = new PieceLayout({
  pieceLength: 6 * MIB,
  files: [{ length: 3 * MIB }, { length: 15 * MIB }, { length: MIB }],
});

const answer = (
  status = 200,
  headers: Record<string, string> = {},
  body = "",
): S3Answer =>
  ({
    status,
    headers: new Headers(headers),
    body: encodeText(body),
  }) as unknown as S3Answer;

const failure = (code: DiskError["code"] = "io") =>
  new DiskError(code, "Broken", { operation: "send" });

const begun = (id: string) =>
  `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
const copied = (etag?: string, sum?: string) =>
  `<CopyPartResult>${etag ? `<ETag>${etag}</ETag>` : ""}${
    sum ? `<ChecksumCRC32>${sum}</ChecksumCRC32>` : ""
  }</CopyPartResult>`;
const listed = (
  parts: readonly [number, number, string, string?][],
  { next, algorithm }: { next?: string; algorithm?: string } = {},
) =>
  `<ListPartsResult>${
    parts.map(([number, size, etag, sum]) =>
      `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${size}</Size>${
        sum ? `<ChecksumCRC32>${sum}</ChecksumCRC32>` : ""
      }</Part>`
    ).join("")
  }${
    algorithm ? `<ChecksumAlgorithm>${algorithm}</ChecksumAlgorithm>` : ""
  }<IsTruncated>${next !== undefined}</IsTruncated>${
    next === undefined
      ? ""
      : `<NextPartNumberMarker>${next}</NextPartNumberMarker>`
  }</ListPartsResult>`;

/** What a request is: method, key, and what tells it from others. */
function nameOf({ method, key, query = [], headers = [] }: S3Request): string {
  const text = query.map(([name, value]) =>
    value === "" ? name : `${name}=${value}`
  )
    .join("&");
  const from = headers.find(([name]) => name === "x-amz-copy-source")?.[1];
  const range = headers.find(([name]) => name === "x-amz-copy-source-range")
    ?.[1];
  return `${method} ${key}${text === "" ? "" : `?${text}`}${
    from === undefined ? "" : ` from ${from}`
  }${range === undefined ? "" : ` ${range}`}`;
}

type Check = (answer: S3Answer, sent: unknown) => void;

interface SetUpOptions {
  pieces?: boolean;
  /** Pieces that are stored, if not all. */
  stored?: ReadonlySet<number>;
  files?: PieceLayout;
}

function setUp(options: SetUpOptions = {}) {
  const { pieces = true, stored, files = layout } = options;
  const log: string[] = [];
  const bodies: number[] = [];
  const checks: Check[] = [];
  const reads: number[] = [];
  const replies: Record<string, () => S3Answer | DiskError> = {};
  const standard = (name: string): S3Answer => {
    if (name.includes("?uploads")) return answer(200, {}, begun("U"));
    if (name.includes(" from ")) return answer(200, {}, copied("copy"));
    if (name.startsWith("HEAD")) {
      return answer(200, {
        "content-length": `${files.files[1]!.length}`,
        "x-meta": "hash",
        etag: "whole",
      });
    }
    return answer(200, { etag: "sent" });
  };
  const client = {
    async send(request: S3Request, _most?: number, check?: Check) {
      const name = nameOf(request);
      log.push(name);
      if (request.body !== undefined) {
        const bytes = await request.body.bytes();
        assertEquals(bytes.length, request.body.length);
        bodies.push(bytes.length);
      }
      if (check !== undefined) checks.push(check);
      const found = (replies[name] ?? (() => standard(name)))();
      if (found instanceof DiskError) throw found;
      return found;
    },
    sourceOf: (key: string) => `/bucket/${key}`,
    nameOf: (key: string) => `s3://${key}`,
  } as unknown as S3Client;
  const state: { gone?: number } = {};
  const maker = new FileMaker({
    client,
    layout: files,
    meta: ["x-meta", "hash"],
    keyOfPiece: (i) =>
      pieces && stored?.has(i) !== false ? `piece${i}` : undefined,
    keyOfFile: (i) => `file${i}`,
    folder: "f/",
    read(pieceIndex, _offset, into) {
      reads.push(pieceIndex);
      into.fill(pieceIndex);
      return pieceIndex !== state.gone;
    },
  });
  const taken = () => log.splice(0);
  return Object.assign(state, {
    maker,
    taken,
    bodies,
    checks,
    replies,
    reads,
  });
}

const STEPS = [
  "POST file1?uploads",
  "PUT f/upload-1",
  "PUT file1?partNumber=1&uploadId=U",
  "PUT file1?partNumber=2&uploadId=U from /bucket/piece1",
  "POST file1?uploadId=U",
  "HEAD file1",
  "DELETE f/upload-1",
];

Deno.test("FileMaker: a small file is sent at once", pure, async () => {
  const { maker, taken, bodies } = setUp();
  assertEquals(await maker.make(2), "sent");
  assertEquals([taken(), bodies], [["PUT file2"], [MIB]]);
  const gone = setUp();
  gone.gone = 3;
  const error = await assertRejects(() => gone.maker.make(2), DiskError);
  assertEquals(error.message, 'Cannot finish "piece 3": A piece of it is gone');
});

Deno.test(
  "FileMaker: a large file is put together of sent and copied parts",
  pure,
  async () => {
    const { maker, taken, bodies } = setUp();
    assertEquals(await maker.make(1), "whole");
    const log = taken();
    assertEquals(
      log.toSorted(),
      [
        ...STEPS.slice(0, 2),
        // 3 MiB of the first piece, and the second, which is too short to be cut.
        "PUT file1?partNumber=1&uploadId=U",
        "PUT file1?partNumber=2&uploadId=U from /bucket/piece2",
        ...STEPS.slice(4),
      ].toSorted(),
    );
    assertEquals(bodies.includes(9 * MIB), true);
    assertEquals(log.slice(0, 2), STEPS.slice(0, 2));
    assertEquals(log.slice(-3), STEPS.slice(-3));
    await maker.abandon();
    assertEquals(taken(), []);
  },
);

Deno.test(
  "FileMaker: where a piece is no object, or is not copied, it is sent",
  pure,
  async () => {
    const none = setUp({ pieces: false });
    await none.maker.make(1);
    assertEquals(none.taken().filter((name) => name.includes(" from ")), []);
    const copy = "PUT file1?partNumber=2&uploadId=U from /bucket/piece2";
    const sent = "PUT file1?partNumber=2&uploadId=U";
    for (
      const reply of [
        () => failure(),
        () => answer(404),
        () => answer(501, {}, copied("x")),
      ]
    ) {
      const { maker, taken, replies } = setUp();
      replies[copy] = reply;
      await maker.make(1);
      const log = taken();
      assertEquals([log.includes(copy), log.includes(sent)], [true, true]);
    }
  },
);

Deno.test(
  "FileMaker: what is wrong with an answer is found",
  pure,
  async () => {
    const { maker, checks, replies } = setUp();
    replies["POST file1?uploads"] = () =>
      answer(200, { [ALGORITHM]: "CRC32" }, begun("U"));
    const copy = "PUT file1?partNumber=2&uploadId=U from /bucket/piece2";
    replies[copy] = () => answer(200, {}, copied("copy", "sum"));
    replies["PUT file1?partNumber=1&uploadId=U"] = () =>
      answer(200, { etag: "e", [SUM]: "s" });
    await maker.make(1);
    const throws = (check: Check, reply: S3Answer) => {
      try {
        check(reply, { body: undefined });
        return false;
      } catch (error) {
        if (!(error instanceof WrongAnswer)) throw error;
        return true;
      }
    };
    const wrong = (reply: S3Answer) =>
      checks.map((check) => throws(check, reply));
    // Begin, part, copy in some order: what each of them lets pass.
    const isBegin = wrong(answer(200, {}, begun("U"))).indexOf(false);
    assertEquals(
      wrong(answer(200, {}, begun("x".repeat(4096))))[isBegin],
      false,
    );
    assertEquals(
      wrong(answer(200, {}, begun("x".repeat(4097))))[isBegin],
      true,
    );
    assertEquals(wrong(answer(200, {}, begun("")))[isBegin], true);
    const isCopy = wrong(answer(200, {}, copied("e", "s"))).indexOf(false);
    assertEquals(wrong(answer(200, {}, copied("e")))[isCopy], true);
    assertEquals(wrong(answer(200, {}, copied(undefined, "s")))[isCopy], true);
    assertEquals(wrong(answer(404))[isCopy], false);
    const isPart = [0, 1, 2].find((i) => i !== isBegin && i !== isCopy)!;
    assertEquals(wrong(answer(200, { etag: "e", [SUM]: "s" }))[isPart], false);
    assertEquals(wrong(answer(200, { etag: "e" }))[isPart], true);
    assertEquals(wrong(answer(200, { [SUM]: "s" }))[isPart], true);
  },
);

Deno.test(
  "FileMaker: an upload goes on where an earlier one ended",
  pure,
  async () => {
    const { maker, taken, replies } = setUp();
    for (
      const name of ["upload-", "upload-x", "xupload-1", "upload-3", "0000001"]
    ) {
      maker.note(name);
    }
    maker.note("upload-1");
    const list = "GET file1?uploadId=OLD";
    replies["GET f/upload-1"] = () => answer(200, {}, "OLD");
    replies[list] = () =>
      answer(200, {}, listed([[1, 9 * MIB, "one"]], { next: "1" }));
    replies[`${list}&part-number-marker=1`] = () =>
      // Of another length: made again.
      answer(200, {}, listed([[2, 6 * MIB - 1, "two"]]));
    assertEquals(await maker.make(1), "whole");
    assertEquals(taken(), [
      "GET f/upload-1",
      list,
      `${list}&part-number-marker=1`,
      "PUT file1?partNumber=2&uploadId=OLD from /bucket/piece2",
      "POST file1?uploadId=OLD",
      "HEAD file1",
      "DELETE f/upload-1",
    ]);
  },
);

Deno.test(
  "FileMaker: an upload that is gone, or was not noted right, begins anew",
  pure,
  async () => {
    for (
      const reply of [
        () => answer(404, {}, "OLD"),
        () => answer(200, {}, ""),
        () => answer(200, {}, "GONE"),
      ]
    ) {
      const { maker, taken, replies } = setUp();
      maker.note("upload-1");
      replies["GET f/upload-1"] = reply;
      replies["GET file1?uploadId=GONE"] = () => answer(404);
      assertEquals(await maker.make(1), "whole");
      assertEquals(taken().includes("POST file1?uploads"), true);
    }
  },
);

Deno.test(
  "FileMaker: parts are kept only if all have sums, or none",
  pure,
  async () => {
    for (const isSummed of [true, false]) {
      for (const hasSum of [true, false]) {
        const { maker, taken, replies } = setUp();
        maker.note("upload-1");
        replies["GET f/upload-1"] = () => answer(200, {}, "OLD");
        replies["GET file1?uploadId=OLD"] = () =>
          answer(
            200,
            {},
            listed(
              [
                [1, 9 * MIB, "one", hasSum ? "s" : undefined],
                [2, 6 * MIB, "two", isSummed ? "t" : undefined],
              ] as [number, number, string, string?][],
              isSummed ? { algorithm: "CRC32" } : {},
            ),
          );
        replies["PUT file1?partNumber=1&uploadId=OLD"] = () =>
          answer(200, { etag: "e", [SUM]: "s" });
        await maker.make(1);
        const made = taken().filter((name) => name.startsWith("PUT file1"));
        assertEquals(made.length, isSummed === hasSum ? 0 : 1);
      }
    }
  },
);

Deno.test(
  "FileMaker: a service without sums is asked again, others fail",
  pure,
  async () => {
    const { maker, taken, replies } = setUp();
    let tries = 0;
    replies["POST file1?uploads"] = () =>
      ++tries === 1 ? failure() : answer(200, {}, begun("U"));
    await maker.make(1);
    assertEquals(
      taken().filter((name) => name === "POST file1?uploads").length,
      2,
    );
    const refused = setUp();
    refused.replies["POST file1?uploads"] = () => failure("permission");
    await assertRejects(() => refused.maker.make(1), DiskError, "Broken");
    assertEquals(refused.taken(), ["POST file1?uploads"]);
    const ended = setUp();
    const stop = new AbortController();
    ended.replies["POST file1?uploads"] = () => {
      stop.abort(new Error("enough"));
      return failure();
    };
    await assertRejects(
      () => ended.maker.make(1, stop.signal),
      Error,
      "enough",
    );
  },
);

Deno.test(
  "FileMaker: a file that was not put together is told",
  pure,
  async () => {
    for (
      const reply of [
        answer(404),
        answer(200, { "content-length": `${15 * MIB - 1}`, "x-meta": "hash" }),
        answer(200, { "content-length": `${15 * MIB}`, "x-meta": "other" }),
      ]
    ) {
      const { maker, replies, taken } = setUp();
      replies["HEAD file1"] = () => reply;
      const error = await assertRejects(() => maker.make(1), DiskError);
      assertEquals(
        error.message,
        'Cannot finish "s3://file1": The server did not assemble the file',
      );
      // The upload stays for the next time, or to be abandoned.
      assertEquals(taken().includes("DELETE f/upload-1"), false);
      replies["GET f/upload-1"] = () => answer(200, {}, "U");
      await maker.abandon();
      assertEquals(taken(), ["GET f/upload-1", "DELETE file1?uploadId=U"]);
      await maker.abandon();
      assertEquals(taken(), []);
    }
  },
);

/** Pieces of 1 MiB: files of 1, of 21 and of 2 MiB. */
const small = new PieceLayout({
  pieceLength: MIB,
  files: [MIB, 21 * MIB, 2 * MIB].map((length) => ({ length })),
});

/** A maker that is given pieces as they are stored. */
function setUpEarly() {
  const stored = new Set<number>();
  const given = setUp({ stored, files: small });
  const take = async (...pieces: number[]) => {
    for (const i of pieces) {
      stored.add(i);
      given.maker.take(i, new Uint8Array(MIB).fill(i));
    }
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { ...given, stored, take };
}

const range = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, i) => from + i);

Deno.test(
  "FileMaker: a part is made of what is in memory as soon as all of it is stored",
  pure,
  async () => {
    const { maker, take, taken, reads, bodies } = setUpEarly();
    // The first part has the pieces 1 to 8.
    await take(0, 22, 23, 3, 2, 5, 4, 1, 6, 7);
    assertEquals(taken(), []);
    await take(8);
    assertEquals(taken(), STEPS.slice(0, 3));
    await take(...range(9, 21));
    const second = "PUT file1?partNumber=2&uploadId=U";
    const third = "PUT file1?partNumber=3&uploadId=U";
    assertEquals(taken(), [second]);
    await take(21);
    assertEquals(taken(), [third]);
    assertEquals(await maker.make(1), "whole");
    assertEquals(taken(), STEPS.slice(4));
    assertEquals(reads, []);
    assertEquals(
      bodies.filter((length) => length > 1000),
      [8 * MIB, 8 * MIB, 5 * MIB],
    );
    // Small files are sent when they are whole.
    await maker.make(2);
    assertEquals([taken(), reads], [["PUT file2"], [22, 23]]);
  },
);

Deno.test(
  "FileMaker: what memory has no room for is read again",
  pure,
  async () => {
    const { maker, take, taken, reads, replies } = setUpEarly();
    const large = new PieceLayout({
      pieceLength: 4 * MIB,
      files: [MIB, 60 * MIB].map((length) => ({ length })),
    });
    const stored = new Set<number>();
    const other = setUp({ stored, files: large });
    // Every other piece, so that no part is whole; then the first.
    for (const i of [...range(0, 15).filter((i) => i % 2 === 0), 1]) {
      stored.add(i);
      other.maker.take(i, new Uint8Array(4 * MIB));
    }
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(other.reads.length > 0 && other.reads.length < 3, true);
    // An upload that is gone, or refused: all is as without that.
    replies["PUT file1?partNumber=1&uploadId=U"] = () => failure();
    await take(...range(0, 9));
    assertEquals(taken(), STEPS.slice(0, 3));
    await take(...range(9, 24));
    assertEquals(taken(), []);
    delete replies["PUT file1?partNumber=1&uploadId=U"];
    assertEquals(await maker.make(1), "whole");
    const parts = taken().filter((name) => name.includes("partNumber"));
    assertEquals(parts.length, 3);
    assertEquals(reads.length > 0, true);
  },
);

Deno.test(
  "FileMaker: closed or given up, it makes no more parts",
  pure,
  async () => {
    const { maker, take, taken } = setUpEarly();
    await take(...range(0, 9));
    assertEquals(taken(), STEPS.slice(0, 3));
    await maker.abandon();
    assertEquals(taken(), ["GET f/upload-1"]);
    await take(...range(9, 24));
    assertEquals(taken(), []);
  },
);
