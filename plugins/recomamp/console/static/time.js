// Times as people read them: events in the zone chosen in Airflow's UI, windows in the row's zone.

import { useEffect, useState } from "./host.js";

const chosenZone = () => {
  try {
    const stored = JSON.parse(localStorage.getItem("timezone") ?? '"UTC"');
    const zone = stored === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : stored;
    return formatOf(zone).isKnown ? zone : "UTC";
  } catch {
    return "UTC";
  }
};

// The zone of Airflow's UI, followed while the page is open.
export function useZone() {
  const [zone, setZone] = useState(chosenZone);
  useEffect(() => {
    const follow = () => setZone(chosenZone());
    globalThis.addEventListener("storage", follow);
    globalThis.addEventListener("local-storage", follow); // Airflow's own, within one tab
    return () => {
      globalThis.removeEventListener("storage", follow);
      globalThis.removeEventListener("local-storage", follow);
    };
  }, []);
  return zone;
}

const formats = new Map(); // by zone: a format is slow to make

// How times of a zone are written. A row may name a zone that this browser does not know.
function formatOf(zone) {
  if (!formats.has(zone)) formats.set(zone, newFormat(zone));
  return formats.get(zone);
}

function newFormat(zone) {
  const options = {
    hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "longOffset",
  };
  try {
    return { isKnown: true, format: new Intl.DateTimeFormat("en-CA", { ...options, timeZone: zone }) };
  } catch {
    return { isKnown: false, format: new Intl.DateTimeFormat("en-CA", { ...options, timeZone: "UTC" }) };
  }
}

function parts(instant, zone) {
  const { isKnown, format } = formatOf(zone);
  const found = Object.fromEntries(format.formatToParts(new Date(instant)).map(({ type, value }) => [type, value]));
  const offset = zone === "UTC" ? "UTC" : found.timeZoneName.replace("GMT", "") || "+00:00";
  return { ...found, offset: isKnown ? offset : `UTC (${zone} is unknown)` };
}

// 2026-11-30 14:05 +01:00: names of zones such as CET differ from browser to browser
export function time(instant, zone = "UTC", { seconds = false } = {}) {
  if (!instant) return "–";
  const p = parts(instant, zone);
  const clock = seconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`;
  return `${p.year}-${p.month}-${p.day} ${clock} ${p.offset}`;
}

function date(instant, zone = "UTC") {
  if (!instant) return "–";
  const p = parts(instant, zone);
  return `${p.year}-${p.month}-${p.day}`;
}

// The dates of the last days of a zone, the oldest first. A day may have 23 or 25 hours.
export function lastDays(instant, zone, days) {
  const today = Date.parse(date(instant, zone));
  return Array.from({ length: days }, (_, index) => new Date(today - (days - 1 - index) * 86400000).toISOString().slice(0, 10));
}

// The window [start, end) as people say it: its days, both included, where it has whole days.
export function windowText(start, end, zone = "UTC") {
  if (!start || !end) return "–";
  const midnight = (instant) => {
    const p = parts(instant, zone);
    return p.hour === "00" && p.minute === "00";
  };
  if (!midnight(start) || !midnight(end)) return `${time(start, zone)} to ${time(end, zone)}`;
  const first = date(start, zone);
  const last = date(new Date(new Date(end).getTime() - 1), zone);
  return first === last ? first : `${first} to ${last}`;
}

// The window of an execution or of a tick. AMC chooses the dates of the types that it knows itself.
export const windowOf = (row, zone = row.window_time_zone ?? "UTC") =>
  row.window_type === "EXPLICIT" ? windowText(row.window_start, row.window_end, zone) : row.window_type;

// 45 s, 12 min, 3 h 20 min, 2 d 4 h. It is rounded before it is split: 3599 s are an hour.
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(Number(seconds));
  const minutes = Math.round(whole / 60);
  const hours = Math.round(whole / 3600);
  if (whole < 60) return `${whole} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export const ago = (instant, now = Date.now()) =>
  instant ? `${duration(Math.max(0, (now - new Date(instant)) / 1000))} ago` : "never";
