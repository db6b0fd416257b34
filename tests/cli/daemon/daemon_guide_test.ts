/** What docs/daemon.md tells people to write into files, tried out. */
import { assert, assertEquals } from "@std/assert";
import { parseVerbArguments } from "../../../cli/arguments.ts";
import { daemonVerb } from "../../../cli/daemon/daemon.ts";
import { changeSettings } from "../../../daemon/check_settings.ts";
import { DEFAULT_SETTINGS } from "../../../daemon/settings.ts";
import { denoArguments } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";
import { Child } from "../../support/process.ts";

const guide = await Deno.readTextFile(
  new URL("../../../docs/daemon.md", import.meta.url),
);

/** The first block of a kind. */
function block(kind: string): string {
  const text = new RegExp(`^\`\`\`${kind}\\n(.*?)^\`\`\``, "ms").exec(guide);
  assert(text !== null, kind);
  return text[1]!;
}

Deno.test("the guide's settings are valid, their folders those of the unit", () => {
  const settings = changeSettings(DEFAULT_SETTINGS, JSON.parse(block("json")));
  const unit = block("ini");
  const writable = /^ReadWritePaths=(.*)$/m.exec(unit)![1]!;
  const dirs = [
    settings.incompleteDir,
    ...Object.values(settings.labelDirs),
    ...settings.watch.map(({ dir }) => dir),
  ];
  assertEquals(dirs.filter((dir) => !dir.startsWith(`${writable}/`)), []);
  const words = /^ExecStart=\S+ daemon (.*)$/m.exec(unit)![1]!.split(" ");
  const args = parseVerbArguments(words, daemonVerb);
  assert(args.get("dir")!.startsWith(`${writable}/`));
  for (const dir of [...dirs, args.get("dir")!]) {
    if (dir !== settings.incompleteDir) assert(guide.includes(` ${dir}`), dir);
  }
});

Deno.test({
  name: "the guide's container starts: what it needs is cached, its rights do",
  ignore: Deno.build.os === "windows",
  async fn() {
    const file = block("dockerfile").replaceAll("\\\n", "");
    const cache = file.indexOf("RUN deno cache");
    assert(cache > 0 && cache < file.indexOf("USER bip"));
    const entry: string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(file)![1]!);
    await using dir = new TempDir();
    await Deno.mkdir(dir.join("data"));
    const at = entry.indexOf("/bip/cli/main.ts");
    const moved = entry.map((word) =>
      word.replaceAll(/\/(state|data)\b/g, dir.path + "/$1")
    );
    await Deno.mkdir(dir.join("state"));
    const flags = moved.slice(2, at - 2);
    assertEquals(entry.slice(at - 2, at), ["--config", "/bip/deno.json"]);
    await using child = new Child(Deno.execPath(), {
      args: denoArguments("cli/main.ts", flags, [
        ...moved.slice(at + 1),
        ...["--listen", "127.0.0.1", "--port", "0", "--rpc-port", "0"],
      ]),
    });
    assertEquals((await child.line("listening")).torrents, 0);
    child.kill("SIGTERM");
    assertEquals((await child.result).code, 0);
  },
});
