// Uses every driver of a module once and prints what came of each:
// MODULE BASE HTTP_URL UDP_URL TORRENT, where BASE is a folder with the file
// "here", the URLs are those of trackers, and TORRENT describes "here" in hex.
import { MainlineDht } from "../../dht/mod.ts";
import { NativeFileSystem } from "../../disk/mod.ts";
import { Handshaker } from "../../handshake/mod.ts";
import { HttpTrackerClient, HttpTrackerServer } from "../../htracker/mod.ts";
import { LocalDiscovery } from "../../lpd/mod.ts";
import { createMetainfo, parseMetainfo } from "../../metainfo/mod.ts";
import { Session } from "../../client/mod.ts";
import { Daemon } from "../../daemon/mod.ts";
import { TrackerStatsServer } from "../../tracker/mod.ts";
import { UdpTrackerClient, UdpTrackerServer } from "../../utracker/mod.ts";
import { PortMapper } from "../../portmap/mod.ts";
import { UtpTransport } from "../../utp/mod.ts";
import { WebSeed } from "../../webseed/mod.ts";

const [module, base, httpUrl, udpUrl, torrentHex] = Deno.args;
const hostname = "127.0.0.1";
const listen = { hostname, port: 0 };
const infoHash = new Uint8Array(20).fill(7);
const request = {
  infoHash,
  peerId: infoHash,
  port: 7001,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  key: 1,
};

type Use = () => Promise<void>;

/** By module: the uses of its drivers, by name. */
const USES: Readonly<Record<string, Readonly<Record<string, Use>>>> = {
  metainfo: {
    async createMetainfo() {
      await createMetainfo({ inputs: [{ path: `${base}/here` }] });
    },
  },
  disk: {
    async NativeFileSystem() {
      const files = new NativeFileSystem(base!);
      const file = await files.open(["new"], { write: true });
      await file.write(infoHash, 0);
      await file.close();
    },
  },
  handshake: {
    async "Handshaker listens"() {
      await using _handshaker = await Handshaker.open({ listen });
    },
    async "Handshaker connects"() {
      await using handshaker = await Handshaker.open();
      const address = { hostname, port: Number(new URL(httpUrl!).port) };
      const event = await handshaker.dial({ infoHash, address });
      // What answered is no peer, but it was reached.
      if (event.type === "failed" && event.reason === "connect-failed") {
        throw event.error;
      }
    },
  },
  dht: {
    async MainlineDht() {
      await using _dht = await MainlineDht.open({ hostname, bootstrap: [] });
    },
  },
  utracker: {
    async UdpTrackerServer() {
      await using _server = await UdpTrackerServer.open({ listen });
    },
    async UdpTrackerClient() {
      await using client = new UdpTrackerClient();
      await client.announce(udpUrl!, request);
    },
  },
  tracker: {
    async TrackerStatsServer() {
      await using _server = TrackerStatsServer.open({
        listen,
        read: () => Promise.reject(new Error("Nobody asks")),
      });
    },
  },
  htracker: {
    async HttpTrackerServer() {
      await using _server = HttpTrackerServer.open({ listen });
    },
    async HttpTrackerClient() {
      await using client = new HttpTrackerClient();
      await client.announce(httpUrl!, request);
    },
  },
  utp: {
    async UtpTransport() {
      using transport = new UtpTransport();
      using _listener = await transport.listen(listen);
    },
  },
  lpd: {
    async LocalDiscovery() {
      await using discovery = await LocalDiscovery.open();
      discovery.announce(infoHash, 7001);
    },
  },
  portmap: {
    async PortMapper() {
      await using _mapper = await PortMapper.open({
        ports: [{ protocol: "tcp", port: 6881 }],
        gateway: "127.0.0.1",
        local: "127.0.0.1",
      });
    },
  },
  webseed: {
    async WebSeed() {
      const torrent = parseMetainfo(Uint8Array.fromHex(torrentHex!));
      const { promise, resolve } = Promise.withResolvers<void>();
      await using seed = new WebSeed({
        url: httpUrl!,
        torrent,
        isNamed: true,
        onEvent: ({ type }) => type === "unserved" && resolve(),
      });
      seed.request([torrent.layout.block(0, 0)]);
      await promise;
      // A tracker has no files, but it was reached.
      const { message } = seed.status();
      if (/^Requires /.test(message!)) throw new Error(message);
    },
  },
  daemon: {
    async Daemon() {
      const session = {
        listen,
        dht: false,
        lpd: false,
        portMap: false,
      } as const;
      const state = `${base}/state-${Deno.pid}`;
      await using daemon = await Daemon.open({ state, dir: base!, session });
      await daemon.add(Uint8Array.fromHex(torrentHex!));
    },
    async "Room on a disk"() {
      await using daemon = await Daemon.open({
        state: ":memory:",
        session: { listen: false, dht: false, lpd: false, portMap: false },
      });
      await daemon.freeSpace(base!);
    },
  },
  client: {
    async Session() {
      await using session = await Session.open({ listen });
      const bytes = Uint8Array.fromHex(torrentHex!);
      const torrent = session.add(bytes, { dir: base!, readOnly: true });
      for await (const event of torrent.events()) {
        if (event.type === "error") throw event.error;
        if (event.type === "complete") break;
      }
    },
    async "Session with DHT"() {
      await using _session = await Session.open({
        listen,
        dht: { bootstrap: [] },
      });
    },
  },
};

for (const [name, use] of Object.entries(USES[module!]!)) {
  try {
    await use();
    console.log(JSON.stringify({ type: "worked", name }));
  } catch (error) {
    const { message } = error as Error;
    console.log(JSON.stringify({ type: "failed", name, message }));
  }
}
