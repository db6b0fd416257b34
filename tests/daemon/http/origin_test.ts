import { assertEquals } from "@std/assert";
import { judgeOrigin } from "../../../daemon/http/origin.ts";
import type { HttpRequest } from "../../../tracker/http_request.ts";

const permissions = "none";

const RULES = {
  hosts: ["bip.example.", "*.example.org"],
  origins: ["moz-extension://0a1b"],
};

function judge(
  headers: Record<string, string> | [string, string][],
  navigable = false,
  method = "GET",
): number | undefined {
  const request: HttpRequest = {
    method,
    target: "/",
    headers: Array.isArray(headers) ? headers : Object.entries(headers),
    keepAlive: true,
    bodyLength: 0,
  };
  return judgeOrigin(request, RULES, navigable)?.status;
}

Deno.test({
  name: "a name that is not ours is refused: DNS may have been rebound",
  permissions,
  fn() {
    const ours = [
      "127.0.0.1",
      "127.0.0.1:9091",
      "[::1]:9091",
      "[::1]",
      "localhost:9091",
      "LOCALHOST.",
      "bip.example:1",
      "Bip.Example.",
      "a.example.org",
      "a.b.example.org:80",
    ];
    for (const host of ours) assertEquals(judge({ host }), undefined, host);
    const foreign = [
      "evil.example",
      "localhost.evil.example",
      "127.0.0.1.evil.example",
      "xbip.example",
      "example.org",
      "xexample.org",
      ".example.org",
      "localhost:9091:9091",
      "localhost@evil.example",
      "[evil.example]",
    ];
    for (const host of foreign) {
      assertEquals([400, 421].includes(judge({ host })!), true, host);
    }
    assertEquals(judge({}), 400);
    assertEquals(judge({ host: "" }), 400);
    const twice: [string, string][] = [["host", "localhost"], [
      "host",
      "evil.example",
    ]];
    assertEquals(judge(twice), 400);
  },
});

Deno.test({
  name: "a page of another origin is refused, whatever it asks",
  permissions,
  fn() {
    const host = "localhost:9091";
    const rows: [string, number | undefined][] = [
      ["http://localhost:9091", undefined],
      // A proxy in front may speak TLS.
      ["https://localhost:9091", undefined],
      ["moz-extension://0a1b", undefined],
      ["http://localhost", 403],
      ["http://localhost:9092", 403],
      ["http://127.0.0.1:9091", 403],
      ["https://evil.example", 403],
      ["null", 403],
      ["", 403],
      ["moz-extension://0a1c", 403],
    ];
    for (const [origin, status] of rows) {
      assertEquals(judge({ host, origin }), status, origin);
      assertEquals(judge({ host, origin }, true, "POST"), status, origin);
    }
  },
});

Deno.test({
  name: "another site may link to a page, and do nothing else",
  permissions,
  fn() {
    const host = "localhost";
    const site = (value: string) => ({ host, "sec-fetch-site": value });
    assertEquals(judge(site("none")), undefined);
    assertEquals(judge(site("same-origin")), undefined);
    for (const value of ["same-site", "cross-site", "other"]) {
      const link = {
        ...site(value),
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
      };
      assertEquals(judge(site(value)), 403);
      assertEquals(judge(site(value), true), 403);
      assertEquals(judge(link), 403);
      assertEquals(judge(link, true), undefined);
      assertEquals(judge(link, true, "POST"), 403);
      const frame = { ...link, "sec-fetch-dest": "iframe" };
      assertEquals(judge(frame, true), 403);
    }
  },
});
