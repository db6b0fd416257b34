/** Parts of files that are asked for over HTTP. */
import { assertEquals } from "@std/assert";
import { matchesTag, parseByteRange } from "../../client/file_response.ts";

const pure = { permissions: "none" } as const;

Deno.test("parseByteRange reads one range", pure, () => {
  for (
    const [text, start, end] of [
      ["bytes=0-0", 0, 1],
      ["bytes=0-", 0, 100],
      ["bytes=99-", 99, 100],
      ["bytes=10-19", 10, 20],
      ["bytes=10-1000", 10, 100],
      ["bytes=-1", 99, 100],
      ["bytes=-100", 0, 100],
      ["bytes=-1000", 0, 100],
      ["Bytes= 5-6 ", 5, 7],
      ["bytes=,5-6,", 5, 7],
      ["bytes=200-300,5-6", 5, 7],
      ["bytes=0-99999999999999999999999", 0, 100],
      ["bytes=-99999999999999999999999", 0, 100],
    ] as const
  ) assertEquals(parseByteRange(text, 100), { start, end }, text);
});

Deno.test("parseByteRange: what is behind the end is nowhere", pure, () => {
  for (
    const text of ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,-0"]
  ) assertEquals(parseByteRange(text, 100), "none", text);
  assertEquals(parseByteRange("bytes=0-", 0), "none");
  assertEquals(parseByteRange("bytes=-5", 0), "none");
});

Deno.test("parseByteRange ignores what it cannot serve", pure, () => {
  for (
    const text of [
      "",
      "bytes",
      "bytes=",
      "bytes=,",
      "bytes=-",
      "bytes=a-b",
      "bytes=5-4",
      "bytes=5",
      "bytes=+1-2",
      "bytes=1-2-3",
      "bytes=1.5-2",
      "bytes=0x1-0x2",
      "items=0-1",
      "bytes=0-1,3-4",
      "bytes=0-1,junk",
      "bytes=0-,0-,0-,0-",
    ]
  ) assertEquals(parseByteRange(text, 100), "whole", text);
});

Deno.test("parseByteRange is quick with a hostile header", pure, () => {
  const many = `bytes=${"0-1,".repeat(200_000)}`;
  assertEquals(parseByteRange(many, 100), "whole");
});

Deno.test("matchesTag compares weakly or strongly", pure, () => {
  assertEquals(matchesTag("*", '"a"', false), true);
  assertEquals(matchesTag('"b", "a"', '"a"', false), true);
  assertEquals(matchesTag('W/"a"', '"a"', true), true);
  assertEquals(matchesTag('W/"a"', '"a"', false), false);
  assertEquals(matchesTag('"ab"', '"a"', true), false);
  assertEquals(matchesTag("", '"a"', true), false);
});
