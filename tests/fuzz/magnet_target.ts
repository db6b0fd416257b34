/** Magnet links: typed errors only, and parse, format, parse is a fixpoint. */
import { equal } from "@std/assert";
import { formatMagnet, MagnetError, parseMagnet } from "../../metainfo/mod.ts";
import { decodeTextLossy, encodeText } from "../../_shared/bytes.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

const HASH = "urn:btih:aad050ee1bb22e196939547b134535824dabf0ce";

/** Magnet links. */
export const fuzzTarget: FuzzTarget = {
  name: "magnet",
  seeds(): Uint8Array[] {
    return [
      `magnet:?xt=${HASH}`,
      `magnet:?xt=${HASH}&dn=a%20b+c&xl=10&tr=udp%3A%2F%2Ft%3A1&tr.1=http://b&ws=http://w`,
      `magnet:?xt=urn:btmh:1220${
        "ab".repeat(32)
      }&x.pe=1.2.3.4:5&x.pe=[::1]:6&dht=h:7`,
      `magnet:?xt=urn:btih:ZOCMZQIPFFW7OLLMIC5HUB6BPCSDEOQU&so=0,2-5,9&kt=a+b&x.y=z`,
    ].map(encodeText);
  },
  run(input: Uint8Array): void {
    const text = decodeTextLossy(input);
    let magnet;
    try {
      magnet = parseMagnet(text);
    } catch (error) {
      if (error instanceof MagnetError) return;
      throw error;
    }
    const formatted = formatMagnet(magnet);
    if (!equal(parseMagnet(formatted), magnet)) {
      throw new Error(`No fixpoint: ${formatted}`);
    }
  },
};
