import { assertEquals } from "@std/assert";
import type { ByteConnection } from "../../../_shared/byte_conn.ts";
import { PeerProtocolError } from "../../../peer/error.ts";
import {
  MessageChannel,
  type MessageChannelOptions,
} from "../../../peer/wire/message_channel.ts";
import { drain } from "../../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;
const HAVE_3 = [0, 0, 0, 5, 4, 0, 0, 0, 3];
const KEEP_ALIVE = [0, 0, 0, 0];

/** A channel, what it was asked and what it told, and the wire under it. */
function setUp(
  options: Partial<MessageChannelOptions<string>> = {},
  host: { chunkEnd?: () => Promise<void> | undefined; awaits?: boolean } = {},
) {
  const log: unknown[] = [];
  const queue: Uint8Array<ArrayBuffer>[] = [];
  const wire = {
    /** Ends the pending read. */
    give: (_bytes: number[] | null | Error) => {},
    /** Bytes that each write takes. */
    takes: Infinity,
    sizes: [] as number[],
    sent: [] as number[][],
    error: undefined as Error | undefined,
    closes: 0,
  };
  const connection = {
    read(buffer: Uint8Array) {
      wire.sizes.push(buffer.length);
      return new Promise<number | null>((resolve, reject) => {
        wire.give = (bytes) => {
          if (bytes instanceof Error) return reject(bytes);
          if (bytes !== null) buffer.set(bytes);
          resolve(bytes && bytes.length);
        };
      });
    },
    write(data: Uint8Array) {
      if (wire.error !== undefined) return Promise.reject(wire.error);
      const taken = data.slice(0, wire.takes);
      wire.sent.push([...taken]);
      return Promise.resolve(taken.length);
    },
    close: () => void wire.closes++,
  } as unknown as ByteConnection;
  const channel = new MessageChannel<string>({ connection, ...options }, {
    awaitsBlocks: () => host.awaits ?? false,
    onPause: (peer, paused) => void log.push([peer, paused]),
    onChunk: () => void log.push("chunk"),
    onMessage: (_, { type }) => void log.push(type),
    onChunkEnd(_, length, error) {
      log.push(error === undefined ? length : error.code);
      return host.chunkEnd?.();
    },
    waiting: () => queue.reduce((sum, { length }) => sum + length, 0),
    take() {
      const [first] = queue.splice(0, 1);
      return first!;
    },
    recycle: (_, bytes) => void log.push(`recycled ${bytes.length}`),
    onSent: (_, underWay) => void log.push(`under way ${underWay}`),
    onEnd: () => void log.push("end"),
    onError: (_, error) => void log.push((error as Error).message),
  }, "peer");
  const told = async () => {
    await drain();
    return log.splice(0);
  };
  return { channel, wire, queue, told };
}

Deno.test(
  "MessageChannel reads chunk by chunk",
  pure,
  async () => {
    const { channel, wire, told } = setUp();
    channel.start();
    assertEquals(wire.sizes, []);
    await told();
    wire.give(HAVE_3.slice(0, 4));
    assertEquals(await told(), ["chunk", 4]);
    wire.give([...HAVE_3.slice(4), ...KEEP_ALIVE]);
    assertEquals(await told(), ["chunk", "have", "keep-alive", 9]);
    // It grows as reads fill it, to its bound.
    wire.give(Array.from({ length: 512 }, () => 0));
    await told();
    assertEquals(wire.sizes, [512, 512, 512, 1_024]);
    wire.give(null);
    assertEquals(await told(), ["end"]);
    assertEquals(wire.sizes.length, 4);
  },
);

Deno.test(
  "MessageChannel reads large chunks while blocks are awaited",
  pure,
  async () => {
    for (const [most, size] of [[undefined, 16_384], [1_000, 1_000]] as const) {
      const { channel, wire, told } = setUp(
        { maxReadBuffer: most },
        { awaits: true },
      );
      channel.start();
      await told();
      assertEquals(wire.sizes, [size]);
      channel.close();
    }
  },
);

Deno.test(
  "MessageChannel tells of breaches and errors, and who is to blame",
  pure,
  async () => {
    const broken = setUp();
    broken.channel.start();
    await broken.told();
    broken.wire.give([0xff, 0xff, 0xff, 0xff]);
    assertEquals(await broken.told(), ["chunk", "too-long"]);
    const failed = setUp();
    failed.channel.start();
    await failed.told();
    failed.wire.give(new Error("Reset"));
    assertEquals(await failed.told(), ["Reset"]);
    assertEquals(failed.wire.sizes.length, 1);
    // An error of ours is none of the peer's.
    const own = setUp({}, {
      chunkEnd: () => {
        throw new PeerProtocolError("bad-bitfield", "Ours");
      },
    });
    own.channel.start();
    await own.told();
    own.wire.give(KEEP_ALIVE);
    assertEquals(await own.told(), ["chunk", "keep-alive", 4, "Ours"]);
  },
);

Deno.test(
  "MessageChannel asks before it reads, and waits for who takes a chunk",
  pure,
  async () => {
    const asked: number[] = [];
    const grants: (number | Promise<number>)[] = [100, 512, 600];
    const gate = Promise.withResolvers<number>();
    grants.push(gate.promise);
    const chunk = Promise.withResolvers<void>();
    let wait: Promise<void> | undefined = chunk.promise;
    const { channel, wire, told } = setUp({
      beforeRead: (wanted) => (asked.push(wanted), grants.shift()!),
    }, { chunkEnd: () => wait });
    channel.start();
    assertEquals(await told(), []);
    wire.give(KEEP_ALIVE);
    assertEquals(await told(), ["chunk", "keep-alive", 4, ["peer", true]]);
    assertEquals([wire.sizes, asked], [[100], [512]]);
    wait = undefined;
    chunk.resolve();
    assertEquals(await told(), [["peer", false]]);
    wire.give(KEEP_ALIVE);
    await told();
    wire.give(KEEP_ALIVE);
    // More is granted than is wanted: no more is read.
    assertEquals(wire.sizes, [100, 512, 512]);
    assertEquals(await told(), ["chunk", "keep-alive", 4, ["peer", true]]);
    gate.resolve(7);
    assertEquals(await told(), [["peer", false]]);
    assertEquals(wire.sizes, [100, 512, 512, 7]);
    channel.close();
  },
);

Deno.test(
  "MessageChannel writes what waits, bit by bit, one write at a time",
  pure,
  async () => {
    const { channel, wire, queue, told } = setUp();
    channel.flush();
    assertEquals([await told(), wire.sent], [[], []]);
    wire.takes = 2;
    queue.push(Uint8Array.of(1, 2, 3));
    channel.flush();
    channel.flush();
    assertEquals(wire.sent, []);
    queue.push(Uint8Array.of(4));
    assertEquals(await told(), [
      ...["under way 1", "under way 0", "recycled 3"],
      ...["under way 0", "recycled 1"],
    ]);
    assertEquals(wire.sent, [[1, 2], [3], [4]]);
    queue.push(Uint8Array.of(5));
    channel.flush();
    await told();
    assertEquals(wire.sent.at(-1), [5]);
    wire.error = new Error("Broken pipe");
    queue.push(Uint8Array.of(6));
    channel.flush();
    assertEquals(await told(), ["Broken pipe"]);
  },
);

Deno.test("MessageChannel calls nobody once it is closed", pure, async () => {
  for (const late of [KEEP_ALIVE, null, new Error("Interrupted")]) {
    const { channel, wire, queue, told } = setUp();
    channel.start();
    await told();
    channel.close();
    channel.close();
    wire.give(late);
    queue.push(Uint8Array.of(1));
    channel.flush();
    channel.setPieceCount(8);
    assertEquals([await told(), wire.closes, wire.sent], [[], 1, []]);
    assertEquals(wire.sizes.length, 1);
  }
  const early = setUp();
  early.channel.start();
  early.channel.close();
  assertEquals([await early.told(), early.wire.sizes], [[], []]);
  // Neither where something is waited for.
  const gate = Promise.withResolvers<number>();
  const read = setUp({ beforeRead: () => gate.promise });
  read.channel.start();
  assertEquals(await read.told(), [["peer", true]]);
  read.channel.close();
  gate.resolve(1);
  assertEquals([await read.told(), read.wire.sizes], [[], []]);
  const chunk = Promise.withResolvers<void>();
  const taken = setUp({}, { chunkEnd: () => chunk.promise });
  taken.channel.start();
  await taken.told();
  taken.wire.give(KEEP_ALIVE);
  assertEquals((await taken.told()).at(-1), ["peer", true]);
  taken.channel.close();
  chunk.resolve();
  assertEquals([await taken.told(), taken.wire.sizes], [[], [512]]);
});

Deno.test(
  "MessageChannel takes long extended messages of users only",
  pure,
  async () => {
    const head = (length: number) => {
      const [a, b] = [length >> 16, length & 0xffff];
      return [0, a, b >> 8, b & 0xff, 20];
    };
    for (
      const [extensions, length, told] of [
        [[], 131_074, 5],
        [[], 131_075, "too-long"],
        [[{}], 131_075, 5],
        [[{}], 1_048_578, 5],
        [[{}], 1_048_579, "too-long"],
      ] as const
    ) {
      const { channel, wire, told: log } = setUp({ extensions });
      channel.start();
      await log();
      wire.give(head(length));
      assertEquals(await log(), ["chunk", told]);
      channel.close();
      assertEquals(channel.unfinishedCost, told === 5 ? 5 / 8 : 0);
    }
  },
);
