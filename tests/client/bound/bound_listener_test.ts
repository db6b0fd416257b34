import { assertEquals, assertRejects } from "@std/assert";
import {
  type ByteConnection,
  tcpTransport,
} from "../../../_shared/byte_conn.ts";
import { BoundListener } from "../../../client/bound/bound_listener.ts";
import { drain } from "../../../testing/sim_clock.ts";

const loopback = { permissions: { net: true } } as const;

/** A machine that has one address of each version, at times. */
function setUp(versions: readonly boolean[], ...addresses: string[]) {
  const machine = {
    addresses: addresses as (string | undefined)[],
    guarded: [] as ByteConnection[],
    watchers: 1,
    change: () => {},
    retry: () => {},
  };
  const listener = new BoundListener(versions, {
    addressOf: (isV6) => machine.addresses[Number(isV6)],
    watch(onChange) {
      machine.change = onChange;
      return () => machine.watchers--;
    },
    later: (retry) => void (machine.retry = retry),
    guard: (connection) => (machine.guarded.push(connection), connection),
  });
  return { machine, listener };
}

Deno.test(
  "BoundListener listens on one port by both versions",
  loopback,
  async () => {
    const { machine, listener } = setUp(
      [false, true],
      "127.0.0.7",
      "127.0.0.8",
    );
    await listener.open(0);
    const { port } = listener.local;
    assertEquals(listener.local.hostname, "127.0.0.7");
    for (const hostname of ["127.0.0.8", "127.0.0.7", "127.0.0.8"]) {
      const waiting = listener.accept();
      using dialled = await tcpTransport.connect({ hostname, port });
      using accepted = (await waiting)!;
      assertEquals(accepted.remote, dialled.local);
      assertEquals(machine.guarded.pop(), accepted);
    }
    const last = listener.accept();
    listener.close();
    listener.close();
    assertEquals([await last, machine.watchers], [undefined, 0]);
    assertEquals(await listener.accept(), undefined);
  },
);

Deno.test("BoundListener needs its first version only", loopback, async () => {
  using taken = await tcpTransport.listen({ hostname: "127.0.0.7", port: 0 });
  const { port } = taken.local;
  const first = setUp([false, true], "127.0.0.7", "127.0.0.8");
  await assertRejects(() => first.listener.open(port), Deno.errors.AddrInUse);
  assertEquals(first.machine.watchers, 0);
  const { machine, listener } = setUp([true, false], "127.0.0.7", "127.0.0.8");
  await listener.open(port);
  assertEquals(listener.local, { hostname: "127.0.0.8", port });
  listener.close();
  assertEquals(machine.watchers, 0);
});

Deno.test(
  "BoundListener comes back on its port, at another address",
  loopback,
  async () => {
    const { machine, listener } = setUp([false], "127.0.0.7");
    await listener.open(0);
    const { port } = listener.local;
    const waiting = listener.accept();
    machine.addresses = [];
    machine.change();
    await assertRejects(() =>
      tcpTransport.connect({ hostname: "127.0.0.7", port })
    );
    machine.addresses = ["127.0.0.8"];
    machine.change();
    using dialled = await tcpTransport.connect({ hostname: "127.0.0.8", port });
    using accepted = (await waiting)!;
    assertEquals(accepted.remote, dialled.local);
    // Where it cannot listen it tries again.
    const taken = await tcpTransport.listen({ hostname: "127.0.0.7", port });
    machine.addresses = ["127.0.0.7"];
    machine.change();
    await drain();
    machine.retry();
    await drain();
    taken.close();
    machine.retry();
    const last = listener.accept();
    using again = await tcpTransport.connect({ hostname: "127.0.0.7", port });
    using _back = (await last)!;
    assertEquals(_back.remote, again.local);
    listener.close();
    // What changes later opens nothing.
    machine.retry();
    machine.addresses = ["127.0.0.8"];
    machine.change();
    await drain();
    await assertRejects(() =>
      tcpTransport.connect({ hostname: "127.0.0.8", port })
    );
  },
);
