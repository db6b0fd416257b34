import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runBip, startBip } from "../support/bip.ts";
import { TempDir } from "../support/paths.ts";
import { comparePayload, writePayload } from "../support/payload.ts";

const MIB = 1024 * 1024;
const FILES = {
  "album/a.bin": 3 * MIB + 1,
  "album/b ü.bin": MIB,
  "album/none": 0,
};
const LOCAL = [
  "--listen",
  "127.0.0.1",
  "--port",
  "0",
  "--no-dht",
  "--no-lpd",
  "--no-pex",
  "--no-trackers",
];

class Scene implements AsyncDisposable {
  readonly temp = new TempDir();
  readonly torrent: string = this.temp.join("a.torrent");
  readonly seed: string = this.temp.join("seed");
  readonly out: string = this.temp.join("out");

  static async make(): Promise<Scene> {
    const scene = new Scene();
    await Deno.mkdir(scene.seed);
    await writePayload(scene.seed, FILES);
    const made = await runBip([
      "create",
      `${scene.seed}/album`,
      "-o",
      scene.torrent,
      "--piece-length",
      "64KiB",
    ]);
    assertEquals(made.code, 0, made.stderr);
    return scene;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.temp[Symbol.asyncDispose]();
  }
}

Deno.test("bip seed serves bip download, with the permissions they name", async () => {
  await using scene = await Scene.make();
  await using seeder = startBip([
    "seed",
    scene.torrent,
    scene.seed,
    ...LOCAL,
    "--json",
  ], { permissions: ["--allow-net", `--allow-read=${scene.temp.path}`] });
  const { port } = await seeder.line("listening");
  const args = [
    "download",
    scene.torrent,
    "-o",
    scene.out,
    "--peer",
    `127.0.0.1:${port}`,
    "--timeout",
    "30",
    ...LOCAL,
  ];
  const permissions = [
    "--allow-net",
    `--allow-read=${scene.temp.path}`,
    `--allow-write=${scene.out}`,
  ];
  const { code, lines, stderr } = await runBip([...args, "--json"], {
    permissions,
  });
  assertEquals(code, 0, stderr);
  await comparePayload(scene.out, FILES);
  const types = new Set(lines.map((line) => line.type));
  for (const type of ["listening", "progress", "piece", "peer", "complete"]) {
    assert(types.has(type), type);
  }
  const complete = lines.find((line) => line.type === "complete")!;
  assertEquals(complete.bytes, 4 * MIB + 1);
  assertEquals(String(complete.infoHash).length, 40);
  assert(Number(complete.seconds) > 0);
  const left = [...Deno.readDirSync(scene.out)].map((entry) => entry.name);
  assertEquals(left, ["album"], "no state is left behind");
  // Once more: everything is there already; people see one line.
  const again = await runBip(args, { permissions });
  assertEquals(again.code, 0, again.stderr);
  assertEquals(again.lines, [], "stdout is for results only");
  assertStringIncludes(again.stderr, "Complete: album, 4.00 MiB in");
});

Deno.test("bip download fetches only the chosen files", async () => {
  await using scene = await Scene.make();
  await using seeder = startBip([
    "seed",
    scene.torrent,
    scene.seed,
    ...LOCAL,
    "--json",
  ]);
  const { port } = await seeder.line("listening");
  const { code, stderr } = await runBip([
    "download",
    scene.torrent,
    "-o",
    scene.out,
    "--files",
    "b*.bin",
    "--peer",
    `127.0.0.1:${port}`,
    "--timeout",
    "30",
    "-q",
    ...LOCAL,
  ]);
  assertEquals(code, 0, stderr);
  assertEquals(stderr, "");
  await comparePayload(scene.out, { "album/b ü.bin": MIB });
  const names = [...Deno.readDirSync(`${scene.out}/album`)].map((e) => e.name);
  assertEquals(names, ["b ü.bin"]);
});

Deno.test("bip download stops at Ctrl-C, keeps its work, and goes on", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using scene = await Scene.make();
  await using seeder = startBip([
    "seed",
    scene.torrent,
    scene.seed,
    ...LOCAL,
    "--json",
  ]);
  const { port } = await seeder.line("listening");
  const args = [
    "download",
    scene.torrent,
    "-o",
    scene.out,
    "--peer",
    `127.0.0.1:${port}`,
    "--json",
    ...LOCAL,
  ];
  await using first = startBip([...args, "--down-limit", "1M"]);
  await first.line("piece", (line) => line.good === true);
  const at = performance.now();
  first.kill("SIGINT");
  assertEquals((await first.result).code, 130);
  assert(performance.now() - at < 5000);
  const second = await runBip([...args, "--timeout", "30"]);
  assertEquals(second.code, 0, second.stderr);
  await comparePayload(scene.out, FILES);
  const complete = second.lines.find((line) => line.type === "complete")!;
  assert(
    Number(complete.downloaded) < 4 * MIB,
    "the first run's work was kept",
  );
});

Deno.test("bip download and seed name what is wrong, each with its exit code", async () => {
  await using scene = await Scene.make();
  const bad = scene.temp.join("bad.torrent");
  await Deno.writeTextFile(bad, "d4:infoi1ee");
  const download = ["download", scene.torrent, "-o", scene.out];
  const cases: [string[], number, string][] = [
    [["download", scene.torrent], 2, "needs -o DIR"],
    [[...download, "--peer", "nonsense"], 2, "--peer must be HOST:PORT"],
    [[...download, "--down-limit", "fast"], 2, "--down-limit must be a size"],
    [[...download, "--files", "9"], 2, "--files asks for 9"],
    [[...download, "--listen", "here"], 2, "--listen must be an IP address"],
    [["download", bad, "-o", scene.out], 4, "info"],
    [["download", "magnet:?dn=x", "-o", scene.out], 4, "magnet"],
    [["download", scene.temp.join("no"), "-o", scene.out], 6, "no such file"],
    [
      [...download, "--no-trackers", "--no-dht", "--no-lpd"],
      5,
      "nobody to ask",
    ],
    [[...download, ...LOCAL, "--timeout", "0.3"], 5, "Not complete after"],
    [
      ["seed", scene.torrent, scene.temp.path, ...LOCAL],
      3,
      "Cannot seed: 0 of 65",
    ],
  ];
  for (const [args, code, text] of cases) {
    const result = await runBip(args);
    assertEquals(result.code, code, `${args.join(" ")}: ${result.stderr}`);
    assertStringIncludes(result.stderr, text);
    assertEquals(result.stderr.includes("    at "), false, "no stack trace");
  }
  const json = await runBip([
    ...download,
    ...LOCAL,
    "--timeout",
    "0.3",
    "--json",
  ]);
  const error = json.lines.find((line) => line.type === "error");
  assertEquals(error?.code, "timeout");
});

Deno.test("bip download --list shows the files and fetches nothing", async () => {
  await using scene = await Scene.make();
  const { code, lines } = await runBip(["download", scene.torrent, "--list"]);
  assertEquals(code, 0);
  assertEquals(lines.length, 3);
  assertStringIncludes(String(lines[1]!.text), "album/b ü.bin");
  const json = await runBip(["download", scene.torrent, "--list", "--json"]);
  assertEquals(json.lines[0], {
    type: "file",
    index: 1,
    path: "album/a.bin",
    length: 3 * MIB + 1,
  });
});
