import { assertEquals, assertRejects } from "@std/assert";
import type { ByteTransport } from "../../_shared/byte_conn.ts";
import { Session } from "../../client/session.ts";

Deno.test("Session.open() ends with a signal that fires meanwhile", {
  permissions: "none",
}, async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  const transport: ByteTransport = {
    name: "sim",
    connect: () => Promise.reject(reason),
    listen(local) {
      stop.abort(reason);
      return Promise.resolve({
        local,
        accept: () => closed.then(() => undefined),
        close: resolve,
        [Symbol.dispose]: resolve,
      });
    },
  };
  const opening = Session.open({
    signal: stop.signal,
    transports: [transport],
    listen: { hostname: "10.0.0.1", port: 1 },
  });
  assertEquals(await assertRejects(() => opening), reason);
  await closed;
});
