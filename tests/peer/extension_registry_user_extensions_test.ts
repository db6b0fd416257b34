import { assertEquals } from "@std/assert";
import {
  PeerConnection,
  type PeerConnectionEvent,
  type PeerExtension,
  type PeerExtensionContext,
} from "../../peer/mod.ts";
import { MemoryNetwork } from "../../testing/memory_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

/** Two ends that speak "xy_chat". */
async function pair(a: Partial<PeerExtension>, b: Partial<PeerExtension>) {
  const clock = new SimClock();
  const [left, right] = new MemoryNetwork({ clock, latencyMs: 10 }).pair(
    { hostname: "1.2.3.4", port: 1 },
    { hostname: "5.6.7.8", port: 2 },
  );
  const ends = [[left, a], [right, b]] as const;
  const events: PeerConnectionEvent[][] = [[], []];
  const peers = ends.map(([connection, extension], i) =>
    PeerConnection.start({
      connection,
      clock,
      infoHash: new Uint8Array(20),
      peerId: new Uint8Array(20),
      fast: true,
      extended: true,
      pieceCount: 4,
      extensions: [{ name: "xy_chat", ...extension }],
      onEvent: (event) => void events[i]!.push(event),
    })
  );
  peers[0]!.setInterested(true);
  await clock.advance(100);
  const closings = () =>
    events.map((list) =>
      list.flatMap((e) => e.type === "disconnected" ? [e.reason] : [])
    );
  return { clock, peers, closings, events };
}

Deno.test("an extension may send much later", none, async () => {
  let late: PeerExtensionContext | undefined;
  const heard: number[] = [];
  const { clock, peers, closings } = await pair(
    { onHandshake: (_, context) => void (late = context) },
    { onMessage: (payload) => void heard.push(payload[0]!) },
  );
  // Longer than a peer may take to read what was sent to it.
  await clock.advance(140_000);
  assertEquals(late!.supported, true);
  assertEquals(late!.send(Uint8Array.of(7)), true);
  await clock.advance(100);
  assertEquals(heard, [7]);
  await clock.advance(200_000);
  assertEquals(closings(), [[], []]);
  await peers[0]!.close();
  assertEquals(late!.send(Uint8Array.of(8)), false);
  await clock.advance(100);
});

Deno.test("an extension may end the connection at any time", none, async () => {
  for (const late of [false, true]) {
    let kept: PeerExtensionContext | undefined;
    const { clock, closings } = await pair({
      onHandshake: (_, context) => void (kept = context),
      onMessage: (_, context) => context.fail("Cannot take so long a line"),
    }, {
      onHandshake: (_, context) =>
        void (late || context.send(Uint8Array.of(1))),
    });
    if (late) kept!.fail("Cannot take so long a line");
    await clock.advance(100);
    const reason = closings()[0]![0]!;
    assertEquals([reason.type, reason.error?.message], [
      "protocol",
      "Cannot take so long a line",
    ]);
  }
});

Deno.test("only messages without a handler are events", none, async () => {
  const heard: string[] = [];
  const greet: Partial<PeerExtension> = {
    onHandshake: (_, context) => void context.send(Uint8Array.of(1)),
  };
  const { peers, events } = await pair(greet, {
    ...greet,
    onMessage: () => void heard.push("message"),
  });
  const types = events.map((list) =>
    list.map((e) => e.type).filter((type) => type.startsWith("exten"))
  );
  assertEquals(types, [
    ["extension-handshake", "extended"],
    ["extension-handshake"],
  ]);
  assertEquals(heard, ["message"]);
  await peers[0]!.close();
});
