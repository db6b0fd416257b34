import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runBip, startBip } from "../../support/bip.ts";
import { bipCommand } from "../../support/bip_command.ts";
import { TempDir } from "../../support/paths.ts";
import { comparePayload } from "../../support/payload.ts";
import { ALONE, TransferScene } from "../../support/transfer.ts";
import { recorder } from "../../support/output.ts";

const MIB = 1024 * 1024;
const FILES = {
  "album/a.bin": 3 * MIB + 1,
  "album/b ü.bin": MIB,
  "album/none": 0,
};
Deno.test("bip seed serves bip download, with the permissions they name", async () => {
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve([
    "--allow-net",
    `--allow-read=${scene.temp.path}`,
  ]);
  const args = scene.download(seeder.port);
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
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve();
  const { code, stderr } = await runBip(
    scene.download(
      seeder.port,
      ...["--files", "album/none", "--files", "b*.bin", "-q"],
    ),
  );
  assertEquals(code, 0, stderr);
  assertEquals(stderr, "");
  await comparePayload(scene.out, { "album/b ü.bin": MIB, "album/none": 0 });
  const names = [...Deno.readDirSync(`${scene.out}/album`)].map((e) => e.name);
  assertEquals(names.sort(), ["b ü.bin", "none"]);
});

Deno.test("bip download stops at Ctrl-C, keeps its work, and goes on", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve();
  const args = scene.download(seeder.port, "--json");
  await using first = startBip([...args, "--down-limit", "1M"]);
  await first.line("piece", (line) => line.good === true);
  const at = performance.now();
  first.kill("SIGINT");
  assertEquals((await first.result).code, 130);
  assert(performance.now() - at < 5000);
  const second = await runBip(args);
  assertEquals(second.code, 0, second.stderr);
  await comparePayload(scene.out, FILES);
  const complete = second.lines.find((line) => line.type === "complete")!;
  assert(
    Number(complete.downloaded) < 4 * MIB,
    "the first run's work was kept",
  );
});

Deno.test("bip download and seed name what is wrong, each with its exit code", async () => {
  await using scene = await TransferScene.make(FILES);
  const bad = scene.temp.join("bad.torrent");
  await Deno.writeTextFile(bad, "d4:infoi1ee");
  const empty = scene.temp.join("empty.torrent");
  await Deno.writeTextFile(empty, "");
  const download = ["download", scene.torrent, "-o", scene.out];
  const cases: [string[], number, string][] = [
    [[...download, "--tracker", "ftp://x/"], 2, "--tracker must be"],
    [[...download, "--max-peers", "0"], 2, "--max-peers must be"],
    [["download", scene.temp.path, scene.torrent], 2, "-o "],
    [["download", scene.torrent, scene.temp.path], 2, "is a folder"],
    [["download", "-", "-"], 2, "- can be read only once"],
    [[...download, "--peer", "nonsense"], 2, "--peer must be HOST:PORT"],
    [[...download, "--down-limit", "fast"], 2, "--down-limit must be a rate"],
    [[...download, "--files", "9"], 2, "--files: there is no 9"],
    [
      [...download, "--files", "1", "--files", "c.bin"],
      2,
      '--files matches none of 3 files: "c.bin"',
    ],
    [[...download, "--listen", "here"], 2, "--listen must be an IP address"],
    [["download", bad, "-o", scene.out], 4, "info"],
    [["download", "magnet:?dn=x", "-o", scene.out], 4, "magnet"],
    [["download", scene.temp.join("no"), "-o", scene.out], 6, "no such file"],
    [
      ["download", "ftp://a.example/t"],
      2,
      "Cannot fetch torrents from ftp: URLs",
    ],
    [["download", empty], 4, "it is empty"],
    // The first of several that fails gives the code, also if one is left.
    [
      ["download", bad, scene.torrent, "-o", scene.out, "--timeout", "0.3"]
        .concat(ALONE),
      4,
      `${scene.torrent}: Not complete after`,
    ],
    [
      [...download, "--no-trackers", "--no-dht", "--no-lpd"],
      5,
      "No way to find peers",
    ],
    [[...download, ...ALONE, "--timeout", "0.3"], 5, "Not complete after"],
    [
      ["seed", scene.torrent, scene.temp.path, ...ALONE],
      3,
      "Cannot seed: 0 of 65",
    ],
    [["seed", scene.torrent, scene.temp.join("no"), ...ALONE], 6, "no such"],
    [["seed", scene.torrent, scene.torrent, ...ALONE], 6, "it is not a folder"],
    [
      ["download", scene.torrent, "-o", bad, ...ALONE],
      6,
      "a file is in its place",
    ],
    [
      [...download, "--listen", "192.0.2.1", "--no-dht", "--no-lpd"],
      6,
      "Cannot listen on 192.0.2.1:6881",
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
    ...ALONE,
    "--timeout",
    "0.3",
    "--json",
  ]);
  const error = json.lines.find((line) => line.type === "error");
  assertEquals(error?.code, "timeout");
  // Also before there is anything to tell of.
  const no = scene.temp.join("no");
  for (
    const [args, code] of [
      [["download", no], "not-found"],
      [["download", "magnet:?dn=x"], "missing-hash"],
      [[...download, "--files", "9"], "usage"],
      [["stream", no], "not-found"],
      [["seed", bad, no], "wrong-type"],
      [["seed", scene.torrent, no], "not-found"],
    ] as const
  ) {
    const { lines } = await runBip([...args, "--json", ...ALONE]);
    assertEquals(lines.length, 1, args.join(" "));
    assertEquals([lines[0]?.type, lines[0]?.code], ["error", code]);
  }
});

Deno.test("bip download stops at a Ctrl-C that comes at once", {
  permissions: { read: true, write: true, net: ["127.0.0.1"], sys: true },
}, async () => {
  // The command as a function: no peer, and the signal fired before it asks.
  const temp = new TempDir();
  await using _ = temp;
  const err: string[] = [];
  const controller = new AbortController();
  const { main } = await import("../../../cli/main.ts");
  const code = main(
    [
      "download",
      `magnet:?xt=urn:btih:${"a".repeat(40)}`,
      "-o",
      temp.path,
      "--peer",
      "127.0.0.1:1",
      "--timeout",
      "20",
      ...ALONE,
    ],
    recorder([], err),
    controller.signal,
  );
  await Promise.resolve();
  controller.abort(new DOMException("Interrupted", "AbortError"));
  assertEquals(await code, 130);
  assertEquals(err.length, 1, err.join());
  assertStringIncludes(err[0]!, ", no metadata yet;");
});

Deno.test("bip download keeps its work when the reader of --json leaves", async () => {
  await using scene = await TransferScene.make(FILES);
  await using seeder = await scene.serve();
  const child = bipCommand(
    scene.download(seeder.port, "--down-limit", "1M", "--json"),
    {
      permissions: ["--allow-net", "--allow-read", "--allow-write"],
      flags: ["--unstable-net"],
    },
  ).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; !text.includes('"piece"');) {
    const { value, done } = await reader.read();
    assert(!done, text);
    text += value;
  }
  await reader.cancel();
  const stderr = await new Response(child.stderr).text();
  assertEquals([(await child.status).code, stderr], [6, ""]);
  const left = [...Deno.readDirSync(scene.out)].map(({ name }) => name);
  assert(left.some((name) => name.endsWith(".bip-resume")), left.join());
});

Deno.test("bip download --list shows the files and fetches nothing", async () => {
  await using scene = await TransferScene.make(FILES);
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
  // Only those that are chosen, by the numbers that they have.
  const some = await runBip([
    "download",
    scene.torrent,
    "--list",
    "--json",
    "--files",
    "b*.bin",
    "--files",
    "3",
  ]);
  assertEquals(some.lines.map(({ index }) => index), [2, 3]);
  const none = await runBip(
    ["download", scene.torrent, "--list", "--files", "no such"],
  );
  assertEquals(none.code, 2, none.stderr);
});
