import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { publishedFiles } from "../../_tools/published_files.ts";
import {
  absoluteSpecifiers,
  answerAsJsr,
  ownPackage,
  standInPackages,
} from "../../_tools/registry.ts";

Deno.test({
  name: "registry - specifiers are rewritten as publishing does",
  permissions: "none",
  fn() {
    const imports = {
      "@std/a": "jsr:@std/a@^1",
      "@std/a-b": "jsr:@std/a-b@^2",
    };
    const pairs = [
      ['import { x } from "@std/a";', 'import { x } from "jsr:@std/a@^1";'],
      ['import "@std/a/y/z";', 'import "jsr:@std/a@^1/y/z";'],
      ['} from "@std/a-b/c";', '} from "jsr:@std/a-b@^2/c";'],
      [
        'const m = await import("@std/a");',
        'const m = await import("jsr:@std/a@^1");',
      ],
      ['import(\n  "@std/a/q",\n)', 'import(\n  "jsr:@std/a@^1/q",\n)'],
      ['export * from "@std/a";', 'export * from "jsr:@std/a@^1";'],
    ] as const;
    for (const [from, to] of pairs) {
      assertEquals(absoluteSpecifiers(from, imports), to);
    }
    for (
      const text of [
        ' * import { x } from "@std/a";',
        '// import "@std/a";',
        'import { x } from "@std/other";',
        'import { x } from "./@std/a";',
        'const from = "@std/a";',
      ]
    ) assertEquals(absoluteSpecifiers(text, imports), text);
  },
});

Deno.test("registry - answers as JSR does", async () => {
  const packages = [await ownPackage(), ...await standInPackages()];
  const get = async (path: string) => await answerAsJsr(packages, path);
  for (const { name, version, exports } of packages) {
    const meta = await (await get(`/${name}/meta.json`)).json();
    assertEquals(meta.versions, { [version]: {} });
    const { manifest, exports: told } =
      await (await get(`/${name}/${version}_meta.json`)).json();
    assertEquals(told, exports);
    for (const path of Object.values(exports)) {
      const { size, checksum } = manifest[path.slice(1)];
      const file = await get(`/${name}/${version}${path.slice(1)}`);
      assertEquals(file.headers.get("content-type"), "application/typescript");
      const bytes = await file.bytes();
      assertEquals(bytes.length, size);
      const digest = await crypto.subtle.digest("SHA-256", bytes);
      assertEquals(checksum, `sha256-${new Uint8Array(digest).toHex()}`);
    }
  }
  for (
    const path of [
      "/",
      "/@std/none/meta.json",
      "/@bip/bip/9.9.9_meta.json",
      "/@bip/bip/0.1.0/../../deno.json",
      "/@bip/bip/0.1.0/tests/tools/registry_test.ts",
    ]
  ) assertEquals((await get(path)).status, 404, path);
});

Deno.test("registry - the package has what is published, and no bare specifier", async () => {
  const files = await (await ownPackage()).files();
  assertEquals([...files.keys()], (await publishedFiles()).map((p) => `/${p}`));
  for (const path of ["/mod.ts", "/README.md", "/metainfo/hash/worker.ts"]) {
    assert(files.has(path), path);
  }
  const text = new TextDecoder();
  for (const [path, bytes] of files) {
    assert(
      !/^\/(_tools|tests|bench|examples|\.ci|\.github)\//.test(path),
      path,
    );
    if (!path.endsWith(".ts")) continue;
    const bare = /^(?! \*).*(?:from|import) "@.*/m.exec(text.decode(bytes));
    assertEquals(bare, null, path);
  }
  assertStringIncludes(
    text.decode(files.get("/cli/arguments.ts")),
    '"jsr:@std/cli@^1/parse-args"',
  );
});
