/**
 * `-m time`: the wall clock, which is the virtual clock's; the kernel's time zone is UTC. Models time_mt(),
 * net/netfilter/xt_time.c.
 */
import { ParameterProblem } from "../error.js";
import type { MatchExtension, XtActionParam } from "../extension.js";
import { type OptionCall, parseUint } from "../options.js";

const DAY = 86_400;
const LAST_SECOND = DAY - 1;
/** `--datestop` when it is not given. */
const DATE_END = 0x7fffffff;
const WEEKDAYS: readonly string[] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const ALL_WEEKDAYS = 0b1111_1110;
const ALL_MONTHDAYS = 0xffff_fffe;

const within = (text: string | undefined, min: number, max: number, absent: number): number | undefined =>
  text === undefined ? absent : parseUint(text.replace(/^0+(?=\d)/, ""), min, max);

/** Seconds since 1970 of `YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`. */
function parseDate(text: string): number {
  const found = /^(\d+)(?:-(\d+)(?:-(\d+)(?:T(?:(\d+)(?::(\d+)(?::(\d+))?)?)?)?)?)?$/.exec(text);
  const year = within(found?.[1], 1970, 2038, 0);
  const month = within(found?.[2], 1, 12, 1);
  const day = within(found?.[3], 1, 31, 1);
  const hour = within(found?.[4], 0, 23, 0);
  const minute = within(found?.[5], 0, 59, 0);
  const second = within(found?.[6], 0, 59, 0);
  if (found === null || [year, month, day, hour, minute, second].includes(undefined))
    throw new ParameterProblem(`Invalid date "${text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`);
  const [y, mo, d, h, mi, s] = [year, month, day, hour, minute, second] as number[];
  return Date.UTC(y, mo - 1, d, h, mi, s) / 1000;
}

/** Seconds since midnight of `hh:mm[:ss]`. */
function parseTime(text: string): number {
  const wrong = (rest: string): never => {
    throw new ParameterProblem(
      `invalid time "${rest}" specified, should be hh:mm[:ss] format and within the boundaries`,
    );
  };
  const [hours, minutes, seconds, ...more] = text.split(":");
  const hour = within(hours, 0, 23, 0);
  if (hour === undefined || minutes === undefined) return wrong(text);
  const rest = text.slice(hours.length + 1);
  const minute = within(minutes, 0, 59, 0);
  if (minute === undefined) return wrong(rest);
  if (seconds === undefined || (seconds === "" && more.length === 0)) return hour * 3600 + minute * 60;
  const second = within(seconds, 0, 59, 0);
  if (second === undefined || more.length > 0) return wrong(rest.slice(minutes.length + 1));
  return hour * 3600 + minute * 60 + second;
}

function parseMonthdays(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    const day = /^\s*[+-]?\d+$/.test(word) ? Number(word) : -1;
    if (!(day >= 0 && day <= 31)) throw new ParameterProblem(`${word} is not a valid day for --monthdays`);
    bits |= 1 << day;
  }
  return bits >>> 0;
}

function parseWeekdays(text: string): number {
  let bits = 0;
  for (const word of text.split(",")) {
    if (/^\d+$/.test(word)) {
      const day = Number(word);
      if (day === 0) throw new ParameterProblem("No, the week does NOT begin with Sunday.");
      // Other numbers are taken for no day at all.
      if (day <= 7) bits |= 1 << day;
      continue;
    }
    const index = word.length < 2 ? -1 : WEEKDAYS.findIndex((name) => name.slice(0, 2) === word.slice(0, 2));
    if (index < 0) throw new ParameterProblem(`${word} is not a valid day specifier`);
    bits |= 1 << (index + 1);
  }
  return bits;
}

function warnOfLocal(_text: string, { warn }: OptionCall): true {
  warn(
    'WARNING: --localtz is being replaced by --kerneltz, since "local" is ambiguous. Note the kernel timezone has caveats - see manpage for details.\n',
  );
  return true;
}

const daytime = (seconds: number): string =>
  [seconds / 3600, (seconds / 60) % 60, seconds % 60]
    .map((part) => String(Math.floor(part)).padStart(2, "0"))
    .join(":");
const date = (seconds: number, between: string): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", between);
const monthdays = (bits: number): number[] =>
  Array.from({ length: 31 }, (_, i) => i + 1).filter((day) => (bits >>> day) & 1);
const weekdays = (bits: number): string => WEEKDAYS.filter((_name, i) => bits & (2 << i)).join(",");
const ordinal = (day: number): string => `${day}${["th", "st", "nd", "rd"][day % 10] ?? "th"}`;

/** The days that count: all when none were named, and after `!` those not named. */
function days(bits: number | undefined, all: number, inverted: boolean): number {
  if (bits === undefined) return all;
  return (inverted ? all & ~bits : bits) >>> 0;
}

export const timeMatch: MatchExtension = {
  kind: "match",
  name: "time",
  help: `
time match options:
    --datestart time     Start and stop time, to be given in ISO 8601
    --datestop time      (YYYY[-MM[-DD[Thh[:mm[:ss]]]]])
    --timestart time     Start and stop daytime (hh:mm[:ss])
    --timestop time      (between 00:00:00 and 23:59:59)
[!] --monthdays value    List of days on which to match, separated by comma
                         (Possible days: 1 to 31; defaults to all)
[!] --weekdays value     List of weekdays on which to match, sep. by comma
                         (Possible days: Mon,Tue,Wed,Thu,Fri,Sat,Sun or 1 to 7
                         Defaults to all weekdays.)
    --kerneltz           Work with the kernel timezone instead of UTC
`,
  options: [
    { name: "datestart", parse: parseDate },
    { name: "datestop", parse: parseDate },
    { name: "timestart", parse: parseTime },
    { name: "timestop", parse: parseTime },
    { name: "contiguous" },
    { name: "localtz", id: "kerneltz", noArgument: true, parse: warnOfLocal },
    { name: "monthdays", invert: true, parse: parseMonthdays },
    { name: "weekdays", invert: true, parse: parseWeekdays },
    { name: "utc" },
    { name: "kerneltz", excludes: ["utc"] },
  ],
  finalCheck(values) {
    const start = values.get<number>("timestart") ?? 0;
    const stop = values.get<number>("timestop") ?? LAST_SECOND;
    if (values.has("contiguous") && start < stop)
      throw new ParameterProblem("time: --contiguous only makes sense when stoptime is smaller than starttime");
  },
  build(values) {
    const start = values.get<number>("datestart") ?? 0;
    const stop = values.get<number>("datestop") ?? DATE_END;
    const dayStart = values.get<number>("timestart") ?? 0;
    const dayStop = values.get<number>("timestop") ?? LAST_SECOND;
    const month = days(values.get<number>("monthdays"), ALL_MONTHDAYS, values.inverted("monthdays"));
    const week = days(values.get<number>("weekdays"), ALL_WEEKDAYS, values.inverted("weekdays"));
    const contiguous = values.has("contiguous");
    const zone = values.has("kerneltz");
    const allDay = dayStart === 0 && dayStop === LAST_SECOND;
    return {
      name: "time",
      match({ net: { clock } }: XtActionParam) {
        let stamp = Math.floor((clock.epochMillis + clock.nowMicros / 1000) / 1000);
        if (stamp < start || stamp > stop) return false;
        const time = stamp % DAY;
        if (dayStart < dayStop) {
          if (time < dayStart || time > dayStop) return false;
        } else {
          if (time < dayStart && time > dayStop) return false;
          if (contiguous && time <= dayStop) stamp -= DAY;
        }
        // 1970 began on a Thursday.
        const weekday = ((Math.floor(stamp / DAY) + 3) % 7) + 1;
        if ((week & (1 << weekday)) === 0) return false;
        return month === ALL_MONTHDAYS || ((month >>> new Date(stamp * 1000).getUTCDate()) & 1) === 1;
      },
      save() {
        let text = "";
        if (!allDay) text += ` --timestart ${daytime(dayStart)} --timestop ${daytime(dayStop)}`;
        if (month !== ALL_MONTHDAYS) text += ` --monthdays ${monthdays(month).join(",")}`;
        if (week !== ALL_WEEKDAYS) text += ` --weekdays ${weekdays(week)}`;
        if (start !== 0) text += ` --datestart ${date(start, "T")}`;
        text += ` --datestop ${date(stop, "T")}`;
        if (zone) text += " --kerneltz";
        return contiguous ? `${text} --contiguous` : text;
      },
      print() {
        let text = " TIME";
        if (!allDay) text += ` from ${daytime(dayStart)} to ${daytime(dayStop)}`;
        if (week !== ALL_WEEKDAYS) text += ` on ${weekdays(week)}`;
        if (month !== ALL_MONTHDAYS) text += ` on ${monthdays(month).map(ordinal).join(",")}`;
        if (start !== 0) text += ` starting from ${date(start, " ")}`;
        if (stop !== DATE_END) text += ` until date ${date(stop, " ")}`;
        if (!zone) text += " UTC";
        return contiguous ? `${text} contiguous` : text;
      },
    };
  },
};
