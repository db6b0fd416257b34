import { assertEquals, assertThrows } from "@std/assert";
import { encodeText } from "../../_shared/bytes.ts";
import { HttpsListener } from "../../tracker/https_listener.ts";
import { AUTHORITY, SERVER } from "../support/tls.ts";

const local = { hostname: "127.0.0.1", port: 0 };

Deno.test("HttpsListener: what is closed is closed, though hands were never shaken", async () => {
  const listener = new HttpsListener(local, SERVER);
  for (const said of ["", "\x16\x03\x01", "GET / HTTP/1.1\r\n\r\n"]) {
    using client = await Deno.connect(listener.addr as Deno.ConnectOptions);
    const conn = await listener.accept();
    assertEquals(conn.remoteAddr.port, (client.localAddr as Deno.NetAddr).port);
    const reading = conn.read(new Uint8Array(9)).then(String, () => "rejected");
    if (said !== "") await client.write(encodeText(said));
    if (!said.startsWith("GET")) conn.close();
    const ended = async () => {
      while (await client.read(new Uint8Array(99)) !== null);
      return "ended";
    };
    assertEquals(await ended().catch(() => "ended"), "ended", said);
    assertEquals(await reading, "rejected", said);
    conn.close();
  }
  listener.close();
});

Deno.test("HttpsListener: bytes go both ways", async () => {
  const listener = new HttpsListener(local, SERVER);
  const connecting = Deno.connectTls({
    ...listener.addr,
    caCerts: [AUTHORITY],
  });
  const conn = await listener.accept();
  const buffer = new Uint8Array(9);
  const reading = conn.read(buffer);
  using client = await connecting;
  await client.write(Uint8Array.of(1, 2, 3));
  assertEquals([await reading, buffer[2]], [3, 3]);
  assertEquals(await conn.write(Uint8Array.of(4, 5)), 2);
  await conn.closeWrite();
  assertEquals([await client.read(buffer), buffer[1]], [2, 5]);
  assertEquals(await client.read(buffer), null);
  conn.close();
  conn.close();
  listener.close();
});

Deno.test("HttpsListener: a certificate that is none is refused at once", () => {
  const tls = { cert: "no", key: "no" };
  assertThrows(() => new HttpsListener(local, tls), Error, "certificate");
});
