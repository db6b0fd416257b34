import { assertEquals } from "@std/assert";
import { PeerPlaces } from "../../../client/limits/peer_places.ts";
import {
  type ContextParts,
  makeContext,
} from "../../../client/session/make_context.ts";
import type { SessionOptions } from "../../../client/types.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;
const MIB = 1024 * 1024;

/** The context of a session whose parts note what they are asked. */
function setUp(
  options: SessionOptions = {},
  more: { tellsPort?: boolean; transports?: string[]; dhtPort?: number } = {},
) {
  const { tellsPort = true, transports = ["tcp"], dhtPort } = more;
  const log: unknown[] = [];
  const clock = new SimClock();
  const mappings = [
    { protocol: "tcp", port: 6881, externalPort: 7000 },
    { protocol: "udp", port: 6881, externalPort: 7001 },
  ];
  const parts = {
    privacy: {
      options: { clock, ...options },
      tellsPort,
      blocklist: { has: (hostname: string) => hostname === "bad" },
    },
    handshaker: { transports, local: { hostname: "::", port: 6881 } },
    services: {
      timers: clock,
      sources: ["own"],
      mapper: { mappings: () => mappings },
      dht: dhtPort === undefined
        ? undefined
        : { locals: [{ hostname: "::", port: dhtPort }] },
      lookups: { addNode: (node: unknown) => log.push(node) },
    },
    announces: {},
    places: new PeerPlaces(options.maxPeers),
    trackers: { clientFor: (url: string) => `client of ${url}` },
    disks: { at: (where: string) => `disk at ${where}` },
  } as unknown as ContextParts;
  return { context: makeContext(parts), log };
}

Deno.test(
  "makeContext() tells the ports by which strangers reach us, if any",
  none,
  () => {
    const { context } = setUp({}, { dhtPort: 6881 });
    assertEquals([context.listenPort, context.dhtPort], [7000, 7001]);
    const other = setUp({}, { dhtPort: 6882 }).context;
    assertEquals(other.dhtPort, 6882);
    const hidden = setUp({}, { tellsPort: false }).context;
    assertEquals([hidden.listenPort, hidden.dhtPort], [0, undefined]);
  },
);

Deno.test(
  "makeContext() has the limits that were chosen, or the usual ones",
  none,
  () => {
    const { context } = setUp();
    assertEquals([context.downloadLimit.isOpen, context.uploadLimit.isOpen], [
      true,
      true,
    ]);
    assertEquals([context.uploadSlots.isByRate, context.uploadSlots.total], [
      true,
      8,
    ]);
    assertEquals(context.maxReadBytes, 524_288);
    const chosen = setUp({
      downloadLimit: 1_000,
      uploadLimit: 1024 * 1024,
      maxPeers: 1,
      maxBufferedBytes: 4 * MIB,
    }).context;
    assertEquals([chosen.downloadLimit.rate, chosen.uploadLimit.rate], [
      1_000,
      MIB,
    ]);
    // As many as the limit is good for.
    assertEquals(chosen.uploadSlots.total, 24);
    assertEquals(chosen.maxReadBytes, 32_768);
    assertEquals(setUp({ uploadSlots: 3 }).context.uploadSlots.total, 3);
    const holder = { places: 1, giveUp: () => false, onRoom() {} };
    chosen.places.take(holder);
    assertEquals(chosen.places.full, true);
    for (let i = 0; i < 500; i++) {
      assertEquals(context.places.full, false);
      context.places.take(holder);
    }
    assertEquals(context.places.full, true);
  },
);

Deno.test(
  "makeContext() has 128 MiB wait to be sent, and no more",
  none,
  () => {
    const { sendBudget } = setUp().context;
    const closed: number[] = [];
    const round = (...sizes: number[]) => {
      for (const bufferedBytes of sizes) {
        sendBudget.look({
          bufferedBytes,
          close: () => closed.push(bufferedBytes),
        });
      }
      sendBudget.settle();
      return closed.splice(0);
    };
    assertEquals(round(64 * MIB, 64 * MIB), []);
    assertEquals(round(64 * MIB, 64 * MIB + 1), [64 * MIB + 1]);
  },
);

Deno.test("makeContext() joins what the parts can do", none, () => {
  const { context, log } = setUp({
    discovery: [{ source: "office", traits: { rank: 1 } } as never],
  }, { transports: ["tcp", "utp"] });
  assertEquals([context.dialsUtp, setUp().context.dialsUtp], [true, false]);
  assertEquals(context.discovery.length, 2);
  assertEquals(context.sources.of("office").rank, 1);
  assertEquals([context.isBlocked("bad"), context.isBlocked("good")], [
    true,
    false,
  ]);
  assertEquals(context.disk("a") as unknown, "disk at a");
  assertEquals(context.trackerFor("b") as unknown, "client of b");
  const node = { hostname: "192.0.2.1", port: 1 };
  context.onDhtNode(node);
  assertEquals(log, [node]);
  assertEquals(Number.isInteger(context.trackerKey), true);
});
