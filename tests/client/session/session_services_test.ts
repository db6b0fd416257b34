import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Session } from "../../../client/session.ts";
import { UtpError, UtpTransport } from "../../../utp/mod.ts";

const loopback = { permissions: { net: ["127.0.0.1"] } };
const listen = { hostname: "127.0.0.1", port: 0 };

Deno.test(
  "a session's DHT node is where it listens, or beside",
  loopback,
  async () => {
    await using first = await Session.open({ listen, dht: { bootstrap: [] } });
    const { port } = first.local!;
    assertEquals(
      first.dht!.locals.map(({ hostname, port }) => [
        hostname,
        port,
      ]),
      [["127.0.0.1", port]],
    );
    // The UDP port belongs to somebody else.
    const taken = await Session.open({
      listen,
      dht: { bootstrap: [], port: 0 },
    });
    const udp = taken.dht!.locals[0]!;
    await using second = await Session.open({
      listen: { hostname: "127.0.0.1", port: udp.port },
      dht: { bootstrap: [] },
    });
    const [other] = second.dht!.locals;
    assertEquals(other!.hostname, "127.0.0.1");
    assertNotEquals(other!.port, udp.port);
    assert(other!.port > 0);
    await taken.close();
  },
);

Deno.test("a DHT node without uTP beside it refuses uTP", async () => {
  await using session = await Session.open({
    listen,
    dht: { bootstrap: [] },
    utp: "off",
  });
  using transport = new UtpTransport();
  const error = await transport.connect(session.local!).catch((e) => e);
  assert(error instanceof UtpError);
  assertEquals(error.code, "refused");
});
