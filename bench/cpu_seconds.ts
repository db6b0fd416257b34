/**
 * What a process used of the processor.
 *
 * @module
 */

/** User and system time of a process; Linux only. */
export function cpuSeconds(pid: number | "self"): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
