import { assertEquals } from "@std/assert";
import { judgeTarget } from "../../webseed/target.ts";

const NAMES: Readonly<Record<string, readonly string[]>> = {
  "far.example": ["8.8.8.8"],
  "other.example": ["8.8.4.4"],
  "near.example": ["8.8.8.8", "192.168.1.1"],
  "blocked.example": ["8.8.8.66"],
  "home.example": ["10.0.0.7"],
};

function resolve(name: string): Promise<readonly string[]> {
  return NAMES[name] === undefined
    ? Promise.reject(new Error("No such name"))
    : Promise.resolve(NAMES[name]);
}

async function judge(
  text: string,
  base: string,
  isNamed: boolean,
): Promise<string> {
  const target = await judgeTarget(new URL(text), {
    base: new URL(base),
    isNamed,
    resolve,
    isBlocked: (address) => address === "8.8.8.66",
  });
  return target.type === "allowed"
    ? "may"
    : target.isForbidden
    ? "never"
    : "not now";
}

Deno.test(
  "judgeTarget() keeps strangers to public addresses and ports of web servers",
  {
    permissions: "none",
  },
  async () => {
    const cases = {
      "http://far.example/": "may",
      "https://far.example/": "may",
      "http://far.example:50000/": "may",
      "http://8.8.8.8/": "may",
      "http://far.example:25/": "never",
      "http://far.example:6379/": "never",
      "http://near.example/": "never",
      "http://home.example/": "never",
      "http://8.8.8.66/": "never",
      "http://blocked.example/": "never",
      "http://127.0.0.1:50000/": "never",
      "http://2130706433/": "never",
      "http://0/": "never",
      "http://localhost/": "never",
      "http://[::1]/": "never",
      "http://[::ffff:127.0.0.1]/": "never",
      "http://169.254.169.254/latest/": "never",
      "http://192.168.0.1/": "never",
      "http://[fe80::1]/": "never",
      "http://[fd00::1]/": "never",
      "http://printer.local/": "never",
      "http://lost.example/": "not now",
    };
    for (const [url, verdict] of Object.entries(cases)) {
      assertEquals(await judge(url, url, false), verdict, url);
      // The same for a redirect of a public server.
      assertEquals(
        await judge(url, "http://other.example/", false),
        verdict,
        url,
      );
      const named = url.startsWith("http://lost") ? "not now" : verdict;
      assertEquals(await judge(url, "http://other.example/", true), named, url);
    }
  },
);

Deno.test(
  "judgeTarget() lets a person's URL lead anywhere, its redirects no nearer",
  {
    permissions: "none",
  },
  async () => {
    const home = "http://10.0.0.7:8080/";
    assertEquals(await judge(home, home, true), "may");
    assertEquals(await judge("http://10.0.0.7:25/", home, true), "may");
    assertEquals(await judge("http://home.example/", home, true), "may");
    assertEquals(await judge("http://home.example:25/", home, true), "never");
    assertEquals(await judge("http://far.example/", home, true), "may");
    assertEquals(await judge("http://127.0.0.1/", home, true), "never");
    assertEquals(
      await judge("http://lost.example/", "http://lost.example/", true),
      "may",
    );
  },
);
