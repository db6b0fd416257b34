import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeText } from "../../../_shared/bytes.ts";
import {
  checkRange,
  checkStored,
  readBounded,
  refusalOf,
  type S3Answer,
  sumOf,
  waitOf,
  WrongAnswer,
} from "../../../disk/object/s3_answer.ts";

const pure = { permissions: "none" } as const;

const answer = (
  status: number,
  body = "",
  headers: Record<string, string> = {},
): S3Answer => ({
  status,
  headers: new Headers(headers),
  body: encodeText(body),
});
const xml = (code: string) =>
  `<Error><Code>${code}</Code><Message>No</Message></Error>`;

Deno.test("refusalOf() tells errors from answers", pure, () => {
  for (
    const [status, body, code] of [
      [200, "", undefined],
      [200, "<Other/>", undefined],
      // An error may come after the head of a good answer.
      [200, xml("InternalError"), "InternalError"],
      [201, "", undefined],
      [204, "", undefined],
      [299, "", undefined],
      [206, xml("InternalError"), undefined],
      [412, xml("PreconditionFailed"), undefined],
      [404, xml("NoSuchKey"), undefined],
      [404, "", undefined],
      [404, xml("NoSuchBucket"), "NoSuchBucket"],
      [403, xml("AccessDenied"), "AccessDenied"],
      [403, "not xml", ""],
      [300, "", ""],
      [500, `${xml("SlowDown")}${" ".repeat(70_000)}`, ""],
    ] as const
  ) {
    const refusal = refusalOf(answer(status, body));
    assertEquals(refusal?.code, code, `${status} ${body.slice(0, 40)}`);
  }
  assertEquals(refusalOf(answer(503))?.message, "status 503");
});

Deno.test("waitOf() takes up to 99 seconds, and no dates", pure, () => {
  const waits = ["0", "7", "99", "100", "-1", "1.5", "Wed, 21 Oct", ""].map(
    (value) => waitOf(new Headers({ "retry-after": value })),
  );
  assertEquals(waits, [0, 7_000, 99_000, 0, 0, 0, 0, 0]);
  assertEquals(waitOf(new Headers()), 0);
});

Deno.test("readBounded() stops behind what is allowed", pure, async () => {
  const response = () => new Response(new Uint8Array([1, 2, 3, 4]));
  assertEquals([...await readBounded(response(), 4)], [1, 2, 3, 4]);
  await assertRejects(() => readBounded(response(), 3), WrongAnswer);
  const into = new Uint8Array(6);
  const read = await readBounded(response(), 6, into);
  assertEquals([[...read], read.buffer === into.buffer], [[1, 2, 3, 4], true]);
  assertEquals((await readBounded(new Response(null), 0)).length, 0);
});

Deno.test(
  "checkStored() compares what the server has by its hashes",
  pure,
  () => {
    const body = encodeText("hello");
    const md5 = "5d41402abc4b2a76b9719d911017c592";
    const name = "x-amz-checksum-crc32";
    const sent = { body, headers: [[name, "sum"]] as const };
    const isWrong = (headers: Record<string, string>, what = sent) => {
      try {
        checkStored(answer(200, "", headers), what);
        return false;
      } catch (error) {
        return error instanceof WrongAnswer;
      }
    };
    const other = `"${md5.replace("5", "6")}"`;
    assertEquals(isWrong({}), false);
    assertEquals(isWrong({ etag: `"${md5}"` }), false);
    assertEquals(isWrong({ etag: md5.toUpperCase() }), false);
    assertEquals(isWrong({ etag: other }), true);
    // Of several parts, or encrypted, it is no MD5.
    assertEquals(isWrong({ etag: `"${md5}-2"` }), false);
    const encryption = "x-amz-server-side-encryption";
    assertEquals(isWrong({ etag: other, [encryption]: "aws:kms" }), false);
    assertEquals(isWrong({ etag: other, [encryption]: "AES256" }), true);
    const customer = {
      etag: other,
      [`${encryption}-customer-algorithm`]: "AES256",
    };
    assertEquals(isWrong(customer), false);
    // The CRC-32 decides where both know it.
    assertEquals(isWrong({ [name]: "sum", etag: other }), false);
    assertEquals(isWrong({ [name]: "mus", etag: `"${md5}"` }), true);
    assertEquals(
      isWrong({ [name]: "mus", etag: `"${md5}"` }, {
        body,
        headers: [] as never,
      }),
      false,
    );
  },
);

Deno.test("checkRange() wants just what was asked for", pure, () => {
  const check = (status: number, range: string, bytes: number) =>
    checkRange(
      answer(status, "x".repeat(bytes), { "content-range": range }),
      10,
      5,
    );
  check(206, "bytes 10-14/99", 5);
  for (const status of [404, 412]) check(status, "", 0);
  for (
    const [status, range, bytes] of [
      [200, "bytes 10-14/99", 5],
      [206, "bytes 9-14/99", 5],
      [206, "bytes 10-15/99", 5],
      [206, "bytes 10-14/99", 4],
      [206, "", 5],
    ] as const
  ) assertThrows(() => check(status, range, bytes), WrongAnswer);
});

Deno.test("sumOf() tells a CRC-32 as services do", pure, () => {
  assertEquals(sumOf(new TextEncoder().encode("123456789")), "y/Q5Jg==");
  assertEquals(sumOf(new Uint8Array()), "AAAAAA==");
});
