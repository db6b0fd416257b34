import { assertEquals } from "@std/assert";
import {
  type Datagram,
  type DatagramSocket,
  openDatagramSocket,
} from "../../_shared/datagram.ts";
import { encodeKrpc, MainlineDht, tryDecodeKrpc } from "../../dht/mod.ts";

const hostname = "127.0.0.1";

/** A port that several protocols use: each part hears every datagram. */
function sharePort(socket: DatagramSocket) {
  const parts = new Set<(datagram: Datagram | undefined) => void>();
  const pump = async () => {
    let datagram: Datagram | undefined;
    do {
      datagram = await socket.receive();
      for (const deliver of [...parts]) deliver(datagram);
    } while (datagram !== undefined);
  };
  const ended = pump();
  return {
    ended,
    part(): DatagramSocket {
      const queue: Datagram[] = [];
      let waiting: ((datagram: Datagram | undefined) => void) | undefined;
      let isOpen = true;
      const deliver = (datagram: Datagram | undefined) => {
        const copy = datagram &&
          { data: datagram.data.slice(), from: { ...datagram.from } };
        if (waiting === undefined) return void (copy && queue.push(copy));
        waiting(copy);
        waiting = undefined;
      };
      parts.add(deliver);
      const close = () => {
        isOpen = false;
        parts.delete(deliver);
        waiting?.(undefined);
      };
      return {
        local: socket.local,
        dropped: 0,
        receive() {
          const next = queue.shift();
          if (next !== undefined || !isOpen) return Promise.resolve(next);
          return new Promise((resolve) => waiting = resolve);
        },
        send: (data, to) => socket.send(data, to),
        close,
        [Symbol.dispose]: close,
      };
    },
  };
}

Deno.test("MainlineDht - shares its port with other protocols", {
  timeout: 20_000,
}, async () => {
  const socket = await openDatagramSocket({ hostname });
  const port = sharePort(socket);
  const other = port.part();
  using peer = await openDatagramSocket({ hostname });
  const limits = { maxPackets: 10, limitLoopback: true };
  const start = () =>
    MainlineDht.open({
      hostname,
      bootstrap: [],
      limits,
      socket: () => Promise.resolve(port.part()),
    });
  const ping = encodeKrpc({
    type: "query",
    method: "ping",
    transactionId: Uint8Array.of(1),
    id: new Uint8Array(20).fill(7),
    readOnly: true,
  });
  const dht = await start();
  assertEquals(dht.locals, [socket.local]);
  // A SYN of uTP and an answer of a UDP tracker, more than a host may send.
  const foreign = [
    Uint8Array.of(0x41, 0, ...new Uint8Array(18)),
    Uint8Array.of(0, 0, 0, 0, ...new Uint8Array(12)),
  ];
  for (let i = 0; i < 30; i++) {
    for (const data of foreign) {
      await peer.send(data, socket.local);
      assertEquals((await other.receive())!.data, data);
    }
  }
  await peer.send(ping, socket.local);
  const answer = await peer.receive();
  assertEquals(tryDecodeKrpc(answer!.data).type, "response");
  const { received, malformed, flood } = dht.stats();
  assertEquals({ received, malformed, flood }, {
    received: 61,
    malformed: 60,
    flood: 0,
  });
  await dht.close();
  // The port lives on, and so may another node on it.
  assertEquals((await other.receive())!.data, ping);
  await using again = await start();
  await peer.send(ping, socket.local);
  assertEquals(
    tryDecodeKrpc((await peer.receive())!.data).type,
    "response",
  );
  assertEquals(again.stats().answered, 1);
  socket.close();
  await port.ended;
});
