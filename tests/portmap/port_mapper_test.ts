import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodeText } from "../../_shared/bytes.ts";
import { seededRandom } from "../../_shared/random.ts";
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import {
  type PortMapEvent,
  PortMapper,
  type PortMapperOptions,
} from "../../portmap/mod.ts";
import { DatagramNetwork } from "../../testing/datagram_network.ts";
import { MemoryNetwork } from "../../testing/memory_network.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { DESCRIPTION, soap } from "../support/igd_world.ts";

const none = { permissions: "none" } as const;
const GATEWAY = "192.168.1.1";
const LOCAL = "192.168.1.2";
const ports = [{ protocol: "tcp", port: 6881 }] as const;

/** A gateway that answers datagrams and connections in memory. */
class World implements Disposable {
  readonly clock = new SimClock();
  readonly datagrams = new DatagramNetwork({
    clock: this.clock,
    seed: 1,
    latencyMs: [1, 1],
  });
  readonly streams = new MemoryNetwork({ clock: this.clock, latencyMs: 1 });
  readonly asked: string[] = [];
  readonly #open: Disposable[] = [];

  options(more: Partial<PortMapperOptions> = {}): PortMapperOptions {
    return {
      ports,
      gateway: GATEWAY,
      local: LOCAL,
      clock: this.clock,
      random: seededRandom(1),
      transport: this.streams.transport(LOCAL),
      socket: ({ hostname = LOCAL, port = 0 }) =>
        Promise.resolve(this.datagrams.socket({ hostname, port })),
      ...more,
    };
  }

  /** Answers datagrams at a port of the gateway. */
  async serve(
    port: number,
    answer: (data: Uint8Array) => Uint8Array | undefined,
  ) {
    const socket = this.datagrams.socket({ hostname: GATEWAY, port });
    this.#open.push(socket);
    for (let one; (one = await socket.receive()) !== undefined;) {
      this.asked.push(`${port}`);
      const reply = answer(one.data);
      if (reply !== undefined) void socket.send(reply, one.from);
    }
  }

  /** Announces a description, and serves connections. */
  async upnp(speak: (text: string, conn: ByteConnection) => Promise<void>) {
    void this.serve(1900, () =>
      encodeText(
        `HTTP/1.1 200 OK\r\nLOCATION: http://${GATEWAY}:5000/a\r\n\r\n`,
      ));
    const listener = await this.streams.transport(GATEWAY).listen({
      hostname: GATEWAY,
      port: 5000,
    });
    this.#open.push(listener);
    for (let conn; (conn = await listener.accept()) !== undefined;) {
      const buffer = new Uint8Array(4096);
      const length = await conn.read(buffer) ?? 0;
      const text = new TextDecoder().decode(buffer.subarray(0, length));
      this.asked.push(/#(\w+)/.exec(text)?.[1] ?? text.split(" ")[1]!);
      speak(text, conn).catch(() => {}).finally(() => conn!.close());
    }
  }

  [Symbol.dispose]() {
    for (const one of this.#open) one[Symbol.dispose]();
  }
}

function grant(data: Uint8Array): Uint8Array {
  const reply = data.slice();
  reply[1]! |= 0x80;
  reply[3] = 0;
  reply.set([11, 0, 0, 1], 56);
  return reply;
}

async function collect(mapper: PortMapper): Promise<PortMapEvent[]> {
  return await Array.fromAsync(mapper.events());
}

Deno.test(
  "PortMapper - maps by PCP, tells, removes at the end",
  none,
  async () => {
    using world = new World();
    const lives: number[] = [];
    void world.serve(5351, (data) => {
      lives.push(new DataView(data.buffer, data.byteOffset).getUint32(4));
      return grant(data);
    });
    const mapper = await PortMapper.open(world.options());
    const events = collect(mapper);
    assertEquals(mapper.gateway, GATEWAY);
    await world.clock.advance(10);
    assertEquals(
      mapper.mappings().map(({ via, externalPort }) => [via, externalPort]),
      [
        ["pcp", 6881],
      ],
    );
    // Who comes later is told what there is.
    const late = mapper.events()[Symbol.asyncIterator]();
    assertEquals((await late.next()).value?.type, "mapped");
    const closed = mapper.close();
    assertEquals(closed, mapper.close());
    await world.clock.advance(10);
    await closed;
    await mapper.closed;
    assertEquals(lives, [3600, 0]);
    assertEquals((await events).map(({ type }) => type), ["mapped"]);
    assertEquals((await late.next()).done, true);
    assertEquals(world.clock.pending, 0);
  },
);

Deno.test("PortMapper - maps by UPnP over its transport", none, async () => {
  using world = new World();
  void world.upnp(async (text, conn) => {
    const action = /#(\w+)/.exec(text)?.[1];
    // The longest that is read.
    const body = action === undefined
      ? DESCRIPTION.padEnd(65_536)
      : soap(action, "<NewExternalIPAddress>11.0.0.1</NewExternalIPAddress>");
    await writeAll(conn, encodeText(`HTTP/1.1 200 OK\r\n\r\n${body}`));
  });
  const mapper = await PortMapper.open(world.options({ local: undefined }));
  await world.clock.advance(2000);
  assertEquals(mapper.mappings()[0]?.via, "upnp");
  const closed = mapper.close();
  await world.clock.advance(100);
  await closed;
  assertEquals(world.asked.filter((what) => what !== "1900"), [
    "/a",
    "GetExternalIPAddress",
    "AddPortMapping",
    "DeletePortMapping",
  ]);
});

Deno.test(
  "PortMapper - answers without end, slow ones, redirects, bombs",
  none,
  async () => {
    const endless = async (_: string, conn: ByteConnection) => {
      await conn.write(encodeText("HTTP/1.1 200 OK\r\n\r\n"));
      while (true) await conn.write(new Uint8Array(4096).fill(0x20));
    };
    const silent = async (_: string, conn: ByteConnection) => {
      while (await conn.read(new Uint8Array(1)) !== null);
    };
    const say =
      (text: string, more?: string) =>
      async (_: string, conn: ByteConnection) => {
        await writeAll(conn, encodeText(text));
        while (more !== undefined) await writeAll(conn, encodeText(more));
      };
    const head = "HTTP/1.1 200 OK\r\n";
    const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n`;
    const entities =
      '<!DOCTYPE r [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;">]><r>&b;</r>';
    for (
      const speak of [
        endless,
        silent,
        say("HTTP/1.1 302 Found\r\nLocation: http://10.0.0.9/\r\n\r\n"),
        say(`HTTP/1.1 200 OK\r\n\r\n${entities}`),
        say(`HTTP/1.1 200 OK\r\n\r\n${"<a>".repeat(20_000)}`),
        // Each would be a good answer if it were not for what is odd about it.
        say(`${head}Content-Encoding: gzip\r\n\r\n${DESCRIPTION}`),
        say(
          `${head}Content-Length: 65537\r\n\r\n${DESCRIPTION.padEnd(65_537)}`,
        ),
        say(`${head}Content-Length: 999\r\n\r\n${DESCRIPTION}`),
        say(`${head}A: ${"b".repeat(16_384)}\r\n\r\n${DESCRIPTION}`),
        say(head, "A: b\r\n"),
        say(chunked, "1\r\nx\r\n"),
      ]
    ) {
      using world = new World();
      void world.upnp(speak);
      const mapper = await PortMapper.open(world.options());
      const events = collect(mapper);
      await world.clock.advance(200_000);
      assertEquals(world.asked.filter((what) => what !== "1900"), ["/a"]);
      const closed = mapper.close();
      await world.clock.advance(2000);
      await closed;
      const [failed] = await events;
      assert(failed?.type === "failed");
      assert(failed.reason.endsWith("upnp: the gateway offers no connection"));
    }
  },
);

Deno.test(
  "PortMapper - closes while a request is under way",
  none,
  async () => {
    using world = new World();
    void world.upnp(async (_, conn) => {
      while (await conn.read(new Uint8Array(1)) !== null);
    });
    const controller = new AbortController();
    const mapper = await PortMapper.open(
      world.options({ signal: controller.signal }),
    );
    await world.clock.advance(100);
    assertEquals(world.asked.at(-1), "/a");
    controller.abort();
    await world.clock.advance(2000);
    await mapper.closed;
  },
);

Deno.test(
  "PortMapper - looks for another gateway every minute",
  none,
  async () => {
    using world = new World();
    let gateway: string | undefined;
    const mapper = await PortMapper.open(
      world.options({ gateway: () => Promise.resolve(gateway) }),
    );
    const events = collect(mapper);
    assertEquals(mapper.gateway, undefined);
    void world.serve(5351, grant);
    gateway = GATEWAY;
    await world.clock.advance(59_999);
    assertEquals(mapper.gateway, undefined);
    await world.clock.advance(10);
    assertEquals(mapper.mappings().length, 1);
    gateway = undefined;
    await world.clock.advance(60_000);
    await mapper.close();
    assertEquals((await events).map(({ type }) => type), [
      "gateway",
      "mapped",
      "unmapped",
      "gateway",
    ]);
  },
);

Deno.test(
  "PortMapper - wrong options, and a signal that fired",
  none,
  async () => {
    using world = new World();
    const open = (more: Partial<PortMapperOptions>) =>
      PortMapper.open(world.options(more));
    await assertRejects(
      () => open({ gateway: "router" }),
      RangeError,
      "router",
    );
    await assertRejects(() => open({ ports: [] }), RangeError, "1 to 50");
    const signal = AbortSignal.abort(new Error("stop"));
    await assertRejects(() => open({ signal }), Error, "stop");
    const failing = () => Promise.reject(new Error("no socket"));
    await assertRejects(() => open({ socket: failing }), Error, "no socket");
    // By itself, without a permission, it finds no gateway and asks for nothing.
    const mapper = await open({ gateway: undefined });
    assertEquals(mapper.gateway, undefined);
    await mapper.close();
    assertEquals(world.datagrams.stats.sent, 0);
  },
);
