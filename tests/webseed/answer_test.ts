import { assertEquals } from "@std/assert";
import {
  judgeWebSeedAnswer,
  parseContentRange,
  parseRetryAfter,
} from "../../webseed/answer.ts";

const WANTED = { start: 100, end: 200, fileLength: 1000 };
const judge = (status: number, headers: Record<string, string> = {}) =>
  judgeWebSeedAnswer(status, new Headers(headers), WANTED);

Deno.test("parseContentRange() reads what makes sense", {
  permissions: "none",
}, () => {
  assertEquals(parseContentRange("bytes 0-499/1234"), {
    start: 0,
    end: 500,
    total: 1234,
  });
  assertEquals(parseContentRange(" Bytes  5-5/* "), {
    start: 5,
    end: 6,
    total: undefined,
  });
  const text = "bytes 0-499/1234";
  for (let i = 0; i < "bytes 0-499/1".length; i++) {
    assertEquals(parseContentRange(text.slice(0, i)), undefined, `${i}`);
  }
  for (
    const bad of [
      "bytes 5-4/10",
      "bytes 0-10/10",
      "bytes */10",
      "items 0-1/2",
      "bytes -1-1/2",
      "bytes 0-1/2, bytes 3-4/9",
      "bytes 0-9007199254740991/*",
      "bytes 0-1/99999999999999999",
      "bytes 0-1/9999999999999999",
    ]
  ) assertEquals(parseContentRange(bad), undefined, bad);
  assertEquals(parseContentRange("bytes 0-9/10")?.end, 10);
});

Deno.test("parseRetryAfter() reads seconds, and dates beside the answer's", {
  permissions: "none",
}, () => {
  const read = (after?: string, date?: string) =>
    parseRetryAfter(
      new Headers({
        ...(after === undefined ? {} : { "retry-after": after }),
        ...(date === undefined ? {} : { date }),
      }),
    );
  assertEquals(read("120"), 120_000);
  assertEquals(read(" 0 "), 0);
  const at = "Thu, 29 Feb 2024 23:59:50 GMT";
  assertEquals(read("Fri, 01 Mar 2024 00:00:20 GMT", at), 30_000);
  assertEquals(read("Sun, 01 Jan 2023 00:00:00 GMT", at), 0);
  assertEquals(read("Wed, 29 Feb 2040 23:59:50 GMT", at), 504_921_600_000);
  for (
    const [after, date] of [
      [undefined, at],
      [at, undefined],
      ["soon", at],
      ["-5", at],
      ["12345678901", at],
      ["Fri, 01 Foo 2024 00:00:20 GMT", at],
      ["Fri, 01 anF 2024 00:00:20 GMT", at],
    ]
  ) assertEquals(read(after, date), undefined, after);
});

Deno.test("judgeWebSeedAnswer() takes exactly the range that was asked for", {
  permissions: "none",
}, () => {
  const range = (text: string, more = {}) =>
    judge(206, { "content-range": text, ...more }).type;
  assertEquals(range("bytes 100-199/1000"), "range");
  assertEquals(range("bytes 100-199/*"), "range");
  assertEquals(
    range("bytes 100-199/1000", { "content-length": "100" }),
    "range",
  );
  assertEquals(
    range("bytes 100-199/1000", { "content-length": "99" }),
    "retry",
  );
  assertEquals(range("bytes 101-199/1000"), "retry");
  assertEquals(range("bytes 100-198/1000"), "retry");
  assertEquals(range("bytes 100-199/1001"), "drop");
  assertEquals(judge(206).type, "retry");
  assertEquals(
    range("bytes 100-199/1000", { "content-encoding": "gzip" }),
    "retry",
  );
  assertEquals(
    range("bytes 100-199/1000", { "content-encoding": "Identity" }),
    "range",
  );
});

Deno.test(
  "judgeWebSeedAnswer() knows other files, redirects and what is gone",
  {
    permissions: "none",
  },
  () => {
    assertEquals(judge(200).type, "whole");
    assertEquals(judge(200, { "content-length": "1000" }).type, "whole");
    assertEquals(judge(200, { "content-length": "999" }).type, "drop");
    assertEquals(judge(200, { "content-encoding": "br" }).type, "retry");
    assertEquals(judge(302, { location: "/x" }), {
      type: "redirect",
      location: "/x",
    });
    for (const status of [301, 303, 307, 308]) {
      assertEquals(judge(status, { location: "/x" }).type, "redirect");
    }
    assertEquals(judge(302).type, "retry");
    assertEquals(judge(200, { location: "/x" }).type, "whole");
    for (const status of [403, 404, 410, 416, 451]) {
      assertEquals(judge(status), {
        type: "drop",
        reason: `The server answered ${status}`,
      });
    }
    for (const status of [204, 304, 400, 401, 429, 500, 503]) {
      assertEquals(judge(status, { "retry-after": "7" }), {
        type: "retry",
        reason: `The server answered ${status}`,
        afterMs: 7000,
      });
    }
  },
);
