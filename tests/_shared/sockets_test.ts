import { assert, assertEquals, assertRejects } from "@std/assert";
import { tcpTransport, writeAll } from "../../_shared/byte_conn.ts";
import { deadlineSignal, sleep, systemClock } from "../../_shared/clock.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("openDatagramSocket() sends and receives on both adapters", async () => {
  // A multicast membership forces node:dgram; without one the runtime's own
  // sockets are used where --unstable-net offers them.
  const group = { group: "239.192.152.143", interface: "127.0.0.1" };
  for (const multicast of [undefined, group]) {
    using a = await openDatagramSocket({
      hostname: "127.0.0.1",
      ...(multicast ? { multicast } : {}),
    });
    using b = await openDatagramSocket({ hostname: "127.0.0.1" });
    for (let i = 0; i < 10; i++) {
      await a.send(new Uint8Array([1, 2, i]), b.local);
      const datagram = await b.receive();
      assertEquals(datagram?.data, new Uint8Array([1, 2, i]));
      assertEquals(datagram?.from.port, a.local.port);
      assertEquals(datagram?.from.hostname, "127.0.0.1");
    }
    const pending = b.receive();
    b.close();
    assertEquals(await pending, undefined);
    assertEquals(await b.receive(), undefined);
  }
});

Deno.test("tcpTransport connects, carries bytes and closes", async () => {
  using listener = await tcpTransport.listen(LOOPBACK);
  const accepting = listener.accept();
  using client = await tcpTransport.connect(listener.local);
  using server = await accepting;
  assert(server !== undefined);
  const data = Uint8Array.from({ length: 300_000 }, (_, i) => i);
  const writing = writeAll(client, data);
  const buffer = new Uint8Array(70_000);
  let received = 0;
  while (received < data.length) {
    const count = await server.read(buffer);
    assert(count !== null);
    for (let i = 0; i < count; i++) {
      if (buffer[i] !== ((received + i) & 255)) throw new Error("byte differs");
    }
    received += count;
  }
  await writing;
  assertEquals(server.remote.port, client.local.port);
  const pending = assertRejects(() => server.read(buffer));
  server.close();
  await pending;
  const last = listener.accept();
  listener.close();
  assertEquals(await last, undefined);
  await assertRejects(() => tcpTransport.connect(listener.local));
});

Deno.test("sleep() and deadlineSignal() obey their signals", async () => {
  const clock = new SimClock();
  let woke = false;
  const nap = sleep(clock, 1000).then(() => woke = true);
  await clock.advance(999);
  assertEquals(woke, false);
  await clock.advance(1);
  await nap;
  const controller = new AbortController();
  const aborted = assertRejects(
    () => sleep(clock, 5, { signal: controller.signal }),
    Error,
    "stop",
  );
  controller.abort(new Error("stop"));
  await aborted;
  using deadline = deadlineSignal(clock, 50, "Too slow");
  await clock.advance(50);
  assertEquals(deadline.signal.reason.name, "TimeoutError");
  using outer = deadlineSignal(clock, 50, "Too slow", controller.signal);
  assertEquals(outer.signal.reason.message, "stop");
  const before = systemClock.now();
  await sleep(systemClock, 1);
  assert(systemClock.now() > before);
});
