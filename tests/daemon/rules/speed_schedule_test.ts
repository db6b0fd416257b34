import { assertEquals } from "@std/assert";
import {
  isScheduled,
  SpeedScheduleMachine,
} from "../../../daemon/rules/speed_schedule.ts";

const none = { permissions: "none" } as const;
const MONDAY = 1 << 1;
const WORK = { enabled: true, beginMinute: 540, endMinute: 1020, days: MONDAY };

Deno.test(
  "a schedule holds from its beginning to before its end, on its days",
  none,
  () => {
    const at = (day: number, minute: number) =>
      isScheduled(WORK, { day, minute });
    assertEquals(at(1, 539), false);
    assertEquals(at(1, 540), true);
    assertEquals(at(1, 1019), true);
    assertEquals(at(1, 1020), false);
    assertEquals(at(0, 600), false);
    assertEquals(at(2, 600), false);
  },
);

Deno.test(
  "a span over midnight belongs to the day on which it begins",
  none,
  () => {
    const night = { ...WORK, beginMinute: 1320, endMinute: 360 };
    const at = (day: number, minute: number) =>
      isScheduled(night, { day, minute });
    assertEquals(at(1, 0), false);
    assertEquals(at(1, 1319), false);
    assertEquals(at(1, 1320), true);
    assertEquals(at(2, 359), true);
    assertEquals(at(2, 360), false);
    assertEquals(at(2, 1320), false);
    const saturday = { ...night, days: 1 << 6 };
    assertEquals(isScheduled(saturday, { day: 0, minute: 5 }), true);
    assertEquals(isScheduled(saturday, { day: 6, minute: 5 }), false);
  },
);

Deno.test("a span that ends when it begins is a whole day", none, () => {
  const whole = { ...WORK, endMinute: 540 };
  assertEquals(isScheduled(whole, { day: 1, minute: 540 }), true);
  assertEquals(isScheduled(whole, { day: 2, minute: 539 }), true);
  assertEquals(isScheduled(whole, { day: 2, minute: 540 }), false);
});

Deno.test(
  "a schedule switches at its bounds only, so that a hand may between",
  none,
  () => {
    const machine = new SpeedScheduleMachine();
    const at = (minute: number) => machine.handleTime(WORK, { day: 1, minute });
    assertEquals(at(0), false);
    assertEquals(at(10), undefined);
    assertEquals(at(540), true);
    assertEquals(at(541), undefined);
    assertEquals(at(1020), false);
    assertEquals(
      machine.handleTime({ ...WORK, enabled: false }, { day: 1, minute: 600 }),
      undefined,
    );
    // Switched on within a span, it holds at once.
    assertEquals(at(600), true);
  },
);
