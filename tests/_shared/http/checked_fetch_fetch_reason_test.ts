import { assertEquals } from "@std/assert";
import { fetchReason } from "../../../_shared/http/checked_fetch.ts";

Deno.test("fetchReason() is the last word of a failure, without URLs", {
  permissions: "none",
}, () => {
  const sent = "error sending request for url (http://a.example/x?key=(s)): ";
  for (
    const [said, reason] of [
      [
        `${sent}client error (Connect): tcp connect error: Connection refused (os error 111)`,
        "Connection refused",
      ],
      [
        `${sent}client error (Connect): dns error: failed to lookup address information: Name or service not known`,
        "failed to lookup address information: Name or service not known",
      ],
      [
        "Fetch failed: Requests to port 19 are blocked",
        "Requests to port 19 are blocked",
      ],
      [
        "error reading a body from connection",
        "error reading a body from connection",
      ],
      [
        "no answer from https://u:p@a.example/x?key=s now",
        "no answer from [URL] now",
      ],
    ] as const
  ) {
    assertEquals(fetchReason(new Error(said)), reason);
    const cause = new TypeError(said);
    assertEquals(fetchReason(new TypeError("fetch failed", { cause })), reason);
  }
  assertEquals(fetchReason("odd"), "odd");
});
