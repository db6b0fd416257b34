import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseProxyUrl } from "../../handshake/mod.ts";

const none = { permissions: "none" } as const;

Deno.test("parseProxyUrl() reads types, hosts, ports and logins", none, () => {
  const cases = [
    ["socks5://127.0.0.1:1080", "socks5", "127.0.0.1", 1080],
    ["SOCKS5H://proxy.example", "socks5", "proxy.example", 1080],
    ["http://proxy.example:80/", "http", "proxy.example", 80],
    ["http://proxy.example", "http", "proxy.example", 8080],
    ["socks5://[2001:db8::1]:9050", "socks5", "2001:db8::1", 9050],
  ] as const;
  for (const [text, type, hostname, port] of cases) {
    const login = undefined;
    const expected = { type, address: { hostname, port }, login };
    assertEquals(parseProxyUrl(text), expected);
  }
  const { login } = parseProxyUrl("socks5://a%40b:p%3A%2Fw@h:1");
  assertEquals(login, { user: "a@b", password: "p:/w" });
});

Deno.test("parseProxyUrl() refuses others without repeating them", none, () => {
  for (
    const text of [
      "",
      "127.0.0.1:1080",
      "socks4://secret@h:1",
      "https://secret@h:1",
      "socks5://",
      "socks5://u:secret@h:0",
      "socks5://u:secret@h:65536",
      "socks5://u:secret@h:1/path",
      "socks5://u:secret@h:1?x",
      "socks5://u:secret%@h:1",
      "socks5://:secret@h:1",
      "socks5://secret@h:1",
      "socks5://u:secret%0a@h:1",
      `socks5://u:secret${"x".repeat(256)}@h:1`,
      "http://a%3Ab:secret@h:1",
    ]
  ) {
    const { message } = assertThrows(() => parseProxyUrl(text), TypeError);
    assert(!message.includes("secret"), text);
  }
});
