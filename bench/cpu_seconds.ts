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

/** Time of the thread of a process that had the most; Linux only. */
export function busiestThreadSeconds(pid: number | "self"): number {
  let most = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const [nanoseconds] = Deno.readTextFileSync(
      `/proc/${pid}/task/${name}/schedstat`,
    ).split(" ");
    most = Math.max(most, Number(nanoseconds) / 1e9);
  }
  return most;
}
