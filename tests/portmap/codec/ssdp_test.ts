import { assertEquals } from "@std/assert";
import { decodeTextLossy, encodeText } from "../../../_shared/bytes.ts";
import {
  encodeSsdpSearch,
  tryDecodeSsdpAnswer,
} from "../../../portmap/codec/ssdp.ts";

const none = { permissions: "none" } as const;
const answer = (...lines: string[]) =>
  encodeText(["HTTP/1.1 200 OK", ...lines, "", ""].join("\r\n"));

Deno.test("SSDP - a search", none, () => {
  assertEquals(
    decodeTextLossy(encodeSsdpSearch("upnp:rootdevice", 2)),
    "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n" +
      'MAN: "ssdp:discover"\r\nMX: 2\r\nST: upnp:rootdevice\r\n\r\n',
  );
});

Deno.test("SSDP - answers are read, junk is none", none, () => {
  const location = "http://192.168.1.1:5000/root.xml";
  const good = answer("ST: urn:x", `Location:${location}`, "USN: y");
  assertEquals(tryDecodeSsdpAnswer(good), { target: "urn:x", location });
  for (
    const junk of [
      answer("ST: urn:x"),
      answer("LOCATION: "),
      answer(`LOCATION: http://a/${"x".repeat(512)}`),
      answer(`LOCATION: ${location}`, "X: " + "y".repeat(2048)),
      encodeText("HTTP/1.1 404 No\r\nLOCATION: http://a/\r\n\r\n"),
      encodeText("NOTIFY * HTTP/1.1\r\nLOCATION: http://a/\r\n\r\n"),
      new Uint8Array(0),
    ]
  ) assertEquals(tryDecodeSsdpAnswer(junk), undefined);
});
