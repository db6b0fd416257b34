import { assert, assertEquals, assertRejects } from "@std/assert";
import { writeAll } from "../../_shared/byte_conn.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import { drain } from "../../testing/sim_clock.ts";
import {
  encodeUtpPacket,
  tryDecodeUtpPacket,
  UtpError,
  UtpTransport,
} from "../../utp/mod.ts";

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

Deno.test("a socket that has died is not dialled by again", async () => {
  const sockets: Disposable[] = [];
  using transport = new UtpTransport({
    socket: async (options) => {
      const socket = await openDatagramSocket(options);
      sockets.push(socket);
      return socket;
    },
  });
  using other = new UtpTransport();
  using listener = await other.listen(LOOPBACK);
  (await transport.connect(listener.local)).close();
  sockets[0]![Symbol.dispose]();
  // The system tells of it a moment later.
  for (let i = 0; i < 100 && sockets.length === 1; i++) {
    await drain();
    await transport.connect(listener.local).catch(() => {});
  }
  assertEquals(sockets.length, 2);
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

Deno.test("a loser of a dial leaves no trace at the other side", async () => {
  using a = new UtpTransport();
  using b = new UtpTransport();
  using listener = await b.listen(LOOPBACK);
  let accepted = 0;
  const accepting = listener.accept().then((connection) => {
    accepted++;
    return connection;
  });
  // Closed before a byte was said, and called off while it connects.
  const loser = await a.connect(listener.local);
  loser.close();
  await assertRejects(() => loser.read(new Uint8Array(1)), UtpError);
  const stop = new AbortController();
  const aborted = a.connect(listener.local, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assertRejects(() => aborted, Error, "enough");
  assertEquals(accepted, 0);
  const winner = await a.connect(listener.local);
  await winner.write(Uint8Array.of(1));
  const into = (await accepting)!;
  assertEquals(await into.read(new Uint8Array(2)), 1);
  assertEquals(into.remote.port, winner.local.port);
  winner.close();
  into.close();
});

Deno.test("a system that sends nothing there says so at once", async () => {
  const real = await openDatagramSocket(LOOPBACK);
  let sent = 0;
  using transport = new UtpTransport({
    socket: () =>
      Promise.resolve({
        local: real.local,
        dropped: 0,
        receive: () => real.receive(),
        send: () => {
          sent++;
          return Promise.reject(new Error("Network is unreachable"));
        },
        close: () => real.close(),
        [Symbol.dispose]: () => real.close(),
      }),
  });
  const error = await assertRejects(
    () => transport.connect({ hostname: "192.0.2.1", port: 9 }),
    UtpError,
    "Network is unreachable",
  );
  assertEquals([error.code, sent], ["unreachable", 1]);
});

Deno.test("a system that is slow to send is waited for", async () => {
  using b = new UtpTransport();
  using listener = await b.listen(LOOPBACK);
  let [under, most] = [0, 0];
  using a = new UtpTransport({
    socket: async (options) => {
      const real = await openDatagramSocket(options);
      return {
        local: real.local,
        dropped: 0,
        receive: () => real.receive(),
        async send(data, to) {
          most = Math.max(most, ++under);
          await drain();
          await real.send(data, to).catch(() => {});
          under--;
        },
        close: () => real.close(),
        [Symbol.dispose]: () => real.close(),
      };
    },
  });
  const accepting = listener.accept();
  const out = await a.connect(listener.local);
  const writing = writeAll(out, new Uint8Array(500_000));
  const into = (await accepting)!;
  const buffer = new Uint8Array(65536);
  for (let got = 0; got < 500_000;) got += (await into.read(buffer))!;
  await writing;
  a.close();
  while (under > 0) await drain();
  assert(most > 8 && most <= 64, `${most}`);
});

Deno.test("a RESET bears either id of the connection", async () => {
  for (const which of [0, 1]) {
    using transport = new UtpTransport();
    using peer = await openDatagramSocket(LOOPBACK);
    const connecting = transport.connect(peer.local);
    const { data, from } = (await peer.receive())!;
    const { connectionId, seqNr } = tryDecodeUtpPacket(data.slice())!;
    const answer = (type: "state" | "reset", id: number) =>
      peer.send(
        encodeUtpPacket({
          type,
          connectionId: id & 0xffff,
          timestamp: 0,
          timestampDifference: 0,
          windowSize: 1000,
          seqNr: 7,
          ackNr: seqNr,
        }),
        from,
      );
    await answer("state", connectionId);
    const connection = await connecting;
    await answer("reset", connectionId + which);
    const error = await assertRejects(
      () => connection.read(new Uint8Array(1)),
      UtpError,
    );
    assertEquals(error.code, "reset");
  }
});

Deno.test("a SYN that repeats itself is no sign of life", async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  using forger = await openDatagramSocket(LOOPBACK);
  const accepting = listener.accept();
  for (let i = 0; i < 3; i++) {
    await forger.send(
      encodeUtpPacket({
        type: "syn",
        connectionId: 5,
        timestamp: 0,
        timestampDifference: 0,
        windowSize: 0,
        seqNr: 1,
        ackNr: 0,
      }),
      listener.local,
    );
    assertEquals((await forger.receive())!.data.length, 20);
  }
  using honest = new UtpTransport();
  const out = await honest.connect(listener.local);
  await out.write(Uint8Array.of(1));
  const into = (await accepting)!;
  assertEquals(into.remote.port, out.local.port);
  into.close();
  out.close();
});

Deno.test("all addresses of both IP versions are listened on", async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen({ hostname: "::", port: 0 });
  const { port } = listener.local;
  for (const hostname of ["127.0.0.1", "::1"]) {
    using other = new UtpTransport();
    const accepting = listener.accept();
    const out = await other.connect({ hostname, port });
    await out.write(Uint8Array.of(1));
    const accepted = (await accepting)!;
    assertEquals(accepted.remote.hostname, hostname);
    await accepted.read(new Uint8Array(1));
    accepted.close();
    out.close();
    // It dials from there, too.
    using answering = await other.listen({ hostname, port: 0 });
    const arriving = answering.accept();
    const dialled = await transport.connect(answering.local);
    await dialled.write(Uint8Array.of(2));
    assertEquals((await arriving)!.remote, { hostname, port });
    dialled.close();
  }
});

Deno.test("other protocols have a part of the port for each IP version", async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen({ hostname: "::", port: 0 });
  const { port } = listener.local;
  for (const hostname of ["0.0.0.0", "::"]) {
    const shared = await transport.share({ hostname, port });
    assertEquals(shared.local, { hostname, port });
    const loopback = hostname === "::" ? "::1" : "127.0.0.1";
    using other = await openDatagramSocket({ hostname: loopback, port: 0 });
    const receiving = shared.receive();
    await other.send(Uint8Array.of(0x64), { hostname: loopback, port });
    const { from } = (await receiving)!;
    assertEquals([from.hostname, from.port], [loopback, other.local.port]);
    await shared.send(Uint8Array.of(7), other.local);
    assertEquals((await other.receive())?.data[0], 7);
  }
});

Deno.test("where IPv4 has the port to itself IPv6 is listened on alone", async () => {
  using taken = await openDatagramSocket({ hostname: "0.0.0.0", port: 0 });
  const { port } = taken.local;
  using transport = new UtpTransport();
  using listener = await transport.listen({ hostname: "::", port });
  using other = new UtpTransport();
  const accepting = listener.accept();
  const out = await other.connect({ hostname: "::1", port });
  await out.write(Uint8Array.of(1));
  (await accepting)!.close();
  out.close();
});
