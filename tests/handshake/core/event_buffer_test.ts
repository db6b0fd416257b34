import { assertEquals } from "@std/assert";
import { EventBuffer } from "../../../handshake/core/event_buffer.ts";
import type {
  HandshakeConnected,
  HandshakeFailed,
  HandshakerEvent,
} from "../../../handshake/event.ts";

const none = { permissions: "none" } as const;
const LOCAL = { hostname: "127.0.0.1", port: 1 };
const listening = (port: number): HandshakerEvent => ({
  type: "listening",
  local: { ...LOCAL, port },
});

function connected(closed: number[], id: number): HandshakeConnected {
  const connection = { close: () => closed.push(id) };
  return { type: "connected", connection } as unknown as HandshakeConnected;
}

const REVISED = { type: "failed" } as HandshakeFailed;

function buffer(capacity: number) {
  const rooms: number[] = [];
  const events = new EventBuffer({
    capacity,
    revise: () => REVISED,
    onRoom: () => rooms.push(1),
  });
  return { events, rooms };
}

Deno.test(
  "EventBuffer keeps all in order, and says when there is room",
  none,
  async () => {
    const { events, rooms } = buffer(2);
    const first = events.next();
    for (let i = 0; i < 4; i++) events.push(listening(i));
    assertEquals(await first, listening(0));
    assertEquals(events.full, true);
    let hasRoom = false;
    const room = events.room().then(() => hasRoom = true);
    assertEquals(await events.next(), listening(1));
    assertEquals([events.full, hasRoom, rooms.length], [true, false, 0]);
    assertEquals(await events.next(), listening(2));
    await room;
    assertEquals([events.full, rooms.length], [false, 1]);
    await events.room();
    // A connection is looked at once more when it is taken.
    events.push(connected([], 1));
    assertEquals(await events.next(), listening(3));
    assertEquals(await events.next(), REVISED);
  },
);

Deno.test(
  "EventBuffer closes the connections that nobody took",
  none,
  async () => {
    const { events } = buffer(1);
    const closed: number[] = [];
    events.push(connected(closed, 1));
    events.push(connected(closed, 2));
    const room = events.room();
    events.close();
    events.close();
    await room;
    assertEquals(closed, [1, 2]);
    events.push(connected(closed, 3));
    assertEquals(closed, [1, 2, 3]);
    assertEquals(await events.next(), undefined);
    const other = buffer(1).events;
    const waiting = other.next();
    other.close();
    assertEquals(await waiting, undefined);
  },
);
