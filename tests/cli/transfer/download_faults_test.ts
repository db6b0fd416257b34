import { assertEquals, assertStringIncludes } from "@std/assert";
import { bipArguments } from "../../support/bip_command.ts";
import { runBip, startBip } from "../../support/bip.ts";
import { TempDir } from "../../support/paths.ts";
import { Child } from "../../support/process.ts";

const SIZE = 200_000;
const LOCAL = ["--listen", "127.0.0.1", "--port", "0", "--no-dht", "--no-lpd"];

/** A torrent of one file, and the folder that has it. */
async function makeTorrent(dir: TempDir, ...args: string[]) {
  const seed = dir.join("seed");
  const torrent = dir.join("t.torrent");
  await Deno.mkdir(seed);
  await Deno.writeFile(`${seed}/file`, new Uint8Array(SIZE).fill(7));
  const { code, lines } = await runBip(
    ["create", `${seed}/file`, "-o", torrent, "--json", ...args],
  );
  assertEquals(code, 0);
  const document = JSON.parse(lines.map(({ text }) => text).join("\n"));
  return { seed, torrent, infoHash: String(document.infoHashV1) };
}

async function startSeed(torrent: string, seed: string) {
  const child = startBip(
    ["seed", torrent, seed, ...LOCAL, "--no-trackers", "--json"],
  );
  const { port } = await child.line("listening");
  await child.line("state", ({ state }) => state === "seeding");
  return { child, peer: `127.0.0.1:${port}` };
}

Deno.test(
  "bip download needs no resume data, and warns when it stops without",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using dir = new TempDir();
    const { seed, torrent, infoHash } = await makeTorrent(dir);
    const { child, peer } = await startSeed(torrent, seed);
    await using _ = child;
    const out = dir.join("out");
    // What is written beside the old data first cannot be opened.
    await Deno.mkdir(`${out}/.${infoHash}.bip-resume.tmp/full`, {
      recursive: true,
    });
    const args = ["download", torrent, "-o", out, "--peer", peer, ...LOCAL];
    await using slow = startBip([...args, "--down-limit", "20K", "--json"]);
    await slow.line("piece");
    slow.kill("SIGINT");
    const stopped = await slow.result;
    assertEquals(stopped.code, 130, stopped.stderr);
    const warning = stopped.lines.find(({ type }) => type === "warning");
    assertEquals(warning?.code, "resume-data");
    assertStringIncludes(String(warning?.message), "Cannot save what the");
    const { code, stderr } = await runBip([...args, "--timeout", "30"]);
    assertEquals(code, 0, stderr);
    assertEquals((await Deno.stat(`${out}/file`)).size, SIZE);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  },
);

Deno.test("bip download --timeout 0 gives up at once, without a word of the runtime", async () => {
  await using dir = new TempDir();
  const { torrent } = await makeTorrent(dir);
  const { code, stderr } = await runBip(
    [
      ...["download", torrent, "-o", dir.join("out"), "--timeout", "0"],
      ...LOCAL,
      "--no-trackers",
    ],
  );
  assertEquals(code, 5);
  assertEquals(stderr.trim().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, "Not complete after 0s");
});

Deno.test({
  name: "bip download below a limit of file size: one line, the last event",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using dir = new TempDir();
    const { seed, torrent } = await makeTorrent(dir);
    const { child, peer } = await startSeed(torrent, seed);
    await using _ = child;
    const words = [
      ...["download", torrent, "-o", dir.join("out"), "--peer", peer],
      ...["--timeout", "30", "--json", ...LOCAL],
    ];
    const args = bipArguments(words, {
      permissions: ["-A"],
      flags: ["--unstable-net"],
    });
    await using limited = new Child("sh", {
      // In blocks of 512 or 1024 bytes.
      args: ["-c", 'ulimit -f 64; exec "$@"', "sh", Deno.execPath(), ...args],
    });
    const { code, lines, stderr } = await limited.result;
    assertEquals(code, 6, stderr);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertEquals(lines.at(-1)?.type, "error");
    assertStringIncludes(String(lines.at(-1)?.message), "too large");
  },
});
