import { assertEquals, assertRejects } from "@std/assert";
import { SharedSocket } from "../../../utp/driver/shared_socket.ts";

const FROM = { hostname: "127.0.0.1", port: 1 };

function open() {
  const sent: number[] = [];
  const shared = new SharedSocket({
    local: FROM,
    dropped: 0,
    receive: () => Promise.resolve(undefined),
    send: (data) => Promise.resolve(void sent.push(data.length)),
    close: () => {},
    [Symbol.dispose]: () => {},
  });
  return { shared, sent };
}

Deno.test({
  name: "datagrams wait for who receives, 256 at most",
  permissions: "none",
  async fn() {
    const { shared } = open();
    const data = new Uint8Array(1);
    // Nobody has asked for any.
    shared.take(data, FROM);
    const first = shared.receive();
    for (let i = 0; i < 300; i++) {
      data[0] = i;
      shared.take(data, FROM);
    }
    assertEquals((await first)?.data[0], 0);
    assertEquals(shared.dropped, 300 - 257);
    for (let i = 1; i <= 256; i++) {
      assertEquals((await shared.receive())?.data[0], i & 255);
    }
    const last = shared.receive();
    shared.take(Uint8Array.of(7), FROM);
    assertEquals((await last)?.data[0], 7);
  },
});

Deno.test({
  name: "closing ends receiving, the end of the socket all of it",
  permissions: "none",
  async fn() {
    const { shared, sent } = open();
    const receiving = shared.receive();
    shared.close();
    assertEquals(await receiving, undefined);
    shared.take(new Uint8Array(1), FROM);
    assertEquals(shared.dropped, 0);
    await shared.send(new Uint8Array(3), FROM);
    const again = shared.receive();
    shared.take(Uint8Array.of(5), FROM);
    assertEquals((await again)?.data[0], 5);
    shared.end();
    assertEquals(await shared.receive(), undefined);
    await assertRejects(() => shared.send(new Uint8Array(4), FROM));
    assertEquals(sent, [3]);
  },
});
