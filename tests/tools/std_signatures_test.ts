// Signatures are compared as types: the type check of this file is the test,
// with the stand-ins in place of the packages and without.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";
import { parseArgs as standIn } from "../../_tools/offline/cli_parse_args.ts";
import { capture, ROOT } from "../../_tools/process.ts";
import type { StdSignatures } from "../../_tools/std_signatures.ts";

/** The packages, wherever they come from. */
interface Packages {
  "@std/assert": typeof import("@std/assert");
  "@std/cli/unicode-width": typeof import("@std/cli/unicode-width");
  "@std/cli/unstable-progress-bar":
    typeof import("@std/cli/unstable-progress-bar");
  "@std/crypto": typeof import("@std/crypto");
  "@std/streams": typeof import("@std/streams");
  "@std/streams/unstable-fixed-chunk-stream":
    typeof import("@std/streams/unstable-fixed-chunk-stream");
}

/** The stand-ins, under the names of the packages. */
interface StandIns {
  "@std/assert": typeof import("../../_tools/offline/assert.ts");
  "@std/cli/unicode-width":
    typeof import("../../_tools/offline/cli_unicode_width.ts");
  "@std/cli/unstable-progress-bar":
    typeof import("../../_tools/offline/cli_progress_bar.ts");
  "@std/crypto": typeof import("../../_tools/offline/crypto.ts");
  "@std/streams": typeof import("../../_tools/offline/streams.ts");
  "@std/streams/unstable-fixed-chunk-stream":
    typeof import("../../_tools/offline/streams_fixed_chunk.ts");
}

/** Whether two types are the same, not only assignable to each other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends
  (<T>() => T extends B ? 1 : 2) ? true : false;

/** A class by what makes an instance and what that has. */
type Flat<T> = T extends abstract new (...args: infer A) => infer I
  ? [A, { [K in keyof I]: I[K] }]
  : T;

/** What differs between stand-ins and description, as `module: name`. */
type Differences<Found, Described> = {
  [M in keyof Described]: M extends keyof Found ?
      | Exclude<keyof Found[M], keyof Described[M]>
      | {
        [K in keyof Described[M]]: K extends keyof Found[M]
          ? Same<Flat<Found[M][K]>, Flat<Described[M][K]>> extends true ? never
          : K
          : K;
      }[keyof Described[M]]
    : M;
}[keyof Described];

function nothing<T extends never>(..._: T[]): void {}
function assignable<_A extends B, B>(): void {}
function same<A, B>(_: Same<A, B>): void {}

Deno.test("std signatures - the stand-ins have those of the description", () => {
  nothing<Differences<StandIns, StdSignatures>>();
});

Deno.test("std signatures - the packages can be used as described", () => {
  assignable<Packages, StdSignatures>();
});

/** Calls in the forms that the package uses, and what they give. */
const none = [
  parseArgs(["--x"]),
  standIn(["--x"]),
] as const;
const lists = [
  parseArgs([], { string: ["_", "one", "many"], collect: ["many"] }),
  standIn([], { string: ["_", "one", "many"], collect: ["many"] }),
] as const;
const all = [
  parseArgs([], {
    string: ["one", "size"],
    boolean: ["flag"],
    alias: { flag: "f" },
    default: { size: 5 },
    unknown: (arg, key, value) => [arg, key, value],
  }),
  standIn([], {
    string: ["one", "size"],
    boolean: ["flag"],
    alias: { flag: "f" },
    default: { size: 5 },
    unknown: (arg, key, value) => [arg, key, value],
  }),
] as const;

Deno.test("std signatures - parseArgs gives the same types", () => {
  // deno-lint-ignore no-explicit-any
  type Any = any;
  same<(typeof none)[0]["x"], Any>(true);
  same<(typeof none)[1]["x"], Any>(true);
  same<(typeof none)[0]["_"], (string | number)[]>(true);
  same<(typeof none)[1]["_"], (string | number)[]>(true);
  same<(typeof lists)[0]["one"], string | undefined>(true);
  same<(typeof lists)[1]["one"], string | undefined>(true);
  same<(typeof lists)[0]["many"], string[]>(true);
  same<(typeof lists)[1]["many"], string[]>(true);
  same<(typeof lists)[0]["_"], string & (string | number)[]>(true);
  same<(typeof lists)[1]["_"], string & (string | number)[]>(true);
  same<(typeof all)[0]["flag"], boolean>(true);
  same<(typeof all)[1]["flag"], boolean>(true);
  same<(typeof all)[0]["one"], string | undefined>(true);
  same<(typeof all)[1]["one"], string | undefined>(true);
  same<(typeof all)[0]["size"], string | number>(true);
  same<(typeof all)[1]["size"], string | number>(true);
  same<(typeof all)[0]["other"], unknown>(true);
  same<(typeof all)[1]["other"], unknown>(true);
  for (const [real, ours] of [none, lists, all]) assertEquals(ours, real);
});

/** Type-checks a copy of the stand-ins in which one line is another. */
async function checkCopy(file: string, from: string, to: string) {
  const folder = await Deno.makeTempDir({ prefix: "bip-signatures-" });
  try {
    const copy = async (path: string, edit = (text: string) => text) =>
      await Deno.writeTextFile(
        `${folder}/${path}`,
        edit(await Deno.readTextFile(`${ROOT}/${path}`)),
      );
    await Deno.mkdir(`${folder}/_tools/offline`, { recursive: true });
    await Deno.mkdir(`${folder}/tests/tools`, { recursive: true });
    for await (const { name } of Deno.readDir(`${ROOT}/_tools/offline`)) {
      await copy(`_tools/offline/${name}`);
    }
    for (
      const path of [
        "deno.json",
        "_tools/import_map.offline.json",
        "_tools/process.ts",
        "_tools/std_signatures.ts",
        "tests/tools/std_signatures_test.ts",
      ]
    ) await copy(path);
    await copy(`_tools/offline/${file}`, (text) => {
      assertStringIncludes(text, from);
      return text.replace(from, to);
    });
    return await capture(Deno.execPath(), [
      "check",
      "--import-map=_tools/import_map.offline.json",
      "tests/tools/std_signatures_test.ts",
    ], { cwd: folder, env: { NO_COLOR: "1" } });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("std signatures - a stand-in that is laxer does not pass", async () => {
  const edits = [
    ["assert.ts", "msg?: string): unknown;", "msg?: string): Error;"],
    ["streams.ts", "stream: ReadableStream<Uint8Array>,", "stream: unknown,"],
    ["cli_parse_args.ts", "]: boolean }", "]: any }"],
  ] as const;
  assertEquals((await checkCopy("assert.ts", "", "")).code, 0);
  for (const [file, from, to] of edits) {
    const { code, stderr } = await checkCopy(file, from, to);
    assertEquals(code, 1, file);
    assertStringIncludes(stderr, "std_signatures_test.ts");
  }
});
