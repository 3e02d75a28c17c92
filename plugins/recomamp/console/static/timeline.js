// The phases of an execution as one bar over time, and the same as a list with times.

import { Chakra, html, useId } from "./host.js";
import { duration, time } from "./time.js";

const { Box, Flex, Text } = Chakra;

// Airflow's colours of the states that tasks have meanwhile
const COLOURS = {
  "waits for a slot": "queued", prepares: "scheduled", sends: "scheduled", "runs at AMC": "running",
  loads: "deferred", records: "success",
};
const WIDTH = 640;
const HEIGHT = 28;
const LEAST = 3; // a phase of a second is seen beside one of hours

const colourOf = (phase) => `var(--chakra-colors-${COLOURS[phase.name] ?? "removed"}-solid)`;

export function Timeline({ phases, last, zone, now = Date.now() }) {
  const id = useId();
  const seconds = (phase) => Math.max(0, (new Date(phase.end ?? now) - new Date(phase.start)) / 1000);
  const all = phases.reduce((sum, phase) => sum + seconds(phase), 0) || 1;
  const room = WIDTH - LEAST * phases.length;
  let left = 0;
  const bars = phases.map((phase) => {
    const width = LEAST + (seconds(phase) / all) * room;
    const bar = { phase, x: left, width };
    left += width;
    return bar;
  });
  const text = phases.map((phase) => `${phase.name} ${duration(seconds(phase))}${phase.end ? "" : " so far"}`).join(", ");
  return html`<${Box}>
    ${phases.length > 0 && html`<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" width="100%" height=${HEIGHT} preserveAspectRatio="none" role="img" aria-labelledby="${id}-title">
      <title id="${id}-title">Phases: ${text}</title>
      ${bars.map(({ phase, x, width }) => html`<rect key=${phase.name} x=${x} y="0" width=${width} height=${HEIGHT} fill=${colourOf(phase)}>
        <title>${phase.name}: ${duration(seconds(phase))}</title>
      </rect>`)}
    </svg>`}
    <${Flex} as="ol" listStyleType="none" wrap="wrap" columnGap="6" rowGap="2" mt="2">
      ${phases.map((phase) => html`<${Box} as="li" key=${phase.name}>
        <${Text} fontSize="sm" fontWeight="medium">${phase.started_by}<//>
        <${Text} fontSize="xs" color="fg.muted">${time(phase.start, zone, { seconds: true })}<//>
        <${Flex} align="center" gap="1.5">
          <${Box} w="3" h="3" borderRadius="sm" bg=${colourOf(phase)} aria-hidden="true" />
          <${Text} fontSize="xs">${phase.name} ${duration(seconds(phase))}${phase.end ? "" : " so far"}<//>
        <//>
      <//>`)}
      ${last && phases.at(-1)?.end !== null && html`<${Box} as="li">
        <${Text} fontSize="sm" fontWeight="medium">${last[0]}<//>
        <${Text} fontSize="xs" color="fg.muted">${time(last[1], zone, { seconds: true })}<//>
      <//>`}
    <//>
  <//>`;
}
