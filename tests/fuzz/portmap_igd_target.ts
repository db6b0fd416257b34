import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import { parseIgdServices, tryParseSoap } from "../../portmap/codec/igd.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { DESCRIPTION, soap, soapFault } from "../support/igd_world.ts";

const GATEWAY = "192.168.1.1";

/** The XML that a UPnP gateway answers. */
export const fuzzTarget: FuzzTarget = {
  name: "portmap-igd",
  seeds: () =>
    [
      DESCRIPTION,
      soap("Go", "<NewReservedPort>7</NewReservedPort>"),
      soapFault(725),
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
  },
};
