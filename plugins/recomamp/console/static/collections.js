// The list of collections: progress, forecast, and a heat map of the weeks of each.

import { useData } from "./api.js";
import { HeatMap, Legend, Meter } from "./charts.js";
import { executionPage, NothingFound, useFilters } from "./definitions.js";
import { Chakra, html } from "./host.js";
import { useQuery } from "./query.js";
import { duration, time, useZone } from "./time.js";
import { Choice, colourOf, Content, count, Panel, ROOT, RouteLink, State } from "./widgets.js";

const { Box, Flex, Grid, Text } = Chakra;

const STATES = [["all", "All"], ["ACTIVE", "Active"], ["PAUSED", "Paused"], ["COMPLETED", "Completed"], ["FAILED", "Failed"]];
const COLOURS = [["state", "state"], ["rows", "rows"], ["duration", "duration"]];
const WEEK_STATES = ["SUCCESS", "RUNNING", "PENDING", "FAILED", "SKIPPED"];

export function useColour() {
  const { get, set } = useQuery();
  return [get("colour", "state"), (colour) => set({ colour })];
}

export const ColourChoice = ({ colour, setColour }) => html`<${Choice} label="Colour of the weeks" options=${COLOURS} value=${colour} onChange=${setColour} />`;

const VALUES = { rows: (week) => week.result_rows, duration: (week) => week.duration_seconds };

export const WeekMap = ({ row, colour, isLarge = false }) => {
  const valueOf = VALUES[colour];
  const most = valueOf ? Math.max(1, ...row.weeks.map((week) => valueOf(week) ?? 0)) : 1;
  const cells = row.weeks.map((week, index) => ({
    key: week.first_day,
    label: `Week ${index + 1}, ${week.first_day} to ${week.last_day}: ${week.status}, ${count(week.result_rows)} rows, ${duration(week.duration_seconds)}${week.error_message ? `. ${week.error_message}` : ""}`,
    state: week.status,
    shade: valueOf && (valueOf(week) ?? 0) / most,
    to: executionPage(week.execution_id),
    text: isLarge ? html`${index + 1}<br />${week.first_day}` : undefined,
  }));
  const entries = valueOf
    ? [[`0 to ${colour === "rows" ? `${count(most)} rows` : duration(most)}; a stronger colour is more`, "blue.solid"]]
    : WEEK_STATES.map((state) => [state, colourOf(state)]);
  return html`<${HeatMap} label="Weeks of ${row.name}" cells=${cells} size=${isLarge ? "20" : "5"} />${isLarge && html`<${Legend} entries=${entries} />`}`;
};

const weeksByState = (weeks) =>
  WEEK_STATES.map((state) => [state, weeks.filter((week) => week.status === state).length])
    .filter(([, weeksOfState]) => weeksOfState > 0)
    .map(([state, weeksOfState]) => `${count(weeksOfState)} ${state}`)
    .join(", ");

export const Progress = ({ row, zone }) => html`
  <${Flex} gap="4" wrap="wrap" align="center">
    <${Meter} label="Progress of ${row.name}" value=${row.weeks.filter((week) => ["SUCCESS", "SKIPPED"].includes(week.status)).length} limit=${row.weeks.length} colour=${colourOf("SUCCESS")} />
    <${Text} fontSize="sm">${weeksByState(row.weeks)}<//>
    <${Text} fontSize="sm">${row.completed_at ? `Completed ${time(row.completed_at, zone)}` : `Expected to end ${time(row.estimated_completion, zone)}`}<//>
    ${row.next_week && html`<${Text} fontSize="sm">Next week ${row.next_week.first_day}, due ${time(row.next_week.due_at, row.time_zone)}<//>`}
  <//>`;

export function Collections() {
  const zone = useZone();
  const [colour, setColour] = useColour();
  const { path, form, pager } = useFilters("collections", STATES);
  const request = useData(path, { every: 30 });
  return html`<${Panel} title="Collections" actions=${html`<${ColourChoice} colour=${colour} setColour=${setColour} />`}>
    ${form}<${Content} request=${request}>${(data) => html`
    ${data.total === 0 ? html`<${NothingFound} what="collection" />` : html`
      <${Grid} as="ul" listStyleType="none" gap="4" aria-label="List of collections">
        ${data.rows.map((row) => html`<${Box} as="li" key=${row.id} borderTopWidth="1px" pt="3">
          <${Flex} gap="3" align="center" wrap="wrap" mb="1">
            <${RouteLink} to="${ROOT}/collections/${row.id}" fontWeight="semibold">${row.name}<//>
            <${State} of=${row.status} />
            <${Text} fontSize="sm" color="fg.muted">${row.workflow} on ${row.instance}, of ${row.owner}<//>
          <//>
          <${Progress} row=${row} zone=${zone} />
          ${row.problem && html`<${Text} fontSize="sm" color="fg.error">${row.problem}<//>`}
          <${Box} mt="2"><${WeekMap} row=${row} colour=${colour} /><//>
        <//>`)}
      <//>
      ${pager(data)}`}`}<//><//>`;
}
