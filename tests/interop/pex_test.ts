// Peer exchange (BEP 11): one known peer leads to the seed; and what a private
// torrent (BEP 27) never tells.
import { assert, assertEquals } from "@std/assert";
import { Session } from "../../client/mod.ts";
import { startBip } from "../support/bip.ts";
import { RawPexPeer, Trap } from "../support/raw_pex_peer.ts";
import {
  atOnce,
  download,
  LOOPBACK,
  magnetLink,
  onlyFrom,
  readMetainfo,
  RecordingDht,
  seed,
  until,
} from "./discovery.ts";
import { interopTest, startLibtorrent } from "./programs.ts";
import { Scene, type TorrentVersion } from "./scene.ts";

const VERSIONS: readonly TorrentVersion[] = ["v1", "hybrid", "v2"];
/** So slow that who is in the middle has next to nothing. */
const SLOW = "20000";

interopTest("libtorrent in the middle tells us of the seed", [
  "libtorrent",
], () =>
  atOnce(VERSIONS, async (version) => {
    await using scene = await Scene.create({ version });
    // It hears of nobody: we have to dial it.
    await using seeder = startLibtorrent(
      ...["seed", scene.torrent, scene.seedDir, "--no-plugins"],
    );
    const { port } = await seeder.line("listening");
    const source = `127.0.0.1:${port}`;
    await using middle = startLibtorrent(
      ...["leech", scene.torrent, scene.folder(), "--peer", source],
      ...["--down-limit", SLOW, "--stay"],
    );
    const { port: known } = await middle.line("listening");
    const { lines } = await download(
      scene,
      await magnetLink(scene),
      ...onlyFrom("pex"),
      ...["--peer", `127.0.0.1:${known}`],
    );
    const met = lines.filter(({ type, state }) =>
      type === "peer" && state === "connected"
    );
    assert(met.some(({ address }) => address === source), JSON.stringify(met));
    assert(!middle.lines.some(({ type }) => type === "complete"));
  }));

interopTest("we in the middle tell libtorrent of the seed", [
  "libtorrent",
], () =>
  atOnce(VERSIONS, async (version) => {
    await using scene = await Scene.create({ version });
    await using seeder = startLibtorrent("seed", scene.torrent, scene.seedDir);
    const { port } = await seeder.line("listening");
    await using middle = startBip([
      ...["download", scene.torrent, "-o", scene.folder(), ...LOOPBACK],
      ...[...onlyFrom("pex"), "--peer", `127.0.0.1:${port}`],
      ...["--down-limit", SLOW],
    ]);
    const { port: known } = await middle.line("listening");
    await middle.line("peer", ({ state }) => state === "connected");
    const dir = scene.folder();
    await using leecher = startLibtorrent(
      ...["leech", await magnetLink(scene), dir, "--seconds", "45"],
      ...["--peer", `127.0.0.1:${known}`],
    );
    const { code, lines, stderr } = await leecher.result;
    assertEquals(code, 0, `${JSON.stringify(lines)}\n${stderr}`);
    await scene.compare(dir);
    assert(!middle.lines.some(({ type }) => type === "complete"));
  }));

for (const verb of ["seed", "download"] as const) {
  interopTest(
    `bip ${verb} tells nobody of a private torrent`,
    [],
    () =>
      atOnce([true, false], async (isPrivate) => {
        await using scene = await Scene.create({
          private: isPrivate,
          files: 100_000,
        });
        const { infoHash } = await readMetainfo(scene);
        await using dht = await RecordingDht.open();
        await using trap = new Trap();
        await using peer = new RawPexPeer({ infoHash, tells: trap.port });
        const args = [
          ...["--dht-node", dht.address, "--peer", `127.0.0.1:${peer.port}`],
          ...onlyFrom("dht", "pex"),
          // The peer knows no other handshake and waits for more bytes.
          ...["--encryption", "off"],
        ];
        await using _bip = verb === "seed" ? seed(scene, ...args) : startBip([
          ...["download", scene.torrent, "-o", scene.folder(), ...LOOPBACK],
          ...args,
        ]);
        await until("extension handshake", () => peer.extensions !== undefined);
        const spoke = () => [
          peer.extensions!.includes("6:ut_pex"),
          // Reserved bit and message PORT of the DHT (BEP 5).
          (peer.reserved![7]! & 1) !== 0,
          peer.messageIds.includes(9),
          trap.visitors > 0,
          dht.mentions(infoHash) > 0,
        ];
        if (isPrivate) {
          await new Promise((resolve) => setTimeout(resolve, 4000));
          assertEquals(spoke(), [false, false, false, false, false]);
          assertEquals(dht.received.length, 0, "not one datagram");
        } else {
          await until("all is told", () => !spoke().includes(false))
            .catch((error) => {
              throw new Error(`${error.message}: ${spoke()}`);
            });
        }
      }),
  );
}

interopTest(
  "a session with a DHT asks it only for public torrents",
  [],
  async () => {
    await using open = await Scene.create({ files: 100_000 });
    await using closed = await Scene.create({ files: 90_000, private: true });
    await using dht = await RecordingDht.open();
    await using session = await Session.open({
      listen: { hostname: "127.0.0.1", port: 0 },
      dht: { bootstrap: [dht.endpoint] },
    });
    const hashes: Uint8Array[] = [];
    for (const scene of [closed, open]) {
      const dir = scene.seedDir;
      const bytes = await Deno.readFile(scene.torrent);
      hashes.push(session.add(bytes, { dir, readOnly: true }).infoHash);
    }
    await dht.untilKnown(hashes[1]!);
    await until(
      "both are checked",
      () => session.torrents.every(({ state }) => state === "seeding"),
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));
    assert(dht.mentions(hashes[1]!) > 0);
    assertEquals(dht.mentions(hashes[0]!), 0);
  },
);
