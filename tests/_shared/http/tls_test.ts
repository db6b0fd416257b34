import { assert, assertEquals, assertRejects } from "@std/assert";
import { tcpTransport } from "../../../_shared/byte_conn.ts";
import { secureConnection } from "../../../_shared/http/tls.ts";
import { fromFileUrl, TempDir } from "../../support/paths.ts";
import { Child } from "../../support/process.ts";
import { AUTHORITY, SERVER } from "../../support/tls.ts";

Deno.test("secureConnection(): the certificate must be of the name that was asked", async () => {
  await using temp = new TempDir();
  const authority = temp.join("authority.pem");
  await Deno.writeTextFile(authority, AUTHORITY);
  const script = new URL("./tls_child.ts", import.meta.url);
  await using child = new Child(Deno.execPath(), {
    args: [
      "run",
      "-q",
      "--no-check",
      `--cert=${authority}`,
      "--allow-net=127.0.0.1",
      fromFileUrl(script),
    ],
  });
  const { code, lines, stderr } = await child.result;
  assertEquals(code, 0, stderr);
  const results = new Map(lines.map(({ host, result }) => [host, result]));
  assertEquals(results.get("web.example"), 3_000_000);
  assertEquals(results.get("127.0.0.1"), 3_000_000);
  // One of them was asked twice on the same connection.
  assertEquals(results.get("all"), 4);
  for (const host of ["other.example", "[::1]"]) {
    assert(`${results.get(host)}`.includes("altnames"), `${host}: ${stderr}`);
  }
});

Deno.test("secureConnection(): nobody else's certificates, no plain text, no end", async () => {
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, ...SERVER, onListen() {} },
    () => new Response("x"),
  );
  const open = (port: number) =>
    tcpTransport.connect({ hostname: "127.0.0.1", port });
  const unknown = await open(server.addr.port);
  await assertRejects(() => secureConnection(unknown, "web.example"), Error);
  // It was closed.
  await assertRejects(() => unknown.write(Uint8Array.of(1)));
  using plain = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = plain.addr as Deno.NetAddr;
  for (const answer of ["HTTP/1.1 400 plain\r\n\r\n", ""]) {
    const connection = await open(port);
    const secure = secureConnection(connection, "web.example");
    secure.catch(() => {});
    using other = await plain.accept();
    await other.read(new Uint8Array(2000));
    await other.write(new TextEncoder().encode(answer));
    await other.closeWrite();
    await assertRejects(() => secure, Error);
  }
});
