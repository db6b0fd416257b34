import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "../../_tools/process.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

async function bench(args: readonly string[]) {
  const std = import.meta.resolve("@std/assert");
  const importMap = Deno.env.get("BIP_IMPORT_MAP") ??
    (std.startsWith("jsr:") ? "" : `${ROOT}/_tools/import_map.offline.json`);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "-A",
      "--unstable-net",
      `--config=${ROOT}/deno.json`,
      ...(importMap === "" ? [] : [`--import-map=${importMap}`]),
      `${ROOT}/bench/main.ts`,
      ...args,
    ],
    env: { BIP_BENCH_SMOKE: "1", NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

Deno.test("bench - one benchmark becomes a table on stdout", async () => {
  const { code, stdout, stderr } = await bench(["--only", "startup"]);
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "SMOKE RUN");
  for (const what of ["--help", "info", "seed", "download"]) {
    assertStringIncludes(stdout, `| start-up, bip ${what} `);
  }
  assertStringIncludes(stderr, "startup: done");
});

Deno.test("startup_bench - run by hand finds what bip imports", async () => {
  const { BIP_IMPORT_MAP: _, ...without } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", `${ROOT}/bench/startup_bench.ts`],
    env: { ...without, BIP_BENCH_SMOKE: "1" },
    clearEnv: true,
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  assertStringIncludes(new TextDecoder().decode(stdout), "bip download");
});

Deno.test("bench - lists every benchmark file", async () => {
  const { code, stdout } = await bench(["--list"]);
  assertEquals(code, 0);
  const files = [...Deno.readDirSync(`${ROOT}/bench`)]
    .filter(({ name }) => name.endsWith("_bench.ts"))
    .map(({ name }) => name.replace("_bench.ts", ""));
  assertEquals(stdout.trim().split("\n"), files.sort());
});

Deno.test("bench - wrong arguments end with 2", async () => {
  for (
    const args of [
      ["--only", "nonsense"],
      ["--nonsense"],
      // A part of the table must not replace the whole.
      ["--write", "--only", "startup"],
      ["--write"],
    ]
  ) {
    const { code, stdout, stderr } = await bench(args);
    assertEquals([code, stdout], [2, ""], args.join(" "));
    assertStringIncludes(stderr, "deno task bench --help");
  }
});
