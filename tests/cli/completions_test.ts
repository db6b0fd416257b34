import { assertEquals, assertStringIncludes } from "@std/assert";
import { completionScript } from "../../cli/completions.ts";
import { VERBS } from "../../cli/verbs.ts";
import { bip } from "../support/bip_command.ts";
import { TempDir } from "../support/paths.ts";
import { run } from "../support/process.ts";

const verbs = await Promise.all(VERBS.map((entry) => entry.load()));

/** Runs a shell script; undefined where there is no such shell. */
async function shell(
  name: string,
  script: string,
): Promise<string | undefined> {
  try {
    return await run(name, "-c", script);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const hasBash = await shell("bash", "true") !== undefined &&
  Deno.build.os !== "windows";

Deno.test({
  name: "completions - every verb and option is in every script",
  permissions: "none",
  fn() {
    for (const name of ["bash", "zsh", "fish"] as const) {
      const script = completionScript(name, verbs);
      // Behind help stand verbs.
      const names = verbs.map((verb) => verb.name).join(" ");
      const help = script.slice(script.lastIndexOf("help)")).split("\n");
      assertStringIncludes(
        name === "fish"
          ? script.split("\n").find((line) => line.includes("from help"))!
          : help.slice(1, 4).join("\n"),
        names,
      );
      for (const verb of verbs) {
        assertStringIncludes(script, verb.name);
        for (const option of verb.options) {
          assertStringIncludes(
            script,
            name === "fish" ? `-l ${option.name}` : `--${option.name}`,
          );
        }
      }
    }
  },
});

Deno.test({
  name: "completions - bash completes verbs, options and values",
  ignore: !hasBash,
  async fn() {
    const script = completionScript("bash", verbs);
    const complete = async (...words: string[]) => {
      const quoted = words.map((word) => `'${word}'`).join(" ");
      const output = await shell(
        "bash",
        `${script}\ncompopt() { :; }\nCOMP_WORDS=(${quoted})\nCOMP_CWORD=${
          words.length - 1
        }\n_bip\nprintf '%s\\n' "\${COMPREPLY[@]}"`,
      );
      return output!.trim().split("\n");
    };
    assertEquals(await complete("bip", "cre"), ["create"]);
    assertEquals(await complete("bip", "create", "--pri"), ["--private"]);
    assertEquals(await complete("bip", "create", "--version", ""), [
      "v1",
      "v2",
      "hybrid",
    ]);
    assertEquals(await complete("bip", "completions", "z"), ["zsh"]);
    // A shell makes three words of --order=ran.
    const random = ["random"];
    const order = ["bip", "download", "--order"];
    assertEquals(await complete(...order, "=", "ran"), random);
    assertEquals(await complete(...order, "ran"), random);
    assertEquals((await complete(...order, "=")).includes("random"), true);
    assertEquals(await complete("bip", "remote", "lis"), ["list"]);
    assertEquals(await complete("bip", "help", "down"), ["download"]);
    assertEquals(await complete("bip", "help", "dht", "p"), [""]);
    await using temp = new TempDir();
    await Deno.writeTextFile(temp.join("a b.torrent"), "");
    for (const words of [["info"], ["remote", "add"], ["edit", "-o"]]) {
      const found = await complete("bip", ...words, temp.join("a"));
      assertEquals(found, [temp.join("a b.torrent")], words.join(" "));
    }
    assertEquals(await complete("bip", "create", "--comment", ""), [""]);
  },
});

for (const name of ["zsh", "fish"] as const) {
  const there = await shell(name, "true") !== undefined;
  Deno.test({
    name: `completions - ${name} reads its script${
      there ? "" : ` (skipped: no ${name} here; install ${name})`
    }`,
    ignore: !there,
    async fn() {
      const script = completionScript(name, verbs);
      await shell(
        name,
        name === "zsh"
          ? `autoload -U compinit && compinit -u -D\n${script}`
          : script,
      );
    },
  });
}

Deno.test("completions - the command prints what the function makes", async () => {
  const { code, stdout } = await bip(["completions", "fish"]);
  assertEquals(code, 0);
  assertEquals(stdout, `${completionScript("fish", verbs)}\n`);
});
