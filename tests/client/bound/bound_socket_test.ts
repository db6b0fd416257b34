import { assertEquals, assertRejects } from "@std/assert";
import type { Datagram, DatagramSocket } from "../../../_shared/datagram.ts";
import { BoundSocket } from "../../../client/bound/bound_socket.ts";
import { drain } from "../../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;
const TO = { hostname: "192.0.2.9", port: 9 };

/** A socket of the system, and what was done with it. */
function fakeSocket(hostname: string, port: number) {
  const state = {
    dropped: 0,
    sent: 0,
    isClosed: false,
    give: (_: Datagram | undefined) => {},
  };
  const socket = {
    local: { hostname, port },
    get dropped() {
      return state.dropped;
    },
    receive: () => new Promise((resolve) => state.give = resolve),
    send: () => (state.sent++, Promise.resolve()),
    close() {
      state.isClosed = true;
      state.give(undefined);
    },
  } as unknown as DatagramSocket;
  return { socket, state };
}

/** A bound socket, and a machine whose address comes and goes. */
function setUp() {
  const first = fakeSocket("192.0.2.1", 7000);
  const opened: [number, ReturnType<typeof fakeSocket> | undefined][] = [];
  const machine = {
    address: "192.0.2.1" as string | undefined,
    /** Which ports can be had. */
    isFree: (_port: number) => true,
    wait: Promise.resolve(),
    watchers: 1,
    change: () => {},
    retry: () => {},
    opened,
  };
  const open = async (port: number) => {
    const { address } = machine;
    const made = machine.isFree(port)
      ? fakeSocket(address!, port || 7777)
      : undefined;
    opened.push([port, made]);
    await machine.wait;
    if (made === undefined) throw new Error("Taken");
    return made.socket;
  };
  const socket = new BoundSocket(first.socket, open, {
    address: () => machine.address,
    watch(onChange) {
      machine.change = onChange;
      return () => machine.watchers--;
    },
    later: (retry) => void (machine.retry = retry),
  });
  const become = async (address?: string) => {
    machine.address = address;
    machine.change();
    await drain();
  };
  return { socket, first: first.state, machine, become };
}

const datagram = (n: number) => ({ data: Uint8Array.of(n), from: TO });

Deno.test(
  "BoundSocket is silent while its address is gone, and back on its port",
  pure,
  async () => {
    const { socket, first, machine, become } = setUp();
    assertEquals(socket.local, { hostname: "192.0.2.1", port: 7000 });
    await socket.send(Uint8Array.of(1), TO);
    const one = socket.receive();
    first.give(datagram(1));
    assertEquals((await one)!.data, Uint8Array.of(1));
    // Another interface changed.
    await become("192.0.2.1");
    assertEquals([first.isClosed, machine.opened.length], [false, 0]);
    first.dropped = 3;
    const waiting = socket.receive();
    await become();
    assertEquals([first.isClosed, socket.dropped, first.sent], [true, 3, 1]);
    await assertRejects(() => socket.send(Uint8Array.of(2), TO), Error, "gone");
    assertEquals(machine.opened, []);
    await become("192.0.2.2");
    const [[port, second]] = machine.opened as [
      [number, ReturnType<typeof fakeSocket>],
    ];
    assertEquals([port, socket.local.hostname], [7000, "192.0.2.2"]);
    second.state.dropped = 2;
    second.state.give(datagram(2));
    assertEquals((await waiting)!.data, Uint8Array.of(2));
    assertEquals([socket.dropped, machine.watchers], [5, 1]);
  },
);

Deno.test(
  "BoundSocket takes another port where its own is taken, or waits",
  pure,
  async () => {
    const { socket, machine, become } = setUp();
    machine.isFree = (port) => port === 0;
    await become("192.0.2.2");
    assertEquals(machine.opened.map(([port]) => port), [7000, 0]);
    assertEquals(socket.local, { hostname: "192.0.2.2", port: 7777 });
    machine.isFree = () => false;
    await become("192.0.2.3");
    assertEquals(socket.local, { hostname: "192.0.2.2", port: 7777 });
    await assertRejects(() => socket.send(Uint8Array.of(1), TO), Error, "gone");
    // It may be that the address cannot be used yet.
    machine.retry();
    await drain();
    machine.isFree = () => true;
    machine.retry();
    await drain();
    assertEquals(socket.local, { hostname: "192.0.2.3", port: 7777 });
    await socket.send(Uint8Array.of(1), TO);
    const tried = machine.opened.length;
    socket.close();
    machine.retry();
    assertEquals(machine.opened.length, tried);
  },
);

Deno.test(
  "BoundSocket leaves no socket open that came too late",
  pure,
  async () => {
    for (const isClosed of [false, true]) {
      const { socket, machine, become } = setUp();
      const gate = Promise.withResolvers<void>();
      machine.wait = gate.promise;
      await become("192.0.2.2");
      if (isClosed) socket.close();
      else await become();
      gate.resolve();
      await drain();
      assertEquals(machine.opened.map(([, made]) => made!.state.isClosed), [
        true,
      ]);
      await assertRejects(
        () => socket.send(Uint8Array.of(1), TO),
        Error,
        "gone",
      );
      socket.close();
      assertEquals(machine.watchers, 0);
    }
  },
);

Deno.test(
  "BoundSocket ends with close(), and when the system closes it",
  pure,
  async () => {
    const closed = setUp();
    const waiting = closed.socket.receive();
    closed.socket.close();
    closed.socket.close();
    assertEquals(await waiting, undefined);
    assertEquals(await closed.socket.receive(), undefined);
    assertEquals([closed.machine.watchers, closed.first.isClosed], [0, true]);
    const gone = setUp();
    await gone.become();
    const silent = gone.socket.receive();
    await drain();
    gone.socket.close();
    assertEquals(await silent, undefined);
    const lost = setUp();
    const last = lost.socket.receive();
    lost.first.give(undefined);
    assertEquals([await last, lost.machine.watchers], [undefined, 0]);
  },
);
