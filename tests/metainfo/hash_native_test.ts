import { assertStrictEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers";
import { nodeCrypto, nodeTimers } from "../../metainfo/hash_native.ts";

Deno.test({
  name: "nodeCrypto() and nodeTimers() give the modules themselves",
  permissions: "none",
  fn() {
    assertStrictEquals(nodeCrypto().createHash, createHash);
    assertStrictEquals(nodeTimers().setImmediate, setImmediate);
  },
});
