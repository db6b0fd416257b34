import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import { encodeUtpPacket, UtpError, UtpTransport } from "../../utp/mod.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("bytes go both ways over real sockets", async () => {
  using a = new UtpTransport();
  using b = new UtpTransport();
  using listener = await b.listen(LOOPBACK);
  const accepting = listener.accept();
  const out = await a.connect(listener.local);
  const data = new Uint8Array(3_000_000).map((_, i) => i * 31);
  const writing = writeAll(out, data).then(() => writeAll(out, data));
  const into = (await accepting)!;
  assertEquals([out.transport, into.transport], ["utp", "utp"]);
  assertEquals(out.remote.port, listener.local.port);
  for (const [from, count] of [[into, 2]] as const) {
    const got = new Uint8Array(data.length * count);
    for (let at = 0; at < got.length;) {
      at += (await from.read(got.subarray(at)))!;
    }
    assertEquals(got.subarray(0, data.length), data);
    assertEquals(got.subarray(data.length), data);
  }
  await writing;
  await writeAll(into, Uint8Array.of(1, 2, 3));
  const buffer = new Uint8Array(10);
  assertEquals(await out.read(buffer), 3);
  out.close();
  assertEquals(await into.read(buffer), null);
  into.close();
  await assertRejects(() => out.write(data), UtpError);
});

Deno.test("where nobody listens a connection is refused", async () => {
  using a = new UtpTransport();
  using b = new UtpTransport();
  const listener = await b.listen(LOOPBACK);
  listener.close();
  const error = await assertRejects(() => a.connect(listener.local), UtpError);
  assertEquals(error.code, "refused");
});

Deno.test("a listener ends with its socket", async () => {
  const transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  const accepting = listener.accept();
  transport.close();
  assertEquals(await accepting, undefined);
  assertEquals(await listener.accept(), undefined);
});

Deno.test("connecting can be called off", async () => {
  using a = new UtpTransport();
  using silent = await openDatagramSocket(LOOPBACK);
  const reason = new Error("enough");
  const stop = new AbortController();
  const connecting = a.connect(silent.local, { signal: stop.signal });
  stop.abort(reason);
  assertEquals(await connecting.catch((error) => error), reason);
});

Deno.test("other protocols share the port", async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  const { port } = listener.local;
  const shared = await transport.share({ hostname: "127.0.0.1", port });
  assertEquals(shared.local.port, port);
  const receiving = shared.receive();
  using other = await openDatagramSocket(LOOPBACK);
  await other.send(new TextEncoder().encode("d1:q4:pinge"), listener.local);
  const datagram = await receiving;
  assertEquals(datagram?.from.port, other.local.port);
  await shared.send(Uint8Array.of(7), other.local);
  assertEquals((await other.receive())?.data[0], 7);
  shared.close();
  // The port is uTP's still.
  using another = new UtpTransport();
  const accepting = listener.accept();
  const out = await another.connect(listener.local);
  await out.write(Uint8Array.of(1));
  (await accepting)!.close();
  out.close();
});

Deno.test("a flood of SYNs is answered so many times a second, and kept small", async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  using flood = await openDatagramSocket(LOOPBACK);
  let answers = 0;
  const counting = (async () => {
    while (await flood.receive() !== undefined) answers++;
  })();
  for (let id = 0; id < 2000; id += 2) {
    const header = {
      type: "syn",
      connectionId: id,
      timestamp: 0,
      timestampDifference: 0,
      windowSize: 0,
      seqNr: 1,
      ackNr: 0,
    } as const;
    await flood.send(encodeUtpPacket(header), listener.local);
  }
  // An honest peer comes through: its SYN is sent again.
  using honest = new UtpTransport();
  const accepting = listener.accept();
  const out = await honest.connect(listener.local);
  await out.write(Uint8Array.of(1));
  (await accepting)!.close();
  out.close();
  flood.close();
  await counting;
  assert(answers < 700, `${answers}`);
});
