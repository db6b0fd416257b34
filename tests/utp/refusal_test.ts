import { assertEquals } from "@std/assert";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import type { UtpError } from "../../utp/error.ts";
import { refuseUtp } from "../../utp/refusal.ts";
import { UtpTransport } from "../../utp/transport.ts";

Deno.test("who asks for uTP is refused, other datagrams pass", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    const at = { hostname, port: 0 };
    using socket = refuseUtp(await openDatagramSocket(at));
    const receiving = socket.receive();
    using transport = new UtpTransport();
    const error = await transport.connect(socket.local).catch((e) => e);
    assertEquals((error as UtpError).code, "refused");
    using other = await openDatagramSocket(at);
    await other.send(Uint8Array.of(0x64), socket.local);
    assertEquals((await receiving)!.from.port, other.local.port);
    await socket.send(Uint8Array.of(7), other.local);
    assertEquals((await other.receive())!.data[0], 7);
    const ending = socket.receive();
    socket.close();
    assertEquals(await ending, undefined);
  }
});
