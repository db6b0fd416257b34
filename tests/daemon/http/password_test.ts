import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  hashPassword,
  Login,
  tryParseBasic,
} from "../../../daemon/http/password.ts";

const permissions = "none";

Deno.test({
  name: "a password in clear is judged at once",
  permissions,
  async fn() {
    const login = new Login("me:pass:wörd");
    assertEquals(login.check("me:pass:wörd"), true);
    for (const text of ["me:pass", "m:pass:wörd", "", "me:pass:wörd "]) {
      assertEquals(login.check(text), false);
      assertEquals(await login.verify(text), false);
    }
    for (const text of ["", "me", "me:", ":pass"]) {
      assertThrows(() => new Login(text), SyntaxError);
    }
  },
});

Deno.test({
  name: "a stored password says nothing of itself, and takes work once",
  permissions,
  async fn() {
    const stored = await hashPassword("secret", 1000);
    assert(/^pbkdf2-sha256\$1000\$[\w-]{22}\$[\w-]{43}$/.test(stored), stored);
    assert(stored !== await hashPassword("secret", 1000), "no salt");
    const login = new Login(`me:${stored}`);
    assertEquals(login.check("me:secret"), undefined);
    const answers = await Promise.all([
      login.verify("me:wrong"),
      login.verify("you:secret"),
      login.verify(`me:${stored}`),
      login.verify("secret"),
      login.verify("me:secret"),
      login.verify("me:secret"),
    ]);
    assertEquals(answers, [false, false, false, false, true, true]);
    assertEquals(login.check("me:secret"), true);
    assertEquals(login.check("me:wrong"), undefined);
    assertEquals(await login.verify("me:wrong"), false);
  },
});

Deno.test({
  name: "what only looks like a stored password is one in clear",
  permissions,
  fn() {
    const texts = [
      "pbkdf2-sha256$0$AAAA$AAAA",
      "pbkdf2-sha256$99999999999$AAAA$AAAA",
      "pbkdf2-sha256$1000$AAAA",
      "pbkdf2-sha256$1000$!$AAAA",
      "pbkdf2-sha256$1000$AAAA$AAAA$x",
    ];
    for (const text of texts) {
      assertEquals(new Login(`me:${text}`).check(`me:${text}`), true, text);
    }
  },
});

Deno.test({
  name: "tryParseBasic() reads credentials and nothing else",
  permissions,
  fn() {
    assertEquals(tryParseBasic("Basic bWU6cMOkc3M="), "me:päss");
    assertEquals(tryParseBasic("basic  bWU6cMOkc3M= "), "me:päss");
    const junk = [
      undefined,
      "",
      "Basic",
      "Bearer bWU6",
      "Basic !",
      "Basic /w==",
    ];
    for (const text of junk) assertEquals(tryParseBasic(text), undefined, text);
  },
});
