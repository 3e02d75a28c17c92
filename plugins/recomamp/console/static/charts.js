// Charts as SVG. Each has a title, a text for screen readers, and colours of Airflow's theme.

import { Chakra, html, Link, useId } from "./host.js";
import { colourOf, count } from "./widgets.js";

const { Box, Flex, Text } = Chakra;

const MUTED = "var(--chakra-colors-fg-muted)";

export const Legend = ({ entries }) => html`
  <${Flex} gap="4" wrap="wrap" mt="2" as="ul" listStyleType="none">
    ${entries.map(([name, colour]) => html`<${Flex} as="li" key=${name} align="center" gap="1.5">
      <${Box} w="3" h="3" borderRadius="sm" bg=${colour} aria-hidden="true" />
      <${Text} fontSize="xs">${name}<//>
    <//>`)}
  <//>`;

// days: [{ day, SUCCESS: 3, FAILED: 1 }]; states in the order of the stack, the lowest first
export function StackedBars({ label, days, states, height = 140 }) {
  const id = useId();
  const total = (day) => states.reduce((sum, state) => sum + (day[state] ?? 0), 0);
  const most = Math.max(1, ...days.map(total));
  const width = 640;
  const step = width / Math.max(1, days.length);
  const described = days
    .map((day) => `${day.day}: ${states.map((state) => `${day[state] ?? 0} ${state}`).join(", ")}`)
    .join("; ");
  return html`
    <${Box}>
      <svg viewBox="0 0 ${width} ${height + 24}" width="100%" role="img" aria-labelledby="${id}-title ${id}-desc">
        <title id="${id}-title">${label}</title>
        <desc id="${id}-desc">${described}</desc>
        ${days.map((day, index) => {
          let top = height;
          const bars = states.map((state) => {
            const size = ((day[state] ?? 0) / most) * (height - 16);
            top -= size;
            return html`<rect key=${state} x=${index * step + step * 0.15} y=${top} width=${step * 0.7} height=${size} fill=${colourOf(state)}>
              <title>${day.day}: ${day[state] ?? 0} ${state}</title>
            </rect>`;
          });
          return html`<g key=${day.day}>${bars}
            <text x=${index * step + step / 2} y=${top - 4} text-anchor="middle" font-size="11" fill=${MUTED}>${total(day) || ""}</text>
            <text x=${index * step + step / 2} y=${height + 16} text-anchor="middle" font-size="11" fill=${MUTED}>${day.day.slice(5)}</text>
          </g>`;
        })}
      </svg>
      <${Legend} entries=${states.map((state) => [state, colourOf(state)])} />
    <//>`;
}

// cells: [{ key, label, state, to, shade, text }]: one square each, with a link where `to` is given.
// `shade` from 0 to 1 is shown instead of the state; `text` stands below the square.
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

// points: [{ key, name, value, text }] in order; a value of null leaves a gap
export function LineOverTime({ label, points, format = count, height = 120 }) {
  const id = useId();
  const width = 640;
  const left = 64;
  const most = Math.max(1, ...points.map(({ value }) => value ?? 0));
  const x = (index) => left + ((width - left - 8) * (index + 0.5)) / Math.max(1, points.length);
  const y = (value) => 8 + (height - 8) * (1 - value / most);
  const lines = [];
  points.forEach(({ value }, index) => {
    if (value === null || value === undefined) lines.push([]);
    else (lines.at(-1) ?? (lines.push([]), lines[0])).push(`${x(index)},${y(value)}`);
  });
  const axis = (value, text) => html`
    <line x1=${left} x2=${width} y1=${y(value)} y2=${y(value)} stroke="var(--chakra-colors-border)" />
    <text x=${left - 6} y=${y(value) + 4} text-anchor="end" font-size="11" fill=${MUTED}>${text}</text>`;
  return html`<svg viewBox="0 0 ${width} ${height + 24}" width="100%" role="img" aria-labelledby="${id}-title ${id}-desc">
    <title id="${id}-title">${label}</title>
    <desc id="${id}-desc">${points.map(({ name, text }) => `${name}: ${text}`).join("; ")}</desc>
    ${axis(most, format(most))}${axis(0, "0")}
    ${lines.filter((line) => line.length > 1).map((line) => html`<polyline key=${line[0]} points=${line.join(" ")} fill="none" stroke="var(--chakra-colors-blue-solid)" stroke-width="2" />`)}
    ${points.map(({ key, name, value, text }, index) => value !== null && value !== undefined && html`
      <circle key=${key} cx=${x(index)} cy=${y(value)} r="3" fill="var(--chakra-colors-blue-solid)"><title>${name}: ${text}</title></circle>`)}
    ${points.length > 0 && html`
      <text x=${left} y=${height + 18} font-size="11" fill=${MUTED}>${points[0].name}</text>
      <text x=${width} y=${height + 18} text-anchor="end" font-size="11" fill=${MUTED}>${points.at(-1).name}</text>`}
  </svg>`;
}

// Horizontal use of a limit, such as slots
export const Meter = ({ label, value, limit, colour = "var(--chakra-colors-running-solid)" }) => html`
  <${Flex} align="center" gap="2">
    <${Box} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax=${limit} aria-valuenow=${Math.min(value, limit)}
      w="24" h="2.5" bg="bg.emphasized" borderRadius="full" overflow="hidden">
      <${Box} h="100%" w="${Math.min(100, (100 * value) / Math.max(1, limit))}%" bg=${colour} />
    <//>
    <${Text} fontSize="sm" whiteSpace="nowrap">${count(value)} of ${count(limit)}<//>
  <//>`;
