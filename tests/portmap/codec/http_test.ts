import { assertEquals } from "@std/assert";
import { decodeTextLossy } from "../../../_shared/bytes.ts";
import { encodeHttpRequest } from "../../../portmap/codec/http.ts";

const none = { permissions: "none" } as const;

Deno.test("HTTP - requests", none, () => {
  assertEquals(
    decodeTextLossy(encodeHttpRequest({ url: "http://10.0.0.1:5000/a?b" })),
    "GET /a?b HTTP/1.1\r\nHost: 10.0.0.1:5000\r\nUser-Agent: bip UPnP/1.1\r\n" +
      "Connection: close\r\n\r\n",
  );
  const post = decodeTextLossy(encodeHttpRequest({
    url: "http://10.0.0.1/c",
    headers: { SOAPAction: '"x"' },
    body: "h\u00e9",
  }));
  assertEquals(
    post,
    "POST /c HTTP/1.1\r\nHost: 10.0.0.1\r\nUser-Agent: bip UPnP/1.1\r\n" +
      'SOAPAction: "x"\r\nContent-Length: 3\r\nConnection: close\r\n\r\nh\u00e9',
  );
});
