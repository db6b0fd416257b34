import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { addBlocklistLine, IpSetBuilder } from "../../handshake/mod.ts";
import type { FuzzTarget } from "./fuzz_target.ts";

/** Lines of block lists, and the set made of them. */
export const fuzzTarget: FuzzTarget = {
  name: "blocklist",
  seeds: () =>
    [
      "# x\nSome network, 1.1.1.1 - really: 192.0.2.0-192.0.2.9\r\n10.0.0.0/8",
      "001.009.096.105 - 001.009.096.120 , 000 , An organisation\n6.0.0.0 - 6.255.255.255 , 128 , Allowed",
      "2001:db8::/32 ; six\nfe80::1-fe80::9\n::ffff:10.0.0.0/104\n203.0.113.7",
    ].map(encodeText),
  run(input) {
    const builder = new IpSetBuilder();
    let ranges = 0;
    for (const line of toByteString(input).split("\n")) {
      const before = builder.count;
      const isUnderstood = addBlocklistLine(line, builder);
      const added = builder.count - before;
      if (added > 1 || (added === 1 && !isUnderstood)) {
        throw new Error("Broken promise: a line is one range at most");
      }
      ranges += added;
    }
    const set = builder.build();
    if (set.size > ranges) throw new Error("Broken promise: ranges only join");
    const some = ["0.0.0.0", "192.0.2.5", "255.255.255.255", "::", "fe80::5"];
    const found = some.filter((ip) => set.has(ip));
    if (found.length > 0 && ranges === 0) {
      throw new Error("Broken promise: an empty set has nobody");
    }
  },
};
