// qBittorrent as it comes, and with encryption forced, in both directions.
import { assertEquals } from "@std/assert";
import { magnetLink, until } from "./discovery.ts";
import { interopTest, type Program } from "./programs.ts";
import { PORT, QBittorrent } from "./qbittorrent_host.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const PROGRAMS: readonly Program[] = ["qbittorrent-nox", "ip", "curl"];
/** Nobody but who is named. */
const ALONE = [
  ...["--no-dht", "--no-lpd", "--no-port-map", "--no-trackers", "--json"],
] as const;

/** Torrents, by file or by link. */
const KINDS: readonly [TorrentVersion, string][] = [
  ["v1", "file"],
  ["hybrid", "file"],
  ["v1", "magnet"],
];

for (const isForced of [false, true]) {
  const how = isForced ? "that forces encryption" : "as it comes";
  for (const [version, kind] of KINDS) {
    const sourceOf = async (scene: Scene) =>
      kind === "file" ? scene.torrent : await magnetLink(scene);
    interopTest(
      `download ${version} by ${kind} from qBittorrent ${how}`,
      PROGRAMS,
      async () => {
        await using scene = await Scene.create({ version });
        await using other = await QBittorrent.start(isForced);
        await other.add(scene.torrent, scene.seedDir, true);
        const dir = scene.folder();
        const { code, lines, stderr } = await other.startBip(
          ...["download", await sourceOf(scene), "-o", dir, ...ALONE],
          ...["--peer", `127.0.0.1:${PORT}`, "--timeout", "60"],
        ).result;
        assertEquals(code, 0, `${JSON.stringify(lines.slice(-3))}\n${stderr}`);
        await scene.compare(dir);
      },
    );

    interopTest(
      `seed ${version} by ${kind} to qBittorrent ${how}`,
      PROGRAMS,
      async () => {
        await using scene = await Scene.create({ version });
        await using other = await QBittorrent.start(isForced);
        const bip = other.startBip(
          ...["seed", scene.torrent, scene.seedDir, ...ALONE, "--port", "0"],
        );
        const { port } = await bip.line("listening");
        const dir = scene.folder();
        await other.add(await sourceOf(scene), dir, false);
        await other.addPeer(`127.0.0.1:${port}`);
        let errors = 0;
        await until("it has everything", async () => {
          const [torrent] = await other.all();
          // Of libtorrent 2.0's own making: see libtorrent_peer.py.
          if (torrent?.state === "error" && ++errors <= 2) await other.resume();
          return torrent?.progress === 1;
        }, 60_000);
        await until(
          "it is written",
          () => scene.compare(dir).then(() => true, () => false),
        );
      },
    );
  }
}
