import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { TorrentHost } from "../../../client/content/torrent_host.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { Upload } from "../../../client/content/upload.ts";
import type { AddTorrentOptions } from "../../../client/types.ts";
import { UploadSlots } from "../../../client/limits/upload_slots.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { Choker } from "../../../select/choker.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

/** A peer of which nothing but its choke matters. */
function fakePeer(key: number, queuedRequests = 0) {
  const state = {
    amChoking: true,
    peerInterested: true,
    snubbed: false,
  };
  const taken = { rate: 0 };
  const connection = {
    state,
    queuedRequests,
    isClosed: false,
    peerHas: { length: 0, count: 0 },
    stats: () => ({ downloadRate: 0, uploadRate: taken.rate, uploaded: 0 }),
    choke: () => void (state.amChoking = true),
    unchoke: () => void (state.amChoking = false),
    sendBlock: () => true,
  };
  const peer = { key, connection, since: 0 } as unknown as SwarmPeer;
  return { peer, state, taken };
}

function makeUpload(
  peers: Map<number, SwarmPeer>,
  clock: SimClock,
  isComplete: boolean,
  options: AddTorrentOptions = {},
  slots: number | "rate-based" = 4,
): Upload {
  const uploadSlots = new UploadSlots({ slots, limit: () => Infinity });
  const context = { clock, random: seededRandom(1), options: {}, uploadSlots };
  const content = {
    torrent: {
      peers,
      context,
      options,
      limits: { upload: new RateLimiter({ clock }) },
      isComplete,
    } as unknown as TorrentHost,
    layout: { pieceSize: () => 16_384 } as never,
    storage: {
      have: new Bitfield(8),
      readBlock: () => new Uint8Array(16_384),
    } as never,
  };
  return new Upload(content, {
    tellsAll: true,
    view: {
      pieceCount: 8,
      have: new Bitfield(8),
      random: seededRandom(1),
      hasPiece: () => false,
      availability: () => 1,
    },
  });
}

for (const seeding of [true, false]) {
  Deno.test(
    `slots of those who drip count for none while ${
      seeding ? "seeding" : "leeching"
    }`,
    none,
    async () => {
      const clock = new SimClock();
      await clock.advance(100_000);
      const peers = new Map<number, SwarmPeer>();
      const upload = makeUpload(peers, clock, seeding);
      upload.start();
      const drippers = Array.from({ length: 12 }, (_, i) => fakePeer(i));
      const takers = Array.from({ length: 6 }, (_, i) => fakePeer(100 + i));
      const add = ({ peer }: { peer: SwarmPeer }) => {
        peers.set(peer.key, peer);
        upload.addPeer(peer);
      };
      const pass = async (seconds: number) => {
        for (let i = 0; i < seconds; i++) {
          await clock.advance(1_000);
          upload.tick(clock.now());
          for (const { peer, state, taken } of [...drippers, ...takers]) {
            if (state.amChoking || !peers.has(peer.key)) continue;
            taken.rate = peer.key < 100 ? 2_000 : 200_000;
            upload.handle(peer, {
              type: "serve",
              request: { pieceIndex: 0, blockOffset: 0, length: 16_384 },
            });
          }
        }
      };
      const served = (list: typeof takers) =>
        list.filter(({ state }) => !state.amChoking).length;
      drippers.forEach(add);
      await pass(3);
      assertEquals(served(drippers), 4);
      await pass(30);
      assertEquals(served(drippers), 12);
      // Nobody waits behind them, and real downloaders are counted.
      takers.forEach(add);
      await pass(12);
      // The newest of them has a slot without merit, and its speed earns it one.
      assertEquals(
        [served(drippers), served(takers)],
        seeding ? [11, 5] : [12, 4],
      );
      upload.stop();
    },
  );
}

for (const seeding of [true, false]) {
  Deno.test(
    `idlers lose their slots while ${
      seeding ? "seeding" : "leeching"
    }, and get them back last`,
    none,
    async () => {
      const clock = new SimClock();
      const peers = new Map<number, SwarmPeer>();
      const upload = makeUpload(peers, clock, seeding);
      upload.start();
      const idlers = Array.from({ length: 12 }, (_, i) => fakePeer(i));
      const honest = Array.from({ length: 3 }, (_, i) => fakePeer(100 + i));
      const add = ({ peer }: { peer: SwarmPeer }) => {
        peers.set(peer.key, peer);
        upload.addPeer(peer);
      };
      idlers.forEach(add);
      let clockMs = 0;
      const pass = async (seconds: number) => {
        for (let i = 0; i < seconds; i++) {
          await clock.advance(1_000);
          clockMs += 1_000;
          upload.tick(clock.now());
          for (const { peer, state } of honest) {
            if (state.amChoking || !peers.has(peer.key)) continue;
            upload.handle(peer, {
              type: "serve",
              request: { pieceIndex: 0, blockOffset: 0, length: 16_384 },
            });
          }
        }
      };
      await pass(1);
      assertEquals(idlers.filter(({ state }) => !state.amChoking).length, 4);
      honest.forEach(add);
      // Each idler holds a slot for two seconds, in a trade for some twelve.
      await pass(seeding ? 9 : 50);
      const served = () => honest.map(({ state }) => !state.amChoking);
      assertEquals(served(), [true, true, true]);
      // And it stays so: a peer that wasted a slot does not take one from others.
      let lost = 0;
      for (let i = 0; i < 100; i++) {
        await pass(1);
        lost += served().filter((isServed) => !isServed).length;
      }
      assert(lost === 0, `${lost} seconds lost by ${clockMs} ms`);
      upload.stop();
    },
  );
}

Deno.test(
  "peers are chosen anew every ten seconds, and when one leaves",
  none,
  async () => {
    const clock = new SimClock();
    const peers = new Map<number, SwarmPeer>();
    let choices = 0;
    const choker: Choker = {
      name: "first come",
      optimistic: new Set(),
      tick(_now, list, slots) {
        choices++;
        return new Set(list.slice(0, slots).map(({ key }) => key));
      },
    };
    const upload = makeUpload(peers, clock, false, { choker: () => choker });
    const made = [1, 2, 3, 4, 5].map((key) => fakePeer(key, 1));
    for (const { peer } of made) peers.set(peer.key, peer);
    upload.start();
    const pass = async (seconds: number) => {
      for (let i = 0; i < seconds; i++) {
        await clock.advance(1_000);
        upload.tick(clock.now());
      }
    };
    await pass(9);
    assertEquals(choices, 1);
    await pass(1);
    assertEquals(choices, 2);
    const given = () => made.map(({ state }) => !state.amChoking);
    assertEquals(given(), [true, true, true, true, false]);
    peers.delete(1);
    upload.removePeer(made[0]!.peer);
    await clock.advance(0);
    assertEquals([choices, given()[4]], [3, true]);
    // One that had no slot leaves none.
    peers.delete(9);
    upload.removePeer(fakePeer(9).peer);
    await clock.advance(0);
    assertEquals(choices, 3);
    upload.stop();
  },
);

Deno.test(
  "slots are those of the torrent, as far as the session has them",
  none,
  async () => {
    for (
      const [own, all, leeching, seeding] of [
        [5, 4, 4, 4],
        [2, 4, 2, 2],
        [undefined, 20, 20, 20],
        // By rate there are fewer in a trade.
        ["rate-based", 20, 4, 8],
        [undefined, "rate-based", 4, 8],
        [3, "rate-based", 3, 3],
      ] as const
    ) {
      const given: unknown[] = [];
      const choker = (): Choker => ({
        name: "spy",
        optimistic: new Set(),
        tick: (_now, _list, slots) => (given.push(slots), new Set()),
      });
      for (const isComplete of [false, true]) {
        const clock = new SimClock();
        const peers = new Map<number, SwarmPeer>();
        for (let i = 0; i < 30; i++) peers.set(i, fakePeer(i).peer);
        const options = { choker, uploadSlots: own };
        const upload = makeUpload(peers, clock, isComplete, options, all);
        upload.start();
        await clock.advance(0);
        upload.stop();
      }
      assertEquals(given, [leeching, seeding], `${own} ${all}`);
    }
  },
);
