import { assert, assertEquals, assertThrows } from "@std/assert";
import { Daemon } from "../../daemon/daemon.ts";
import {
  DaemonServer,
  type DaemonServerOptions,
} from "../../daemon/daemon_server.ts";
import { RemoteClient } from "../../daemon/remote_client.ts";

const LISTEN = { hostname: "127.0.0.1", port: 0 };

async function open(options: DaemonServerOptions = {}) {
  const daemon = await Daemon.open({
    state: ":memory:",
    session: { listen: false, dht: false, lpd: false, portMap: false },
  });
  const server = DaemonServer.open(daemon, { listen: LISTEN, ...options });
  return {
    daemon,
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      await daemon.close();
    },
  };
}

Deno.test("DaemonServer - a remote gets in by the way of the protocol", async () => {
  let ends = 0;
  await using world = await open({
    onShutdown: () => ends++,
    routes: [{
      path: "/hello",
      methods: ["GET"],
      handle: () => ({ status: 200, body: "hello" }),
    }],
  });
  const { server, daemon } = world;
  const url = `${server.url}transmission/rpc`;
  const refused = await fetch(url, { method: "POST", body: "{}" });
  assertEquals(refused.status, 409);
  const id = refused.headers.get("x-transmission-session-id")!;
  assertEquals(refused.headers.get("x-transmission-rpc-version"), "6.0.1");
  assert((await refused.text()).includes("X-Transmission-Session-Id"));
  assert(/^[\w-]{48}$/.test(id), id);
  const headers = { "x-transmission-session-id": id };
  const get = await fetch(url, { headers });
  assertEquals([get.status, await get.text()], [405, "Only POST\n"]);
  const silent = await fetch(`${url}/`, {
    method: "POST",
    headers,
    body: '{"jsonrpc":"2.0","method":"session_stats"}',
  });
  assertEquals([silent.status, await silent.text()], [204, ""]);
  const remote = new RemoteClient({ url: server.url });
  const { download_dir: dir } = await remote.call("session_get", {
    fields: ["download_dir"],
  });
  assertEquals(dir, daemon.settings.downloadDir);
  await remote.call("session_close");
  assertEquals(ends, 1);
  const hello = await fetch(`${server.url}hello`);
  assertEquals(await hello.text(), "hello");
});

Deno.test("DaemonServer - a forged request of a page changes nothing", async () => {
  await using world = await open();
  const { server, daemon } = world;
  const body = JSON.stringify({
    method: "session-set",
    arguments: { "dht-enabled": false },
  });
  // A form of another page can send no header of its own.
  const form = await fetch(`${server.url}transmission/rpc`, {
    method: "POST",
    headers: { "content-type": "text/plain" },
    body,
  });
  assertEquals(form.status, 409);
  await form.body?.cancel();
  const guess = await fetch(`${server.url}transmission/rpc`, {
    method: "POST",
    headers: { "x-transmission-session-id": "A".repeat(48) },
    body,
  });
  assertEquals(guess.status, 409);
  await guess.body?.cancel();
  assertEquals(daemon.settings.dht, true);
});

Deno.test("DaemonServer - with a login, and where it may listen", async () => {
  await using world = await open({ login: "me:secret" });
  const { server, daemon } = world;
  const wrong = await fetch(server.url);
  assertEquals(wrong.status, 401);
  await wrong.body?.cancel();
  const remote = new RemoteClient({ url: server.url, login: "me:secret" });
  assertEquals((await remote.call("session_stats")).torrent_count, 0);
  assertThrows(
    () => DaemonServer.open(daemon, { listen: { ...LISTEN, hostname: "::" } }),
    TypeError,
    "without a login",
  );
  assertThrows(
    () => DaemonServer.open(daemon, { listen: LISTEN, login: "secret" }),
    SyntaxError,
  );
  assertThrows(
    () => DaemonServer.open(daemon, { listen: server.local }),
    Deno.errors.AddrInUse,
  );
  await using exposed = DaemonServer.open(daemon, {
    listen: { hostname: "0.0.0.0", port: 0 },
    login: "me:secret",
  });
  assert(exposed.warning?.includes("no TLS"));
  assertEquals(server.warning, undefined);
});
