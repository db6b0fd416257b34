// Real sockets on the loopback address: TCP behaves as the memory transport.
import { assert, assertEquals } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import {
  encodeHandshake,
  type HandshakeConnected,
  Handshaker,
  type PeerCandidate,
} from "../../handshake/mod.ts";

const infoHash = new Uint8Array(20).fill(1);
const listen = { hostname: "127.0.0.1", port: 0 };
const options: Omit<Deno.TestDefinition, "fn" | "name"> = {
  permissions: { net: ["127.0.0.1"] },
  timeout: 20_000,
};

function connect(handshaker: Handshaker, candidate: PeerCandidate): void {
  handshaker.sink().getWriter().write(candidate).catch(() => {});
}

async function connected(handshaker: Handshaker): Promise<HandshakeConnected> {
  const reader = handshaker.readable.getReader();
  const { value } = await reader.read();
  reader.releaseLock();
  assert(value?.type === "connected", Deno.inspect(value));
  return value;
}

Deno.test("TCP: a pair connects, and later bytes arrive", options, async () => {
  await using bob = await Handshaker.open({ listen });
  bob.addTorrent(infoHash);
  await using alice = await Handshaker.open();
  connect(alice, { infoHash, address: bob.local! });
  const [a, b] = [await connected(alice), await connected(bob)];
  assertEquals(a.peerId, bob.peerId);
  assertEquals(a.address, bob.local);
  await writeAll(a.connection, new Uint8Array([1, 2, 3]));
  const buffer = new Uint8Array(10);
  assertEquals(await b.connection.read(buffer), 3);
  a.connection.close();
  assertEquals(await b.connection.read(buffer), null);
  b.connection.close();
});

Deno.test("TCP: 50 silent sockets do not delay the 51st", options, async () => {
  await using bob = await Handshaker.open({ listen });
  bob.addTorrent(infoHash);
  const silent: Deno.TcpConn[] = [];
  for (let i = 0; i < 50; i++) silent.push(await Deno.connect(bob.local!));
  const peerId = new Uint8Array(20).fill(5);
  const started = performance.now();
  const last = await Deno.connect(bob.local!);
  const hello = encodeHandshake({ infoHash, peerId });
  // The handshake and the first message come in one segment.
  await last.write(new Uint8Array([...hello, 0, 0, 0, 0]));
  const event = await connected(bob);
  assert(performance.now() - started < 2000);
  assertEquals(event.peerId, peerId);
  const buffer = new Uint8Array(10);
  assertEquals(await event.connection.read(buffer), 4);
  event.connection.close();
  last.close();
  await bob.close();
  for (const connection of silent) {
    assertEquals(await connection.read(buffer), null);
    connection.close();
  }
});

Deno.test(
  "TCP: a refused connection is a failure with its cause",
  options,
  async () => {
    const listener = Deno.listen({ ...listen });
    const address = listener.addr as Deno.NetAddr;
    listener.close();
    await using alice = await Handshaker.open();
    connect(alice, { infoHash, address });
    for await (const event of alice.events()) {
      assert(event.type === "failed");
      assertEquals(event.reason, "connect-failed");
      assert(event.error.cause instanceof Deno.errors.ConnectionRefused);
      break;
    }
  },
);

Deno.test("TCP: many pairs at once, and nothing is left", options, async () => {
  await using bob = await Handshaker.open({ listen });
  bob.addTorrent(infoHash);
  const started = performance.now();
  const both = await Promise.all(
    Array.from({ length: 60 }, async () => {
      await using alice = await Handshaker.open();
      connect(alice, { infoHash, address: bob.local! });
      const { connection } = await connected(alice);
      connection.close();
      return connection.local.port;
    }),
  );
  assertEquals(new Set(both).size, 60);
  assert(performance.now() - started < 10_000);
  for (let i = 0; i < 60; i++) (await connected(bob)).connection.close();
  assertEquals(bob.stats().established, 0);
});
