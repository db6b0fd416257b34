// These tests must pass with the stand-ins of _tools/offline/ and with the real
// packages alike: `BIP_IMPORT_MAP= deno task test tests/tools/` uses deno.json.
import {
  assert,
  assertEquals,
  assertExists,
  assertFalse,
  assertGreater,
  assertGreaterOrEqual,
  assertInstanceOf,
  AssertionError,
  assertLess,
  assertLessOrEqual,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
  fail,
  unreachable,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { unicodeWidth } from "@std/cli/unicode-width";
import { ProgressBar } from "@std/cli/unstable-progress-bar";
import { crypto as stdCrypto, timingSafeEqual } from "@std/crypto";
import {
  ByteSliceStream,
  mergeReadableStreams,
  toArrayBuffer,
  toBytes,
  toText,
} from "@std/streams";
import { FixedChunkStream } from "@std/streams/unstable-fixed-chunk-stream";

const bytes = (...values: number[]) => new Uint8Array(values);
const hex = (data: ArrayBuffer) => new Uint8Array(data).toHex();

Deno.test({
  name: "@std/assert - every assertion passes and fails where it should",
  permissions: "none",
  fn() {
    const pairs: [() => void, () => void][] = [
      [() => assert(1), () => assert(0)],
      [() => assertFalse(0), () => assertFalse(1)],
      [() => assertExists(0), () => assertExists(null)],
      [
        () => assertEquals([1, { a: 2 }], [1, { a: 2 }]),
        () => assertEquals([1], [2]),
      ],
      [() => assertNotEquals([1], [2]), () => assertNotEquals([1], [1])],
      [() => assertStrictEquals(1, 1), () => assertStrictEquals({}, {})],
      [() => assertGreater(2, 1), () => assertGreater(1, 1)],
      [() => assertGreaterOrEqual(1, 1), () => assertGreaterOrEqual(0, 1)],
      [() => assertLess(1, 2), () => assertLess(2, 2)],
      [() => assertLessOrEqual(2, 2), () => assertLessOrEqual(3, 2)],
      [
        () => assertStringIncludes("abc", "b"),
        () => assertStringIncludes("abc", "d"),
      ],
      [() => assertMatch("abc", /b/), () => assertMatch("abc", /d/)],
      [
        () => assertInstanceOf(new RangeError("x"), Error),
        () => assertInstanceOf({}, Error),
      ],
      [
        () =>
          assertThrows(
            () => {
              throw new RangeError("too far");
            },
            RangeError,
            "far",
          ),
        () => assertThrows(() => {}),
      ],
    ];
    for (const [good, bad] of pairs) {
      good();
      let thrown: unknown;
      try {
        bad();
      } catch (error) {
        thrown = error;
      }
      if (!(thrown instanceof AssertionError)) {
        throw new Error(`Did not fail: ${bad}`);
      }
    }
    assertThrows(() => fail("x"), AssertionError, "x");
    assertThrows(() => unreachable(), AssertionError);
    assertThrows(
      () => assertThrows(() => {}, "no word"),
      AssertionError,
      "no word",
    );
    assertThrows(
      () =>
        assertThrows(() => {
          throw new TypeError("a");
        }, RangeError),
      AssertionError,
    );
    assertThrows(
      () =>
        assertThrows(
          () => {
            throw new RangeError("a");
          },
          RangeError,
          "b",
        ),
      AssertionError,
    );
  },
});

Deno.test({
  name: "@std/assert - deep equality",
  permissions: "none",
  async fn() {
    const same: [unknown, unknown][] = [
      [bytes(1, 2), bytes(1, 2)],
      [new Map([["a", [1]]]), new Map([["a", [1]]])],
      [new Set([1, 2]), new Set([2, 1])],
      [new Date(5), new Date(5)],
      [NaN, NaN],
      [0, -0],
      [1n, 1n],
    ];
    for (const [a, b] of same) assert(equal(a, b), Deno.inspect(a));
    const different: [unknown, unknown][] = [
      [bytes(1, 2), bytes(1, 3)],
      [bytes(1), bytes(1, 0)],
      [new Map([["a", 1]]), new Map([["b", 1]])],
      [new Set([1]), new Set([2])],
      [1, 1n],
      [null, undefined],
      [{ a: 1 }, { a: 1, b: 2 }],
      [[1, 2], [2, 1]],
    ];
    for (const [a, b] of different) assertFalse(equal(a, b), Deno.inspect(a));
    const error = await assertRejects(
      () => Promise.reject(new RangeError("gone")),
      RangeError,
      "gone",
    );
    assertEquals(error.message, "gone");
    await assertRejects(
      () => assertRejects(() => Promise.resolve(1)),
      AssertionError,
    );
    await assertRejects(
      () =>
        assertRejects(() => {
          throw new RangeError("at once");
        }),
      AssertionError,
    );
    assertEquals(await assertRejects(() => Promise.reject(5)), 5);
  },
});

Deno.test({
  name: "@std/cli - parseArgs",
  permissions: "none",
  fn() {
    const unknown: string[] = [];
    const options = {
      string: ["output", "tracker", "_"],
      boolean: ["json", "no-date"],
      collect: ["tracker"],
      unknown(arg: string, key?: string) {
        if (key === undefined) return true;
        unknown.push(arg);
        return false;
      },
    };
    const parse = (...args: string[]): Record<string, unknown> =>
      parseArgs(args, options);
    assertEquals(parse(), {
      _: [],
      json: false,
      "no-date": false,
      tracker: [],
    });
    assertEquals(
      parse(
        "a",
        "--output",
        "x",
        "--json",
        "12",
        "--no-date",
        "--",
        "--b",
        "7",
      ),
      {
        _: ["a", "12", "--b", "7"],
        output: "x",
        json: true,
        "no-date": true,
        tracker: [],
      },
    );
    assertEquals(parse("--tracker=1", "--tracker", "b=c")["tracker"], [
      "1",
      "b=c",
    ]);
    assertEquals(parse("--output=a=b\nc")["output"], "a=b\nc");
    assertEquals(parse("--output", "--json")["output"], "");
    assertEquals(parse("--output")["output"], "");
    assertEquals(parse("--output=")["output"], "");
    assertEquals(parse("--output=a", "--output=b")["output"], "b");
    assertEquals(parse("--json=false")["json"], false);
    assertEquals(parse("-")["_"], ["-"]);
    assertEquals(parse("--no-output=x")["output"], "x");
    assertEquals(unknown, []);
    parse("--wrong", "--bad=1");
    assertEquals(unknown, ["--wrong", "--bad=1"]);
    assertEquals(
      parseArgs(["-n", "3", "-q", "x"], {
        boolean: ["q"],
        alias: { n: "count" },
      }),
      { _: ["x"], n: 3, count: 3, q: true },
    );
    assertEquals(
      parseArgs(["--no-color", "run", "--x"], {
        boolean: ["color"],
        negatable: ["color"],
        stopEarly: true,
        default: { depth: 2 },
      }),
      { _: ["run", "--x"], color: false, depth: 2 },
    );
  },
});

Deno.test({
  name: "@std/cli - unicodeWidth",
  permissions: "none",
  fn() {
    assertEquals(unicodeWidth(""), 0);
    assertEquals(unicodeWidth("hello"), 5);
    assertEquals(unicodeWidth("天地玄黃"), 8);
    assertEquals(unicodeWidth("ｆｕｌｌ"), 8);
    assertEquals(unicodeWidth("naïve"), 5);
    assertEquals(unicodeWidth("e\u0301"), 1);
    assertEquals(unicodeWidth("🦕"), 2);
    assertEquals(unicodeWidth("\x07"), 0);
    assertEquals(unicodeWidth("…█"), 2);
  },
});

Deno.test({
  name: "@std/cli - ProgressBar writes a line it can redraw",
  permissions: "none",
  async fn() {
    let text = "";
    const decoder = new TextDecoder();
    const writable = new WritableStream<Uint8Array>({
      write(chunk) {
        text += decoder.decode(chunk, { stream: true });
      },
    });
    const bar = new ProgressBar({
      writable,
      max: 4,
      barLength: 4,
      formatter: (state) =>
        `<${state.progressBar} ${state.value}/${state.max}>`,
    });
    bar.value = 3;
    await bar.stop();
    assertStringIncludes(text, "\r\x1b[K<---- 0/4>");
    assert(text.endsWith("\r\x1b[K<###- 3/4>\n"), JSON.stringify(text));

    text = "";
    const cleared = new ProgressBar({ writable, max: 1024, clear: true });
    cleared.value = 1024;
    await cleared.stop();
    assertStringIncludes(text, "KiB");
    assert(text.endsWith("\r\x1b[K"), JSON.stringify(text));
    await writable.close();
  },
});

Deno.test({
  name: "@std/crypto - digests, at once and in pieces, and comparison",
  permissions: "none",
  async fn() {
    const abc = new TextEncoder().encode("abc");
    const sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
    const { subtle } = stdCrypto;
    assertEquals(hex(subtle.digestSync("SHA-1", abc)), sha1);
    assertEquals(
      hex(subtle.digestSync("SHA-1", [abc.subarray(0, 1), abc.subarray(1)])),
      sha1,
    );
    assertEquals(
      hex(subtle.digestSync("SHA-256", abc)),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assertEquals(hex(await subtle.digest("SHA-1", abc)), sha1);
    const stream = new Blob([abc]).stream();
    assertEquals(hex(await subtle.digest("SHA-1", stream)), sha1);
    assert(timingSafeEqual(bytes(1, 2), bytes(1, 2)));
    assertFalse(timingSafeEqual(bytes(1, 2), bytes(1, 3)));
    assertThrows(() => timingSafeEqual(bytes(1), bytes(1, 2)), TypeError);
  },
});

Deno.test({
  name: "@std/streams - collecting, slicing, chunking, merging",
  permissions: "none",
  async fn() {
    const of = (...chunks: Uint8Array[]) => ReadableStream.from(chunks);
    assertEquals(await toBytes(of(bytes(1, 2), bytes(3))), bytes(1, 2, 3));
    assertEquals(
      new Uint8Array(await toArrayBuffer(of(bytes(1), bytes(2, 3)))),
      bytes(1, 2, 3),
    );
    assertEquals(
      await toText(of(bytes(0xc3), bytes(0xa9, 0x21))),
      "é!",
    );
    assertEquals(
      await toBytes(
        of(bytes(0, 1), bytes(2, 3, 4), bytes(5)).pipeThrough(
          new ByteSliceStream(1, 3),
        ),
      ),
      bytes(1, 2, 3),
    );
    assertEquals(
      await Array.fromAsync(
        of(bytes(1), bytes(2, 3, 4), bytes(), bytes(5, 6, 7)).pipeThrough(
          new FixedChunkStream(3),
        ),
      ),
      [bytes(1, 2, 3), bytes(4, 5, 6), bytes(7)],
    );
    const merged = await Array.fromAsync(
      mergeReadableStreams(
        ReadableStream.from([1, 3]),
        ReadableStream.from([2]),
      ),
    );
    assertEquals(merged.sort(), [1, 2, 3]);
    const broken = new ReadableStream<number>({
      start: (controller) => controller.error(new RangeError("broken")),
    });
    await assertRejects(
      () =>
        Array.fromAsync(mergeReadableStreams(broken, ReadableStream.from([1]))),
      RangeError,
      "broken",
    );
  },
});
