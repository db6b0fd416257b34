import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import { HttpResponseReader } from "../../portmap/codec/http.ts";
import { parseIgdServices, tryParseSoap } from "../../portmap/codec/igd.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { DESCRIPTION, soap, soapFault } from "../support/igd_world.ts";

const GATEWAY = "192.168.1.1";

/** HTTP answers of a UPnP gateway, and the XML in them. */
export const fuzzTarget: FuzzTarget = {
  name: "portmap-igd",
  seeds: () =>
    [
      DESCRIPTION,
      soap("Go", "<NewReservedPort>7</NewReservedPort>"),
      soapFault(725),
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n<a>\r\n0\r\n\r\n",
      "HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nhi",
    ].map(encodeText),
  run(input) {
    const text = decodeTextLossy(input);
    const location = `http://${GATEWAY}/root.xml`;
    for (const { controlUrl } of parseIgdServices(text, location, GATEWAY)) {
      if (new URL(controlUrl).hostname !== GATEWAY) {
        throw new Error("Broken promise: only the gateway is asked");
      }
    }
    const result = tryParseSoap(text, "Go");
    if (result?.type === "done") result.value("NewReservedPort");
    const whole = new HttpResponseReader();
    const parts = new HttpResponseReader();
    const first = whole.push(input) ?? whole.end();
    let second;
    for (let at = 0; at < input.length && second === undefined; at += 7) {
      second = parts.push(input.subarray(at, at + 7));
    }
    if (JSON.stringify(first) !== JSON.stringify(second ?? parts.end())) {
      throw new Error("Broken promise: pieces do not matter");
    }
  },
};
