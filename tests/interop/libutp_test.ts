// Byte streams from and to libutp, which many clients speak uTP with.
import { assertEquals, assertRejects } from "@std/assert";
import { type ByteConnection, writeAll } from "../../_shared/byte_conn.ts";
import { fromFileUrl } from "../support/paths.ts";
import { Child } from "../support/process.ts";
import { UtpError, UtpTransport } from "../../utp/mod.ts";
import { interopTest, TOOLS } from "./programs.ts";

const BYTES = 3_000_000;
const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

function startLibutp(...args: string[]): Child {
  const script = new URL("./peers/libutp_peer.cjs", import.meta.url);
  return new Child("node", {
    args: [fromFileUrl(script), ...args],
    env: { NODE_PATH: `${TOOLS}/node_modules` },
  });
}

interopTest("a libutp server echoes what we send", ["utp-native"], async () => {
  await using server = startLibutp("echo");
  const port = Number((await server.line("listening")).port);
  using transport = new UtpTransport();
  const connection = await transport.connect({ ...LOOPBACK, port });
  const data = new Uint8Array(BYTES).map((_, i) => i * 31);
  const got = new Uint8Array(BYTES);
  const read = async () => {
    for (let at = 0; at < BYTES;) {
      at += (await connection.read(got.subarray(at)))!;
    }
  };
  await Promise.all([writeAll(connection, data), read()]);
  assertEquals(got, data);
  connection.close();
  assertEquals((await server.line("ended")).received, BYTES);
  await server.line("closed");
  assertEquals(server.lines.some(({ type }) => type === "error"), false);
});

interopTest("a libutp client gets its bytes back", ["utp-native"], async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  const { port } = listener.local;
  await using client = startLibutp("send", `${port}`, `${BYTES}`);
  const connection = (await listener.accept())!;
  await echo(connection);
  connection.close();
  assertEquals((await client.line("complete")).received, BYTES);
  await client.line("ended");
  await client.line("closed");
  for (const type of ["error", "corrupt"]) {
    assertEquals(client.lines.some((line) => line.type === type), false);
  }
});

interopTest("libutp hears that we broke off", ["utp-native"], async () => {
  using transport = new UtpTransport();
  using listener = await transport.listen(LOOPBACK);
  const { port } = listener.local;
  await using client = startLibutp("send", `${port}`, `${BYTES}`);
  const connection = (await listener.accept())!;
  await connection.read(new Uint8Array(100));
  transport.close();
  await assertRejects(() => connection.read(new Uint8Array(1)), UtpError);
  assertEquals((await client.line("error")).code, "UTP_ECONNRESET");
});

/** Sends back what comes, to the end. */
async function echo(connection: ByteConnection): Promise<void> {
  const buffer = new Uint8Array(65536);
  while (true) {
    const count = await connection.read(buffer);
    if (count === null) return;
    await writeAll(connection, buffer.subarray(0, count));
  }
}
