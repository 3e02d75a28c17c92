// Times as people read them: events in the zone chosen in Airflow's UI, windows in the row's zone.

import { useEffect, useState } from "./host.js";

const chosenZone = () => {
  try {
    const stored = JSON.parse(localStorage.getItem("timezone") ?? '"UTC"');
    return stored === "local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : stored;
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

function parts(instant, zone) {
  const format = new Intl.DateTimeFormat("en-CA", {
    timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
    hour: "2-digit", minute: "2-digit", second: "2-digit", timeZoneName: "short",
  });
  return Object.fromEntries(format.formatToParts(new Date(instant)).map(({ type, value }) => [type, value]));
}

// 2026-11-30 14:05 CET
export function time(instant, zone = "UTC", { seconds = false } = {}) {
  if (!instant) return "–";
  const p = parts(instant, zone);
  const clock = seconds ? `${p.hour}:${p.minute}:${p.second}` : `${p.hour}:${p.minute}`;
  return `${p.year}-${p.month}-${p.day} ${clock} ${p.timeZoneName}`;
}

export function date(instant, zone = "UTC") {
  if (!instant) return "–";
  const p = parts(instant, zone);
  return `${p.year}-${p.month}-${p.day}`;
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

// 45 s, 12 min, 3 h 20 min, 2 d 4 h
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = Math.round(Number(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.round(whole / 60)} min`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
  return `${Math.floor(whole / 86400)} d ${Math.round((whole % 86400) / 3600)} h`;
}

export const ago = (instant, now = Date.now()) =>
  instant ? `${duration(Math.max(0, (now - new Date(instant)) / 1000))} ago` : "never";
