import { assertEquals, assertStringIncludes } from "@std/assert";
import { bip } from "../../support/bip_command.ts";
import { planNetwork } from "../../../cli/transfer/transfer.ts";
import { Arguments } from "../../../cli/command.ts";

const flags = ["--unstable-net"];
const permissions = ["--allow-net=127.0.0.9,127.0.0.1,0.0.0.0"];

/** A PCP server on loopback that gives another port. */
function gateway(): Disposable {
  const conn = Deno.listenDatagram({
    transport: "udp",
    hostname: "127.0.0.9",
    port: 5351,
  });
  (async () => {
    for await (const [data, from] of conn) {
      const map = data[0] === 0 && data[1] === 2;
      const reply = new Uint8Array(map ? 16 : 12);
      reply[1] = 0x80 | data[1]!;
      if (data[0] === 2) reply.set([0, 0x81, 0, 1]);
      else if (map) {
        reply.set(data.subarray(4, 6), 8);
        reply.set([0x1b, 0x58, ...data.subarray(8, 12)], 10);
      } else reply.set([11, 0, 0, 1], 8);
      await conn.send(reply, from);
    }
  })().catch(() => {});
  return { [Symbol.dispose]: () => conn.close() };
}

Deno.test("bip portmap - shows what the gateway gives", async () => {
  using _gateway = gateway();
  const args = ["portmap", "--gateway", "127.0.0.9", "--port", "6999"];
  const { code, stdout, stderr } = await bip([...args, "--json"], {
    flags,
    permissions,
  });
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout), {
    gateway: "127.0.0.9",
    protocol: "nat-pmp",
    externalAddress: "11.0.0.1",
    externalPort: 7000,
    port: 6999,
    lifetimeSeconds: 3600,
  });
  const plain = await bip(args, { flags, permissions });
  assertEquals(
    plain.stdout,
    "Gateway   127.0.0.9\nProtocol  NAT-PMP\nExternal  11.0.0.1:7000\n",
  );
});

Deno.test("bip portmap - no gateway, none that answers, wrong options", async () => {
  const run = (...args: string[]) =>
    bip(["portmap", ...args], { flags, permissions });
  const none = await run();
  assertEquals(none.code, 6);
  assertStringIncludes(none.stderr, "--gateway ADDR");
  const silent = await run("--gateway", "127.0.0.9", "--timeout", "1s");
  assertEquals(silent.code, 6);
  assertStringIncludes(silent.stderr, "did not map a port within 1s");
  assertEquals((await run("--gateway", "router")).code, 2);
  assertEquals((await run("--port", "0")).code, 2);
  assertEquals((await run("--timeout", "0")).code, 2);
  assertEquals((await run("--timeout", "11m")).code, 2);
});

Deno.test("download and seed map unless told not to, or on loopback", async () => {
  const plan = async (values: [string, string][], switches: string[] = []) => {
    const given = new Map(values.map(([name, value]) => [name, [value]]));
    const args = new Arguments([], given, new Set(switches));
    return (await planNetwork(args)).options.portMap;
  };
  assertEquals(await plan([]), {});
  assertEquals(await plan([], ["no-port-map"]), false);
  assertEquals(await plan([["listen", "127.0.0.1"]]), false);
  assertEquals(await plan([["listen", "::1"]]), false);
});
