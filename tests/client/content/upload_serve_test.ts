// When peers are chosen anew, what counts as use of a slot, and what is sent.
import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { TorrentHost } from "../../../client/content/torrent_host.ts";
import { Upload } from "../../../client/content/upload.ts";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import type { SlotUser } from "../../../client/limits/upload_slots.ts";
import type { SwarmPeer } from "../../../client/peers/swarm_peer.ts";
import type { ChokerPeer } from "../../../select/choker.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const BLOCK = 16_384;

/** An upload whose choker, slots and disk are the test's. */
function setUp(
  options: {
    isComplete?: boolean;
    bytesPerSecond?: number;
    slots?: number;
    tellsAll?: boolean;
  } = {},
) {
  const { isComplete = false, bytesPerSecond, slots } = options;
  const { tellsAll = true } = options;
  const clock = new SimClock();
  const peers = new Map<number, SwarmPeer>();
  const log: unknown[] = [];
  const choices: { slots: number; list: readonly ChokerPeer[] }[] = [];
  const users: SlotUser[] = [];
  const chosen = new Set<number>();
  const disk = { read: (length: number) => new Uint8Array(length).fill(1) } as {
    read: (length: number) => Uint8Array | Promise<Uint8Array>;
  };
  const limit = new RateLimiter({ clock, bytesPerSecond });
  const upload = new Upload({
    torrent: {
      peers,
      isComplete,
      options: {
        ...(slots === undefined ? {} : { uploadSlots: slots }),
        choker: () => ({
          name: "spy",
          optimistic: new Set(),
          tick(_now: number, list: readonly ChokerPeer[], slots: number) {
            choices.push({ slots, list });
            return new Set(chosen);
          },
        }),
      },
      limits: { upload: limit },
      context: {
        clock,
        random: seededRandom(1),
        options: {},
        uploadSlots: {
          isByRate: false,
          share: (_: unknown, user: SlotUser) => (users.push(user), 4),
          release: () => log.push("released"),
        },
      },
    } as unknown as TorrentHost,
    layout: { pieceSize: (i: number) => i === 1 ? 20_000 : BLOCK } as never,
    storage: {
      have: new Bitfield(2),
      readBlock: (_: number, __: number, length: number) => disk.read(length),
    } as never,
  }, {
    tellsAll,
    view: {
      pieceCount: 2,
      have: new Bitfield(2),
      random: seededRandom(1),
      hasPiece: () => false,
      availability: () => 1,
    },
  });
  const looks: number[] = [];
  upload.firstCopies.look = (now) => void looks.push(now);
  const add = (key: number, interested = true, fast = true) => {
    const state = {
      amInterested: false,
      peerInterested: interested,
      snubbed: false,
    };
    const rates = { uploadRate: 0 };
    const connection = {
      state,
      queuedRequests: 0,
      isClosed: false,
      takes: true,
      peerHas: { length: 0, count: 0 },
      stats: () => ({ downloadRate: 0, uploaded: 0, downloaded: 0, ...rates }),
      choke: () => {},
      unchoke: () => log.push(`unchoke ${key}`),
      suggest: (i: number) => log.push(`suggest ${i} to ${key}`),
      rejectRequest: () => log.push(`reject ${key}`),
      sendBlock(_: unknown, data: Uint8Array) {
        const sum = data.reduce((sum, byte) => sum + byte, 0);
        log.push(`${key}: ${sum} of ${data.length}`);
        return connection.takes;
      },
    };
    const peer = { key, connection, fast, since: 0 } as unknown as SwarmPeer;
    peers.set(key, peer);
    upload.addPeer(peer);
    const ask = (pieceIndex = 0, blockOffset = 0, length = BLOCK) =>
      upload.handle(peer, {
        type: "serve",
        request: { pieceIndex, blockOffset, length },
      });
    return { peer, connection, rates, state, ask };
  };
  const told = async () => {
    await drain();
    return log.splice(0);
  };
  /** How many slots were given to the choker in the last round, if any. */
  const slotsAt = async (now: number) => {
    const before = choices.length;
    await clock.advance(now - clock.now());
    upload.tick(clock.now());
    await drain();
    return choices.length > before ? choices.at(-1)!.slots : undefined;
  };
  return {
    upload,
    clock,
    peers,
    choices,
    users,
    chosen,
    disk,
    limit,
    add,
    told,
    slotsAt,
    looks,
  };
}

Deno.test(
  "Upload chooses anew when things change, once for all at a time",
  none,
  async () => {
    const { upload, choices, add } = setUp();
    const times = async () => {
      await drain();
      return choices.splice(0).length;
    };
    const { peer } = add(1);
    upload.completeChanged();
    assertEquals(await times(), 0);
    upload.start();
    upload.completeChanged();
    assertEquals(await times(), 1);
    add(2);
    assertEquals(await times(), 1);
    add(3, false);
    assertEquals(await times(), 0);
    upload.completeChanged();
    assertEquals(await times(), 1);
    for (const type of ["interested", "not-interested"] as const) {
      upload.handle(peer, { type });
      assertEquals(await times(), 1, type);
    }
    upload.completeChanged();
    upload.stop();
    upload.tick(1e9);
    assertEquals(await times(), 0);
  },
);

Deno.test(
  "Upload has first copies looked at with every choice, and every second while somebody is served",
  none,
  async () => {
    const { upload, looks, clock, add, chosen } = setUp();
    upload.tick(0);
    assertEquals(looks, []);
    upload.start();
    await drain();
    assertEquals(looks, [0]);
    await clock.advance(1_000);
    upload.tick(1_000);
    assertEquals(looks, [0]);
    chosen.add(1);
    add(1);
    await drain();
    assertEquals(looks, [0, 1_000]);
    await clock.advance(1_000);
    upload.tick(2_000);
    assertEquals(looks, [0, 1_000, 2_000]);
    upload.stop();
    upload.tick(3_000);
    assertEquals(looks, [0, 1_000, 2_000]);
  },
);

Deno.test(
  "Upload suggests what nobody else has as a seed that tells all, before it unchokes",
  none,
  async () => {
    for (
      const [options, fast, suggests] of [
        [{ isComplete: true }, true, true],
        [{ isComplete: false }, true, false],
        [{ isComplete: true, tellsAll: false }, true, false],
        [{ isComplete: true }, false, false],
      ] as const
    ) {
      const { upload, add, chosen, told } = setUp(options);
      const asked: number[] = [];
      upload.firstCopies.suggest = (peer) => (asked.push(peer), [7]);
      const { ask } = add(1, true, fast);
      chosen.add(1);
      upload.start();
      const expected = suggests ? ["suggest 7 to 1"] : [];
      assertEquals(await told(), [...expected, "unchoke 1"]);
      ask();
      const sent = (await told()).filter((line) => `${line}`.startsWith("sug"));
      assertEquals(sent, expected);
      assertEquals(asked.length, suggests ? 2 : 0);
      upload.stop();
    }
  },
);

Deno.test("Upload tells the choker what a peer is to us", none, async () => {
  const { upload, add, choices } = setUp();
  upload.firstCopies.keeps = (peer) => peer === 2;
  add(1).state.amInterested = true;
  add(2);
  upload.start();
  await drain();
  assertEquals(
    choices[0]!.list.map(({ wanted, keeps }) => [wanted, keeps]),
    [[true, false], [false, true]],
  );
});

Deno.test(
  "Upload tells the choker how far peers are, and counts who wants a slot",
  none,
  async () => {
    const { upload, add, choices, users, chosen, clock } = setUp({ slots: 3 });
    add(1).connection.peerHas = { length: 8, count: 2 };
    add(2, false);
    add(3);
    upload.start();
    await drain();
    assertEquals(choices[0]!.list.map(({ progress }) => progress), [
      0.25,
      0,
      0,
    ]);
    assertEquals(users.map(({ demand }) => demand), [2]);
    assertEquals(choices[0]!.slots, 3);
    add(4);
    add(5);
    await drain();
    assertEquals([users.at(-1)!.demand, choices.length], [3, 2]);
    // A peer that made no use of a slot wants none.
    chosen.add(1).add(3);
    upload.completeChanged();
    await drain();
    await clock.advance(11_000);
    upload.tick(clock.now());
    await drain();
    const unused = choices.at(-1)!.list.map(({ unused }) => unused);
    assertEquals(unused, [true, false, true, false, false]);
    assertEquals(users.at(-1)!.demand, 2);
  },
);

Deno.test(
  "Upload: slots that nobody uses count for none after two seconds, of a seed",
  none,
  async () => {
    for (const isComplete of [true, false]) {
      const { upload, add, chosen, slotsAt, choices, clock } = setUp({
        isComplete,
      });
      const one = add(1);
      chosen.add(1);
      upload.start();
      await drain();
      assertEquals(choices[0]!.slots, 4);
      assertEquals(await slotsAt(1_999), undefined);
      assertEquals(await slotsAt(2_000), isComplete ? 5 : undefined);
      assertEquals(await slotsAt(3_000), undefined);
      // It asks after all: there is one slot too many.
      one.ask();
      await drain();
      assertEquals(choices.at(-1)!.slots, 4);
      assertEquals(choices.length, isComplete ? 3 : 1);
      one.ask();
      await drain();
      assertEquals(choices.length, isComplete ? 3 : 1);
      assertEquals(clock.now(), 3_000);
    }
  },
);

Deno.test(
  "Upload: a slot by which little is taken counts for none after five seconds",
  none,
  async () => {
    for (
      const [uploadRate, queued, isLight] of [
        [4_095, 0, true],
        [4_096, 0, false],
        [4_095, 1, false],
      ] as const
    ) {
      const { upload, add, chosen, slotsAt, choices } = setUp();
      const one = add(1);
      one.rates.uploadRate = uploadRate;
      one.connection.queuedRequests = queued;
      chosen.add(1);
      upload.start();
      await drain();
      for (const now of [1_000, 2_000, 3_000, 4_000, 4_999]) {
        one.ask();
        assertEquals(await slotsAt(now), undefined);
      }
      one.ask();
      assertEquals(await slotsAt(5_000), isLight ? 5 : undefined);
      // What it asks for now and then changes nothing about that.
      const count = choices.length;
      one.ask();
      await drain();
      assertEquals(choices.length, count);
      upload.completeChanged();
      await drain();
      assertEquals(choices.at(-1)!.slots, isLight ? 5 : 4);
    }
  },
);

Deno.test(
  "Upload: a slot is unused after eleven seconds without a request",
  none,
  async () => {
    const { upload, add, chosen, slotsAt, choices, peers } = setUp();
    const idle = add(1);
    const waits = add(2);
    waits.connection.queuedRequests = 1;
    const shy = add(3);
    add(4);
    for (const key of [1, 2, 3, 4]) chosen.add(key);
    upload.start();
    await drain();
    shy.state.peerInterested = false;
    // Gone, and nobody said so yet.
    peers.delete(4);
    idle.ask();
    await slotsAt(1);
    const unused = () =>
      choices.at(-1)!.list.filter(({ unused }) => unused).map(({ key }) => key);
    await slotsAt(10_000);
    assertEquals(await slotsAt(11_000), undefined);
    assertEquals(await slotsAt(11_001), 4);
    assertEquals(unused(), [1]);
    // Once it asks again it has its slot as others have.
    idle.ask();
    upload.completeChanged();
    await drain();
    assertEquals(unused(), []);
    // What waited at 11000 has as long again.
    waits.connection.queuedRequests = 0;
    await slotsAt(21_001);
    assertEquals(await slotsAt(21_999), undefined);
    await slotsAt(22_000);
    assertEquals(unused(), [2]);
  },
);

Deno.test(
  "Upload sends what is asked for, filled up where a piece ends",
  none,
  async () => {
    const { add, told, disk, upload } = setUp();
    const one = add(1);
    one.ask();
    one.ask(1, BLOCK);
    one.ask(1, 20_000);
    one.ask(1, 19_999);
    one.ask(1, 20_001);
    assertEquals(await told(), [
      "1: 16384 of 16384",
      "1: 3616 of 16384",
      "reject 1",
      "1: 1 of 16384",
      "reject 1",
    ]);
    assertEquals(upload.rate > 0, true);
    disk.read = (length) => Promise.resolve(new Uint8Array(length).fill(1));
    one.ask();
    assertEquals(await told(), ["1: 16384 of 16384"]);
    for (
      const read of [
        () => Promise.reject(new Error("It is gone")),
        () => {
          throw new Error("It is closed");
        },
      ]
    ) {
      disk.read = read;
      one.ask();
      assertEquals(await told(), ["reject 1"]);
    }
    one.connection.isClosed = true;
    one.ask();
    assertEquals(await told(), []);
  },
);

Deno.test(
  "Upload has peers wait for the limit, each for one block at a time",
  none,
  async () => {
    const { add, told, clock, limit } = setUp({ bytesPerSecond: BLOCK });
    const [one, two] = [add(1), add(2)];
    const sent = "16384 of 16384";
    one.ask();
    assertEquals(await told(), [`1: ${sent}`]);
    for (let i = 0; i < 3; i++) one.ask();
    two.ask();
    assertEquals(await told(), []);
    await clock.advance(1_000);
    assertEquals(await told(), [`1: ${sent}`]);
    await clock.advance(1_000);
    assertEquals(await told(), [`2: ${sent}`]);
    await clock.advance(2_000);
    assertEquals(await told(), [`1: ${sent}`, `1: ${sent}`]);
    // Nobody waits any more: one more is sent at once.
    await clock.advance(1_000);
    two.ask();
    assertEquals(await told(), [`2: ${sent}`]);
    // What a peer waits for comes in order, also when the limit is lifted.
    one.ask(0, 0, 10);
    one.ask(0, 0, 20);
    limit.rate = Infinity;
    one.ask(0, 0, 30);
    const sizes = [10, 20, 30].map((size) => `1: ${size} of ${size}`);
    assertEquals(await told(), sizes);
  },
);

Deno.test(
  "Upload takes back from the limit what is not sent",
  none,
  async () => {
    for (const way of ["reject", "throw", "taken back"] as const) {
      const { add, told, disk, limit } = setUp({ bytesPerSecond: BLOCK });
      const one = add(1);
      one.connection.takes = false;
      if (way === "reject") disk.read = () => Promise.reject(new Error("Gone"));
      if (way === "throw") {
        disk.read = () => {
          throw new Error("Closed");
        };
      }
      one.ask();
      await told();
      assertEquals(limit.tryTake(1), true, way);
    }
    const { add, told, limit } = setUp({ bytesPerSecond: BLOCK });
    add(1).ask();
    await told();
    assertEquals(limit.tryTake(1), false);
  },
);
