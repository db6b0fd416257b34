// A swarm of one torrent that is made up: who is let in, told what, and let go.
import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { PeerConnectionEvent } from "../../../peer/mod.ts";
import { drain } from "../../../testing/sim_clock.ts";
import { infoHash, PIECES, setUpSwarm } from "./fake_swarm.ts";

const none = { permissions: "none" } as const;

const handshakeOf = (events: readonly PeerConnectionEvent[]) => {
  for (const event of events) {
    if (event.type === "extension-handshake") return event.handshake;
  }
  throw new Error("No extension handshake came");
};

Deno.test(
  "Swarm tells peers what the torrent and the session are",
  none,
  async () => {
    for (
      const [isPrivate, options, context, supported, port] of [
        [false, {}, {}, [true, true], 7000],
        [true, {}, {}, [false, false], undefined],
        [false, { pex: false }, {}, [false, false], 7000],
        [false, {}, { dialsUtp: false }, [true, false], 7000],
      ] as const
    ) {
      const { torrent, connect } = setUpSwarm({
        options: { clientVersion: "x 1", ...options },
        context: { dhtPort: 7000, listenPort: 6881, ...context },
      });
      torrent.isPrivate = isPrivate;
      torrent.isComplete = true;
      const { events, remote } = await connect("10.0.0.2", {
        bits: ["fast", "extension-protocol", "dht"],
      });
      const { clientVersion, listenPort, uploadOnly, metadataSize } =
        handshakeOf(events);
      assertEquals([clientVersion, listenPort, uploadOnly, metadataSize], [
        "x 1",
        6881,
        true,
        undefined,
      ]);
      assertEquals(
        [remote.supports("ut_pex"), remote.supports("ut_holepunch")],
        [...supported],
      );
      const told = events.find(({ type }) => type === "port");
      assertEquals(
        told,
        port === undefined ? undefined : { type: "port", port },
      );
      const deaf = await connect("10.0.0.3");
      assertEquals(deaf.types().includes("port"), false);
    }
    const plain = setUpSwarm({ options: { clientVersion: "" } });
    const { events } = await plain.connect("10.0.0.2");
    const handshake = handshakeOf(events);
    assertEquals([
      handshake.listenPort,
      handshake.clientVersion,
      handshake.uploadOnly,
    ], [
      undefined,
      undefined,
      undefined,
    ]);
  },
);

Deno.test(
  "Swarm grants pieces to a host once in half an hour",
  none,
  async () => {
    const { clock, torrent, content, connect } = setUpSwarm();
    torrent.content = content;
    const isGranted = async (hostname: string) => {
      const { remote, types } = await connect(hostname);
      await drain();
      const granted = types().includes("allowed-fast");
      await remote.close();
      return granted;
    };
    await clock.advance(1_000);
    assertEquals(await isGranted("10.0.0.2"), true);
    assertEquals(await isGranted("10.0.0.2"), false);
    assertEquals(await isGranted("10.0.0.3"), true);
    await clock.advance(30 * 60_000 - 1);
    assertEquals(await isGranted("10.0.0.2"), false);
    await clock.advance(1);
    assertEquals(await isGranted("10.0.0.2"), true);
    assertEquals(await isGranted("10.0.0.2"), false);
  },
);

Deno.test(
  "Swarm lets nobody in while it is stopped, nor whom it must not use",
  none,
  async () => {
    const { swarm, torrent, connect, told, list } = setUpSwarm();
    list.ban("10.0.0.4");
    const banned = await connect("10.0.0.4");
    assertEquals([banned.near.closed, swarm.peers.size], [true, 0]);
    torrent.isPrivate = true;
    const open = await connect("8.0.0.5", { source: "dht" });
    assertEquals([open.near.closed, swarm.peers.size], [true, 0]);
    assertEquals(await told("released"), [["released", 6881, "local"]]);
    await connect("8.0.0.6", { source: "tracker" });
    await connect("10.0.0.7");
    assertEquals(swarm.peers.size, 2);
    await swarm.stop();
    await told();
    assertEquals(swarm.peers.size, 0);
    const late = await connect("8.0.0.8", { source: "tracker" });
    assertEquals([late.near.closed, swarm.peers.size], [true, 0]);
    assertEquals(await told(), [["released", 6881, "stopped"]]);
  },
);

Deno.test(
  "Swarm bans a peer, and all of its network with IPv6",
  none,
  async () => {
    const { swarm, connect, told } = setUpSwarm();
    const bad = await connect("2a00::1");
    await connect("2a00::2");
    await connect("10.0.0.2");
    await told();
    swarm.ban(99, "Nobody");
    assertEquals(await told(), []);
    swarm.ban(bad.peer.key, "It lied");
    const lines = await told() as [
      string,
      { reason: string; address: Endpoint },
    ][];
    assertEquals(
      lines.map((
        [type, { reason, address }],
      ) => [type, reason, address.hostname]),
      [
        ["peer-banned", "It lied", "2a00::1"],
        ["peer-disconnected", "It lied", "2a00::1"],
        ["peer-disconnected", "It lied", "2a00::2"],
      ],
    );
    assertEquals(swarm.peers.size, 1);
  },
);

Deno.test(
  "Swarm drops those that a private torrent found by others, not those that came",
  none,
  async () => {
    const { swarm, connect, told, torrent } = setUpSwarm();
    await connect("8.0.0.1", { source: "dht" });
    await connect("8.0.0.2", { source: "tracker" });
    const came = await connect("10.0.0.3");
    // It says where it listens, of which others tell as well.
    came.peer.listening = { hostname: "8.0.0.4", port: 6881 };
    swarm.list.add({ infoHash, address: came.peer.listening, source: "dht" });
    // One that was dialled and says nothing of where it listens.
    const punched = await connect("8.0.0.5", { source: "dht" });
    punched.peer.listening = undefined;
    await told();
    torrent.isPrivate = true;
    swarm.setPrivate();
    const lines = await told("peer-disconnected") as [
      string,
      { reason: string; address: Endpoint },
    ][];
    assertEquals(
      lines.map(([, { reason, address }]) => [reason, address.hostname]),
      [
        ["The torrent is private", "8.0.0.1"],
      ],
    );
    assertEquals(swarm.peers.size, 3);
  },
);

Deno.test(
  "Swarm takes peers into the content once it is there",
  none,
  async () => {
    const { swarm, torrent, content, connect, told } = setUpSwarm();
    await connect("10.0.0.1");
    const taken = await connect("10.0.0.2");
    taken.peer.inPicker = true;
    swarm.contentReady();
    assertEquals(await told("in"), []);
    torrent.content = content;
    swarm.contentReady();
    assertEquals(await told("in"), [["in", 1]]);
    await connect("10.0.0.3");
    assertEquals(await told("in"), [["in", 3]]);
  },
);

Deno.test("Swarm serves hashes within the limit", none, async () => {
  const { torrent, content, connect } = setUpSwarm({ bytesPerSecond: 1_000 });
  torrent.content = content;
  torrent.metainfo = { infoHashV2: new Uint8Array(32) };
  content.hashes = {
    answer: () => ({ hashes: new Uint8Array(32 * 8), work: 0 }),
  };
  const { remote, types } = await connect("10.0.0.2", { remote: { v2: true } });
  types();
  const range = {
    piecesRoot: new Uint8Array(32),
    baseLayer: 0,
    index: 0,
    length: 8,
    proofLayers: 0,
  };
  assertEquals(remote.requestHashes(range), true);
  await drain();
  assertEquals(types(), ["hashes"]);
  // 100 bytes may pass at once: 156 are owed now.
  assertEquals(torrent.limits.upload.tryTake(1), false);
  remote.requestHashes({ ...range, index: 8 });
  await drain();
  assertEquals(types(), ["hash-reject"]);
});

Deno.test(
  "Swarm learns where a peer listens, what it has, and how much it takes",
  none,
  async () => {
    const { swarm, connect, list, torrent } = setUpSwarm();
    torrent.magnet = { infoHashV1: infoHash };
    const at = (hostname: string, port: number) =>
      list.sourceOf({ hostname, port });
    const one = await connect("8.0.0.1", {
      remote: {
        extensionFields: {
          clientVersion: "y 2",
          listenPort: 7000,
          requestQueue: 3,
        },
      },
    });
    assertEquals([one.peer.client, one.peer.isClaim], ["y 2", true]);
    assertEquals(one.peer.listening, { hostname: "8.0.0.1", port: 7000 });
    assertEquals(at("8.0.0.1", 7000), "incoming");
    assertEquals(one.peer.connection.requestWindow, 2);
    assertEquals(list.next(0), undefined);
    // A port that others would be led to, and one that is known.
    const two = await connect("8.0.0.2", {
      remote: { extensionFields: { listenPort: 22 } },
    });
    assertEquals(two.peer.listening, undefined);
    const three = await connect("8.0.0.3", {
      source: "tracker",
      remote: { extensionFields: { listenPort: 7000 } },
    });
    assertEquals(three.peer.listening!.port, 6881);
    assertEquals(at("8.0.0.3", 7000), undefined);
    await one.remote.close();
    await drain();
    assertEquals(list.next(1e9)?.address.port, 7000);
    assertEquals(swarm.peers.size, 2);
  },
);

Deno.test(
  "Swarm takes peers and nodes that others tell of, unless it is private",
  none,
  async () => {
    for (
      const [pex, isPrivate, isTold] of [
        [true, false, true],
        [true, true, false],
        [false, false, false],
      ] as const
    ) {
      const { connect, list, torrent, told } = setUpSwarm({ options: { pex } });
      const one = await connect("8.0.0.1", {
        bits: ["fast", "extension-protocol", "dht"],
      });
      torrent.isPrivate = isPrivate;
      one.remote.sendPex({
        added: [{ hostname: "8.8.8.8", port: 7000, flags: 0 }],
        dropped: [],
      });
      one.remote.sendPort(7001);
      const node = { hostname: "8.0.0.1", port: 7001 };
      assertEquals(await told("node"), isPrivate ? [] : [["node", node]]);
      const source = list.sourceOf({ hostname: "8.8.8.8", port: 7000 });
      assertEquals(source, isTold ? "pex" : undefined);
    }
  },
);

Deno.test(
  "Swarm files as a claim where a peer answered that is connected",
  none,
  async () => {
    const { swarm, connect, list } = setUpSwarm();
    const elsewhere = await connect("8.0.0.1");
    const dialled = await connect("8.0.0.2", { source: "tracker" });
    dialled.peer.listening = undefined;
    const known = await connect("8.0.0.2");
    known.peer.listening = { hostname: "8.0.0.2", port: 1 };
    const one = await connect("8.0.0.2");
    const next = await connect("8.0.0.2");
    const address = { hostname: "8.0.0.2", port: 7000 };
    const claims: unknown[] = [];
    list.claim = (where, change) => claims.push([where, change]);
    swarm.adopt(address);
    assertEquals(claims, [[address, 1]]);
    const listening = [elsewhere, dialled, known, one, next].map(({ peer }) =>
      peer.listening?.port
    );
    assertEquals(listening, [undefined, undefined, 1, 7000, undefined]);
    assertEquals(one.peer.isClaim, true);
  },
);

Deno.test(
  "Swarm leaves seeds once all is here, and notes which they are",
  none,
  async () => {
    const { swarm, connect, torrent, content, told, list } = setUpSwarm();
    torrent.content = content;
    const seeds: number[] = [];
    list.setSeed = ({ port }) => void seeds.push(port);
    const has = (ownPieces: Bitfield, uploadOnly = false) => ({
      remote: {
        ownPieces,
        ...(uploadOnly ? { extensionFields: { uploadOnly } } : {}),
      },
    });
    await connect("8.0.0.1", {
      source: "tracker",
      ...has(Bitfield.full(PIECES)),
    });
    await connect("8.0.0.2", has(Bitfield.full(PIECES)));
    await connect("8.0.0.3", has(new Bitfield(PIECES), true));
    await connect("8.0.0.4", has(new Bitfield(PIECES)));
    assertEquals([[...new Set(seeds)], swarm.peers.size], [[6881], 4]);
    torrent.isComplete = true;
    swarm.completeChanged();
    await told();
    assertEquals(
      [...swarm.peers.values()].map(({ address }) => address.hostname),
      [
        "8.0.0.4",
      ],
    );
    await connect("8.0.0.5", has(Bitfield.full(PIECES)));
    await drain();
    assertEquals(swarm.peers.size, 1);
  },
);

Deno.test("Swarm judges a connection by what came of it", none, async () => {
  for (
    const [downloaded, uploaded, ms, way, outcome, isJudged] of [
      [0, 0, 4_999, undefined, "useless", false],
      [0, 0, 5_000, undefined, "ended", false],
      [1, 0, 0, undefined, "ended", false],
      [5, 5, 0, undefined, "ended", false],
      [0, 0, 9_000, "isReplaced", "useless", true],
      [1, 0, 9_000, "isReplaced", "ended", false],
      [0, 0, 0, "isStopped", "stopped", false],
    ] as const
  ) {
    const { clock, connect, told, swarm } = setUpSwarm();
    await clock.advance(1e6);
    const { peer, remote } = await connect("8.0.0.1", { source: "tracker" });
    const stats = { ...peer.connection.stats(), downloaded, uploaded };
    peer.connection.stats = () => stats;
    assertEquals([swarm.downloadedBytes, swarm.uploadedBytes], [
      downloaded,
      uploaded,
    ]);
    if (way !== undefined) peer[way] = true;
    await clock.advance(ms);
    await told();
    await remote.close();
    assertEquals(await told("released", "judged"), [
      ...(isJudged ? [["judged", 6881, false]] : []),
      ["released", 6881, outcome],
    ]);
    assertEquals([swarm.downloadedBytes, swarm.uploadedBytes], [
      downloaded,
      uploaded,
    ]);
  }
  const { connect, told } = setUpSwarm();
  const { remote } = await connect("8.0.0.1");
  await told();
  await remote.close();
  const [[type, { reason }], ...rest] = await told() as [
    string,
    { reason: string },
  ][] as [[string, { reason: string }]];
  assertEquals([type, reason, rest], ["peer-disconnected", "remote", []]);
});

Deno.test(
  "Swarm drops whom the session has nothing to do with",
  none,
  async () => {
    const { connect, swarm } = setUpSwarm();
    await connect("10.9.9.9");
    await connect("10.0.0.1");
    swarm.dropBlocked();
    await drain();
    assertEquals(
      [...swarm.peers.values()].map(({ address }) => address.hostname),
      [
        "10.0.0.1",
      ],
    );
  },
);
