import { assertEquals } from "@std/assert";
import { runBip } from "../support/bip.ts";
import { hasProgram, interopTest, startLibtorrent } from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

interface BipInfo {
  infoHashV1: string | null;
  infoHashV2: string | null;
  name: string;
  pieceLength: number;
  pieceCount: number;
  files: { path: string; length: number }[];
}

async function info(torrent: string): Promise<BipInfo> {
  const { code, lines, stderr } = await runBip(["info", torrent, "--json"]);
  assertEquals(code, 0, stderr);
  const text = lines.map((line) => line.text ?? JSON.stringify(line)).join(
    "\n",
  );
  return JSON.parse(text);
}

for (const version of ["v1", "v2", "hybrid"] as TorrentVersion[]) {
  for (const files of [undefined, 777_777]) {
    const kind = `${version} ${files === undefined ? "multi" : "single"}-file`;
    interopTest(`libtorrent reads our ${kind} torrent alike`, [
      "libtorrent",
    ], async () => {
      await using scene = await Scene.create({
        version,
        ...(files === undefined ? {} : { files }),
      });
      await using reader = startLibtorrent("hashes", scene.torrent);
      const theirs = await reader.line("hashes");
      const ours = await info(scene.torrent);
      assertEquals(ours.infoHashV1, theirs.v1);
      assertEquals(ours.infoHashV2, theirs.v2);
      assertEquals(ours.name, theirs.name);
      assertEquals(ours.pieceLength, theirs.pieceLength);
      assertEquals(ours.pieceCount, theirs.pieceCount);
      const list = theirs.files as { path: string; length: number }[];
      const byPath = (a: { path: string }, b: { path: string }) =>
        a.path < b.path ? -1 : 1;
      assertEquals(
        ours.files.map(({ path, length }) => ({ path, length })).sort(byPath),
        list.sort(byPath),
      );
    });
  }
}

interopTest("a torrent of mktorrent loads and verifies here", [
  "mktorrent",
  ...(hasProgram("libtorrent") ? ["libtorrent"] as const : []),
], async () => {
  await using scene = await Scene.create();
  const torrent = scene.temp.join("mk.torrent");
  const made = await new Deno.Command("mktorrent", {
    args: [
      "-l",
      "16",
      "-o",
      torrent,
      "-a",
      "http://127.0.0.1:1/announce",
      `${scene.seedDir}/${scene.name}`,
    ],
    stdin: "null",
    stdout: "null",
  }).output();
  assertEquals(made.success, true);
  const ours = await info(torrent);
  assertEquals(ours.name, scene.name);
  const verified = await runBip(["verify", torrent, scene.seedDir, "--json"]);
  assertEquals(verified.code, 0, verified.stderr);
  await using reader = startLibtorrent("hashes", torrent);
  assertEquals(ours.infoHashV1, (await reader.line("hashes")).v1);
});
