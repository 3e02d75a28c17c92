// Charts as SVG. Each has a title, a text for screen readers, and colours of Airflow's theme.

import { Chakra, html, Link, useId } from "./host.js";
import { colourOf, count } from "./widgets.js";

const { Box, Flex, Text } = Chakra;

const MUTED = "var(--chakra-colors-fg-muted)";
const [WIDTH, TOP, LEFT, BOTTOM] = [640, 16, 72, 24];
const LETTER = 6; // wide at 11 px

export const solid = (palette) => `var(--chakra-colors-${palette}-solid)`;

// Places on an axis that are no value of a column
export const NULL = Symbol("NULL");
export const OTHERS = Symbol("others");

export const nameOf = (value) => (typeof value === "symbol" ? value.description : value);
export const isOnScale = (x) => typeof x === "string" && Number.isFinite(Number(x));

const textOfCell = (x, series, y) => `${[x, series].filter(Boolean).join(" ")}: ${y}`;
const shorten = (text, length) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);
const short = (number) => Number(number).toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });

export const Legend = ({ entries }) => html`
  <${Flex} gap="4" wrap="wrap" mt="2" as="ul" listStyleType="none">
    ${entries.map(([name, colour]) => html`<${Flex} as="li" key=${name} align="center" gap="1.5">
      <${Box} w="3" h="3" borderRadius="sm" bg=${colour} aria-hidden="true" />
      <${Text} fontSize="xs">${name}<//>
    <//>`)}
  <//>`;

// As many names below the axis as have room
function Names({ xs, place, y, textOf }) {
  const names = xs.map((x) => shorten(textOf(x), 24));
  const room = Math.max(1, Math.floor((WIDTH - LEFT) / (LETTER * (2 + Math.max(...names.map(({ length }) => length))))));
  const step = Math.ceil(xs.length / room);
  const inside = (at, name) => Math.min(at, WIDTH - (name.length * LETTER) / 2);
  return names.map((name, index) => index % step === 0 && html`<text key=${index} x=${inside(place(index), name)} y=${y} fill=${MUTED} textAnchor="middle">${name}</text>`);
}

const Axes = ({ low, high, scale, format, ...names }) => html`
  ${[low, (low + high) / 2, high].map((value) => html`<g key=${value}>
    <line x1=${LEFT} x2=${WIDTH} y1=${scale(value)} y2=${scale(value)} stroke=${MUTED} strokeOpacity="0.3" />
    <text x=${LEFT - 6} y=${scale(value) + 4} fill=${MUTED} textAnchor="end">${format === count ? short(value) : format(value)}</text>
  </g>`)}
  <${Names} ...${names} />`;

const scaleOf = (low, high, height) => (value) => TOP + ((high - value) / (high - low)) * (height - BOTTOM - TOP);

function Bars({ cells, xs, series, colours, format, height, textOf }) {
  const stacks = xs.map((x) => {
    let [below, above] = [0, 0];
    const bars = series.map((name) => {
      const y = cells.find((cell) => cell.x === x && cell.series === name)?.y ?? 0;
      const from = y < 0 ? below : above;
      if (y < 0) below += y;
      else above += y;
      return { name, y, from };
    });
    return { x, bars, below, above };
  });
  const low = Math.min(0, ...stacks.map(({ below }) => below));
  const high = Math.max(0, ...stacks.map(({ above }) => above)) || 1;
  const scale = scaleOf(low, high, height);
  const step = (WIDTH - LEFT) / xs.length;
  const middle = (index) => LEFT + (index + 0.5) * step;
  return html`<${Axes} low=${low} high=${high} scale=${scale} format=${format} xs=${xs} place=${middle} y=${height - 8} textOf=${textOf} />
    ${stacks.map(({ x, bars, below, above }, index) => html`<g key=${index}>
      ${bars.map(({ name, y, from }, at) => html`<rect key=${at} x=${LEFT + (index + 0.15) * step} width=${step * 0.7} y=${scale(Math.max(from, from + y))} height=${Math.abs(scale(from) - scale(from + y))} fill=${colours[name]}>
        <title>${textOfCell(textOf(x), textOf(name), format(y))}</title>
      </rect>`)}
      ${xs.length <= 12 && below === 0 && above > 0 && html`<text x=${middle(index)} y=${scale(above) - 4} fill=${MUTED} textAnchor="middle">${short(above)}</text>`}
    </g>`)}`;
}

// A value of null leaves a gap. On an axis of numbers, what is no number is on the right of it.
function Lines({ cells, xs, series, colours, format, height, textOf, isNumber }) {
  const values = cells.map(({ y }) => y ?? 0);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values) || 1];
  const scale = scaleOf(low, high, height);
  const place = placesOf(xs, isNumber);
  const indexes = new Map(xs.map((x, index) => [x, index]));
  return html`<${Axes} low=${low} high=${high} scale=${scale} format=${format} xs=${xs} place=${place} y=${height - 8} textOf=${textOf} />
    ${series.map((name, at) => {
      const points = cells.filter((cell) => cell.series === name).sort((one, other) => indexes.get(one.x) - indexes.get(other.x));
      const lines = [[]];
      for (const { x, y } of points) {
        if (y === null || (isNumber && !isOnScale(x))) lines.push([]);
        else lines.at(-1).push(`${place(indexes.get(x))},${scale(y)}`);
      }
      return html`<g key=${at}>
        ${lines.filter((line) => line.length > 1).map((line) => html`<polyline key=${line[0]} points=${line.join(" ")} fill="none" stroke=${colours[name]} strokeWidth="2" />`)}
        ${points.length <= 100 && points.map(({ x, y }, index) => y !== null && html`<circle key=${index} cx=${place(indexes.get(x))} cy=${scale(y)} r="3" fill=${colours[name]}><title>${textOfCell(textOf(x), textOf(name), format(y))}</title></circle>`)}
      </g>`;
    })}`;
}

function placesOf(xs, isNumber) {
  const numbers = isNumber ? xs.filter(isOnScale).map(Number) : [];
  const [first, last] = [numbers[0], numbers.at(-1)];
  const right = numbers.length < xs.length ? 0.9 : 1; // of the axis of numbers
  const share = (index) => {
    if (xs.length === 1) return 0.5;
    if (!(last > first)) return index / (xs.length - 1);
    return isOnScale(xs[index]) ? (right * (Number(xs[index]) - first)) / (last - first) : 1;
  };
  return (index) => LEFT + 24 + share(index) * (WIDTH - LEFT - 56);
}

function Heat({ cells, xs, series, format, height, textOf }) {
  const left = LEFT + 40;
  const most = Math.max(...cells.map(({ y }) => Math.abs(y))) || 1;
  const [width, row] = [(WIDTH - left) / xs.length, (height - BOTTOM) / series.length];
  return html`
    ${series.map((name, index) => html`<text key=${index} x=${left - 6} y=${(index + 0.5) * row + 4} fill=${MUTED} textAnchor="end">${shorten(textOf(name), 16)}</text>`)}
    <${Names} xs=${xs} place=${(index) => left + (index + 0.5) * width} y=${height - 8} textOf=${textOf} />
    ${cells.map(({ x, series: name, y }, index) => html`<rect key=${index} x=${left + xs.indexOf(x) * width} y=${series.indexOf(name) * row} width=${Math.max(1, width - 1)} height=${Math.max(1, row - 1)}
      fill=${solid(y < 0 ? "red" : "blue")} fillOpacity=${0.1 + 0.9 * (Math.abs(y) / most)}><title>${textOfCell(textOf(x), textOf(name), format(y))}</title></rect>`)}`;
}

const SHAPES = { bar: Bars, line: Lines, heat: Heat };

// cells: [{ x, series, y }], with the xs and the series in their order. `isNumber` is about the xs.
export function Chart({ label, kind, cells, colours, format = count, height = 180, textOf = nameOf, ...axes }) {
  const id = useId();
  const described = cells.slice(0, 100).map(({ x, series, y }) => textOfCell(textOf(x), textOf(series), format(y))).join("; ");
  // Airflow's page sets the size of every text, so that an attribute of SVG has no effect
  const style = { width: "100%", minWidth: "36rem", maxWidth: "48rem", fontSize: "11px" };
  return html`<${Box} overflowX="auto" tabIndex="0" role="region" aria-label="Chart: ${label}">
    <svg viewBox="0 0 ${WIDTH} ${height}" style=${style} role="img" aria-labelledby="${id}-title ${id}-desc">
      <title id="${id}-title">${label}</title>
      <desc id="${id}-desc">${described}</desc>
      <${SHAPES[kind] ?? Bars} ...${axes} cells=${cells} colours=${colours} format=${format} height=${height} textOf=${textOf} />
    </svg>
  <//>`;
}

// cells: [{ key, label, state, to, shade, text }]: one square each, with a link where `to` is given.
// `shade` from 0 to 1 is shown instead of the state; `text` is below the square.
export const HeatMap = ({ label, cells, size = "5" }) => html`
  <${Flex} as="ul" wrap="wrap" gap="1" listStyleType="none" aria-label=${label}>
    ${cells.map((cell) => html`<li key=${cell.key}>
      <${cell.to ? Link : "span"} to=${cell.to} title=${cell.label} aria-label=${cell.label} role=${cell.to ? undefined : "img"}>
        <${Box} w=${size} h=${cell.text ? "8" : size} borderRadius="sm" borderWidth="1px" overflow="hidden">
          <${Box} w="100%" h="100%" bg=${cell.shade === undefined ? colourOf(cell.state) : "blue.solid"} opacity=${cell.shade === undefined ? 1 : 0.1 + 0.9 * cell.shade} />
        <//>
        ${cell.text && html`<${Text} fontSize="xs" color="fg.muted" textAlign="center">${cell.text}<//>`}
      <//>
    </li>`)}
  <//>`;

// Horizontal use of a limit, such as slots
export const Meter = ({ label, value, limit, colour = colourOf("RUNNING") }) => html`
  <${Flex} align="center" gap="2">
    <${Box} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${limit} aria-valuenow=${Math.min(value, limit)}
      w="24" h="2.5" bg="bg.emphasized" borderRadius="full" overflow="hidden">
      <${Box} h="100%" w="${Math.min(100, (100 * value) / Math.max(1, limit))}%" bg=${colour} />
    <//>
    <${Text} fontSize="sm" whiteSpace="nowrap">${count(value)} of ${count(limit)}<//>
  <//>`;
