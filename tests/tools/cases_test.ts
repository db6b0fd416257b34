import { assertEquals, assertStringIncludes } from "@std/assert";
import { capture, ROOT } from "../../_tools/process.ts";
import { TempDir } from "../support/paths.ts";

const linux = Deno.build.os === "linux";

/** Runs the task with a folder of cases. */
async function run(folder: string, ...names: string[]) {
  return await capture(Deno.execPath(), [
    ...["run", "-A", "_tools/launch.ts", "cases"],
    ...names,
    `--cases=${folder}`,
  ], {
    env: {
      NO_COLOR: "1",
      BIP_IMPORT_MAP: `${ROOT}/_tools/import_map.offline.json`,
    },
  });
}

Deno.test({
  name: "cases - a folder that is not there is skipped, a stranger refused",
  ignore: !linux,
  async fn() {
    await using temp = new TempDir();
    const folder = temp.path;
    const none = await run(`${folder}/none`);
    assertEquals(none.code, 0, none.stderr);
    assertStringIncludes(none.stdout, "Skipped: there are no cases in");
    assertEquals((await run(folder, "--fast")).code, 2);
  },
});

Deno.test({
  name: "cases - each is given the checkout; a table and a sum are printed",
  ignore: !linux,
  async fn() {
    await using temp = new TempDir();
    const folder = temp.path;
    const script = async (path: string, text: string) =>
      await Deno.writeTextFile(`${folder}/${path}`, `#!/bin/sh\n${text}\n`, {
        mode: 0o755,
      });
    await Deno.mkdir(`${folder}/reports`);
    await Deno.mkdir(`${folder}/hostile`);
    await script(
      "reports/good.sh",
      'test -f "$1/deno.json" && echo OK: fine',
    );
    await script("hostile/bad", "echo HOLE: open; exit 1");
    await script("hostile/complete-but-gone", 'echo "got $2"');
    await script("hostile/_lib.py", "exit 1");
    const all = await run(folder);
    assertEquals(all.code, 1, all.stderr);
    const lines = all.stdout.trim().split("\n")
      .map((line) => line.replace(/ +[\d.]+ s /, " ").replace(/ +/g, " "));
    assertEquals(lines, [
      "ok good OK: fine",
      "FAILED bad HOLE: open",
      "ok complete-but-gone dir got dir",
      "ok complete-but-gone file got file",
      "ok complete-but-gone replace got replace",
      "4 passed, 1 failed",
    ]);
    const one = await run(folder, "bad", "good");
    assertEquals(one.code, 1);
    assertStringIncludes(one.stdout, "1 passed, 1 failed");
    assertEquals((await run(folder, "nonsense")).code, 2);
  },
});
