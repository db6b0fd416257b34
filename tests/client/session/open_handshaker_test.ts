import { assert, assertEquals } from "@std/assert";
import { PeerPlaces } from "../../../client/limits/peer_places.ts";
import { openHandshaker } from "../../../client/session/open_handshaker.ts";
import { openPrivacy } from "../../../client/session/privacy.ts";
import { openDatagramSocket } from "../../../_shared/datagram.ts";
import { tcpTransport } from "../../../_shared/byte_conn.ts";
import type { SessionOptions } from "../../../client/types.ts";

const LOCAL = { hostname: "127.0.0.1", port: 0 };

async function opened(
  options: SessionOptions,
  look: (
    opened: Awaited<ReturnType<typeof openHandshaker>>,
  ) => void | Promise<void>,
): Promise<void> {
  const privacy = await openPrivacy(options);
  const both = await openHandshaker(privacy, new PeerPlaces(9));
  try {
    await look(both);
  } finally {
    await both.handshaker.close();
    both.utp?.transport.close();
    await privacy.close();
  }
}

Deno.test("openHandshaker() listens by TCP and uTP at one port, unless told not to", async () => {
  await opened({ listen: LOCAL }, ({ handshaker, utp }) => {
    assertEquals(utp!.port, handshaker.local!.port);
    assertEquals(handshaker.locals.length, 2);
  });
  for (
    const options of [
      { utp: "off" },
      { transports: [tcpTransport] },
    ] as const
  ) {
    await opened({ listen: LOCAL, ...options }, ({ handshaker, utp }) => {
      assertEquals(utp, undefined);
      assertEquals(handshaker.locals.length, 1);
    });
  }
  await opened({ listen: false }, ({ handshaker }) => {
    assertEquals(handshaker.local, undefined);
  });
});

Deno.test("openHandshaker() listens by TCP where another has the UDP port", async () => {
  const udp = await openDatagramSocket(LOCAL);
  try {
    const { port } = udp.local;
    await opened({ listen: { ...LOCAL, port } }, ({ handshaker, utp }) => {
      assertEquals(handshaker.local!.port, port);
      assert(utp!.port !== port);
    });
  } finally {
    udp.close();
  }
});
