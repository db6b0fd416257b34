/**
 * When the second set of speed limits holds.
 *
 * @module
 */
import type { SpeedSchedule } from "../settings.ts";

/** A moment of the week, in local time. */
export interface WeekTime {
  /** 0 is Sunday, 6 Saturday. */
  readonly day: number;
  /** Minute of the day, 0 to 1439. */
  readonly minute: number;
}

/**
 * Tells whether a schedule holds. A span that ends before it begins goes on to
 * the next day; one that ends when it begins is a whole day.
 *
 * @param schedule The schedule.
 * @param now The moment.
 * @returns True within a span.
 */
export function isScheduled(
  { beginMinute, endMinute, days }: SpeedSchedule,
  { day, minute }: WeekTime,
): boolean {
  const isOn = (which: number) => (days >> which & 1) === 1;
  if (beginMinute < endMinute) {
    return isOn(day) && minute >= beginMinute && minute < endMinute;
  }
  return minute >= beginMinute
    ? isOn(day)
    : isOn((day + 6) % 7) && minute < endMinute;
}

/** Follows a schedule; what a person switches by hand holds until it changes. */
export class SpeedScheduleMachine {
  #wasScheduled: boolean | undefined;

  /**
   * Looks at the time.
   *
   * @param schedule The schedule.
   * @param now The moment.
   * @returns What is to hold from now on, or `undefined` for what does.
   */
  handleTime(schedule: SpeedSchedule, now: WeekTime): boolean | undefined {
    if (!schedule.enabled) {
      this.#wasScheduled = undefined;
      return undefined;
    }
    const isNow = isScheduled(schedule, now);
    if (isNow === this.#wasScheduled) return undefined;
    this.#wasScheduled = isNow;
    return isNow;
  }
}
