import { assertEquals } from "@std/assert";
import { decodeTextLossy } from "../../../_shared/bytes.ts";
import { encodeGet } from "../../../client/http/exchange.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "encodeGet() writes what it is told and nothing of its own",
  none,
  () => {
    const url = new URL("https://u:p@h.example:444/a b?x=%00\u00e4#frag");
    const headers = new Headers({
      "user-agent": "",
      accept: "*/*",
      Range: "bytes=0-1",
    });
    assertEquals(
      decodeTextLossy(encodeGet(url, headers)),
      "GET /a%20b?x=%00%C3%A4 HTTP/1.1\r\nhost: h.example:444\r\n" +
        "accept: */*\r\nrange: bytes=0-1\r\nconnection: close\r\n\r\n",
    );
  },
);
