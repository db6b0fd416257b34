/** `promtool check`, of Prometheus. */
import { TempDir } from "../support/paths.ts";
import { outputOf, run } from "../support/process.ts";

/** Fails with what promtool says unless the text is in order. */
export async function checkMetrics(text: string): Promise<void> {
  const child = new Deno.Command("promtool", {
    args: ["check", "metrics"],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(text));
  await writer.close();
  const { code, stdout, stderr } = await outputOf(child);
  const said = stdout + stderr;
  if (code !== 0 || said.trim() !== "") {
    throw new Error(`promtool, exit ${code}: ${said}`);
  }
}

/** Fails with what promtool says unless rules, as YAML, are in order. */
export async function checkRules(yaml: string): Promise<void> {
  await using dir = new TempDir();
  const path = dir.join("rules.yml");
  await Deno.writeTextFile(path, yaml);
  await run("promtool", "check", "rules", path);
}
