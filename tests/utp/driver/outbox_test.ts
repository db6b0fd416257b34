import { assertEquals } from "@std/assert";
import type { DatagramSocket } from "../../../_shared/datagram.ts";
import { drain } from "../../../testing/sim_clock.ts";
import { Outbox } from "../../../utp/driver/outbox.ts";

const TO = { hostname: "192.0.2.1", port: 1 };

/** A system that takes datagrams when it is told to. */
function open() {
  const waiting: PromiseWithResolvers<void>[] = [];
  const sent: Uint8Array[] = [];
  const socket: DatagramSocket = {
    local: TO,
    dropped: 0,
    receive: () => Promise.resolve(undefined),
    send(data) {
      sent.push(data);
      waiting.push(Promise.withResolvers());
      return waiting.at(-1)!.promise;
    },
    close() {},
    [Symbol.dispose]() {},
  };
  return { outbox: new Outbox(socket), sent, waiting };
}

Deno.test({
  name: "a datagram is made where one was that has left",
  permissions: "none",
  async fn() {
    const { outbox, sent, waiting } = open();
    for (let i = 0; i < 3; i++) {
      outbox.out[0] = i;
      outbox.send(20, TO);
    }
    assertEquals(sent.map(([first]) => first), [0, 1, 2]);
    waiting[1]!.resolve();
    await drain();
    outbox.send(20, TO);
    outbox.send(30, TO);
    assertEquals(sent[4]!.buffer === sent[1]!.buffer, true);
    assertEquals(sent[4]!.length, 30);
  },
});

Deno.test({
  name: "who finds no room is called when there is some, in turn",
  permissions: "none",
  async fn() {
    const { outbox, waiting } = open();
    const called: string[] = [];
    const make = (name: string) => ({
      pump: () => void called.push(name),
      sendFailed() {},
    });
    const [a, b, c] = [make("a"), make("b"), make("c")];
    for (let i = 0; i < 64; i++) {
      assertEquals(outbox.maySend(a), true);
      outbox.send(20, TO, a);
    }
    for (const one of [a, b, c]) assertEquals(outbox.maySend(one), false);
    outbox.forget(b);
    // Strangers have as many again.
    for (let i = 0; i < 64; i++) {
      assertEquals(outbox.hasRoom, true);
      outbox.send(20, TO);
    }
    assertEquals(outbox.hasRoom, false);
    for (const one of waiting.slice(0, 64)) one.resolve();
    await drain();
    assertEquals(called, []);
    waiting[64]!.resolve();
    await drain();
    assertEquals([called, outbox.hasRoom], [["a"], true]);
    waiting[65]!.resolve();
    await drain();
    assertEquals(called, ["a", "c"]);
  },
});

Deno.test({
  name: "whose datagram is refused is told",
  permissions: "none",
  async fn() {
    const { outbox, waiting } = open();
    const told: string[] = [];
    const sender = {
      pump() {},
      sendFailed: (e: Error) => void told.push(e.message),
    };
    outbox.send(20, TO, sender);
    outbox.send(20, TO);
    for (const one of waiting) one.reject(new Error("unreachable"));
    await drain();
    assertEquals(told, ["unreachable"]);
  },
});
