// Peers that speak uTP only, in both directions.
import { assertEquals } from "@std/assert";
import { startBip } from "../support/bip.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { LOCAL, Scene, type TorrentVersion } from "./scene.ts";

for (const version of ["v1", "hybrid"] satisfies TorrentVersion[]) {
  interopTest(`download ${version} from libtorrent by uTP`, [
    "libtorrent",
  ], async () => {
    await using scene = await Scene.create({ version });
    await using seeder = startLibtorrent(
      "seed",
      scene.torrent,
      scene.seedDir,
      "--utp",
    );
    const { port } = await seeder.line("listening");
    const dir = scene.folder();
    await using bip = startBip([
      "download",
      scene.torrent,
      "-o",
      dir,
      "--timeout",
      "60",
      ...LOCAL,
      "--peer",
      `127.0.0.1:${port}`,
      "--no-trackers",
      "--utp",
      "both",
    ]);
    const { code, lines, stderr } = await bip.result;
    assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
    await scene.compare(dir);
  });

  interopTest(`seed ${version} to libtorrent by uTP`, [
    "libtorrent",
  ], async () => {
    await using scene = await Scene.create({ version });
    await using bip = startBip([
      "seed",
      scene.torrent,
      scene.seedDir,
      ...LOCAL,
      "--no-trackers",
    ]);
    const { port } = await bip.line("listening");
    const dir = scene.folder();
    await using leecher = startLibtorrent(
      "leech",
      scene.torrent,
      dir,
      "--peer",
      `127.0.0.1:${port}`,
      "--utp",
      "--seconds",
      "60",
    );
    const { code, lines } = await leecher.result;
    assertEquals(code, 0, JSON.stringify(lines) + bip.stderr);
    await scene.compare(dir);
  });
}
