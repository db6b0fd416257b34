import { assert, assertEquals } from "@std/assert";
import { wrapDatagramConn } from "../../_shared/datagram.ts";

/** A socket that does as it is told. */
class FakeConn {
  readonly addr = { transport: "udp", hostname: "127.0.0.1", port: 5 } as const;
  calls = 0;
  isClosed = false;
  readonly #receive: (call: number) => Uint8Array | Error;

  constructor(receive: (call: number) => Uint8Array | Error) {
    this.#receive = receive;
  }

  receive(): Promise<[Uint8Array, Deno.Addr]> {
    if (this.isClosed) return Promise.reject(new Deno.errors.BadResource("x"));
    const result = this.#receive(++this.calls);
    return result instanceof Error
      ? Promise.reject(result)
      : Promise.resolve([result, this.addr]);
  }

  close(): void {
    this.isClosed = true;
  }

  open() {
    return wrapDatagramConn(this as unknown as Deno.DatagramConn);
  }
}

Deno.test("a socket passes over errors of earlier sends", async () => {
  const refused = new Deno.errors.ConnectionRefused("os error 111");
  const conn = new FakeConn((call) =>
    call % 10 === 0 ? new Uint8Array(call) : refused
  );
  using socket = conn.open();
  for (let i = 1; i <= 50; i++) {
    assertEquals((await socket.receive())?.data.length, 10 * i);
  }
});

Deno.test("a socket that only fails does not spin, and closes at once", async () => {
  const conn = new FakeConn(() => new Error("Network is down (os error 100)"));
  const socket = conn.open();
  const received = socket.receive();
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert(conn.calls > 64 && conn.calls < 70, `${conn.calls} calls`);
  const start = performance.now();
  socket.close();
  assertEquals(await received, undefined);
  assert(performance.now() - start < 90);
});
