// A chart of sums over the rows of a result: bars, lines or a heat map. Numbers may be rounded here.

import { Legend } from "./charts.js";
import { Chakra, html, useId } from "./host.js";
import { count } from "./widgets.js";

const { Box, Text } = Chakra;

export const KINDS = [["line", "line"], ["bar", "bar"], ["heat", "heat map"]];

const PALETTES = ["blue", "orange", "green", "purple", "red", "cyan", "pink", "yellow"];
const solid = (palette) => `var(--chakra-colors-${palette}-solid)`;
const MUTED = "var(--chakra-colors-fg-muted)";
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 240, 64, 40];
const MOST = 60; // values on an axis of bars or of a heat map
const OTHERS = "others";

const shorten = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const short = (number) => Number(number).toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });

// The largest names by the sum of their absolute values; the rest becomes one name
function largest(cells, of, most) {
  const sums = new Map();
  for (const cell of cells) sums.set(cell[of], (sums.get(cell[of]) ?? 0) + Math.abs(cell.y));
  const ordered = [...sums].sort((one, other) => other[1] - one[1]).map(([name]) => name);
  return ordered.length > most ? new Set(ordered.slice(0, most - 1)) : new Set(ordered);
}

// points [x, colour, y] as sums by x and series; values too many for the chart are added up
export function sums(points, { kind, isNumber }) {
  let cells = points.filter(([, , y]) => y !== null).map(([x, series, y]) => ({ x: x ?? "NULL", series: series ?? "", y }));
  const xs = kind === "line" ? null : largest(cells, "x", MOST);
  const kept = largest(cells, "series", kind === "heat" ? MOST / 2 : PALETTES.length);
  const found = new Map();
  for (const { x, series, y } of cells) {
    const at = [xs && !xs.has(x) ? OTHERS : x, kept.has(series) ? series : OTHERS];
    const key = JSON.stringify(at);
    found.set(key, { x: at[0], series: at[1], y: (found.get(key)?.y ?? 0) + y });
  }
  cells = [...found.values()];
  const order = (one, other) => (one === OTHERS) - (other === OTHERS) || (isNumber ? one - other : one < other ? -1 : Number(one > other));
  return { cells, xs: [...new Set(cells.map(({ x }) => x))].sort(order), series: [...new Set(cells.map((cell) => cell.series))].sort((one, other) => (one < other ? -1 : 1)) };
}

function Axes({ low, high, xs, place, scale }) {
  const every = Math.ceil(xs.length / 10);
  return html`<g fill=${MUTED}>
    ${[low, (low + high) / 2, high].map((value) => html`<g key=${value}>
      <line x1=${LEFT} x2=${WIDTH} y1=${scale(value)} y2=${scale(value)} stroke=${MUTED} strokeOpacity="0.3" />
      <text x=${LEFT - 6} y=${scale(value) + 3} textAnchor="end">${short(value)}</text>
    </g>`)}
    ${xs.map((x, index) => index % every === 0 && html`<text key=${x} x=${place(index)} y=${HEIGHT - BOTTOM + 16} textAnchor="middle">${shorten(String(x), 12)}</text>`)}
  </g>`;
}

function Bars({ cells, xs, series, colours }) {
  const totals = xs.map((x) => cells.filter((cell) => cell.x === x).reduce(([below, above], { y }) => (y < 0 ? [below + y, above] : [below, above + y]), [0, 0]));
  const [low, high] = [Math.min(0, ...totals.map(([below]) => below)), Math.max(0, ...totals.map(([, above]) => above)) || 1];
  const scale = (value) => 8 + ((high - value) / (high - low)) * (HEIGHT - BOTTOM - 8);
  const step = (WIDTH - LEFT) / xs.length;
  return html`<${Axes} low=${low} high=${high} xs=${xs} scale=${scale} place=${(index) => LEFT + (index + 0.5) * step} />
    ${xs.map((x, index) => {
      let [below, above] = [0, 0];
      return series.map((name) => {
        const y = cells.find((cell) => cell.x === x && cell.series === name)?.y ?? 0;
        const from = y < 0 ? below : above;
        if (y < 0) below += y;
        else above += y;
        return html`<rect key="${x} ${name}" x=${LEFT + (index + 0.1) * step} width=${step * 0.8} y=${scale(Math.max(from, from + y))} height=${Math.abs(scale(from) - scale(from + y))} fill=${colours[name]}>
          <title>${x} ${name}: ${count(y)}</title>
        </rect>`;
      });
    })}`;
}

function Lines({ cells, xs, series, colours, isNumber }) {
  const all = cells.map(({ y }) => y);
  const [low, high] = [Math.min(0, ...all), Math.max(...all, 0) || 1];
  const scale = (value) => 8 + ((high - value) / (high - low)) * (HEIGHT - BOTTOM - 8);
  const [first, last] = [Number(xs[0]), Number(xs.at(-1))];
  const share = (index) => (isNumber && last > first ? (Number(xs[index]) - first) / (last - first) : xs.length > 1 ? index / (xs.length - 1) : 0.5);
  const place = (index) => LEFT + 16 + share(index) * (WIDTH - LEFT - 40);
  const indexOf = new Map(xs.map((x, index) => [x, index]));
  return html`<${Axes} low=${low} high=${high} xs=${xs} scale=${scale} place=${place} />
    ${series.map((name) => {
      const line = cells.filter((cell) => cell.series === name).map(({ x, y }) => [indexOf.get(x), y]).sort(([one], [other]) => one - other);
      return html`<g key=${name}>
        <polyline fill="none" stroke=${colours[name]} strokeWidth="2" points=${line.map(([index, y]) => `${place(index)},${scale(y)}`).join(" ")} />
        ${line.length <= 100 && line.map(([index, y]) => html`<circle key=${index} cx=${place(index)} cy=${scale(y)} r="3" fill=${colours[name]}><title>${xs[index]} ${name}: ${count(y)}</title></circle>`)}
      </g>`;
    })}`;
}

function Heat({ cells, xs, series }) {
  const most = Math.max(...cells.map(({ y }) => Math.abs(y))) || 1;
  const [width, height] = [(WIDTH - LEFT - 40) / xs.length, (HEIGHT - BOTTOM) / series.length];
  return html`<g fill=${MUTED}>
    ${series.map((name, row) => html`<text key=${name} x=${LEFT + 34} y=${(row + 0.5) * height + 3} textAnchor="end">${shorten(name, 16)}</text>`)}
    ${xs.map((x, index) => index % Math.ceil(xs.length / 10) === 0 && html`<text key=${x} x=${LEFT + 40 + (index + 0.5) * width} y=${HEIGHT - BOTTOM + 16} textAnchor="middle">${shorten(String(x), 12)}</text>`)}
    ${cells.map(({ x, series: name, y }) => html`<rect key="${x} ${name}" x=${LEFT + 40 + xs.indexOf(x) * width} y=${series.indexOf(name) * height} width=${Math.max(1, width - 1)} height=${Math.max(1, height - 1)}
      fill=${solid(y < 0 ? "red" : "blue")} fillOpacity=${0.1 + 0.9 * (Math.abs(y) / most)}><title>${x} ${name}: ${count(y)}</title></rect>`)}
  </g>`;
}

const DRAWN = { bar: Bars, line: Lines, heat: Heat };

export function ResultChart({ kind, points, leftOut, names, isNumber }) {
  const id = useId();
  const chart = sums(points, { kind, isNumber });
  if (chart.cells.length === 0) return html`<${Text} color="fg.muted">These columns have no values to draw.<//>`;
  const colours = Object.fromEntries(chart.series.map((name, index) => [name, solid(PALETTES[index % PALETTES.length])]));
  const title = `${names.y} by ${names.x}${names.colour ? ` and ${names.colour}` : ""}`;
  const described = chart.cells.slice(0, 100).map(({ x, series, y }) => `${x}${series && ` ${series}`}: ${y}`).join("; ");
  return html`<${Box} overflowX="auto" tabIndex="0" role="region" aria-label="Chart of the result">
    <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" style=${{ width: "100%", minWidth: "30rem", maxWidth: "60rem", fontSize: "10px" }} role="img" aria-labelledby="${id}-title ${id}-desc">
      <title id="${id}-title">${title}</title>
      <desc id="${id}-desc">${described}</desc>
      <${DRAWN[kind] ?? Bars} ...${chart} colours=${colours} isNumber=${isNumber} />
    </svg>
    ${names.colour && kind !== "heat" && html`<${Legend} entries=${chart.series.map((name) => [name || "NULL", colours[name]])} />`}
    ${leftOut > 0 && html`<${Text} fontSize="xs" color="fg.muted">The ${count(leftOut)} smallest sums are left out.<//>`}
  <//>`;
}
