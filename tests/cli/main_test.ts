import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../cli/main.ts";
import { VERBS } from "../../cli/verbs.ts";
import { VERSION } from "../../cli/version.ts";
import { bip, bipCommand } from "../support/bip_command.ts";
import { recorder } from "../support/output.ts";

async function run(...words: string[]) {
  const output = recorder();
  const code = await main(words, output);
  return { code, out: output.out.join("\n"), err: output.err.join("\n") };
}

Deno.test({
  name: "main - overview, version and help need no permission",
  permissions: "none",
  async fn() {
    const overview = await run("--help");
    assertEquals(overview.code, 0);
    for (const { name, summary } of VERBS) {
      assertStringIncludes(overview.out, name);
      assertStringIncludes(overview.out, summary);
    }
    assertEquals((await run("help")).out, overview.out);
    assertEquals((await run()).code, 2);
    assertEquals((await run()).out, "");
    assertEquals((await run("--version")).out, `bip ${VERSION}`);
  },
});

Deno.test({
  name: "main - each verb agrees with its table and explains itself",
  permissions: "none",
  async fn() {
    for (const entry of VERBS) {
      const verb = await entry.load();
      assertEquals(verb.name, entry.name);
      assertEquals(verb.summary, entry.summary);
      assert(verb.operands[0] <= verb.operands[1]);
      const names = verb.options.map((option) => option.name);
      assertEquals(new Set(names).size, names.length, entry.name);
      const shorts = verb.options.flatMap((option) => option.short ?? []);
      assertEquals(new Set(shorts).size, shorts.length, entry.name);
      const help = await run(entry.name, "--help");
      assertEquals(help.code, 0);
      assertEquals(help.out, (await run("help", entry.name)).out);
      assertEquals(help.out, (await run("--help", entry.name)).out);
      assertStringIncludes(help.out, `Usage: bip ${entry.name}`);
      assertStringIncludes(help.out, "Permissions: ");
      for (const name of names) assertStringIncludes(help.out, `--${name}`);
      assert(help.out.split("\n").every((line) => line.length <= 100));
    }
  },
});

Deno.test({
  name: "main - mistakes end with 2, one line and a hint",
  permissions: "none",
  async fn() {
    const cases: [string[], string, string][] = [
      [["creat"], 'Unknown verb "creat"', "Did you mean bip create?"],
      [["xyzzy"], "Unknown verb", "bip --help"],
      [["version"], "Unknown verb", "Did you mean bip --version?"],
      [["--jsn"], "Unknown option --jsn", "go after the verb"],
      [["info", "--jsno", "x"], "Unknown option --jsno", "--json"],
      [["info"], "Missing SOURCE", "Usage: bip info"],
      [["magnet", "a", "b"], "Unexpected operand", "Usage"],
      [["completions", "tcsh"], "Unknown shell", "bash, zsh, fish"],
    ];
    for (const [words, message, hint] of cases) {
      const { code, out, err } = await run(...words);
      assertEquals(code, 2, words.join(" "));
      assertEquals(out, "");
      const lines = err.split("\n");
      assertEquals(lines.length, 2, err);
      assertStringIncludes(lines[0]!, `bip: error: ${message}`);
      assertStringIncludes(lines[1]!, hint);
    }
  },
});

Deno.test({
  name: "main - results that cannot be written end the work, with code 6",
  permissions: "none",
  async fn() {
    const full = Object.assign(new Error("No space left (os error 28)"), {
      code: "ENOSPC",
    });
    const cases: [Error, string][] = [
      [new Deno.errors.BrokenPipe("Broken pipe"), ""],
      [full, "bip: error: Cannot write to stdout: the disk is full"],
    ];
    for (const [error, message] of cases) {
      let printed = 0;
      const output = recorder();
      const code = await main(["--help"], {
        ...output,
        print() {
          printed++;
          throw error;
        },
      });
      assertEquals([code, printed], [6, 1]);
      assertEquals(output.err.join("\n"), message);
    }
    // Nobody hears what is wrong: the code stays.
    const deaf = await main(["nonsense"], {
      ...recorder(),
      note() {
        throw full;
      },
    });
    assertEquals(deaf, 2);
  },
});

Deno.test({
  name: "main - an operand that is a magnet link where a file must be",
  permissions: "none",
  async fn() {
    const link = `magnet:?xt=urn:btih:${"a".repeat(40)}`;
    for (const words of [["magnet", link], ["verify", link, "."]]) {
      const { code, err } = await run(...words);
      assertEquals(code, 2);
      assertStringIncludes(
        err,
        "bip: error: Expected a torrent file, not a magnet link",
      );
    }
  },
});

Deno.test({
  name: "main - an unset variable of a shell is no path, and no bug",
  permissions: { read: ["nowhere"], write: ["nowhere"] },
  async fn() {
    for (
      const words of [
        ["info", ""],
        ["magnet", ""],
        ["verify", "", "nowhere"],
        ["create", "", "-o", "-"],
        ["edit", "", "--comment", "x"],
        ["seed", ""],
        ["download", ""],
        ["remote", "add", ""],
      ]
    ) {
      const { code, err } = await run(...words);
      assertEquals(code, 6, err);
      assertStringIncludes(err, 'bip: error: Cannot read "": ');
    }
  },
});

Deno.test({
  name: "main - what was typed by mistake is not shown without end",
  permissions: "none",
  async fn() {
    const { err } = await run("info", "a", "x".repeat(100_000));
    const [line, hint] = err.split("\n");
    assertStringIncludes(line!, 'Unexpected operand "xxx');
    assert(line!.length < 2100, `${line!.length}`);
    assertStringIncludes(hint!, "Usage: bip info");
  },
});

Deno.test({
  name: "main - help on a narrow terminal",
  permissions: "none",
  async fn() {
    for (const { name } of VERBS) {
      const output = recorder();
      await main([name, "--help"], { ...output, columns: 40 });
      const lines = output.out.join("\n").split("\n");
      const odd = lines.filter((line) =>
        line.length > 40 && line.trim().includes(" ") &&
        !/^(Usage|Permissions|bip|[{[]|--)/.test(line.trim())
      );
      assertEquals(odd, [], name);
    }
  },
});

Deno.test({
  name: "main - what a stranger wrote is shown harmless",
  permissions: "none",
  async fn() {
    const { code, err } = await run("info", "magnet:?xt=\x1b[2J\u202e");
    assertEquals(code, 4);
    assert(!/[\p{Cc}\p{Cf}]/u.test(err), JSON.stringify(err));
    const link = `magnet:?xt=urn:btih:${"a".repeat(40)}&dn=%1B%5B2Jx`;
    const shown = await run("info", link);
    assertEquals(shown.code, 0);
    assert(!shown.out.includes("\x1b"), JSON.stringify(shown.out));
  },
});

Deno.test("main - the version is that of deno.json", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  assertEquals(VERSION, config.version);
});

Deno.test("main - as a process without any permission", async () => {
  const help = await bip(["--help"]);
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "Usage: bip VERB");
  const wrong = await bip(["info", "nosuch.torrent"]);
  assertEquals(wrong.code, 1);
  assertEquals(wrong.stdout, "");
  assertStringIncludes(wrong.stderr, "--allow-read");
  assert(!wrong.stderr.includes("    at "), wrong.stderr);
});

Deno.test("main - a reader that leaves is no reason to complain", async () => {
  const child = bipCommand(["create", "--help"]).spawn();
  await child.stdout.cancel();
  const stderr = await new Response(child.stderr).text();
  await child.status;
  assertEquals(stderr, "");
});

Deno.test({
  name: "main - Ctrl-C on a terminal leaves one line, in place of the ^C",
  permissions: "none",
  async fn() {
    for (
      const [interactive, line] of [
        [false, "bip: interrupted"],
        [true, "\r\x1b[Kbip: interrupted"],
      ] as const
    ) {
      const output = { ...recorder(), interactive };
      const code = await main(["info", "none"], output, AbortSignal.abort());
      assertEquals([code, ...output.err], [130, line]);
    }
  },
});
