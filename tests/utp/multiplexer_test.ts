import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import type { Datagram } from "../../_shared/datagram.ts";
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
  const waiting: Datagram[] = [];
  const sent: { to: Endpoint; type: string; ack: number; seq: number }[] = [];
  let receiver: ((datagram: Datagram | undefined) => void) | undefined;
  const close = () => receiver?.(undefined);
  const give = (datagram: Datagram) => {
    if (receiver === undefined) return void waiting.push(datagram);
    const take = receiver;
    receiver = undefined;
    take(datagram);
  };
  const multiplexer = new UtpMultiplexer({
    clock,
    socket: {
      local: LOCAL,
      dropped: 0,
      receive() {
        const first = waiting.shift();
        if (first !== undefined) return Promise.resolve(first);
        return new Promise((resolve) => receiver = resolve);
      },
      send(data, to) {
        const { type, ackNr, seqNr } = tryDecodeUtpPacket(data.slice())!;
        sent.push({ to, type, ack: ackNr, seq: seqNr });
        if (to.hostname === LOCAL.hostname) {
          give({ data: data.slice(), from: LOCAL });
        }
        return Promise.resolve();
      },
      close,
      [Symbol.dispose]: close,
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
    give({ data, from });
  };
  return { clock, multiplexer, sent, tell };
}

for (
  const [who, hostname] of [
    ["a host", () => "198.51.100.7"],
    ["500 hosts", (n) => `198.51.${n % 2}.${n % 500 >> 1}`],
    ["all networks of a site", (n) => `2001:db8:7:${n.toString(16)}::1`],
  ] satisfies [string, (n: number) => string][]
) {
  Deno.test({
    name: `${who} sending SYNs without end leave answers to others`,
    permissions: "none",
    async fn() {
      const { clock, multiplexer, sent, tell } = open();
      let answered = 0;
      for (let second = 0; second < 25; second++) {
        for (let i = 0; i < 150; i++) {
          const n = second * 150 + i;
          const flooder = { hostname: hostname(n), port: 7 };
          tell(flooder, "syn", { id: 2 * n, seq: 1 });
        }
        const honest = { hostname: `203.0.113.${second}`, port: 9 };
        tell(honest, "syn", { id: 5, seq: 1 });
        await drain();
        if (second >= 5) {
          answered += sent.filter(({ to }) => to.hostname === honest.hostname)
            .length;
        }
        sent.length = 0;
        await clock.advance(1000);
      }
      assertEquals(answered, 20);
      multiplexer.close();
      await multiplexer.closed;
    },
  });
}

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
      tell({ hostname: `198.51.100.${i}`, port: 7 }, "syn", { id: 5, seq: 1 });
    }
    await drain();
    assertEquals([sent.length, multiplexer.connections], [8, 8]);
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
