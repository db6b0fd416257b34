import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../cli/error.ts";
import {
  formatDuration,
  formatRate,
  formatSize,
  parseDuration,
  parseInteger,
  parseRate,
  parseRatio,
  parseSize,
} from "../../cli/units.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

test("parseSize - units", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["16384", 16384],
    ["16384B", 16384],
    ["500K", 512_000],
    ["1k", 1024],
    ["1KiB", 1024],
    ["1kb", 1000],
    ["2M", 2 * 1024 ** 2],
    ["2MB", 2_000_000],
    ["1MiB", 1024 ** 2],
    ["1.5MiB", 1.5 * 1024 ** 2],
    [" 3g ", 3 * 1024 ** 3],
    ["4TiB", 4 * 1024 ** 4],
    ["0.5K", 512],
  ];
  for (const [text, bytes] of cases) {
    assertEquals(parseSize(text, "--x"), bytes, text);
  }
});

test("parseSize - everything else is refused and named", () => {
  for (
    const text of [
      "",
      "K",
      "-1",
      "1 2",
      "1X",
      "1iB",
      "1i",
      "0x10",
      "1e3",
      ".5K",
      "NaN",
      "Infinity",
      "9".repeat(30),
      "999999999T",
      "1MiBs",
    ]
  ) {
    assertThrows(
      () => parseSize(text, "--piece-length"),
      UsageError,
      "--piece",
    );
  }
});

test("parseRate - per second, zero means no limit", () => {
  assertEquals(parseRate("2M", "--x"), 2 * 1024 ** 2);
  assertEquals(parseRate("500 KiB/s", "--x"), 512_000);
  assertEquals(parseRate("0", "--x"), Infinity);
  assertEquals(parseRate("unlimited", "--x"), Infinity);
  assertEquals(parseRate("0.0K/s", "--x"), Infinity);
  assertEquals(parseRate("0.001K", "--x"), 1);
  assertThrows(() => parseRate("fast", "--x"), UsageError);
  assertThrows(() => parseRate("0.4", "--x"), UsageError, "at least 1 byte");
  assertThrows(() => parseRate("0.0001KiB/s", "--x"), UsageError, "at least");
  assertThrows(() => parseRate("1M/m", "--x"), UsageError);
});

test("parseDuration - seconds and parts", () => {
  const cases: [string, number][] = [
    ["0", 0],
    ["90", 90_000],
    ["1.5", 1500],
    ["2m", 120_000],
    ["1h30m", 5_400_000],
    ["1D", 86_400_000],
    ["10s", 10_000],
  ];
  for (const [text, ms] of cases) {
    assertEquals(parseDuration(text, "--x"), ms, text);
  }
  for (const text of ["", "m", "1x", "-5", "1h 30m", "9".repeat(20), "1e5"]) {
    assertThrows(
      () => parseDuration(text, "--timeout"),
      UsageError,
      "--timeout",
    );
  }
});

test("parseInteger - bounds are included", () => {
  assertEquals(parseInteger("1", "--x", 1, 65535), 1);
  assertEquals(parseInteger("65535", "--x", 1, 65535), 65535);
  for (const text of ["0", "65536", "1.0", "", "-1", "1a", " "]) {
    assertThrows(() => parseInteger(text, "--port", 1, 65535), UsageError);
  }
});

test("parseRatio", () => {
  assertEquals(parseRatio("2.5", "--x"), 2.5);
  assertEquals(parseRatio("0", "--x"), 0);
  assertThrows(() => parseRatio("-1", "--seed-ratio"), UsageError);
  assertThrows(() => parseRatio("x", "--seed-ratio"), UsageError);
});

test("formatSize - three digits and no 1024 of a unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.00 KiB"],
    [10 * 1024, "10.0 KiB"],
    [100 * 1024, "100 KiB"],
    [1024 ** 2 - 1, "1.00 MiB"],
    [1024 ** 2, "1.00 MiB"],
    [1.5 * 1024 ** 3, "1.50 GiB"],
    [2 ** 53, "8.00 PiB"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatSize(bytes), text);
  assertEquals(formatRate(1.25 * 1024 ** 2), "1.25 MiB/s");
});

test("formatDuration", () => {
  const cases: [number, string][] = [
    [0, "0s"],
    [8_400, "8s"],
    [125_000, "2m 05s"],
    [3 * 3_600_000 + 12 * 60_000, "3h 12m"],
    [98 * 3_600_000, "4d 2h"],
    [Infinity, "–"],
    [NaN, "–"],
    [-1, "–"],
    [1e15, "–"],
  ];
  for (const [ms, text] of cases) assertEquals(formatDuration(ms), text);
});
