import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import type { DatagramAnswerer } from "../../_shared/datagram.ts";
import { seededRandom } from "../../_shared/random.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";
import { UtpMultiplexer } from "../../utp/multiplexer.ts";
import {
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpPacketType,
} from "../../utp/packet.ts";

const LOCAL = { hostname: "192.0.2.1", port: 1 };

/** A multiplexer that listens, and a network in which anybody is anybody. */
function open() {
  const clock = new SimClock();
  const sent: { to: Endpoint; type: string; ack: number; seq: number }[] = [];
  let take: DatagramAnswerer | undefined;
  const ended = Promise.withResolvers<void>();
  const give = (data: Uint8Array, from: Endpoint) =>
    take?.(data, from, new Uint8Array());
  const multiplexer = new UtpMultiplexer({
    clock,
    random: seededRandom(1),
    socket: {
      local: LOCAL,
      dropped: 0,
      receive: () => Promise.resolve(undefined),
      serve(answer) {
        take = answer;
        return ended.promise;
      },
      send(data, to) {
        const copy = data.slice();
        const { type, ackNr, seqNr } = tryDecodeUtpPacket(copy)!;
        sent.push({ to, type, ack: ackNr, seq: seqNr });
        if (to.hostname === LOCAL.hostname) {
          queueMicrotask(() => give(copy, LOCAL));
        }
        return Promise.resolve();
      },
      close: ended.resolve,
      [Symbol.dispose]: ended.resolve,
    },
  });
  multiplexer.listen(() => {});
  const tell = (
    from: Endpoint,
    type: UtpPacketType,
    fields: { id: number; seq: number; ack?: number; payload?: Uint8Array },
  ) => {
    const data = encodeUtpPacket({
      type,
      connectionId: fields.id & 0xffff,
      timestamp: 0,
      timestampDifference: 0,
      windowSize: 65536,
      seqNr: fields.seq,
      ackNr: fields.ack ?? 0,
    }, fields.payload);
    give(data, from);
  };
  return { clock, multiplexer, sent, tell };
}

for (
  const [who, hostname, most] of [
    ["a host", () => "198.51.100.7", 200],
    ["500 hosts", (n) => `198.51.${n % 2}.${n % 500 >> 1}`, 2000],
    ["all networks of a site", (n) => `2001:db8:7:${n.toString(16)}::1`, 200],
  ] satisfies [string, (n: number) => string, number][]
) {
  Deno.test({
    name: `${who} sending SYNs without end leave answers to others`,
    permissions: "none",
    async fn() {
      const { clock, multiplexer, sent, tell } = open();
      for (let second = 0; second < 8; second++) {
        for (let i = 0; i < 2000; i++) {
          const n = second * 2000 + i;
          const flooder = { hostname: hostname(n), port: 7 };
          tell(flooder, "syn", { id: 2 * n, seq: 1 });
          if (i % 100 === 99) await drain();
        }
        assert(sent.length <= most, `${sent.length}`);
        sent.length = 0;
        const honest = { hostname: `203.0.113.${second}`, port: 9 };
        tell(honest, "syn", { id: 5, seq: 1 });
        const answer = sent.find(({ to }) => to === honest);
        assert(answer !== undefined, `second ${second}`);
        // What was answered to is remembered by nobody.
        assertEquals(multiplexer.connections, second);
        const payload = Uint8Array.of(1);
        tell(honest, "data", { id: 6, seq: 2, ack: answer.seq - 1, payload });
        assertEquals(multiplexer.connections, second + 1);
        sent.length = 0;
        await clock.advance(1000);
      }
      multiplexer.close();
      await multiplexer.closed;
    },
  });
}

Deno.test({
  name: "what comes at a time is acked at a time",
  permissions: "none",
  async fn() {
    const { multiplexer, sent, tell } = open();
    const from = { hostname: "198.51.100.1", port: 7 };
    tell(from, "syn", { id: 5, seq: 1 });
    const ack = sent[0]!.seq - 1;
    await drain();
    sent.length = 0;
    const payload = new Uint8Array(100);
    for (let seq = 2; seq < 6; seq++) {
      tell(from, "data", { id: 6, seq, ack, payload });
    }
    await drain();
    assertEquals(sent.map(({ type, ack }) => [type, ack]), [["state", 5]]);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "few of the guesses at an answer are looked at",
  permissions: "none",
  async fn() {
    const { clock, multiplexer, tell } = open();
    const from = { hostname: "198.51.100.1", port: 7 };
    let guesses = 0;
    for (let second = 0; second < 10; second++) {
      for (let id = 0; id < 3000; id++) {
        tell(from, "data", { id: 2 * id, seq: second, ack: ++guesses });
      }
      await drain();
      await clock.advance(1000);
    }
    // One in 2048 is right.
    assert(multiplexer.connections <= 2, `${multiplexer.connections}`);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "what comes late opens no connection again",
  permissions: "none",
  async fn() {
    const { multiplexer, sent, tell } = open();
    const from = { hostname: "198.51.100.1", port: 7 };
    tell(from, "syn", { id: 5, seq: 1 });
    const ack = sent[0]!.seq - 1;
    const payload = new Uint8Array(100);
    tell(from, "data", { id: 6, seq: 2, ack, payload });
    await drain();
    multiplexer.takeAccepted()!.abort();
    assertEquals(multiplexer.connections, 0);
    tell(from, "data", { id: 6, seq: 3, ack, payload });
    await drain();
    assertEquals(multiplexer.connections, 0);
    assertEquals(sent.at(-1)!.type, "reset");
    multiplexer.close();
    await multiplexer.closed;
  },
});

for (const type of ["syn", "data", "fin", "state", "reset"] as const) {
  Deno.test({
    name: `what seems to come from our own address is no endless talk: ${type}`,
    permissions: "none",
    async fn() {
      const { clock, multiplexer, sent, tell } = open();
      for (let id = 0; id < 10; id++) tell(LOCAL, type, { id: 3 * id, seq: 1 });
      for (let second = 0; second < 60; second++) {
        await drain();
        await clock.advance(1000);
      }
      // An answer to a SYN, and a RESET of that; to the others one at most.
      const most = type === "syn" ? 20 : type === "reset" ? 0 : 10;
      assertEquals(sent.length, most);
      assertEquals(multiplexer.connections, 0);
      multiplexer.close();
      await multiplexer.closed;
    },
  });
}

Deno.test({
  name: "who never answers the end of a connection makes room for others",
  permissions: "none",
  async fn() {
    const { clock, multiplexer, sent, tell } = open();
    let most = 0;
    for (let i = 0; i < 1000; i++) {
      const from = { hostname: `198.51.${i >> 8}.${i & 255}`, port: 7 };
      tell(from, "syn", { id: 2 * i, seq: 1 });
      await drain();
      const { seq } = sent.findLast(({ type }) => type === "state")!;
      const payload = Uint8Array.of(1);
      const ack = seq - 1 & 0xffff;
      tell(from, "data", { id: 2 * i + 1, seq: 2, ack, payload });
      await drain();
      const connection = multiplexer.takeAccepted();
      assert(connection !== undefined);
      connection.close();
      most = Math.max(most, multiplexer.connections);
      await clock.advance(11);
      sent.length = 0;
    }
    assert(most > 200 && most <= 257, `${most}`);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "those that the other side broke off wait for no end",
  permissions: "none",
  async fn() {
    const { clock, multiplexer, sent, tell } = open();
    /** Connects and says a byte. */
    const meet = async (i: number) => {
      const from = { hostname: `198.51.${i >> 8}.${i & 255}`, port: 7 };
      tell(from, "syn", { id: 2 * i, seq: 1 });
      await drain();
      const { seq } = sent.findLast(({ type }) => type === "state")!;
      const ack = seq - 1 & 0xffff;
      const id = 2 * i + 1;
      tell(from, "data", { id, seq: 2, ack, payload: Uint8Array.of(1) });
      await drain();
      await clock.advance(11);
      sent.length = 0;
      const connection = multiplexer.takeAccepted()!;
      return {
        connection,
        reset: () => tell(from, "reset", { id, seq: 3, ack }),
      };
    };
    for (let i = 0; i < 256; i++) {
      const { connection, reset } = await meet(i);
      reset();
      await drain();
      assertEquals(multiplexer.connections, 0);
      connection.close();
    }
    let most = 0;
    for (let i = 300; i < 600; i++) {
      (await meet(i)).connection.close();
      most = Math.max(most, multiplexer.connections);
    }
    assert(most <= 257, `${most}`);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "strangers are told that there is no connection, so often a second",
  permissions: "none",
  async fn() {
    const { clock, multiplexer, sent, tell } = open();
    for (let second = 0; second < 2; second++) {
      for (let i = 0; i < 200; i++) {
        const from = { hostname: `198.51.100.${i}`, port: 7 };
        tell(from, i % 2 === 0 ? "data" : "state", { id: i, seq: 1000 + i });
        tell(from, "reset", { id: i, seq: 1000 + i });
      }
      await drain();
      assertEquals(sent.length, 20);
      assertEquals(sent.every(({ type }) => type === "reset"), true);
      assertEquals(sent[3]!.to.hostname, "198.51.100.3");
      sent.length = 0;
      await clock.advance(1000);
    }
    assertEquals(multiplexer.connections, 0);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "many hosts with one id are few connections",
  permissions: "none",
  async fn() {
    const { multiplexer, sent, tell } = open();
    for (let i = 0; i < 20; i++) {
      const from = { hostname: `198.51.100.${i}`, port: 7 };
      tell(from, "syn", { id: 5, seq: 1 });
      tell(from, "data", { id: 6, seq: 2, ack: sent.at(-1)!.seq - 1 });
    }
    assertEquals([sent.length, multiplexer.connections], [20, 8]);
    multiplexer.close();
    await multiplexer.closed;
  },
});

Deno.test({
  name: "a RESET with an id beside those of a connection ends none",
  permissions: "none",
  async fn() {
    const { multiplexer, sent, tell } = open();
    const from = { hostname: "198.51.100.1", port: 7 };
    tell(from, "syn", { id: 10, seq: 1 });
    await drain();
    const ack = sent[0]!.seq - 1 & 0xffff;
    tell(from, "data", { id: 11, seq: 2, ack, payload: Uint8Array.of(1) });
    for (const id of [9, 12]) tell(from, "reset", { id, seq: 3, ack });
    await drain();
    assertEquals(multiplexer.connections, 1);
    tell(from, "reset", { id: 10, seq: 3, ack });
    await drain();
    assertEquals(multiplexer.connections, 0);
    multiplexer.close();
    await multiplexer.closed;
  },
});
