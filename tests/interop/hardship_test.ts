import { assert, assertEquals } from "@std/assert";
import { tryFromHex } from "../../_shared/bytes.ts";
import { runBip, startBip } from "../support/bip.ts";
import { RawSeeder } from "../support/raw_seeder.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { LOCAL, Scene } from "./scene.ts";
import { run } from "../support/process.ts";

const MIB = 1024 * 1024;

async function infoHash(torrent: string): Promise<Uint8Array> {
  const { lines } = await runBip(["info", torrent, "--json"]);
  const text = lines.map((l) => l.text ?? JSON.stringify(l)).join("\n");
  return tryFromHex(JSON.parse(text).infoHashV1)!;
}

interopTest("a download killed twenty times resumes to equal bytes", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({
    files: { "a.bin": 30 * MIB + 7, "b/ö.bin": 10 * MIB, "none": 0 },
    pieceLength: "64KiB",
  });
  await using seeder = startLibtorrent(
    "seed",
    scene.torrent,
    scene.seedDir,
    "--seconds",
    "300",
  );
  const { port } = await seeder.line("listening");
  const dir = scene.folder();
  const args = [
    "download",
    scene.torrent,
    "-o",
    dir,
    "--peer",
    `127.0.0.1:${port}`,
    "--no-trackers",
    ...LOCAL,
  ];
  let best = 0;
  for (let round = 0; round < 20; round++) {
    await using child = startBip([...args, "--down-limit", "6M"]);
    await child.line("listening");
    await new Promise((resolve) =>
      setTimeout(resolve, 50 + Math.random() * 500)
    );
    child.kill("SIGKILL");
    const { lines } = await child.result;
    for (const line of lines) {
      if (line.type === "progress") best = Math.max(best, Number(line.bytes));
    }
  }
  await using last = startBip([...args, "--timeout", "60"]);
  const { code, lines, stderr } = await last.result;
  assertEquals(code, 0, stderr);
  await scene.compare(dir);
  const complete = lines.find((line) => line.type === "complete")!;
  assert(best > 0, "the killed runs made progress");
  const fetched = Number(complete.downloaded);
  assert(
    fetched < 40 * MIB,
    `the last run fetched ${fetched} bytes: the others' work was kept`,
  );
});

interopTest("a seeder of corrupt blocks is banned and the download completes", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({
    files: { "a.bin": 12 * MIB + 5 },
    pieceLength: "64KiB",
  });
  await using liar = new RawSeeder({
    infoHash: await infoHash(scene.torrent),
    pieceCount: Math.ceil((12 * MIB + 5) / 65536),
    // Who is banned takes the address along: the honest seeder has another.
    hostname: "127.0.0.2",
    block: (_piece, _offset, length) => new Uint8Array(length).fill(0xaa),
  });
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const { port } = await seeder.line("listening");
  const dir = scene.folder();
  await using bip = startBip([
    "download",
    scene.torrent,
    "-o",
    dir,
    "--timeout",
    "60",
    "--no-trackers",
    "--down-limit",
    "8M",
    "--peer",
    `127.0.0.2:${liar.port}`,
    "--peer",
    `127.0.0.1:${port}`,
    ...LOCAL,
  ]);
  const { code, lines, stderr } = await bip.result;
  assertEquals(code, 0, stderr + JSON.stringify(lines.slice(-3)));
  await scene.compare(dir);
  assert(liar.served > 0, "the liar was asked");
  const banned = lines.filter((l) => l.type === "peer" && l.state === "banned");
  assertEquals(
    banned.map((line) => line.address),
    [`127.0.0.2:${liar.port}`],
  );
});

interopTest("a full disk stops with exit 6 and resumes after space is made", [
  "libtorrent",
], async () => {
  await using scene = await Scene.create({
    files: { "a.bin": 12 * MIB + 5, "b.bin": 3 * MIB },
    pieceLength: "256KiB",
  });
  await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
  const { port } = await seeder.line("listening");
  const dir = scene.folder();
  await run("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", dir);
  try {
    const args = [
      "download",
      scene.torrent,
      "-o",
      dir,
      "--timeout",
      "60",
      "--no-trackers",
      "--peer",
      `127.0.0.1:${port}`,
      ...LOCAL,
    ];
    const full = await runBip(args);
    assertEquals(full.code, 6, full.stderr);
    const error = full.lines.find((line) => line.type === "error");
    assertEquals(error?.code, "disk-full");
    await run("mount", "-o", "remount,size=64m", dir);
    const resumed = await runBip(args);
    assertEquals(resumed.code, 0, resumed.stderr);
    await scene.compare(dir);
    const complete = resumed.lines.find((line) => line.type === "complete")!;
    assert(
      Number(complete.downloaded) < 12 * MIB,
      "what was fetched before is kept",
    );
  } finally {
    await run("umount", dir);
  }
});
