import { assertEquals, assertRejects } from "@std/assert";
import { tcpTransport } from "../../../_shared/byte_conn.ts";
import { connectFrom } from "../../../client/bound/bound_connection.ts";

const loopback = { permissions: { net: true } } as const;
const HERE = "127.0.0.7";

/** Both ends of a connection. */
async function pair() {
  using listener = await tcpTransport.listen({
    hostname: "127.0.0.1",
    port: 0,
  });
  const [near, far] = await Promise.all([
    connectFrom(listener.local, HERE),
    listener.accept(),
  ]);
  return { near, far: far!, port: listener.local.port };
}

Deno.test(
  "connectFrom() connects from that address, and moves bytes in order",
  loopback,
  async () => {
    const { near, far, port } = await pair();
    using _near = near;
    using _far = far;
    assertEquals(near.remote, { hostname: "127.0.0.1", port });
    assertEquals([near.local, near.local.hostname], [far.remote, HERE]);
    assertEquals(await near.write(Uint8Array.of(1, 2, 3)), 3);
    const buffer = new Uint8Array(8);
    assertEquals(await far.read(buffer), 3);
    // Into buffers that are smaller than what came, and larger than the rest.
    await far.write(Uint8Array.of(1, 2, 3, 4, 5));
    const parts: number[][] = [];
    for (const size of [2, 2, 9]) {
      const part = new Uint8Array(size);
      const length = await near.read(part);
      parts.push([...part.subarray(0, length!)]);
    }
    assertEquals(parts, [[1, 2], [3, 4], [5]]);
    await far.write(Uint8Array.of(6));
    assertEquals([await near.read(buffer), buffer[0]], [1, 6]);
    const last = near.read(buffer);
    far.close();
    assertEquals([await last, await near.read(buffer)], [null, null]);
  },
);

Deno.test(
  "connectFrom(): close() and reset() end what is waited for",
  loopback,
  async () => {
    for (const way of ["close", "reset"] as const) {
      const { near, far } = await pair();
      const buffer = new Uint8Array(1);
      const waiting = near.read(buffer);
      near[way]();
      near[way]();
      await assertRejects(() => waiting, Error, "The connection is");
      await assertRejects(() => near.read(buffer), Error, "The connection is");
      if (way === "close") assertEquals(await far.read(buffer), null);
      else await assertRejects(() => far.read(buffer), Error, "reset");
      far.close();
    }
  },
);

Deno.test(
  "connectFrom() takes no more from the system than is read",
  loopback,
  async () => {
    const { near, far } = await pair();
    using _near = near;
    using _far = far;
    // More than the system keeps for both ends.
    const payload = new Uint8Array(32 * 1024 * 1024);
    let sent = 0;
    const sending = (async () => {
      while (sent < payload.length) {
        sent += await far.write(payload.subarray(sent));
      }
    })();
    let received = 0;
    const buffer = new Uint8Array(65_536);
    while (received < 1024 * 1024) received += (await near.read(buffer))!;
    // As many turns of the event loop as would bring the rest.
    const other = await pair();
    for (let i = 0; i < 400; i++) {
      await other.far.write(buffer.subarray(0, 1));
      await other.near.read(buffer);
    }
    other.near.close();
    other.far.close();
    assertEquals(sent < payload.length, true);
    while (received < payload.length) received += (await near.read(buffer))!;
    await sending;
  },
);

Deno.test(
  "connectFrom() rejects where nobody listens, and with a signal's reason",
  loopback,
  async () => {
    using listener = await tcpTransport.listen({
      hostname: "127.0.0.1",
      port: 0,
    });
    const remote = listener.local;
    const stop = new AbortController();
    const dial = connectFrom(remote, HERE, stop.signal);
    stop.abort(new Error("Enough"));
    await assertRejects(() => dial, Error, "Enough");
    await assertRejects(
      () => connectFrom(remote, HERE, stop.signal),
      Error,
      "Enough",
    );
    // A signal that comes later ends nothing.
    const late = new AbortController();
    using near = await connectFrom(remote, HERE, late.signal);
    late.abort();
    assertEquals(await near.write(Uint8Array.of(1)), 1);
    listener.close();
    await assertRejects(() => connectFrom(remote, HERE), Error, "ECONNREFUSED");
  },
);
