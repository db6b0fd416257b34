import { assert, assertEquals } from "@std/assert";
import { ROOT } from "../../_tools/process.ts";
import { TempDir } from "../support/paths.ts";
import { outputOf } from "../support/process.ts";

const simulate = (...args: string[]) =>
  outputOf(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${ROOT}/_tools/launch.ts`, "simulate"]
        .concat(args),
      cwd: ROOT,
      env: { NO_COLOR: "1" },
    }),
  );

Deno.test("deno task simulate prints a table and draws charts", async () => {
  await using dir = new TempDir();
  const file = dir.join("two.json");
  const groups = [
    { name: "seed", count: 1, seed: true },
    { name: "leechers", count: 2 },
  ];
  await Deno.writeTextFile(
    file,
    JSON.stringify({
      short: { pieces: 4, groups },
      long: { pieces: 8, groups },
    }),
  );
  const { code, stdout } = await simulate(file, "--out", dir.join("charts"));
  assertEquals(code, 0);
  assert(/^short: \d+ s of virtual time, /m.test(stdout), stdout);
  assert(/^ {2}leechers +2 of 2 /m.test(stdout), stdout);
  for (const chart of ["completion", "availability", "fairness", "copies"]) {
    const svg = await Deno.readTextFile(
      dir.join("charts", `two-${chart}.svg`),
    );
    assert(svg.startsWith("<svg "), chart);
  }
});

Deno.test("deno task simulate says what is wrong with a file", async () => {
  await using dir = new TempDir();
  const file = dir.join("wrong.json");
  await Deno.writeTextFile(file, '{"a": {"groups": [{"name": "x"}]}}');
  const wrong = await simulate(file);
  assertEquals(wrong.code, 2);
  assert(wrong.stderr.includes("a: Group 1 has no count"), wrong.stderr);
  assertEquals((await simulate(dir.join("none.json"))).code, 2);
  assertEquals((await simulate()).code, 2);
  assertEquals((await simulate(file, "--sed=3")).code, 2);
});
