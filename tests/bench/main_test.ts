import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "../../_tools/process.ts";
import { denoArguments } from "../support/bip_command.ts";
import { outputOf } from "../support/process.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

const bench = (args: readonly string[]) =>
  outputOf(
    new Deno.Command(Deno.execPath(), {
      args: denoArguments("bench/main.ts", ["-A", "--unstable-net"], args),
      env: { BIP_BENCH_SMOKE: "1", NO_COLOR: "1" },
      stdin: "null",
    }),
  );

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
  const { code, stdout, stderr } = await outputOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "-A", `${ROOT}/bench/startup_bench.ts`],
      env: { ...without, BIP_BENCH_SMOKE: "1" },
      clearEnv: true,
      stdin: "null",
    }),
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "bip download");
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
