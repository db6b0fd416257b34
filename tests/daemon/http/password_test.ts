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
    // The right one is known: no guess is worth any work.
    assertEquals(login.check("me:wrong"), false);
    assertEquals(await login.verify("me:wrong"), false);
  },
});

Deno.test({
  name: "guesses are work for one core, one after the other",
  permissions,
  async fn() {
    const login = new Login(`me:${await hashPassword("secret", 1)}`);
    const { subtle } = crypto;
    const { deriveBits } = subtle;
    let running = 0;
    let most = 0;
    let all = 0;
    subtle.deriveBits = async (...given) => {
      most = Math.max(most, ++running);
      all++;
      const bits = await deriveBits.apply(subtle, given);
      running--;
      return bits;
    };
    try {
      const guesses = ["a", "b", "secret", "c", "d"];
      const answers = await Promise.all(
        guesses.map((guess) => login.verify(`me:${guess}`)),
      );
      assertEquals(answers, guesses.map((guess) => guess === "secret"));
      assertEquals([most, all], [1, 3]);
    } finally {
      subtle.deriveBits = deriveBits;
    }
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
