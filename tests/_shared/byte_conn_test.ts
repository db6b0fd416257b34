import { assertEquals, assertRejects } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import {
  type ByteConnection,
  joinListeners,
  tcpTransport,
} from "../../_shared/byte_conn.ts";

const anywhere = { permissions: { net: true } } as const;

/** Dials a listener and sees who comes. */
async function meet(hostname: string, port: number): Promise<ByteConnection> {
  return await tcpTransport.connect({ hostname, port });
}

Deno.test(
  "tcpTransport listens at :: for both IP versions",
  anywhere,
  async () => {
    using listener = await tcpTransport.listen({ hostname: "::", port: 0 });
    assertEquals(listener.local.hostname, "::");
    for (const hostname of ["127.0.0.1", "::1"]) {
      using near = await meet(hostname, listener.local.port);
      using far = await listener.accept();
      assertEquals(far!.remote.hostname, hostname);
      assertEquals(near.remote.port, listener.local.port);
    }
  },
);

/** A listener that is told what comes. */
class Fake {
  readonly calls: PromiseWithResolvers<ByteConnection | undefined>[] = [];
  readonly local: Endpoint;
  isClosed = false;
  constructor(hostname: string) {
    this.local = { hostname, port: 1 };
  }
  accept(): Promise<ByteConnection | undefined> {
    this.calls.push(Promise.withResolvers());
    return this.calls.at(-1)!.promise;
  }
  close(): void {
    this.isClosed = true;
    for (const { resolve } of this.calls) resolve(undefined);
  }
  [Symbol.dispose](): void {
    this.close();
  }
}

Deno.test("joinListeners() accepts at all of them and loses nothing", {
  permissions: "none",
}, async () => {
  const [a, b] = [new Fake("::"), new Fake("0.0.0.0")];
  const both = joinListeners([a, b]);
  assertEquals(both.local, a.local);
  const [one, two, three] = [1, 2, 3].map((port) =>
    ({ remote: { hostname: "1.1.1.1", port } }) as ByteConnection
  );
  const first = both.accept();
  a.calls[0]!.resolve(one);
  assertEquals(await first, one);
  // It comes while nobody waits.
  b.calls[0]!.resolve(two);
  await Promise.resolve();
  assertEquals(await both.accept(), two);
  const third = both.accept();
  b.calls[1]!.reject(new Error("too many files"));
  await assertRejects(() => third, Error, "too many files");
  const fourth = both.accept();
  a.calls[1]!.resolve(three);
  assertEquals(await fourth, three);
  const last = both.accept();
  b.close();
  assertEquals([await last, a.isClosed], [undefined, true]);
});
