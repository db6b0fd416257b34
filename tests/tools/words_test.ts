/** Words that are no good English in code and documents. */
import { assertEquals } from "@std/assert";
import { fromFileUrl } from "../support/paths.ts";

const ROOT = new URL("../../", import.meta.url);
const ODD = [
  "who" + "ever",
  "th" + "ief",
  "rob" + "bery",
  "rub" + "bish",
  "lets go" + " of",
  "for" + " ever",
  "See the" + " module\\.",
];

/** Text files below a folder, but for those that others made. */
function* textFiles(folder: URL): Generator<URL> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (/^\.git$|^dist$|^node_modules$/.test(name)) continue;
    if (isDirectory) yield* textFiles(new URL(`${name}/`, folder));
    else if (/\.(ts|md|js|py|html)$/.test(name)) yield new URL(name, folder);
  }
}

Deno.test("words of another time or language stay out", () => {
  const odd = new RegExp(`\\b(${ODD.join("|")})(?!\\w)`, "gi");
  const found: string[] = [];
  for (const url of textFiles(ROOT)) {
    const text = Deno.readTextFileSync(url);
    for (const [word] of text.matchAll(odd)) {
      found.push(`${fromFileUrl(url)}: ${word}`);
    }
  }
  assertEquals(found, []);
});
