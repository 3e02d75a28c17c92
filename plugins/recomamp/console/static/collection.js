// One collection: its weeks, its progress, and what was collected again.

import { useData, useSend } from "./api.js";
import { ColourChoice, Progress, useColour, WeekMap } from "./collections.js";
import { executionPage, Requests, Title } from "./definitions.js";
import { Chakra, html } from "./host.js";
import { useZone, windowText } from "./time.js";
import { Content, count, Panel, percent, RouteLink, TablePanel } from "./widgets.js";

const { Button, Grid } = Chakra;

const Restatements = ({ row }) => html`<${TablePanel} title="Weeks with several versions" rows=${row.restated} keyOf=${(week) => week.window_start} columns=${[
  { title: "Week", cell: (week) => windowText(week.window_start, week.window_end, row.time_zone) },
  { title: "Versions", numeric: true, cell: (week) => count(week.versions) },
  { title: "Changed", numeric: true, cell: (week) => percent(week.change_ratio) },
  { title: "New rows", numeric: true, cell: (week) => count(week.rows_new) },
  { title: "Gone rows", numeric: true, cell: (week) => count(week.rows_gone) },
  { title: "Changed rows", numeric: true, cell: (week) => count(week.rows_changed) },
  { title: "Latest", cell: (week) => html`<${RouteLink} to=${executionPage(week.execution_id)}>Show the execution<//>` },
]} />`;

function Page({ row, reload }) {
  const zone = useZone();
  const [colour, setColour] = useColour();
  const change = useSend(reload);
  const failed = row.weeks.filter((week) => week.status === "FAILED").length;
  return html`
    <${Title} row=${row} kind="collection" state=${row.status} change=${change}>
      ${row.may_change_runs && failed > 0 && html`<${Button} size="sm" loading=${change.busy}
        onClick=${() => change.run("POST", `definitions/${row.dag_id}/requests`, { action: "RETRY" })}>Retry failed weeks (${count(failed)})<//>`}
    <//>
    <${Grid} gap="4">
      <${Panel} title="Progress"><${Progress} row=${row} zone=${zone} /><//>
      <${Panel} title="Weeks" actions=${html`<${ColourChoice} colour=${colour} setColour=${setColour} />`}>
        <${WeekMap} row=${row} colour=${colour} isLarge=${true} />
      <//>
      ${row.restated.length > 0 && html`<${Restatements} row=${row} />`}
      <${Requests} rows=${row.requests} rowZone=${row.time_zone} zone=${zone} />
    <//>`;
}

export function Collection({ id }) {
  const request = useData(`collections/${id}`);
  return html`<${Content} request=${request}>${(row) => html`<${Page} row=${row} reload=${request.reload} />`}<//>`;
}
