// A chart of sums over the rows of a result: bars, lines or a heat map. Numbers may be rounded here.

import { Chart, isOnScale, Legend, nameOf, NULL, OTHERS, solid } from "./charts.js";
import { Chakra, html } from "./host.js";
import { count, Empty } from "./widgets.js";

const { Text } = Chakra;

export const KINDS = [["line", "line"], ["bar", "bar"], ["heat", "heat map"]];

const PALETTES = ["blue", "orange", "green", "purple", "red", "cyan", "pink", "yellow"];
const MOST = 60; // values on an axis of bars or of a heat map

// The largest names by the sum of their absolute values; the rest becomes one name
function largest(cells, of, most) {
  const totals = new Map();
  for (const cell of cells) totals.set(cell[of], (totals.get(cell[of]) ?? 0) + Math.abs(cell.y));
  const ordered = [...totals].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  return new Set(ordered.length > most ? ordered.slice(0, most - 1) : ordered);
}

// Values in their order, then what is no number on an axis of numbers, then NULL and the others
function inOrder(values, isNumber) {
  const rank = (value) => (value === OTHERS ? 3 : value === NULL ? 2 : isNumber && !isOnScale(value) ? 1 : 0);
  const within = (one, other) => (isNumber && rank(one) === 0 ? one - other : one < other ? -1 : 1);
  return [...new Set(values)].sort((one, other) => rank(one) - rank(other) || within(one, other));
}

// points [x, colour, y] as sums by x and series; values too many for the chart are added up
export function sums(points, { kind, isNumber }) {
  const cells = points.filter(([, , y]) => y !== null).map(([x, series, y]) => ({ x: x ?? NULL, series: series ?? NULL, y }));
  const xs = kind === "line" ? null : largest(cells, "x", MOST);
  const kept = largest(cells, "series", kind === "heat" ? MOST / 2 : PALETTES.length);
  const rows = new Map(); // by series, then by x
  for (const { x, series, y } of cells) {
    const [column, name] = [xs && !xs.has(x) ? OTHERS : x, kept.has(series) ? series : OTHERS];
    const row = rows.get(name) ?? new Map();
    rows.set(name, row.set(column, (row.get(column) ?? 0) + y));
  }
  const found = [...rows].flatMap(([series, row]) => [...row].map(([x, y]) => ({ x, series, y })));
  return { cells: found, xs: inOrder(found.map(({ x }) => x), isNumber), series: inOrder(rows.keys(), false) };
}

export function ResultChart({ kind, points, leftOut, names, isNumber }) {
  const chart = sums(names.colour ? points : points.map(([x, , y]) => [x, "", y]), { kind, isNumber });
  if (chart.cells.length === 0) return html`<${Empty}>These columns have no values to draw.<//>`;
  const colours = Object.fromEntries(chart.series.map((name, index) => [name, solid(PALETTES[index])]));
  return html`
    <${Chart} ...${chart} kind=${kind} label="${names.y} by ${names.x}${names.colour ? ` and ${names.colour}` : ""}" colours=${colours} isNumber=${isNumber} height=${240} />
    ${names.colour && kind !== "heat" && html`<${Legend} entries=${chart.series.map((name) => [nameOf(name), colours[name]])} />`}
    ${leftOut > 0 && html`<${Text} fontSize="xs" color="fg.muted">The ${count(leftOut)} smallest sums are left out.<//>`}`;
}
