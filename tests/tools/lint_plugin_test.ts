import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import plugin, {
  isPure,
  judgeImport,
  judgePlace,
  relativeName,
} from "../../_tools/lint_plugin.ts";
import { MAX_LINES } from "../../_tools/lint_rules.ts";

const root = new URL("../../", import.meta.url);

/** Lints a snippet as if it stood at a place; gives "rule: message" lines. */
function lint(name: string, source: string): string[] {
  return Deno.lint.runPlugin(plugin, new URL(name, root).pathname, source)
    .map((found) => `${found.id}: ${found.message}`);
}

function assertClean(name: string, source: string): void {
  assertEquals(lint(name, source), [], `${name}: ${source}`);
}

function assertFound(name: string, source: string, includes: string): void {
  const found = lint(name, source);
  assert(found.length > 0, `Nothing found in ${name}: ${source}`);
  assertStringIncludes(found.join("\n"), includes);
}

Deno.test({
  name: "lint plugin - arrows between folders point down only",
  permissions: "none",
  fn() {
    assertClean("dht/krpc.ts", 'import { a } from "../bencode/decode.ts";');
    assertClean("dht/krpc.ts", 'import { a } from "./node_id.ts";');
    assertClean(
      "dht/krpc.ts",
      'import type { E } from "../_shared/address.ts";',
    );
    assertFound(
      "dht/krpc.ts",
      'import { a } from "../peer/wire_message.ts";',
      "bip/layer-imports: dht/ cannot import from peer/",
    );
    assertFound(
      "bencode/decode.ts",
      'import { a } from "../metainfo/parse.ts";',
      "bencode/ cannot import from metainfo/",
    );
    assertFound(
      "_shared/bytes.ts",
      'import { a } from "../bencode/decode.ts";',
      "_shared/ cannot import from bencode/",
    );
    assertFound(
      "dht/krpc.ts",
      'export { a } from "../peer/wire_message.ts";',
      "dht/ cannot import from peer/",
    );
    assertFound(
      "dht/krpc.ts",
      'const a = await import("../peer/wire_message.ts");',
      "dht/ cannot import from peer/",
    );
  },
});

Deno.test({
  name: "lint plugin - nobody imports client but cli",
  permissions: "none",
  fn() {
    const source = 'import { Session } from "../client/session.ts";';
    assertClean("cli/main.ts", source);
    assertClean("tests/client/session_test.ts", source);
    assertFound("peer/manager.ts", source, "peer/ cannot import from client/");
    assertFound(
      "client/session.ts",
      'import { run } from "../cli/main.ts";',
      "client/ cannot import from cli/",
    );
  },
});

Deno.test({
  name: "lint plugin - select sees of metainfo only the piece layout",
  permissions: "none",
  fn() {
    assertClean(
      "select/picker.ts",
      'import { PieceLayout } from "../metainfo/piece_layout.ts";',
    );
    assertFound(
      "select/picker.ts",
      'import { parseMetainfo } from "../metainfo/parse.ts";',
      "it may only see",
    );
  },
});

Deno.test({
  name: "lint plugin - rooms are private, and arrows between them point down",
  permissions: "none",
  fn() {
    const rooms = { dht: { table: [], lookup: ["table"] } };
    const judge = (from: string, specifier: string) =>
      judgeImport(from, specifier, rooms) ?? "";
    for (
      const [from, specifier] of [
        ["dht/node.ts", "./lookup/search.ts"],
        ["dht/lookup/search.ts", "../table/bucket.ts"],
        ["dht/lookup/search.ts", "./closest.ts"],
        ["dht/table/bucket.ts", "../node_id.ts"],
        ["dht/table/bucket.ts", "../../_shared/bytes.ts"],
        ["client/dht_peers.ts", "../dht/node.ts"],
      ] as const
    ) assertEquals(judge(from, specifier), "", from);
    assertStringIncludes(
      judge("dht/table/bucket.ts", "../lookup/search.ts"),
      "dht/table/ cannot import from lookup/",
    );
    assertStringIncludes(
      judge("client/dht_peers.ts", "../dht/table/bucket.ts"),
      "the rooms of dht/ are its own",
    );
    assertEquals(judgePlace("dht/table/bucket.ts", rooms), undefined);
    assertEquals(judgePlace("dht/node.ts", rooms), undefined);
    assertEquals(judgePlace("peer/store/_x.ts", rooms), undefined);
    for (
      const name of [
        "dht/store/values.ts",
        "dht/table/deep/values.ts",
        "dht/_bucket.ts",
        "dht/table/_bucket.ts",
      ]
    ) assert(judgePlace(name, rooms) !== undefined, name);
  },
});

Deno.test({
  name: "lint plugin - only @std packages, each in its place",
  permissions: "none",
  fn() {
    assertClean("dht/token.ts", 'import { crypto } from "@std/crypto";');
    assertClean(
      "cli/main.ts",
      'import { parseArgs } from "@std/cli/parse-args";',
    );
    assertClean("tests/a_test.ts", 'import { assert } from "@std/assert";');
    for (
      const specifier of [
        "@std/assert",
        "@std/cli/parse-args",
        "npm:bencode",
        "jsr:@std/bytes",
        "https://example.com/x.ts",
        "lodash",
        "@bip/bip/bencode",
        "../tests/support/paths.ts",
        "../../elsewhere.ts",
        "../mod.ts",
      ]
    ) {
      assert(
        judgeImport("dht/node.ts", specifier) !== undefined,
        `${specifier} was allowed`,
      );
    }
  },
});

Deno.test({
  name: "lint plugin - pure files touch no clock, timer, IO or randomness",
  permissions: "none",
  fn() {
    for (
      const source of [
        "export const a = Deno.args;",
        "export const a = Date.now();",
        "export const a = new Date();",
        "export const a = performance.now();",
        "setTimeout(() => {}, 1);",
        "const id = 1; clearInterval(id);",
        "export const a = Math.random();",
        "export const a = crypto.getRandomValues(new Uint8Array(2));",
        'export const a = fetch("x");',
        'console.log("x");',
        "export const a = globalThis.setTimeout;",
        "export const a = { now: Date.now };",
        "export const a = { Deno };",
        "export type A = Deno.Conn;",
      ]
    ) {
      assertFound("dht/krpc.ts", source, "bip/pure-files: A pure file cannot");
      assertClean("dht/node.ts", source.replace("console", "sink"));
    }
    assertFound(
      "dht/krpc.ts",
      'import { createHash } from "node:crypto";',
      'cannot import "node:crypto"',
    );
    assertClean("dht/node.ts", 'import { createHash } from "node:crypto";');
  },
});

Deno.test({
  name: "lint plugin - pure files may use the same words as names of fields",
  permissions: "none",
  fn() {
    for (
      const source of [
        "export interface A { readonly Date: string; fetch(): void }",
        "export const a = (x: { Date: number }) => x.Date;",
        "export const a = { performance: 1 };",
        "export class A { console = 1; fetch(): void {} }",
        'import { crypto } from "@std/crypto"; export const a = crypto.subtle;',
        "export const a = Math.floor(1.5);",
        "// Date.now() in a comment\nexport const a = 'Deno.args';",
      ]
    ) assertClean("dht/krpc.ts", source);
  },
});

Deno.test({
  name: "lint plugin - which files are pure",
  permissions: "none",
  fn() {
    for (
      const name of [
        "bencode/decode.ts",
        "peer/session_machine.ts",
        "select/picker.ts",
        "_shared/bytes.ts",
        "metainfo/parse.ts",
        "peer/manager.ts",
        "handshake/handshaker.ts",
        "client/candidate_machine.ts",
        "utracker/client_machine.ts",
      ]
    ) assert(isPure(name), name);
    for (
      const name of [
        "_shared/clock.ts",
        "dht/node.ts",
        "utracker/client.ts",
        "client/session.ts",
        "cli/main.ts",
        "cli/torrent/create.ts",
        "tests/dht/krpc_test.ts",
        "_tools/launch.ts",
        "mod.ts",
      ]
    ) assert(!isPure(name), name);
  },
});

Deno.test({
  name: "lint plugin - a library does not print",
  permissions: "none",
  fn() {
    const source = 'console.error("x");';
    assertFound("dht/node.ts", source, "bip/no-console: A library does not");
    assertFound("cli/main.ts", source, "bip/no-console: The command prints");
    assertClean("examples/chat.ts", source);
    assertClean("_tools/ok.ts", source);
  },
});

Deno.test({
  name: `lint plugin - ${MAX_LINES} lines pass and one more does not`,
  permissions: "none",
  fn() {
    assertClean("dht/krpc.ts", "// line\n".repeat(MAX_LINES));
    assertClean("dht/krpc.ts", "// line\n".repeat(MAX_LINES - 1) + "// end");
    assertFound(
      "dht/krpc.ts",
      "// line\n".repeat(MAX_LINES + 1),
      `bip/file-size: A file cannot have more than 500 lines: this one has ${
        MAX_LINES + 1
      }`,
    );
    assertFound(
      "tests/dht/krpc_test.ts",
      "// line\n".repeat(MAX_LINES + 1),
      "bip/file-size",
    );
  },
});

Deno.test({
  name: "lint plugin - mod.ts re-exports and nothing else does",
  permissions: "none",
  fn() {
    assertClean("dht/mod.ts", '/** @module */\nexport * from "./node.ts";');
    assertClean(
      "dht/mod.ts",
      'export type { E } from "../_shared/address.ts";',
    );
    assertClean("mod.ts", 'export * from "./dht/mod.ts";');
    assertFound(
      "dht/mod.ts",
      "export const a = 1;",
      "bip/faces-only-re-export: A mod.ts holds nothing but re-exports",
    );
    assertFound("mod.ts", 'import "./dht/mod.ts";', "nothing but re-exports");
    assertFound(
      "dht/node.ts",
      'export * from "./krpc.ts";',
      "Only mod.ts re-exports",
    );
    assertFound(
      "dht/node.ts",
      'export { a } from "./krpc.ts";',
      "Only mod.ts re-exports",
    );
    assertClean("dht/node.ts", "const a = 1; export { a };");
    assertClean("cli/main.ts", 'export type { O } from "./terminal.ts";');
    assertFound(
      "cli/main.ts",
      'export { o } from "./terminal.ts";',
      "Only mod",
    );
    assertClean("tests/support/all.ts", 'export * from "./fake_clock.ts";');
  },
});

Deno.test({
  name: "lint plugin - no default export and no enum",
  permissions: "none",
  fn() {
    assertFound("dht/node.ts", "export default 1;", "bip/no-default-export");
    assertFound(
      "tests/a_test.ts",
      "export default function f() {}",
      "bip/no-default-export",
    );
    assertFound("dht/node.ts", "enum A { B }", "bip/no-enum");
    assertClean("dht/node.ts", 'export type A = "b" | "c";');
  },
});

Deno.test({
  name: "lint plugin - names files from the root on every system",
  permissions: "none",
  fn() {
    assertEquals(
      relativeName(new URL("dht/node.ts", root).pathname),
      "dht/node.ts",
    );
    assertEquals(
      relativeName(new URL("dht/node.ts", root).pathname.replaceAll("/", "\\")),
      "dht/node.ts",
    );
    assertEquals(relativeName(new URL("mod.ts", root).href), "mod.ts");
  },
});
