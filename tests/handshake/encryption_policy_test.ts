import { assertEquals } from "@std/assert";
import {
  allowsPlain,
  ENCRYPTION_POLICIES,
  encryptionOrder,
  mseMethods,
} from "../../handshake/encryption_policy.ts";

Deno.test(
  "each policy has its order, its methods and its view of plain peers",
  {
    permissions: "none",
  },
  () => {
    const table = ENCRYPTION_POLICIES.map((policy) => [
      policy,
      encryptionOrder(policy, undefined),
      encryptionOrder(policy, true),
      encryptionOrder(policy, false),
      mseMethods(policy).join(),
      allowsPlain(policy),
    ]);
    assertEquals(table, [
      ["off", [false], [false], [false], "plaintext,rc4", true],
      ["allow", [false, true], [true], [false], "plaintext,rc4", true],
      ["prefer", [true, false], [true], [false], "plaintext,rc4", true],
      ["require", [true], [true], [true], "plaintext,rc4", false],
      ["require-rc4", [true], [true], [true], "rc4", false],
    ]);
  },
);
