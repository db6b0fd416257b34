import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { FileMaker } from "../../../disk/object/file_maker.ts";
import { PieceObjects } from "../../../disk/object/piece_objects.ts";
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

const range = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, i) => from + i);

interface SetUpOptions {
  /** First pieces of the objects that are there, and how many each has. */
  stored?: readonly (readonly [number, number])[];
  files?: PieceLayout;
}

function setUp(options: SetUpOptions = {}) {
  const { files = layout } = options;
  const objects = new PieceObjects(files, "f/");
  const { stored = range(0, files.pieceCount).map((i) => [i, 1] as const) } =
    options;
  for (const [first, count] of stored) objects.add(objects.of(first, count));
  const log: string[] = [];
  const bodies: number[] = [];
  const checks: Check[] = [];
  const reads: string[] = [];
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
        const { length } = request.body;
        await request.body.fill(new Uint8Array(length));
        bodies.push(length);
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
    objects,
    meta: ["x-meta", "hash"],
    keyOfFile: (i) => `file${i}`,
    folder: "f/",
    read(pieceIndex, offset, into) {
      reads.push(`${pieceIndex}: ${offset / MIB} ${into.length / MIB}`);
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
  "PUT f/upload-1-1",
  "PUT file1?partNumber=1&uploadId=U",
  "PUT file1?partNumber=2&uploadId=U from /bucket/f/0000001",
  "POST file1?uploadId=U",
  "HEAD file1",
  "DELETE f/upload-1-1",
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
        "PUT file1?partNumber=2&uploadId=U from /bucket/f/0000002",
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
    const none = setUp({ stored: [] });
    await none.maker.make(1);
    assertEquals(none.taken().filter((name) => name.includes(" from ")), []);
    const copy = "PUT file1?partNumber=2&uploadId=U from /bucket/f/0000002";
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
    const copy = "PUT file1?partNumber=2&uploadId=U from /bucket/f/0000002";
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
      const name of [
        "upload-",
        "upload-x",
        "xupload-1-1",
        "upload-1-x",
        "upload-3-1",
        "0000001",
      ]
    ) {
      maker.note(name);
    }
    maker.note("upload-1-1");
    const list = "GET file1?uploadId=OLD";
    replies["GET f/upload-1-1"] = () => answer(200, {}, "OLD");
    replies[list] = () =>
      answer(200, {}, listed([[1, 9 * MIB, "one"]], { next: "1" }));
    replies[`${list}&part-number-marker=1`] = () =>
      // Of another length: made again.
      answer(200, {}, listed([[2, 6 * MIB - 1, "two"]]));
    assertEquals(await maker.make(1), "whole");
    assertEquals(taken(), [
      "GET f/upload-1-1",
      list,
      `${list}&part-number-marker=1`,
      "PUT file1?partNumber=2&uploadId=OLD from /bucket/f/0000002",
      "POST file1?uploadId=OLD",
      "HEAD file1",
      "DELETE f/upload-1-1",
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
      maker.note("upload-1-1");
      replies["GET f/upload-1-1"] = reply;
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
        maker.note("upload-1-1");
        replies["GET f/upload-1-1"] = () => answer(200, {}, "OLD");
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
      assertEquals(taken().includes("DELETE f/upload-1-1"), false);
      replies["GET f/upload-1-1"] = () => answer(200, {}, "U");
      await maker.abandon();
      assertEquals(taken(), ["GET f/upload-1-1", "DELETE file1?uploadId=U"]);
      await maker.abandon();
      assertEquals(taken(), []);
    }
  },
);

/** Pieces of 1 MiB: files of 3, of 24 and of 2 MiB. */
const small = new PieceLayout({
  pieceLength: MIB,
  files: [3 * MIB, 24 * MIB, 2 * MIB].map((length) => ({ length })),
});

Deno.test(
  "FileMaker: runs of pieces are copied, as far as they are of the file",
  pure,
  async () => {
    const { maker, taken, reads } = setUp({
      files: small,
      stored: [[0, 8], [8, 8], [16, 8], [24, 5]],
    });
    assertEquals(await maker.make(1), "whole");
    const copy = (number: number, run: string) =>
      `PUT file1?partNumber=${number}&uploadId=U from /bucket/f/${run}`;
    const range = (from: number, end: number) =>
      ` bytes=${from * MIB}-${end * MIB - 1}`;
    assertEquals(taken(), [
      "POST file1?uploads",
      "PUT f/upload-1-8",
      copy(1, "0000000-0000007") + range(3, 8),
      copy(2, "0000008-0000015"),
      copy(3, "0000016-0000023"),
      // Too short to be copied.
      "PUT file1?partNumber=4&uploadId=U",
      ...STEPS.slice(4, 6),
      "DELETE f/upload-1-8",
    ]);
    assertEquals(reads, ["24: 0 3"]);
  },
);

Deno.test(
  "FileMaker: where a run is pieces, or not the whole of it, it is sent",
  pure,
  async () => {
    const alone = range(8, 16).map((i) => [i, 1] as const);
    const { maker, taken, reads, bodies } = setUp({
      files: small,
      stored: [[0, 8], ...alone, [16, 8], [24, 5]],
    });
    assertEquals(await maker.make(1), "whole");
    assertEquals(
      taken().filter((name) => / from .*0000016-0000023/.test(name)).length,
      1,
    );
    assertEquals(reads.toSorted(), ["24: 0 3", "8: 0 8"]);
    assertEquals(bodies.filter((length) => length > 1000).toSorted(), [
      3 * MIB,
      8 * MIB,
    ]);
  },
);

Deno.test(
  "FileMaker: an upload with parts of other runs is given up first",
  pure,
  async () => {
    for (const note of ["upload-1", "upload-1-3"]) {
      const { maker, taken, replies } = setUp();
      maker.note(note);
      replies[`GET f/${note}`] = () => answer(200, {}, "OLD");
      assertEquals(await maker.make(1), "whole");
      const log = taken();
      assertEquals(log.slice(0, 5), [
        `GET f/${note}`,
        "DELETE file1?uploadId=OLD",
        `DELETE f/${note}`,
        "POST file1?uploads",
        "PUT f/upload-1-1",
      ]);
      assertEquals(log.at(-1), "DELETE f/upload-1-1");
      // Or with all else.
      maker.note(note);
      await maker.abandon();
      assertEquals(taken(), [`GET f/${note}`, "DELETE file1?uploadId=OLD"]);
    }
  },
);
