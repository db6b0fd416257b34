import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { tcpTransport, writeAll } from "../../_shared/byte_conn.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import { BoundNetwork } from "../../client/bound_network.ts";
import { HandshakeError } from "../../handshake/mod.ts";
import { SimClock } from "../support/sim_clock.ts";

const loopback = { permissions: { net: true } } as const;
const HERE = { name: "vpn0", address: "127.0.0.7" };
const MOVED = { name: "vpn0", address: "127.0.0.8" };
const OTHER = { name: "eth0", address: "127.0.0.1" };
const LINK = { name: "vpn0", address: "fe80::1" };

/** A machine whose addresses come and go. */
class Machine {
  readonly clock = new SimClock();
  addresses = [OTHER, LINK, HERE];

  bind(what: string): BoundNetwork {
    return new BoundNetwork(what, {
      clock: this.clock,
      addresses: () => this.addresses,
    });
  }
  async become(...addresses: typeof this.addresses): Promise<void> {
    this.addresses = addresses;
    await this.clock.advance(1000);
  }
}

Deno.test(
  "BoundNetwork finds an address or an interface",
  loopback,
  async () => {
    const machine = new Machine();
    for (const what of ["vpn0", "127.0.0.7", "::ffff:127.0.0.7"]) {
      using network = machine.bind(what);
      assertEquals(network.addresses, ["127.0.0.7"]);
    }
    machine.addresses.push({ name: "vpn0", address: "::1" });
    using both = machine.bind("vpn0");
    assertEquals(both.addresses, ["127.0.0.7", "::1"]);
    for (const what of ["vpn1", "127.0.0.9", "fe80::1", ""]) {
      assertThrows(() => machine.bind(what), RangeError, "Cannot bind to");
    }
    let changes = 0;
    const unwatch = both.watch(() => changes++);
    await machine.become(HERE);
    await machine.become(HERE);
    await machine.become();
    assertEquals([changes, both.addresses.length], [2, 0]);
    unwatch();
    await machine.become(HERE);
    assertEquals([changes, both.addresses], [2, ["127.0.0.7"]]);
  },
);

Deno.test(
  "BoundNetwork dials from there, and only while it is there",
  loopback,
  async () => {
    const machine = new Machine();
    using network = machine.bind("vpn0");
    using listener = await tcpTransport.listen({
      hostname: "127.0.0.1",
      port: 0,
    });
    const { port } = listener.local;
    const [one, other] = await Promise.all([
      network.tcp.connect({ hostname: "127.0.0.1", port }),
      listener.accept(),
    ]);
    assertEquals(other!.remote, one.local);
    assertEquals([one.local.hostname, one.remote.port], ["127.0.0.7", port]);
    // Both ways, more than fits anywhere.
    const data = new Uint8Array(3_000_000).map((_, at) => at % 251);
    const all = async (from: typeof one, size: number) => {
      const buffer = new Uint8Array(size);
      let at = 0;
      while (at < data.length) {
        const count = await from.read(buffer) ?? 0;
        assert(
          buffer.subarray(0, count).every((byte, i) => byte === (at + i) % 251),
        );
        assert(count > 0);
        at += count;
      }
    };
    await Promise.all([
      writeAll(other!, data),
      writeAll(one, data),
      all(one, 999_983),
      all(other!, 1001),
    ]);
    const lost = (use: () => Promise<unknown>) =>
      assertRejects(use, HandshakeError, "vpn0 lost its address");
    const reading = lost(() => one.read(new Uint8Array(1)));
    await machine.become(OTHER, LINK);
    await reading;
    await lost(() => one.write(data));
    const dial = (hostname: string) =>
      assertRejects(
        () => network.tcp.connect({ hostname, port }),
        HandshakeError,
        "vpn0 has no",
      );
    assertEquals((await dial("127.0.0.1")).code, "no-local-address");
    assertEquals((await dial("name.example")).code, "no-local-address");
    await machine.become(MOVED);
    using again = await network.tcp.connect({ hostname: "127.0.0.1", port });
    assertEquals(again.local.hostname, "127.0.0.8");
    // No IPv6 here: that says something of the peer's address, not of ours.
    assertEquals((await dial("::1")).code, "connect-failed");
    other!.close();
    (await listener.accept())!.close();
    assertEquals(await again.read(new Uint8Array(1)), null);
  },
);

Deno.test(
  "BoundNetwork: a connection that fails, ends or is given up",
  loopback,
  async () => {
    const machine = new Machine();
    using network = machine.bind("127.0.0.7");
    using listener = await tcpTransport.listen({
      hostname: "127.0.0.1",
      port: 0,
    });
    const { port } = listener.local;
    const remote = { hostname: "127.0.0.1", port };
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await assertRejects(
      () => network.tcp.connect(remote, { signal }),
      Error,
      "enough",
    );
    const stop = new AbortController();
    const dial = network.tcp.connect(remote, { signal: stop.signal });
    stop.abort(reason);
    await assertRejects(() => dial, Error, "enough");
    using closing = await network.tcp.connect(remote);
    closing.close();
    closing.close();
    await assertRejects(() => closing.read(new Uint8Array(1)), Error, "closed");
    listener.close();
    await assertRejects(() => network.tcp.connect(remote), Error);
  },
);

Deno.test(
  "BoundNetwork listens there, and on the same port when it is back",
  loopback,
  async () => {
    const machine = new Machine();
    using network = machine.bind("vpn0");
    using listener = await network.tcp.listen({ hostname: "0.0.0.0", port: 0 });
    const { port } = listener.local;
    assertEquals(listener.local.hostname, "127.0.0.7");
    const reach = (hostname: string) =>
      tcpTransport.connect({ hostname, port });
    await assertRejects(() => reach("127.0.0.1"), Error);
    const waiting = listener.accept();
    using one = await reach("127.0.0.7");
    using first = (await waiting)!;
    assertEquals(first.remote, one.local);
    const next = listener.accept();
    await machine.become(OTHER);
    assertEquals(await one.read(new Uint8Array(1)), null);
    await assertRejects(() => reach("127.0.0.7"), Error);
    await machine.become(OTHER, MOVED);
    using two = await reach("127.0.0.8");
    using second = (await next)!;
    assertEquals(second.remote, two.local);
    listener.close();
    assertEquals(await listener.accept(), undefined);
    await assertRejects(() => reach("127.0.0.8"), Error);
    await assertRejects(
      () => network.tcp.listen({ hostname: "::", port: 0 }),
      HandshakeError,
    );
  },
);

Deno.test(
  "BoundNetwork: sockets are silent while it is gone, and back on their port",
  loopback,
  async () => {
    const machine = new Machine();
    using network = machine.bind("vpn0");
    using socket = await network.openSocket({ hostname: "0.0.0.0" });
    using other = await openDatagramSocket({ hostname: "127.0.0.1" });
    const to = other.local;
    const { port } = socket.local;
    await socket.send(Uint8Array.of(1), to);
    const { from } = (await other.receive())!;
    assertEquals([from.hostname, from.port], ["127.0.0.7", port]);
    const waiting = socket.receive();
    await machine.become(OTHER);
    await assertRejects(() => socket.send(Uint8Array.of(2), to), Error, "gone");
    await machine.become(MOVED);
    await other.send(Uint8Array.of(3), { hostname: "127.0.0.8", port });
    assertEquals([...(await waiting)!.data], [3]);
    assertEquals(socket.local, { hostname: "127.0.0.8", port });
    const last = socket.receive();
    socket.close();
    assertEquals(await last, undefined);
    await assertRejects(
      () => network.openSocket({ hostname: "::" }),
      HandshakeError,
    );
  },
);

Deno.test(
  "BoundNetwork tries again each second to listen where it could not",
  loopback,
  async () => {
    const machine = new Machine();
    using network = machine.bind("vpn0");
    using listener = await network.tcp.listen({ hostname: "0.0.0.0", port: 0 });
    const { port } = listener.local;
    const accepted = listener.accept();
    {
      using _taken = await tcpTransport.listen({ hostname: "127.0.0.8", port });
      await machine.become(MOVED);
      await machine.clock.advance(1000);
    }
    await machine.clock.advance(1000);
    using dialled = await tcpTransport.connect({ hostname: "127.0.0.8", port });
    using connection = (await accepted)!;
    assertEquals(connection.remote, dialled.local);
  },
);
