import { assertEquals } from "@std/assert";
import {
  checkCandidate,
  connectFailure,
} from "../../../handshake/core/failure.ts";
import { ProxyError } from "../../../handshake/proxy.ts";

Deno.test("checkCandidate() says what cannot be dialled", {
  permissions: "none",
}, () => {
  const code = (hostname: string, port: number, bytes = 20) =>
    checkCandidate({
      infoHash: new Uint8Array(bytes),
      address: { hostname, port },
    })?.code;
  for (const port of [1, 65535]) {
    assertEquals(code("93.0.0.1", port), undefined);
  }
  for (const port of [0, -1, 65536, 1.5, NaN]) {
    assertEquals(code("93.0.0.1", port), "invalid-candidate");
  }
  assertEquals(code("93.0.0.1", 1, 19), "invalid-candidate");
  assertEquals(code("x".repeat(255), 1), undefined);
  for (const hostname of ["", "x".repeat(256)]) {
    assertEquals(code(hostname, 1), "invalid-candidate");
  }
});

Deno.test("connectFailure() tells what a proxy does wrong once", {
  permissions: "none",
}, () => {
  const cause = new Error("Connection refused");
  const error = connectFailure(
    new ProxyError("proxy-unreachable", "Cannot reach the proxy", { cause }),
  );
  assertEquals(
    [error.code, error.message, error.cause],
    ["proxy-failed", "Cannot reach the proxy", cause],
  );
});
